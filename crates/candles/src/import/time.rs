//! Times as files write them: numbers of any unit, ISO dates with and without offset.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// A time before the zone of the file is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    /// An instant, ms since 1970-01-01 UTC.
    Instant(i64),
    /// A date alone: daily candles carry the date of their exchange at 00:00 UTC.
    Date(Date),
    /// A date and a time of day without offset.
    Naive(DateTime),
}

impl Stamp {
    /// Reads a number (s, ms, us or ns by its size), a date, or a date and a time.
    pub(super) fn parse(text: &str) -> Option<Stamp> {
        let text = text.trim();
        if text.len() == 8
            && let Some(date) = compact_date(text)
        {
            return Some(Stamp::Date(date));
        }
        if let Ok(number) = text.parse::<i64>() {
            return Some(Stamp::Instant(by_magnitude(number)));
        }
        match text.parse::<f64>() {
            Ok(number) => by_magnitude_f64(number).map(Stamp::Instant),
            Err(_) => iso(text),
        }
    }

    /// Joins a date column and a time column.
    pub(super) fn parse_two(date: &str, time: &str) -> Option<Stamp> {
        match Stamp::parse(date)? {
            Stamp::Date(date) => {
                let (time, offset) = split_offset(time.trim())?;
                at(DateTime::from_parts(date, clock(time)?), offset)
            }
            Stamp::Instant(_) | Stamp::Naive(_) => None,
        }
    }

    /// Milliseconds since 1970-01-01 UTC; `None` if the time needs a zone and there is none.
    pub(super) fn to_ms(self, zone: Option<&TimeZone>) -> Option<i64> {
        match self {
            Self::Instant(ms) => Some(ms),
            Self::Date(date) => {
                TimeZone::UTC.to_timestamp(date.into()).ok().map(jiff::Timestamp::as_millisecond)
            }
            Self::Naive(time) => zone?.to_timestamp(time).ok().map(jiff::Timestamp::as_millisecond),
        }
    }
}

/// Seconds below 1e11, ms below 1e14, us below 1e17, else ns.
fn by_magnitude(number: i64) -> i64 {
    match number.unsigned_abs() {
        0..100_000_000_000 => number * 1_000,
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000..100_000_000_000_000_000 => number.div_euclid(1_000),
        _ => number.div_euclid(1_000_000),
    }
}

/// A number with a fraction or an exponent, as spreadsheets write it.
#[expect(clippy::cast_possible_truncation, reason = "numbers beyond 2^53 are refused before")]
fn by_magnitude_f64(number: f64) -> Option<i64> {
    if !number.is_finite() || number.abs() >= 9e15 {
        return None;
    }
    if number.abs() < 1e11 {
        return Some((number * 1_000.0).round() as i64);
    }
    Some(by_magnitude(number.round() as i64))
}

/// `20240131`.
fn compact_date(text: &str) -> Option<Date> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i16 = text[..4].parse().ok()?;
    let date = Date::new(year, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()?;
    (1900..2200).contains(&year).then_some(date)
}

/// `2024-01-31`, `2024/01/31 10:00`, `2024.01.31 10:00:00.5`, `2024-01-31T10:00:00Z`, `..-05:00`.
fn iso(text: &str) -> Option<Stamp> {
    let (day, rest) = text.split_at_checked(10)?;
    let date = iso_date(day)?;
    if rest.is_empty() {
        return Some(Stamp::Date(date));
    }
    let time = rest.strip_prefix(['T', ' ', 't'])?;
    let (time, offset) = split_offset(time)?;
    at(DateTime::from_parts(date, clock(time)?), offset)
}

fn iso_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let separator = *bytes.get(4)?;
    if !matches!(separator, b'-' | b'/' | b'.') || bytes.get(7) != Some(&separator) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
    };
    Date::new(part(0..4)?.parse().ok()?, part(5..7)?.parse().ok()?, part(8..10)?.parse().ok()?).ok()
}

/// `10:00`, `10:00:00`, `10:00:00.123`, `100000`, `1000`.
fn clock(text: &str) -> Option<jiff::civil::Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = whole.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i8>().ok();
    let (hour, minute) = (part(0..2)?, part(2..4)?);
    let second = match digits.len() {
        4 => 0,
        6 => part(4..6)?,
        _ => return None,
    };
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    jiff::civil::Time::new(hour, minute, second, nanos).ok()
}

/// Splits `10:00:00-05:00` into the time and its offset in seconds, if it has one.
fn split_offset(text: &str) -> Option<(&str, Option<i32>)> {
    for zero in ["Z", "z", " UTC", "UTC"] {
        if let Some(time) = text.strip_suffix(zero) {
            return Some((time, Some(0)));
        }
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (time, offset) = text.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 =
        digits.get(2..).filter(|rest| !rest.is_empty()).unwrap_or("0").parse().ok()?;
    Some((time.trim_end(), Some(sign * (hours * 3_600 + minutes * 60))))
}

fn at(time: DateTime, offset: Option<i32>) -> Option<Stamp> {
    let Some(seconds) = offset else { return Some(Stamp::Naive(time)) };
    let offset = Offset::from_seconds(seconds).ok()?;
    offset.to_timestamp(time).ok().map(|at| Stamp::Instant(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: Option<&str>, expected: Option<&str>) {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        let got = Stamp::parse(text).and_then(|stamp| stamp.to_ms(zone.as_ref()));
        let expected =
            expected.map(|text| text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn the_unit_of_a_number_is_known_by_its_size() {
        let expected = Some("2024-01-01T00:00:00Z");
        for text in ["1704067200", "1704067200000", "1704067200000000", "1704067200000000000"] {
            check(text, None, expected);
        }
        check("1704067200.0", None, expected);
        check("1.7040672e12", None, expected);
        check("20240101", None, expected);
        check("99999999", None, Some("1973-03-03T09:46:39Z"));
        for text in ["", "x", "nan", "1e300", "12:00"] {
            check(text, None, None);
        }
    }

    #[test]
    fn dates_stand_for_midnight_utc_and_naive_times_need_a_zone() {
        check("2024-01-31", Some("America/New_York"), Some("2024-01-31T00:00:00Z"));
        check("2024/01/31 10:00", None, None);
        check("2024/01/31 10:00", Some("UTC"), Some("2024-01-31T10:00:00Z"));
        check("2024.01.31 10:00:30.5", Some("America/New_York"), Some("2024-01-31T15:00:30.5Z"));
        check("2024-01-31T10:00:00Z", Some("America/New_York"), Some("2024-01-31T10:00:00Z"));
        check("2024-01-31 10:00:00-05:00", None, Some("2024-01-31T15:00:00Z"));
        check("2024-01-31 10:00:00+0530", None, Some("2024-01-31T04:30:00Z"));
        check("2024-01-31 10:00:00 UTC", None, Some("2024-01-31T10:00:00Z"));
        for text in ["2024-13-01", "2024-01-31X", "2024-01-31 25:00", "2024-01/31", "é024-01-31"] {
            check(text, Some("UTC"), None);
        }
    }

    #[test]
    fn a_date_and_a_time_column_are_one_time() {
        let stamp = Stamp::parse_two("2006.01.02", "09:01:00").unwrap();
        let expected: jiff::Timestamp = "2006-01-02T09:01:00Z".parse().unwrap();
        assert_eq!(stamp.to_ms(Some(&TimeZone::UTC)), Some(expected.as_millisecond()));
        assert_eq!(Stamp::parse_two("20060102", "090100"), Some(stamp));
    }
}
