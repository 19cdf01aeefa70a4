//! One value, loaded by one caller at a time and shared by all.
//!
//! However many callers ask, a value younger than its age is not loaded again, and callers that
//! come while it is loaded wait for that load. A caller that goes away in the middle of its load
//! leaves it to the next. Failures are shared too, so a dead database is not asked by each in turn.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// How long a failure is shared.
const FAILURE_AGE: Duration = Duration::from_millis(250);

/// A cached value with single-flight load.
pub(crate) struct Flight<T> {
    held: Mutex<Option<Held<T>>>,
    gate: tokio::sync::Mutex<()>,
}

struct Held<T> {
    since: Instant,
    value: Result<T, Problem>,
}

impl<T> Default for Flight<T> {
    fn default() -> Flight<T> {
        Flight { held: Mutex::new(None), gate: tokio::sync::Mutex::new(()) }
    }
}

impl<T: Clone> Flight<T> {
    /// The value: the held one while it is younger than `age` says, else what `load` brings.
    pub(crate) async fn get<F>(
        &self,
        age: impl Fn(&T) -> Duration,
        load: impl FnOnce() -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        if let Some(value) = self.fresh(&age) {
            return value;
        }
        let _turn = self.gate.lock().await;
        if let Some(value) = self.fresh(&age) {
            return value;
        }
        let value = load().await;
        let held = Held { since: Instant::now(), value: value.clone() };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        value
    }

    /// Forgets the value; a load under way still brings one.
    pub(crate) fn forget(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long ago the held value was loaded.
    pub(crate) fn age(&self) -> Option<Duration> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| held.since.elapsed())
    }

    /// The value last loaded, however old.
    pub(crate) fn last(&self) -> Option<T> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().and_then(|held| held.value.clone().ok())
    }

    fn fresh(&self, age: impl Fn(&T) -> Duration) -> Option<Result<T, Problem>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref()?;
        let age = held.value.as_ref().map_or(FAILURE_AGE, age);
        (held.since.elapsed() < age).then(|| held.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::code::Code;

    #[tokio::test]
    async fn many_callers_cost_one_load_and_a_failure_is_shared() {
        let flight = Arc::new(Flight::<u32>::default());
        let loads = Arc::new(AtomicU32::new(0));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (flight, loads) = (Arc::clone(&flight), Arc::clone(&loads));
            callers.spawn(async move {
                let load = || async {
                    tokio::task::yield_now().await;
                    Ok(loads.fetch_add(1, Ordering::Relaxed))
                };
                flight.get(|_| Duration::from_mins(1), load).await
            });
        }
        for answer in callers.join_all().await {
            assert_eq!(answer.unwrap(), 0);
        }
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        assert_eq!(flight.last(), Some(0));

        let failing = Flight::<u32>::default();
        let fail = || async { Err(Problem::new(Code::StoreUnavailable, "away")) };
        failing.get(|_| Duration::ZERO, fail).await.unwrap_err();
        let second = failing.get(|_| Duration::ZERO, || async { Ok(1) }).await;
        assert_eq!(second.unwrap_err().code(), Code::StoreUnavailable);
    }
}
