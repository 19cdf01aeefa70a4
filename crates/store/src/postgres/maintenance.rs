//! Returning the jobs of dead workers, ending backoffs, finishing bundles.
//!
//! Every process may do it, one does at a time. Who judges deaths must have seen the database up for
//! long enough: after an outage every beat is old though nobody died.

use std::time::{Duration, Instant};

use model::JobStatus;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use super::caps::release_capped;
use crate::failure::within;
use crate::payload::{MAX_LOSSES, MAX_REPLAYS, REPLAY_LOST};
use crate::{Error, LeaseTimes, Maintained, Sweep};

/// A connection that has not broken since `since`: so long the database was up for us.
#[derive(Debug)]
pub(super) struct Watch {
    conn: PgConnection,
    since: Instant,
}

impl Watch {
    async fn begin(store: &Postgres) -> Result<Watch, Error> {
        let connect = async {
            let mut conn = PgConnection::connect_with(&store.maintenance).await?;
            conn.execute(sqlx::raw_sql(include_str!("sql/prepare_session.sql"))).await?;
            Ok::<_, sqlx::Error>(conn)
        };
        let conn = within(store.connect_timeout, connect).await?;
        Ok(Watch { conn, since: Instant::now() })
    }

    async fn maintain(&mut self, times: LeaseTimes) -> Result<Maintained, Error> {
        let mut done = Maintained::default();
        let mut tx = self.conn.begin().await?;
        let query = sqlx::query_as(include_str!("sql/become_reaper.sql"));
        let (ours, server_up): (bool, f64) = query.fetch_one(&mut *tx).await?;
        if !ours {
            return Ok(done);
        }
        let server_up = Duration::try_from_secs_f64(server_up).unwrap_or(Duration::ZERO);
        let up = self.since.elapsed().min(server_up);
        let mut ended: Vec<Uuid> = Vec::new();
        if up >= times.grace || up >= times.lease {
            let query = sqlx::query_as(include_str!("sql/reap_jobs.sql"));
            let query = query.bind(times.lease.as_secs_f64()).bind(times.grace.as_secs_f64());
            let query = query.bind(up >= times.lease).bind(up >= times.grace);
            let query = query.bind(i32::from(MAX_LOSSES));
            let query = query.bind(format!("{} workers died while they ran it", MAX_LOSSES + 1));
            let rows: Vec<(Uuid, i16, i64)> = query.fetch_all(&mut *tx).await?;
            for (bundle, status, count) in rows {
                let count = count.unsigned_abs();
                match JobStatus::from_code(status) {
                    Some(JobStatus::Pending) => done.rescued += count,
                    Some(JobStatus::Failed) => done.poisoned += count,
                    Some(JobStatus::Running | JobStatus::Completed | JobStatus::Cancelled)
                    | None => {}
                }
                ended.push(bundle);
            }
            let query = sqlx::query(include_str!("sql/reap_replays.sql"));
            let query = query.bind(times.lease.as_secs_f64()).bind(times.grace.as_secs_f64());
            let query = query.bind(up >= times.lease).bind(up >= times.grace);
            query.bind(MAX_REPLAYS).bind(REPLAY_LOST).execute(&mut *tx).await?;
        }
        // A node that holds the lease of a sweep runs it; where there is none, we do.
        if !Postgres::is_swept(&mut tx, Sweep::Backoffs).await? {
            let query = sqlx::query_scalar(include_str!("sql/end_backoffs.sql"));
            let released: i64 = query.fetch_one(&mut *tx).await?;
            done.released = released.unsigned_abs();
        }
        tx.commit().await?;
        sqlx::query(include_str!("sql/clear_progress.sql")).execute(&mut self.conn).await?;

        let mut bundles: Vec<Uuid> = Vec::new();
        if !Postgres::is_swept(&mut self.conn, Sweep::Bundles).await? {
            let unfinished = sqlx::query_scalar(include_str!("sql/sweep_bundles.sql"));
            bundles = unfinished.fetch_all(&mut self.conn).await?;
        }
        bundles.append(&mut ended);
        bundles.sort_unstable();
        bundles.dedup();
        if !bundles.is_empty() {
            let finished = finish_bundles(&mut self.conn, &bundles).await?;
            done.finished_bundles = finished.len() as u64;
        }
        done.uncapped = release_capped(&mut self.conn).await?;
        if done.uncapped > 0 {
            // They are claimed within a poll even where nobody hears this.
            sqlx::query(include_str!("sql/notify_workers.sql")).execute(&mut self.conn).await?;
        }
        if done.rescued + done.released + done.uncapped > 0 {
            sqlx::query(include_str!("sql/bump_epoch.sql")).execute(&mut self.conn).await?;
        }
        if done.rescued + done.poisoned > 0 {
            tracing::warn!(done.rescued, done.poisoned, "jobs were taken from dead workers");
        }
        Ok(done)
    }
}

impl Postgres {
    pub(super) async fn run_maintenance(&self, times: LeaseTimes) -> Result<Maintained, Error> {
        let mut place = self.watch.lock().await;
        // Taken out: a call that fails or is dropped half-way leaves no watch behind.
        let mut watch = match place.take() {
            Some(watch) => watch,
            None => Watch::begin(self).await?,
        };
        let answer = watch.maintain(times).await;
        if matches!(answer, Ok(_) | Err(Error::Conflict { .. })) {
            *place = Some(watch);
        }
        match answer {
            // The next pass does what this one lost the race for.
            Err(Error::Conflict { .. }) => Ok(Maintained::default()),
            answer => answer,
        }
    }
}
