//! How much of a Sharpe ratio luck explains: PSR, MinTRL, DSR and the luck lines.
//!
//! Sharpe ratios here are per period (day), not annualised, unless a name says so. Sources: Bailey
//! and Lopez de Prado 2012 (PSR, MinTRL) and 2014 (DSR), Sidak 1967 (95 % line).

use crate::moments::Moments;
use crate::normal::{normal_cdf, normal_quantile};
use crate::reason::Undefined;

/// Euler-Mascheroni constant.
const EULER: f64 = 0.577_215_664_901_532_9;
/// Confidence of the 95 % line and of the verdict.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// A measured Sharpe ratio and what its standard error depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharpeSample {
    /// Sharpe ratio per period.
    pub sharpe: f64,
    /// Number of returns, at least 4.
    pub count: usize,
    /// Adjusted Fisher-Pearson skewness.
    pub skew: f64,
    /// Adjusted kurtosis, not excess: 3 for a normal.
    pub kurtosis: f64,
}

impl SharpeSample {
    /// Sharpe ratio of `returns` over `risk_free`, both per period.
    pub fn of(returns: &[f64], risk_free: f64) -> Result<SharpeSample, Undefined> {
        let moments = Moments::of(returns).filter(|moments| !moments.flat);
        let moments = moments.ok_or(Undefined::NoVariance)?;
        Ok(SharpeSample {
            sharpe: (moments.mean - risk_free) / moments.sd,
            count: moments.count,
            skew: moments.skew()?,
            kurtosis: moments.kurtosis()? + 3.0,
        })
    }

    /// Squared standard error of the Sharpe ratio x (count - 1).
    fn spread(&self) -> f64 {
        1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe
    }

    /// PSR: probability that the true ratio is above `benchmark`, a Sharpe ratio per period.
    ///
    /// NaN when the skew and kurtosis contradict each other, as a tiny sample's can.
    pub fn psr(&self, benchmark: f64) -> f64 {
        let errors = (self.sharpe - benchmark) * ((self.count - 1) as f64).sqrt();
        normal_cdf(errors / self.spread().sqrt())
    }

    /// Probability that the best of `variants` ratios without skill stays below this one:
    /// PSR(0)^N, exact next to 1, with a standard error of at least 1 / sqrt(count - 1).
    ///
    /// The floor is ours. The winner of a sweep of few trades owes both its ratio and its positive
    /// skew to the same lucky days; left alone, that skew shrinks the error and 119 of 200 pure
    /// noise sweeps (200 variants, 30 active days of 730, Student's t) beat luck, with it none.
    pub fn beats_all(&self, variants: u64) -> f64 {
        let errors = self.sharpe * ((self.count - 1) as f64).sqrt();
        let tail = normal_cdf(-errors / self.spread().max(1.0).sqrt());
        libm::exp(variants as f64 * libm::log1p(-tail))
    }

    /// MinTRL: returns needed until PSR(`benchmark`) reaches `confidence`.
    ///
    /// `not_positive` when the ratio is not above the benchmark: no record is long enough.
    pub fn min_track_record(&self, benchmark: f64, confidence: f64) -> Result<f64, Undefined> {
        if self.sharpe <= benchmark {
            return Err(Undefined::NotPositive);
        }
        let errors = normal_quantile(confidence) / (self.sharpe - benchmark);
        Ok(1.0 + self.spread() * errors * errors)
    }
}

/// E\[max z\](N): expected largest of `variants` independent standard normal variables.
///
/// `variants` may be an effective number and then is no integer; 0 up to 1.
pub fn expected_max_z(variants: f64) -> f64 {
    if variants <= 1.0 {
        return 0.0;
    }
    let first = -normal_quantile(1.0 / variants);
    let second = -normal_quantile(1.0 / (variants * std::f64::consts::E));
    ((1.0 - EULER) * first + EULER * second).max(0.0)
}

