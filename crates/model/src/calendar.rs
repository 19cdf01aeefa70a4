//! Which days a series has: the grid of daily marks and of annualised numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::timeframe::DAY_MS;

/// Days of a series, and periods in its year.
///
/// Text form: `24x7`, `24x5`, `session` (days cut in UTC) or `session:America/New_York`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Calendar {
    /// Every UTC day counts, also one without candles; 365 a year.
    #[default]
    EveryDay,
    /// Monday to Friday, UTC; candles of Saturday and Sunday belong to Monday; 260 a year.
    Weekdays,
    /// Only days with a candle, cut in a time zone; 252 a year.
    Session(TimeZoneName),
}

/// An IANA time zone name that the compiled-in database knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeZoneName(String);

/// The text is not a calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a calendar: write 24x7, 24x5, session or session:Area/City with an IANA time zone"
)]
pub struct CalendarError {
    text: String,
}

impl TimeZoneName {
    /// Checks `name` against the compiled-in time zone database.
    pub fn new(name: &str) -> Option<TimeZoneName> {
        jiff::tz::TimeZone::get(name).ok().map(|_| TimeZoneName(name.to_owned()))
    }

    /// The IANA name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rules of the zone.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.0).expect("the name was checked when it was parsed")
    }
}

impl Calendar {
    /// Periods (days) in a year, for annualising: 365, 260 or 252.
    pub fn periods_per_year(&self) -> f64 {
        match self {
            Self::EveryDay => 365.0,
            Self::Weekdays => 260.0,
            Self::Session(_) => 252.0,
        }
    }

    /// Start of the trading day that owns the instant `time_ms`, as ms of that date at 00:00 UTC.
    ///
    /// Under [`Calendar::Session`] the date is the local one of the time zone, so the result names
    /// a date and is no instant of that zone. Costs a time-zone look-up there.
    pub fn day_of(&self, time_ms: i64) -> i64 {
        let day = time_ms.div_euclid(DAY_MS);
        match self {
            Self::EveryDay => day * DAY_MS,
            Self::Weekdays => weekday_on_or_after(day) * DAY_MS,
            Self::Session(name) => {
                let Ok(instant) = jiff::Timestamp::from_millisecond(time_ms) else {
                    return day * DAY_MS;
                };
                let offset = i64::from(name.zone().to_offset(instant).seconds()) * 1_000;
                (time_ms + offset).div_euclid(DAY_MS) * DAY_MS
            }
        }
    }

    /// How many of `times_ms`, ascending, belong to the day `day_ms` or an earlier one.
    ///
    /// Looks at `guess` first (most often as many as on the day before), then near the start: a
    /// miss costs the logarithm of the count.
    pub fn rows_to(&self, times_ms: &[i64], day_ms: i64, guess: usize) -> usize {
        let belongs = |time_ms: &i64| self.day_of(*time_ms) <= day_ms;
        let is_right = guess > 0
            && times_ms.get(guess - 1).is_some_and(belongs)
            && times_ms.get(guess).is_none_or(|time_ms| !belongs(time_ms));
        if is_right {
            return guess;
        }
        let mut width = 1;
        while width < times_ms.len() && belongs(&times_ms[width - 1]) {
            width *= 2;
        }
        let low = width / 2;
        low + times_ms[low..times_ms.len().min(width)].partition_point(belongs)
    }
}

impl Calendar {
    /// The instant at which the trading day of the date `day_ms` (00:00 UTC of it) begins.
    ///
    /// Where the date itself is no trading day, the instant from which candles belong to a later one.
    pub(crate) fn start_of(&self, day_ms: i64) -> i64 {
        match self {
            Self::EveryDay => day_ms,
            Self::Weekdays => match (day_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) {
                // Monday owns the weekend before it.
                0 => day_ms - 2 * DAY_MS,
                6 => day_ms - DAY_MS,
                _ => day_ms,
            },
            Self::Session(name) => {
                let instant = jiff::Timestamp::from_millisecond(day_ms).ok();
                let midnight = instant.map(|instant| jiff::tz::TimeZone::UTC.to_datetime(instant));
                let start = midnight.and_then(|midnight| {
                    name.zone().to_ambiguous_timestamp(midnight).compatible().ok()
                });
                start.map_or(day_ms, jiff::Timestamp::as_millisecond)
            }
        }
    }

    /// What a candle that begins with the trading day of the date `day_ms` is stamped with: its
    /// first instant, or the date where a weekend comes before it.
    pub(crate) fn opening(&self, day_ms: i64) -> i64 {
        match self {
            Self::EveryDay | Self::Weekdays => day_ms,
            Self::Session(_) => self.start_of(day_ms),
        }
    }
}

/// Day numbers count from Thursday 1970-01-01; Saturday and Sunday move to Monday.
fn weekday_on_or_after(day: i64) -> i64 {
    match (day + 3).rem_euclid(7) {
        5 => day + 2,
        6 => day + 1,
        _ => day,
    }
}

fn parse(text: &str) -> Option<Calendar> {
    match text {
        "24x7" => Some(Calendar::EveryDay),
        "24x5" => Some(Calendar::Weekdays),
        "session" => TimeZoneName::new("UTC").map(Calendar::Session),
        _ => TimeZoneName::new(text.strip_prefix("session:")?).map(Calendar::Session),
    }
}

impl FromStr for Calendar {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Calendar, CalendarError> {
        parse(text).ok_or_else(|| CalendarError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Calendar {
    type Error = CalendarError;

    fn try_from(text: String) -> Result<Calendar, CalendarError> {
        text.parse()
    }
}

impl From<Calendar> for String {
    fn from(calendar: Calendar) -> String {
        calendar.to_string()
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryDay => f.write_str("24x7"),
            Self::Weekdays => f.write_str("24x5"),
            Self::Session(name) if name.as_str() == "UTC" => f.write_str("session"),
            Self::Session(name) => write!(f, "session:{}", name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_and_unknown_zones_are_refused() {
        for text in ["24x7", "24x5", "session", "session:America/New_York"] {
            assert_eq!(text.parse::<Calendar>().unwrap().to_string(), text);
        }
        for text in ["", "24x6", "session:", "session:Mars/Base"] {
            assert!(text.parse::<Calendar>().is_err());
        }
    }

    #[test]
    fn weekend_candles_belong_to_monday_and_sessions_to_their_local_date() {
        let friday = DAY_MS;
        let weekdays = Calendar::Weekdays;
        assert_eq!(weekdays.day_of(friday), friday);
        assert_eq!(weekdays.day_of(friday + 2 * DAY_MS + 5), friday + 3 * DAY_MS);
        let new_york: Calendar = "session:America/New_York".parse().unwrap();
        assert_eq!(new_york.day_of(friday + DAY_MS / 12), friday - DAY_MS);
        assert_eq!(new_york.day_of(friday + DAY_MS / 2), friday);
    }

    #[test]
    fn the_rows_of_a_day_are_found_whatever_is_guessed() {
        let times: Vec<i64> = (0..500).map(|row| row * DAY_MS / 100).collect();
        for day in -1..6 {
            let expected = usize::try_from((day + 1) * 100).unwrap_or(0).min(500);
            for guess in [0, 1, 99, 100, 101, 200, 499, 500, 501] {
                let found = Calendar::EveryDay.rows_to(&times, day * DAY_MS, guess);
                assert_eq!(found, expected, "day {day}, guess {guess}");
            }
        }
        assert_eq!(Calendar::EveryDay.rows_to(&[], 0, 3), 0);
    }
}
