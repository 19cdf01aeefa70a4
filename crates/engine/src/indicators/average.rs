//! Averages with a memory, and oscillators made of them.

use super::recursive::Recursive;
use super::{ratio, window};

/// Exponential average, factor 2 / (n + 1), seeded with the mean of the first n.
pub(crate) fn ema(values: &[f64], n: usize) -> Vec<f64> {
    exponential(n).over(values)
}

/// Exponential average of the same factor as [`ema`], seeded with the first value.
pub(crate) fn ema_from_the_first(values: &[f64], n: usize) -> Vec<f64> {
    exponential_from_the_first(n).over(values)
}

/// Wilder's average, factor 1 / n, seeded with the mean of the first n.
pub(crate) fn rma(values: &[f64], n: usize) -> Vec<f64> {
    wilders(n).over(values)
}

/// The memory of [`ema`].
pub(super) fn exponential(n: usize) -> Recursive {
    Recursive::new(n, 2.0 / (n as f64 + 1.0))
}

/// The memory of [`ema_from_the_first`].
pub(super) fn exponential_from_the_first(n: usize) -> Recursive {
    Recursive::new(1, 2.0 / (n as f64 + 1.0))
}

/// The memory of [`rma`].
pub(super) fn wilders(n: usize) -> Recursive {
    Recursive::new(n, 1.0 / n as f64)
}

/// Hull's average: WMA over sqrt(n) of 2 x WMA(n / 2) - WMA(n), the numbers of rows cut to whole.
pub(crate) fn hma(values: &[f64], n: usize) -> Vec<f64> {
    let half = window::weighted_mean(values, (n / 2).max(1));
    let whole = window::weighted_mean(values, n);
    let doubled: Vec<f64> =
        half.iter().zip(&whole).map(|(half, whole)| 2.0 * half - whole).collect();
    window::weighted_mean(&doubled, n.isqrt())
}

/// Double exponential average of Mulloy (1994): 2 x EMA - EMA of EMA, each from its own seed.
pub(crate) fn dema(values: &[f64], n: usize) -> Vec<f64> {
    let once = ema(values, n);
    let twice = ema(&once, n);
    once.iter().zip(&twice).map(|(once, twice)| 2.0 * once - twice).collect()
}

/// Triple exponential average of Mulloy (1994): 3 x EMA1 - 3 x EMA2 + EMA3.
pub(crate) fn tema(values: &[f64], n: usize) -> Vec<f64> {
    let once = ema(values, n);
    let twice = ema(&once, n);
    let thrice = ema(&twice, n);
    let rows = once.iter().zip(&twice).zip(&thrice);
    rows.map(|((once, twice), thrice)| 3.0 * (once - twice) + thrice).collect()
}

/// Mean of the last n weighted with their volumes; null where no volume was traded.
pub(crate) fn vwma(values: &[f64], volumes: &[f64], n: usize) -> Vec<f64> {
    let traded: Vec<f64> =
        values.iter().zip(volumes).map(|(value, volume)| value * volume).collect();
    let (traded, volumes) = (window::sum(&traded, n), window::sum(volumes, n));
    traded.iter().zip(&volumes).map(|(traded, volume)| ratio(*traded, *volume)).collect()
}