/// The 95 % quantile of the largest of `variants` independent standard normal variables.
pub fn luck_quantile_z(variants: u64) -> f64 {
    // 1 - 0.95^(1/N) without cancellation.
    -normal_quantile(-libm::expm1(libm::log(CONFIDENCE) / variants.max(1) as f64))
}

/// The two luck lines of a Sharpe axis, annualised.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LuckBar {
    /// Sharpe ratio that the best of N variants without skill is expected to show.
    pub expected_best: f64,
    /// Sharpe ratio that the best of N variants without skill stays below 95 times in 100.
    pub line95: f64,
}

/// Luck lines for `variants` variants over `returns` daily returns, `periods_per_year` a year.
pub fn luck_bar(
    variants: u64,
    returns: usize,
    periods_per_year: f64,
) -> Result<LuckBar, Undefined> {
    if returns < 2 {
        return Err(Undefined::TooFewReturns);
    }
    let scale = (periods_per_year / (returns - 1) as f64).sqrt();
    Ok(LuckBar {
        expected_best: expected_max_z(variants as f64) * scale,
        line95: luck_quantile_z(variants) * scale,
    })
}

/// Years of record over which the best of `variants` variants without skill is expected to show an
/// annual Sharpe ratio of 1 (minimum backtest length).
pub fn min_backtest_years(variants: u64) -> f64 {
    let z = expected_max_z(variants as f64);
    z * z
}

/// Effective number of independent variants: rho + (1 - rho) x N, kept within 1..=N.
///
/// `mean_correlation` is rho, the mean correlation of the variants' returns over all pairs.
pub fn effective_variants(mean_correlation: f64, variants: u64) -> f64 {
    let count = variants.max(1) as f64;
    (mean_correlation + (1.0 - mean_correlation) * count).clamp(1.0, count)
}

/// Mean correlation over all pairs of `columns` (returns of one variant each, equally long).
///
/// Columns without variance have none and are left out. O(rows x columns), not of pairs: the mean
/// follows from the length of the sum of standardised columns.
pub fn mean_correlation(columns: &[&[f64]]) -> Result<f64, Undefined> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut total = vec![0.0; rows];
    let mut count = 0_u64;
    for column in columns {
        let Some(moments) = Moments::of(column).filter(|moments| !moments.flat) else { continue };
        count += 1;
        for (sum, value) in total.iter_mut().zip(*column) {
            *sum += (value - moments.mean) / moments.sd;
        }
    }
    if count < 2 {
        return Err(Undefined::TooFewVariants);
    }
    let squares: f64 = total.iter().map(|sum| sum * sum).sum();
    let count = count as f64;
    Ok((squares / (rows - 1) as f64 - count) / (count * (count - 1.0)))
}

/// Sample deviation of the Sharpe ratios of a sweep; `too_few_variants` below two.
pub fn sharpe_deviation(sharpes: &[f64]) -> Result<f64, Undefined> {
    Moments::of(sharpes).map(|moments| moments.sd).ok_or(Undefined::TooFewVariants)
}

