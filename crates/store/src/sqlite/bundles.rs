//! Bundles: submit, read, list, and what makes them final.

use model::{BundleStatus, Digest};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Sqlite, Write, hex};
use crate::payload::{clean, fold, rank};
use crate::rows::{BundleRecord, digest, request};
use crate::{BundleFilter, BundleRow, Error, Idempotency, NewBundle, Submitted};

/// Jobs in one insert; bounds the memory of its parameter.
const CHUNK: usize = 10_000;

/// The slot that counts what no worker did.
pub(super) const NO_WORKER: i64 = 0;

/// What to add to the counts of a bundle in one slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delta {
    pub(super) completed: i64,
    pub(super) failed: i64,
    pub(super) cancelled: i64,
    pub(super) cached: i64,
    pub(super) running: i64,
}

impl Write {
    /// Adds to the counts of a bundle; its version rises by one.
    pub(super) async fn count(&mut self, id: Uuid, slot: i64, delta: Delta) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/count_slot.sql")).bind(id).bind(slot);
        let query = query.bind(delta.completed).bind(delta.failed).bind(delta.cancelled);
        let query = query.bind(delta.cached).bind(delta.running).bind(self.now);
        query.execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Makes a bundle final if all its jobs are; says whether this call did it.
    pub(super) async fn finish_bundle(&mut self, id: Uuid) -> Result<bool, Error> {
        let query = sqlx::query(include_str!("sql/finish_bundle.sql")).bind(id).bind(self.now);
        Ok(query.fetch_optional(&mut *self.tx).await?.is_some())
    }

    /// `None` if the request is new and now remembered.
    async fn recall(
        &mut self,
        owner: &str,
        id: Uuid,
        idempotency: &Idempotency,
    ) -> Result<Option<Submitted>, Error> {
        let keep = i64::try_from(idempotency.keep.as_millis()).unwrap_or(i64::MAX);
        let query = sqlx::query(include_str!("sql/remember_request.sql")).bind(owner);
        let query = query.bind(&idempotency.key).bind(&idempotency.body_hash.0[..]).bind(id);
        let query = query.bind(self.now).bind(self.now.saturating_add(keep));
        if query.fetch_optional(&mut *self.tx).await?.is_some() {
            return Ok(None);
        }
        let query = sqlx::query_as(include_str!("sql/recall_request.sql"));
        let query = query.bind(owner).bind(&idempotency.key);
        let (hash, id): (Vec<u8>, Uuid) = query.fetch_one(&mut *self.tx).await?;
        let same = digest("body_hash", &hash)? == idempotency.body_hash;
        Ok(Some(if same { Submitted::Repeated { id } } else { Submitted::KeyReused }))
    }

    async fn insert_jobs(&mut self, bundle: &NewBundle, owner: &str) -> Result<(), Error> {
        let (id, rank, terms) = (bundle.id, rank(bundle.priority), bundle.terms);
        let room = match terms.running_cap {
            Some(running) => Some(self.set_cap(owner, running).await?),
            None => None,
        };
        let jobs_a_turn = terms.ordering.chunk();
        let first_turn: i64 = if jobs_a_turn == 0 {
            0
        } else {
            let query = sqlx::query_scalar(include_str!("sql/first_turn.sql")).bind(rank);
            query.fetch_one(&mut *self.tx).await?
        };
        let mut before = 0;
        for chunk in bundle.jobs.chunks(CHUNK) {
            let rows: Vec<Value> = chunk
                .iter()
                .map(|job| json!([job.seq, hex(&job.spec_key), job.result_key.as_ref().map(hex)]))
                .collect();
            let query = sqlx::query(include_str!("sql/insert_jobs.sql")).bind(id);
            let query = query.bind(Value::from(rows).to_string()).bind(rank).bind(self.now);
            let query = query.bind(before).bind(first_turn).bind(jobs_a_turn).bind(room);
            query.execute(&mut *self.tx).await?;
            before += i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        }
        if room.is_some() {
            self.count_released(id).await?;
        }
        Ok(())
    }
}

