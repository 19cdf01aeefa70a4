//! Waiting for conditions with a deadline: what tests use instead of sleeping.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `condition` is true, looking every 10 ms.
///
/// # Panics
/// After `deadline`, naming `what`, which completes "waited in vain for ..".
#[track_caller]
pub fn until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    some(deadline, what, || condition().then_some(()));
}

/// Waits until `look` finds something, looking every 10 ms, and returns it.
///
/// # Panics
/// After `deadline`, naming `what`.
#[track_caller]
pub fn some<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < deadline, "waited {deadline:?} in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// Like [`until`] for a condition that awaits; a look that hangs counts against the deadline.
#[track_caller]
pub fn until_async<F: Future<Output = bool>>(
    deadline: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let looks = async {
            while !condition().await {
                tokio::time::sleep(LOOK).await;
            }
        };
        let in_time = tokio::time::timeout(deadline, looks).await.is_ok();
        assert!(in_time, "waited {deadline:?} in vain for {what}, at {caller}");
    }
}
