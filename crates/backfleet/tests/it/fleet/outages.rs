//! Servers that go away in the middle and come back.

use std::time::Duration;

use testkit::proxy::Proxy;
use testkit::wait;

use super::{Fleet, LATE, LONG_LEASE, WIDE_LEASE, equities, two_thousand_jobs};
use crate::support::{SOON, finished, status, submit};

#[test]
fn while_influxdb_is_away_jobs_wait_and_none_fails() {
    let fleet = Fleet::start(LONG_LEASE);
    let workers = [(); 2].map(|()| fleet.worker(60_000));
    // Ticker after ticker, so most series are not in the caches when the source goes away.
    let request = equities(&["AAPL", "GOOG", "MSFT", "SPY"], 61, 0);
    let id = submit(&fleet.node_a.url, &request.to_string());
    wait::until(SOON, "jobs to complete", || {
        status(&fleet.node_b.url, &id)["completed"].as_u64().unwrap() >= 10
    });
    fleet.influx.stop();
    let asked = "SELECT coalesce(max(attempt), 0) FROM attempt WHERE ended_by = 'source_away'";
    wait::until(SOON, "the source to be asked three times in vain", || fleet.count(asked) >= 3);
    let late = submit(&fleet.node_b.url, &equities(&["MSFT"], 11, 1).to_string());
    fleet.influx.start_again();

    for (id, total) in [(&id, 240), (&late, 10)] {
        let last = finished(&fleet.node_b.url, id, LATE);
        let counts = ["completed", "failed"].map(|key| last[key].as_u64().unwrap());
        assert_eq!(counts, [total, 0], "{last}");
    }
    assert_eq!(fleet.count("SELECT max(failures) FROM job"), 0, "an outage is no failure");
    fleet.end(workers);
}

#[test]
fn a_database_that_goes_away_for_longer_than_a_grace_makes_nothing_run_twice() {
    let fleet = Fleet::start(LONG_LEASE);
    let workers = [(); 8].map(|()| fleet.worker(60_000));
    let id = submit(&fleet.node_a.url, &two_thousand_jobs().to_string());
    let until_completed = |jobs: u64| {
        wait::until(LATE, "jobs to complete", || {
            let answer = testkit::http::get(&format!(
                "{}/api/backtest/bundle/{id}/status",
                fleet.node_b.url
            ));
            let Some(answer) = answer.ok().filter(|answer| answer.status == 200) else {
                return false;
            };
            let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            status["completed"].as_u64().unwrap() >= jobs
        });
    };
    until_completed(100);
    fleet.postgres.restart(Duration::from_secs(3));
    until_completed(800);
    fleet.postgres.stop_immediate();
    fleet.postgres.start_again();

    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!(last["status"], "Completed", "{last}");
    fleet.check_books(&id, 2_000, 0);
    // A claim whose answer was lost is given back by its worker, which never saw the jobs.
    let lost = fleet.sql("SELECT DISTINCT ended_by FROM attempt WHERE ended_by <> 'drained'");
    assert_eq!(lost, "", "no worker died");
    for worker in &workers {
        let log = worker.process.stderr();
        assert!(!log.contains("could not be renewed"), "the lease outlasts the outage:\n{log}");
    }
    fleet.end(workers);
}

#[test]
fn a_worker_that_is_cut_off_drops_its_jobs_before_they_run_elsewhere() {
    let fleet = Fleet::start(WIDE_LEASE);
    let proxy = Proxy::start(fleet.postgres.port());
    // Its jobs of about 2,000 candles outlast its lease.
    let cut_off = fleet.worker_over(&proxy.url(&fleet.database), 100);
    let id = submit(&fleet.node_a.url, &equities(&["SPY"], 5, 0).to_string());
    wait::until(SOON, "jobs to run", || {
        status(&fleet.node_b.url, &id)["running"].as_u64().unwrap() > 0
    });
    proxy.blackhole();
    let other = fleet.worker(1_000_000);
    let taken = format!(
        "SELECT count(*) FROM attempt WHERE ended_by = 'worker_lost' AND worker_id = {}",
        cut_off.id
    );
    wait::until(SOON, "its jobs to be taken back", || fleet.count(&taken) > 0);
    let log = cut_off.process.stderr();
    assert!(log.contains("could not be renewed"), "it still computes:\n{log}");

    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!((&last["status"], &last["completed"]), (&"Completed".into(), &4.into()), "{last}");
    fleet.check_books(&id, 4, 0);
    proxy.pass();
    wait::until(SOON, "the cut-off worker to beat again", || {
        fleet.view(&cut_off)["status"] == "active"
    });
    fleet.check_books(&id, 4, 0);
    fleet.end([cut_off, other]);
}

#[test]
fn jobs_that_no_notification_told_of_are_found_by_the_poll() {
    let fleet = Fleet::start(LONG_LEASE);
    let worker = fleet.worker(1_000_000);
    let request = equities(&["SPY"], 11, 0).to_string();
    finished(&fleet.node_a.url, &submit(&fleet.node_a.url, &request), LATE);
    // The jobs of a copy of that bundle appear as if their NOTIFY had been lost.
    let id = fleet.sql(
        "WITH copy AS (
            INSERT INTO bundle (id, owner, name, name_folded, request, tags, total, dropped, rank)
            SELECT gen_random_uuid(), owner, name, name_folded, request, tags, total, dropped, rank
            FROM bundle RETURNING id
        ), jobs AS (
            INSERT INTO job (bundle_id, created_at, seq, rank, spec_key)
            SELECT copy.id, now(), seq, rank, spec_key FROM job, copy
        )
        SELECT id FROM copy",
    );
    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!((&last["status"], &last["completed"]), (&"Completed".into(), &10.into()), "{last}");
    fleet.end([worker]);
}
