//! Time of day of candles.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::strategy::ClockField;
use model::{DAY_MS, MINUTE_MS, TimeZoneName};

/// Minutes in an hour.
const HOUR_MINUTES: i64 = 60;

/// The part `field` of each open time, in the IANA zone `tz` (UTC where it is `None`).
///
/// Null for a zone that the compiled-in database does not know.
pub(crate) fn column(times_ms: &[i64], field: ClockField, tz: Option<&str>) -> Vec<f64> {
    let zone = match tz {
        None => Some(TimeZone::UTC),
        Some(name) => TimeZoneName::new(name).map(|name| name.zone()),
    };
    let Some(zone) = zone else { return vec![f64::NAN; times_ms.len()] };
    let part = |time_ms: &i64| match Timestamp::from_millisecond(*time_ms) {
        Ok(instant) => {
            part(field, time_ms + i64::from(zone.to_offset(instant).seconds()) * 1_000) as f64
        }
        Err(_) => f64::NAN,
    };
    times_ms.iter().map(part).collect()
}

/// The part `field` of a local time in ms. Day 0, 1970-01-01, was a Thursday.
fn part(field: ClockField, local_ms: i64) -> i64 {
    let minute = local_ms.rem_euclid(DAY_MS) / MINUTE_MS;
    match field {
        ClockField::Hour => minute / HOUR_MINUTES,
        ClockField::Minute => minute % HOUR_MINUTES,
        ClockField::DayOfWeek => (local_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) + 1,
        ClockField::MinuteOfSession => minute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(time: &str, field: ClockField, tz: Option<&str>, expected: f64) {
        let time_ms = time.parse::<Timestamp>().unwrap().as_millisecond();
        let column = column(&[time_ms], field, tz);
        assert_eq!(format!("{column:?}"), format!("{:?}", [expected]));
    }

    #[test]
    fn parts_are_those_of_the_open_time_in_the_zone() {
        let time = "2024-07-01T14:35:00Z";
        check(time, ClockField::Hour, None, 14.0);
        check(time, ClockField::Minute, None, 35.0);
        check(time, ClockField::DayOfWeek, None, 1.0);
        check(time, ClockField::MinuteOfSession, None, 875.0);
        check(time, ClockField::Hour, Some("America/New_York"), 10.0);
        check("2024-12-01T02:00:00Z", ClockField::Hour, Some("America/New_York"), 21.0);
        check("2024-12-01T02:00:00Z", ClockField::DayOfWeek, Some("America/New_York"), 6.0);
        check(time, ClockField::Hour, Some("Mars/Base"), f64::NAN);
    }
}
