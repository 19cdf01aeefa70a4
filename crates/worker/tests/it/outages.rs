//! Workers that die and sources that do not answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use testkit::wait;

use crate::fleet::{Fleet, PATIENCE};

/// Waits until both jobs are held back.
async fn held(fleet: &Fleet) {
    let both = || async { fleet.store.queue_depth().await.unwrap().on_hold == 2 };
    wait::until_async(PATIENCE, "the jobs to be held", both).await;
}

#[tokio::test]
async fn jobs_of_a_killed_worker_are_finished_by_another_once() {
    let fleet = Fleet::new().await;
    let id = fleet.submit(&[10, 20, 30, 40]).await;
    let doomed = fleet.worker(|config| config.pace = Some(10_000.0));
    fleet.until(id, "jobs to run", |bundle| bundle.running_progress > 0.0).await;
    doomed.kill();
    let other = fleet.worker(|_| ());
    let jobs = fleet.completed(id).await;
    assert!(jobs.iter().any(|job| job.attempt > 1), "{jobs:?}");
    other.stop().await;
}

#[tokio::test]
async fn jobs_wait_for_a_source_that_is_away_and_no_failure_is_counted() {
    let fleet = Fleet::new().await;
    fleet.source.is_away.store(true, Ordering::Relaxed);
    let id = fleet.submit(&[10, 20]).await;
    let worker = fleet.worker(|_| ());
    held(&fleet).await;
    assert_eq!(fleet.bundle(id).await.failed, 0);
    fleet.source.is_away.store(false, Ordering::Relaxed);
    fleet.completed(id).await;
    worker.stop().await;
}

#[tokio::test]
async fn jobs_fail_when_the_source_is_away_for_too_long() {
    let fleet = Fleet::new().await;
    fleet.source.is_away.store(true, Ordering::Relaxed);
    let id = fleet.submit(&[10, 20]).await;
    let worker = fleet.worker(|config| config.source_timeout = Duration::from_millis(100));
    assert_eq!(fleet.finished(id).await.failed, 2);
    let failures = fleet.store.failures(id).await.unwrap();
    assert_eq!(failures.get("source_unavailable"), Some(&2));
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_stops_while_its_source_is_away() {
    let fleet = Fleet::new().await;
    fleet.source.is_away.store(true, Ordering::Relaxed);
    let id = fleet.submit(&[10, 20]).await;
    let worker = fleet.worker(|_| ());
    held(&fleet).await;
    worker.stop().await;
    assert_eq!(fleet.bundle(id).await.running, 0);
}

#[tokio::test]
async fn a_panic_on_the_way_to_the_candles_fails_its_jobs_and_stalls_nothing() {
    let fleet = Fleet::new().await;
    fleet.source.panics.store(true, Ordering::Relaxed);
    let id = fleet.submit(&(2..60).collect::<Vec<_>>()).await;
    let worker = fleet.worker(|_| ());
    let bundle = fleet.finished(id).await;
    assert_eq!(bundle.failed, bundle.total);
    let failures = fleet.store.failures(id).await.unwrap();
    assert_eq!(failures.get("engine_panic"), Some(&bundle.total));
    fleet.source.panics.store(false, Ordering::Relaxed);
    let next = fleet.submit(&[10]).await;
    fleet.completed(next).await;
    worker.stop().await;
}
