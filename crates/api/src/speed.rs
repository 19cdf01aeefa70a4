//! How long a bundle will take, from how long those before it took.
//!
//! What counts is the time that passed, overhead and all, not what an engine could do: bundles that ran
//! at the same time share it. Not here: how many candles a bundle needs (`demand`).

use model::BundleStatus;
use store::{BundleFilter, BundleRow};

use crate::app::App;

/// Work besides candles that a job takes (claim, result, count), in candles that take as long.
const CANDLES_OF_A_JOB: f64 = 5_000.0;
/// Bundles that are looked at, newest first.
const LOOK_BACK: u32 = 16;
/// Measured time that is enough: what is older says less about the fleet of today.
const ENOUGH_MS: i64 = 30_000;

/// Jobs and the candles they run over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Jobs that run: those completed from existing results do not.
    pub(crate) jobs: f64,
    /// Candles of all of them.
    pub(crate) candles: f64,
}

impl Work {
    /// In candles, overhead included.
    fn size(self) -> f64 {
        self.candles + self.jobs * CANDLES_OF_A_JOB
    }
}

/// A bundle that ran to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    work: Work,
    /// From the first claim to the last result, in milliseconds of the database's clock.
    time: (i64, i64),
}

/// Seconds that `work` takes at the pace of `past`, newest first; `None` where nothing was measured.
///
/// The pace is all work over the time in which any of it ran. Starting and ending a bundle is part of
/// each measured time, so a bundle much larger than all before it ends a little sooner than this says.
pub(crate) fn seconds(work: Work, past: &[Past]) -> Option<f64> {
    let mut busy: Vec<(i64, i64)> = Vec::new();
    let mut size = 0.0;
    for bundle in past {
        if busy_ms(&mut busy) >= ENOUGH_MS {
            break;
        }
        size += bundle.work.size();
        busy.push(bundle.time);
    }
    let seconds = busy_ms(&mut busy).max(1) as f64 / 1_000.0;
    (size > 0.0).then(|| work.size() / size * seconds)
}

/// Milliseconds that are in at least one of the spans; merges those that overlap.
fn busy_ms(spans: &mut Vec<(i64, i64)>) -> i64 {
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
    for (start, end) in spans.drain(..) {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    *spans = merged;
    spans.iter().map(|(start, end)| end - start).sum()
}

impl App {
    /// The bundles that ended last and ran at least one job, newest first. Empty where the store or a
    /// request cannot be read: an estimate then does without.
    pub(crate) async fn past(&self) -> Vec<Past> {
        let status = Some(BundleStatus::Completed);
        let filter = BundleFilter { status, ..BundleFilter::default() };
        let rows = self.store().bundles(&filter, LOOK_BACK).await.unwrap_or_default();
        let mut past = Vec::with_capacity(rows.len());
        for row in rows {
            let (jobs, Some(started), Some(ended)) = (ran(&row), row.started_at, row.finished_at)
            else {
                continue;
            };
            let Ok(facts) = self.bundle_facts(row.id).await else { continue };
            let work = Work { jobs, candles: jobs * facts.candles_per_job };
            if jobs > 0.0 {
                past.push(Past { work, time: (started, ended.max(started)) });
            }
        }
        past
    }
}

/// Jobs of a bundle that took an engine's time.
fn ran(row: &BundleRow) -> f64 {
    row.completed.saturating_sub(row.cached) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(jobs: f64, candles_a_job: f64, time: (i64, i64)) -> Past {
        Past { work: Work { jobs, candles: jobs * candles_a_job }, time }
    }

    #[track_caller]
    fn check(work: (f64, f64), past: &[Past], expected: Option<f64>) {
        let (jobs, candles_a_job) = work;
        let seconds = seconds(Work { jobs, candles: jobs * candles_a_job }, past);
        match (seconds, expected) {
            (Some(seconds), Some(expected)) => {
                assert!((seconds / expected - 1.0).abs() < 1e-9, "{seconds}, not {expected}");
            }
            (seconds, expected) => assert_eq!(seconds, expected),
        }
    }

    #[test]
    fn the_same_bundle_again_takes_the_same_time() {
        check((100.0, 20_000.0), &[past(100.0, 20_000.0, (5_000, 9_000))], Some(4.0));
        check((200.0, 20_000.0), &[past(100.0, 20_000.0, (5_000, 9_000))], Some(8.0));
    }

    #[test]
    fn time_in_which_several_bundles_ran_counts_once() {
        let both = [past(100.0, 20_000.0, (1_000, 3_000)), past(100.0, 20_000.0, (2_000, 5_000))];
        check((100.0, 20_000.0), &both, Some(2.0));
        let idle_between =
            [past(100.0, 20_000.0, (90_000, 92_000)), past(100.0, 20_000.0, (0, 2_000))];
        check((100.0, 20_000.0), &idle_between, Some(2.0));
    }

    #[test]
    fn a_job_of_few_candles_is_not_free() {
        check((100.0, 0.0), &[past(100.0, 5_000.0, (0, 1_000))], Some(0.5));
    }

    #[test]
    fn what_is_older_than_half_a_minute_of_work_does_not_count() {
        let slow_before = [past(10.0, 0.0, (100_000, 130_000)), past(10.0, 0.0, (0, 90_000))];
        check((10.0, 0.0), &slow_before, Some(30.0));
    }

    #[test]
    fn nothing_measured_is_no_estimate() {
        check((10.0, 100.0), &[], None);
    }
}
