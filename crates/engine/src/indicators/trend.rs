//! Indicators of direction.

use model::CandleSlice;

use super::range::{atr, true_range};
use super::{average, ratio, window};

/// SuperTrend as Skender has it: line and direction (1 up, -1 down), from row n.
///
/// Bands are (high + low) / 2 -/+ mult x ATR; a band only moves towards the price until the previous
/// close was beyond it. The first direction is up if the close is at or above the middle.
/// Depends on the row it starts at.
pub(crate) fn supertrend(candles: CandleSlice<'_>, n: usize, mult: f64) -> Vec<Vec<f64>> {
    let atr = atr(candles, n);
    let mut outputs = vec![vec![f64::NAN; atr.len()]; 2];
    let (mut upper, mut lower, mut rising) = (f64::NAN, f64::NAN, true);
    for row in n..atr.len() {
        let candle = candles.candle(row);
        let middle = f64::midpoint(candle.high, candle.low);
        let (high, low) = (middle + mult * atr[row], middle - mult * atr[row]);
        let previous = candles.close[row - 1];
        if row == n {
            (upper, lower, rising) = (high, low, candle.close >= middle);
        }
        if high < upper || previous > upper {
            upper = high;
        }
        if low > lower || previous < lower {
            lower = low;
        }
        rising = candle.close > if rising { lower } else { upper };
        outputs[0][row] = if rising { lower } else { upper };
        outputs[1][row] = if rising { 1.0 } else { -1.0 };
    }
    outputs
}

/// Chandelier exit of Le Beau: lines as Skender has them and a direction of ours, from row n.
///
/// Long is the highest high of n, this candle included, less mult x ATR(n); short the lowest low
/// plus it; neither ratchets. The direction is 1 where the close is above the short line, -1 where
/// it is below the long line; where both hold, the one that began later; where neither, as before;
/// null before the first.
pub(crate) fn chandelier(candles: CandleSlice<'_>, n: usize, mult: f64) -> Vec<Vec<f64>> {
    let atr = atr(candles, n);
    let (high, low) = (window::highest(candles.high, n), window::lowest(candles.low, n));
    let long: Vec<f64> = high.iter().zip(&atr).map(|(high, atr)| high - mult * atr).collect();
    let short: Vec<f64> = low.iter().zip(&atr).map(|(low, atr)| low + mult * atr).collect();
    let (mut was_above, mut was_below, mut direction) = (false, false, f64::NAN);
    let rows = candles.close.iter().zip(long.iter().zip(&short));
    let directions = rows.map(|(close, (long, short))| {
        let (above, below) = (close > short, close < long);
        let (rises, falls) = (above && !was_above, below && !was_below);
        if above && (!below || rises && !falls) {
            direction = 1.0;
        } else if below && (!above || falls && !rises) {
            direction = -1.0;
        }
        (was_above, was_below) = (above, below);
        direction
    });
    let directions = directions.collect();
    vec![long, short, directions]
}

/// Parabolic SAR of Wilder (1978) as TA-Lib has it: value and direction (1 up, -1 down), from row 1.
///
/// It starts down if the low of row 1 fell by more than its high rose, else up. On each candle it
/// moves towards the extreme by a factor that grows by `step`, up to `max`, at each new extreme, but
/// never into the last two candles. A candle that touches it turns it: it is then the extreme,
/// moved out of the last two candles. Depends on the row it starts at.
pub(crate) fn psar(candles: CandleSlice<'_>, step: f64, max: f64) -> Vec<Vec<f64>> {
    let mut outputs = vec![vec![f64::NAN; candles.len()]; 2];
    let (high, low) = (candles.high, candles.low);
    if candles.len() < 2 {
        return outputs;
    }
    let (rise, fall) = (high[1] - high[0], low[0] - low[1]);
    let mut rising = !(fall > 0.0 && fall > rise);
    let mut factor = step.min(max);
    let (mut extreme, mut sar) = if rising { (high[1], low[0]) } else { (low[1], high[0]) };
    let side = |rising: bool| if rising { 1.0 } else { -1.0 };
    for row in 1..candles.len() {
        // Row 1 counts as its own past.
        let before = (row - 1).max(1);
        let (highest, lowest) = (high[before].max(high[row]), low[before].min(low[row]));
        let outside =
            |sar: f64, rising: bool| if rising { sar.min(lowest) } else { sar.max(highest) };
        let touched = if rising { low[row] <= sar } else { high[row] >= sar };
        if touched {
            rising = !rising;
            sar = outside(extreme, rising);
        }
        let reached = if rising { high[row] } else { low[row] };
        if touched {
            (extreme, factor) = (reached, step.min(max));
        } else if (reached - extreme) * side(rising) > 0.0 {
            (extreme, factor) = (reached, (factor + step).min(max));
        }
        outputs[0][row] = sar;
        outputs[1][row] = side(rising);
        sar = outside(sar + factor * (extreme - sar), rising);
    }
    outputs
}

