//! Moments and quantiles of a list of returns, in a fixed order of summation.

use crate::reason::Undefined;

/// Returns that differ by no more than this are equal: the rest is rounding of equity.
pub(crate) const NOISE: f64 = 1e-14;

/// Moments of a list of numbers; sums run from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    /// Sample deviation (ddof 1); 0 when all values are equal.
    pub(crate) sd: f64,
    /// Sums of squared, cubed and fourth powers of deviations from the mean.
    powers: [f64; 3],
    /// Whether all values are equal up to rounding.
    pub(crate) flat: bool,
}

impl Moments {
    /// `None` for fewer than two values.
    pub(crate) fn of(values: &[f64]) -> Option<Moments> {
        if values.len() < 2 {
            return None;
        }
        let mean = mean(values);
        let (mut squares, mut cubes, mut fourths) = (0.0, 0.0, 0.0);
        let (mut low, mut high) = (values[0], values[0]);
        for value in values {
            let deviation = value - mean;
            let square = deviation * deviation;
            squares += square;
            cubes += square * deviation;
            fourths += square * square;
            low = low.min(*value);
            high = high.max(*value);
        }
        let flat = high - low <= NOISE;
        let sd = if flat { 0.0 } else { (squares / (values.len() - 1) as f64).sqrt() };
        Some(Moments { count: values.len(), mean, sd, powers: [squares, cubes, fourths], flat })
    }

    /// Adjusted Fisher-Pearson skewness G1.
    pub(crate) fn skew(&self) -> Result<f64, Undefined> {
        let n = self.count as f64;
        let [squares, cubes, _] = self.powers;
        if self.count < 3 {
            return Err(Undefined::TooFewReturns);
        }
        if self.flat {
            return Err(Undefined::NoVariance);
        }
        Ok(n * (n - 1.0).sqrt() / (n - 2.0) * cubes / (squares * squares.sqrt()))
    }

    /// Adjusted excess kurtosis G2.
    pub(crate) fn kurtosis(&self) -> Result<f64, Undefined> {
        let n = self.count as f64;
        let [squares, _, fourths] = self.powers;
        if self.count < 4 {
            return Err(Undefined::TooFewReturns);
        }
        if self.flat {
            return Err(Undefined::NoVariance);
        }
        let raw = n * (n + 1.0) * (n - 1.0) * fourths / ((n - 2.0) * (n - 3.0) * squares * squares);
        Ok(raw - 3.0 * (n - 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0)))
    }
}

/// Arithmetic mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    if values.is_empty() { 0.0 } else { sum / values.len() as f64 }
}

/// The middle value, or the mean of the middle two; reorders `values`, which is not empty.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// Percentile with linear interpolation between order statistics; reorders `values`, not empty.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    let place = (values.len() - 1) * percent;
    let share = (place % 100) as f64 / 100.0;
    let (_, below, above) = values.select_nth_unstable_by(place / 100, f64::total_cmp);
    let below = *below;
    let above = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    if share < 0.5 {
        below + (above - below) * share
    } else {
        above - (above - below) * (1.0 - share)
    }
}

/// Slope of `y` on `x` by least squares; `None` when `x` does not vary or there are less than two.
pub(crate) fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() || Moments::of(x)?.flat {
        return None;
    }
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        covariance += (x - mean_x) * (y - mean_y);
        variance += (x - mean_x) * (x - mean_x);
    }
    Some(covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_close;

    #[test]
    fn percentiles_interpolate_between_order_statistics() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_close(percentile(&mut values, 5), 1.15);
        assert_close(percentile(&mut values, 95), 3.85);
        assert_close(percentile(&mut values, 0), 1.0);
        assert_close(percentile(&mut values, 100), 4.0);
        assert_close(median(&mut values), 2.5);
        assert_close(median(&mut [7.0]), 7.0);
    }

    #[test]
    fn rounding_is_no_variance() {
        let moments = Moments::of(&[0.01, 0.01 + 1e-17, 0.01 - 2e-16, 0.01]).unwrap();
        assert!(moments.flat && moments.sd.abs() <= 0.0);
        assert_eq!(moments.skew(), Err(Undefined::NoVariance));
        assert_eq!(moments.kurtosis(), Err(Undefined::NoVariance));
        assert!(Moments::of(&[1.0]).is_none());
    }

    #[test]
    fn a_slope_needs_a_spread_of_x() {
        assert_close(slope(&[1.0, 2.0, 3.0], &[5.0, 7.0, 9.0]).unwrap(), 2.0);
        assert_eq!(slope(&[1.0, 1.0], &[5.0, 7.0]), None);
        assert_eq!(slope(&[], &[]), None);
    }
}
