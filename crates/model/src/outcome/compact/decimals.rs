//! Numbers that are decimals of few digits, as most prices are.

use std::cmp::Reverse;

/// Powers of ten that a double holds exactly and that are worth a try.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Whole numbers below this are written; adding [`ROUND`] to them leaves no place for a fraction.
const WHOLE: f64 = 2_251_799_813_685_248.0;
/// Added and taken away, it rounds to whole: what `round_ties_even` gives, without the call that it is where a
/// processor need not have the instruction.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Values of a column that are looked at to find its unit.
const SAMPLE: usize = 16;

/// The unit of a column: a power of ten, as its number of decimal places; no unit where nothing is decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimals(u8);

impl Decimals {
    /// The least number of places at which most of the first values are whole.
    pub(super) fn of(values: &[f64]) -> Decimals {
        let whole = |unit: Decimals| {
            values.iter().take(SAMPLE).filter(|value| unit.units(**value).is_some()).count()
        };
        let units = (0..).map_while(Decimals::from_places);
        let most = units.map(|unit| (whole(unit), Reverse(unit.0))).max();
        Decimals(most.map_or(0, |(_, Reverse(places))| places))
    }

    pub(super) fn places(self) -> u8 {
        self.0
    }

    pub(super) fn from_places(places: u8) -> Option<Decimals> {
        (usize::from(places) < POWERS.len()).then_some(Decimals(places))
    }

    fn power(self) -> f64 {
        POWERS[usize::from(self.0)]
    }

    /// The whole number of units that reads back as exactly these bits.
    pub(super) fn units(self, value: f64) -> Option<i64> {
        let scaled = value * self.power();
        let units = scaled + ROUND - ROUND;
        if scaled.abs() >= WHOLE {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = units as i64;
        (self.value(whole).to_bits() == value.to_bits()).then_some(whole)
    }

    /// The number that so many units are.
    pub(super) fn value(self, units: i64) -> f64 {
        units as f64 / self.power()
    }
}
