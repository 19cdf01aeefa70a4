//! Which bundle goes first, and what one bad range costs.

use serde_json::json;
use testkit::wait;

use super::{Fleet, LATE, LONG_LEASE, equities};
use crate::support::{SOON, finished, rows, status, submit};

#[test]
fn equal_priorities_run_in_order_of_creation_and_a_higher_one_overtakes_within_a_second_of_work() {
    const PACE: u32 = 60_000;
    // Daily candles from 2005 to 2012.
    const CANDLES_PER_JOB: u32 = 2_014;
    let fleet = Fleet::start(LONG_LEASE);
    let first = submit(&fleet.node_a.url, &equities(&["SPY"], 141, 0).to_string());
    let second = submit(&fleet.node_b.url, &equities(&["AAPL"], 31, 0).to_string());
    let worker = fleet.worker(PACE);
    wait::until(SOON, "jobs to complete", || {
        status(&fleet.node_b.url, &first)["completed"].as_u64().unwrap() >= 50
    });
    let urgent = submit(&fleet.node_b.url, &equities(&["MSFT"], 11, 10).to_string());
    for id in [&urgent, &first, &second] {
        assert_eq!(finished(&fleet.node_a.url, id, LATE)["status"], "Completed");
    }

    let in_order = format!(
        "SELECT (SELECT max(started_at) FROM job WHERE bundle_id = '{first}')
            <= (SELECT min(started_at) FROM job WHERE bundle_id = '{second}')"
    );
    assert_eq!(fleet.sql(&in_order), "t", "the older bundle is claimed first");
    let urgent = format!("SELECT min(started_at) FROM job WHERE bundle_id = '{urgent}'");
    let of_first = format!("SELECT count(*) FROM job WHERE bundle_id = '{first}' AND started_at");
    let later = fleet.count(&format!("{of_first} > ({urgent})"));
    assert!(later > 0, "the urgent bundle overtakes");
    // However long the submit took: what the worker had in hand when it claimed the urgent jobs.
    let in_hand = fleet.count(&format!("{of_first} <= ({urgent}) AND finished_at > ({urgent})"));
    let second_of_work = i64::from(PACE / CANDLES_PER_JOB);
    assert!(in_hand <= 2 * second_of_work, "{in_hand} jobs, {second_of_work} a second");
    fleet.end([worker]);
}

#[test]
fn a_range_without_candles_fails_its_jobs_and_the_rest_completes() {
    let fleet = Fleet::start(LONG_LEASE);
    let worker = fleet.worker(1_000_000);
    let mut request = equities(&["SPY"], 6, 0);
    request["dateTimeRanges"] = json!([
        {"start": "1970-01-01T00:00:00Z", "end": "1971-01-01T00:00:00Z"},
        {"start": "2010-01-04T00:00:00Z", "end": "2011-01-01T00:00:00Z"}]);
    let id = submit(&fleet.node_a.url, &request.to_string());
    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!(last["status"], "Completed", "{last}");
    fleet.check_books(&id, 5, 5);
    for row in rows(&fleet.node_b.url, &id) {
        let expected = if row["seq"].as_u64().unwrap() < 5 { "no_candles" } else { "" };
        assert_eq!(row["error"]["code"].as_str().unwrap_or_default(), expected, "{row}");
    }
    fleet.end([worker]);
}
