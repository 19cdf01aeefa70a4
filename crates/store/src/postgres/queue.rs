//! What workers do with jobs: claim -> progress* -> release. Endings are in `finish`.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use super::cursor::{Low, Place, TOP};
use super::finish::one_a_job;
use crate::failure::{is_lost_race, is_out_of_locks, jittered, retrying};
use crate::payload::{MAX_ATTEMPTS, clean, fraction, rate};
use crate::rows::{ClaimRecord, in_order};
use crate::{Claim, Error, Held, Progress, Release, WorkerId};

/// Jobs and attempts as parameters, ascending by job and each job once: rows are locked in this order
/// and found by their place in it.
struct Fences {
    jobs: Vec<i64>,
    attempts: Vec<i32>,
}

impl Fences {
    /// More than one where several attempts of a job are given.
    fn of(held: &[Held]) -> Vec<Fences> {
        let parts = one_a_job(held.iter().map(|held| (*held, ())).collect());
        let fences = parts.into_iter().map(|part| Fences {
            jobs: part.keys().map(|held| held.job.0).collect(),
            attempts: part.keys().map(|held| attempt(*held)).collect(),
        });
        fences.collect()
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
        let mut low = self.cursors.low(worker);
        let mut claims = Vec::new();
        // One connection for all tries: the server answers an error before it gives back the locks,
        // but it takes the next statement of the same session after that.
        let mut conn = self.pool.acquire().await?;
        loop {
            match try_claim(&mut conn, worker, limit, low).await {
                Err(error) if is_out_of_locks(&error) && limit > 1 => limit /= 2,
                Err(error) if is_lost_race(&error) => {
                    tokio::time::sleep(jittered(Duration::from_millis(10))).await;
                }
                Err(error) => {
                    return if claims.is_empty() { Err(error.into()) } else { Ok(claims) };
                }
                Ok(rows) => {
                    let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
                    let end = rows.iter().map(|row| (row.epoch, place(&row.claim))).max();
                    claims.extend(in_order(rows.into_iter().map(|row| row.claim).collect()));
                    match end {
                        Some((epoch, last)) if found >= limit => {
                            self.cursors.advance(worker, epoch, last);
                            return Ok(claims);
                        }
                        // What lies before the cursor may have come back.
                        Some(_) | None if low != TOP => {
                            self.cursors.forget(worker);
                            limit -= found;
                            low = TOP;
                        }
                        Some(_) | None => {
                            self.cursors.forget(worker);
                            return Ok(claims);
                        }
                    }
                }
            }
        }
    }

    /// Says that jobs became claimable elsewhere than at the end of the queue.
    ///
    /// A failure costs order for some claims, no job: it is not the caller's failure.
    pub(super) async fn bump_epoch(&self) {
        let bump = sqlx::query(include_str!("sql/bump_epoch.sql"));
        if let Err(error) = bump.execute(&self.pool).await {
            tracing::debug!(%error, "the epoch of the queue was not moved");
        }
    }

    pub(super) fn forget_cursor(&self, worker: WorkerId) {
        self.cursors.forget(worker);
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
        why: &Release,
    ) -> Result<(), Error> {
        let mut ended = Vec::new();
        for fences in Fences::of(held) {
            ended.append(&mut retrying(|| self.try_return(worker, &fences, why)).await?);
        }
        if !ended.is_empty() {
            finish_bundles(&self.pool, &ended).await?;
        }
        self.bump_epoch().await;
        Ok(())
    }

    /// Gives jobs back; answers the bundles of which a job ended.
    async fn try_return(
        &self,
        worker: WorkerId,
        fences: &Fences,
        why: &Release,
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
                query.bind(jittered(*backoff).as_secs_f64()).bind(timeout.as_secs_f64())
            }
            Release::Retry { reason, backoff } => query
                .bind(jittered(*backoff).as_secs_f64())
                .bind(clean(&reason.code))
                .bind(clean(&reason.message))
                .bind(i32::from(MAX_ATTEMPTS)),
        };
        Ok(query.fetch_all(&self.pool).await?)
    }
}

async fn try_claim(
    conn: &mut PgConnection,
    worker: WorkerId,
    limit: u32,
    low: Low,
) -> Result<Vec<ClaimedRow>, sqlx::Error> {
    let (rank, turn, created_at, id) = low.place;
    let query = sqlx::query_as(include_str!("sql/claim_jobs.sql")).bind(worker.0);
    let query = query.bind(i64::from(limit)).bind(low.epoch);
    let query = query.bind(i16::try_from(rank).unwrap_or(-1)).bind(turn).bind(created_at).bind(id);
    query.fetch_all(conn).await
}

/// A claimed job and the epoch that the claim read.
struct ClaimedRow {
    claim: ClaimRecord,
    epoch: i64,
}

impl<'r> sqlx::FromRow<'r, PgRow> for ClaimedRow {
    fn from_row(row: &'r PgRow) -> Result<ClaimedRow, sqlx::Error> {
        Ok(ClaimedRow { claim: ClaimRecord::from_row(row)?, epoch: row.try_get("epoch")? })
    }
}

fn place(ClaimRecord(((rank, turn, created_at, job), _)): &ClaimRecord) -> Place {
    (*rank, *turn, *created_at, job.0)
}
