//! Factors that occur again and again in an outcome: the fee of each order, the distance of each stop.

/// More different ones are no rule but chance.
const MOST: usize = 16;
/// Last places by which a product may differ, where the engine rounds more than once.
const SLACK: i64 = 8;

/// Attempts that find nothing before the column is left alone.
const PATIENCE: usize = 64;

/// Factors in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Factors {
    known: Vec<f64>,
    /// Hopeless attempts in a row: a column that follows no rule is not asked for ever.
    misses: usize,
}

impl Factors {
    /// The factor that makes `value` of `base`, and by how many last places it misses; remembers a new one.
    pub(super) fn find(&mut self, base: f64, value: f64) -> Option<(u64, i64)> {
        let met = self.known.iter().enumerate().find_map(|(index, factor)| {
            places_between(base * factor, value).map(|places| (index as u64, places))
        });
        if met.is_some() || self.known.len() == MOST || self.misses == PATIENCE {
            return met;
        }
        let factor = short(value / base);
        let Some(places) = factor.and_then(|factor| places_between(base * factor, value)) else {
            self.misses += 1;
            return None;
        };
        self.misses = 0;
        self.known.extend(factor);
        Some((self.known.len() as u64 - 1, places))
    }

    pub(super) fn known(&self) -> &[f64] {
        &self.known
    }

    /// Of what [`Factors::known`] was.
    pub(super) fn with(known: Vec<f64>) -> Factors {
        Factors { known, misses: 0 }
    }

    /// What [`Factors::find`] found.
    pub(super) fn value(&self, base: f64, index: u64, places: i64) -> Option<f64> {
        let factor = self.known.get(usize::try_from(index).ok()?)?;
        Some(f64::from_bits((base * factor).to_bits().wrapping_add_signed(places)))
    }
}

/// How many doubles `value` is above `product`, if they are few.
fn places_between(product: f64, value: f64) -> Option<i64> {
    let places = value.to_bits().wrapping_sub(product.to_bits()).cast_signed();
    (-SLACK..=SLACK).contains(&places).then_some(places)
}

/// The decimal of twelve places next to a ratio: rates and distances are given in decimals.
fn short(ratio: f64) -> Option<f64> {
    const PLACES: f64 = 1e12;
    let whole = (ratio * PLACES).round_ties_even();
    (whole.abs() < 9e15).then_some(whole / PLACES)
}
