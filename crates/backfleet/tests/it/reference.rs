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

/// Settings and metrics of a strategy on daily candles of `timeframe`, with these settings of its own.
#[track_caller]
fn check_year(timeframe: &str, own: &Value, settings: &Value) {
    let mut config = serde_json::json!({
        "exchange": "us", "ticker": "GOOG", "timeframe": timeframe, "balance": 10_000,
        "strategy": {"signals": {"long": "close > ema(5)", "exitLong": "close < ema(5)"}},
        "riskFreePct": 2,
    });
    let fields = config.as_object_mut().unwrap();
    fields.extend(own.as_object().unwrap().clone());
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.json");
    std::fs::write(&request, serde_json::json!({"universalConfig": config}).to_string()).unwrap();
    let candles = root().join("examples/candles/us_GOOG-1d.csv.gz");
    let [request, candles] = [&request, &candles].map(|path| path.to_str().unwrap());
    let found = json(&backfleet(&["run", request, "--candles", candles, "--json"]));
    assert_eq!(&found["settings"], settings);
    let returns: Vec<f64> = serde_json::from_value(found["dailyReturns"].clone()).unwrap();
    let (count, year) = (returns.len() as f64, settings["periodsPerYear"].as_f64().unwrap());
    let excess: Vec<f64> = returns.iter().map(|r| r - (1.02_f64.powf(1.0 / year) - 1.0)).collect();
    let mean = excess.iter().sum::<f64>() / count;
    let squares: f64 = excess.iter().map(|r| (r - mean) * (r - mean)).sum();
    let sharpe = mean / (squares / (count - 1.0)).sqrt() * year.sqrt();
    assert!((found["metrics"]["sharpe"].as_f64().unwrap() / sharpe - 1.0).abs() < 1e-9);
}

#[test]
fn a_year_has_the_days_of_the_calendar_or_52_weeks_and_the_result_says_so() {
    let say = |calendar: &str, year: f64| serde_json::json!({"calendar": calendar, "periodsPerYear": year, "riskFreePct": 2.0});
    for (calendar, year) in [("24x7", 365.0), ("24x5", 260.0), ("session", 252.0)] {
        let own = serde_json::json!({"calendar": calendar});
        check_year("1d", &own, &say(calendar, year));
        check_year("1w", &own, &say(calendar, 52.0));
    }
    let own = serde_json::json!({"calendar": "24x7", "periodsPerYear": 300});
    check_year("1d", &own, &say("24x7", 300.0));
    check_year("1w", &own, &say("24x7", 300.0));
}
