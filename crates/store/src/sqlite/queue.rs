//! What workers do with jobs: claim -> progress* -> finish | release.
//!
//! Every write carries job, attempt and worker: of a job no longer held nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Digest, ENGINE_VERSION, JobStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bundles::Delta;
use super::{Sqlite, Write};
use crate::failure::jittered;
use crate::payload::{
    DETERMINISM_FAULT, EndedColumns, MAX_ATTEMPTS, Packer, float_bytes, fraction, rate, result_of,
};
use crate::rows::{ClaimRecord, digest, in_order};
use crate::{
    Claim, Ending, Error, Finish, Held, JobId, NewResult, Progress, Release, Settled, WorkerId,
};

/// Counts to write at the end of a transaction, by bundle and slot.
pub(super) type Deltas = BTreeMap<(Uuid, i64), Delta>;

impl Write {
    /// Writes the counts and makes bundles final; says how many became so.
    pub(super) async fn settle(&mut self, deltas: Deltas) -> Result<u64, Error> {
        let bundles: BTreeSet<Uuid> = deltas.keys().map(|(bundle, _)| *bundle).collect();
        for ((bundle, slot), delta) in deltas {
            self.count(bundle, slot, delta).await?;
        }
        let mut finished = 0;
        for bundle in bundles {
            finished += u64::from(self.finish_bundle(bundle).await?);
        }
        Ok(finished)
    }

    /// Notes that a job ended abnormally: the attempt, its progress, the counts of its slots.
    ///
    /// The worker's slot loses a running job; what became of the job counts in `slot`.
    pub(super) async fn note_return(
        &mut self,
        deltas: &mut Deltas,
        worker: WorkerId,
        returned: &Returned,
        slot: i64,
        why: &str,
    ) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/record_attempt.sql")).bind(returned.held.job.0);
        let query = query.bind(returned.held.attempt).bind(worker.0).bind(returned.started_at);
        query.bind(self.now).bind(why).execute(&mut *self.tx).await?;
        self.clear_progress(returned.held.job).await?;
        deltas.entry((returned.bundle, worker.0)).or_default().running -= 1;
        if returned.status == JobStatus::Failed.code() {
            deltas.entry((returned.bundle, slot)).or_default().failed += 1;
        }
        if returned.status == JobStatus::Cancelled.code() {
            deltas.entry((returned.bundle, slot)).or_default().cancelled += 1;
        }
        Ok(())
    }

    async fn clear_progress(&mut self, job: JobId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/clear_progress.sql")).bind(job.0);
        query.execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Stores a result; `false` if another outcome stands under its key.
    async fn store_result(
        &mut self,
        worker: WorkerId,
        held: Held,
        result: &NewResult,
        detail: &[u8],
    ) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/insert_result.sql")).bind(&result.key.0[..]);
        let query = query.bind(&result.outcome_hash.0[..]).bind(&result.data_hash.0[..]);
        let query = query.bind(result.metrics.to_string()).bind(result.summary.to_string());
        let query = query.bind(float_bytes(&result.daily_returns)).bind(detail);
        let query = query.bind(ENGINE_VERSION).bind(held.attempt).bind(worker.0).bind(self.now);
        if query.fetch_optional(&mut *self.tx).await?.is_some() {
            return Ok(true);
        }
        if self.outcome_hash(result.key).await? == result.outcome_hash {
            return Ok(true);
        }
        let query = sqlx::query(include_str!("sql/record_conflict.sql")).bind(&result.key.0[..]);
        let query = query.bind(&result.outcome_hash.0[..]).bind(held.job.0).bind(detail);
        query.bind(self.now).execute(&mut *self.tx).await?;
        let query = sqlx::query(include_str!("sql/mark_conflict.sql")).bind(held.job.0);
        let query = query.bind(DETERMINISM_FAULT).bind("another outcome stands under the same key");
        query.execute(&mut *self.tx).await?;
        Ok(false)
    }

    async fn outcome_hash(&mut self, key: Digest) -> Result<Digest, Error> {
        let query = sqlx::query_scalar(include_str!("sql/read_outcome_hash.sql"));
        let bytes: Vec<u8> = query.bind(&key.0[..]).fetch_one(&mut *self.tx).await?;
        Ok(digest("outcome_hash", &bytes)?)
    }

    async fn finish_one(
        &mut self,
        worker: WorkerId,
        finish: &Finish,
        detail: Option<&[u8]>,
        deltas: &mut Deltas,
    ) -> Result<Settled, Error> {
        let held = finish.held;
        let columns = EndedColumns::of(&finish.ending);
        let query = sqlx::query_scalar(include_str!("sql/finish_job.sql")).bind(worker.0);
        let query = query.bind(held.job.0).bind(held.attempt).bind(columns.status);
        let query = query.bind(columns.cached).bind(columns.result_key.map(|key| key.0.to_vec()));
        let query = query.bind(columns.error_code).bind(columns.error_message).bind(self.now);
        let bundle: Option<Uuid> = query.fetch_optional(&mut *self.tx).await?;
        let Some(bundle) = bundle else {
            let query = sqlx::query_scalar(include_str!("sql/job_is_settled.sql")).bind(worker.0);
            let query = query.bind(held.job.0).bind(held.attempt);
            let settled = query.fetch_one(&mut *self.tx).await?;
            return Ok(if settled { Settled::AlreadyStored } else { Settled::Lost });
        };
        self.clear_progress(held.job).await?;
        let delta = deltas.entry((bundle, worker.0)).or_default();
        delta.running -= 1;
        match &finish.ending {
            Ending::Completed(_) => delta.completed += 1,
            Ending::Cached { .. } => {
                delta.completed += 1;
                delta.cached += 1;
            }
            Ending::Failed(_) => delta.failed += 1,
            Ending::Cancelled => delta.cancelled += 1,
        }
        let same = match (result_of(&finish.ending), detail) {
            (Some(result), Some(detail)) => self.store_result(worker, held, result, detail).await?,
            _ => true,
        };
        Ok(if same { Settled::Stored } else { Settled::Diverged })
    }

    async fn return_one(
        &mut self,
        worker: WorkerId,
        held: Held,
        why: Release,
    ) -> Result<Option<Returned>, Error> {
        let text = match why {
            Release::Drain => include_str!("sql/return_job.sql"),
            Release::SourceAway { .. } => include_str!("sql/hold_for_source.sql"),
            Release::Retry { .. } => include_str!("sql/retry_job.sql"),
        };
        let query = sqlx::query_as(text).bind(worker.0).bind(held.job.0).bind(held.attempt);
        let query = query.bind(self.now);
        let query = match why {
            Release::Drain => query,
            Release::SourceAway { backoff, timeout } => {
                query.bind(millis(jittered(backoff))).bind(millis(timeout))
            }
            Release::Retry { code, backoff } => query
                .bind(millis(jittered(backoff)))
                .bind(code)
                .bind(format!("failed {MAX_ATTEMPTS} times"))
                .bind(MAX_ATTEMPTS),
        };
        let row: Option<(Uuid, i16, Option<i64>)> = query.fetch_optional(&mut *self.tx).await?;
        Ok(row.map(|(bundle, status, started_at)| Returned { held, bundle, status, started_at }))
    }
}