/// Directional movement of Wilder (1978): ADX, +DI, -DI.
///
/// Sums start as TA-Lib has them: those of rows 1 to n - 1; from row n on each row takes 1/n of the
/// sum off and adds its own move, so +DI and -DI start on row n. ADX starts on row 2n - 1 with the
/// mean of the first n DX, then Wilder's average. A DI is null while there is no range, DX while
/// both are 0.
pub(crate) fn adx(candles: CandleSlice<'_>, n: usize) -> Vec<Vec<f64>> {
    let ranges = true_range(candles);
    let (mut up, mut down, mut range) = (0.0, 0.0, 0.0);
    let mut plus = vec![f64::NAN; candles.len()];
    let mut minus = plus.clone();
    let mut strength = plus.clone();
    for row in 1..candles.len() {
        let rise = candles.high[row] - candles.high[row - 1];
        let fall = candles.low[row - 1] - candles.low[row];
        if row >= n {
            let share = |sum: f64| sum - sum / n as f64;
            (up, down, range) = (share(up), share(down), share(range));
        }
        up += if rise > fall && rise > 0.0 { rise } else { 0.0 };
        down += if fall > rise && fall > 0.0 { fall } else { 0.0 };
        range += ranges[row];
        if row >= n {
            plus[row] = 100.0 * ratio(up, range);
            minus[row] = 100.0 * ratio(down, range);
            let (apart, both) = ((plus[row] - minus[row]).abs(), plus[row] + minus[row]);
            strength[row] = 100.0 * ratio(apart, both);
        }
    }
    vec![average::rma(&strength, n), plus, minus]
}

/// Ichimoku: tenkan, kijun, and the cloud's two lines as they were `kijun` rows before.
pub(crate) fn ichimoku(
    candles: CandleSlice<'_>,
    tenkan: usize,
    kijun: usize,
    senkou: usize,
) -> Vec<Vec<f64>> {
    let middle = |n: usize| -> Vec<f64> {
        let (high, low) = (window::highest(candles.high, n), window::lowest(candles.low, n));
        high.iter().zip(&low).map(|(high, low)| (high + low) / 2.0).collect()
    };
    let (fast, base, slow) = (middle(tenkan), middle(kijun), middle(senkou));
    let lead: Vec<f64> = fast.iter().zip(&base).map(|(fast, base)| (fast + base) / 2.0).collect();
    let shifted = |values: &[f64]| window::with_earlier(values, kijun, |earlier, _| earlier);
    let (lead, slow) = (shifted(&lead), shifted(&slow));
    vec![fast, base, lead, slow]
}

