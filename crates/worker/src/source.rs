//! Whether the candle source answers: while it does not, nothing is claimed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// Pause of a source that is away.
#[derive(Debug)]
pub(crate) struct SourceGate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    backoff: Backoff,
    until: Option<Instant>,
}

impl SourceGate {
    pub(crate) fn new() -> SourceGate {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        SourceGate { state: Mutex::new(State { backoff, until: None }) }
    }

    /// Time until the source is asked again, if it was away.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.until?.checked_duration_since(Instant::now())
    }

    /// The source did not answer: returns the pause, one for all loads that fail within it.
    pub(crate) fn away(&self) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(left) = state.until.and_then(|until| until.checked_duration_since(now)) {
            return left;
        }
        let wait = state.backoff.wait();
        state.until = Some(now + wait);
        wait
    }

    /// The source answered.
    pub(crate) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.backoff.reset();
        state.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_that_fail_together_share_one_pause() {
        let gate = SourceGate::new();
        assert!(gate.pause().is_none());
        let first = gate.away();
        assert!(gate.away() <= first);
        assert!(gate.pause().is_some());
        gate.answered();
        assert!(gate.pause().is_none());
    }
}
