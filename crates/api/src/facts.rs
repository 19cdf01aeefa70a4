//! What never changes about a bundle: the parsed request and its axes, kept while it is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use candles::SeriesInfo;
use model::{Axis, Bundle, Faults, Limits};
use uuid::Uuid;

use crate::app::App;
use crate::demand;
use crate::flight::Flight;
use crate::problem::Problem;
use crate::status_cache::bundle_not_found;

/// Most bundles that are held parsed: a request can be as long as the longest body.
const MAX_HELD: usize = 64;

/// One bundle's constants.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The parsed request.
    pub(crate) bundle: Bundle,
    /// Its axes, slowest first; their counts multiply to the full product.
    pub(crate) axes: Vec<Axis>,
    /// Candles of one job, averaged over the axes.
    pub(crate) candles_per_job: f64,
}

impl Facts {
    /// Of a parsed request, given the series that exist, where they are known. Takes time in
    /// proportion to the axes.
    pub(crate) fn of(bundle: Bundle, stored: &[SeriesInfo]) -> Facts {
        let axes = bundle.axes();
        let candles_per_job = demand::candles_per_job(&bundle, stored);
        Facts { bundle, axes, candles_per_job }
    }
}

/// The bundles that were read lately.
#[derive(Default)]
pub(crate) struct FactsCache {
    held: Mutex<BTreeMap<Uuid, Held>>,
}

struct Held {
    flight: Arc<Flight<Option<Arc<Facts>>>>,
    read_at: Instant,
}

impl FactsCache {
    /// Forgets bundles that nobody has read for `idle`.
    pub(crate) fn evict(&self, idle: Duration) {
        self.lock().retain(|_, held| held.read_at.elapsed() < idle);
    }

    fn flight(&self, id: Uuid) -> Arc<Flight<Option<Arc<Facts>>>> {
        let mut held = self.lock();
        if held.len() >= MAX_HELD && !held.contains_key(&id) {
            let oldest = held.iter().min_by_key(|(_, held)| held.read_at).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                held.remove(&oldest);
            }
        }
        let entry = held
            .entry(id)
            .or_insert_with(|| Held { flight: Arc::default(), read_at: Instant::now() });
        entry.read_at = Instant::now();
        Arc::clone(&entry.flight)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The limits of a bundle request.
    pub(crate) fn limits(&self) -> Limits {
        let jobs = u32::try_from(self.config().max_jobs_per_bundle).unwrap_or(u32::MAX);
        Limits { jobs, ..Limits::default() }
    }

    /// The constants of a bundle that is known to exist.
    pub(crate) async fn bundle_facts(&self, id: Uuid) -> Result<Arc<Facts>, Problem> {
        let flight = self.facts().flight(id);
        let age = |held: &Option<Arc<Facts>>| match held {
            Some(_) => Duration::MAX,
            None => Duration::ZERO,
        };
        let load = || self.read_facts(id);
        flight.get(age, load).await?.ok_or_else(|| bundle_not_found(id))
    }

    /// The constants of a bundle, read and not held; `None` where there is none.
    pub(crate) async fn read_facts(&self, id: Uuid) -> Result<Option<Arc<Facts>>, Problem> {
        let Some(request) = self.store().request(id).await? else { return Ok(None) };
        let stored = self.series().await.unwrap_or_default();
        let parsed = tokio::task::spawn_blocking(move || {
            let bundle = Bundle::parse(&request, &Limits::of_stored())?;
            Ok::<_, Faults>(Facts::of(bundle, &stored))
        });
        match parsed.await {
            Ok(Ok(facts)) => Ok(Some(Arc::new(facts))),
            Ok(Err(faults)) => {
                tracing::error!(bundle.id = %id, %faults, "a stored request is not valid");
                Err(Problem::internal())
            }
            Err(_panic) => Err(Problem::internal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bundles_are_held_and_those_that_nobody_reads_go() {
        let cache = FactsCache::default();
        let first = Uuid::now_v7();
        cache.flight(first);
        for _ in 0..MAX_HELD {
            cache.flight(Uuid::now_v7());
        }
        assert_eq!(cache.lock().len(), MAX_HELD);
        assert!(!cache.lock().contains_key(&first), "the one read longest ago goes first");
        cache.evict(Duration::ZERO);
        assert!(cache.lock().is_empty());
    }
}