/// SR0: Sharpe ratio per period that the best of `variants` without skill is expected to show.
pub fn deflated_benchmark(sharpe_deviation: f64, variants: f64) -> f64 {
    sharpe_deviation * expected_max_z(variants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{self, PERIODS, assert_close, assert_within, panel_b};

    #[test]
    fn panel_b_gives_the_golden_values() {
        let panel = panel_b();
        let samples: Vec<_> = panel.iter().map(|r| SharpeSample::of(r, 0.0).unwrap()).collect();
        let sharpes: Vec<_> = samples.iter().map(|sample| sample.sharpe).collect();
        let winner = (0..20).max_by(|a, b| sharpes[*a].total_cmp(&sharpes[*b])).unwrap();
        assert_eq!(winner, 17);
        assert_close(sharpes[17] * PERIODS.sqrt(), 1.446_428_409_726_959);
        let deviation = sharpe_deviation(&sharpes).unwrap();
        assert_close(deviation, 0.027_959_352_293_324_132);
        let benchmark = deflated_benchmark(deviation, 20.0);
        assert_close(benchmark * PERIODS.sqrt(), 1.015_287_244_626_045_5);
        assert_close(samples[17].psr(0.0), 0.993_686_247_743_826_5);
        assert_close(samples[17].psr(benchmark), 0.771_387_890_427_129);
    }

    /// N, expected best, 95 % line, minimum backtest length in years, as the contract prints them.
    #[track_caller]
    fn check_lines(variants: u64, expected_best: f64, line95: f64, years: f64) {
        let bar = luck_bar(variants, golden::DAYS, PERIODS).unwrap();
        assert!((bar.expected_best - expected_best).abs() < 0.005_001, "{bar:?}");
        assert!((bar.line95 - line95).abs() < 0.005_001, "{bar:?}");
        assert!((min_backtest_years(variants) - years).abs() < 0.1);
    }

    #[test]
    fn the_luck_lines_are_those_of_the_contract() {
        check_lines(10, 0.91, 1.48, 2.5);
        check_lines(100, 1.46, 1.90, 6.4);
        check_lines(1_000, 1.88, 2.24, 10.6);
        check_lines(10_000, 2.23, 2.55, 14.9);
    }

    #[test]
    fn one_variant_is_expected_at_zero_and_needs_two_returns() {
        let bar = luck_bar(1, golden::DAYS, PERIODS).unwrap();
        assert!(bar.expected_best.abs() <= 0.0);
        assert_close(bar.line95, 1.644_853_626_951_472_9 * (PERIODS / 1_094.0).sqrt());
        assert_eq!(luck_bar(0, golden::DAYS, PERIODS), Ok(bar));
        assert_eq!(luck_bar(10, 1, PERIODS), Err(Undefined::TooFewReturns));
    }

    #[test]
    fn beating_all_is_psr_to_the_power_of_the_variants() {
        let sample = SharpeSample::of(&golden::series_a(), 0.0).unwrap();
        assert_close(
            sample.beats_all(3),
            0.876_213_192_274_317_6 * 0.876_213_192_274_317_6 * sample.psr(0.0),
        );
        assert_close(sample.min_track_record(0.0, 0.95).unwrap(), 2_214.903_113_774_416_4);
        assert_eq!(sample.min_track_record(1.0, 0.95), Err(Undefined::NotPositive));
    }

    #[test]
    fn effective_variants_lie_between_one_and_all() {
        for (rho, expected) in [(1.0, 1.0), (0.0, 20.0), (0.5, 10.5), (-0.02, 20.0)] {
            assert_close(effective_variants(rho, 20), expected);
        }
    }

    #[test]
    fn the_mean_correlation_is_that_over_all_pairs() {
        let panel = panel_b();
        let columns: Vec<_> = panel.iter().map(Vec::as_slice).collect();
        let pair = |a: &[f64], b: &[f64]| {
            let deviations = [a, b].map(|column| Moments::of(column).unwrap());
            let slope = crate::moments::slope(a, b).unwrap();
            slope * deviations[0].sd / deviations[1].sd
        };
        let mut sum = 0.0;
        for (row, a) in columns.iter().enumerate() {
            sum += columns[..row].iter().map(|b| pair(a, b)).sum::<f64>();
        }
        assert_within(mean_correlation(&columns).unwrap(), sum / 190.0, 1e-9);
        assert_close(mean_correlation(&[columns[0], columns[0]]).unwrap(), 1.0);
        let flat = vec![0.0; golden::DAYS];
        let few = Err(Undefined::TooFewVariants);
        assert_eq!(mean_correlation(&[columns[0], &flat]), few);
        assert_eq!(sharpe_deviation(&[0.1]), few);
    }
}
