//! Settings of one worker process.

use std::num::NonZeroUsize;
use std::time::Duration;

use store::LeaseTimes;

/// Settings of one worker process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host name shown to people.
    pub host: String,
    /// Program version shown to people.
    pub version: String,
    /// Compute threads.
    pub slots: NonZeroUsize,
    /// Time between two polls of an empty queue; varied by a fifth either way.
    pub poll: Duration,
    /// Beat, lease and grace.
    pub times: LeaseTimes,
    /// Longest wait for a candle source before a job fails `source_unavailable`.
    pub source_timeout: Duration,
    /// Time that running jobs get to finish after a stop was asked for.
    pub drain_timeout: Duration,
    /// Candles per second this process may compute; a throttle for tests and shared machines.
    pub pace: Option<f64>,
}

impl Config {
    /// The defaults on this machine: a slot a core.
    pub fn new(version: &str) -> Config {
        Config {
            host: "unknown".to_owned(),
            version: version.to_owned(),
            slots: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            poll: Duration::from_secs(5),
            times: LeaseTimes::default(),
            source_timeout: Duration::from_mins(15),
            drain_timeout: Duration::from_secs(30),
            pace: None,
        }
    }

    /// A lease that could not be renewed for this long is over: two beats before others see it.
    pub(crate) fn fence_after(&self) -> Duration {
        let margin = self.times.beat * 2;
        self.times.lease.checked_sub(margin).unwrap_or(self.times.lease / 2)
    }
}
