//! What workers do with jobs: claim -> progress* -> finish | release.
//!
//! Every write carries job, attempt and worker: of a job no longer held nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Digest, ENGINE_VERSION, JobStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bundles::Delta;
use super::{Sqlite, Write, hex};
use crate::failure::jittered;
use crate::payload::{
    DETERMINISM_FAULT, DIVERGED, EndedColumns, MAX_ATTEMPTS, clean, float_bytes, fraction, rate,
    result_of,
};
use crate::rows::{ClaimRecord, digest, in_order};
use crate::settled::{Sorted, distinct, pointed_at, split};
use crate::{Claim, Error, Finish, Held, JobId, NewResult, Progress, Release, Settled, WorkerId};

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
        self.clear_progress(std::iter::once(returned.held.job)).await?;
        deltas.entry((returned.bundle, worker.0)).or_default().running -= 1;
        if returned.status == JobStatus::Failed.code() {
            deltas.entry((returned.bundle, slot)).or_default().failed += 1;
        }
        if returned.status == JobStatus::Cancelled.code() {
            deltas.entry((returned.bundle, slot)).or_default().cancelled += 1;
        }
        Ok(())
    }

    async fn clear_progress(&mut self, jobs: impl Iterator<Item = JobId>) -> Result<(), Error> {
        let jobs: Value = jobs.map(|job| job.0).collect();
        let query = sqlx::query(include_str!("sql/clear_progress.sql")).bind(jobs.to_string());
        query.execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Stores a result; `false` if another outcome stands under its key.
    async fn store_result(
        &mut self,
        worker: WorkerId,
        held: Held,
        result: &NewResult,
    ) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/insert_result.sql")).bind(&result.key.0[..]);
        let query = query.bind(&result.outcome_hash.0[..]).bind(&result.data_hash.0[..]);
        let query = query.bind(result.metrics.as_str()).bind(result.summary.as_str());
        let query = query.bind(float_bytes(&result.daily_returns)).bind(result.outcome.as_bytes());
        let query = query.bind(ENGINE_VERSION).bind(held.attempt).bind(worker.0).bind(self.now);
        if query.fetch_optional(&mut *self.tx).await?.is_some() {
            return Ok(true);
        }
        if self.outcome_hash(result.key).await? == result.outcome_hash {
            return Ok(true);
        }
        let query = sqlx::query(include_str!("sql/record_conflict.sql")).bind(&result.key.0[..]);
        let query =
            query.bind(&result.outcome_hash.0[..]).bind(held.job.0).bind(result.outcome.as_bytes());
        query.bind(self.now).execute(&mut *self.tx).await?;
        let query = sqlx::query(include_str!("sql/mark_conflict.sql")).bind(held.job.0);
        let query = query.bind(DETERMINISM_FAULT).bind(DIVERGED);
        query.execute(&mut *self.tx).await?;
        Ok(false)
    }

    async fn outcome_hash(&mut self, key: Digest) -> Result<Digest, Error> {
        let query = sqlx::query_scalar(include_str!("sql/read_outcome_hash.sql"));
        let bytes: Vec<u8> = query.bind(&key.0[..]).fetch_one(&mut *self.tx).await?;
        Ok(digest("outcome_hash", &bytes)?)
    }

    /// Ends the jobs that are held, and counts them; answers which they were.
    async fn end_jobs(
        &mut self,
        worker: WorkerId,
        rows: &str,
        deltas: &mut Deltas,
    ) -> Result<BTreeSet<Held>, Error> {
        let query = sqlx::query_as(include_str!("sql/finish_jobs.sql")).bind(worker.0);
        let query = query.bind(self.now).bind(rows);
        let ended: Vec<(i64, u32, Uuid, i16, bool)> = query.fetch_all(&mut *self.tx).await?;
        let mut written = BTreeSet::new();
        for (job, attempt, bundle, status, cached) in ended {
            written.insert(Held { job: JobId(job), attempt });
            let delta = deltas.entry((bundle, worker.0)).or_default();
            delta.running -= 1;
            delta.completed += i64::from(status == JobStatus::Completed.code());
            delta.failed += i64::from(status == JobStatus::Failed.code());
            delta.cancelled += i64::from(status == JobStatus::Cancelled.code());
            delta.cached += i64::from(cached);
        }
        self.clear_progress(written.iter().map(|held| held.job)).await?;
        Ok(written)
    }

    /// Ends one part of the finishes. A pointer that is held yet not written points at nothing.
    async fn finish_part(
        &mut self,
        worker: WorkerId,
        part: &BTreeMap<Held, &Finish>,
        deltas: &mut Deltas,
        sorted: &mut Sorted,
    ) -> Result<(), Error> {
        if part.is_empty() {
            return Ok(());
        }
        let rows: Value = part.iter().map(|(held, finish)| columns(*held, finish)).collect();
        let rows = rows.to_string();
        let written = self.end_jobs(worker, &rows, deltas).await?;
        if written.len() < part.len() {
            let ended = self.ended_by_us(worker, &rows).await?;
            for (held, finish) in part.iter().filter(|(held, _)| !ended.contains(held)) {
                if let Some(key) = pointed_at(finish) {
                    let query = sqlx::query(include_str!("sql/read_outcome_hash.sql"));
                    let query = query.bind(&key.0[..]);
                    if query.fetch_optional(&mut *self.tx).await?.is_none() {
                        sorted.missing.insert(*held);
                    }
                }
            }
            sorted.ended.extend(ended);
        }
        sorted.written.extend(written);
        Ok(())
    }

    /// Of these attempts, those that have ended their jobs.
    async fn ended_by_us(&mut self, worker: WorkerId, rows: &str) -> Result<BTreeSet<Held>, Error> {
        let query = sqlx::query_as(include_str!("sql/ended_jobs.sql")).bind(worker.0).bind(rows);
        let ended: Vec<(i64, u32)> = query.fetch_all(&mut *self.tx).await?;
        Ok(ended.into_iter().map(|(job, attempt)| Held { job: JobId(job), attempt }).collect())
    }

    async fn return_one(
        &mut self,
        worker: WorkerId,
        held: Held,
        why: &Release,
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
                query.bind(millis(jittered(*backoff))).bind(millis(*timeout))
            }
            Release::Retry { reason, backoff } => query
                .bind(millis(jittered(*backoff)))
                .bind(clean(&reason.code))
                .bind(clean(&reason.message))
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
        let distinct = distinct(finishes);
        if distinct.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.begin().await?;
        let mut deltas = Deltas::new();
        let mut sorted = Sorted::default();
        let [whole, pointers] = split(&distinct);
        write.finish_part(worker, &whole, &mut deltas, &mut sorted).await?;
        for (held, finish) in &whole {
            if let Some(result) = result_of(&finish.ending)
                && sorted.written.contains(held)
                && !write.store_result(worker, *held, result).await?
            {
                sorted.diverged.insert(*held);
            }
        }
        write.finish_part(worker, &pointers, &mut deltas, &mut sorted).await?;
        write.settle(deltas).await?;
        let uncapped = write.release_capped().await?;
        write.tx.commit().await?;
        if uncapped > 0 {
            self.wake();
        }
        Ok(sorted.answers(finishes))
    }

    pub(super) async fn return_jobs(
        &self,
        worker: WorkerId,
        held: &[Held],
        why: &Release,
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

/// A finish as a row of `finish_jobs.sql`.
fn columns(held: Held, finish: &Finish) -> Value {
    let ended = EndedColumns::of(&finish.ending);
    let key = ended.result_key.map(hex);
    let (code, message) = (ended.error_code, ended.error_message);
    json!([held.job.0, held.attempt, ended.status, ended.cached, key, code, message])
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
