//! Days, weeks and months of a calendar under `tf`: how they are cut, and from when on they are read.

use std::sync::Arc;

use engine::explain;
use model::strategy::Signals;
use model::{Candle, Candles, Timeframe};

use crate::drawn::{Drawn, drawn};
use crate::language::condition;

/// Candles of `minutes` at every multiple of them from `start` to `end` that `trades` keeps; each
/// closes at the count of those before it.
fn candles(
    minutes: u16,
    (start, end): (&str, &str),
    calendar: &str,
    trades: impl Fn(i64) -> bool,
) -> Drawn {
    let mut case = drawn("1 1 1 1");
    case.timeframe = Timeframe::from_minutes(minutes).expect("it is valid");
    case.spec.series.timeframe = case.timeframe;
    case.calendar = calendar.parse().expect("it is valid");
    case.candles = Candles::default();
    let (mut time_ms, end_ms) = (ms(start), ms(end));
    while time_ms < end_ms {
        if trades(time_ms) {
            let close = case.candles.len() as f64;
            case.candles.push(Candle {
                open_time_ms: time_ms,
                open: close,
                high: close,
                low: close,
                close,
                volume: 1.0,
            });
        }
        time_ms += case.timeframe.ms();
    }
    case.spec.range.start_ms = ms(start);
    case.spec.range.end_ms = end_ms;
    case
}

fn ms(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().expect("it is valid").as_millisecond()
}

/// At which opens of `case` the value of `text` changes, and to what; a null is left out.
fn changes(case: &Drawn, text: &str) -> Vec<(String, f64)> {
    let mut asked = case.clone();
    let long = condition(&format!("{text} > -1"));
    asked.spec.signals = Arc::new(Signals { long: Some(long), ..Signals::default() });
    let mut found: Vec<(String, f64)> = Vec::new();
    for time_ms in &case.candles.open_time_ms {
        let nodes = explain(&asked.input(), &asked.spec, *time_ms).expect("it is valid").nodes;
        let node = nodes.iter().find(|node| !node.condition && node.node.contains("scope"));
        let Some(value) = node.expect("the scope is explained").value else { continue };
        if found.last().is_none_or(|(_, last)| (last - value).abs() > 0.0) {
            let time =
                jiff::Timestamp::from_millisecond(*time_ms).expect("it is valid").to_string();
            found.push((time, value));
        }
    }
    found
}

