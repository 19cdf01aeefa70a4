//! Everything in one process: the demonstration, the client commands, restarts.

use serde_json::{Value, json};
use testkit::{Signal, http};

use crate::support::{Dev, SOON, backfleet, finished, get, hashes, json as answer, rows, submit};

#[test]
fn the_demonstration_runs_hundreds_of_backtests_of_real_candles_without_a_failure() {
    let shown = answer(&backfleet(&["demo", "--json"]));
    let bundles = shown["bundles"].as_array().unwrap();
    let sum = |key: &str| bundles.iter().map(|bundle| bundle[key].as_u64().unwrap()).sum::<u64>();
    assert!(sum("total") >= 500, "{shown}");
    assert_eq!(sum("completed"), sum("total"), "{shown}");
    assert_eq!(sum("failed"), 0, "{shown}");
}

#[test]
fn the_client_submits_watches_and_reads_results() {
    let dev = Dev::start(&[]);
    let server = ["--server", &dev.url];
    let estimate = [&["bundle", "estimate", "examples/btc-dual-ema.json", "--json"], &server[..]];
    let estimate = answer(&backfleet(&estimate.concat()));
    assert_eq!(estimate["jobs"], 172, "{estimate}");
    let submit = [&["bundle", "submit", "examples/btc-dual-ema.json", "--json"], &server[..]];
    let submitted = answer(&backfleet(&submit.concat()));
    let id = submitted["bundleRequestId"].as_str().unwrap().to_owned();
    let watch = backfleet(&[&["bundle", "watch", &id, "--json"], &server[..]].concat());
    assert!(watch.status.success());
    let text = String::from_utf8_lossy(&watch.stdout).into_owned();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["status"], &last["completed"]), (&json!("Completed"), &json!(172)));
    let results = [&["bundle", "results", &id, "--top", "3", "-o", "csv"], &server[..]];
    let results = backfleet(&results.concat());
    let text = String::from_utf8_lossy(&results.stdout).into_owned();
    assert_eq!(text.lines().count(), 4, "{text}");
    let best =
        [&["bundle", "results", &id, "--top", "2", "--where", "trades>=10", "--json"], &server[..]];
    let best = answer(&backfleet(&best.concat()));
    let rows = best["items"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["metrics"]["trades"].as_f64().unwrap() >= 10.0), "{best}");
    let unknown = backfleet(&[&["bundle", "status", &"0".repeat(8)], &server[..]].concat());
    assert_eq!(unknown.status.code(), Some(6));
}

#[test]
fn a_second_submit_completes_from_standing_results() {
    let dev = Dev::start(&[]);
    let request = std::fs::read_to_string(crate::support::root().join("examples/scenario.json"));
    let request = request.unwrap();
    let first = submit(&dev.url, &request);
    finished(&dev.url, &first, SOON);
    let second = submit(&dev.url, &request);
    let status = finished(&dev.url, &second, SOON);
    assert_eq!((&status["completed"], &status["cached"]), (&json!(1), &json!(1)), "{status}");
    assert_eq!(hashes(&dev.url, &first), hashes(&dev.url, &second));
}

#[test]
fn a_range_without_candles_fails_its_jobs_and_the_rest_completes() {
    let dev = Dev::start(&[]);
    let request = json!({
        "universalConfig": {"exchange": "us", "ticker": "SPY", "timeframe": "1d", "balance": 1000,
            "strategy": {"signals": {"long": "close > sma(close, 20)"}}},
        "dateTimeRanges": [
            {"start": "1970-01-01T00:00:00Z", "end": "1971-01-01T00:00:00Z"},
            {"start": "2010-01-01T00:00:00Z", "end": "2011-01-01T00:00:00Z"}],
    });
    let id = submit(&dev.url, &request.to_string());
    let status = finished(&dev.url, &id, SOON);
    assert_eq!(
        (&status["status"], &status["completed"], &status["failed"]),
        (&json!("Completed"), &json!(1), &json!(1))
    );
    let rows = rows(&dev.url, &id);
    assert_eq!(rows[0]["error"]["code"], "no_candles", "{}", rows[0]);
    assert_eq!(rows[1]["status"], "Completed");
}

#[test]
fn killed_in_the_middle_it_finishes_the_bundle_after_a_restart() {
    let mut dev = Dev::start(&["--pace", "200000"]);
    let request =
        std::fs::read_to_string(crate::support::root().join("examples/btc-dual-ema.json"));
    let id = submit(&dev.url, &request.unwrap());
    testkit::wait::until(SOON, "some jobs to complete", || {
        crate::support::status(&dev.url, &id)["completed"].as_u64().unwrap() > 3
    });
    dev.process.signal(Signal::KILL);
    dev.process.wait(SOON);
    let dev = Dev::on(dev.data, &[]);
    let status = finished(&dev.url, &id, SOON);
    assert_eq!((&status["completed"], &status["failed"]), (&json!(172), &json!(0)), "{status}");
}

#[test]
fn a_cancel_calls_off_what_is_left() {
    let dev =
        Dev::start(&["--pace", "20000", "--beat", "200ms", "--grace", "500ms", "--lease", "2s"]);
    let request =
        std::fs::read_to_string(crate::support::root().join("examples/btc-dual-ema.json"));
    let id = submit(&dev.url, &request.unwrap());
    let cancel = backfleet(&["bundle", "cancel", &id, "--server", &dev.url]);
    assert!(cancel.status.success());
    let status = finished(&dev.url, &id, SOON);
    assert_eq!(status["status"], "Cancelled", "{status}");
    let counted = ["completed", "failed", "cancelled"].map(|key| status[key].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), 172);
}

#[test]
fn sigterm_drains_and_ends_with_success() {
    let mut dev = Dev::start(&["--pace", "50000"]);
    let request =
        std::fs::read_to_string(crate::support::root().join("examples/btc-dual-ema.json"));
    let id = submit(&dev.url, &request.unwrap());
    testkit::wait::until(SOON, "a job to run", || {
        crate::support::status(&dev.url, &id)["running"].as_u64().unwrap() > 0
    });
    dev.process.signal(Signal::TERM);
    assert!(dev.process.wait(SOON).success(), "{}", dev.process.stderr());
}

#[test]
fn the_api_lists_series_workers_and_strategies() {
    let dev = Dev::start(&[]);
    let series = get(&format!("{}/api/candles/series", dev.url));
    assert_eq!(series["items"].as_array().unwrap().len(), 9, "{series}");
    testkit::wait::until(SOON, "the worker to be listed", || {
        !get(&format!("{}/api/workers", dev.url))["items"].as_array().unwrap().is_empty()
    });
    assert_eq!(http::get(&format!("{}/metrics", dev.url)).unwrap().status, 200);
    assert_eq!(http::get(&format!("{}/docs", dev.url)).unwrap().status, 200);
    get(&format!("{}/api/strategies", dev.url));
}
