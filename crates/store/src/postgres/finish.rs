//! Ending jobs: one statement writes rows, results and counts, or nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::{Digest, ENGINE_VERSION};
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use super::queue::attempt;
use crate::failure::retrying;
use crate::payload::{DETERMINISM_FAULT, DIVERGED, EndedColumns, float_bytes, result_of};
use crate::settled::{Sorted, distinct, pointed_at, split};
use crate::{Error, Finish, Held, JobId, Settled, WorkerId};

/// Finishes as columns, ascending by job, each held attempt once.
#[derive(Default)]
struct Batch<'a> {
    jobs: Vec<i64>,
    attempts: Vec<i32>,
    statuses: Vec<i16>,
    cached: Vec<bool>,
    result_keys: Vec<Option<&'a [u8]>>,
    error_codes: Vec<Option<Cow<'a, str>>>,
    error_messages: Vec<Option<Cow<'a, str>>>,
    results: Results<'a>,
}

/// The results that come with a batch.
#[derive(Default)]
struct Results<'a> {
    jobs: Vec<i64>,
    keys: Vec<&'a [u8]>,
    outcome_hashes: Vec<&'a [u8]>,
    data_hashes: Vec<&'a [u8]>,
    metrics: Vec<&'a str>,
    summaries: Vec<&'a str>,
    daily_returns: Vec<Vec<u8>>,
    details: Vec<&'a [u8]>,
}

/// What a batch wrote.
struct Written {
    held: BTreeSet<Held>,
    bundles: BTreeSet<Uuid>,
    results: usize,
    /// Whether an owner of these bundles has a cap.
    is_capped: bool,
}

impl<'a> Batch<'a> {
    fn of(finishes: &BTreeMap<Held, &'a Finish>) -> Batch<'a> {
        let mut batch = Batch::default();
        for (held, finish) in finishes {
            let columns = EndedColumns::of(&finish.ending);
            batch.jobs.push(held.job.0);
            batch.attempts.push(attempt(*held));
            batch.statuses.push(columns.status);
            batch.cached.push(columns.cached);
            batch.result_keys.push(columns.result_key.map(|key| &key.0[..]));
            batch.error_codes.push(columns.error_code);
            batch.error_messages.push(columns.error_message);
            if let Some(result) = result_of(&finish.ending) {
                let results = &mut batch.results;
                results.jobs.push(held.job.0);
                results.keys.push(&result.key.0);
                results.outcome_hashes.push(&result.outcome_hash.0);
                results.data_hashes.push(&result.data_hash.0);
                results.metrics.push(result.metrics.as_str());
                results.summaries.push(result.summary.as_str());
                results.daily_returns.push(float_bytes(&result.daily_returns));
                results.details.push(result.outcome.as_bytes());
            }
        }
        batch
    }
}

impl Postgres {
    pub(super) async fn finish_jobs(
        &self,
        worker: WorkerId,
        finishes: &[Finish],
    ) -> Result<Vec<Settled>, Error> {
        let distinct = distinct(finishes);
        if distinct.is_empty() {
            return Ok(Vec::new());
        }
        let mut sorted = Sorted::default();
        let mut bundles = BTreeSet::new();
        // A result is written before the jobs that point at it.
        for part in split(&distinct).into_iter().flat_map(one_a_job) {
            bundles.append(&mut self.finish_part(worker, &part, &mut sorted).await?);
        }
        // What is written is written: the sweeper would end the bundle, too.
        let bundles: Vec<Uuid> = bundles.into_iter().collect();
        if let Err(error) = finish_bundles(&self.pool, &bundles).await {
            tracing::warn!(%error, "finished jobs could not be checked for finished bundles");
        }
        Ok(sorted.answers(finishes))
    }

