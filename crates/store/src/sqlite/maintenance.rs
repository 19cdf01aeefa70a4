//! Returning the jobs of dead workers, ending backoffs, finishing bundles.

use std::sync::PoisonError;
use std::time::Instant;

use model::JobStatus;
use uuid::Uuid;

use super::bundles::NO_WORKER;
use super::queue::{Deltas, Returned, millis};
use super::{Sqlite, Write};
use crate::payload::MAX_LOSSES;
use crate::{Error, Held, JobId, LeaseTimes, Maintained, Sweep, WorkerId};

/// Since when this process has been looking without a gap.
///
/// After a gap (a suspended machine) every beat looks old though nobody died: nothing is reaped
/// until workers had the time to beat again.
#[derive(Debug)]
pub(super) struct Watch {
    since: Instant,
    last: Instant,
}

impl Watch {
    pub(super) fn begin() -> Watch {
        let now = Instant::now();
        Watch { since: now, last: now }
    }

    /// Notes a look; says for how long there was no gap.
    fn look(&mut self, times: LeaseTimes) -> std::time::Duration {
        let now = Instant::now();
        if now.duration_since(self.last) > times.grace.max(times.beat) {
            self.since = now;
        }
        self.last = now;
        now.duration_since(self.since)
    }
}

impl Write {
    /// Takes its jobs from a dead worker; adds what became of them to `done`.
    async fn lose_jobs(
        &mut self,
        worker: WorkerId,
        deltas: &mut Deltas,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let message = format!("{} workers died while they ran it", MAX_LOSSES + 1);
        let query = sqlx::query_as(include_str!("sql/lose_jobs.sql")).bind(worker.0);
        let query = query.bind(self.now).bind(MAX_LOSSES).bind(message);
        let rows: Vec<(i64, u32, Uuid, i16, Option<i64>)> = query.fetch_all(&mut *self.tx).await?;
        for (job, attempt, bundle, status, started_at) in rows {
            let held = Held { job: JobId(job), attempt };
            let lost = Returned { held, bundle, status, started_at };
            self.note_return(deltas, worker, &lost, NO_WORKER, "worker_lost").await?;
            done.rescued += u64::from(status == JobStatus::Pending.code());
            done.poisoned += u64::from(status == JobStatus::Failed.code());
        }
        Ok(())
    }
}

impl Write {
    /// Ends the backoffs that are over; says how many.
    pub(super) async fn end_backoffs(&mut self) -> Result<u64, Error> {
        let query = sqlx::query(include_str!("sql/end_backoffs.sql")).bind(self.now);
        Ok(query.execute(&mut *self.tx).await?.rows_affected())
    }

    /// Makes bundles final whose jobs all are; says which.
    pub(super) async fn finish_bundles(&mut self) -> Result<Vec<Uuid>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/unfinished_bundles.sql"));
        let unfinished: Vec<Uuid> = query.fetch_all(&mut *self.tx).await?;
        let mut ended = Vec::new();
        for bundle in unfinished {
            if self.finish_bundle(bundle).await? {
                ended.push(bundle);
            }
        }
        Ok(ended)
    }
}

impl Sqlite {
    pub(super) async fn run_maintenance(&self, times: LeaseTimes) -> Result<Maintained, Error> {
        let up = self.watch.lock().unwrap_or_else(PoisonError::into_inner).look(times);
        let mut done = Maintained::default();
        let mut deltas = Deltas::new();
        let mut write = self.begin().await?;
        let owners = sqlx::query_as(include_str!("sql/list_owners.sql"));
        let owners: Vec<(i64, i64, bool)> = owners.fetch_all(&mut *write.tx).await?;
        for (id, beat_at, presence) in owners {
            let worker = WorkerId(id);
            let silent = write.now - beat_at;
            let lapsed = silent > millis(times.lease) && up >= times.lease;
            let gone = presence && silent > millis(times.grace) && up >= times.grace;
            if lapsed || gone && !self.present().contains_key(&worker) {
                write.lose_jobs(worker, &mut deltas, &mut done).await?;
                write.lose_replays(worker).await?;
            }
        }
        // A node that holds the lease of a sweep runs it; where there is none, we do.
        if !write.is_swept(Sweep::Backoffs).await? {
            done.released = write.end_backoffs().await?;
        }
        done.finished_bundles = write.settle(deltas).await?;
        done.uncapped = write.release_capped().await?;
        if !write.is_swept(Sweep::Bundles).await? {
            done.finished_bundles += write.finish_bundles().await?.len() as u64;
        }
        write.tx.commit().await?;
        if done.rescued + done.released + done.uncapped > 0 {
            self.wake();
        }
        Ok(done)
    }

    /// Returns the jobs of workers that are not of this process: theirs is dead.
    pub(super) async fn return_abandoned(&self) -> Result<(), Error> {
        let mut done = Maintained::default();
        let mut deltas = Deltas::new();
        let mut write = self.begin().await?;
        let owners = sqlx::query_as(include_str!("sql/list_owners.sql"));
        let owners: Vec<(i64, i64, bool)> = owners.fetch_all(&mut *write.tx).await?;
        for (id, _, _) in owners {
            let worker = WorkerId(id);
            if !self.present().contains_key(&worker) {
                write.lose_jobs(worker, &mut deltas, &mut done).await?;
                write.lose_replays(worker).await?;
            }
        }
        write.settle(deltas).await?;
        write.tx.commit().await?;
        Ok(())
    }
}
