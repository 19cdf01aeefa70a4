//! `backfleet run`: one backtest, its document, its explanation.

use crate::support::{backfleet, import_samples, json, transcript};

#[test]
fn every_example_runs_and_gives_the_same_bytes_twice() {
    let data = tempfile::tempdir().unwrap();
    import_samples(data.path());
    let folder = crate::support::root().join("examples");
    let mut examples: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    examples.sort();
    assert!(examples.len() >= 6);
    for example in examples {
        let file = example.to_str().unwrap();
        let run = |seq: &str| {
            let data = data.path().to_str().unwrap();
            backfleet(&["run", file, "--seq", seq, "--json", "--data", data])
        };
        let first = json(&run("0"));
        assert_eq!(first, json(&run("0")), "{file}");
        assert!(first["outcomeHash"].as_str().unwrap().starts_with("b3:"));
        let days = first["dailyReturns"].as_array().unwrap().len();
        assert!(days > 1, "{file} has {days} daily returns");
        let initial = first["equity"]["initial"].as_f64().unwrap();
        let last = first["equity"]["final"].as_f64().unwrap();
        let total = first["metrics"]["totalReturn"].as_f64().unwrap();
        assert!((last / initial - 1.0 - total).abs() < 1e-9, "{file}");
    }
}

#[test]
fn a_candle_file_is_the_series_that_the_request_names() {
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.json");
    let text = r#"{"universalConfig": {"exchange": "any", "ticker": "THING", "timeframe": "1d",
        "balance": 1000, "calendar": "session",
        "strategy": {"signals": {"long": "close > sma(close, 20)", "exitLong": "close < sma(close, 20)"}}}}"#;
    std::fs::write(&request, text).unwrap();
    let candles = "examples/candles/us_GOOG-1d.csv.gz";
    let request = request.to_str().unwrap();
    let document = json(&backfleet(&["run", request, "--candles", candles, "--json"]));
    assert_eq!(document["candles"], 2_148);
    assert!(!document["trades"].as_array().unwrap().is_empty());
    let explained =
        backfleet(&["run", request, "--candles", candles, "--explain", "2008-10-10T00:00:00Z"]);
    assert!(explained.status.success(), "{}", transcript(&explained));
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("candle 2008-10-10T00:00:00Z"), "{text}");
    assert!(text.contains("sma"), "{text}");
}

#[test]
fn a_bundle_of_many_jobs_asks_for_a_seq() {
    let output = backfleet(&["run", "examples/btc-dual-ema.json"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("choose one with --seq N"), "{errors}");
}

#[test]
fn all_faults_of_a_request_are_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.json");
    let text = r#"{"universalConfg": {}, "dateTimeRanges": [{"start": "2024-02-01T00:00:00Z",
        "end": "2024-01-01T00:00:00Z"}], "universalConfig": {"exchange": "x", "ticker": "T",
        "timeframe": "7m", "balance": -1, "strategy": {"signals": {"long": "close > "}}}}"#;
    std::fs::write(&request, text).unwrap();
    let output = backfleet(&["run", request.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in [
        "/universalConfg: ",
        "/dateTimeRanges/0",
        "/universalConfig/timeframe: ",
        "/universalConfig/balance: ",
        "/universalConfig/strategy/signals/long: ",
    ] {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
}

#[test]
fn a_time_without_a_candle_is_answered_with_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.json");
    let candles = folder.path().join("one.csv");
    let text = r#"{"universalConfig": {"exchange": "x", "ticker": "T", "timeframe": "1d",
        "balance": 1, "strategy": {"signals": {"long": "close > 0"}}}}"#;
    std::fs::write(&request, text).unwrap();
    // One row does not tell its timeframe; the request does.
    std::fs::write(&candles, "date,open,high,low,close\n2024-01-02,1,1,1,1\n").unwrap();
    let (request, candles) = (request.to_str().unwrap(), candles.to_str().unwrap());
    assert_eq!(json(&backfleet(&["run", request, "--candles", candles, "--json"]))["candles"], 1);
    let output =
        backfleet(&["run", request, "--candles", candles, "--explain", "2024-01-02T08:00:00Z"]);
    assert_eq!(
        transcript(&output),
        "exit 6\n--- stdout\n--- stderr\n\
         error: no candle of x T 1d opens at 2024-01-02T08:00:00Z in the range\n\
         hint: the nearest one: --explain 2024-01-02T00:00:00Z\n"
    );
}
