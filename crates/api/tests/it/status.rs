//! The status of a bundle and its cache.

use std::time::Duration;

use serde_json::{Value, json};
use store::{Ending, Held, JobError, Progress, Store};
use testkit::wait::until_async;

use crate::harness::{Api, completed, sample};

const PATIENCE: Duration = Duration::from_secs(20);

fn path(id: &str) -> String {
    format!("/api/backtest/bundle/{id}/status")
}

/// Waits until the cache asks the store again.
async fn fresh(api: &Api, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let is_wanted = || async { wanted(&api.json(&path(id)).await) };
    until_async(PATIENCE, "the status to change", is_wanted).await;
    api.json(&path(id)).await
}

#[tokio::test]
async fn a_new_bundle_is_queued_with_every_field() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let answer = api.get(&path(&id)).await;
    let body = answer.json();
    let expected = json!({
        "bundleRequestId": id, "name": "EMA cross", "status": "Queued", "progress": 0.0,
        "completed": 0, "failed": 0, "cancelled": 0, "cached": 0, "running": 0, "pending": 8,
        "total": 8, "candlesPerSecond": 0.0, "etaSeconds": null, "createdAt": body["createdAt"],
        "startedAt": null, "completedAt": null, "version": body["version"],
    });
    assert_eq!(body, expected);
    assert!(body["createdAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.header("etag"), format!("\"{}\"", body["version"]));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn an_unchanged_status_is_a_304_and_a_changed_one_is_sent() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let tag = api.get(&path(&id)).await.header("etag").to_owned();
    let same = api.get_with(&path(&id), "if-none-match", &tag).await;
    assert_eq!((same.status.as_u16(), same.body.as_str()), (304, ""));
    assert_eq!(same.header("etag"), tag);
    let worker = api.worker().await;
    api.store.claim(worker.worker(), 1).await.unwrap();
    fresh(&api, &id, |body| body["status"] == "Running").await;
    let changed = api.get_with(&path(&id), "if-none-match", &tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn running_jobs_count_with_their_parts_and_give_a_time_to_the_end() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let worker = api.worker().await;
    let claims = api.store.claim(worker.worker(), 2).await.unwrap();
    let progress: Vec<Progress> = claims
        .iter()
        .map(|claim| Progress {
            held: Held { job: claim.job, attempt: claim.attempt },
            fraction: 0.5,
        })
        .collect();
    api.store.progress(worker.worker(), &progress, 1_000.0).await.unwrap();
    let body = fresh(&api, &id, |body| body["candlesPerSecond"] == json!(1_000.0)).await;
    assert_eq!((&body["running"], &body["pending"]), (&json!(2), &json!(6)));
    assert_eq!(body["progress"], 12.5);
    // A job has 31 days: 2,976 candles of 15 minutes or 744 of an hour, 1,860 on average, and
    // seven jobs' worth is left.
    assert_eq!(body["etaSeconds"], 14);
}

#[tokio::test]
async fn a_bundle_ends_completed_and_says_so_without_a_next_poll() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| match seq {
        0 => Ending::Failed(JobError { code: "no_candles".into(), message: "none".into() }),
        _ => completed(Some(1.0), 3),
    })
    .await;
    let answer = api.get(&path(&id)).await;
    let body = answer.json();
    assert_eq!(body["status"], "Completed");
    assert_eq!(body["progress"], 100.0);
    assert_eq!((&body["completed"], &body["failed"]), (&json!(7), &json!(1)));
    assert!(body["startedAt"].is_string() && body["completedAt"].is_string());
    assert_eq!(answer.header("retry-after"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pollers_cost_few_reads() {
    let api = std::sync::Arc::new(Api::new().await);
    let id = api.submit(&sample()).await;
    let before = api.store.status_reads();
    let started = std::time::Instant::now();
    let mut pollers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (api, path) = (std::sync::Arc::clone(&api), path(&id));
        pollers.spawn(async move {
            for _ in 0..40 {
                assert_eq!(api.get(&path).await.status, 200);
            }
        });
    }
    pollers.join_all().await;
    let reads = api.store.status_reads() - before;
    let allowed = started.elapsed().as_millis() / 100 + 1;
    assert!(u128::from(reads) <= allowed, "{reads} reads, at most {allowed}");
}

#[tokio::test]
async fn ids_that_name_nothing_are_404() {
    let api = Api::new().await;
    let id = uuid::Uuid::now_v7();
    for id in [id.to_string(), "nonsense".to_owned()] {
        let answer = api.get(&path(&id)).await;
        assert_eq!(answer.problem(), format!("404 bundle_not_found: there is no bundle \"{id}\""));
    }
}
