//! Statuses in memory: however many clients poll a bundle, the store is asked at most once per
//! 100 ms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::app::{App, OWNER};
use crate::code::Code;
use crate::flight::Flight;
use crate::problem::Problem;
use crate::status::Snapshot;

/// Most bundles that are remembered at once.
const MAX_SLOTS: usize = 100_000;

/// The statuses that were read lately, by bundle.
#[derive(Default)]
pub(crate) struct StatusCache {
    slots: Mutex<BTreeMap<Uuid, Slot>>,
}

struct Slot {
    flight: Arc<Flight<Option<Arc<Snapshot>>>>,
    read_at: Instant,
}

impl StatusCache {
    /// Forgets a bundle that this process has just changed.
    pub(crate) fn forget(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    /// Forgets bundles that nobody has read for `idle`.
    pub(crate) fn evict(&self, idle: Duration) {
        self.lock().retain(|_, slot| slot.read_at.elapsed() < idle);
    }

    fn flight(&self, id: Uuid) -> Arc<Flight<Option<Arc<Snapshot>>>> {
        let mut slots = self.lock();
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&id) {
            slots.clear();
        }
        let slot = slots
            .entry(id)
            .or_insert_with(|| Slot { flight: Arc::default(), read_at: Instant::now() });
        slot.read_at = Instant::now();
        Arc::clone(&slot.flight)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The status of a bundle, at most [`Config::status_age`](crate::Config::status_age) old.
    pub(crate) async fn status(&self, id: Uuid) -> Result<Arc<Snapshot>, Problem> {
        let flight = self.statuses().flight(id);
        let config = self.config();
        let age = |held: &Option<Arc<Snapshot>>| match held {
            Some(held) if held.row.status.is_final() => config.final_status_age,
            _ => config.status_age,
        };
        let load = || async {
            let Some(row) = self.store().bundle(Some(OWNER), id).await? else { return Ok(None) };
            metrics::counter!("backfleet_status_loads_total").increment(1);
            let last = flight.last().flatten();
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
        let held = flight.get(age, load).await?;
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
        let id = Uuid::now_v7();
        cache.flight(id);
        cache.evict(Duration::from_mins(1));
        assert_eq!(cache.lock().len(), 1);
        cache.evict(Duration::ZERO);
        assert!(cache.lock().is_empty());
        cache.flight(id);
        cache.forget(id);
        assert!(cache.lock().is_empty());
    }
}
