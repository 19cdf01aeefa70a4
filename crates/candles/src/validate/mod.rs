//! The rules every candle obeys: what importers refuse and what no source may answer.

mod gap;
mod inspect;
mod jump;
mod mend;
mod months;

use std::fmt;

use model::{Candle, CandleSlice, Timeframe};
use serde::Serialize;

pub use self::gap::Gap;
pub use self::inspect::Findings;
pub(crate) use self::inspect::{Expected, Inspector, Spacing};
pub use self::mend::{Fix, FixError, Mended};
pub(crate) use self::mend::{MOST_ROWS, Mender};
pub use self::months::{Month, months};

/// A rule that a row breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// The row has too few or too many fields.
    Fields,
    /// A field is not a number or a time.
    Unreadable,
    /// A price or the volume is missing, infinite or not a number.
    NotFinite,
    /// A price is zero or below.
    PriceNotPositive,
    /// A price is smaller or greater, or the volume is greater, than any that is traded.
    OutOfRange,
    /// The high is below, or the low above, another price of the candle.
    Extremes,
    /// The volume is below zero.
    NegativeVolume,
    /// The open time is not on the grid of the timeframe.
    OffGrid,
    /// The row repeats the one before it.
    DuplicateIdentical,
    /// The row has the time of the one before it and other values.
    DuplicateConflicting,
    /// The row is older than the one before it.
    Disorder,
    /// The candle opens in the future.
    Future,
    /// The candle opens before any time that stores can hold.
    Past,
    /// Most candles are further apart, or closer, than the timeframe says.
    Timeframe,
}

impl Rule {
    /// What is wrong, in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Fields => "wrong number of fields",
            Self::Unreadable => "unreadable field",
            Self::NotFinite => "missing or non-finite value",
            Self::PriceNotPositive => "price is not above 0",
            Self::OutOfRange => "price outside 1e-100 to 1e100, or volume above 1e100",
            Self::Extremes => "high below or low above another price",
            Self::NegativeVolume => "volume below 0",
            Self::OffGrid => "time is off the grid of the timeframe",
            Self::DuplicateIdentical => "repeats the row before",
            Self::DuplicateConflicting => "same time as the row before, other values",
            Self::Disorder => "older than the row before",
            Self::Future => "opens in the future",
            Self::Past => "opens before 1677-09-21, the first day that stores can hold",
            Self::Timeframe => "most candles are not one timeframe apart",
        }
    }
}

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowFault {
    /// Row number, from 1: the line of a text file, header included.
    pub row: u64,
    /// The rule.
    pub rule: Rule,
    /// Time of the row, where it was readable, ms since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<i64>,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.row, self.rule.text())?;
        self.time_ms.map_or(Ok(()), |ms| write!(f, " ({})", crate::error::Instant(ms)))
    }
}

/// The first time that is a 64-bit number of nanoseconds, as InfluxDB and pandas keep it.
const EARLIEST_MS: i64 = i64::MIN / 1_000_000;

/// Prices of candles: numbers between these may be squared, summed and divided by one another without
/// leaving what a number can be.
const PRICES: std::ops::RangeInclusive<f64> = 1e-100..=LARGEST;
/// Greatest price and greatest volume.
const LARGEST: f64 = 1e100;

