//! Claims: their order, and that each is one worker's alone.

use std::collections::BTreeSet;

use model::{BundleStatus, JobStatus};
use store::{JobId, Release};
use tokio::task::JoinSet;

use crate::fixture::{Fixture, LONG, PATIENCE, bundle, completed, held, seqs};

pub(crate) async fn jobs_are_claimed_by_priority_then_creation_then_seq(fixture: &Fixture) {
    let mut ids = Vec::new();
    for priority in [0, 5, 0, -3, 5, 1000] {
        let mut new = bundle(2);
        new.priority = priority;
        ids.push(fixture.submit(new).await);
    }
    let worker = fixture.worker().await;
    let mut order = Vec::new();
    // An odd batch size, so that batches end within bundles.
    loop {
        let claims = fixture.claim(worker.worker(), 5).await;
        if claims.is_empty() {
            break;
        }
        order.extend(claims.iter().map(|claim| (claim.bundle, claim.seq)));
    }
    let expected = [5, 1, 4, 0, 2, 3].map(|index| [(ids[index], 0), (ids[index], 1)]);
    assert_eq!(order, expected.as_flattened());
}

pub(crate) async fn a_job_is_claimed_by_one_worker_only(fixture: &Fixture) {
    const CLAIMERS: usize = 16;
    let ids = [fixture.submit(bundle(700)).await, fixture.submit(bundle(300)).await];
    let mut claimers = JoinSet::new();
    for _ in 0..CLAIMERS {
        let presence = fixture.worker().await;
        let store = fixture.store.clone();
        claimers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claims = store.claim(presence.worker(), 10).await.unwrap();
                if claims.is_empty() {
                    // Others may still hold candidates, but all were claimed by someone.
                    return (mine, presence);
                }
                for claim in claims {
                    assert_eq!(claim.attempt, 1);
                    mine.push(claim.job);
                }
            }
        });
    }
    let claimers = claimers.join_all().await;
    let claimed: Vec<JobId> = claimers.iter().flat_map(|(mine, _)| mine.iter().copied()).collect();
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), claimed.len(), "claimed twice");
    assert_eq!(claimed.len(), 1_000);
    for (id, total) in ids.into_iter().zip([700, 300]) {
        assert_eq!(fixture.bundle(id).await.running, total);
    }
}

pub(crate) async fn a_claim_of_nothing_is_empty(fixture: &Fixture) {
    let worker = fixture.worker().await;
    assert_eq!(fixture.claim(worker.worker(), 256).await, []);
    let id = fixture.submit(bundle(2)).await;
    assert_eq!(fixture.claim(worker.worker(), 0).await, []);
    assert_eq!(fixture.status(id).await, BundleStatus::Queued);
    assert_eq!(fixture.claim(worker.worker(), 256).await.len(), 2);
    assert_eq!(fixture.claim(worker.worker(), 256).await, []);
}

pub(crate) async fn the_first_claim_starts_the_bundle(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let queued = fixture.bundle(id).await;
    let claims = fixture.claim(worker.worker(), 1).await;
    let started = fixture.bundle(id).await;
    assert_eq!((queued.status, started.status), (BundleStatus::Queued, BundleStatus::Running));
    assert_eq!(started.running, 1);
    assert!(started.started_at >= Some(started.created_at));
    let job = fixture.job(id, 0).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Running, 1));
    assert_eq!(job.worker, Some(worker.worker()));
    assert!(job.started_at.is_some() && job.finished_at.is_none());

    fixture.store.release(worker.worker(), &[held(&claims[0])], &Release::Drain).await.unwrap();
    fixture.claim(worker.worker(), 1).await;
    assert_eq!(fixture.bundle(id).await.started_at, started.started_at);
}

pub(crate) async fn held_jobs_are_not_claimed(fixture: &Fixture) {
    let id = fixture.submit(bundle(5)).await;
    let worker = fixture.worker().await;
    for (seq, hold, not_before) in [(0, 1, ""), (1, 4, ""), (2, 3, "past"), (3, 2, "past")] {
        let time = if not_before.is_empty() { "NULL" } else { "created_at" };
        let sql = format!("UPDATE job SET hold = {hold}, not_before = {time} WHERE seq = {seq}");
        fixture.query(&sql).await;
    }
    assert_eq!(seqs(&fixture.claim(worker.worker(), 9).await), [4]);
    assert_eq!(fixture.store.queue_depth().await.unwrap().on_hold, 4);
    // The backoffs are over; a pause and a cap are not the sweeper's to end.
    assert_eq!(fixture.store.maintain(LONG).await.unwrap().released, 2);
    assert_eq!(seqs(&fixture.claim(worker.worker(), 9).await), [3]);
    assert_eq!(fixture.query("SELECT hold FROM job ORDER BY seq").await, "1\n4\n1\n0\n0");
    assert_eq!(fixture.bundle(id).await.running, 2);
}

pub(crate) async fn ids_past_two_to_the_31_are_claimed(fixture: &Fixture) {
    let first = (1_i64 << 31) - 1;
    fixture.set_next_job_id(first).await;
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    let jobs: Vec<i64> = claims.iter().map(|claim| claim.job.0).collect();
    assert_eq!(jobs, [first, first + 1, first + 2]);
    let finishes: Vec<_> = claims.iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    assert_eq!(fixture.status(id).await, BundleStatus::Completed);
}

pub(crate) async fn a_submit_wakes_a_waiting_worker(fixture: &Fixture) {
    let presence = fixture.worker().await;
    // A wake-up for nothing, such as after the first connection, is allowed: poll after each.
    let wait = async {
        loop {
            presence.hint().await;
            let claims = fixture.claim(presence.worker(), 1).await;
            if !claims.is_empty() {
                return claims;
            }
        }
    };
    let submit = async {
        tokio::task::yield_now().await;
        fixture.submit(bundle(1)).await
    };
    let (claims, id) = tokio::time::timeout(PATIENCE, async { tokio::join!(wait, submit) })
        .await
        .expect("the submit wakes the worker");
    assert_eq!(claims[0].bundle, id);
}
