//! What workers do with jobs: claim -> progress* -> release. Endings are in `finish`.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use crate::failure::{is_lost_race, is_out_of_locks, jittered, retrying};
use crate::payload::{MAX_ATTEMPTS, fraction, rate};
use crate::rows::{ClaimRecord, in_order};
use crate::{Claim, Error, Held, Progress, Release, WorkerId};

/// Jobs and attempts as parameters, ascending by job: rows are locked in this order.
struct Fences {
    jobs: Vec<i64>,
    attempts: Vec<i32>,
}

impl Fences {
    fn of(held: &[Held]) -> Fences {
        let mut held = held.to_vec();
        held.sort_unstable();
        held.dedup();
        Fences {
            jobs: held.iter().map(|held| held.job.0).collect(),
            attempts: held.iter().map(|held| attempt(*held)).collect(),
        }
    }
}

/// An attempt as a column holds it; a greater one matches no job.
pub(super) fn attempt(held: Held) -> i32 {
    i32::try_from(held.attempt).unwrap_or(i32::MAX)
}

impl Postgres {
    /// Claims up to `limit` jobs; fewer where the server's lock table has no room for so many.
    ///
    /// A lost race is tried again until the call's own limit is over.
    pub(super) async fn claim_jobs(
        &self,
        worker: WorkerId,
        limit: u32,
    ) -> Result<Vec<Claim>, Error> {
        let mut limit = limit;
        // One connection for all tries: the server answers an error before it gives back the locks,
        // but it takes the next statement of the same session after that.
        let mut conn = self.pool.acquire().await?;
        loop {
            match try_claim(&mut conn, worker, limit).await {
                Err(error) if is_out_of_locks(&error) && limit > 1 => limit /= 2,
                Err(error) if is_lost_race(&error) => {
                    tokio::time::sleep(jittered(Duration::from_millis(10))).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    pub(super) async fn record_start(&self, worker: WorkerId, held: Held) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/mark_started.sql")).bind(worker.0);
        let query = query.bind(held.job.0).bind(attempt(held));
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }

    pub(super) async fn record_progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error> {
        let mut progress = progress.to_vec();
        progress.sort_unstable_by_key(|row| row.held);
        progress.dedup_by_key(|row| row.held.job);
        let jobs: Vec<i64> = progress.iter().map(|row| row.held.job.0).collect();
        let attempts: Vec<i32> = progress.iter().map(|row| attempt(row.held)).collect();
        let fractions: Vec<f64> = progress.iter().map(|row| fraction(row.fraction)).collect();
        retrying(async || {
            let query = sqlx::query(include_str!("sql/record_progress.sql")).bind(worker.0);
            let query = query.bind(&jobs).bind(&attempts).bind(&fractions);
            query.bind(rate(candles_per_second)).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    pub(super) async fn return_jobs(
        &self,
        worker: WorkerId,
        held: &[Held],
        why: Release,
    ) -> Result<(), Error> {
        let fences = Fences::of(held);
        let ended = retrying(|| self.try_return(worker, &fences, why)).await?;
        if !ended.is_empty() {
            finish_bundles(&self.pool, &ended).await?;
        }
        Ok(())
    }

    /// Gives jobs back; answers the bundles of which a job ended.
    async fn try_return(
        &self,
        worker: WorkerId,
        fences: &Fences,
        why: Release,
    ) -> Result<Vec<Uuid>, Error> {
        let text = match why {
            Release::Drain => include_str!("sql/return_jobs.sql"),
            Release::SourceAway { .. } => include_str!("sql/hold_for_source.sql"),
            Release::Retry { .. } => include_str!("sql/retry_jobs.sql"),
        };
        let query = sqlx::query_scalar(text).bind(worker.0);
        let query = query.bind(&fences.jobs).bind(&fences.attempts);
        let query = match why {
            Release::Drain => query,
            Release::SourceAway { backoff, timeout } => {
                query.bind(jittered(backoff).as_secs_f64()).bind(timeout.as_secs_f64())
            }
            Release::Retry { code, backoff } => query
                .bind(jittered(backoff).as_secs_f64())
                .bind(code)
                .bind(format!("failed {MAX_ATTEMPTS} times"))
                .bind(i32::from(MAX_ATTEMPTS)),
        };
        Ok(query.fetch_all(&self.pool).await?)
    }
}

async fn try_claim(
    conn: &mut PgConnection,
    worker: WorkerId,
    limit: u32,
) -> Result<Vec<Claim>, sqlx::Error> {
    let query = sqlx::query_as(include_str!("sql/claim_jobs.sql")).bind(worker.0);
    let rows: Vec<ClaimRecord> = query.bind(i64::from(limit)).fetch_all(conn).await?;
    Ok(in_order(rows))
}