#[track_caller]
fn check(case: &Drawn, text: &str, expected: &[(&str, f64)]) {
    let found = changes(case, text);
    let found: Vec<(&str, f64)> =
        found.iter().map(|(time, value)| (time.as_str(), *value)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn days_of_every_day_are_utc() {
    let case = candles(240, ("2024-03-08T20:00:00Z", "2024-03-10T08:00:00Z"), "24x7", |_| true);
    // Rows 0; 1 to 6; 7 and 8: each day is read from its last candle on.
    check(&case, "close(tf: 1d)", &[("2024-03-08T20:00:00Z", 0.0), ("2024-03-09T20:00:00Z", 6.0)]);
}

#[test]
fn days_of_a_session_are_cut_at_midnight_of_its_zone() {
    // Midnight is 05:00 UTC; from 2024-03-10 on, when clocks go forward, 04:00.
    let zone = "session:America/New_York";
    let range = ("2024-03-09T03:00:00Z", "2024-03-11T06:00:00Z");
    let case = candles(60, range, zone, |_| true);
    check(
        &case,
        "close(tf: 1d)",
        &[
            ("2024-03-09T04:00:00Z", 1.0),
            ("2024-03-10T04:00:00Z", 25.0),
            ("2024-03-11T03:00:00Z", 48.0),
        ],
    );
    // The hour inside is that of the day's own open, which is 05:00 UTC before the change.
    check(&case, "scope(hour, tf: 1d)", &[("2024-03-09T04:00:00Z", 5.0)]);
}

#[test]
fn a_candle_over_the_midnight_of_a_session_belongs_to_the_day_it_opens_in() {
    // Four hours from 04:00 UTC contain the local midnight at 05:00; nothing is read before 08:00.
    let zone = "session:America/New_York";
    let range = ("2024-01-02T20:00:00Z", "2024-01-03T16:00:00Z");
    check(&candles(240, range, zone, |_| true), "close(tf: 1d)", &[("2024-01-03T04:00:00Z", 2.0)]);
}

/// Sunday 22:00 to Friday 22:00, UTC.
fn currencies(time_ms: i64) -> bool {
    let hour = time_ms / 3_600_000;
    // Hours since a Monday.
    let of_week = (hour - 4 * 24).rem_euclid(7 * 24);
    !(4 * 24 + 22..6 * 24 + 22).contains(&of_week)
}

#[test]
fn a_sunday_evening_belongs_to_monday_in_days_and_weeks() {
    let range = ("2024-06-28T20:00:00Z", "2024-07-02T02:00:00Z");
    let case = candles(60, range, "24x5", currencies);
    // Friday ends on Saturday 00:00, so it is read from Sunday 22:00 on; Monday has 26 candles.
    let friday = ("2024-06-30T22:00:00Z", 1.0);
    check(&case, "close(tf: 1d)", &[friday, ("2024-07-01T23:00:00Z", 27.0)]);
    check(
        &case,
        "scope(sum(volume, 1), tf: 1d)",
        &[("2024-06-30T22:00:00Z", 2.0), ("2024-07-01T23:00:00Z", 26.0)],
    );
    check(&case, "close(tf: 1w)", &[friday]);
    check(&case, "close(tf: 1M)", &[friday]);
    check(
        &case,
        "scope(dayOfWeek, tf: 1d)",
        &[("2024-06-30T22:00:00Z", 5.0), ("2024-07-01T23:00:00Z", 1.0)],
    );
    // Under 24x7 the same candles are cut at UTC midnights, weeks at Monday.
    let utc = candles(60, range, "24x7", currencies);
    check(&utc, "close(tf: 1w)", &[("2024-06-30T23:00:00Z", 3.0)]);
}

#[test]
fn weeks_start_on_monday_and_months_on_their_first() {
    let range = ("2024-01-26T00:00:00Z", "2024-03-04T00:00:00Z");
    let case = candles(1_440, range, "24x7", |_| true);
    check(
        &case,
        "close(tf: 1w)",
        &[
            ("2024-01-28T00:00:00Z", 2.0),
            ("2024-02-04T00:00:00Z", 9.0),
            ("2024-02-11T00:00:00Z", 16.0),
            ("2024-02-18T00:00:00Z", 23.0),
            ("2024-02-25T00:00:00Z", 30.0),
            ("2024-03-03T00:00:00Z", 37.0),
        ],
    );
    check(&case, "close(tf: 1M)", &[("2024-01-31T00:00:00Z", 5.0), ("2024-02-29T00:00:00Z", 34.0)]);
    // Days of the month: its volume, as each day has 1.
    check(
        &case,
        "volume(tf: 1M)",
        &[("2024-01-31T00:00:00Z", 6.0), ("2024-02-29T00:00:00Z", 29.0)],
    );
    check(
        &case,
        "scope(close(tf: 1M), tf: 1d)",
        &[("2024-01-31T00:00:00Z", 5.0), ("2024-02-29T00:00:00Z", 34.0)],
    );
}

#[test]
fn a_candle_of_a_day_stands_for_its_utc_date_whatever_the_zone() {
    // Stamped 00:00 UTC, which is the evening before in New York.
    let range = ("2024-01-29T00:00:00Z", "2024-02-06T00:00:00Z");
    let case = candles(1_440, range, "session:America/New_York", |_| true);
    check(&case, "close(tf: 1w)", &[("2024-02-04T00:00:00Z", 6.0)]);
    check(&case, "close(tf: 1M)", &[("2024-01-31T00:00:00Z", 2.0)]);
}

#[test]
fn a_missing_last_candle_delays_a_month_to_the_next_close() {
    let range = ("2024-01-30T00:00:00Z", "2024-02-04T00:00:00Z");
    let last = ms("2024-01-31T00:00:00Z");
    let case = candles(1_440, range, "24x7", |time_ms| time_ms != last);
    check(&case, "close(tf: 1M)", &[("2024-02-01T00:00:00Z", 0.0)]);
}
