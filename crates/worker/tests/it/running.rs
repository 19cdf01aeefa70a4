//! Jobs on their way to a result.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use model::JobStatus;
use serde_json::json;
use store::{Held, JobId, Release, WorkerId};

use crate::fleet::{Fleet, NEVER, request};

#[tokio::test]
async fn every_job_of_a_bundle_completes_and_the_next_bundle_is_cached() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let fast: Vec<u32> = (2..60).collect();
    let first = fleet.submit(&fast).await;
    let jobs = fleet.completed(first).await;
    assert!(jobs.iter().all(|job| !job.cached && job.attempt == 1));
    let again = fleet.submit(&fast).await;
    let repeated = fleet.completed(again).await;
    assert!(repeated.iter().all(|job| job.cached));
    let hashes = |jobs: &[store::JobRow]| -> Vec<_> {
        jobs.iter().map(|job| job.result.as_ref().unwrap().outcome_hash).collect()
    };
    assert_eq!(hashes(&jobs), hashes(&repeated));
    worker.stop().await;
}

#[tokio::test]
async fn equal_jobs_of_one_claim_run_once() {
    let fleet = Fleet::new().await;
    // As many slots as jobs: the first claim takes all of them.
    let worker = fleet.worker(|config| config.slots = NonZeroUsize::new(4).unwrap());
    let mut twice = request(&[10, 20]);
    twice["moneyManagementVariants"] = json!([{"stopLossPct": 2}, {"stopLossPct": 2.0}]);
    let id = fleet.submit_request(twice).await;
    let jobs = fleet.completed(id).await;
    assert_eq!(jobs.len(), 4);
    assert_eq!(jobs.iter().filter(|job| job.cached).count(), 2);
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_points_at_a_fenced_result_brings_it_itself() {
    let fleet = Fleet::new().await;
    let mut twice = request(&[10]);
    twice["moneyManagementVariants"] = json!([{"stopLossPct": 2}, {"stopLossPct": 2.0}]);
    let id = fleet.submit_request(twice).await;
    let worker = fleet.worker(|config| {
        config.times = NEVER;
        config.pace = Some(8_000.0);
        // The job that is taken away stays on the queue.
        config.poll = Duration::from_mins(10);
    });
    fleet.until(id, "both jobs to run", |bundle| bundle.running_progress > 0.0).await;
    let first = Held { job: JobId(1), attempt: 1 };
    let backoff = Duration::from_hours(1);
    let away = Release::SourceAway { backoff, timeout: backoff };
    fleet.store.release(WorkerId(1), &[first], &away).await.unwrap();
    fleet.until(id, "the other job to complete", |bundle| bundle.completed == 1).await;
    let jobs = fleet.jobs(id).await;
    let done = jobs.iter().find(|job| job.status == JobStatus::Completed).unwrap();
    let result = done.result.as_ref().expect("a completed job has a result");
    assert!(fleet.store.detail(result.key).await.unwrap().is_some());
    worker.stop().await;
}

#[tokio::test]
async fn progress_is_seen_and_a_pace_is_kept() {
    let fleet = Fleet::new().await;
    let id = fleet.submit(&[10, 20]).await;
    let started = Instant::now();
    let worker = fleet.worker(|config| config.pace = Some(20_000.0));
    let moving = |bundle: &store::BundleRow| bundle.running_progress > 0.0 && bundle.running == 2;
    fleet.until(id, "some progress", moving).await;
    assert_eq!(fleet.bundle(id).await.completed, 0);
    fleet.completed(id).await;
    // 2 x 28,800 candles at 20,000 a second.
    assert!(started.elapsed() >= Duration::from_millis(2_800), "{:?}", started.elapsed());
    worker.stop().await;
}

#[tokio::test]
async fn what_cannot_run_fails_at_once_with_its_code_and_the_rest_completes() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let mut bad = request(&[10]);
    bad["dateTimeRanges"] = json!([
        {"start": "2024-01-05T00:00:00Z", "end": "2024-01-25T00:00:00Z"},
        {"start": "2023-01-05T00:00:00Z", "end": "2023-01-25T00:00:00Z"},
        {"start": "2024-01-05T00:00:00Z", "end": "2024-03-25T00:00:00Z"},
    ]);
    bad["tickerVariants"] = json!(["BTC", "NONE"]);
    let id = fleet.submit_request(bad).await;
    let bundle = fleet.finished(id).await;
    assert_eq!((bundle.completed, bundle.failed), (1, 5));
    let failures = fleet.store.failures(id).await.unwrap();
    let failures: Vec<_> = failures.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(failures, [("incomplete_candles", 1), ("no_candles", 1), ("unknown_series", 3)]);
    // All of them were counted out again: the worker still takes work.
    let next = fleet.submit(&[30]).await;
    fleet.completed(next).await;
    worker.stop().await;
}
