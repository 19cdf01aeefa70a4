//! Length of a candle.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Minutes in a UTC day.
const DAY_MINUTES: u16 = 1_440;
/// Minutes in a week, the longest timeframe.
const WEEK_MINUTES: u16 = 7 * DAY_MINUTES;
/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds in a UTC day.
pub const DAY_MS: i64 = DAY_MINUTES as i64 * MINUTE_MS;
/// The Unix epoch was a Thursday; candles of a week open on Monday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// Length of a candle: whole minutes that divide a day (`1m`, `15m`, `4h`, `1d`), or `1w`.
///
/// Holding one proves that the text was valid; no later code checks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timeframe {
    minutes: NonZeroU16,
}

/// The text is not a timeframe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a timeframe: write whole minutes that divide a day, such as 1m, 15m, 1h, 4h, 1d, or 1w"
)]
pub struct TimeframeError {
    text: String,
}

impl Timeframe {
    /// One minute.
    pub const MINUTE: Timeframe = Timeframe { minutes: NonZeroU16::MIN };

    /// The timeframe of `minutes` minutes; `None` if they do not divide a day and are not a week.
    pub fn from_minutes(minutes: u16) -> Option<Timeframe> {
        let minutes = NonZeroU16::new(minutes)?;
        let fits = DAY_MINUTES.is_multiple_of(minutes.get()) || minutes.get() == WEEK_MINUTES;
        fits.then_some(Timeframe { minutes })
    }

    /// Length in minutes.
    pub fn minutes(self) -> u16 {
        self.minutes.get()
    }

    /// Length in milliseconds.
    pub fn ms(self) -> i64 {
        i64::from(self.minutes.get()) * MINUTE_MS
    }

    /// Whether candles span a week: such series are marked and annualised by the week.
    pub fn is_week(self) -> bool {
        self.minutes.get() == WEEK_MINUTES
    }

    /// Open time of the candle that contains `time_ms`; weeks open on Monday 00:00 UTC.
    pub fn floor(self, time_ms: i64) -> i64 {
        let offset = if self.is_week() { FIRST_MONDAY_MS } else { 0 };
        (time_ms - offset).div_euclid(self.ms()) * self.ms() + offset
    }

    /// Whether candles of `self` can be made of whole candles of `finer`.
    pub fn is_multiple_of(self, finer: Timeframe) -> bool {
        self.minutes.get().is_multiple_of(finer.minutes.get())
    }
}

fn parse(text: &str) -> Option<Timeframe> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => DAY_MINUTES,
        "w" => WEEK_MINUTES,
        _ => return None,
    };
    if count.is_empty() || count.starts_with(['0', '+']) {
        return None;
    }
    Timeframe::from_minutes(count.parse::<u16>().ok()?.checked_mul(unit_minutes)?)
}

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| TimeframeError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Timeframe {
    type Error = TimeframeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Timeframe {
    /// The shortest form: `60m` is written `1h`, `1440m` is written `1d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.minutes.get();
        if minutes == WEEK_MINUTES {
            f.write_str("1w")
        } else if minutes == DAY_MINUTES {
            f.write_str("1d")
        } else if minutes.is_multiple_of(60) {
            write!(f, "{}h", minutes / 60)
        } else {
            write!(f, "{minutes}m")
        }
    }
}

impl From<Timeframe> for String {
    fn from(timeframe: Timeframe) -> String {
        timeframe.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(text.parse::<Timeframe>().ok().map(|t| t.to_string()).as_deref(), expected);
    }

    #[test]
    fn texts_parse_to_their_shortest_form() {
        check("1m", Some("1m"));
        check("60m", Some("1h"));
        check("24h", Some("1d"));
        check("1w", Some("1w"));
    }

    #[test]
    fn what_does_not_divide_a_day_is_refused() {
        for text in
            ["", "m", "0m", "7m", "5h", "2d", "2w", "1M", "-1m", "+5m", "05m", "99999m", "é"]
        {
            check(text, None);
        }
    }

    #[test]
    fn floors_to_the_open_and_weeks_to_monday() {
        let week = Timeframe::from_minutes(WEEK_MINUTES).unwrap();
        assert_eq!(week.floor(0), FIRST_MONDAY_MS - week.ms());
        assert_eq!(week.floor(FIRST_MONDAY_MS), FIRST_MONDAY_MS);
        assert_eq!("15m".parse::<Timeframe>().unwrap().floor(-1), -15 * MINUTE_MS);
    }
}
