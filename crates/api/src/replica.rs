//! Reading from a streaming replica, where one is named.
//!
//! A replica is behind by some time, and nothing that was told once is untold: what belongs to one
//! bundle is read there only if the replica has that bundle at the version that this node has told,
//! and a status only while none of its jobs runs, whose progress is not replicated. A list of bundles
//! may be as old as [`Config::replica_lag`](crate::Config::replica_lag). How old it is this node
//! knows by its own beats, without comparing clocks of machines: it looks for its last beat there.
//! Where the replica is away, too far behind or refuses, the primary is asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{BundleFilter, BundleRow, Store};
use uuid::Uuid;

use crate::app::App;
use crate::problem::Problem;

/// How long what is known of the replica's lag is trusted.
const LAG_AGE: Duration = Duration::from_millis(500);
/// Longest wait for the replica.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a replica that failed is left alone.
const REST: Duration = Duration::from_secs(5);

/// A store that follows another.
pub(crate) struct Replica {
    store: Arc<dyn Store>,
    known: Mutex<Option<Known>>,
}

/// What the last look at the replica showed.
#[derive(Clone, Copy)]
struct Known {
    at: Instant,
    /// How far behind it was; `None` where it did not answer or never saw this node.
    behind: Option<Duration>,
}

impl Replica {
    pub(crate) fn new(store: Arc<dyn Store>) -> Replica {
        Replica { store, known: Mutex::new(None) }
    }

    fn note(&self, behind: Option<Duration>) {
        metrics::gauge!("backfleet_replica_up").set(f64::from(u8::from(behind.is_some())));
        if let Some(behind) = behind {
            metrics::gauge!("backfleet_replica_lag_seconds").set(behind.as_secs_f64());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Known { at: Instant::now(), behind });
    }

    fn known(&self) -> Option<Known> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this node has told of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// This version, or 0 for nothing, and it has not heard of a later one.
    Version(u64),
    /// That it has changed: the primary knows how.
    Change,
}

/// What the replica answers in time, if it does.
async fn ask<T>(question: impl Future<Output = Result<T, store::Error>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the replica refuses; asking the primary");
            None
        }
        Err(_elapsed) => None,
    }
}

impl App {
    /// The replica, if it is up and not too far behind.
    async fn fresh_replica(&self) -> Option<&Replica> {
        let replica = self.replica()?;
        if let Some(known) = replica.known() {
            let (age, trusted) = match known.behind {
                Some(behind) => (LAG_AGE, behind <= self.config().replica_lag),
                None => (REST, false),
            };
            if known.at.elapsed() < age {
                return trusted.then_some(replica);
            }
        }
        let node = self.node_state().id()?;
        let seen_at = ask(replica.store.node_seen(&node)).await.flatten();
        let behind = seen_at.and_then(|seen_at| self.node_state().age_of(seen_at));
        replica.note(behind);
        let fresh = behind.is_some_and(|behind| behind <= self.config().replica_lag);
        fresh.then_some(replica)
    }

    /// Where what belongs to a bundle is read, by one that was told `version` of it.
    pub(crate) async fn reads(&self, bundle: Uuid, version: u64) -> &dyn Store {
        if let Some(replica) = self.fresh_replica().await {
            match ask(replica.store.versions(&[bundle])).await {
                Some(found) if found.iter().any(|(_, found)| *found >= version) => {
                    metrics::counter!("backfleet_reads_total", "from" => "replica").increment(1);
                    return &*replica.store;
                }
                Some(_) => {}
                None => replica.note(None),
            }
        }
        metrics::counter!("backfleet_reads_total", "from" => "primary").increment(1);
        self.store()
    }

    /// The row of a bundle, from the replica where that cannot be told from the primary's.
    pub(crate) async fn read_status(
        &self,
        bundle: Uuid,
        told: Told,
    ) -> Result<Option<BundleRow>, Problem> {
        if let Told::Version(version) = told
            && let Some(replica) = self.fresh_replica().await
            && let Some(Some(row)) = ask(replica.store.bundle(None, bundle)).await
            && row.running == 0
            && row.version >= version
        {
            return Ok(Some(row));
        }
        Ok(self.store().bundle(None, bundle).await?)
    }

    /// A list of bundles.
    pub(crate) async fn list_bundles(
        &self,
        filter: &BundleFilter,
        limit: u32,
    ) -> Result<Vec<BundleRow>, Problem> {
        if let Some(replica) = self.fresh_replica().await
            && let Some(rows) = ask(replica.store.bundles(filter, limit)).await
        {
            metrics::counter!("backfleet_reads_total", "from" => "replica").increment(1);
            return Ok(rows);
        }
        metrics::counter!("backfleet_reads_total", "from" => "primary").increment(1);
        Ok(self.store().bundles(filter, limit).await?)
    }
}
