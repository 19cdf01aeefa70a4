//! API nodes, their leases, and what is swept under one.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite as Database, query::Query};

use super::queue::millis;
use super::{CALL_TIMEOUT, Sqlite, Write, now};
use crate::key_rows::{NodeColumns, lease, node_row};
use crate::{
    DatabaseTime, Error, Fenced, Lease, LeaseKey, NodeBeat, NodeId, NodeRow, Nodes, Sweep,
};

/// A statement about a lease of a node: kind, key, owner, generation, epoch.
fn of_lease<'q>(
    text: &'static str,
    node: &'q NodeId,
    lease: &'q Lease,
) -> Query<'q, Database, SqliteArguments> {
    let query = sqlx::query(text).bind(&lease.key.kind).bind(&lease.key.key);
    query.bind(&node.id).bind(node.generation).bind(lease.epoch)
}

impl Write {
    /// Whether the lease is still held.
    async fn fence(&mut self, node: &NodeId, lease: &Lease, next: Duration) -> Result<bool, Error> {
        let query = of_lease(include_str!("sql/fence_lease.sql"), node, lease);
        let query = query.bind(self.now).bind(millis(next));
        Ok(query.fetch_optional(&mut *self.tx).await?.is_some())
    }

    /// Whether a node holds the lease of a sweep: then nobody else needs to run it.
    pub(super) async fn is_swept(&mut self, sweep: Sweep) -> Result<bool, Error> {
        let LeaseKey { kind, key } = sweep.lease();
        let query = sqlx::query_scalar(include_str!("sql/lease_lives.sql")).bind(kind).bind(key);
        Ok(query.bind(self.now).fetch_one(&mut *self.tx).await?)
    }
}

impl Sqlite {
    async fn insert_node(&self, id: &str, url: &str, version: &str) -> Result<i64, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/enter_node.sql")).bind(id);
        let query = query.bind(url).bind(version).bind(write.now);
        let generation = query.fetch_one(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(generation)
    }

    async fn renew(&self, node: &NodeId, ttl: Duration) -> Result<NodeBeat, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/beat_node.sql")).bind(&node.id);
        let query = query.bind(node.generation).bind(write.now);
        let seen_at: Option<i64> = query.fetch_optional(&mut *write.tx).await?;
        let Some(seen_at) = seen_at else { return Ok(NodeBeat::Superseded) };
        let query = sqlx::query_as(include_str!("sql/renew_leases.sql")).bind(&node.id);
        let query = query.bind(node.generation).bind(write.now).bind(millis(ttl));
        let rows: Vec<(String, String, i64)> = query.fetch_all(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(NodeBeat::Alive { seen_at, held: rows.into_iter().map(lease).collect() })
    }

    async fn sign_off(&self, node: &NodeId) -> Result<(), Error> {
        let mut write = self.begin().await?;
        for text in [include_str!("sql/leave_node.sql"), include_str!("sql/end_leases.sql")] {
            let query = sqlx::query(text).bind(&node.id).bind(node.generation).bind(write.now);
            query.execute(&mut *write.tx).await?;
        }
        write.tx.commit().await?;
        Ok(())
    }

    async fn list_nodes(&self, ttl: Duration) -> Result<Vec<NodeColumns>, Error> {
        let mut conn = self.reader.acquire().await?;
        let now = now(&mut conn).await?;
        let query = sqlx::query_as(include_str!("sql/list_nodes.sql")).bind(millis(ttl));
        Ok(query.bind(now).fetch_all(&mut *conn).await?)
    }

    async fn take_lease(
        &self,
        node: &NodeId,
        key: &LeaseKey,
        ttl: Duration,
    ) -> Result<Option<i64>, Error> {
        let mut write = self.begin().await?;
        let query = sqlx::query_scalar(include_str!("sql/claim_lease.sql"));
        let query = query.bind(&key.kind).bind(&key.key).bind(&node.id).bind(node.generation);
        let query = query.bind(write.now).bind(millis(ttl));
        let epoch = query.fetch_optional(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(epoch)
    }

    async fn end_lease(&self, node: &NodeId, lease: &Lease) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let query = of_lease(include_str!("sql/release_lease.sql"), node, lease);
        query.bind(write.now).execute(&mut *write.tx).await?;
        write.tx.commit().await?;
        Ok(())
    }

    /// A write under a lease: what `sweep` says, if anything.
    async fn write_fenced(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Option<Sweep>,
        next: Duration,
    ) -> Result<Fenced, Error> {
        let mut write = self.begin().await?;
        if !write.fence(node, lease, next).await? {
            return Ok(Fenced::Lost);
        }
        let mut finished = Vec::new();
        let changed = match sweep {
            None => 1,
            Some(Sweep::Backoffs) => write.end_backoffs().await?,
            Some(Sweep::Bundles) => {
                finished = write.finish_bundles().await?;
                finished.len() as u64
            }
        };
        write.tx.commit().await?;
        if sweep == Some(Sweep::Backoffs) && changed > 0 {
            self.wake();
        }
        self.hints.note(finished);
        Ok(Fenced::Done(changed))
    }
}

#[async_trait]
impl Nodes for Sqlite {
    async fn enter_node(&self, id: &str, url: &str, version: &str) -> Result<NodeId, Error> {
        let generation = self.call(CALL_TIMEOUT, self.insert_node(id, url, version)).await?;
        Ok(NodeId { id: id.to_owned(), generation })
    }

    async fn beat_node(&self, node: &NodeId, ttl: Duration) -> Result<NodeBeat, Error> {
        self.call(CALL_TIMEOUT, self.renew(node, ttl)).await
    }

    async fn leave_node(&self, node: &NodeId) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.sign_off(node)).await
    }

    async fn nodes(&self, ttl: Duration) -> Result<Vec<NodeRow>, Error> {
        let rows = self.call(CALL_TIMEOUT, self.list_nodes(ttl)).await?;
        Ok(rows.into_iter().map(node_row).collect())
    }

    async fn node_seen(&self, node: &NodeId) -> Result<Option<DatabaseTime>, Error> {
        let query = sqlx::query_scalar(include_str!("sql/node_seen.sql")).bind(&node.id);
        let query = query.bind(node.generation);
        self.call(CALL_TIMEOUT, async { Ok(query.fetch_optional(&self.reader).await?) }).await
    }

    async fn claim_lease(
        &self,
        node: &NodeId,
        key: &LeaseKey,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error> {
        let epoch = self.call(CALL_TIMEOUT, self.take_lease(node, key, ttl)).await?;
        Ok(epoch.map(|epoch| Lease { key: key.clone(), epoch }))
    }

    async fn release_lease(&self, node: &NodeId, lease: &Lease) -> Result<(), Error> {
        self.call(CALL_TIMEOUT, self.end_lease(node, lease)).await
    }

    async fn wake_lease(
        &self,
        node: &NodeId,
        lease: &Lease,
        next: Duration,
    ) -> Result<Fenced, Error> {
        self.call(CALL_TIMEOUT, self.write_fenced(node, lease, None, next)).await
    }

    async fn sweep(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Sweep,
        next: Duration,
    ) -> Result<Fenced, Error> {
        self.call(CALL_TIMEOUT, self.write_fenced(node, lease, Some(sweep), next)).await
    }
}
