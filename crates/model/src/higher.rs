//! Lengths of the candles that a part of a strategy runs on, and how a calendar cuts them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use crate::timeframe::DAY_MS;
use crate::{Calendar, CandleSlice, Candles, Timeframe};

/// Minutes in the longest month.
const MONTH_MINUTES: u64 = 31 * 1_440;

/// Length of longer candles: a timeframe, or months of the calendar (`1M`).
///
/// Those shorter than a day are cut in UTC. Days, weeks (from Monday) and months are those of the
/// series' calendar: a weekend's candles may belong to Monday, a day may begin in New York.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HigherTimeframe {
    /// Candles of one length.
    Fixed(Timeframe),
    /// Months.
    Month,
}

/// The text is neither a timeframe nor a month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a timeframe: write whole minutes that divide a day, such as 1m, 15m, 1h, 4h, 1d, or 1w, or 1M for months"
)]
pub struct HigherTimeframeError {
    text: String,
}

impl HigherTimeframe {
    /// Whether candles of `self` can be made of whole candles of `finer`.
    pub fn is_multiple_of(self, finer: HigherTimeframe) -> bool {
        match (self, finer) {
            (Self::Fixed(whole), Self::Fixed(part)) => whole.is_multiple_of(part),
            // A week may lie in two months.
            (Self::Month, Self::Fixed(part)) => !part.is_week(),
            (Self::Month, Self::Month) => true,
            (Self::Fixed(_), Self::Month) => false,
        }
    }

    /// Length in minutes; of a month that of the longest.
    pub fn most_minutes(self) -> u64 {
        match self {
            Self::Fixed(timeframe) => u64::from(timeframe.minutes()),
            Self::Month => MONTH_MINUTES,
        }
    }

    /// The candle that contains `time_ms`.
    fn bucket(self, calendar: &Calendar, time_ms: i64) -> Bucket {
        let (first_day, next_day) = match self {
            Self::Fixed(timeframe) if timeframe.ms() < DAY_MS => {
                let open_ms = timeframe.floor(time_ms);
                return Bucket { open_ms, end_ms: open_ms + timeframe.ms() };
            }
            Self::Fixed(timeframe) => {
                let day = timeframe.floor(calendar.day_of(time_ms));
                (day, day + timeframe.ms())
            }
            Self::Month => month(calendar.day_of(time_ms)),
        };
        Bucket { open_ms: calendar.opening(first_day), end_ms: calendar.start_of(next_day) }
    }
}

/// Time that one candle covers.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What the candle is stamped with.
    open_ms: i64,
    /// Where it ends, exclusive.
    end_ms: i64,
}

/// First day of the month of `day_ms`, and of the one after it.
fn month(day_ms: i64) -> (i64, i64) {
    let epoch = Date::constant(1970, 1, 1);
    let days = i32::try_from(day_ms.div_euclid(DAY_MS)).unwrap_or(0);
    let of = |days: i32| epoch.checked_add(jiff::Span::new().days(days)).unwrap_or(epoch);
    let number = |date: Date| i64::from((date - epoch).get_days()) * DAY_MS;
    let first = of(days).first_of_month();
    let next = first.last_of_month().tomorrow().unwrap_or(first);
    (number(first), number(next))
}

/// Candles of a calendar, and when each of them closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HigherCandles {
    /// The candles, ascending.
    pub candles: Candles,
    /// Where each of them ends, ms, ascending.
    pub end_ms: Vec<i64>,
}

/// Folds `source`, candles that can make up those of `to`, into candles of `calendar`.
///
/// As with [`crate::resample`], a candle exists if it holds at least one of `source` and ends at or
/// before `source_end_ms`.
pub fn fold_by_calendar(
    source: CandleSlice<'_>,
    to: HigherTimeframe,
    calendar: &Calendar,
    source_end_ms: i64,
) -> HigherCandles {
    let mut folded = HigherCandles::default();
    let mut row = 0;
    while row < source.len() {
        let bucket = to.bucket(calendar, source.open_time_ms[row]);
        let rest = &source.open_time_ms[row..];
        let next = row + rest.iter().take_while(|open_ms| **open_ms < bucket.end_ms).count().max(1);
        if bucket.end_ms > source_end_ms {
            break;
        }
        folded.candles.push(crate::resample::fold(bucket.open_ms, source.rows(row..next)));
        folded.end_ms.push(bucket.end_ms);
        row = next;
    }
    folded
}

