//! Pivots: candles that stand out from their neighbours, and what they say.
//!
//! A pivot is known only when its last neighbour has closed. Every output is dated at that
//! candle, never at the pivot itself.

use model::CandleSlice;

use super::average;
use super::window::{highest, lowest};

/// Neighbours that a pivot must stand out from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Candles before it.
    pub(crate) left: usize,
    /// Candles after it.
    pub(crate) right: usize,
}

/// One of the two sorts of pivots.
#[derive(Clone, Copy)]
struct Side<'a> {
    prices: &'a [f64],
    /// Extreme of the last rows.
    extreme: fn(&[f64], usize) -> Vec<f64>,
    /// Whether the first of two prices stands out from the second.
    beats: fn(f64, f64) -> bool,
}

fn highs(candles: CandleSlice<'_>) -> Side<'_> {
    Side { prices: candles.high, extreme: highest, beats: |price, other| price > other }
}

fn lows(candles: CandleSlice<'_>) -> Side<'_> {
    Side { prices: candles.low, extreme: lowest, beats: |price, other| price < other }
}

impl Side<'_> {
    /// For each row whether it confirms the candle `right` rows before as a pivot; null where that
    /// candle has too few neighbours. A pivot beats all of them: an equal one is enough against it.
    fn confirmed(&self, span: Span) -> Vec<Option<bool>> {
        let before = (self.extreme)(self.prices, span.left);
        let after = (self.extreme)(self.prices, span.right);
        let confirmed = |row: usize| {
            let pivot = row.checked_sub(span.right).filter(|pivot| *pivot >= span.left)?;
            let price = self.prices[pivot];
            Some((self.beats)(price, before[pivot - 1]) && (self.beats)(price, after[row]))
        };
        (0..self.prices.len()).map(confirmed).collect()
    }
}

/// Pivots: price of the last confirmed high and low, and whether this candle confirms one.
///
/// A pivot high is above the highs of `left` candles before and `right` after it, as Skender and
/// TA-Lib (FRACTAL) have it; lows are mirrored. Prices are null before the first pivot, the
/// flags before row left + right. Which pivot is the last depends on the row it starts at.
pub(crate) fn pivots(candles: CandleSlice<'_>, span: Span) -> Vec<Vec<f64>> {
    let [(high, is_high), (low, is_low)] = [highs(candles), lows(candles)].map(|side| {
        let confirmed = side.confirmed(span);
        let mut price = f64::NAN;
        let prices = confirmed.iter().enumerate().map(|(row, confirmed)| {
            if *confirmed == Some(true) {
                price = side.prices[row - span.right];
            }
            price
        });
        (prices.collect(), flags(&confirmed))
    });
    vec![high, low, is_high, is_low]
}

/// Divergence of price and RSI(`n`) of the close: bull and bear flags.
///
/// Bull: a pivot low is confirmed that is lower than the pivot low before it, at most `within`
/// candles earlier, while the RSI at it is higher. Bear: the same of highs, mirrored. Null before
/// row left + right, and where the RSI at the candle `right` rows before is null.
pub(crate) fn rsi_divergence(
    candles: CandleSlice<'_>,
    n: usize,
    span: Span,
    within: usize,
) -> Vec<Vec<f64>> {
    let index = average::rsi(candles.close, n);
    let side = |side: Side<'_>| {
        let mut last: Option<usize> = None;
        let rows = side.confirmed(span).into_iter().enumerate().map(|(row, confirmed)| {
            let confirmed = confirmed?;
            let pivot = row - span.right;
            if index[pivot].is_nan() {
                return None;
            }
            let before = if confirmed { last.replace(pivot) } else { None };
            Some(before.is_some_and(|before| {
                pivot - before <= within
                    && (side.beats)(side.prices[pivot], side.prices[before])
                    && (side.beats)(index[before], index[pivot])
            }))
        });
        flags(&rows.collect::<Vec<_>>())
    };
    vec![side(lows(candles)), side(highs(candles))]
}

fn flags(rows: &[Option<bool>]) -> Vec<f64> {
    rows.iter().map(|flag| flag.map_or(f64::NAN, f64::from)).collect()
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles};

    use super::*;

    const NULL: f64 = f64::NAN;

    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
    }

    /// Candles with this close, a high 1 above and a low 1 below it.
    fn candles(closes: &[f64]) -> Candles {
        let candle = |(row, close): (i64, &f64)| Candle {
            open_time_ms: row * 60_000,
            open: *close,
            high: close + 1.0,
            low: close - 1.0,
            close: *close,
            volume: 1.0,
        };
        (0..).zip(closes).map(candle).collect()
    }

    #[test]
    fn a_pivot_is_dated_where_it_is_confirmed() {
        let candles = candles(&[5.0, 7.0, 9.0, 8.0, 6.0, 7.0, 8.0]);
        let outputs = pivots(candles.as_slice(), Span { left: 2, right: 1 });
        check(&outputs[0], &[NULL, NULL, NULL, 10.0, 10.0, 10.0, 10.0]);
        check(&outputs[1], &[NULL, NULL, NULL, NULL, NULL, 5.0, 5.0]);
        check(&outputs[2], &[NULL, NULL, NULL, 1.0, 0.0, 0.0, 0.0]);
        check(&outputs[3], &[NULL, NULL, NULL, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn an_equal_neighbour_makes_no_pivot() {
        let candles = candles(&[5.0, 7.0, 7.0, 5.0, 6.0]);
        let outputs = pivots(candles.as_slice(), Span { left: 1, right: 1 });
        check(&outputs[2], &[NULL, NULL, 0.0, 0.0, 0.0]);
    }

    /// A steep fall to a low, and a slow one to a lower low.
    const DIVERGING: [f64; 14] =
        [20.0, 21.0, 20.0, 15.0, 10.0, 14.0, 16.0, 15.0, 14.0, 13.0, 9.5, 9.0, 12.0, 13.0];

    #[track_caller]
    fn check_divergence(closes: &[f64], within: usize, bull: &[usize], bear: &[usize]) {
        let candles = candles(closes);
        let outputs = rsi_divergence(candles.as_slice(), 3, Span { left: 2, right: 2 }, within);
        let rows = |output: &[f64]| -> Vec<usize> {
            (0..closes.len()).filter(|row| output[*row] > 0.0).collect()
        };
        assert_eq!((rows(&outputs[0]), rows(&outputs[1])), (bull.to_vec(), bear.to_vec()));
        for output in outputs {
            assert_eq!(output.iter().position(|value| !value.is_nan()), Some(5));
        }
    }

    #[test]
    fn a_lower_low_with_a_higher_rsi_is_bullish_when_it_is_confirmed() {
        check_divergence(&DIVERGING, 7, &[13], &[]);
        check_divergence(&DIVERGING, 6, &[], &[]);
        check_divergence(&DIVERGING.map(|close| 40.0 - close), 7, &[], &[13]);
    }
}
