//! The fixed pieces that series are fetched and cached in.
//!
//! A segment is a calendar month (UTC) of a timeframe below an hour, else a calendar year. Fixed
//! pieces make overlapping ranges share work: ranges are slices over whole segments.

use std::fmt;

use model::{DAY_MS, TimeRange, Timeframe};

/// Minutes from which on a segment is a year.
const YEAR_FROM_MINUTES: u16 = 60;

/// A month or a year of one series, half-open by open time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    year: i64,
    /// 1 to 12 in segments of a month.
    month: Option<i64>,
}

impl Segment {
    /// The segment of candles of `timeframe` that holds the open time `time_ms`.
    pub fn containing(timeframe: Timeframe, time_ms: i64) -> Segment {
        let (year, month) = civil_month(time_ms.div_euclid(DAY_MS));
        let monthly = timeframe.minutes() < YEAR_FROM_MINUTES;
        Segment { year, month: monthly.then_some(month) }
    }

    /// The month that holds `time_ms`, whatever the timeframe.
    pub fn month_of(time_ms: i64) -> Segment {
        let (year, month) = civil_month(time_ms.div_euclid(DAY_MS));
        Segment { year, month: Some(month) }
    }

    /// The year that holds `time_ms`, whatever the timeframe.
    pub(crate) fn year_of(time_ms: i64) -> Segment {
        Segment { year: civil_month(time_ms.div_euclid(DAY_MS)).0, month: None }
    }

    /// Reads `2024-05` or `2024`.
    pub(crate) fn parse(text: &str) -> Option<Segment> {
        let (year, month) = match text.split_once('-') {
            Some((year, month)) => (year, Some(month.parse().ok()?)),
            None => (text, None),
        };
        let year = year.parse().ok()?;
        let written = Segment { year, month };
        (month.is_none_or(|month| (1..=12).contains(&month)) && written.to_string() == text)
            .then_some(written)
    }

    /// The open times that belong to the segment.
    pub fn range(self) -> TimeRange {
        let start_ms = first_day(self.year, self.month.unwrap_or(1)) * DAY_MS;
        let next = self.next();
        let end_ms = first_day(next.year, next.month.unwrap_or(1)) * DAY_MS;
        TimeRange { start_ms, end_ms }
    }

    /// The segment after this one.
    #[must_use]
    pub fn next(self) -> Segment {
        match self.month {
            None => Segment { year: self.year + 1, month: None },
            Some(12) => Segment { year: self.year + 1, month: Some(1) },
            Some(month) => Segment { year: self.year, month: Some(month + 1) },
        }
    }

    /// The segment before this one.
    #[must_use]
    pub fn previous(self) -> Segment {
        match self.month {
            None => Segment { year: self.year - 1, month: None },
            Some(1) => Segment { year: self.year - 1, month: Some(12) },
            Some(month) => Segment { year: self.year, month: Some(month - 1) },
        }
    }

    /// The segments of `timeframe` that hold the open times of `range`, in order; empty for an
    /// empty range.
    pub fn covering(timeframe: Timeframe, range: TimeRange) -> Vec<Segment> {
        let mut segments = Vec::new();
        if range.start_ms >= range.end_ms {
            return segments;
        }
        let last = Segment::containing(timeframe, range.end_ms - 1);
        let mut segment = Segment::containing(timeframe, range.start_ms);
        while segment < last {
            segments.push(segment);
            segment = segment.next();
        }
        segments.push(last);
        segments
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        self.month.map_or(Ok(()), |month| write!(f, "-{month:02}"))
    }
}

/// Year and month of a day number since 1970-01-01 (H. Hinnant, `civil_from_days`).
fn civil_month(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// Day number of the first day of a month (H. Hinnant, `days_from_civil`).
fn first_day(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(timeframe: &str, date: &str, expected: &str, from: &str, to: &str) {
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let segment = Segment::containing(timeframe.parse().unwrap(), ms(date));
        assert_eq!(segment.to_string(), expected);
        assert_eq!(segment.range(), TimeRange { start_ms: ms(from), end_ms: ms(to) });
        assert_eq!(segment.next().previous(), segment);
        assert_eq!(Segment::parse(expected), Some(segment));
    }

    #[test]
    fn a_segment_is_a_month_below_an_hour_and_a_year_from_there_on() {
        let (from, to) = ("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
        check("1m", "2024-02-29T23:59:59Z", "2024-02", from, to);
        check("30m", "2024-02-01T00:00:00Z", "2024-02", from, to);
        let (from, to) = ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z");
        check("1h", "2024-12-31T23:00:00Z", "2024", from, to);
        let (from, to) = ("1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("1m", "1969-12-31T23:59:00Z", "1969-12", from, to);
    }

    #[test]
    fn names_that_are_no_segment_are_refused() {
        for text in ["", "24", "2024-13", "2024-0", "2024-1", "2024-01-01", "x"] {
            assert_eq!(Segment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_is_covered_by_the_segments_it_touches() {
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let range =
            TimeRange { start_ms: ms("2023-11-30T23:59:00Z"), end_ms: ms("2024-02-01T00:00:00Z") };
        let names: Vec<String> =
            Segment::covering(Timeframe::MINUTE, range).iter().map(Segment::to_string).collect();
        assert_eq!(names, ["2023-11", "2023-12", "2024-01"]);
        let empty = TimeRange { start_ms: 5, end_ms: 5 };
        assert_eq!(Segment::covering(Timeframe::MINUTE, empty), []);
    }
}
