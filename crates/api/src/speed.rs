//! How long a bundle will take, from how long those before it took.
//!
//! What counts is the time that passed, overhead and all, not what an engine could do: bundles that ran
//! at the same time share it. Not here: how many candles a bundle needs (`demand`).

use model::{Bundle, BundleStatus, DAY_MS};
use store::{BundleFilter, BundleRow};

use crate::app::App;

/// What a job takes besides candles (claim, result, count), in candles that take as long: measured on the
/// bundles of the demonstration, where it was 0.25 ms beside 5 ns a candle.
const CANDLES_OF_A_JOB: f64 = 50_000.0;
/// What a day of a job takes (marks, returns, metrics over days): 0.8 us there.
const CANDLES_OF_A_DAY: f64 = 160.0;
/// Bundles that are looked at, newest first. Of fifty users who keep a fleet busy, fewer would be those of a
/// fraction of a second, in which others ran that are not among them: the pace would be theirs alone.
const LOOK_BACK: u32 = 200;
/// Unfinished bundles of one status that are looked at.
const MOST_AHEAD: u32 = 200;
/// Measured time that is enough: what is older says less about the fleet of today.
const ENOUGH_MS: i64 = 30_000;

/// Jobs and the candles they run over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Jobs that run: those completed from existing results do not.
    jobs: f64,
    /// Candles of all of them.
    candles: f64,
    /// Days of all of them.
    days: f64,
}

impl Work {
    /// Of `jobs` jobs of a bundle, each over `candles_per_job` candles on the average.
    pub(crate) fn of(bundle: &Bundle, jobs: f64, candles_per_job: f64) -> Work {
        let ranges = bundle.ranges();
        let ms: f64 = ranges.iter().map(|range| (range.end_ms - range.start_ms) as f64).sum();
        let days = ms / DAY_MS as f64 / ranges.len().max(1) as f64;
        // A day without a candle has no mark.
        let days = days.min(candles_per_job);
        Work { jobs, candles: jobs * candles_per_job, days: jobs * days }
    }

    /// Nothing to do.
    pub(crate) const NONE: Work = Work { jobs: 0.0, candles: 0.0, days: 0.0 };

    /// So many jobs of this one.
    fn times(self, jobs: f64) -> Work {
        Work { jobs: jobs * self.jobs, candles: jobs * self.candles, days: jobs * self.days }
    }

    fn and(self, more: Work) -> Work {
        Work {
            jobs: self.jobs + more.jobs,
            candles: self.candles + more.candles,
            days: self.days + more.days,
        }
    }

    /// Whether it is no more than `other` in any respect.
    fn is_within(self, other: Work) -> bool {
        self.jobs <= other.jobs && self.candles <= other.candles && self.days <= other.days
    }

    /// In candles, all else included.
    fn size(self) -> f64 {
        self.candles + self.jobs * CANDLES_OF_A_JOB + self.days * CANDLES_OF_A_DAY
    }
}

/// A bundle that ran to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    work: Work,
    /// From the first claim to the last result, in milliseconds of the database's clock.
    time: (i64, i64),
    /// From the submit to the last result.
    whole_ms: i64,
}

/// Seconds that `work` takes at the pace of `past`, newest first, and those of what is `ahead` of it; `None`
/// where nothing was measured.
///
/// The pace is all work over the time in which any of it ran. Starting and ending a bundle is part of
/// each measured time, so a bundle much larger than all before it ends a little sooner than this says; and
/// none ends sooner after its submit than the quickest of those that were no larger in any respect,
/// however fast many together go.
pub(crate) fn seconds(work: Work, ahead: Work, past: &[Past]) -> Option<(f64, f64)> {
    let mut busy: Vec<(i64, i64)> = Vec::new();
    let mut size = 0.0;
    let mut quickest_ms: Option<i64> = None;
    for bundle in past {
        if busy_ms(&mut busy) >= ENOUGH_MS {
            break;
        }
        size += bundle.work.size();
        busy.push(bundle.time);
        if bundle.work.is_within(work) {
            let took = bundle.whole_ms;
            quickest_ms = Some(quickest_ms.map_or(took, |least| least.min(took)));
        }
    }
    let seconds = busy_ms(&mut busy).max(1) as f64 / 1_000.0;
    let least = quickest_ms.unwrap_or(0) as f64 / 1_000.0;
    (size > 0.0).then(|| {
        let wait = ahead.size() / size * seconds;
        ((work.size() / size * seconds).max(least - wait), wait)
    })
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
            if jobs > 0.0
                && let Some(size) = self.job_size(row.id).await
            {
                let time = (started, ended.max(started));
                let whole_ms = time.1 - row.created_at;
                past.push(Past { work: size.times(jobs), time, whole_ms });
            }
        }
        past
    }
}

