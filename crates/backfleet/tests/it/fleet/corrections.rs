//! Candles that are written again while a fleet runs on them.

use std::fs;

use super::{Fleet, LATE, LONG_LEASE, equities, succeed, text};
use crate::support::{backfleet, finished, hashes, submit, transcript};

#[test]
fn a_push_that_names_the_database_is_known_to_every_host_at_once() {
    let fleet = Fleet::start(LONG_LEASE);
    let worker = fleet.worker(10_000_000);
    let node = fleet.node_b.url.clone();
    let request = equities(&["SPY"], 6, 0).to_string();
    let run = || {
        let id = submit(&node, &request);
        let last = finished(&node, &id, LATE);
        assert_eq!(last["completed"], 5, "{last}");
        (last["cached"].as_u64().unwrap(), hashes(&node, &id))
    };
    let (_, before) = run();
    assert_eq!(run(), (5, before.clone()), "nothing has changed");

    // One candle of one year, by another address than that of the hosts.
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("us_SPY-1d.csv");
    let candle = "timestamp,open,high,low,close,volume\n2010-06-01,100,140,60,70,1000\n";
    fs::write(&file, candle).unwrap();
    let data = ["--data", text(files.path())];
    succeed(&[&["candles", "import", text(&file)], &data[..]].concat());
    let url = format!("http://localhost:{}", fleet.influx.port());
    let push = ["candles", "push", "--influx-url", &url, "--influx-database", &fleet.candles.name];
    let told = ["--database-url", &fleet.database];
    let pushed = backfleet(&[&push[..], &told, &data].concat());
    assert!(pushed.status.success(), "{}", transcript(&pushed));
    let words = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert!(words.contains("the hosts of this database fetch these months anew"), "{words}");
    assert!(words.contains("reach InfluxDB at another address"), "{words}");

    let (cached, after) = run();
    assert_eq!(cached, 0, "no result of the old candles answers");
    assert!(after.iter().all(|(seq, hash)| before[seq] != *hash), "{after:?}");
    // A push that writes nothing voids nothing.
    let pushed = backfleet(&[&push[..], &told, &data, &["--json"]].concat());
    let document: serde_json::Value = serde_json::from_slice(&pushed.stdout).unwrap();
    assert_eq!((&document["told"], run().0), (&true.into(), 5), "{document}");
    fleet.end([worker]);
}

#[test]
fn a_push_to_a_fleet_that_is_away_writes_nothing() {
    let influx = testkit::influx::database();
    let data = tempfile::tempdir().unwrap();
    crate::support::import_samples(data.path());
    let database = format!("postgres://x@127.0.0.1:{}/x", testkit::port::free());
    let push = ["candles", "push", "--influx-url", &influx.url, "--influx-database", &influx.name];
    let told = ["--database-url", &database, "--data", text(data.path())];
    let pushed = backfleet(&[&push[..], &told].concat());
    assert_eq!(pushed.status.code(), Some(5), "{}", transcript(&pushed));
    let list = ["candles", "list", "--json", "--influx-url", &influx.url, "--influx-database"];
    let listed = crate::support::json(&backfleet(&[&list[..], &[&influx.name]].concat()));
    assert_eq!(listed["items"], serde_json::json!([]));
}
