//! Workers that die, and one that only seems to.

use testkit::{Signal, wait};

use super::{Fleet, LATE, SHORT_LEASE, equities, terminate, two_thousand_jobs};
use crate::support::{Dev, SOON, finished, hashes, status, submit};

#[test]
fn a_killed_and_a_frozen_worker_cost_no_result_and_no_count() {
    let fleet = Fleet::start(SHORT_LEASE);
    let [mut killed, frozen, mut unharmed] = [(); 3].map(|()| fleet.worker(160_000));
    let request = two_thousand_jobs().to_string();
    let id = submit(&fleet.node_a.url, &request);
    let completed = || status(&fleet.node_b.url, &id)["completed"].as_u64().unwrap();
    wait::until(SOON, "jobs to complete", || completed() >= 100);

    killed.process.signal(Signal::KILL);
    killed.process.wait(SOON);
    frozen.process.signal(Signal::STOP);
    wait::until(SOON, "the frozen worker's lease to end", || {
        fleet.view(&frozen)["status"] == "lost"
    });
    for worker in [&killed, &frozen] {
        let rescued = format!(
            "SELECT count(*) FROM attempt WHERE ended_by = 'worker_lost' AND worker_id = {}",
            worker.id
        );
        wait::until(SOON, "a lost worker's jobs to be taken back", || fleet.count(&rescued) > 0);
    }
    let finished_by_frozen = || fleet.view(&frozen)["finished"].as_u64().unwrap();
    let before = finished_by_frozen();
    frozen.process.signal(Signal::CONT);
    // What is left is the zombie's to do, and another bundle.
    terminate(&mut unharmed.process);
    let another = submit(&fleet.node_a.url, &equities(&["AAPL"], 11, 0).to_string());
    finished(&fleet.node_b.url, &another, LATE);
    wait::until(SOON, "the zombie to work again", || finished_by_frozen() > before);
    fleet.check_books(&another, 10, 0);

    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!(last["status"], "Completed", "{last}");
    let counts = ["completed", "failed", "cancelled", "running", "pending"];
    assert_eq!(counts.map(|key| last[key].as_u64().unwrap()), [2_000, 0, 0, 0, 0], "{last}");
    fleet.check_books(&id, 2_000, 0);
    assert_eq!(fleet.count("SELECT count(*) FROM result"), 2_010);

    let embedded = Dev::start(&[]);
    let same = submit(&embedded.url, &request);
    finished(&embedded.url, &same, LATE);
    let (expected, found) = (hashes(&embedded.url, &same), hashes(&fleet.node_a.url, &id));
    assert_eq!((expected.len(), &expected), (2_000, &found));
    fleet.end([frozen]);
}
