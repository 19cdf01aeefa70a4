//! Indicators of the range of candles: true range, bands and channels.

use model::CandleSlice;

use super::{average, window};

/// True range of Wilder (1978); it needs the previous close, so row 0 is null.
pub(crate) fn true_range(candles: CandleSlice<'_>) -> Vec<f64> {
    let mut previous = f64::NAN;
    let rows = candles.high.iter().zip(candles.low).zip(candles.close);
    let ranges = rows.map(|((high, low), close)| {
        let (up, down) = ((high - previous).abs(), (low - previous).abs());
        previous = *close;
        let reach = if up > down || up.is_nan() { up } else { down };
        if high - low > reach { high - low } else { reach }
    });
    ranges.collect()
}

/// Average true range of Wilder: the first one, on row n, is the mean of rows 1 to n.
pub(crate) fn atr(candles: CandleSlice<'_>, n: usize) -> Vec<f64> {
    average::rma(&true_range(candles), n)
}

/// Bollinger bands: middle, upper, lower, %B and width, with the population deviation.
///
/// %B is null where the bands meet; the width is a fraction of the middle.
pub(crate) fn bollinger(values: &[f64], n: usize, mult: f64) -> Vec<Vec<f64>> {
    let (middle, deviation) = window::mean_and_deviation(values, n);
    let mut outputs = vec![Vec::new(); 4];
    for ((value, middle), deviation) in values.iter().zip(&middle).zip(&deviation) {
        let (upper, lower) = (middle + mult * deviation, middle - mult * deviation);
        let width = upper - lower;
        let row = [upper, lower, ratio(value - lower, width), ratio(width, *middle)];
        outputs.iter_mut().zip(row).for_each(|(output, value)| output.push(value));
    }
    outputs.insert(0, middle);
    outputs
}

/// Donchian channel, the current candle included: upper, lower, middle.
pub(crate) fn donchian(candles: CandleSlice<'_>, n: usize) -> Vec<Vec<f64>> {
    let upper = window::highest(candles.high, n);
    let lower = window::lowest(candles.low, n);
    let middle = upper.iter().zip(&lower).map(|(upper, lower)| (upper + lower) / 2.0).collect();
    vec![upper, lower, middle]
}

/// Keltner channel as Skender has it: EMA(n) of the close, and mult x ATR around it.
pub(crate) fn keltner(candles: CandleSlice<'_>, n: usize, mult: f64, rows: usize) -> Vec<Vec<f64>> {
    let (middle, atr) = (average::ema(candles.close, n), atr(candles, rows));
    let band = |sign: f64| {
        middle.iter().zip(&atr).map(|(middle, atr)| middle + sign * mult * atr).collect()
    };
    let (upper, lower) = (band(1.0), band(-1.0));
    vec![middle, upper, lower]
}

/// `left / right`, null where `right` is 0 or the quotient overflows.
pub(crate) fn ratio(left: f64, right: f64) -> f64 {
    let quotient = left / right;
    if quotient.is_finite() { quotient } else { f64::NAN }
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

    #[test]
    fn the_true_range_reaches_to_the_previous_close_and_the_first_atr_is_on_row_n() {
        let candles = candles("9 11 9 10 | 12 15 12 14 | 13 16 13 15 | 15 15 9 9");
        check(&true_range(candles.as_slice()), &[NULL, 5.0, 3.0, 6.0]);
        check(&atr(candles.as_slice(), 2), &[NULL, NULL, 4.0, 5.0]);
    }

    #[test]
    fn percent_b_is_null_where_the_bands_meet() {
        let outputs = bollinger(&[1.0, 3.0, 3.0], 2, 2.0);
        check(&outputs[0], &[NULL, 2.0, 3.0]);
        check(&outputs[1], &[NULL, 4.0, 3.0]);
        check(&outputs[2], &[NULL, 0.0, 3.0]);
        check(&outputs[3], &[NULL, 0.75, NULL]);
        check(&outputs[4], &[NULL, 2.0, 0.0]);
    }

    #[test]
    fn donchian_includes_the_current_candle() {
        let candles = candles("9 11 9 10 | 12 15 12 14 | 13 14 13 13");
        let outputs = donchian(candles.as_slice(), 2);
        check(&outputs[0], &[NULL, 15.0, 15.0]);
        check(&outputs[1], &[NULL, 9.0, 12.0]);
        check(&outputs[2], &[NULL, 12.0, 13.5]);
    }

    #[test]
    fn a_keltner_channel_is_an_average_with_ranges_around_it() {
        let candles = candles("9 11 9 10 | 12 15 12 14 | 13 16 13 15");
        let outputs = keltner(candles.as_slice(), 2, 2.0, 1);
        check(&outputs[0], &[NULL, 12.0, 14.0]);
        check(&outputs[1], &[NULL, 22.0, 20.0]);
        check(&outputs[2], &[NULL, 2.0, 8.0]);
    }
}
