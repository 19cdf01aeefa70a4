//! Statuses in memory: however many clients ask, the store is asked once a change.
//!
//! While hints come (`hints`), a status is good until one names its bundle or the sweep of versions
//! finds another one; without hints it is good for 100 ms. In either case a bundle costs at most one
//! SELECT per 100 ms.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::flight::Flight;
use crate::problem::Problem;
use crate::replica::Told;
use crate::status::Snapshot;

/// Most bundles that are remembered at once.
const MAX_SLOTS: usize = 100_000;

/// The statuses that were read lately, by bundle.
#[derive(Default)]
pub(crate) struct StatusCache {
    slots: Mutex<BTreeMap<Uuid, Slot>>,
    /// Whether a change would be told.
    hinted: AtomicBool,
}

struct Slot {
    status: Arc<Remembered>,
    read_at: Instant,
}

/// What is known of one bundle.
#[derive(Default)]
pub(crate) struct Remembered {
    flight: Flight<Option<Arc<Snapshot>>>,
    /// Whether the bundle changed since the load began.
    stale: AtomicBool,
    /// Wakes the feed of the bundle.
    news: Notify,
}

impl Remembered {
    /// Waits for a change. One that comes while nobody waits is remembered.
    pub(crate) async fn changed(&self) {
        self.news.notified().await;
    }

    fn touch(&self) {
        self.stale.store(true, Ordering::Release);
        self.news.notify_one();
    }
}

impl StatusCache {
    /// Forgets the status of a bundle that this process has just changed.
    pub(crate) fn forget(&self, id: Uuid) {
        if let Some(slot) = self.lock().get(&id) {
            slot.status.flight.forget();
            slot.status.touch();
        }
    }

    /// Notes that bundles have changed.
    pub(crate) fn touch(&self, ids: impl IntoIterator<Item = Uuid>) {
        let slots = self.lock();
        for slot in ids.into_iter().filter_map(|id| slots.get(&id)) {
            slot.status.touch();
        }
    }

    /// Says whether changes are told from now on. What is remembered then may be old already.
    pub(crate) fn set_hinted(&self, hinted: bool) {
        for slot in self.lock().values() {
            slot.status.touch();
        }
        self.hinted.store(hinted, Ordering::Release);
    }

    /// Whether changes are told.
    pub(crate) fn is_hinted(&self) -> bool {
        self.hinted.load(Ordering::Acquire)
    }

    /// The versions that are remembered, by bundle.
    pub(crate) fn versions(&self) -> BTreeMap<Uuid, u64> {
        let slots = self.lock();
        let version = |slot: &Slot| Some(slot.status.flight.last()??.row.version);
        slots.iter().filter_map(|(id, slot)| Some((*id, version(slot)?))).collect()
    }

    /// Forgets bundles that nobody has read for `idle`.
    pub(crate) fn evict(&self, idle: Duration) {
        self.lock().retain(|_, slot| slot.read_at.elapsed() < idle);
    }

    /// How many bundles are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// What is known of a bundle.
    pub(crate) fn remembered(&self, id: Uuid) -> Arc<Remembered> {
        let mut slots = self.lock();
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&id) {
            slots.clear();
        }
        let slot = slots
            .entry(id)
            .or_insert_with(|| Slot { status: Arc::default(), read_at: Instant::now() });
        slot.read_at = Instant::now();
        Arc::clone(&slot.status)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The status of a bundle of any owner, as new as hints are quick, or at most
    /// [`Config::status_age`](crate::Config::status_age) old.
    pub(crate) async fn status(&self, id: Uuid) -> Result<Arc<Snapshot>, Problem> {
        let status = self.statuses().remembered(id);
        let config = self.config();
        let age = |held: &Option<Arc<Snapshot>>| match held {
            Some(_) if self.statuses().is_hinted() && !status.stale.load(Ordering::Acquire) => {
                Duration::MAX
            }
            Some(held) if held.row.status.is_final() && !self.statuses().is_hinted() => {
                config.final_status_age
            }
            _ => config.status_age,
        };
        let load = || async {
            let was_stale = status.stale.swap(false, Ordering::AcqRel);
            let last = status.flight.last().flatten();
            let told = match &last {
                _ if was_stale => Told::Change,
                last => Told::Version(last.as_ref().map_or(0, |last| last.row.version)),
            };
            let row = match self.read_status(id, told).await {
                Ok(row) => row,
                Err(problem) => {
                    status.stale.store(true, Ordering::Release);
                    return Err(problem);
                }
            };
            let Some(row) = row else { return Ok(None) };
            metrics::counter!("backfleet_status_loads_total").increment(1);
            if let Some(last) = last.filter(|last| last.row.version == row.version) {
                return Ok(Some(last));
            }
            let candles_per_job = if Snapshot::needs_candles(&row) {
                Some(self.bundle_facts(id).await?.candles_per_job)
            } else {
                None
            };
            Ok(Some(Arc::new(Snapshot::new(row, candles_per_job))))
        };
        let held = status.flight.get(age, load).await?;
        metrics::counter!("backfleet_status_reads_total").increment(1);
        held.ok_or_else(|| bundle_not_found(id))
    }
}

/// The refusal of an id that names no bundle of this owner.
pub(crate) fn bundle_not_found(id: impl std::fmt::Display) -> Problem {
    Problem::new(Code::BundleNotFound, format!("there is no bundle \"{id}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_forgotten() {
        let cache = StatusCache::default();
        for _ in 0..10_000 {
            cache.remembered(Uuid::now_v7());
        }
        cache.evict(Duration::from_mins(1));
        assert_eq!(cache.len(), 10_000);
        cache.evict(Duration::ZERO);
        assert_eq!(cache.len(), 0);
    }
}