/// The first rule that `candle` breaks, given the one before it.
pub(crate) fn broken_rule(
    candle: &Candle,
    before: Option<&Candle>,
    timeframe: Timeframe,
) -> Option<Rule> {
    let Candle { open_time_ms, open, high, low, close, volume } = *candle;
    let prices = [open, high, low, close];
    if !prices.iter().all(|price| price.is_finite()) || !volume.is_finite() {
        return Some(Rule::NotFinite);
    }
    if prices.iter().any(|price| *price <= 0.0) {
        return Some(Rule::PriceNotPositive);
    }
    if !prices.iter().all(|price| PRICES.contains(price)) || volume > LARGEST {
        return Some(Rule::OutOfRange);
    }
    if high < open.max(close) || low > open.min(close) {
        return Some(Rule::Extremes);
    }
    if volume < 0.0 {
        return Some(Rule::NegativeVolume);
    }
    if open_time_ms < EARLIEST_MS {
        return Some(Rule::Past);
    }
    if timeframe.floor(open_time_ms) != open_time_ms {
        return Some(Rule::OffGrid);
    }
    let before = before?;
    match open_time_ms.cmp(&before.open_time_ms) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Less => Some(Rule::Disorder),
        std::cmp::Ordering::Equal if candle == before => Some(Rule::DuplicateIdentical),
        std::cmp::Ordering::Equal => Some(Rule::DuplicateConflicting),
    }
}

/// The first fault of whole columns, rows counted from 1.
pub(crate) fn first_fault(candles: CandleSlice<'_>, timeframe: Timeframe) -> Option<RowFault> {
    let mut before = None;
    for row in 0..candles.len() {
        let candle = candles.candle(row);
        if let Some(rule) = broken_rule(&candle, before.as_ref(), timeframe) {
            let time_ms = Some(candle.open_time_ms);
            return Some(RowFault { row: row as u64 + 1, rule, time_ms });
        }
        before = Some(candle);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Candle =
        Candle { open_time_ms: 60_000, open: 2.0, high: 3.0, low: 1.0, close: 2.5, volume: 0.0 };

    #[track_caller]
    fn check(candle: Candle, before: Option<Candle>, expected: Option<Rule>) {
        assert_eq!(broken_rule(&candle, before.as_ref(), Timeframe::MINUTE), expected);
    }

    #[test]
    fn each_rule_is_noticed() {
        check(GOOD, None, None);
        check(Candle { close: f64::NAN, ..GOOD }, None, Some(Rule::NotFinite));
        check(Candle { volume: f64::INFINITY, ..GOOD }, None, Some(Rule::NotFinite));
        check(Candle { low: 0.0, ..GOOD }, None, Some(Rule::PriceNotPositive));
        check(Candle { high: 1.1e100, ..GOOD }, None, Some(Rule::OutOfRange));
        check(Candle { low: 0.9e-100, ..GOOD }, None, Some(Rule::OutOfRange));
        check(Candle { volume: 1.1e100, ..GOOD }, None, Some(Rule::OutOfRange));
        check(Candle { low: 1e-100, high: 1e100, volume: 1e100, ..GOOD }, None, None);
        check(Candle { high: 2.4, ..GOOD }, None, Some(Rule::Extremes));
        check(Candle { low: 2.1, ..GOOD }, None, Some(Rule::Extremes));
        check(Candle { volume: -1.0, ..GOOD }, None, Some(Rule::NegativeVolume));
        check(Candle { open_time_ms: 60_001, ..GOOD }, None, Some(Rule::OffGrid));
        check(Candle { open_time_ms: -9_223_372_080_000, ..GOOD }, None, Some(Rule::Past));
        check(Candle { open_time_ms: -9_223_371_960_000, ..GOOD }, None, None);
        check(GOOD, Some(GOOD), Some(Rule::DuplicateIdentical));
        check(Candle { close: 2.0, ..GOOD }, Some(GOOD), Some(Rule::DuplicateConflicting));
        check(Candle { open_time_ms: 0, ..GOOD }, Some(GOOD), Some(Rule::Disorder));
    }

    #[test]
    fn the_first_fault_names_its_row() {
        let rows = [GOOD, Candle { open_time_ms: 120_000, ..GOOD }, GOOD];
        let candles: model::Candles = rows.into_iter().collect();
        let fault = first_fault(candles.as_slice(), Timeframe::MINUTE).unwrap();
        assert_eq!(fault.to_string(), "row 3: older than the row before (1970-01-01T00:01:00Z)");
    }
}
