//! The compute threads: they run batches and know how fast they are.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::memory::keep_freed_memory;

/// Weight of the newest batch in the mean time of a job.
const NEWEST: f64 = 0.3;

/// The compute threads of one worker.
pub(crate) struct Pool {
    threads: ThreadPool,
    slots: usize,
    job_seconds: Mutex<Option<f64>>,
    pace: Option<Pace>,
}

impl Pool {
    pub(crate) fn new(
        slots: NonZeroUsize,
        pace: Option<f64>,
    ) -> Result<Pool, ThreadPoolBuildError> {
        keep_freed_memory();
        let threads = ThreadPoolBuilder::new()
            .num_threads(slots.get())
            .thread_name(|index| format!("backtest-{index}"))
            .build()?;
        let pace = pace.map(Pace::new);
        Ok(Pool { threads, slots: slots.get(), job_seconds: Mutex::new(None), pace })
    }

    /// Queues `work`, first come first served.
    pub(crate) fn start(&self, work: impl FnOnce() + Send + 'static) {
        self.threads.spawn_fifo(work);
    }

    /// Compute threads.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Records that `jobs` jobs took `elapsed` of one thread.
    pub(crate) fn measured(&self, jobs: usize, elapsed: Duration) {
        let newest = elapsed.as_secs_f64() / jobs.max(1) as f64;
        let mut mean = self.job_seconds.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = Some(mean.map_or(newest, |old| old + NEWEST * (newest - old)));
    }

    /// Jobs that all threads together run in a second; 0 before the first was measured.
    pub(crate) fn jobs_per_second(&self) -> usize {
        let mean = *self.job_seconds.lock().unwrap_or_else(PoisonError::into_inner);
        mean.map_or(0, |seconds| {
            let a_thread = Duration::from_secs(1).as_nanos();
            let a_job = Duration::from_secs_f64(seconds).as_nanos().max(1);
            usize::try_from(self.slots as u128 * a_thread / a_job).unwrap_or(usize::MAX)
        })
    }

    /// The throttle, if one was asked for.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }
}

/// A throttle over all threads of the process.
pub(crate) struct Pace {
    candles_per_second: f64,
    next: Mutex<Instant>,
}

/// Longest sleep before the stop flag is looked at again.
const NAP: Duration = Duration::from_millis(50);

impl Pace {
    fn new(candles_per_second: f64) -> Pace {
        Pace { candles_per_second, next: Mutex::new(Instant::now()) }
    }

    /// Blocks this compute thread for as long as `candles` take at the pace, or until `stopped`.
    pub(crate) fn spend(&self, candles: usize, stopped: impl Fn() -> bool) {
        let until = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let cost = Duration::from_secs_f64(candles as f64 / self.candles_per_second);
            *next = (*next).max(Instant::now()) + cost;
            *next
        };
        while !stopped() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            std::thread::sleep(left.min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_time_follows_the_newest_batches() {
        let pool = Pool::new(NonZeroUsize::MIN, None).unwrap();
        assert_eq!(pool.jobs_per_second(), 0);
        pool.measured(10, Duration::from_secs(1));
        assert_eq!(pool.jobs_per_second(), 10);
        for _ in 0..50 {
            pool.measured(100, Duration::from_secs(1));
        }
        assert!(pool.jobs_per_second() >= 99);
    }

    #[test]
    fn a_pace_spends_the_time_of_its_candles_and_obeys_a_stop() {
        let pace = Pace::new(1_000.0);
        let start = Instant::now();
        pace.spend(20, || false);
        assert!(start.elapsed() >= Duration::from_millis(20));
        pace.spend(1_000_000, || true);
        assert!(start.elapsed() < Duration::from_mins(1));
    }
}
