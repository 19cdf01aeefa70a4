//! Funding rates of perpetuals: where they come from, and whether they cover a range.
//!
//! A source keeps them by exchange and ticker, beside the candles of every timeframe. They are few
//! (a payment every few hours), so they are read whole for a range and held in memory only.

mod import;

use model::{Digest, FundingRates, FundingSlice, MINUTE_MS, TimeRange};

pub use self::import::{FundingReport, import_funding, read_funding};

/// Longest usual distance of two payments: venues pay every 1, 4 or 8 hours.
const USUAL_MS: i64 = 8 * 60 * MINUTE_MS;
/// How far around a range payments are looked for, to see whether they go on there.
const AROUND_MS: i64 = 2 * 24 * 60 * MINUTE_MS;

/// Funding rates of one ticker around a range. Shared by all who loaded the same.
#[derive(Clone, Debug)]
pub struct Funding {
    exchange: String,
    ticker: String,
    /// Rates of the range and of two days around it.
    rates: FundingRates,
}

/// A stretch of a range in which no payment is known although one must have been due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingHole {
    /// From the last known payment, or the start of the range, to the next one, or its end.
    pub range: TimeRange,
    /// Whether it is at the start or the end of the range: its rates are not there yet.
    pub at_end: bool,
}

impl Funding {
    /// `rates` of a ticker, those of a range and of [`Funding::around`] it.
    pub fn new(exchange: &str, ticker: &str, rates: FundingRates) -> Funding {
        Funding { exchange: exchange.to_owned(), ticker: ticker.to_owned(), rates }
    }

    /// The range in which payments must be known to judge `range`.
    pub fn around(range: TimeRange) -> TimeRange {
        TimeRange {
            start_ms: range.start_ms.saturating_sub(AROUND_MS),
            end_ms: range.end_ms.saturating_add(AROUND_MS),
        }
    }

    /// The payments due in `range`.
    pub fn within(&self, range: TimeRange) -> FundingSlice<'_> {
        self.rates.as_slice().within(range)
    }

    /// The funding hash of exactly [`Funding::within`].
    pub fn hash(&self, range: TimeRange) -> Digest {
        self.within(range).hash(&self.exchange, &self.ticker)
    }

    /// The stretches of `range` without a payment that are longer than 8 hours, or than the usual
    /// distance of the payments around it if that is longer; in order.
    pub fn holes(&self, range: TimeRange) -> Vec<FundingHole> {
        let times = self.rates.as_slice().time_ms;
        let allowed_ms = usual_distance(times).unwrap_or(USUAL_MS).max(USUAL_MS);
        let before = times.iter().rfind(|time_ms| **time_ms < range.start_ms);
        let inside = self.within(range).time_ms;
        let after = times.iter().find(|time_ms| **time_ms >= range.end_ms);
        if before.is_none() && inside.is_empty() && after.is_none() {
            return vec![FundingHole { range, at_end: true }];
        }
        // What is known beyond an end also says that nothing was due up to it.
        let mut from_ms = before.map_or(range.start_ms, |time_ms| *time_ms);
        let end_ms = after.map_or(range.end_ms, |time_ms| *time_ms);
        let mut holes = Vec::new();
        for to_ms in inside.iter().copied().chain([end_ms]) {
            if to_ms - from_ms > allowed_ms {
                let hole = TimeRange {
                    start_ms: from_ms.max(range.start_ms),
                    end_ms: to_ms.min(range.end_ms),
                };
                let at_end = hole.start_ms == range.start_ms || hole.end_ms == range.end_ms;
                holes.push(FundingHole { range: hole, at_end });
            }
            from_ms = to_ms;
        }
        holes
    }
}

/// The median distance of two payments, ms.
fn usual_distance(times: &[i64]) -> Option<i64> {
    let mut distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use model::FundingRate;

    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    /// The holes of payments at `hours` in a range of hours.
    #[track_caller]
    fn check(hours: &[i64], range: (i64, i64), expected: &[(i64, i64, bool)]) {
        let mut rates = FundingRates::default();
        for hour in hours {
            rates.push(FundingRate { time_ms: hour * HOUR_MS, rate: 0.0, mark: None }).unwrap();
        }
        let range = TimeRange { start_ms: range.0 * HOUR_MS, end_ms: range.1 * HOUR_MS };
        let holes = Funding::new("x", "T", rates).holes(range);
        let found = holes
            .iter()
            .map(|hole| (hole.range.start_ms / HOUR_MS, hole.range.end_ms / HOUR_MS, hole.at_end));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn payments_every_eight_hours_cover_what_they_span() {
        check(&[0, 8, 16, 24, 32], (0, 40), &[]);
        check(&[0, 8, 16, 24, 32], (1, 40), &[]);
        check(&[8, 16, 24, 32], (0, 40), &[]);
        check(&[0, 8, 16, 24, 32], (9, 10), &[]);
    }

    #[test]
    fn a_missing_payment_is_a_hole_inside_or_at_an_end() {
        check(&[0, 8, 24, 32], (0, 40), &[(8, 24, false)]);
        check(&[16, 24, 32], (0, 40), &[(0, 16, true)]);
        let holes = [(0, 16, true), (40, 56, false), (56, 70, true)];
        check(&[16, 24, 32, 40, 56], (0, 70), &holes);
        check(&[0, 8, 16], (0, 40), &[(16, 40, true)]);
        check(&[0, 8, 16, 40], (0, 30), &[(16, 30, true)]);
    }

    #[test]
    fn nothing_known_covers_nothing_however_short_the_range_is() {
        check(&[], (0, 1), &[(0, 1, true)]);
    }

    #[test]
    fn a_venue_that_pays_once_a_day_is_covered_by_one_a_day() {
        check(&[0, 24, 48, 72], (0, 96), &[]);
        check(&[0, 24, 72, 96], (0, 96), &[(24, 72, false)]);
    }

    #[test]
    fn the_hash_is_that_of_the_range_alone() {
        let mut wide = FundingRates::default();
        let mut narrow = FundingRates::default();
        for hour in [0, 8, 16, 24] {
            let rate = FundingRate { time_ms: hour * HOUR_MS, rate: 0.01, mark: None };
            wide.push(rate).unwrap();
            if hour > 0 {
                narrow.push(rate).unwrap();
            }
        }
        let range = TimeRange { start_ms: HOUR_MS, end_ms: 25 * HOUR_MS };
        let [wide, narrow] = [wide, narrow].map(|rates| Funding::new("x", "T", rates));
        assert_eq!(wide.hash(range), narrow.hash(range));
        assert_eq!(wide.within(range).len(), 3);
    }
}
