//! Bundles: submit, read, list, and what makes them final.

use std::collections::BTreeMap;

use model::{BundleStatus, Digest};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Postgres;
use super::caps::set_cap;
use super::data::insert_pins;
use crate::payload::{clean, fold, rank};
use crate::rows::{BundleRecord, digest, request};
use crate::{BundleFilter, BundleRow, Error, Idempotency, NewBundle, NewJob, Submitted, Terms};

/// Jobs in one insert; bounds the memory of its parameters.
const CHUNK: usize = 10_000;

/// Makes those of `bundles` final whose jobs all are; answers which became so by this call.
pub(super) async fn finish_bundles(
    executor: impl PgExecutor<'_>,
    bundles: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let query = sqlx::query_scalar(include_str!("sql/finish_bundles.sql")).bind(bundles);
    Ok(query.fetch_all(executor).await?)
}

/// `None` if the request is new and now remembered. Waits up to 5 s for a racer.
async fn recall(
    conn: &mut PgConnection,
    owner: &str,
    id: Uuid,
    idempotency: &Idempotency,
) -> Result<Option<Submitted>, Error> {
    sqlx::query(include_str!("sql/limit_wait.sql")).execute(&mut *conn).await?;
    let query = sqlx::query(include_str!("sql/remember_request.sql")).bind(owner);
    let query = query.bind(clean(&idempotency.key)).bind(&idempotency.body_hash.0[..]).bind(id);
    let query = query.bind(idempotency.keep.as_secs_f64());
    if query.fetch_optional(&mut *conn).await?.is_some() {
        return Ok(None);
    }
    let query = sqlx::query_as(include_str!("sql/recall_request.sql"));
    let query = query.bind(owner).bind(clean(&idempotency.key));
    let (hash, id): (Vec<u8>, Uuid) = query.fetch_one(conn).await?;
    let same = digest("body_hash", &hash)? == idempotency.body_hash;
    Ok(Some(if same { Submitted::Repeated { id } } else { Submitted::KeyReused }))
}

/// Where the jobs of a bundle go in the queue.
struct Place {
    rank: i16,
    first_turn: i64,
    /// Jobs a turn; 0 where there are no turns.
    chunk: i64,
    /// How many may be claimable, where the owner has a cap.
    room: Option<i64>,
}

/// Inserts jobs; answers how many were completed from standing results, and how many wait for their
/// owner's cap.
async fn insert_jobs(
    conn: &mut PgConnection,
    id: Uuid,
    place: &Place,
    jobs: &[NewJob],
) -> Result<(i64, i64), Error> {
    let Place { rank, first_turn, chunk: jobs_a_turn, room } = *place;
    let (mut cached, mut waiting) = (0, 0);
    let mut before = 0;
    for chunk in jobs.chunks(CHUNK) {
        let is_plain = jobs_a_turn == 0 && room.is_none();
        if is_plain && chunk.iter().all(|job| job.result_key.is_none()) {
            copy_jobs(conn, id, rank, chunk).await?;
            continue;
        }
        let seqs: Vec<i32> = chunk.iter().map(|job| seq(job.seq)).collect::<Result<_, _>>()?;
        let keys: Vec<&[u8]> = chunk.iter().map(|job| &job.spec_key.0[..]).collect();
        let results: Vec<Option<&[u8]>> =
            chunk.iter().map(|job| job.result_key.as_ref().map(|key| &key.0[..])).collect();
        let query = sqlx::query_as(include_str!("sql/insert_known_jobs.sql")).bind(id);
        let query = query.bind(rank).bind(seqs).bind(keys).bind(results);
        let query = query.bind(before).bind(first_turn).bind(jobs_a_turn).bind(room);
        let (known, held): (i64, i64) = query.fetch_one(&mut *conn).await?;
        cached += known;
        waiting += held;
        before += i64::try_from(chunk.len()).unwrap_or(i64::MAX);
    }
    Ok((cached, waiting))
}

