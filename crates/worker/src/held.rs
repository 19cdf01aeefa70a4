//! The jobs this process holds: what the beat confirms, the reporter reads, the threads obey.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{Held, JobId, Progress};

/// Why a running job has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The user called it off: finish it as `Cancelled`.
    Cancelled,
    /// It is no longer ours: discard it.
    Lost,
    /// The process shuts down: give it back.
    Drained,
}

/// What a compute thread and the rest of the worker share about one job.
#[derive(Debug, Default)]
pub(crate) struct JobControl {
    stop: AtomicU8,
    candles_done: AtomicUsize,
    candles: AtomicUsize,
}

impl JobControl {
    /// Asks the job to stop; the first reason stays, except that a lost job is lost for good.
    pub(crate) fn stop(&self, reason: Stop) {
        let code = match reason {
            Stop::Cancelled => 1,
            Stop::Drained => 2,
            Stop::Lost => {
                self.stop.store(3, Ordering::Relaxed);
                return;
            }
        };
        let _ = self.stop.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Why it has to stop, if it has to.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Stop::Cancelled),
            2 => Some(Stop::Drained),
            _ => Some(Stop::Lost),
        }
    }

    /// Records how many candles the range has.
    pub(crate) fn start(&self, candles: usize) {
        self.candles.store(candles, Ordering::Relaxed);
    }

    /// Records how many candles are done; returns how many of them are new.
    pub(crate) fn advance(&self, done: usize) -> usize {
        done.saturating_sub(self.candles_done.swap(done, Ordering::Relaxed))
    }

    fn has_begun(&self) -> bool {
        self.candles_done.load(Ordering::Relaxed) > 0
    }

    /// 0 to 1.
    fn fraction(&self) -> f64 {
        let candles = self.candles.load(Ordering::Relaxed);
        if candles == 0 {
            return 0.0;
        }
        (self.candles_done.load(Ordering::Relaxed) as f64 / candles as f64).min(1.0)
    }
}

#[derive(Debug)]
struct Entry {
    attempt: u32,
    control: Arc<JobControl>,
    reported: f64,
}

/// The jobs this process holds.
#[derive(Debug, Default)]
pub(crate) struct HeldJobs {
    entries: Mutex<BTreeMap<JobId, Entry>>,
}

impl HeldJobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a claimed job.
    pub(crate) fn add(&self, held: Held) -> Arc<JobControl> {
        let control = Arc::new(JobControl::default());
        let entry = Entry { attempt: held.attempt, control: Arc::clone(&control), reported: 0.0 };
        self.lock().insert(held.job, entry);
        control
    }

    /// Forgets a job that was finished, given back or lost.
    pub(crate) fn remove(&self, held: Held) {
        let mut entries = self.lock();
        if entries.get(&held.job).is_some_and(|entry| entry.attempt == held.attempt) {
            entries.remove(&held.job);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Stops what was called off; returns what the database says is ours but is not held here.
    pub(crate) fn reconcile(&self, owned: &[(Held, store::CancelFlag)]) -> Vec<Held> {
        let entries = self.lock();
        let mut unknown = Vec::new();
        for (held, cancel) in owned {
            match entries.get(&held.job) {
                Some(entry) if entry.attempt == held.attempt => match cancel {
                    store::CancelFlag::Raised => entry.control.stop(Stop::Cancelled),
                    store::CancelFlag::Clear => {}
                },
                _ => unknown.push(*held),
            }
        }
        unknown
    }

    /// Jobs held at this moment, to compare with the answer of a beat that is sent later.
    pub(crate) fn snapshot(&self) -> Vec<Held> {
        self.lock().iter().map(|(job, entry)| Held { job: *job, attempt: entry.attempt }).collect()
    }

    /// Stops `lost` jobs: another worker may run them.
    pub(crate) fn lose(&self, lost: &[Held]) {
        let entries = self.lock();
        for held in lost {
            if let Some(entry) = entries.get(&held.job)
                && entry.attempt == held.attempt
            {
                entry.control.stop(Stop::Lost);
            }
        }
    }

    /// Asks every job to stop for `reason`.
    pub(crate) fn stop_all(&self, reason: Stop) {
        for entry in self.lock().values() {
            entry.control.stop(reason);
        }
    }

    /// Asks the jobs that have not begun to stop: the process drains.
    pub(crate) fn drain_waiting(&self) {
        for entry in self.lock().values() {
            if !entry.control.has_begun() {
                entry.control.stop(Stop::Drained);
            }
        }
    }

    /// Progress of the jobs that moved by a percent or more since they were last reported; one whose
    /// candles are done is about to end and needs no row.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        let mut moved = Vec::new();
        for (job, entry) in self.lock().iter_mut() {
            let fraction = entry.control.fraction();
            if fraction < 1.0 && fraction - entry.reported >= 0.01 {
                entry.reported = fraction;
                moved.push(Progress { held: Held { job: *job, attempt: entry.attempt }, fraction });
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use store::CancelFlag;

    use super::*;

    fn held(job: i64, attempt: u32) -> Held {
        Held { job: JobId(job), attempt }
    }

    #[test]
    fn a_cancel_stops_its_job_and_an_unknown_job_is_returned() {
        let jobs = HeldJobs::default();
        let first = jobs.add(held(1, 1));
        let second = jobs.add(held(2, 1));
        let owned = [
            (held(1, 1), CancelFlag::Raised),
            (held(2, 1), CancelFlag::Clear),
            (held(3, 4), CancelFlag::Clear),
        ];
        assert_eq!(jobs.reconcile(&owned), [held(3, 4)]);
        assert_eq!(first.stopped(), Some(Stop::Cancelled));
        assert_eq!(second.stopped(), None);
    }

    #[test]
    fn a_lost_job_is_lost_whatever_else_was_asked() {
        let jobs = HeldJobs::default();
        let control = jobs.add(held(1, 2));
        jobs.lose(&[held(1, 1)]);
        assert_eq!(control.stopped(), None);
        control.stop(Stop::Cancelled);
        jobs.lose(&[held(1, 2)]);
        assert_eq!(control.stopped(), Some(Stop::Lost));
    }

    #[test]
    fn progress_is_reported_by_whole_percents() {
        let jobs = HeldJobs::default();
        let control = jobs.add(held(1, 1));
        control.start(1_000);
        assert_eq!(control.advance(5), 5);
        assert!(jobs.progress().is_empty());
        assert_eq!(control.advance(500), 495);
        assert_eq!(jobs.progress().len(), 1);
        assert!(jobs.progress().is_empty());
        assert_eq!(control.advance(1_000), 500);
        assert!(jobs.progress().is_empty(), "its end follows");
    }
}
