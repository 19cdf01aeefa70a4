//! Funding rates of a perpetual: a series beside its candles.
//!
//! A payment is due at each time of the series: cash of the holder changes by -side x quantity x
//! P x rate, so a long position pays a positive rate. Times are whole minutes, ascending, without
//! duplicates; rates are finite, marks are positive or missing. Not here: which candle a payment
//! falls into and what P is where there is no mark (`engine`).

use crate::candle::canonical_bits;
use crate::timeframe::MINUTE_MS;
use crate::{Digest, TimeRange};

/// Owned columns of one funding series, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FundingRates {
    /// When payments are due, ms since 1970-01-01 UTC, whole minutes, strictly ascending.
    time_ms: Vec<i64>,
    /// Rates as fractions.
    rate: Vec<f64>,
    /// Mark prices in quote; NaN where the source has none.
    mark: Vec<f64>,
}

/// Borrowed columns of one funding series, all of one length, oldest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct FundingSlice<'a> {
    /// When payments are due, ms since 1970-01-01 UTC, whole minutes, strictly ascending.
    pub time_ms: &'a [i64],
    /// Rates as fractions; a long position pays a positive one.
    pub rate: &'a [f64],
    /// Mark prices in quote; NaN where the source has none.
    pub mark: &'a [f64],
}

/// One payment that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingRate {
    /// When, ms since 1970-01-01 UTC; rounded to the minute by [`FundingRates::push`].
    pub time_ms: i64,
    /// Rate as a fraction, finite.
    pub rate: f64,
    /// Mark price in quote, if the source has one.
    pub mark: Option<f64>,
}

/// A rate that a funding series cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FundingFault {
    /// It is not after the one before it.
    #[error("is not after the one before it, to the minute")]
    OutOfOrder,
    /// The rate is no number, or not between -1 and 1.
    #[error("has a rate that is not between -1 and 1 (rates are fractions: 0.0001 is 0.01 %)")]
    Rate,
    /// The mark is no positive number.
    #[error("has a mark price that is not a positive number")]
    Mark,
}

impl FundingRates {
    /// Appends `rate`, its time rounded to the nearest minute.
    pub fn push(&mut self, rate: FundingRate) -> Result<(), FundingFault> {
        let time_ms = (rate.time_ms + MINUTE_MS / 2).div_euclid(MINUTE_MS) * MINUTE_MS;
        if self.time_ms.last().is_some_and(|last_ms| *last_ms >= time_ms) {
            return Err(FundingFault::OutOfOrder);
        }
        if !(-1.0..=1.0).contains(&rate.rate) {
            return Err(FundingFault::Rate);
        }
        if rate.mark.is_some_and(|mark| !(mark.is_finite() && mark > 0.0)) {
            return Err(FundingFault::Mark);
        }
        self.time_ms.push(time_ms);
        self.rate.push(rate.rate);
        self.mark.push(rate.mark.unwrap_or(f64::NAN));
        Ok(())
    }

    /// `rate`, a fraction, at every multiple of `every_ms` since 1970 in `range`, without marks.
    pub fn constant(rate: f64, every_ms: i64, range: TimeRange) -> FundingRates {
        let first = range.start_ms.div_euclid(every_ms);
        let first = if first * every_ms < range.start_ms { first + 1 } else { first };
        let times = (first..).map(|n| n * every_ms).take_while(|time_ms| *time_ms < range.end_ms);
        let time_ms: Vec<i64> = times.collect();
        let count = time_ms.len();
        FundingRates { time_ms, rate: vec![rate; count], mark: vec![f64::NAN; count] }
    }

    /// The columns, borrowed.
    pub fn as_slice(&self) -> FundingSlice<'_> {
        FundingSlice { time_ms: &self.time_ms, rate: &self.rate, mark: &self.mark }
    }
}

impl<'a> FundingSlice<'a> {
    /// Number of payments.
    pub fn len(&self) -> usize {
        self.time_ms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.time_ms.is_empty()
    }

    /// Row of the first payment due at or after `time_ms`; `len()` if none is.
    pub fn lower_bound(&self, time_ms: i64) -> usize {
        self.time_ms.partition_point(|due_ms| *due_ms < time_ms)
    }

    /// The payment in row `row`.
    ///
    /// # Panics
    /// If the row is out of bounds.
    pub fn get(&self, row: usize) -> FundingRate {
        let mark = self.mark[row];
        FundingRate {
            time_ms: self.time_ms[row],
            rate: self.rate[row],
            mark: (!mark.is_nan()).then_some(mark),
        }
    }

