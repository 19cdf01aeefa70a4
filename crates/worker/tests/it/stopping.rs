//! Cancels and drains.

use std::time::Duration;

use model::{BundleStatus, JobStatus};
use store::WorkerId;

use crate::fleet::Fleet;

#[tokio::test]
async fn a_cancel_stops_running_jobs_at_the_next_beat() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|config| config.pace = Some(2_000.0));
    let id = fleet.submit(&(2..40).collect::<Vec<_>>()).await;
    fleet.until(id, "jobs to run", |bundle| bundle.running_progress > 0.0).await;
    fleet.store.cancel(id).await.unwrap();
    let bundle = fleet.finished(id).await;
    assert_eq!(bundle.status, BundleStatus::Cancelled);
    assert_eq!(bundle.cancelled, bundle.total);
    worker.stop().await;
}

#[tokio::test]
async fn a_drain_lets_running_jobs_finish_and_gives_the_rest_back() {
    let fleet = Fleet::new().await;
    let id = fleet.submit(&[10, 20]).await;
    let worker = fleet.worker(|config| config.pace = Some(20_000.0));
    fleet.until(id, "both jobs to run", |bundle| bundle.running_progress > 0.01).await;
    let late = fleet.submit(&[50]).await;
    worker.stop().await;
    let bundle = fleet.bundle(id).await;
    assert_eq!((bundle.running, bundle.failed), (0, 0));
    assert!(bundle.completed > 0, "a running job was thrown away");
    let late = fleet.jobs(late).await;
    assert_eq!(late[0].status, JobStatus::Pending);
}

#[tokio::test]
async fn a_drain_that_takes_too_long_gives_running_jobs_back() {
    let fleet = Fleet::new().await;
    let id = fleet.submit(&[10, 20]).await;
    let worker = fleet.worker(|config| {
        config.pace = Some(200.0);
        config.drain_timeout = Duration::from_millis(50);
    });
    fleet.until(id, "both jobs to be claimed", |bundle| bundle.running == 2).await;
    worker.stop().await;
    for job in fleet.jobs(id).await {
        assert_eq!((job.status, job.attempt), (JobStatus::Pending, 1));
    }
    let other = fleet.worker(|_| ());
    fleet.completed(id).await;
    other.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_asked_to_drain_stops_by_itself() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let id = fleet.submit(&[10]).await;
    fleet.completed(id).await;
    assert!(fleet.store.drain_worker(WorkerId(1)).await.unwrap());
    worker.stopped().await;
}
