//! Waiting longer after each failure, with jitter, so that a fleet does not come back in step.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Doubles from `first` to `most`; each wait is varied by a quarter either way.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Backoff {
        Backoff { first, most, next: first }
    }

    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = jittered(self.next, 0.25);
        self.next = (self.next * 2).min(self.most);
        wait
    }

    /// Starts again from `first`.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// `base` varied evenly by `share` (0 to 1) either way. Decides when, never what.
pub(crate) fn jittered(base: Duration, share: f64) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let unit = (random >> 11) as f64 / (1_u64 << 53) as f64;
    base.mul_f64(1.0 + share * (2.0 * unit - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        for expected in [1.0, 2.0, 4.0, 4.0] {
            let wait = backoff.wait().as_secs_f64();
            assert!((expected * 0.75..=expected * 1.25).contains(&wait), "{wait}");
        }
        backoff.reset();
        assert!(backoff.wait() < Duration::from_millis(1_251));
    }
}
