//! Oscillators: where a value stands in the range or movement of the rows before.
//!
//! Where there is no range or movement there is no place in it: null, unless stated otherwise.

use std::collections::VecDeque;

use model::CandleSlice;

use super::{average, ratio, window};

/// Lambert's constant: about three quarters of the values lie within -100 and 100.
const CCI_SCALE: f64 = 0.015;

/// 100 x (value - lowest low) / (highest high - lowest low) over n.
fn place_in_range(values: &[f64], highs: &[f64], lows: &[f64], n: usize) -> Vec<f64> {
    let (high, low) = (window::highest(highs, n), window::lowest(lows, n));
    let rows = values.iter().zip(high.iter().zip(&low));
    rows.map(|(value, (high, low))| 100.0 * ratio(value - low, high - low)).collect()
}

/// Stochastic of Lane: %K (the place in the range over `n`, SMA of `smooth`), %D (SMA of %K).
pub(crate) fn stoch(candles: CandleSlice<'_>, n: usize, smooth: usize, d: usize) -> Vec<Vec<f64>> {
    smoothed(&place_in_range(candles.close, candles.high, candles.low, n), smooth, d)
}

/// Stochastic of the RSI: %K (SMA of `k`), %D (SMA of %K).
pub(crate) fn stoch_rsi(values: &[f64], [rsi, n, k, d]: [usize; 4]) -> Vec<Vec<f64>> {
    let rsi = average::rsi(values, rsi);
    smoothed(&place_in_range(&rsi, &rsi, &rsi, n), k, d)
}

fn smoothed(raw: &[f64], k: usize, d: usize) -> Vec<Vec<f64>> {
    let k = window::mean(raw, k);
    let d = window::mean(&k, d);
    vec![k, d]
}

/// Schaff trend cycle as Skender has it: SMA3 of the place of the MACD line in its range.
pub(crate) fn stc_single(values: &[f64], cycle: usize, fast: usize, slow: usize) -> Vec<f64> {
    let line = average::difference(&average::ema(values, fast), &average::ema(values, slow));
    window::mean(&place_in_range(&line, &line, &line, cycle), 3)
}

/// Schaff trend cycle of Schaff: the place of the MACD line in its range, taken twice, smoothed by
/// `factor` each time.
pub(crate) fn stc_schaff(
    values: &[f64],
    cycle: usize,
    [fast, slow]: [usize; 2],
    factor: f64,
) -> Vec<f64> {
    let line = average::difference(&average::ema(values, fast), &average::ema(values, slow));
    schaff_pass(&schaff_pass(&line, cycle, factor), cycle, factor)
}

/// The place in the range over `n`, or the one before where there is no range; then smoothed, from
/// the first one on. A null starts it again.
fn schaff_pass(values: &[f64], n: usize, factor: f64) -> Vec<f64> {
    let (high, low) = (window::highest(values, n), window::lowest(values, n));
    let (mut place, mut smooth) = (f64::NAN, f64::NAN);
    let rows = values.iter().zip(high.iter().zip(&low));
    let passed = rows.map(|(value, (high, low))| {
        let range = high - low;
        if range.is_nan() {
            (place, smooth) = (f64::NAN, f64::NAN);
        }
        if range > 0.0 {
            place = 100.0 * ((value - low) / range);
        }
        smooth = if smooth.is_nan() { place } else { smooth + factor * (place - smooth) };
        smooth
    });
    passed.collect()
}

/// Commodity channel index of Lambert (1980): (hlc3 - mean) / (0.015 x mean deviation) over n; null
/// where there is no deviation. Costs n a row.
pub(crate) fn cci(candles: CandleSlice<'_>, n: usize) -> Vec<f64> {
    let prices = typical(candles);
    let means = window::mean(&prices, n);
    let index = means.iter().enumerate().map(|(row, mean)| {
        let Some(first) = (row + 1).checked_sub(n) else { return f64::NAN };
        let deviation = distance(&prices[first..=row], *mean) / n as f64;
        ratio(prices[row] - mean, CCI_SCALE * deviation)
    });
    index.collect()
}

/// Sum of the distances from `mean`, in four sums that do not wait for one another.
fn distance(values: &[f64], mean: f64) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, value)| *sum += (value - mean).abs());
    }
    let rest: f64 = rest.iter().map(|value| (value - mean).abs()).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Money flow index of Quong and Soudack (1989): 100 x rising flow / all flow over n, from row n.
///
/// Flow is hlc3 x volume, by the change of hlc3; there is none where that stays. Null without any.
pub(crate) fn mfi(candles: CandleSlice<'_>, n: usize) -> Vec<f64> {
    let prices = typical(candles);
    let flow = |up: bool| {
        let flows = (0..prices.len()).map(|row| {
            let Some(before) = row.checked_sub(1) else { return f64::NAN };
            let change = prices[row] - prices[before];
            let counts = if up { change > 0.0 } else { change < 0.0 };
            if counts { prices[row] * candles.volume[row] } else { 0.0 }
        });
        window::sum(&flows.collect::<Vec<_>>(), n)
    };
    let (up, down) = (flow(true), flow(false));
    up.iter().zip(&down).map(|(up, down)| 100.0 * ratio(*up, up + down)).collect()
}

/// (high + low + close) / 3.
pub(super) fn typical(candles: CandleSlice<'_>) -> Vec<f64> {
    let rows = candles.high.iter().zip(candles.low).zip(candles.close);
    rows.map(|((high, low), close)| (high + low + close) / 3.0).collect()
}

