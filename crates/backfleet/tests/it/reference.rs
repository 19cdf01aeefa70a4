//! The engine against an independent reference: `scripts/reference`, a plain walk in Python.
//!
//! Each fixture is a request, its candles and what the reference makes of them; its README says how
//! they are written again.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{backfleet, json, root};

/// Relative difference of two numbers that are the same one.
const TOLERANCE: f64 = 1e-9;

/// Every place where `found` is not what is expected; fields that are not expected may be there.
fn differences(place: &str, expected: &Value, found: &Value, into: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                let own = found.get(name).unwrap_or(&Value::Null);
                differences(&format!("{place}/{name}"), value, own, into);
            }
        }
        (Value::Array(items), Value::Array(own)) if items.len() == own.len() => {
            for (index, (item, own)) in items.iter().zip(own).enumerate() {
                differences(&format!("{place}/{index}"), item, own, into);
            }
        }
        (Value::Number(_), Value::Number(_)) if is_near(expected, found) => {}
        _ if expected == found => {}
        _ => into.push(format!("{place}: expected {expected}, found {found}")),
    }
}

fn is_near(expected: &Value, found: &Value) -> bool {
    let [a, b] = [expected, found].map(|number| number.as_f64().unwrap());
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// What the engine makes of the fixture's request and candles.
fn outcome(fixture: &Value, folder: &Path) -> Value {
    let [request, candles] = ["request.json", "candles.csv"].map(|name| folder.join(name));
    std::fs::write(&request, fixture["request"].to_string()).unwrap();
    let mut table = "timestamp,open,high,low,close,volume\n".to_owned();
    for row in fixture["candles"].as_array().unwrap() {
        writeln!(table, "{}", row.as_str().unwrap()).unwrap();
    }
    std::fs::write(&candles, table).unwrap();
    let [request, candles] = [&request, &candles].map(|path| path.to_str().unwrap());
    json(&backfleet(&["run", request, "--candles", candles, "--json"]))
}

#[test]
fn every_case_of_the_reference_gives_its_trades_equity_and_metrics() {
    let fixtures = root().join("crates/backfleet/tests/fixtures/reference");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 80, "only {} fixtures", paths.len());
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = String::new();
    for path in paths {
        let fixture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let found = outcome(&fixture, folder.path());
        let mut places = Vec::new();
        differences("", &fixture["expected"], &found, &mut places);
        if !fixture["warmup"].is_null() {
            differences("/warmup", &fixture["warmup"], &found["warmup"], &mut places);
        }
        if !places.is_empty() {
            let first = places.iter().take(5).cloned().collect::<Vec<_>>().join("\n  ");
            writeln!(wrong, "{}\n  {first}", fixture["name"].as_str().unwrap()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "the engine and the reference differ:\n{wrong}");
}
