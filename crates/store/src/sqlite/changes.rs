//! Decisions about a bundle. The one writer is their order.

use model::{BundleStatus, JobStatus};
use uuid::Uuid;

use super::bundles::{Delta, NO_WORKER};
use super::{Sqlite, Write};
use crate::payload::{clean_tags, rank};
use crate::{Change, Changed, Decision, Error, Labels, Standing};

impl Sqlite {
    pub(super) async fn change_bundle(
        &self,
        id: Uuid,
        change: &Change,
        at: Option<u64>,
    ) -> Result<Changed, Error> {
        let mut write = self.begin().await?;
        let standing = write.standing(id).await?;
        if let Some(at) = at {
            let query = sqlx::query_scalar(include_str!("sql/read_version.sql")).bind(id);
            let version = query.fetch_one(&mut *write.tx).await.map(i64::unsigned_abs)?;
            if version != at {
                return Ok(Changed::OtherVersion(version));
            }
        }
        match change.decide(standing) {
            Decision::Keep => return Ok(Changed::Unchanged),
            Decision::Refuse => return Ok(Changed::Refused(standing)),
            Decision::Apply => {}
        }
        let answer = match change {
            Change::Cancel => write.cancel(id).await?,
            Change::Pause => {
                write.run(include_str!("sql/hold_jobs.sql"), id).await?;
                write.run(include_str!("sql/pause_bundle.sql"), id).await?;
                Changed::Applied
            }
            Change::Resume => {
                write.run(include_str!("sql/free_jobs.sql"), id).await?;
                write.run(include_str!("sql/resume_bundle.sql"), id).await?;
                Changed::Applied
            }
            Change::Retry { only } => write.rerun(id, *only).await?,
            Change::Relabel(labels) => write.relabel(id, labels).await?,
        };
        write.tx.commit().await?;
        self.wake();
        Ok(answer)
    }
}

impl Write {
    /// Runs a statement whose only parameter is the bundle.
    async fn run(&mut self, text: &'static str, id: Uuid) -> Result<(), Error> {
        sqlx::query(text).bind(id).execute(&mut *self.tx).await?;
        Ok(())
    }

    async fn cancel(&mut self, id: Uuid) -> Result<Changed, Error> {
        let query = sqlx::query(include_str!("sql/cancel_pending.sql")).bind(id).bind(self.now);
        let pending = query.execute(&mut *self.tx).await?.rows_affected();
        self.run(include_str!("sql/cancel_running.sql"), id).await?;
        self.run(include_str!("sql/cancel_bundle.sql"), id).await?;
        let cancelled = pending.cast_signed();
        self.count(id, NO_WORKER, Delta { cancelled, ..Delta::default() }).await?;
        self.finish_bundle(id).await?;
        Ok(Changed::Applied)
    }

    async fn rerun(&mut self, id: Uuid, only: Option<JobStatus>) -> Result<Changed, Error> {
        let only = only.map(JobStatus::code);
        let query = sqlx::query_as(include_str!("sql/count_rerun.sql")).bind(id).bind(only);
        let (failed, cancelled): (i64, i64) = query.fetch_one(&mut *self.tx).await?;
        if failed + cancelled == 0 {
            return Ok(Changed::Unchanged);
        }
        let query = sqlx::query(include_str!("sql/rerun_jobs.sql")).bind(id).bind(only);
        query.execute(&mut *self.tx).await?;
        let query = sqlx::query(include_str!("sql/rerun_bundle.sql")).bind(id);
        query.bind(failed + cancelled).execute(&mut *self.tx).await?;
        let back = Delta { failed: -failed, cancelled: -cancelled, ..Delta::default() };
        self.count(id, NO_WORKER, back).await?;
        Ok(Changed::Applied)
    }

    async fn relabel(&mut self, id: Uuid, labels: &Labels) -> Result<Changed, Error> {
        let rank = labels.priority.map(rank);
        let query = sqlx::query(include_str!("sql/relabel_bundle.sql")).bind(id).bind(rank);
        let query = query.bind(clean_tags(&labels.tags).to_string());
        if query.fetch_optional(&mut *self.tx).await?.is_none() {
            return Ok(Changed::Unchanged);
        }
        if let Some(rank) = rank {
            let query = sqlx::query(include_str!("sql/rank_jobs.sql")).bind(id).bind(rank);
            query.execute(&mut *self.tx).await?;
        }
        Ok(Changed::Applied)
    }

    /// Where a bundle stands.
    async fn standing(&mut self, id: Uuid) -> Result<Standing, Error> {
        let query = sqlx::query_as(include_str!("sql/lock_bundle.sql")).bind(id);
        let row: Option<(i16, bool)> = query.fetch_optional(&mut *self.tx).await?;
        let refused = |what| Error::Refused { reason: format!("bundle \"{id}\" {what}") };
        let (status, called_off) = row.ok_or_else(|| refused("does not exist"))?;
        let status = BundleStatus::from_code(status).ok_or_else(|| refused("has no status"))?;
        Ok(Standing { status, called_off })
    }
}
