//! `{from, to, step}` in decimal arithmetic.
//!
//! A float's shortest decimal text is taken as what was meant. `from`, `to` and `step` are scaled
//! by one power of ten to whole numbers, stepped there without error, and each point is rounded
//! once, to the float nearest to its decimal text: three steps of 0.1 give 0.3, the same float that
//! `0.3` in a request gives.

/// A checked axis of evenly spaced decimal points, both ends included if a step hits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    first: i128,
    step: i128,
    /// Digits after the decimal point of `first` and `step`.
    scale: u32,
    count: u128,
}

/// Why no axis can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepsError {
    /// The step is 0 or negative.
    StepNotPositive,
    /// `from` is greater than `to`.
    Descending,
    /// The three numbers have more than 38 digits between them.
    TooManyDigits,
}

impl Steps {
    /// The points `from`, `from + step`, ... up to and including `to`; all three are finite.
    pub(super) fn new(from: f64, to: f64, step: f64) -> Result<Steps, StepsError> {
        if step <= 0.0 {
            return Err(StepsError::StepNotPositive);
        }
        if from > to {
            return Err(StepsError::Descending);
        }
        let [Some(from), Some(to), Some(step)] = [from, to, step].map(decimal) else {
            return Err(StepsError::TooManyDigits);
        };
        let scale = from.1.max(to.1).max(step.1);
        let scaled = [from, to, step].map(|(digits, own)| {
            10_i128.checked_pow(scale - own).and_then(|factor| digits.checked_mul(factor))
        });
        let [Some(first), Some(last), Some(step)] = scaled else {
            return Err(StepsError::TooManyDigits);
        };
        let span = last.checked_sub(first).ok_or(StepsError::TooManyDigits)?;
        Ok(Steps { first, step, scale, count: (span / step).unsigned_abs() + 1 })
    }

    /// How many points there are, at least 1.
    pub(super) fn count(&self) -> u128 {
        self.count
    }

    /// The point at `index`, which is below `count`.
    pub(super) fn at(&self, index: u128) -> f64 {
        to_float(self.first + self.step * index.cast_signed(), self.scale)
    }
}

/// The shortest decimal of `value` as digits and the count of them after the point; `None` if it
/// needs more than 38 digits.
fn decimal(value: f64) -> Option<(i128, u32)> {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let after_point = i32::try_from(fraction.len()).ok()? - exponent.parse::<i32>().ok()?;
    if let Ok(scale) = u32::try_from(after_point) {
        return Some((digits, scale));
    }
    let factor = 10_i128.checked_pow(after_point.unsigned_abs())?;
    Some((digits.checked_mul(factor)?, 0))
}

/// `whole / 10^scale`, rounded once.
fn to_float(whole: i128, scale: u32) -> f64 {
    if whole.unsigned_abs() < EXACT && scale <= MAX_EXACT_SCALE {
        // Both operands are exact floats, so the division rounds once.
        return whole as f64 / 10_u64.pow(scale) as f64;
    }
    format!("{whole}e-{scale}").parse().expect("digits and an exponent are a float")
}

/// Whole numbers below this are exact floats.
const EXACT: u128 = 1 << 53;
/// 10^15 is below 2^53, hence an exact float.
const MAX_EXACT_SCALE: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: f64, to: f64, step: f64, expected: &[f64]) {
        let steps = Steps::new(from, to, step).unwrap();
        let values: Vec<f64> = (0..steps.count()).map(|index| steps.at(index)).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn points_are_what_their_decimal_text_says() {
        check(0.1, 0.5, 0.1, &[0.1, 0.2, 0.3, 0.4, 0.5]);
        check(5.0, 20.0, 5.0, &[5.0, 10.0, 15.0, 20.0]);
        check(-0.2, 0.2, 0.1, &[-0.2, -0.1, 0.0, 0.1, 0.2]);
        check(1.0, 2.0, 0.75, &[1.0, 1.75]);
        check(3.0, 3.0, 1e-9, &[3.0]);
        check(1e-20, 3e-20, 1e-20, &[1e-20, 2e-20, 3e-20]);
    }

    #[test]
    fn the_last_point_is_counted_exactly() {
        assert_eq!(Steps::new(0.0, 1.0, 1e-7).unwrap().count(), 10_000_001);
        assert_eq!(Steps::new(0.0, 1e18, 1.0).unwrap().count(), 1_000_000_000_000_000_001);
    }

    #[test]
    fn what_cannot_be_stepped_is_refused() {
        assert_eq!(Steps::new(1.0, 2.0, 0.0), Err(StepsError::StepNotPositive));
        assert_eq!(Steps::new(2.0, 1.0, 1.0), Err(StepsError::Descending));
        assert_eq!(Steps::new(1e-300, 1.0, 1.0), Err(StepsError::TooManyDigits));
        assert_eq!(Steps::new(1e300, 1e300, 1.0), Err(StepsError::TooManyDigits));
    }
}
