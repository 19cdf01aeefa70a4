//! Times as files write them: numbers of any unit, ISO dates with and without offset, or a format.

use std::cell::Cell;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use model::DAY_MS;

/// Unit of a number that is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        }
    }
}

/// A time before the zone of the file is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    /// A number: ms since 1970-01-01 UTC, and the unit that it was written in.
    Number(i64, Unit),
    /// A date alone: daily candles carry the date of their exchange at 00:00 UTC.
    Date(Date),
    /// A date and a time of day without offset.
    Naive(DateTime),
    /// A date and a time of day with an offset.
    Local(DateTime, Offset),
}

/// Turns stamps into open times.
#[derive(Clone, Debug)]
pub(super) struct Clockwork {
    /// Zone of times without one.
    pub(super) zone: Option<TimeZone>,
    /// Whether candles span days: a local midnight then stands for its date.
    pub(super) daily: bool,
    /// Subtracted from every time: the timeframe where candles carry the time of their close.
    pub(super) shift_ms: i64,
    /// The latest time so far: it tells the two hours apart that a clock shows twice.
    latest_ms: Cell<i64>,
}

impl Clockwork {
    pub(super) fn new(zone: Option<TimeZone>, daily: bool, shift_ms: i64) -> Clockwork {
        Clockwork { zone, daily, shift_ms, latest_ms: Cell::new(i64::MIN) }
    }

    /// Milliseconds since 1970-01-01 UTC; `None` if the time needs a zone and there is none, or
    /// lies beyond the calendar.
    pub(super) fn ms(&self, stamp: Stamp) -> Option<i64> {
        let ms = match stamp {
            Stamp::Number(ms, _) => ms,
            Stamp::Date(date) => midnight_ms(date)?,
            Stamp::Naive(time) | Stamp::Local(time, _)
                if self.daily && time.time() == Time::midnight() =>
            {
                midnight_ms(time.date())?
            }
            Stamp::Naive(time) => self.local_ms(time)?,
            Stamp::Local(time, offset) => offset.to_timestamp(time).ok()?.as_millisecond(),
        };
        ms.checked_sub(self.shift_ms)
    }

    fn local_ms(&self, time: DateTime) -> Option<i64> {
        let ambiguous = self.zone.as_ref()?.to_ambiguous_timestamp(time);
        let twice = ambiguous.is_ambiguous();
        let mut ms = ambiguous.compatible().ok()?.as_millisecond();
        if twice && ms <= self.latest_ms.get() {
            ms = ambiguous.later().ok()?.as_millisecond();
        }
        self.latest_ms.set(ms);
        Some(ms)
    }
}

fn midnight_ms(date: Date) -> Option<i64> {
    TimeZone::UTC.to_timestamp(date.into()).ok().map(jiff::Timestamp::as_millisecond)
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
            return Some(Stamp::number(number));
        }
        match text.parse::<f64>() {
            Ok(number) => Stamp::float(number),
            Err(_) => iso(text),
        }
    }

    /// Reads a time of this `strptime` format.
    pub(super) fn parse_as(format: &str, text: &str) -> Option<Stamp> {
        let parts = strtime::parse(format, text.trim()).ok()?;
        if let Some(seconds) = parts.timestamp() {
            return Some(Stamp::Number(seconds.as_millisecond(), Unit::Seconds));
        }
        let date = parts.to_date().ok()?;
        let has_time = parts.hour().is_some();
        let time = if has_time { parts.to_time().ok()? } else { Time::midnight() };
        let whole = DateTime::from_parts(date, time);
        Some(match parts.offset() {
            Some(offset) => Stamp::Local(whole, offset),
            None if has_time => Stamp::Naive(whole),
            None => Stamp::Date(date),
        })
    }

    /// A whole number: its unit shows in its size.
    pub(super) fn number(number: i64) -> Stamp {
        let (ms, unit) = by_magnitude(number);
        Stamp::Number(ms, unit)
    }

    /// A number with a fraction or an exponent, as spreadsheets write it.
    #[expect(clippy::cast_possible_truncation, reason = "numbers beyond 2^53 are refused before")]
    pub(super) fn float(number: f64) -> Option<Stamp> {
        if !number.is_finite() || number.abs() >= 9e15 {
            return None;
        }
        if number.abs() < 1e11 {
            return Some(Stamp::Number((number * 1_000.0).round() as i64, Unit::Seconds));
        }
        Some(Stamp::number(number.round() as i64))
    }

    /// Joins a date column and a time column.
    pub(super) fn parse_two(date: &str, time: &str) -> Option<Stamp> {
        match Stamp::parse(date)? {
            Stamp::Date(date) => {
                let (time, offset) = split_offset(time.trim())?;
                at(DateTime::from_parts(date, clock(time)?), offset)
            }
            Stamp::Number(..) | Stamp::Naive(_) | Stamp::Local(..) => None,
        }
    }

    /// Whether the time can only be known with a zone.
    pub(super) fn needs_zone(self) -> bool {
        matches!(self, Stamp::Naive(_))
    }

    /// Days since 1970-01-01.
    pub(super) fn day(days: i64) -> Option<Stamp> {
        days.checked_mul(DAY_MS).map(|ms| Stamp::Number(ms, Unit::Millis))
    }
}

