//! API nodes, their leases, and what is swept under one.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Postgres;
use super::bundles::finish_bundles;
use crate::key_rows::{NodeColumns, lease, node_row};
use crate::payload::clean;
use crate::{
    DatabaseTime, Error, Fenced, Lease, LeaseKey, NodeBeat, NodeId, NodeRow, Nodes, Sweep,
};

/// Row of a beat: when it was, then kind, key and epoch of what is held.
type BeatRow = (i64, Option<String>, Option<String>, Option<i64>);

/// Whether the lease is still held; if so it cannot move before the transaction ends.
async fn fence(
    conn: &mut PgConnection,
    node: &NodeId,
    lease: &Lease,
    next: Duration,
) -> Result<bool, Error> {
    let query = sqlx::query(include_str!("sql/fence_lease.sql")).bind(clean(&lease.key.kind));
    let query = query.bind(clean(&lease.key.key)).bind(clean(&node.id)).bind(node.generation);
    let query = query.bind(lease.epoch).bind(next.as_secs_f64());
    Ok(query.fetch_optional(conn).await?.is_some())
}

impl Postgres {
    async fn try_sweep(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Sweep,
        next: Duration,
    ) -> Result<Fenced, Error> {
        let mut tx = self.beats.begin().await?;
        sqlx::query(include_str!("sql/limit_sweep.sql")).execute(&mut *tx).await?;
        if !fence(&mut tx, node, lease, next).await? {
            return Ok(Fenced::Lost);
        }
        let mut finished = Vec::new();
        let changed = match sweep {
            Sweep::Backoffs => {
                let query = sqlx::query_scalar(include_str!("sql/end_backoffs.sql"));
                let released: i64 = query.fetch_one(&mut *tx).await?;
                released.unsigned_abs()
            }
            Sweep::Bundles => {
                let unfinished = sqlx::query_scalar(include_str!("sql/sweep_bundles.sql"));
                let bundles: Vec<Uuid> = unfinished.fetch_all(&mut *tx).await?;
                if !bundles.is_empty() {
                    finished = finish_bundles(&mut *tx, &bundles).await?;
                }
                finished.len() as u64
            }
        };
        tx.commit().await?;
        if sweep == Sweep::Backoffs && changed > 0 {
            self.bump_epoch().await;
        }
        self.hints.note(finished);
        Ok(Fenced::Done(changed))
    }

    /// Whether a node holds the lease of a sweep: then nobody else needs to run it.
    pub(super) async fn is_swept(conn: &mut PgConnection, sweep: Sweep) -> Result<bool, Error> {
        let LeaseKey { kind, key } = sweep.lease();
        let query = sqlx::query_scalar(include_str!("sql/lease_lives.sql")).bind(kind).bind(key);
        Ok(query.fetch_one(conn).await?)
    }
}

#[async_trait]
impl Nodes for Postgres {
    async fn enter_node(&self, id: &str, url: &str, version: &str) -> Result<NodeId, Error> {
        let query = sqlx::query_scalar(include_str!("sql/enter_node.sql")).bind(clean(id));
        let query = query.bind(clean(url)).bind(clean(version));
        let generation = self.call(async { Ok(query.fetch_one(&self.beats).await?) }).await?;
        Ok(NodeId { id: id.to_owned(), generation })
    }

    async fn beat_node(&self, node: &NodeId, ttl: Duration) -> Result<NodeBeat, Error> {
        let query = sqlx::query_as(include_str!("sql/beat_node.sql")).bind(clean(&node.id));
        let query = query.bind(node.generation).bind(ttl.as_secs_f64());
        let rows: Vec<BeatRow> =
            self.call(async { Ok(query.fetch_all(&self.beats).await?) }).await?;
        let Some(seen_at) = rows.first().map(|row| row.0) else { return Ok(NodeBeat::Superseded) };
        let held =
            rows.into_iter().filter_map(|(_, kind, key, epoch)| Some(lease((kind?, key?, epoch?))));
        Ok(NodeBeat::Alive { seen_at, held: held.collect() })
    }

    async fn leave_node(&self, node: &NodeId) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/leave_node.sql")).bind(clean(&node.id));
        let query = query.bind(node.generation);
        self.call(async { Ok(query.execute(&self.beats).await?) }).await?;
        Ok(())
    }

    async fn nodes(&self, ttl: Duration) -> Result<Vec<NodeRow>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_nodes.sql")).bind(ttl.as_secs_f64());
        let rows: Vec<NodeColumns> =
            self.call(async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        Ok(rows.into_iter().map(node_row).collect())
    }

    async fn node_seen(&self, node: &NodeId) -> Result<Option<DatabaseTime>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/node_seen.sql")).bind(clean(&node.id));
        let query = query.bind(node.generation);
        self.call(async { Ok(query.fetch_optional(&self.pool).await?) }).await
    }

    async fn claim_lease(
        &self,
        node: &NodeId,
        key: &LeaseKey,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/claim_lease.sql")).bind(clean(&key.kind));
        let query = query.bind(clean(&key.key)).bind(clean(&node.id)).bind(node.generation);
        let query = query.bind(ttl.as_secs_f64());
        let epoch: Option<i64> =
            self.call(async { Ok(query.fetch_optional(&self.beats).await?) }).await?;
        Ok(epoch.map(|epoch| Lease { key: key.clone(), epoch }))
    }

    async fn release_lease(&self, node: &NodeId, lease: &Lease) -> Result<(), Error> {
        let query = sqlx::query(include_str!("sql/release_lease.sql"));
        let query = query.bind(clean(&lease.key.kind)).bind(clean(&lease.key.key));
        let query = query.bind(clean(&node.id)).bind(node.generation).bind(lease.epoch);
        self.call(async { Ok(query.execute(&self.beats).await?) }).await?;
        Ok(())
    }

    async fn wake_lease(
        &self,
        node: &NodeId,
        lease: &Lease,
        next: Duration,
    ) -> Result<Fenced, Error> {
        let write = async {
            let mut conn = self.beats.acquire().await?;
            fence(&mut conn, node, lease, next).await
        };
        Ok(if self.call(Box::pin(write)).await? { Fenced::Done(1) } else { Fenced::Lost })
    }

    async fn sweep(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Sweep,
        next: Duration,
    ) -> Result<Fenced, Error> {
        self.call(Box::pin(self.try_sweep(node, lease, sweep, next))).await
    }
}
