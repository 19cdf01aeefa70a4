//! Factors that occur again and again in an outcome: the fee of each order, the distance of each stop.

/// More different ones are no rule but chance.
const MOST: usize = 16;
/// Last places by which a product may differ either way, where the engine rounds more than once.
const SLACK: u64 = 8;
/// Differences that there are.
const SPAN: u64 = 2 * SLACK + 1;

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
    /// Which factor makes `value` of `base`, and by how many last places it misses, as one number;
    /// remembers a new factor.
    pub(super) fn find(&mut self, base: f64, value: f64) -> Option<u64> {
        let met = self.known.iter().zip(0..).find_map(|(factor, index)| {
            places_between(base * factor, value).map(|places| index * SPAN + places)
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
        Some((self.known.len() as u64 - 1) * SPAN + places)
    }

    pub(super) fn known(&self) -> &[f64] {
        &self.known
    }

    /// Of what [`Factors::known`] was.
    pub(super) fn with(known: Vec<f64>) -> Factors {
        Factors { known, misses: 0 }
    }

    /// What [`Factors::find`] found.
    pub(super) fn value(&self, base: f64, found: u64) -> Option<f64> {
        let factor = self.known.get(usize::try_from(found / SPAN).ok()?)?;
        let least = (base * factor).to_bits().wrapping_sub(SLACK);
        Some(f64::from_bits(least.wrapping_add(found % SPAN)))
    }
}

/// How many doubles `value` is above the one that is [`SLACK`] of them below `product`, if they are few.
fn places_between(product: f64, value: f64) -> Option<u64> {
    let places = value.to_bits().wrapping_sub(product.to_bits().wrapping_sub(SLACK));
    (places < SPAN).then_some(places)
}

/// The decimal of ten places next to a ratio: rates and distances are given in decimals.
fn short(ratio: f64) -> Option<f64> {
    const PLACES: f64 = 1e10;
    let whole = (ratio * PLACES).round_ties_even();
    (whole.abs() < 9e15).then_some(whole / PLACES)
}