/// Rate of change: 100 x (value / value n rows before - 1); null where that one is 0.
pub(crate) fn roc(values: &[f64], n: usize) -> Vec<f64> {
    window::with_earlier(values, n, |earlier, value| 100.0 * (ratio(value, earlier) - 1.0))
}

/// Change over n rows.
pub(crate) fn mom(values: &[f64], n: usize) -> Vec<f64> {
    window::with_earlier(values, n, |earlier, value| value - earlier)
}

/// Williams %R: -100 x (highest high - close) / range over n.
pub(crate) fn williams_r(candles: CandleSlice<'_>, n: usize) -> Vec<f64> {
    let (high, low) = (window::highest(candles.high, n), window::lowest(candles.low, n));
    let rows = candles.close.iter().zip(high.iter().zip(&low));
    rows.map(|(close, (high, low))| -100.0 * ratio(high - close, high - low)).collect()
}

/// Aroon of Chande: up, down, oscillator; 100 x (n - rows since the extreme of n + 1 rows) / n.
///
/// Of equal extremes the latest counts, as TA-Lib.
pub(crate) fn aroon(candles: CandleSlice<'_>, n: usize) -> Vec<Vec<f64>> {
    let since_high = since_extreme(candles.high, n, |newer, older| newer >= older);
    let since_low = since_extreme(candles.low, n, |newer, older| newer <= older);
    let share = |rows: f64| 100.0 * rows / n as f64;
    let near = |since: &[f64]| since.iter().map(|since| share(n as f64 - since)).collect();
    let both = since_high.iter().zip(&since_low);
    let oscillator = both.map(|(high, low)| share(low - high)).collect();
    vec![near(&since_high), near(&since_low), oscillator]
}

/// Rows since the extreme of the last `n` + 1 rows; `beats(newer, older)` says which one is.
fn since_extreme(values: &[f64], n: usize, beats: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    // Rows that may still be the extreme of a window, that of the present one first.
    let mut candidates = VecDeque::with_capacity(n.min(values.len()) + 2);
    let since = values.iter().enumerate().map(|(row, value)| {
        while candidates.back().is_some_and(|last| beats(*value, values[*last])) {
            candidates.pop_back();
        }
        candidates.push_back(row);
        if candidates[0] + n < row {
            candidates.pop_front();
        }
        if row >= n { (row - candidates[0]) as f64 } else { f64::NAN }
    });
    since.collect()
}

/// Deviations from the mean of the last n; null where there is no deviation.
pub(crate) fn zscore(values: &[f64], n: usize) -> Vec<f64> {
    let (mean, deviation) = window::mean_and_deviation(values, n);
    let rows = values.iter().zip(mean.iter().zip(&deviation));
    rows.map(|(value, (mean, deviation))| ratio(value - mean, *deviation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::tests::candles;

    const NULL: f64 = f64::NAN;

    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
    }

    const RISE: &str = "10 12 8 10 | 12 16 12 16 | 14 14 12 12 | 12 12 12 12 | 12 12 12 12";

    #[test]
    fn the_stochastic_is_the_place_of_the_close_in_the_range() {
        let candles = candles(RISE);
        let outputs = stoch(candles.as_slice(), 2, 1, 2);
        check(&outputs[0], &[NULL, 100.0, 0.0, 0.0, NULL]);
        check(&outputs[1], &[NULL, NULL, 50.0, 0.0, NULL]);
        check(&williams_r(candles.as_slice(), 2), &[NULL, -0.0, -100.0, -100.0, NULL]);
        check(&stoch_rsi(&[5.0; 5], [2, 2, 1, 1])[0], &[NULL; 5]);
    }

    #[test]
    fn a_change_is_null_in_percent_of_nothing() {
        check(&roc(&[2.0, 3.0, 0.0, 4.0], 1), &[NULL, 50.0, -100.0, NULL]);
        check(&mom(&[2.0, 3.0, 0.0, 4.0], 2), &[NULL, NULL, -2.0, 1.0]);
    }

    #[test]
    fn aroon_counts_rows_since_the_latest_extreme() {
        let candles = candles("1 5 1 1 | 1 5 1 1 | 1 3 0 1 | 1 2 1 1 | 1 1 1 1");
        let outputs = aroon(candles.as_slice(), 2);
        check(&outputs[0], &[NULL, NULL, 50.0, 0.0, 0.0]);
        check(&outputs[1], &[NULL, NULL, 100.0, 50.0, 0.0]);
        check(&outputs[2], &[NULL, NULL, -50.0, -50.0, 0.0]);
    }

    #[test]
    fn money_flows_with_the_change_of_the_typical_price() {
        let candles = candles("3 3 3 3 | 6 6 6 6 | 3 3 3 3 | 3 3 3 3 | 3 3 3 3");
        check(&mfi(candles.as_slice(), 2), &[NULL, NULL, 100.0 * (6.0 / 9.0), 0.0, NULL]);
        check(&cci(candles.as_slice(), 2)[3..], &[NULL, NULL]);
        check(&zscore(candles.close.as_slice(), 2), &[NULL, 1.0, -1.0, NULL, NULL]);
    }

    #[test]
    fn distances_are_summed_over_all_rows() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        check(&[distance(&values, 4.0)], &[12.0]);
    }

    #[test]
    fn a_schaff_pass_keeps_its_place_on_a_flat_range_and_starts_again_after_a_null() {
        check(&schaff_pass(&[1.0, 1.0, 3.0, 3.0, 2.0], 2, 0.5), &[NULL, NULL, 100.0, 100.0, 50.0]);
        check(&schaff_pass(&[1.0, 2.0, NULL, 3.0, 2.0], 2, 0.5), &[NULL, 100.0, NULL, NULL, 0.0]);
    }
}