/// Signature, flags and no extension: the head of binary COPY data.
const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Inserts jobs of which nothing is known, the fastest way there is.
async fn copy_jobs(
    conn: &mut PgConnection,
    id: Uuid,
    rank: i16,
    jobs: &[NewJob],
) -> Result<(), Error> {
    let mut data = Vec::with_capacity(COPY_HEAD.len() + jobs.len() * 72 + 2);
    data.extend_from_slice(COPY_HEAD);
    for job in jobs {
        let seq = seq(job.seq)?.to_be_bytes();
        let columns: [&[u8]; 4] = [id.as_bytes(), &seq, &job.spec_key.0, &rank.to_be_bytes()];
        data.extend_from_slice(&4_i16.to_be_bytes());
        for column in columns {
            let length = i32::try_from(column.len()).unwrap_or(i32::MAX);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(column);
        }
    }
    data.extend_from_slice(&(-1_i16).to_be_bytes());
    let mut copy = conn.copy_in_raw(include_str!("sql/copy_jobs.sql")).await?;
    match copy.send(data).await {
        Ok(_) => copy.finish().await?,
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

/// Finds the place of a new bundle.
async fn place(
    conn: &mut PgConnection,
    owner: &str,
    rank: i16,
    terms: Terms,
) -> Result<Place, Error> {
    let room = match terms.running_cap {
        Some(running) => Some(set_cap(conn, owner, running).await?),
        None => None,
    };
    let chunk = terms.ordering.chunk();
    let first_turn = if chunk == 0 {
        0
    } else {
        let query = sqlx::query_scalar(include_str!("sql/first_turn.sql")).bind(rank);
        query.fetch_one(conn).await?
    };
    Ok(Place { rank, first_turn, chunk, room })
}

/// A seq as a column holds it.
pub(super) fn seq(seq: u32) -> Result<i32, Error> {
    i32::try_from(seq)
        .map_err(|_| Error::Refused { reason: format!("seq {seq} is beyond what a job can have") })
}

impl Postgres {
    pub(super) async fn insert_bundle(&self, bundle: &NewBundle) -> Result<Submitted, Error> {
        let mut tx = self.pool.begin().await?;
        let owner = clean(&bundle.owner);
        if let Some(idempotency) = &bundle.idempotency
            && let Some(known) = recall(&mut tx, &owner, bundle.id, idempotency).await?
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
        let query = query.bind(bundle.trace.as_deref().map(clean));
        query.execute(&mut *tx).await?;

        let place = place(&mut tx, &owner, rank, bundle.terms).await?;
        let (cached, waiting) = insert_jobs(&mut tx, bundle.id, &place, &bundle.jobs).await?;
        if place.room.is_some() {
            let query = sqlx::query(include_str!("sql/count_released.sql")).bind(bundle.id);
            query.bind(total - waiting).execute(&mut *tx).await?;
        }
        if cached > 0 {
            let query = sqlx::query(include_str!("sql/count_cached.sql")).bind(bundle.id);
            query.bind(cached).execute(&mut *tx).await?;
        }
        if cached > 0 && cached < total {
            insert_pins(&mut tx, bundle.id, &bundle.pins).await?;
        }
        if cached == total {
            // Nobody else can know these jobs yet, so their sum is whole before the commit.
            finish_bundles(&mut *tx, &[bundle.id]).await?;
        } else {
            sqlx::query(include_str!("sql/notify_workers.sql")).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        if cached < total {
            self.bump_epoch().await;
        }
        Ok(Submitted::Stored { cached: cached.unsigned_abs() })
    }

    pub(super) async fn read_bundle(
        &self,
        owner: Option<&str>,
        id: Uuid,
    ) -> Result<Option<BundleRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/read_bundle.sql")).bind(id);
        let query = query.bind(owner.map(clean));
        let row: Option<BundleRecord> = query.fetch_optional(&self.pool).await?;
        Ok(row.map(|BundleRecord(row)| row))
    }

    pub(super) async fn read_request(&self, id: Uuid) -> Result<Option<Value>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/read_request.sql")).bind(id);
        let text: Option<String> = query.fetch_optional(&self.pool).await?;
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
        let query = query.bind(filter.before).bind(i64::from(limit));
        let rows: Vec<BundleRecord> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|BundleRecord(row)| row).collect())
    }

    pub(super) async fn find_results(
        &self,
        keys: &[Digest],
    ) -> Result<BTreeMap<Digest, Digest>, Error> {
        let mut found = BTreeMap::new();
        for chunk in keys.chunks(CHUNK) {
            let keys: Vec<&[u8]> = chunk.iter().map(|key| &key.0[..]).collect();
            let query = sqlx::query_as(include_str!("sql/standing_results.sql")).bind(keys);
            let rows: Vec<(Vec<u8>, Vec<u8>)> = query.fetch_all(&self.pool).await?;
            for (key, hash) in rows {
                found.insert(digest("key", &key)?, digest("outcome_hash", &hash)?);
            }
        }
        Ok(found)
    }
}