impl Sqlite {
    pub(super) async fn insert_bundle(&self, bundle: &NewBundle) -> Result<Submitted, Error> {
        let mut write = self.begin().await?;
        let owner = clean(&bundle.owner);
        if let Some(idempotency) = &bundle.idempotency
            && let Some(known) = write.recall(&owner, bundle.id, idempotency).await?
        {
            return Ok(known);
        }
        let rank = rank(bundle.priority);
        let tags: Value = bundle
            .tags
            .iter()
            .map(|(key, value)| (clean(key), clean(value).into_owned()))
            .collect();
        let total = i64::try_from(bundle.jobs.len()).unwrap_or(i64::MAX);
        let dropped = i64::try_from(bundle.dropped).unwrap_or(i64::MAX);
        let query = sqlx::query(include_str!("sql/insert_bundle.sql")).bind(bundle.id);
        let query = query.bind(&owner).bind(clean(&bundle.name)).bind(fold(&bundle.name));
        let query = query.bind(bundle.request.to_string()).bind(tags.to_string());
        let query = query.bind(total).bind(dropped).bind(rank);
        let query = query.bind(bundle.trace.as_deref().map(clean)).bind(write.now);
        query.execute(&mut *write.tx).await?;

        write.insert_jobs(bundle, &owner).await?;
        let cached = if bundle.jobs.iter().any(|job| job.result_key.is_some()) {
            let query = sqlx::query_scalar(include_str!("sql/count_cached.sql")).bind(bundle.id);
            query.fetch_one(&mut *write.tx).await?
        } else {
            0
        };
        if cached > 0 {
            let delta = Delta { completed: cached, cached, ..Delta::default() };
            write.count(bundle.id, NO_WORKER, delta).await?;
            if cached < total {
                write.insert_pins(bundle.id, &bundle.pins).await?;
            }
        }
        write.finish_bundle(bundle.id).await?;
        write.tx.commit().await?;
        self.wake();
        Ok(Submitted::Stored { cached: cached.unsigned_abs() })
    }

    pub(super) async fn read_bundle(
        &self,
        owner: Option<&str>,
        id: Uuid,
    ) -> Result<Option<BundleRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/read_bundle.sql")).bind(id);
        let query = query.bind(owner.map(clean));
        let row: Option<BundleRecord> = query.fetch_optional(&self.reader).await?;
        Ok(row.map(|BundleRecord(row)| row))
    }

    pub(super) async fn read_request(&self, id: Uuid) -> Result<Option<Value>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/read_request.sql")).bind(id);
        let text: Option<String> = query.fetch_optional(&self.reader).await?;
        Ok(text.map(|text| request(&text)).transpose()?)
    }

    pub(super) async fn list_bundles(
        &self,
        filter: &BundleFilter,
        limit: u32,
    ) -> Result<Vec<BundleRow>, Error> {
        let (tag, value) =
            filter.tag.as_ref().map(|(tag, value)| (clean(tag), clean(value))).unzip();
        let query = sqlx::query_as(include_str!("sql/list_bundles.sql"));
        let query = query.bind(filter.owner.as_deref().map(clean));
        let query = query.bind(filter.status.map(BundleStatus::code));
        let query = query.bind(filter.name.as_deref().map(fold)).bind(tag).bind(value);
        let query = query.bind(filter.before).bind(limit);
        let rows: Vec<BundleRecord> = query.fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|BundleRecord(row)| row).collect())
    }

    pub(super) async fn find_results(
        &self,
        keys: &[Digest],
    ) -> Result<std::collections::BTreeMap<Digest, Digest>, Error> {
        let mut found = std::collections::BTreeMap::new();
        for chunk in keys.chunks(CHUNK) {
            let list: Value = chunk.iter().map(hex).collect();
            let query = sqlx::query_as(include_str!("sql/standing_results.sql"));
            let rows: Vec<(Vec<u8>, Vec<u8>)> =
                query.bind(list.to_string()).fetch_all(&self.reader).await?;
            for (key, hash) in rows {
                found.insert(digest("key", &key)?, digest("outcome_hash", &hash)?);
            }
        }
        Ok(found)
    }
}
