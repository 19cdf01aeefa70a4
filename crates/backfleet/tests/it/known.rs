//! What is known already: submits answered from standing results, and replays that prove them.

use serde_json::{Value, json};
use testkit::http;

use crate::support::{Dev, SOON, backfleet, finished, json as answer, transcript};

const BUNDLE: &str = "/api/backtest/bundle";

fn post(dev: &Dev, path: &str, request: &str) -> Value {
    let answer = http::post_json(&format!("{}{path}", dev.url), request).unwrap();
    assert!(answer.status < 300, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Replaces one candle of SPY by another, as a corrected file does.
fn correct(dev: &Dev) {
    let file = dev.data.path().join("corrected.csv");
    let candle = "timestamp,open,high,low,close,volume\n2010-06-01,100,140,60,70,1000\n";
    std::fs::write(&file, candle).unwrap();
    let (file, data) = (file.to_str().unwrap(), dev.data.path().to_str().unwrap());
    let names = ["--exchange", "us", "--ticker", "SPY", "--timeframe", "1d"];
    let import = backfleet(&[&["candles", "import", file, "--data", data], &names[..]].concat());
    assert!(import.status.success(), "{}", transcript(&import));
}

#[test]
fn a_repeated_bundle_is_final_at_submit_until_its_candles_are_corrected() {
    let dev = Dev::start(&[]);
    let request = json!({
        "universalConfig": {"exchange": "us", "ticker": "SPY", "timeframe": "1d", "balance": 1000,
            "strategy": {
                "signals": {"long": "close > sma(close, $n)", "exitLong": "close < sma(close, $n)"},
                "params": {"n": {"int": [2, 100, 1]}}}},
        "dateTimeRanges": [{"start": "2009-01-05T00:00:00Z", "end": "2012-01-01T00:00:00Z"}],
        "parameterVariants": {"n": {"from": 2, "to": 31, "step": 1}},
    })
    .to_string();
    let first = post(&dev, BUNDLE, &request);
    assert_eq!((&first["status"], &first["cached"]), (&json!("Queued"), &json!(0)));
    let id = first["bundleRequestId"].as_str().unwrap().to_owned();
    finished(&dev.url, &id, SOON);

    let again = post(&dev, BUNDLE, &request);
    assert_eq!((&again["status"], &again["cached"]), (&json!("Completed"), &json!(30)), "{again}");
    let estimate = post(&dev, "/api/backtest/bundle/estimate", &request);
    assert_eq!(estimate["cached"], 30, "{estimate}");
    let second = again["bundleRequestId"].as_str().unwrap();
    assert_eq!(finished(&dev.url, second, SOON)["cached"], 30);

    let job = format!("{id}-0");
    let verify = || backfleet(&["job", "verify", &job, "--server", &dev.url]);
    let equal = verify();
    assert!(equal.status.success(), "{}", transcript(&equal));
    assert!(String::from_utf8_lossy(&equal.stdout).starts_with("equal: "));

    correct(&dev);
    let other = post(&dev, BUNDLE, &request);
    assert_eq!(other["cached"], 0, "{other}");
    let last = finished(&dev.url, other["bundleRequestId"].as_str().unwrap(), SOON);
    assert_eq!((&last["completed"], &last["cached"]), (&json!(30), &json!(0)), "{last}");
    let gone = verify();
    assert_eq!(gone.status.code(), Some(1), "{}", transcript(&gone));
    let json = backfleet(&["job", "verify", "nonsense", "--json", "--server", &dev.url]);
    assert_eq!(json.status.code(), Some(6), "{}", transcript(&json));
}

#[test]
fn jobs_of_a_capped_and_fair_server_all_complete() {
    let dev = Dev::start(&["--ordering", "fair", "--owner-running-cap", "3"]);
    let submit = ["bundle", "submit", "examples/btc-dual-ema.json", "--json", "--server"];
    let submitted = answer(&backfleet(&[&submit[..], &[&dev.url]].concat()));
    let id = submitted["bundleRequestId"].as_str().unwrap();
    let status = finished(&dev.url, id, SOON);
    assert_eq!((&status["completed"], &status["failed"]), (&json!(172), &json!(0)), "{status}");
}