    /// The payments due in `range`.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> FundingSlice<'a> {
        let start = self.lower_bound(range.start_ms);
        let end = self.lower_bound(range.end_ms).max(start);
        FundingSlice {
            time_ms: &self.time_ms[start..end],
            rate: &self.rate[start..end],
            mark: &self.mark[start..end],
        }
    }

    /// Copies the columns.
    pub fn to_rates(&self) -> FundingRates {
        FundingRates {
            time_ms: self.time_ms.to_vec(),
            rate: self.rate.to_vec(),
            mark: self.mark.to_vec(),
        }
    }

    /// Funding hash: equal data gives an equal hash whatever store it came from.
    ///
    /// BLAKE3 of exchange and ticker (each as length and text), the count, and per payment its
    /// time, the bits of its rate and those of its mark (0 where there is none), little-endian.
    pub fn hash(&self, exchange: &str, ticker: &str) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"backfleet.funding.1\0");
        for text in [exchange, ticker] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&(self.len() as u64).to_le_bytes());
        for row in 0..self.len() {
            let FundingRate { time_ms, rate, mark } = self.get(row);
            hasher.update(&time_ms.to_le_bytes());
            hasher.update(&canonical_bits(rate).to_le_bytes());
            hasher.update(&canonical_bits(mark.unwrap_or(0.0)).to_le_bytes());
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rates: &[(i64, f64, Option<f64>)]) -> Result<FundingRates, FundingFault> {
        let mut all = FundingRates::default();
        for (time_ms, rate, mark) in rates {
            all.push(FundingRate { time_ms: *time_ms, rate: *rate, mark: *mark })?;
        }
        Ok(all)
    }

    #[test]
    fn times_are_rounded_to_the_minute() {
        let all = rates(&[(-30_001, 0.0, None), (29_999, 0.1, None), (30_000, 0.1, Some(2.0))]);
        let all = all.unwrap();
        assert_eq!(all.as_slice().time_ms, [-60_000, 0, 60_000]);
        assert_eq!(all.as_slice().get(1).mark, None);
        assert_eq!(all.as_slice().get(2).mark, Some(2.0));
    }

    #[test]
    fn what_is_no_payment_is_refused() {
        let check = |row, fault| assert_eq!(rates(&[(0, 0.0, None), row]), Err(fault));
        check((29_999, 0.0, None), FundingFault::OutOfOrder);
        check((60_000, f64::NAN, None), FundingFault::Rate);
        check((60_000, 1.5, None), FundingFault::Rate);
        for mark in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            check((60_000, 0.0, Some(mark)), FundingFault::Mark);
        }
    }

    #[test]
    fn a_constant_rate_is_due_at_multiples_within_the_range() {
        let times = |start_ms, end_ms| {
            let range = TimeRange { start_ms, end_ms };
            FundingRates::constant(0.1, 100, range).as_slice().time_ms.to_vec()
        };
        assert_eq!(times(0, 200), [0, 100]);
        assert_eq!(times(1, 201), [100, 200]);
        assert_eq!(times(-150, 50), [-100, 0]);
        assert!(times(1, 100).is_empty());
    }

    #[test]
    fn the_hash_sees_every_value_and_only_the_range() {
        let all = rates(&[(0, 0.1, None), (60_000, 0.2, Some(5.0)), (120_000, -0.0, None)]);
        let all = all.unwrap();
        let hash = |range: (i64, i64)| {
            let range = TimeRange { start_ms: range.0, end_ms: range.1 };
            all.as_slice().within(range).hash("x", "T")
        };
        let middle = rates(&[(60_000, 0.2, Some(5.0))]).unwrap();
        assert_eq!(hash((1, 120_000)), middle.as_slice().hash("x", "T"));
        assert_ne!(hash((0, 120_000)), hash((1, 120_000)));
        assert_ne!(middle.as_slice().hash("x", "T"), middle.as_slice().hash("x", "U"));
        let unmarked = rates(&[(60_000, 0.2, None)]).unwrap();
        assert_ne!(middle.as_slice().hash("x", "T"), unmarked.as_slice().hash("x", "T"));
        let zero = rates(&[(120_000, 0.0, None)]).unwrap();
        assert_eq!(hash((120_000, 120_001)), zero.as_slice().hash("x", "T"));
    }
}