/// MACD as Skender has it: line, signal, histogram; each average starts from its own seed.
pub(crate) fn macd(values: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<Vec<f64>> {
    let line = difference(&ema(values, fast), &ema(values, slow));
    let signal = ema(&line, signal);
    let histogram = difference(&line, &signal);
    vec![line, signal, histogram]
}

/// Relative strength index of Wilder (1978): 100 x gain / (gain + loss), of averages seeded with
/// the mean of the first n changes, defined from row n. Without any change it is 50.
///
/// Where a value stays, both averages shrink alike and the index stays too: exactly, so that a
/// stochastic of it sees no range in rounding errors. For n = 1 they shrink to nothing: 50.
pub(crate) fn rsi(values: &[f64], n: usize) -> Vec<f64> {
    let factor = 1.0 / n as f64;
    let (mut gain, mut loss) = (Recursive::new(n, factor), Recursive::new(n, factor));
    let (mut previous, mut index) = (f64::NAN, f64::NAN);
    let indices = values.iter().map(|value| {
        let change = value - previous;
        previous = *value;
        let rise = if change < 0.0 { 0.0 } else { change };
        let fall = if change > 0.0 { 0.0 } else { -change };
        let (gain, loss) = (gain.next(rise), loss.next(fall));
        if change != 0.0 || index.is_nan() || n == 1 {
            index = if gain + loss == 0.0 { 50.0 } else { 100.0 * (gain / (gain + loss)) };
        }
        index
    });
    indices.collect()
}

/// `left - right`, row by row.
pub(crate) fn difference(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NULL: f64 = f64::NAN;

    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
    }

    #[test]
    fn an_ema_is_seeded_with_the_mean_of_the_first_defined_values() {
        check(&ema(&[1.0, 2.0, 3.0, 6.0], 3), &[NULL, NULL, 2.0, 4.0]);
        check(&ema(&[NULL, 1.0, 2.0, 3.0, 6.0], 3), &[NULL, NULL, NULL, 2.0, 4.0]);
    }

    #[test]
    fn an_ema_may_be_seeded_with_the_first_value() {
        check(&ema_from_the_first(&[1.0, 2.0, 3.0], 3), &[1.0, 1.5, 2.25]);
        check(&ema_from_the_first(&[NULL, 4.0, 8.0], 7), &[NULL, 4.0, 5.0]);
    }

    #[test]
    fn a_null_resets_an_average_until_n_values_in_a_row() {
        let values = [1.0, 3.0, NULL, 5.0, 7.0, 9.0];
        check(&ema(&values, 2), &[NULL, 2.0, NULL, NULL, 6.0, 8.0]);
    }

    #[test]
    fn the_first_rsi_is_on_row_n_and_a_flat_series_gives_50() {
        check(&rsi(&[1.0, 2.0, 1.0, 3.0], 2), &[NULL, NULL, 50.0, 100.0 * (1.25 / 1.5)]);
        check(&rsi(&[5.0; 4], 2), &[NULL, NULL, 50.0, 50.0]);
        check(&rsi(&[5.0, 6.0, 6.0, 5.0], 1), &[NULL, 100.0, 50.0, 0.0]);
        check(&rsi(&[1.0, 2.0, 3.0], 2), &[NULL, NULL, 100.0]);
        check(&rsi(&[3.0, 2.0, 1.0], 2), &[NULL, NULL, 0.0]);
        let stays = rsi(&[1.0, 2.0, 1.3, 1.3, 1.3, NULL, 1.0, 2.0, 2.0], 2);
        check(&stays[3..5], &[stays[2], stays[2]]);
        check(&stays[5..], &[NULL, NULL, NULL, 100.0]);
    }

    #[test]
    fn averages_of_averages_start_when_the_inner_ones_have() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        check(&dema(&values, 2), &[NULL, NULL, 3.0, 4.0, 5.0, 6.0]);
        check(&tema(&values, 2), &[NULL, NULL, NULL, 4.0, 5.0, 6.0]);
        check(&hma(&values, 4)[..5], &[NULL, NULL, NULL, NULL, 5.0]);
        check(&vwma(&[1.0, 3.0, 5.0], &[3.0, 1.0, 0.0], 2), &[NULL, 1.5, 3.0]);
        check(&vwma(&[1.0, 3.0], &[0.0, 0.0], 2), &[NULL, NULL]);
    }

    #[test]
    fn the_macd_line_starts_with_the_slow_average_and_its_signal_after_n_of_them() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let outputs = macd(&values, 2, 3, 2);
        check(&outputs[0], &[NULL, NULL, 0.5, 0.5, 0.5, 0.5]);
        check(&outputs[1], &[NULL, NULL, NULL, 0.5, 0.5, 0.5]);
        check(&outputs[2], &[NULL, NULL, NULL, 0.0, 0.0, 0.0]);
    }
}