impl App {
    /// What is claimed before a bundle of `priority` that is submitted now: the jobs of others that are
    /// not final, of this priority or a higher one. Empty where the store cannot be read.
    pub(crate) async fn ahead(&self, priority: i16) -> Work {
        let mut ahead = Work::NONE;
        for status in [BundleStatus::Running, BundleStatus::Queued] {
            let filter = BundleFilter { status: Some(status), ..BundleFilter::default() };
            let rows = self.store().bundles(&filter, MOST_AHEAD).await.unwrap_or_default();
            for row in rows.iter().filter(|row| row.priority >= priority) {
                if let Some(size) = self.job_size(row.id).await {
                    ahead = ahead.and(size.times(left(row)));
                }
            }
        }
        ahead
    }
}

/// Jobs of a bundle that are still to be done; those that run by the part that is left of them.
fn left(row: &BundleRow) -> f64 {
    let ended = row.completed + row.failed + row.cancelled;
    (row.total.saturating_sub(ended) as f64 - row.running_progress).max(0.0)
}

/// Jobs of a bundle that took an engine's time.
fn ran(row: &BundleRow) -> f64 {
    row.completed.saturating_sub(row.cached) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(jobs: f64, candles_a_job: f64) -> Work {
        Work { jobs, candles: jobs * candles_a_job, days: 0.0 }
    }

    fn past(jobs: f64, candles_a_job: f64, time: (i64, i64)) -> Past {
        Past { work: work(jobs, candles_a_job), time, whole_ms: time.1 - time.0 }
    }

    #[track_caller]
    fn check(wanted: (f64, f64), past: &[Past], expected: Option<f64>) {
        let (jobs, candles_a_job) = wanted;
        let seconds = seconds(work(jobs, candles_a_job), Work::NONE, past).map(|told| told.0);
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
    fn a_small_bundle_takes_what_the_quickest_small_one_took() {
        let past = [past(1_000.0, 0.0, (0, 1_000)), past(10.0, 0.0, (2_000, 2_050))];
        check((10.0, 0.0), &past, Some(0.05));
        check((5.0, 0.0), &past, Some(1.05 * 5.0 / 1_010.0));
    }

    #[test]
    fn a_job_of_few_candles_is_not_free() {
        check((100.0, 0.0), &[past(100.0, CANDLES_OF_A_JOB, (0, 1_000))], Some(0.5));
    }

    /// What the bundles of the demonstration took one after the other in a release build on a loaded
    /// machine of two cores: the one told is not among those it is told from.
    #[test]
    fn the_bundles_of_the_demonstration_are_told_within_twice_their_time() {
        let took = [
            (96.0, 536_630.0, 96.0 * 1_597.5, 197),
            (80.0, 161_013.0, 161_013.0, 98),
            (210.0, 2_761_253.0, 210.0 * 2_192.0, 482),
        ];
        let mut at = 0;
        let ran = took.map(|(jobs, candles, days, ms)| {
            at += 10_000;
            Past { work: Work { jobs, candles, days }, time: (at, at + ms), whole_ms: ms }
        });
        for (index, bundle) in ran.iter().enumerate() {
            let others: Vec<Past> = ran
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|it| *it.1)
                .collect();
            let (told, _) = seconds(bundle.work, Work::NONE, &others).unwrap();
            let ratio = told * 1_000.0 / (bundle.time.1 - bundle.time.0) as f64;
            assert!((0.5..=2.0).contains(&ratio), "{index}: {ratio}");
        }
    }

    #[test]
    fn the_quickest_of_those_before_waited_too() {
        let past = [past(100.0, 0.0, (0, 1_000))];
        let told = |ahead| seconds(work(100.0, 0.0), work(ahead, 0.0), &past).unwrap();
        assert_eq!(told(50.0), (1.0, 0.5));
        let few = |ahead| seconds(work(10.0, 0.0), work(ahead, 0.0), &past).unwrap();
        assert_eq!(few(50.0), (0.1, 0.5), "a smaller one says nothing of how quick it may be");
        let small =
            [past[0], Past { whole_ms: 400, ..super::tests::past(10.0, 0.0, (1_000, 1_100)) }];
        let told = |ahead| seconds(work(10.0, 0.0), work(ahead, 0.0), &small).unwrap();
        let sum = |ahead: f64| told(ahead).0 + told(ahead).1;
        assert!(
            (sum(0.0) - 0.4).abs() < 1e-9 && (sum(10.0) - 0.4).abs() < 1e-9,
            "{:?}",
            told(10.0)
        );
        assert!((sum(100.0) - 1.1).abs() < 1e-9, "{:?}", told(100.0));
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
