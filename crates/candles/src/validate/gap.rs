//! Holes of a series, by the rules of its calendar.

use model::{Calendar, DAY_MS, TimeRange, Timeframe, missing_candles};
use serde::Serialize;

/// Gaps that a report lists.
const LISTED: usize = 20;

/// A run of candles that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Open time of the candle before it, ms.
    pub after_ms: i64,
    /// Open time of the candle after it, ms.
    pub before_ms: i64,
    /// Candles that the calendar expects in between.
    pub missing: u64,
}

/// Counts gaps and keeps the longest ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps {
    pub(crate) count: u64,
    pub(crate) missing: u64,
    longest: Vec<Gap>,
}

impl Gaps {
    /// Looks at two neighbours.
    pub(crate) fn look(&mut self, pair: [i64; 2], timeframe: Timeframe, calendar: &Calendar) {
        let [after_ms, before_ms] = pair;
        if before_ms - after_ms <= timeframe.ms() {
            return;
        }
        let range = TimeRange { start_ms: after_ms, end_ms: before_ms + 1 };
        let missing = missing_candles(&pair, timeframe, calendar, range);
        if missing == 0 {
            return;
        }
        self.count += 1;
        self.missing += missing;
        let gap = Gap { after_ms, before_ms, missing };
        // Of equal ones the first stays.
        let at = self.longest.partition_point(|other| other.missing >= gap.missing);
        if at < LISTED {
            self.longest.insert(at, gap);
            self.longest.truncate(LISTED);
        }
    }

    /// The longest gaps, longest first.
    pub(crate) fn into_longest(self) -> Vec<Gap> {
        self.longest
    }
}

/// Open times that the calendar expects strictly between two neighbours.
pub(crate) fn expected_between(
    pair: [i64; 2],
    timeframe: Timeframe,
    calendar: &Calendar,
) -> impl Iterator<Item = i64> + use<'_> {
    let [after_ms, before_ms] = pair;
    let step_ms = timeframe.ms();
    let same_day = match calendar {
        Calendar::EveryDay | Calendar::Weekdays => true,
        Calendar::Session(_) => calendar.day_of(after_ms) == calendar.day_of(before_ms),
    };
    let first_day = after_ms.div_euclid(DAY_MS);
    let last_day = before_ms.div_euclid(DAY_MS);
    let is_expected = move |time_ms: &i64| match calendar {
        Calendar::Session(_) => same_day,
        Calendar::EveryDay => true,
        Calendar::Weekdays if step_ms > DAY_MS => true,
        Calendar::Weekdays => {
            let day = time_ms.div_euclid(DAY_MS);
            // Day 0 was a Thursday. A Friday is over with its last candle.
            match day.rem_euclid(7) {
                2 | 3 => false,
                1 => day != first_day || first_day == last_day,
                _ => true,
            }
        }
    };
    let count = ((before_ms - after_ms) / step_ms - 1).max(0);
    (1..=count).map(move |index| after_ms + index * step_ms).filter(is_expected)
}

#[cfg(test)]
mod tests {
    use model::MINUTE_MS;

    use super::*;

    #[test]
    fn the_longest_gaps_are_kept_in_order() {
        let mut gaps = Gaps::default();
        for length in 1..=30_i64 {
            let start = length * 1_000 * MINUTE_MS;
            let pair = [start, start + length * MINUTE_MS];
            gaps.look(pair, Timeframe::MINUTE, &Calendar::EveryDay);
        }
        assert_eq!((gaps.count, gaps.missing), (29, 29 * 30 / 2));
        let longest = gaps.into_longest();
        assert_eq!((longest.len(), longest[0].missing, longest[19].missing), (20, 29, 10));
    }

    #[test]
    fn what_is_expected_is_what_counts_as_missing() {
        let hour = Timeframe::from_minutes(60).unwrap();
        for calendar in ["24x7", "24x5", "session", "session:America/New_York"] {
            let calendar: Calendar = calendar.parse().unwrap();
            for start in 0..170_i64 {
                for length in [1, 2, 5, 30, 50, 80, 200] {
                    let pair = [start, start + length].map(|hour| hour * 60 * MINUTE_MS);
                    let range = TimeRange { start_ms: pair[0], end_ms: pair[1] + 1 };
                    let counted = missing_candles(&pair, hour, &calendar, range);
                    let listed = expected_between(pair, hour, &calendar).count() as u64;
                    assert_eq!(listed, counted, "{calendar} {start} {length}");
                }
            }
        }
    }
}
