//! Nodes and their leases: one holder a key, fenced by its epoch.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{BundleStatus, JobStatus};
use store::{Fenced, Lease, LeaseKey, NodeBeat, NodeId, Release, Store, Sweep};
use testkit::wait;
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LONG, PATIENCE, bundle, completed, held};

/// A lease that never ends within a test.
const HOUR: Duration = Duration::from_hours(1);
/// A lease that ends before anybody looks.
const INSTANT: Duration = Duration::from_millis(1);

async fn node(fixture: &Fixture, id: &str) -> NodeId {
    fixture.store.enter_node(id, "http://127.0.0.1:1", "0.1.0").await.unwrap()
}

/// Claims a lease as soon as its holder's time is over.
async fn take_over(fixture: &Fixture, node: &NodeId, key: &LeaseKey) -> Lease {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(lease) = fixture.store.claim_lease(node, key, HOUR).await.unwrap() {
            return lease;
        }
        assert!(tokio::time::Instant::now() < deadline, "the lease does not end");
    }
}

fn key(name: &str) -> LeaseKey {
    LeaseKey::new("test", name)
}

pub(crate) async fn a_lease_has_one_holder_until_its_time_is_over(fixture: &Fixture) {
    let (a, b) = (node(fixture, "a").await, node(fixture, "b").await);
    let first = fixture.store.claim_lease(&a, &key("x"), HOUR).await.unwrap().unwrap();
    assert_eq!(first, Lease { key: key("x"), epoch: 1 });
    assert_eq!(fixture.store.claim_lease(&b, &key("x"), HOUR).await.unwrap(), None);
    assert_eq!(fixture.store.claim_lease(&a, &key("x"), HOUR).await.unwrap(), None);
    let other = fixture.store.claim_lease(&b, &key("y"), INSTANT).await.unwrap().unwrap();
    assert_eq!(take_over(fixture, &a, &key("y")).await.epoch, other.epoch + 1);
    fixture.store.release_lease(&a, &first).await.unwrap();
    let second = fixture.store.claim_lease(&b, &key("x"), HOUR).await.unwrap().unwrap();
    assert_eq!(second.epoch, 2, "an epoch is never given twice");
    fixture.store.release_lease(&a, &first).await.unwrap();
    assert_eq!(fixture.store.claim_lease(&a, &key("x"), HOUR).await.unwrap(), None);
}

pub(crate) async fn a_beat_renews_what_is_held_and_says_what_that_is(fixture: &Fixture) {
    let (a, b) = (node(fixture, "a").await, node(fixture, "b").await);
    let kept = fixture.store.claim_lease(&a, &key("kept"), HOUR).await.unwrap().unwrap();
    fixture.store.claim_lease(&a, &key("ended"), INSTANT).await.unwrap().unwrap();
    take_over(fixture, &b, &key("ended")).await;
    let beat = fixture.store.beat_node(&a, HOUR).await.unwrap();
    let NodeBeat::Alive { seen_at, held } = beat else { panic!("{beat:?}") };
    assert_eq!(held, [kept]);
    assert_eq!(fixture.store.node_seen(&a).await.unwrap(), Some(seen_at));
    let rows = fixture.store.nodes(HOUR).await.unwrap();
    let leases: BTreeSet<_> =
        rows.iter().map(|row| (row.node.id.as_str(), row.lost, row.leases)).collect();
    assert_eq!(leases, BTreeSet::from([("a", false, 1), ("b", false, 1)]));
    fixture.store.leave_node(&a).await.unwrap();
    let lease = fixture.store.claim_lease(&b, &key("kept"), HOUR).await.unwrap();
    assert!(lease.is_some(), "a node that signs off frees its leases at once");
    let rows = fixture.store.nodes(HOUR).await.unwrap();
    assert!(rows.iter().any(|row| row.node == a && row.lost));
}

pub(crate) async fn a_later_process_of_a_node_takes_its_place(fixture: &Fixture) {
    let old = node(fixture, "a").await;
    let lease = fixture.store.claim_lease(&old, &key("x"), HOUR).await.unwrap().unwrap();
    let new = node(fixture, "a").await;
    assert_eq!((new.id.as_str(), new.generation), ("a", old.generation + 1));
    assert_eq!(fixture.store.beat_node(&old, HOUR).await.unwrap(), NodeBeat::Superseded);
    assert_eq!(fixture.store.claim_lease(&old, &key("y"), HOUR).await.unwrap(), None);
    let taken = fixture.store.claim_lease(&new, &key("x"), HOUR).await.unwrap().unwrap();
    assert_eq!(taken.epoch, lease.epoch + 1, "without waiting for the old one's time");
    let late = fixture.store.wake_lease(&old, &lease, HOUR).await.unwrap();
    assert_eq!(late, Fenced::Lost);
}

