//! Strategies: what the tree and the text mean, what is refused, and the canonical form.

mod faults;
mod limits;
mod meaning;
mod named;
mod parameters;
mod properties;
mod state_faults;

use std::collections::BTreeMap;

use model::Faults;
use model::strategy::{Strategy, canonical_json};
use serde_json::{Value, json};

/// Parameters that every test strategy has.
fn params() -> Value {
    json!({
        "fast": {"int": [5, 45, 1], "default": 12},
        "slow": {"int": [20, 200, 1], "default": 26},
        "level": {"float": [0, 100, 0.5], "default": 30},
    })
}

/// A strategy of one condition, `long`, with the parameters of [`params`].
fn strategy(long: &Value, indicators: &Value) -> Value {
    json!({"indicators": indicators, "signals": {"long": long}, "params": params()})
}

#[track_caller]
fn parse(value: &Value) -> Strategy {
    let mut faults = Faults::default();
    let strategy = Strategy::parse(value, "", &mut faults);
    assert_eq!(faults.to_string(), "");
    strategy.expect("a strategy without faults is there")
}

/// The canonical JSON of the signals of `value`, parameters open.
#[track_caller]
fn signals(value: &Value) -> String {
    canonical_json(&parse(value).signals)
}

/// The canonical JSON of the condition `long`, parameters open.
#[track_caller]
fn long(long: &Value) -> String {
    let text = signals(&strategy(long, &json!({})));
    text.strip_prefix("{\"long\":").and_then(|text| text.strip_suffix('}')).unwrap().to_owned()
}

/// Each fault of `value` as one line: pointer, code, message, hint.
fn fault_lines(value: &Value) -> Vec<String> {
    let mut faults = Faults::default();
    let strategy = Strategy::parse(value, "", &mut faults);
    assert_eq!(strategy.is_some(), faults.is_empty());
    let line = |fault: model::Fault| {
        let hint = fault.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{} {}: {}{hint}", fault.pointer, fault.code, fault.message)
    };
    faults.0.into_iter().map(line).collect()
}

fn given(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}
