//! What `deploy/` watches exists, and a worker shows its metrics.

use std::collections::BTreeSet;
use std::fs;

use testkit::process::Backfleet;
use testkit::{http, port, postgres, wait};

use crate::support::{SOON, backfleet, command, root, transcript};

/// Every name of ours in a text.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !word(c));
    let ours = words.filter(|word| word.starts_with("backfleet_"));
    ours.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
}

/// The metrics that the sources record.
fn recorded() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("crates/api/src"), root().join("crates/worker/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(names(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_exists_and_is_explained() {
    let dashboard = fs::read_to_string(root().join("deploy/grafana/backfleet.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(document["panels"].as_array().unwrap().len() > 10);
    let alerts = fs::read_to_string(root().join("deploy/prometheus/alerts.yaml")).unwrap();
    let guide = fs::read_to_string(root().join("docs/guide/operations.md")).unwrap();
    let (recorded, explained) = (recorded(), names(&guide));
    let named: BTreeSet<String> = names(&dashboard).union(&names(&alerts)).cloned().collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(recorded.contains(&name), "{name} is recorded nowhere");
        assert!(explained.contains(&name), "{name} is not in docs/guide/operations.md");
    }
}

#[test]
fn a_worker_shows_its_metrics_where_it_listens() {
    let (database, data) = (postgres::database(), tempfile::tempdir().unwrap());
    let migrated = backfleet(&["migrate", "--database-url", &database]);
    assert!(migrated.status.success(), "{}", transcript(&migrated));
    let listen = format!("127.0.0.1:{}", port::free());
    let folder = data.path().to_str().unwrap();
    let mut worker = Backfleet::spawn(command(&[
        "worker",
        "--listen",
        &listen,
        "--database-url",
        &database,
        "--data",
        folder,
    ]));
    worker.until_ready(&format!("http://{listen}/healthz"), SOON);
    let answer = http::get(&format!("http://{listen}/metrics")).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    wait::until(SOON, "the first claim to be timed", || {
        let metrics = http::get(&format!("http://{listen}/metrics")).unwrap().body;
        metrics.contains("backfleet_claim_seconds")
    });
    worker.signal(testkit::Signal::TERM);
    assert!(worker.wait(SOON).success(), "{}", worker.stderr());
}
