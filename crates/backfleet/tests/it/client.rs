//! The commands that talk to a server: what they print, where, and how they end.

use serde_json::{Value, json};

use crate::support::{Dev, SOON, backfleet, finished, json as document, root, status, submit};

/// A command against `dev`: exit code, stdout, stderr.
fn run(dev: &Dev, arguments: &[&str]) -> (i32, String, String) {
    let output = backfleet(&[arguments, &["--server", &dev.url]].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn check(dev: &Dev, arguments: &[&str], code: i32, stdout: &[&str], stderr: &[&str]) -> String {
    let (ended, printed, said) = run(dev, arguments);
    assert_eq!(ended, code, "{arguments:?}\n{printed}\n{said}");
    for (wanted, text) in [(stdout, &printed), (stderr, &said)] {
        for part in wanted {
            assert!(text.contains(part), "{arguments:?} lacks {part:?}\n{printed}\n{said}");
        }
    }
    printed
}

fn example(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join("examples").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A server with one finished bundle of 210 jobs.
fn judged() -> (Dev, String) {
    let dev = Dev::start(&[]);
    let id = submit(&dev.url, &example("quick-start.json").to_string());
    finished(&dev.url, &id, SOON);
    (dev, id)
}

#[test]
fn honesty_is_one_sentence_then_the_numbers_behind_it() {
    let (dev, id) = judged();
    let wanted = ["N, variants evaluated", "210", "PBO, probability of overfitting"];
    let text = check(&dev, &["bundle", "honesty", &id], 0, &wanted, &["trades are a thin basis"]);
    let output = backfleet(&["bundle", "honesty", &id, "--json", "--server", &dev.url]);
    let sentence = document(&output)["sentence"].as_str().unwrap().to_owned();
    assert_eq!(text.lines().next(), Some(sentence.as_str()));
}

#[test]
fn a_report_is_one_file_that_asks_for_nothing_else() {
    let (dev, id) = judged();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let path = file.to_str().unwrap();
    check(&dev, &["bundle", "report", &id, "--html", path], 0, &[], &["wrote", path]);
    let html = std::fs::read_to_string(&file).unwrap();
    assert!(html.starts_with("<!doctype html>"), "{}", &html[..80]);
    for outside in ["src=\"http", "href=\"http", "@import", "url("] {
        assert!(!html.contains(outside), "the report has {outside}");
    }
    let nowhere = folder.path().join("no/such/folder.html");
    check(
        &dev,
        &["bundle", "report", &id, "--html", nowhere.to_str().unwrap()],
        1,
        &[],
        &["error:"],
    );
}

#[test]
fn failed_jobs_are_exit_code_3_and_run_again_on_request() {
    let dev = Dev::start(&[]);
    let mut request = example("quick-start.json");
    request["dateTimeRanges"] =
        json!([{"start": "2009-01-01T00:00:00Z", "end": "2010-01-01T00:00:00Z"}]);
    let id = submit(&dev.url, &request.to_string());
    finished(&dev.url, &id, SOON);
    check(&dev, &["bundle", "watch", &id], 3, &["Failed"], &["210 of 210 jobs failed", "hint:"]);
    check(&dev, &["bundle", "retry", &id, "--failed"], 0, &[], &[&id, "wait for a worker"]);
    assert_eq!(finished(&dev.url, &id, SOON)["failed"], 210);
}

#[test]
fn a_paused_bundle_keeps_its_jobs_and_goes_on_when_resumed() {
    let dev = Dev::start(&["--pace", "1000000"]);
    let id = submit(&dev.url, &example("quick-start.json").to_string());
    check(&dev, &["bundle", "pause", &id], 0, &[], &["is paused"]);
    check(&dev, &["bundle", "watch", &id, "--timeout", "1ms"], 8, &[], &["hint:"]);
    assert_eq!(status(&dev.url, &id)["status"], "Paused");
    check(&dev, &["bundle", "resume", &id], 0, &[], &["goes on"]);
    assert_eq!(finished(&dev.url, &id, SOON)["completed"], 210);
    for change in ["pause", "resume", "cancel"] {
        check(&dev, &["bundle", change, &id], 7, &[], &["all its jobs were final before", "hint:"]);
    }
}

#[test]
fn watched_as_json_every_line_is_a_status_and_the_last_is_final() {
    let dev = Dev::start(&["--pace", "5000000"]);
    let id = submit(&dev.url, &example("quick-start.json").to_string());
    let text = check(&dev, &["bundle", "watch", &id, "--json"], 0, &[], &[]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["bundleRequestId"] == id.as_str()), "{text}");
    let progress: Vec<f64> = lines.iter().map(|line| line["progress"].as_f64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(lines.last().unwrap()["status"], "Completed");
}

#[test]
fn two_bundles_are_told_apart_by_request_and_by_outcome() {
    let (dev, first) = judged();
    let mut request = example("quick-start.json");
    request["universalConfig"]["costs"] = json!({"feePct": 0.2});
    let dearer = submit(&dev.url, &request.to_string());
    let again = submit(&dev.url, &example("quick-start.json").to_string());
    finished(&dev.url, &dearer, SOON);
    finished(&dev.url, &again, SOON);
    let same = ["same variant, same outcome", "210"];
    check(&dev, &["bundle", "diff", &first, &again], 0, &same, &[]);
    let other = ["feePct", "same variant, other outcome", "210"];
    check(&dev, &["bundle", "diff", &first, &dearer], 0, &other, &[]);
    let output = backfleet(&["bundle", "diff", &first, &dearer, "--json", "--server", &dev.url]);
    assert!(document(&output).is_object());
    check(&dev, &["bundle", "diff", &first, "nothing"], 6, &[], &["there is no bundle"]);
}

#[test]
fn a_job_shows_its_settings_its_numbers_and_its_trades() {
    let (dev, id) = judged();
    let job = format!("{id}-114");
    let wanted = ["parameters.fast", "outcomeHash", "b3:", "sharpe"];
    check(&dev, &["job", "show", &job], 0, &wanted, &[]);
    let trades = check(&dev, &["job", "trades", &job], 0, &["stop loss", "flip"], &[]);
    assert_eq!(trades.lines().count(), 1 + 72, "{trades}");
    let output = backfleet(&["job", "show", &job, "--json", "--server", &dev.url]);
    assert_eq!(document(&output)["trades"].as_array().unwrap().len(), 72);
    check(&dev, &["job", "trades", &format!("{id}-9999")], 6, &[], &["there is no job", "hint:"]);
}

#[test]
fn a_worker_is_listed_and_drains_on_request() {
    let (dev, _) = judged();
    check(&dev, &["workers"], 0, &["active", "slots"], &[]);
    let output = backfleet(&["workers", "--json", "--server", &dev.url]);
    let worker = document(&output)["items"][0]["id"].to_string();
    check(&dev, &["workers", "drain", &worker], 0, &[], &[&worker]);
    testkit::wait::until(SOON, "the worker to drain", || {
        let (_, printed, _) = run(&dev, &["workers"]);
        printed.contains("draining") || !printed.contains("active")
    });
    check(&dev, &["workers", "drain", "999"], 6, &[], &["there is no worker", "hint:"]);
}

#[test]
fn bundles_are_listed_by_name_and_tag() {
    let dev = Dev::start(&[]);
    for name in ["Alpha & one", "beta"] {
        let mut request = example("quick-start.json");
        (request["name"], request["tags"]) = (name.into(), json!({"desk": name}));
        submit(&dev.url, &request.to_string());
    }
    let listed = |filters: &[&str]| {
        let output =
            backfleet(&[&["bundle", "list", "--json", "--server", &dev.url], filters].concat());
        let items = document(&output)["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), ["beta", "Alpha & one"]);
    assert_eq!(listed(&["--name", "lpha & o"]), ["Alpha & one"]);
    assert_eq!(listed(&["--name", "BETA"]), ["beta"]);
    assert_eq!(listed(&["--tag", "desk:Alpha & one"]), ["Alpha & one"]);
    assert_eq!(listed(&["--owner", "nobody"]), [""; 0]);
    check(&dev, &["bundle", "list", "--tag", "desk"], 2, &[], &["must be key:value"]);
}

#[test]
fn an_estimate_tells_jobs_candles_time_and_luck() {
    let dev = Dev::start(&[]);
    let estimate = ["bundle", "estimate", "examples/quick-start.json"];
    let wanted = ["jobs", "210", "dropped by constraints", "unknown until a bundle has run"];
    check(&dev, &estimate, 0, &wanted, &[]);
    let id = submit(&dev.url, &example("btc-nine-years.json").to_string());
    finished(&dev.url, &id, SOON);
    check(&dev, &estimate, 0, &["about", "the best of 210 without skill shows"], &[]);
}

#[test]
fn the_manual_has_every_command_of_the_help() {
    let manual = backfleet(&["man"]);
    let text = String::from_utf8_lossy(&manual.stdout).into_owned();
    assert!(text.contains(".TH backfleet 1"), "{text}");
    for command in ["bundle", "candles", "config", "doctor", "job", "run", "serve", "workers"] {
        assert!(text.contains(&format!("backfleet\\-{command}")), "{command}");
    }
}