pub(crate) async fn what_an_old_epoch_writes_changes_nothing(fixture: &Fixture) {
    let (a, b) = (node(fixture, "a").await, node(fixture, "b").await);
    let id = fixture.submit(bundle(2)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let away = Release::SourceAway { backoff: Duration::ZERO, timeout: HOUR };
    fixture.store.release(worker.worker(), &[held(&claims[0])], &away).await.unwrap();
    for sweep in Sweep::ALL {
        let old = fixture.store.claim_lease(&a, &sweep.lease(), INSTANT).await.unwrap().unwrap();
        let new = take_over(fixture, &b, &sweep.lease()).await;
        assert_eq!(fixture.store.sweep(&a, &old, sweep, HOUR).await.unwrap(), Fenced::Lost);
        let forged = Lease { epoch: new.epoch, ..old.clone() };
        assert_eq!(fixture.store.sweep(&a, &forged, sweep, HOUR).await.unwrap(), Fenced::Lost);
    }
    assert_eq!(fixture.store.queue_depth().await.unwrap().on_hold, 1, "nobody ended the backoff");
    let holder = Lease { key: Sweep::Backoffs.lease(), epoch: 2 };
    let swept = || async {
        fixture.store.sweep(&b, &holder, Sweep::Backoffs, HOUR).await.unwrap() == Fenced::Done(1)
    };
    wait::until_async(PATIENCE, "the backoff to end", swept).await;
    assert_eq!(fixture.job(id, 0).await.status, JobStatus::Pending);
    assert_eq!(fixture.store.queue_depth().await.unwrap().pending, 1);
}

pub(crate) async fn the_sweeper_ends_bundles_and_maintenance_leaves_them_to_it(fixture: &Fixture) {
    let a = node(fixture, "a").await;
    let id = fixture.submit(bundle(1)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 1).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    // As if the last finisher had died before it said so.
    let id_sql = fixture.uuid(id);
    let reopen = format!("UPDATE bundle SET finished_at = NULL, status = 1 WHERE id = {id_sql}");
    fixture.query(&reopen).await;
    let key = Sweep::Bundles.lease();
    let lease = fixture.store.claim_lease(&a, &key, HOUR).await.unwrap().unwrap();
    let done = fixture.store.maintain(LONG).await.unwrap();
    assert_eq!(done.finished_bundles, 0, "the holder of the lease does it");
    let swept = fixture.store.sweep(&a, &lease, Sweep::Bundles, HOUR).await.unwrap();
    assert_eq!(swept, Fenced::Done(1));
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
    fixture.query(&reopen).await;
    fixture.store.leave_node(&a).await.unwrap();
    let done = fixture.store.maintain(LONG).await.unwrap();
    assert_eq!(done.finished_bundles, 1, "where no node is, everybody does it");
}

pub(crate) async fn racing_claims_of_many_keys_never_overlap(fixture: &Fixture) {
    const KEYS: usize = 300;
    const CLIENTS: usize = 8;
    let nodes = [node(fixture, "a").await, node(fixture, "b").await, node(fixture, "c").await];
    let mut clients = JoinSet::new();
    for node in nodes {
        for client in 0..CLIENTS {
            let (store, node): (Arc<dyn Store>, _) = (Arc::clone(&fixture.store), node.clone());
            clients.spawn(async move {
                let mut won = Vec::new();
                for step in 0..KEYS {
                    let key = key(&((step + client * 37) % KEYS).to_string());
                    won.extend(store.claim_lease(&node, &key, HOUR).await.unwrap());
                }
                won
            });
        }
    }
    let won: Vec<Lease> = clients.join_all().await.into_iter().flatten().collect();
    let keys: BTreeSet<&LeaseKey> = won.iter().map(|lease| &lease.key).collect();
    assert_eq!((won.len(), keys.len()), (KEYS, KEYS), "each key was won once");
    assert!(won.iter().all(|lease| lease.epoch == 1));
}
