//! Sharing the queue: turns of bundles, caps of owners.

use model::JobStatus;
use store::{Change, Claim, NewBundle, Ordering, Terms, WorkerId};
use uuid::Uuid;

use crate::fixture::{Fixture, LONG, bundle, completed, failed, held};

/// A bundle that takes turns of ten jobs.
fn fair(jobs: u32) -> NewBundle {
    let terms = Terms { ordering: Ordering::Fair { chunk: 10 }, running_cap: None };
    NewBundle { terms, ..bundle(jobs) }
}

fn capped(owner: &str, jobs: u32, cap: u32) -> NewBundle {
    let terms = Terms { running_cap: Some(cap), ..Terms::default() };
    NewBundle { owner: owner.to_owned(), terms, ..bundle(jobs) }
}

fn bundles(claims: &[Claim]) -> Vec<Uuid> {
    let mut bundles: Vec<Uuid> = claims.iter().map(|claim| claim.bundle).collect();
    bundles.dedup();
    bundles
}

async fn finish_all(fixture: &Fixture, worker: WorkerId, claims: &[Claim]) {
    let finishes: Vec<_> = claims.iter().map(completed).collect();
    fixture.finish(worker, &finishes).await;
}

pub(crate) async fn in_fair_order_bundles_take_turns(fixture: &Fixture) {
    let large = fixture.submit(fair(1_000)).await;
    let small = fixture.submit(fair(1)).await;
    let middle = fixture.submit(fair(25)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 60).await;
    assert_eq!(bundles(&claims), [large, small, middle, large, middle, large, middle, large]);
    let of = |id| claims.iter().filter(|claim| claim.bundle == id).count();
    assert_eq!((of(large), of(small), of(middle)), (34, 1, 25));
}

pub(crate) async fn a_bundle_joins_the_turn_that_is_being_worked_on(fixture: &Fixture) {
    let large = fixture.submit(fair(1_000)).await;
    let worker = fixture.worker().await;
    fixture.claim(worker.worker(), 500).await;
    let late = fixture.submit(fair(1)).await;
    let next = fixture.claim(worker.worker(), 11).await;
    assert_eq!(bundles(&next), [large, late], "it waits for one turn, not for what is over");
    // Of another priority there is nothing to join.
    let mut urgent = fair(1);
    urgent.priority = 5;
    let urgent = fixture.submit(urgent).await;
    assert_eq!(bundles(&fixture.claim(worker.worker(), 1).await), [urgent]);
}

pub(crate) async fn strict_order_is_exact_beside_turns_of_other_priorities(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let mut expected = Vec::new();
    for priority in [0, 3, -2, 3, 0] {
        let mut new = bundle(3);
        new.priority = priority;
        expected.push((-priority, expected.len(), fixture.submit(new).await));
        // Claims in between must not make a later one miss what came meanwhile.
        let claims = fixture.claim(worker.worker(), 1).await;
        fixture
            .store
            .release(worker.worker(), &[held(&claims[0])], &store::Release::Drain)
            .await
            .unwrap();
    }
    expected.sort_unstable();
    let mut found = Vec::new();
    while let [claim] = &fixture.claim(worker.worker(), 1).await[..] {
        found.push((claim.bundle, claim.seq));
    }
    let expected: Vec<_> =
        expected.into_iter().flat_map(|(_, _, id)| (0..3).map(move |seq| (id, seq))).collect();
    assert_eq!(found, expected);
}

pub(crate) async fn an_owner_runs_no_more_jobs_than_its_cap(fixture: &Fixture) {
    let first = fixture.submit(capped("a", 10, 3)).await;
    fixture.submit(capped("a", 10, 3)).await;
    let other = fixture.submit(capped("b", 10, 5)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 100).await;
    let of_first = claims.iter().filter(|claim| claim.bundle == first).count();
    let of_other = claims.iter().filter(|claim| claim.bundle == other).count();
    assert_eq!((claims.len(), of_first, of_other), (8, 3, 5));
    assert_eq!(fixture.store.queue_depth().await.unwrap().on_hold, 22);
    // What ends makes room at once, in order, for the owner's other bundle at last.
    let mut running: Vec<Claim> =
        claims.into_iter().filter(|claim| claim.bundle == first).collect();
    let mut ran = running.len();
    while !running.is_empty() {
        finish_all(fixture, worker.worker(), &running[..1]).await;
        running.remove(0);
        let next = fixture.claim(worker.worker(), 100).await;
        ran += next.len();
        running.extend(next);
        assert!(running.len() <= 3);
    }
    assert_eq!(ran, 20);
}

pub(crate) async fn a_cap_is_kept_over_pauses_cancels_and_retries(fixture: &Fixture) {
    let worker = fixture.worker().await;
    let first = fixture.submit(capped("a", 6, 2)).await;
    let second = fixture.submit(capped("a", 6, 2)).await;
    // A paused bundle gives its room to the next one.
    fixture.store.change(first, &Change::Pause, None).await.unwrap();
    fixture.store.maintain(LONG).await.unwrap();
    let claims = fixture.claim(worker.worker(), 100).await;
    assert_eq!((claims.len(), bundles(&claims)), (2, vec![second]));
    // A bundle that is called off gives its room away, too.
    let flags: Vec<_> = claims.iter().map(held).collect();
    fixture.store.cancel(second).await.unwrap();
    fixture.store.release(worker.worker(), &flags, &store::Release::Drain).await.unwrap();
    fixture.store.change(first, &Change::Resume, None).await.unwrap();
    fixture.store.maintain(LONG).await.unwrap();
    let claims = fixture.claim(worker.worker(), 100).await;
    assert_eq!((claims.len(), bundles(&claims)), (2, vec![first]));
    let failures: Vec<_> = claims.iter().map(|claim| failed(claim, "x")).collect();
    fixture.finish(worker.worker(), &failures).await;
    // Failed jobs that run again wait for the cap like the others.
    fixture.store.change(first, &Change::Retry { only: None }, None).await.unwrap();
    fixture.store.maintain(LONG).await.unwrap();
    assert_eq!(fixture.claim(worker.worker(), 100).await.len(), 2);
}

pub(crate) async fn each_cause_of_a_hold_clears_only_its_own(fixture: &Fixture) {
    let id = fixture.submit(capped("a", 2, 1)).await;
    let hold = "SELECT hold FROM job ORDER BY seq";
    assert_eq!(fixture.query(hold).await, "0\n4");
    fixture.store.change(id, &Change::Pause, None).await.unwrap();
    assert_eq!(fixture.query(hold).await, "1\n5");
    fixture.store.change(id, &Change::Resume, None).await.unwrap();
    assert_eq!(fixture.query(hold).await, "0\n4");
    fixture.query("UPDATE job SET hold = hold | 2, not_before = created_at").await;
    fixture.store.change(id, &Change::Pause, None).await.unwrap();
    fixture.store.maintain(LONG).await.unwrap();
    assert_eq!(fixture.query(hold).await, "1\n5");
    fixture.store.cancel(id).await.unwrap();
    assert_eq!(fixture.query(hold).await, "0\n0");
    assert_eq!(fixture.job(id, 1).await.status, JobStatus::Cancelled);
}
