//! Metrics as JSON has them: counts are whole numbers, what is undefined is null.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::{CATALOGUE, Unit};
use crate::metrics::Metrics;

/// A number of a document.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// Of a metric that counts.
    Count(u64),
    /// Of any other.
    Value(f64),
}

impl Number {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is whole, not negative and far below 2^53"
    )]
    fn new(unit: Unit, value: f64) -> Number {
        match unit {
            Unit::Count => Number::Count(value as u64),
            Unit::Fraction
            | Unit::Ratio
            | Unit::Percent
            | Unit::Quote
            | Unit::Days
            | Unit::Returns
            | Unit::Minutes
            | Unit::Probability => Number::Value(value),
        }
    }
}

impl Metrics {
    /// Those that are defined, by id.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, Number)> + '_ {
        CATALOGUE.iter().filter_map(|metric| {
            let value = self.values.get(metric.id)?;
            Some((metric.id, Number::new(metric.unit, *value)))
        })
    }

    /// Every id of the catalogue; `None`, which is null in JSON, where it is undefined.
    pub fn document(&self) -> BTreeMap<&'static str, Option<Number>> {
        let number = |id, unit| self.values.get(id).map(|value| Number::new(unit, *value));
        CATALOGUE.iter().map(|metric| (metric.id, number(metric.id, metric.unit))).collect()
    }
}

/// Numbers of a peer's profile: those it has, by id.
pub fn profile_document(numbers: &BTreeMap<&'static str, f64>) -> BTreeMap<&'static str, Number> {
    let unit = |id: &str| CATALOGUE.iter().find(|metric| metric.id == id).map(|m| m.unit);
    let write = |(id, value): (&&'static str, &f64)| {
        (*id, Number::new(unit(id).unwrap_or(Unit::Ratio), *value))
    };
    numbers.iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metrics::metrics;
    use crate::metrics::tests::Case;
    use crate::profile::{CandleEquity, Profile, profile};

    #[test]
    fn counts_are_whole_numbers_and_what_is_undefined_is_null() {
        let case = Case::of_trades(&[0.5, 0.25, 0.125]);
        let document = json!(case.measure(metrics).document());
        assert_eq!(document["trades"].to_string(), "3");
        assert_eq!(document["longestWinStreak"].to_string(), "3");
        assert_eq!(document["winRate"].to_string(), "1.0");
        assert!(document["profitFactor"].is_null());
        assert_eq!(document.as_object().map(serde_json::Map::len), Some(CATALOGUE.len()));
        let peer =
            case.measure(|input| profile(Profile::Freqtrade, input, CandleEquity::default()));
        assert_eq!(json!(profile_document(&peer))["trades"].to_string(), "3");
    }
}
