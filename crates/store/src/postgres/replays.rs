//! Replays: asked for, claimed before jobs, answered once.

use serde_json::Value;
use uuid::Uuid;

use super::Postgres;
use super::bundles::seq;
use crate::failure::retrying;
use crate::payload::{DETERMINISM_FAULT, DIVERGED};
use crate::rows::{ReplayClaimRecord, ReplayRecord};
use crate::{Divergence, Error, HeldReplay, ReplayClaim, ReplayRow, WorkerId};

impl Postgres {
    pub(super) async fn insert_replay(
        &self,
        bundle: Uuid,
        index: u32,
    ) -> Result<Option<ReplayRow>, Error> {
        let query = sqlx::query(include_str!("sql/ask_replay.sql")).bind(bundle).bind(seq(index)?);
        let asked = query.execute(&self.pool).await?.rows_affected();
        if asked > 0 {
            sqlx::query(include_str!("sql/notify_workers.sql")).execute(&self.pool).await?;
        }
        self.read_replay(bundle, index).await
    }

    pub(super) async fn read_replay(
        &self,
        bundle: Uuid,
        index: u32,
    ) -> Result<Option<ReplayRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/read_replay.sql")).bind(bundle);
        let row: Option<ReplayRecord> = query.bind(seq(index)?).fetch_optional(&self.pool).await?;
        Ok(row.map(|ReplayRecord(row)| row))
    }

    pub(super) async fn take_replays(
        &self,
        worker: WorkerId,
        limit: u32,
    ) -> Result<Vec<ReplayClaim>, Error> {
        retrying(async || {
            let query = sqlx::query_as(include_str!("sql/claim_replays.sql")).bind(worker.0);
            let rows: Vec<ReplayClaimRecord> =
                query.bind(i64::from(limit)).fetch_all(&self.pool).await?;
            Ok(rows.into_iter().map(|ReplayClaimRecord(claim)| claim).collect())
        })
        .await
    }

    pub(super) async fn write_answer(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error> {
        let mut tx = self.pool.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/answer_replay.sql")).bind(worker.0);
        let query = query.bind(held.id).bind(i32::try_from(held.attempt).unwrap_or(i32::MAX));
        let job: Option<i64> = query.bind(answer.to_string()).fetch_optional(&mut *tx).await?;
        let Some(job) = job else { return Ok(false) };
        if let Some(divergence) = divergence {
            let query = sqlx::query(include_str!("sql/record_divergence.sql")).bind(job);
            let query = query.bind(&divergence.key.0[..]).bind(&divergence.outcome_hash.0[..]);
            let query =
                query.bind(divergence.outcome.as_bytes()).bind(DETERMINISM_FAULT).bind(DIVERGED);
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    pub(super) async fn return_replays(&self, worker: WorkerId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/release_replays.sql")).bind(worker.0);
        query.execute(&self.pool).await?;
        Ok(())
    }
}
