//! Single flight within a process: callers that want the same thing at once share one future.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, WeakShared};

use crate::Error;

type Answer<V> = BoxFuture<'static, Result<V, Error>>;

/// Running work by key. Work that every caller has given up is dropped with the last of them, so
/// that a lock it holds is freed.
pub(crate) struct Flights<K, V: Clone> {
    running: Mutex<BTreeMap<K, WeakShared<Answer<V>>>>,
}

impl<K: Ord, V: Clone> Flights<K, V> {
    pub(crate) fn new() -> Flights<K, V> {
        Flights { running: Mutex::new(BTreeMap::new()) }
    }

    /// Joins the running work of `key`, or starts it.
    pub(crate) async fn run(&self, key: K, start: impl FnOnce() -> Answer<V>) -> Result<V, Error> {
        let flight = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let joined = running.get(&key).and_then(WeakShared::upgrade);
            if let Some(flight) = joined.filter(|flight| flight.peek().is_none()) {
                flight
            } else {
                running.retain(|_, flight| flight.upgrade().is_some_and(|f| f.peek().is_none()));
                let flight = start().shared();
                if let Some(weak) = flight.downgrade() {
                    running.insert(key, weak);
                }
                flight
            }
        };
        flight.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_at_once_share_one_run_and_later_ones_start_anew() {
        let flights = Flights::<&str, u32>::new();
        let runs = Arc::new(AtomicU32::new(0));
        let start = || {
            let runs = Arc::clone(&runs);
            async move {
                tokio::task::yield_now().await;
                Ok(runs.fetch_add(1, Ordering::Relaxed))
            }
            .boxed()
        };
        let (a, b) = tokio::join!(flights.run("k", start), flights.run("k", start));
        assert_eq!((a.unwrap(), b.unwrap()), (0, 0));
        assert_eq!(flights.run("k", start).await.unwrap(), 1);
    }
}
