//! Replays: asked for, claimed before jobs, answered once.

use serde_json::Value;
use uuid::Uuid;

use super::{Sqlite, Write};
use crate::payload::{DETERMINISM_FAULT, DIVERGED, MAX_REPLAYS, REPLAY_LOST};
use crate::rows::{ReplayClaimRecord, ReplayRecord};
use crate::{Divergence, Error, HeldReplay, ReplayClaim, ReplayRow, WorkerId};

impl Write {
    /// Takes its replays from a dead worker.
    pub(super) async fn lose_replays(&mut self, worker: WorkerId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/lose_replays.sql")).bind(worker.0);
        let query = query.bind(self.now).bind(MAX_REPLAYS).bind(REPLAY_LOST);
        query.execute(&mut *self.tx).await?;
        Ok(())
    }
}

impl Sqlite {
    pub(super) async fn insert_replay(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<ReplayRow>, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query(include_str!("sql/ask_replay.sql")).bind(bundle).bind(seq);
        query.bind(write.now).execute(&mut *write.tx).await?;
        write.tx.commit().await?;
        self.wake();
        self.read_replay(bundle, seq).await
    }

    pub(super) async fn read_replay(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<ReplayRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/read_replay.sql")).bind(bundle).bind(seq);
        let row: Option<ReplayRecord> = query.fetch_optional(&self.reader).await?;
        Ok(row.map(|ReplayRecord(row)| row))
    }

    pub(super) async fn take_replays(
        &self,
        worker: WorkerId,
        limit: u32,
    ) -> Result<Vec<ReplayClaim>, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/claim_replays.sql")).bind(worker.0);
        let mut ids: Vec<i64> = query.bind(limit).fetch_all(&mut *write.tx).await?;
        ids.sort_unstable();
        let mut claims = Vec::with_capacity(ids.len());
        for id in ids {
            let query = sqlx::query_as(include_str!("sql/read_replay_claim.sql")).bind(id);
            let row: Option<ReplayClaimRecord> = query.fetch_optional(&mut *write.tx).await?;
            claims.extend(row.map(|ReplayClaimRecord(claim)| claim));
        }
        write.tx.commit().await?;
        Ok(claims)
    }

    pub(super) async fn write_answer(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/answer_replay.sql")).bind(worker.0);
        let query = query.bind(held.id).bind(held.attempt).bind(answer.to_string());
        let job: Option<i64> = query.bind(write.now).fetch_optional(&mut *write.tx).await?;
        let Some(job) = job else { return Ok(false) };
        if let Some(divergence) = divergence {
            let query = sqlx::query(include_str!("sql/record_conflict.sql"));
            let query = query.bind(&divergence.key.0[..]).bind(&divergence.outcome_hash.0[..]);
            let query = query.bind(job).bind(divergence.outcome.as_bytes());
            query.bind(write.now).execute(&mut *write.tx).await?;
            let query = sqlx::query(include_str!("sql/mark_conflict.sql")).bind(job);
            let query = query.bind(DETERMINISM_FAULT).bind(DIVERGED);
            query.execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(true)
    }

    pub(super) async fn return_replays(&self, worker: WorkerId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/release_replays.sql")).bind(worker.0);
        query.execute(&self.writer).await?;
        Ok(())
    }
}