/// A job given back or taken away.
pub(super) struct Returned {
    pub(super) held: Held,
    pub(super) bundle: Uuid,
    pub(super) status: i16,
    pub(super) started_at: Option<i64>,
}

impl Sqlite {
    pub(super) async fn claim_jobs(
        &self,
        worker: WorkerId,
        limit: u32,
    ) -> Result<Vec<Claim>, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_as(include_str!("sql/claim_jobs.sql")).bind(worker.0);
        let query = query.bind(limit).bind(write.now);
        let rows: Vec<ClaimRecord> = query.fetch_all(&mut *write.tx).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut running = BTreeMap::<Uuid, i64>::new();
        for ClaimRecord((_, claim)) in &rows {
            *running.entry(claim.bundle).or_default() += 1;
        }
        for (bundle, running) in running {
            write.count(bundle, worker.0, Delta { running, ..Delta::default() }).await?;
            let query = sqlx::query(include_str!("sql/begin_bundle.sql")).bind(bundle);
            query.bind(write.now).execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(in_order(rows))
    }

    pub(super) async fn record_start(&self, worker: WorkerId, held: Held) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/mark_started.sql")).bind(worker.0);
        let query = query.bind(held.job.0).bind(held.attempt);
        Ok(query.fetch_optional(&self.writer).await?.is_some())
    }

    pub(super) async fn record_progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error> {
        let rows: Value = progress
            .iter()
            .map(|row| json!([row.held.job.0, row.held.attempt, fraction(row.fraction)]))
            .collect();
        let rows = rows.to_string();
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/record_progress.sql"));
        let query = query.bind(worker.0).bind(rows.as_str());
        let bundles: Vec<Uuid> = query.fetch_all(&mut *write.tx).await?;
        let query = sqlx::query(include_str!("sql/end_source_wait.sql")).bind(worker.0);
        query.bind(rows).execute(&mut *write.tx).await?;
        let each = rate(candles_per_second) / bundles.len().max(1) as f64;
        let mut speeds = BTreeMap::<Uuid, f64>::new();
        for bundle in bundles {
            *speeds.entry(bundle).or_default() += each;
        }
        for (bundle, speed) in speeds {
            let query = sqlx::query(include_str!("sql/record_speed.sql")).bind(bundle);
            let query = query.bind(worker.0).bind(speed).bind(write.now);
            query.execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(())
    }

    pub(super) async fn finish_jobs(
        &self,
        worker: WorkerId,
        finishes: &[Finish],
    ) -> Result<Vec<Settled>, Error> {
        // Compressed before the one writer is taken.
        let mut packer = Packer::new()?;
        let mut details = Vec::with_capacity(finishes.len());
        for finish in finishes {
            details.push(
                result_of(&finish.ending).map(|result| packer.pack(&result.outcome)).transpose()?,
            );
        }
        let mut write = self.begin().await?;
        let mut deltas = Deltas::new();
        let mut settled = Vec::with_capacity(finishes.len());
        for (finish, detail) in finishes.iter().zip(&details) {
            let one = write.finish_one(worker, finish, detail.as_deref(), &mut deltas);
            settled.push(Box::pin(one).await?);
        }
        write.settle(deltas).await?;
        write.tx.commit().await?;
        Ok(settled)
    }

    pub(super) async fn return_jobs(
        &self,
        worker: WorkerId,
        held: &[Held],
        why: Release,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let ended_by = match why {
            Release::Drain => "drained",
            Release::SourceAway { .. } => "source_away",
            Release::Retry { .. } => "retried",
        };
        let mut deltas = Deltas::new();
        for held in held {
            if let Some(returned) = write.return_one(worker, *held, why).await? {
                let note = write.note_return(&mut deltas, worker, &returned, worker.0, ended_by);
                note.await?;
            }
        }
        write.settle(deltas).await?;
        write.tx.commit().await?;
        self.wake();
        Ok(())
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