/// Milliseconds: seconds below 1e11, ms below 1e14, us below 1e17, else ns.
fn by_magnitude(number: i64) -> (i64, Unit) {
    match number.unsigned_abs() {
        0..100_000_000_000 => (number * 1_000, Unit::Seconds),
        100_000_000_000..100_000_000_000_000 => (number, Unit::Millis),
        100_000_000_000_000..100_000_000_000_000_000 => (number.div_euclid(1_000), Unit::Micros),
        _ => (number.div_euclid(1_000_000), Unit::Nanos),
    }
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

/// `10:00`, `10:00:00`, `10:00:00.123`, `100000`, `1000`, `09:30:00 AM` not.
fn clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = [0_i8; 6];
    let mut count = 0;
    for byte in whole.bytes() {
        match byte {
            b':' => {}
            b'0'..=b'9' => {
                *digits.get_mut(count)? = (byte - b'0').cast_signed();
                count += 1;
            }
            _ => return None,
        }
    }
    if count != 4 && count != 6 {
        return None;
    }
    let pair = |at: usize| digits[at] * 10 + digits[at + 1];
    let mut nanos: i32 = 0;
    let mut scale: i32 = 100_000_000;
    for byte in fraction.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        nanos += i32::from(byte - b'0') * scale;
        scale /= 10;
    }
    Time::new(pair(0), pair(2), pair(4), nanos).ok()
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
    Offset::from_seconds(seconds).ok().map(|offset| Stamp::Local(time, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: Option<&str>, expected: Option<&str>) {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        let clockwork = Clockwork::new(zone, false, 0);
        let got = Stamp::parse(text).and_then(|stamp| clockwork.ms(stamp));
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
        let utc = Clockwork::new(Some(TimeZone::UTC), false, 0);
        assert_eq!(utc.ms(stamp), Some(expected.as_millisecond()));
        assert_eq!(Stamp::parse_two("20060102", "090100"), Some(stamp));
    }

    #[test]
    fn a_local_midnight_of_a_daily_candle_stands_for_its_date() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let daily = Clockwork::new(Some(zone), true, 0);
        for text in ["2024-01-02", "2024-01-02 00:00:00", "2024-01-02 00:00:00-05:00"] {
            let ms = daily.ms(Stamp::parse(text).unwrap()).unwrap();
            assert_eq!(ms, 1_704_153_600_000, "{text}");
        }
    }

    #[test]
    fn the_hour_that_a_clock_shows_twice_goes_on() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let clockwork = Clockwork::new(Some(zone), false, 3_600_000);
        let hours = ["01:00", "02:00", "02:00", "03:00"].map(|hour| {
            let stamp = Stamp::parse(&format!("2024-10-27 {hour}")).unwrap();
            clockwork.ms(stamp).unwrap() / 3_600_000
        });
        assert_eq!(hours.map(|hour| hour - hours[0]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_format_reads_what_has_no_usual_form() {
        let check = |format, text, expected: Option<&str>| {
            let ms = Stamp::parse_as(format, text)
                .and_then(|s| Clockwork::new(Some(TimeZone::UTC), false, 0).ms(s));
            let expected = expected.map(|t| t.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            assert_eq!(ms, expected, "{format} {text}");
        };
        check("%d.%m.%Y %H:%M:%S", "31.01.2024 10:00:00", Some("2024-01-31T10:00:00Z"));
        check("%m/%d/%y", "01/31/24", Some("2024-01-31T00:00:00Z"));
        check(
            "%d.%m.%Y %H:%M:%S%.f GMT%z",
            "31.01.2024 10:00:00.000 GMT+0200",
            Some("2024-01-31T08:00:00Z"),
        );
        check("%s", "1704067200", Some("2024-01-01T00:00:00Z"));
        check("%d.%m.%Y", "2024-01-31", None);
    }
}