impl From<Timeframe> for HigherTimeframe {
    fn from(timeframe: Timeframe) -> HigherTimeframe {
        HigherTimeframe::Fixed(timeframe)
    }
}

impl FromStr for HigherTimeframe {
    type Err = HigherTimeframeError;

    fn from_str(text: &str) -> Result<HigherTimeframe, HigherTimeframeError> {
        if text == "1M" {
            return Ok(HigherTimeframe::Month);
        }
        let fixed = text.parse().map(HigherTimeframe::Fixed);
        fixed.map_err(|_| HigherTimeframeError { text: text.to_owned() })
    }
}

impl fmt::Display for HigherTimeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(timeframe) => timeframe.fmt(f),
            Self::Month => f.write_str("1M"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start and end of the candle of `tf` that holds `time`.
    #[track_caller]
    fn check(calendar: &str, tf: &str, time: &str, open: &str, end: &str) {
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let tf: HigherTimeframe = tf.parse().unwrap();
        let bucket = tf.bucket(&calendar.parse().unwrap(), ms(time));
        assert_eq!([bucket.open_ms, bucket.end_ms], [ms(open), ms(end)], "{calendar} {tf} {time}");
    }

    #[test]
    fn days_weeks_and_months_of_every_day_are_utc() {
        let wednesday = "2024-01-31T23:59:00Z";
        check("24x7", "1d", wednesday, "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z");
        check("24x7", "1w", wednesday, "2024-01-29T00:00:00Z", "2024-02-05T00:00:00Z");
        check("24x7", "1M", wednesday, "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
        check("24x7", "1M", "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        check("24x7", "1M", "2023-12-05T07:00:00Z", "2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z");
        check("24x7", "4h", wednesday, "2024-01-31T20:00:00Z", "2024-02-01T00:00:00Z");
    }

    #[test]
    fn a_weekend_belongs_to_its_monday_in_days_weeks_and_months() {
        let sunday = "2024-06-30T22:00:00Z";
        check("24x5", "1d", sunday, "2024-07-01T00:00:00Z", "2024-07-02T00:00:00Z");
        check("24x5", "1w", sunday, "2024-07-01T00:00:00Z", "2024-07-06T00:00:00Z");
        check("24x5", "1M", sunday, "2024-07-01T00:00:00Z", "2024-08-01T00:00:00Z");
        let friday = "2024-06-28T22:00:00Z";
        check("24x5", "1d", friday, "2024-06-28T00:00:00Z", "2024-06-29T00:00:00Z");
        // The month ends with its last Friday: the weekend after it is July's.
        check("24x5", "1M", friday, "2024-06-01T00:00:00Z", "2024-06-29T00:00:00Z");
        check("24x5", "4h", sunday, "2024-06-30T20:00:00Z", "2024-07-01T00:00:00Z");
    }

    #[test]
    fn a_session_is_cut_at_midnight_of_its_zone_also_where_clocks_change() {
        let zone = "session:America/New_York";
        check(zone, "1d", "2024-01-03T02:00:00Z", "2024-01-02T05:00:00Z", "2024-01-03T05:00:00Z");
        // Clocks go forward on 2024-03-10.
        check(zone, "1d", "2024-03-10T20:00:00Z", "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z");
        check(zone, "1w", "2024-03-11T03:00:00Z", "2024-03-04T05:00:00Z", "2024-03-11T04:00:00Z");
        check(zone, "1M", "2024-04-01T03:00:00Z", "2024-03-01T05:00:00Z", "2024-04-01T04:00:00Z");
    }

    #[test]
    fn a_month_is_made_of_days_and_not_of_weeks() {
        let tf = |text: &str| text.parse::<HigherTimeframe>().unwrap();
        assert!(tf("1M").is_multiple_of(tf("1d")) && tf("1M").is_multiple_of(tf("1M")));
        assert!(!tf("1M").is_multiple_of(tf("1w")) && !tf("1w").is_multiple_of(tf("1M")));
        assert!("2M".parse::<HigherTimeframe>().is_err());
    }
}
