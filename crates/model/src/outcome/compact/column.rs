//! A column of numbers, each in the shortest form that gives back its bits.

use super::Form;
use super::decimals::Decimals;
use super::factors::Factors;
use super::streams::{Parts, Rest};
use crate::outcome::OutcomeError;

/// Writes `values`: the decimal unit, a form for each value, the factors, then what the forms announce.
/// `base` is what a value may be a multiple of: of its place and of the value before it.
pub(super) fn put(parts: &mut Parts, values: &[f64], base: impl Fn(usize, f64) -> f64) {
    let unit = Decimals::of(values);
    let mut factors = Factors::default();
    let mut written = Parts::default();
    let (mut before, mut units_before) = (0.0_f64, 0);
    parts.byte(unit.places());
    for (place, &value) in values.iter().enumerate() {
        let form = if value.to_bits() == before.to_bits() {
            Form::Same
        } else if let Some(units) = unit.units(value) {
            written.signed(units - units_before);
            units_before = units;
            Form::Decimal
        } else if let Some(factor) = factors.find(base(place, before), value) {
            written.unsigned(factor);
            Form::Factor
        } else {
            written.bits(value);
            Form::Bits
        };
        parts.byte(form as u8);
        before = value;
    }
    parts.unsigned(factors.known().len() as u64);
    for factor in factors.known() {
        parts.bits(*factor);
    }
    parts.append(&written);
}

/// Reads what [`put`] wrote of `len` values, with the same `base`.
pub(super) fn take(
    rest: &mut Rest<'_>,
    len: usize,
    base: impl Fn(usize, f64) -> f64,
) -> Result<Vec<f64>, OutcomeError> {
    let unit = Decimals::from_places(rest.byte()?).ok_or(OutcomeError)?;
    let forms = rest.bytes(len)?;
    let factors = (0..rest.len()?).map(|_| rest.bits()).collect::<Result<Vec<f64>, _>>()?;
    let factors = Factors::with(factors);
    let mut values = Vec::with_capacity(len);
    let (mut before, mut units) = (0.0, 0_i64);
    for (place, form) in forms.iter().enumerate() {
        before = match Form::ALL.get(usize::from(*form)).ok_or(OutcomeError)? {
            Form::Same => before,
            Form::Decimal => {
                units = units.wrapping_add(rest.signed()?);
                unit.value(units)
            }
            Form::Factor => {
                let factor = rest.unsigned()?;
                factors.value(base(place, before), factor).ok_or(OutcomeError)?
            }
            Form::Bits => rest.bits()?,
        };
        values.push(before);
    }
    Ok(values)
}

/// Writes whole numbers as their distances, in the largest unit that all of them have; the first as it is.
pub(super) fn put_steps(parts: &mut Parts, values: impl IntoIterator<Item = i64>) {
    let mut before = 0;
    let step = |value: i64| {
        let step = value.wrapping_sub(before);
        before = value;
        step
    };
    let steps: Vec<i64> = values.into_iter().map(step).collect();
    let (first, later) = steps.split_at(steps.len().min(1));
    let unit = later.iter().fold(0, |unit, step| common(unit, step.unsigned_abs()));
    let unit = i64::try_from(unit).unwrap_or(1).max(1);
    parts.unsigned(unit.cast_unsigned());
    for step in first {
        parts.signed(*step);
    }
    for step in later {
        parts.signed(*step / unit);
    }
}

/// Reads what [`put_steps`] wrote of `len` values.
pub(super) fn take_steps(rest: &mut Rest<'_>, len: usize) -> Result<Vec<i64>, OutcomeError> {
    let unit = rest.unsigned()?.cast_signed();
    let mut values = Vec::with_capacity(len);
    let mut value = 0_i64;
    for place in 0..len {
        let step = rest.signed()?;
        value = value.wrapping_add(if place == 0 { step } else { step.wrapping_mul(unit) });
        values.push(value);
    }
    Ok(values)
}

/// The greatest common divisor. One division where `unit` is one already.
fn common(mut unit: u64, mut step: u64) -> u64 {
    while step != 0 {
        (unit, step) = (step, unit % step);
    }
    unit
}
