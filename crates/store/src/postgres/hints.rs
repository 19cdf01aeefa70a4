//! Hints that bundles have changed, by NOTIFY.
//!
//! A commit that notifies takes a lock of the whole server, so no claim and no result does: what
//! changed is noted here, and one task sends all of it in a small transaction of its own, which does
//! not wait for the disk, at most every 50 ms. A process that dies in between sends nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Executor;
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Postgres, pool_options};
use crate::failure::within;
use crate::noted::Noted;
use crate::{Error, HintFeed, Hints};

/// Least time between two notifications of a process.
const PERIOD: Duration = Duration::from_millis(50);
/// Longest a notification may take; what it would have said is then lost.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bundles in one payload, 32 digits each: PostgreSQL takes 8,000 bytes.
const IN_PAYLOAD: usize = 240;
/// What this process has to tell. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Hinter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    noted: Noted,
    changed: Mutex<BTreeSet<Uuid>>,
    news: Arc<Notify>,
    task: Mutex<JoinSet<()>>,
}

impl Hinter {
    /// What the calls of this process have changed.
    pub(super) fn noted(&self) -> &Noted {
        &self.0.noted
    }

    /// Notes bundles that have changed; they are told soon.
    pub(super) fn note(&self, bundles: impl IntoIterator<Item = Uuid>) {
        let mut changed = lock(&self.0.changed);
        changed.extend(bundles);
        if !changed.is_empty() {
            self.0.news.notify_one();
        }
    }

    /// Starts the task that tells; it ends with the last handle.
    pub(super) fn start(&self, pool: PgPool) {
        let (shared, news) = (Arc::downgrade(&self.0), Arc::clone(&self.0.news));
        let tell = async move {
            loop {
                news.notified().await;
                let Some(shared) = shared.upgrade() else { return };
                let changed = std::mem::take(&mut *lock(&shared.changed));
                drop(shared);
                if let Err(error) = within(TIMEOUT, tell(&pool, &changed)).await {
                    tracing::debug!(%error, bundles = changed.len(), "changes were not told");
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        lock(&self.0.task).spawn(tell);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tell(pool: &PgPool, changed: &BTreeSet<Uuid>) -> Result<(), Error> {
    let ids: Vec<String> = changed.iter().map(|id| id.simple().to_string()).collect();
    let payloads: Vec<String> = ids.chunks(IN_PAYLOAD).map(<[String]>::concat).collect();
    let query = sqlx::query(include_str!("sql/hint_changes.sql")).bind(payloads);
    query.execute(pool).await?;
    Ok(())
}

/// The bundles of a payload; what cannot be read is no hint.
fn read(payload: &str) -> impl Iterator<Item = Uuid> {
    let ids = payload.as_bytes().chunks(32);
    ids.filter_map(|id| Uuid::try_parse_ascii(id).ok())
}

struct Feed(PgListener);

#[async_trait]
impl HintFeed for Feed {
    async fn next(&mut self) -> Result<Vec<Uuid>, Error> {
        let lost = || Error::Unavailable { reason: "the listening session is lost".to_owned() };
        let first = self.0.try_recv().await?.ok_or_else(lost)?;
        let mut changed: BTreeSet<Uuid> = read(first.payload()).collect();
        while let Some(more) = self.0.next_buffered() {
            changed.extend(read(more.payload()));
        }
        Ok(changed.into_iter().collect())
    }
}

#[async_trait]
impl Hints for Postgres {
    async fn listen(&self) -> Result<Box<dyn HintFeed>, Error> {
        let pool = pool_options(1, self.connect_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.listening.clone());
        let mut listener = within(self.connect_timeout, PgListener::connect_with(&pool)).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        let listen = listener.execute(include_str!("sql/listen_for_changes.sql"));
        within(self.connect_timeout, listen).await?;
        Ok(Box::new(Feed(listener)))
    }

    async fn versions(&self, bundles: &[Uuid]) -> Result<Vec<(Uuid, u64)>, Error> {
        let query = sqlx::query_as(include_str!("sql/list_versions.sql")).bind(bundles);
        let rows: Vec<(Uuid, i64)> =
            self.call(async { Ok(query.fetch_all(&self.pool).await?) }).await?;
        Ok(rows.into_iter().map(|(id, version)| (id, version.unsigned_abs())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back_and_nonsense_is_no_hint() {
        let ids: BTreeSet<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
        let payload: String = ids.iter().map(|id| id.simple().to_string()).collect();
        assert_eq!(read(&payload).collect::<BTreeSet<_>>(), ids);
        assert_eq!(read("").count(), 0);
        assert_eq!(read("nonsense").count(), 0);
        assert_eq!(read(&format!("{payload}zz")).count(), 3);
    }
}