/// Heikin-Ashi candles: open, high, low, close; the first opens at the middle of its open and close.
pub(crate) fn heikin_ashi(candles: CandleSlice<'_>) -> Vec<Vec<f64>> {
    let mut outputs = vec![Vec::new(); 4];
    let mut before: Option<(f64, f64)> = None;
    for row in 0..candles.len() {
        let candle = candles.candle(row);
        let close = (candle.open + candle.high + candle.low + candle.close) / 4.0;
        let (left, right) = before.unwrap_or((candle.open, candle.close));
        let open = f64::midpoint(left, right);
        before = Some((open, close));
        let (high, low) = (candle.high.max(open).max(close), candle.low.min(open).min(close));
        outputs
            .iter_mut()
            .zip([open, high, low, close])
            .for_each(|(output, value)| output.push(value));
    }
    outputs
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
    fn supertrend_flips_when_the_close_passes_its_line() {
        let candles = candles("10 11 9 10 | 10 11 9 11 | 11 13 11 13 | 13 13 5 5 | 5 6 4 6");
        let outputs = supertrend(candles.as_slice(), 1, 1.0);
        check(&outputs[0], &[NULL, 8.0, 10.0, 17.0, 7.0]);
        check(&outputs[1], &[NULL, 1.0, 1.0, -1.0, -1.0]);
    }

    #[test]
    fn the_exit_lines_include_the_current_candle() {
        let candles = candles("9 10 8 9 | 9 10 8 9 | 9 11 9 10");
        let outputs = chandelier(candles.as_slice(), 2, 1.0);
        check(&outputs[0], &[NULL, NULL, 9.0]);
        check(&outputs[1], &[NULL, NULL, 10.0]);
    }

    #[track_caller]
    fn check_direction(text: &str, n: usize, mult: f64, expected: &[f64]) {
        check(&chandelier(candles(text).as_slice(), n, mult)[2], expected);
    }

    #[test]
    fn the_direction_is_unknown_until_the_close_is_beyond_a_line_and_then_kept() {
        // Each range is 2, so both lines are at 5.
        let text = "5 6 4 5 | 5 6 4 5 | 5 6 4 6 | 5 6 4 5 | 5 6 4 4";
        check_direction(text, 1, 0.5, &[NULL, NULL, 1.0, 1.0, -1.0]);
    }

    #[test]
    fn beyond_both_lines_the_later_one_counts() {
        // After a strong rise the short line lies far below the long one.
        let text =
            "1 2 1 2 | 2 3 2 3 | 3 8 3 8 | 8 12 8 12 | 12 12 10 10 | 10 12 10 11 | 11 13 10 13";
        check_direction(text, 2, 0.1, &[NULL, NULL, 1.0, 1.0, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn directional_movement_starts_on_row_n_and_its_average_on_row_2n_less_1() {
        let candles = candles("9 10 8 9 | 10 11 9 10 | 11 12 10 11 | 11 12 9 10 | 10 13 10 12");
        let outputs = adx(candles.as_slice(), 2);
        check(&outputs[0][..3], &[NULL; 3]);
        check(&outputs[1][..3], &[NULL, NULL, 50.0]);
        check(&outputs[2][..3], &[NULL, NULL, 0.0]);
        check(&outputs[1][3..4], &[100.0 * (0.75 / 4.5)]);
        check(&outputs[2][3..4], &[100.0 * (1.0 / 4.5)]);
        assert!(outputs[0][3] > 0.0);
    }

    #[test]
    fn what_has_not_moved_has_no_direction() {
        let candles = candles("5 5 5 5 | 5 5 5 5 | 5 5 5 5");
        for output in adx(candles.as_slice(), 1) {
            check(&output, &[NULL; 3]);
        }
    }

    #[test]
    fn the_sar_turns_where_it_is_touched_and_becomes_the_extreme() {
        let candles = candles("10 11 9 10 | 10 12 10 11 | 11 13 11 12 | 12 12 8 8 | 8 8 7 7");
        let outputs = psar(candles.as_slice(), 0.02, 0.2);
        check(&outputs[0], &[NULL, 9.0, 9.0 + 0.02 * 3.0, 13.0, 13.0]);
        check(&outputs[1], &[NULL, 1.0, 1.0, -1.0, -1.0]);
        check(&psar(self::candles("1 2 1 2").as_slice(), 0.02, 0.2)[0], &[NULL]);
    }

    #[test]
    fn heikin_ashi_averages_the_candle_and_halves_the_one_before() {
        let candles = candles("10 12 8 10 | 12 16 12 16");
        let outputs = heikin_ashi(candles.as_slice());
        check(&outputs[0], &[10.0, 10.0]);
        check(&outputs[1], &[12.0, 16.0]);
        check(&outputs[2], &[8.0, 10.0]);
        check(&outputs[3], &[10.0, 14.0]);
    }

    #[test]
    fn the_cloud_is_read_as_it_was_kijun_rows_before() {
        let candles = candles("1 2 0 1 | 2 4 2 3 | 3 8 3 5 | 5 5 5 5");
        let outputs = ichimoku(candles.as_slice(), 1, 2, 2);
        check(&outputs[0], &[1.0, 3.0, 5.5, 5.0]);
        check(&outputs[1], &[NULL, 2.0, 5.0, 5.5]);
        check(&outputs[2], &[NULL, NULL, NULL, 2.5]);
        check(&outputs[3], &[NULL, NULL, NULL, 2.0]);
    }
}
