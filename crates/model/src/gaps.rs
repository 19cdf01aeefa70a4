//! Counts candles that are missing inside a series, by the rules of its calendar.
//!
//! Missing is counted between the first and the last candle of a range only; whether the ends of
//! the range are covered is another question, and not asked here.

use crate::timeframe::DAY_MS;
use crate::{Calendar, TimeRange, Timeframe};

/// Days from Thursday 1970-01-01, modulo a week.
const FRIDAY: i64 = 1;
const SATURDAY: i64 = 2;
const SUNDAY: i64 = 3;

/// Candles missing between the first and the last candle that open inside `range`.
///
/// `open_time_ms` is ascending and on the grid of `timeframe`. Under [`Calendar::EveryDay`] every
/// absent grid position counts. Under [`Calendar::Weekdays`] positions of Saturday and Sunday
/// (UTC) do not, nor do those of a Friday after its last candle. Under [`Calendar::Session`] only
/// positions between two candles of one local day count. Cost: one pass, nothing per candle that
/// follows its neighbour.
pub fn missing_candles(
    open_time_ms: &[i64],
    timeframe: Timeframe,
    calendar: &Calendar,
    range: TimeRange,
) -> u64 {
    let from = open_time_ms.partition_point(|time| *time < range.start_ms);
    let to = open_time_ms.partition_point(|time| *time < range.end_ms);
    let Some(times) = open_time_ms.get(from..to) else { return 0 };
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
    let step_ms = timeframe.ms();
    if ((last - first) / step_ms).unsigned_abs() + 1 == times.len() as u64 {
        return 0;
    }
    times
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > step_ms)
        .map(|pair| missing_between(pair[0], pair[1], timeframe, calendar))
        .sum()
}

/// Positions missing between two neighbouring candles.
fn missing_between(
    before_ms: i64,
    after_ms: i64,
    timeframe: Timeframe,
    calendar: &Calendar,
) -> u64 {
    let step_ms = timeframe.ms();
    let absent = (after_ms - before_ms) / step_ms - 1;
    let counted = match calendar {
        Calendar::EveryDay => absent,
        Calendar::Weekdays if step_ms > DAY_MS => absent,
        Calendar::Weekdays => absent - weekend_positions(before_ms, after_ms, step_ms),
        Calendar::Session(_) if calendar.day_of(before_ms) == calendar.day_of(after_ms) => absent,
        Calendar::Session(_) => 0,
    };
    counted.unsigned_abs()
}

/// Grid positions strictly between two candles that a market of weekdays does not trade.
fn weekend_positions(before_ms: i64, after_ms: i64, step_ms: i64) -> i64 {
    let first_day = before_ms.div_euclid(DAY_MS);
    let last_day = after_ms.div_euclid(DAY_MS);
    (first_day..=last_day)
        .filter(|day| match day.rem_euclid(7) {
            SATURDAY | SUNDAY => true,
            FRIDAY => *day == first_day && first_day < last_day,
            _ => false,
        })
        .map(|day| {
            let from_ms = (day * DAY_MS).max(before_ms + step_ms);
            let to_ms = ((day + 1) * DAY_MS).min(after_ms);
            (to_ms - from_ms).max(0) / step_ms
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MINUTE_MS;

    const ALL: TimeRange = TimeRange { start_ms: 0, end_ms: i64::MAX };

    /// `times` in hours from Thursday 1970-01-01.
    #[track_caller]
    fn check(times: &[i64], calendar: &str, expected: u64) {
        let times: Vec<i64> = times.iter().map(|hour| hour * 60 * MINUTE_MS).collect();
        let hour = Timeframe::from_minutes(60).unwrap();
        assert_eq!(missing_candles(&times, hour, &calendar.parse().unwrap(), ALL), expected);
    }

    #[test]
    fn every_absent_position_counts_where_every_day_trades() {
        check(&[], "24x7", 0);
        check(&[5], "24x7", 0);
        check(&[5, 6, 7], "24x7", 0);
        check(&[5, 7, 10], "24x7", 3);
    }

    #[test]
    fn a_weekend_is_no_gap_of_weekdays() {
        let friday_21 = 24 + 21;
        let sunday_22 = 3 * 24 + 22;
        check(&[friday_21, sunday_22], "24x5", 0);
        check(&[friday_21 - 2, friday_21, sunday_22, sunday_22 + 2], "24x5", 1);
    }

    #[test]
    fn hours_of_monday_and_of_a_friday_without_any_candle_do_count() {
        let thursday_23 = 23;
        let monday_5 = 4 * 24 + 5;
        check(&[24 + 21, monday_5], "24x5", 5);
        check(&[thursday_23, monday_5], "24x5", 24 + 5);
    }

    #[test]
    fn a_friday_gap_that_ends_the_same_day_counts() {
        check(&[24 + 3, 24 + 6], "24x5", 2);
    }

    #[test]
    fn only_gaps_inside_a_local_day_count_for_a_session() {
        check(&[14, 16, 24 + 14], "session", 1);
        check(&[22, 25], "session", 0);
        check(&[22, 25], "session:America/New_York", 2);
    }

    #[test]
    fn candles_outside_the_range_do_not_count() {
        let times: Vec<i64> = [0, 5, 6, 8, 20].iter().map(|minute| minute * MINUTE_MS).collect();
        let range = TimeRange { start_ms: 5 * MINUTE_MS, end_ms: 20 * MINUTE_MS };
        let missing = missing_candles(&times, Timeframe::MINUTE, &Calendar::EveryDay, range);
        assert_eq!(missing, 1);
    }

    #[test]
    fn daily_candles_of_weekdays_miss_no_weekend() {
        let times: Vec<i64> = [1, 4, 6].iter().map(|day| day * DAY_MS).collect();
        let day = Timeframe::from_minutes(1_440).unwrap();
        assert_eq!(missing_candles(&times, day, &Calendar::Weekdays, ALL), 1);
    }
}