    /// Ends one part of the finishes; answers the bundles of the jobs that it ended.
    async fn finish_part(
        &self,
        worker: WorkerId,
        part: &BTreeMap<Held, &Finish>,
        sorted: &mut Sorted,
    ) -> Result<BTreeSet<Uuid>, Error> {
        let batch = Batch::of(part);
        let written = retrying(|| self.write_batch(worker, &batch)).await?;
        let mut ended = BTreeSet::new();
        if written.held.len() < part.len() {
            ended = self.ended_by_us(worker, &batch).await?;
            let pointers = part.iter().filter(|(held, _)| !ended.contains(held));
            let pointers: BTreeMap<Held, Digest> =
                pointers.filter_map(|(held, finish)| Some((*held, pointed_at(finish)?))).collect();
            let keys: Vec<Digest> = pointers.values().copied().collect();
            let standing = self.find_results(&keys).await?;
            let missing = pointers.iter().filter(|(_, key)| !standing.contains_key(key));
            sorted.missing.extend(missing.map(|(held, _)| *held));
        }
        let ran = written.held.iter().filter(|held| result_of(&part[held].ending).is_some());
        if written.results < ran.count() || ended.len() > written.held.len() {
            let jobs = retrying(|| self.record_conflicts(&batch.results)).await?;
            sorted.diverged.extend(part.keys().filter(|held| jobs.contains(&held.job)));
        }
        if written.is_capped
            && let Err(error) = self.refill_caps().await
        {
            tracing::warn!(%error, "jobs that waited for a cap were not let go yet");
        }
        sorted.written.extend(written.held);
        sorted.ended.extend(ended);
        Ok(written.bundles)
    }

    async fn write_batch(&self, worker: WorkerId, batch: &Batch<'_>) -> Result<Written, Error> {
        let query = sqlx::query_as(include_str!("sql/finish_jobs.sql")).bind(worker.0);
        let query = query.bind(&batch.jobs).bind(&batch.attempts).bind(&batch.statuses);
        let query = query.bind(&batch.cached).bind(&batch.result_keys);
        let query = query.bind(&batch.error_codes).bind(&batch.error_messages);
        let results = &batch.results;
        let query = query.bind(&results.jobs).bind(&results.keys).bind(&results.outcome_hashes);
        let query = query.bind(&results.data_hashes).bind(&results.metrics);
        let query = query.bind(&results.summaries).bind(&results.daily_returns);
        let query = query.bind(&results.details).bind(ENGINE_VERSION);
        let rows: Vec<(i64, i32, Uuid, i64, bool)> = query.fetch_all(&self.pool).await?;
        Ok(Written {
            results: rows.first().map_or(0, |row| usize::try_from(row.3).unwrap_or(usize::MAX)),
            held: rows.iter().map(|row| held(row.0, row.1)).collect(),
            bundles: rows.iter().map(|row| row.2).collect(),
            is_capped: rows.iter().any(|row| row.4),
        })
    }

    /// Of these attempts, those that have ended their jobs: just now, or in an earlier call whose
    /// commit stood though its answer was lost.
    async fn ended_by_us(
        &self,
        worker: WorkerId,
        batch: &Batch<'_>,
    ) -> Result<BTreeSet<Held>, Error> {
        let query = sqlx::query_as(include_str!("sql/ended_jobs.sql")).bind(worker.0);
        let query = query.bind(&batch.jobs).bind(&batch.attempts);
        let rows: Vec<(i64, i32)> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(job, attempt)| held(job, attempt)).collect())
    }

    /// Compares outcomes with those that stand under their keys; answers the jobs that differ.
    async fn record_conflicts(&self, results: &Results<'_>) -> Result<BTreeSet<JobId>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/record_conflicts.sql"));
        let query = query.bind(&results.jobs).bind(&results.keys).bind(&results.outcome_hashes);
        let query = query.bind(&results.details).bind(DETERMINISM_FAULT);
        let query = query.bind(DIVERGED);
        let jobs: Vec<i64> = query.fetch_all(&self.pool).await?;
        Ok(jobs.into_iter().map(JobId).collect())
    }
}

/// Parts with one attempt a job: the statements find an element by the place of its job.
pub(super) fn one_a_job<T>(mut rest: BTreeMap<Held, T>) -> Vec<BTreeMap<Held, T>> {
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let mut jobs = BTreeSet::new();
        let (part, again) = rest.into_iter().partition(|(held, _)| jobs.insert(held.job));
        parts.push(part);
        rest = again;
    }
    parts
}

fn held(job: i64, attempt: i32) -> Held {
    Held { job: JobId(job), attempt: attempt.unsigned_abs() }
}
