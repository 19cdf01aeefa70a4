//! How full each calendar month (UTC) of a series is, by the rules of its calendar.

use model::{Calendar, Timeframe};

use super::gap::expected_between;
use crate::segment::Segment;

/// One calendar month of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Which month; its `Display` is `2024-05`.
    pub month: Segment,
    /// Candles that open in it.
    pub count: u64,
    /// Candles that the calendar expects in it and that are not there.
    pub missing: u64,
}

/// Every month from that of the first candle to that of the last, in order; those without a candle
/// are among them. `open_time_ms` is ascending and on the grid of `timeframe`.
///
/// The sum of `missing` is that of [`model::missing_candles`]: what is before the first candle and
/// after the last is not missing. Cost: one pass, and one step per candle that is missing.
pub fn months(open_time_ms: &[i64], timeframe: Timeframe, calendar: &Calendar) -> Vec<Month> {
    let Some(first) = open_time_ms.first() else { return Vec::new() };
    let mut walk = Walk::from(*first);
    let mut before_ms = *first;
    for time_ms in open_time_ms {
        if time_ms - before_ms > timeframe.ms() {
            for missing_ms in expected_between([before_ms, *time_ms], timeframe, calendar) {
                walk.at(missing_ms).missing += 1;
            }
        }
        walk.at(*time_ms).count += 1;
        before_ms = *time_ms;
    }
    walk.months
}

struct Walk {
    months: Vec<Month>,
    end_ms: i64,
}

impl Walk {
    fn from(time_ms: i64) -> Walk {
        let month = Segment::month_of(time_ms);
        Walk { end_ms: month.range().end_ms, months: vec![Month { month, count: 0, missing: 0 }] }
    }

    /// The month of `time_ms`, which is not before the one of the last call.
    fn at(&mut self, time_ms: i64) -> &mut Month {
        while time_ms >= self.end_ms {
            let month = self.months[self.months.len() - 1].month.next();
            self.end_ms = month.range().end_ms;
            self.months.push(Month { month, count: 0, missing: 0 });
        }
        let last = self.months.len() - 1;
        &mut self.months[last]
    }
}

#[cfg(test)]
mod tests {
    use model::{DAY_MS, TimeRange, missing_candles};

    use super::*;

    /// Days since 1970-01-01 -> `MONTH count missing` of daily candles.
    #[track_caller]
    fn check(days: &[i64], calendar: &str, expected: &[&str]) {
        let calendar: Calendar = calendar.parse().unwrap();
        let times: Vec<i64> = days.iter().map(|day| day * DAY_MS).collect();
        let day = Timeframe::from_minutes(1_440).unwrap();
        let found = months(&times, day, &calendar);
        let shown: Vec<String> = found
            .iter()
            .map(|Month { month, count, missing }| format!("{month} {count} {missing}"))
            .collect();
        assert_eq!(shown, expected);
        let all = TimeRange { start_ms: i64::MIN, end_ms: i64::MAX };
        let missing: u64 = found.iter().map(|month| month.missing).sum();
        assert_eq!(missing, missing_candles(&times, day, &calendar, all));
    }

    #[test]
    fn what_is_missing_belongs_to_its_month() {
        check(&[], "24x7", &[]);
        check(&[40], "24x7", &["1970-02 1 0"]);
        // Up to 31 December 1969, then from 30 January 1970 to 2 March.
        check(
            &[-2, -1, 0, 1, 29, 30, 60],
            "24x7",
            &["1969-12 2 0", "1970-01 4 27", "1970-02 0 28", "1970-03 1 1"],
        );
    }

    #[test]
    fn weekends_and_holidays_of_a_calendar_are_not_missing() {
        // Thursday and Friday, then the Tuesday after.
        check(&[0, 1, 5], "24x5", &["1970-01 3 1"]);
        check(&[0, 1, 5, 60], "session", &["1970-01 3 0", "1970-02 0 0", "1970-03 1 0"]);
    }
}
