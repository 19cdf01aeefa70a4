//! Decisions about a bundle. The lock of its row is their order.

use model::{BundleStatus, JobStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use crate::failure::retrying;
use crate::payload::{clean_tags, rank};
use crate::{Change, Changed, Decision, Error, Labels, Standing};

impl Postgres {
    pub(super) async fn change_bundle(
        &self,
        id: Uuid,
        change: &Change,
        at: Option<u64>,
    ) -> Result<Changed, Error> {
        let answer = retrying(|| self.try_change(id, change, at)).await?;
        // Workers that were finishing meanwhile did not see our counts, nor we theirs; and what we
        // wrote to the bundle's row made their own attempt to end it void.
        if *change == Change::Cancel || answer == Changed::Applied {
            finish_bundles(&self.pool, &[id]).await?;
        }
        if answer == Changed::Applied {
            self.bump_epoch().await;
        }
        Ok(answer)
    }

    async fn try_change(
        &self,
        id: Uuid,
        change: &Change,
        at: Option<u64>,
    ) -> Result<Changed, Error> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(include_str!("sql/allow_bulk.sql")).execute(&mut *tx).await?;
        let standing = standing(&mut tx, id).await?;
        if let Some(at) = at {
            let query = sqlx::query_scalar(include_str!("sql/read_version.sql")).bind(id);
            let version = query.fetch_one(&mut *tx).await.map(i64::unsigned_abs)?;
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
            Change::Cancel => cancel(&mut tx, id).await?,
            Change::Pause => {
                run(&mut tx, include_str!("sql/hold_jobs.sql"), id).await?;
                run(&mut tx, include_str!("sql/pause_bundle.sql"), id).await?;
                Changed::Applied
            }
            Change::Resume => {
                run(&mut tx, include_str!("sql/free_jobs.sql"), id).await?;
                run(&mut tx, include_str!("sql/resume_bundle.sql"), id).await?;
                sqlx::query(include_str!("sql/notify_workers.sql")).execute(&mut *tx).await?;
                Changed::Applied
            }
            Change::Retry { only } => rerun(&mut tx, id, *only).await?,
            Change::Relabel(labels) => relabel(&mut tx, id, labels).await?,
        };
        tx.commit().await?;
        Ok(answer)
    }
}

/// Runs a statement whose only parameter is the bundle.
async fn run(conn: &mut PgConnection, text: &'static str, id: Uuid) -> Result<(), Error> {
    sqlx::query(text).bind(id).execute(conn).await?;
    Ok(())
}

async fn cancel(conn: &mut PgConnection, id: Uuid) -> Result<Changed, Error> {
    let query = sqlx::query_scalar(include_str!("sql/cancel_jobs.sql")).bind(id);
    let called_off: i64 = query.fetch_one(&mut *conn).await?;
    if called_off > 0 {
        run(conn, include_str!("sql/cancel_bundle.sql"), id).await?;
        return Ok(Changed::Applied);
    }
    // All jobs were final; only the bundle was not said to be.
    finish_bundles(&mut *conn, &[id]).await?;
    Ok(Changed::Refused(standing(conn, id).await?))
}

async fn rerun(
    conn: &mut PgConnection,
    id: Uuid,
    only: Option<JobStatus>,
) -> Result<Changed, Error> {
    let query = sqlx::query_scalar(include_str!("sql/rerun_jobs.sql")).bind(id);
    let jobs: i64 = query.bind(only.map(JobStatus::code)).fetch_one(&mut *conn).await?;
    if jobs == 0 {
        return Ok(Changed::Unchanged);
    }
    let query = sqlx::query(include_str!("sql/rerun_bundle.sql")).bind(id).bind(jobs);
    query.execute(&mut *conn).await?;
    sqlx::query(include_str!("sql/notify_workers.sql")).execute(conn).await?;
    Ok(Changed::Applied)
}

async fn relabel(conn: &mut PgConnection, id: Uuid, labels: &Labels) -> Result<Changed, Error> {
    let rank = labels.priority.map(rank);
    let query = sqlx::query(include_str!("sql/relabel_bundle.sql")).bind(id).bind(rank);
    let query = query.bind(clean_tags(&labels.tags).to_string());
    if query.fetch_optional(&mut *conn).await?.is_none() {
        return Ok(Changed::Unchanged);
    }
    if let Some(rank) = rank {
        let query = sqlx::query(include_str!("sql/rank_jobs.sql")).bind(id).bind(rank);
        query.execute(conn).await?;
    }
    Ok(Changed::Applied)
}

/// Where a bundle stands; its row stays locked.
async fn standing(conn: &mut PgConnection, id: Uuid) -> Result<Standing, Error> {
    let query = sqlx::query_as(include_str!("sql/lock_bundle.sql")).bind(id);
    let row: Option<(i16, bool)> = query.fetch_optional(conn).await?;
    let refused = |what| Error::Refused { reason: format!("bundle \"{id}\" {what}") };
    let (status, called_off) = row.ok_or_else(|| refused("does not exist"))?;
    let status = BundleStatus::from_code(status).ok_or_else(|| refused("has no status"))?;
    Ok(Standing { status, called_off })
}
