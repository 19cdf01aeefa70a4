//! Pause, resume, retry, new labels, and their races over two nodes.

use std::sync::Arc;

use api::Config;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use store::{Ending, JobError, Store};

use crate::harness::{Answer, Api, completed, sample};

const LIST: &str = "/api/backtest/bundle";

async fn command(api: &Api, id: &str, command: &str) -> Answer {
    api.post(&format!("{LIST}/{id}/{command}"), "").await
}

async fn patch(api: &Api, id: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = Request::patch(format!("{LIST}/{id}"));
    request = request.header("content-type", "application/merge-patch+json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn failed() -> Ending {
    Ending::Failed(JobError { code: "no_candles".into(), message: "none".into() })
}

#[tokio::test]
async fn a_pause_holds_the_jobs_and_a_resume_frees_them() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    for _ in 0..2 {
        let answer = command(&api, &id, "pause").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("Paused")));
    }
    let worker = api.worker().await;
    assert!(api.store.claim(worker.worker(), 9).await.unwrap().is_empty());
    for _ in 0..2 {
        let answer = command(&api, &id, "resume").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("Queued")));
    }
    assert_eq!(api.store.claim(worker.worker(), 9).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_retry_runs_what_failed_and_is_repeatable() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| if seq < 2 { failed() } else { completed(Some(1.0), 3) }).await;
    api.until_final(&id).await;
    let answer = command(&api, &id, "retry").await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let body = answer.json();
    let counts = ["status", "failed", "completed", "pending"].map(|name| body[name].clone());
    assert_eq!(counts, [json!("Running"), json!(0), json!(6), json!(2)]);
    assert_eq!(body["completedAt"], Value::Null);
    let again = command(&api, &id, "retry").await;
    assert_eq!((again.status.as_u16(), again.json()), (202, body));
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    api.until_final(&id).await;
    assert_eq!(api.json(&format!("{LIST}/{id}/status")).await["completed"], 8);
    let answer = command(&api, &id, "retry?status=Running").await;
    assert_eq!(
        answer.problem(),
        "400 invalid_query: parameter \"status\" must be one of Failed, Cancelled, not \"Running\""
    );
}

#[tokio::test]
async fn a_state_that_forbids_a_command_is_named() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let worker = api.worker().await;
    api.store.claim(worker.worker(), 1).await.unwrap();
    assert_eq!(command(&api, &id, "cancel").await.status, 202);
    for name in ["pause", "resume", "retry"] {
        let answer = command(&api, &id, name).await;
        assert_eq!(
            answer.problem(),
            "409 bundle_cancelling: the bundle is being called off: its running jobs end at their \
             next beat",
            "{name}"
        );
        assert_eq!(answer.json()["currentStatus"], "Running");
        assert_eq!(answer.header("retry-after"), "5");
    }
    let id = api.submit(&sample()).await;
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    for name in ["pause", "resume"] {
        let problem = command(&api, &id, name).await.problem();
        assert!(problem.starts_with("409 bundle_final: the bundle is Completed"), "{problem}");
        let problem = command(&api, "nonsense", name).await.problem();
        assert!(problem.starts_with("404 bundle_not_found"), "{problem}");
    }
}

#[tokio::test]
async fn labels_change_by_merge_patch() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let change = json!({"priority": 7, "tags": {"desk": null, "owner": "two"}});
    let answer = patch(&api, &id, &[], &change).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    assert_eq!((&body["priority"], &body["tags"]), (&json!(7), &json!({"owner": "two"})));
    assert_eq!(answer.header("etag"), format!("\"{}\"", body["version"]));
    let again = patch(&api, &id, &[], &change).await;
    assert_eq!(again.json()["version"], body["version"], "the same change changes nothing");
    let answer = patch(&api, &id, &[], &json!({"priority": 2000, "nmae": "x"})).await;
    assert_eq!(answer.status, 422);
    let pointers: Vec<Value> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["/nmae", "/priority"]);
}

#[tokio::test]
async fn of_changes_that_name_one_version_one_is_made() {
    let api = Arc::new(Api::new().await);
    let other = Arc::new(api.node(Config::new("other")));
    let id = api.submit(&sample()).await;
    let tag = api.get(&format!("{LIST}/{id}/status")).await.header("etag").to_owned();
    let mut racers = tokio::task::JoinSet::new();
    for priority in 1..=10 {
        let node = Arc::clone(if priority % 2 == 0 { &api } else { &other });
        let (id, tag) = (id.clone(), tag.clone());
        racers.spawn(async move {
            let change = json!({"priority": priority});
            patch(&node, &id, &[("if-match", tag.as_str())], &change).await.status.as_u16()
        });
    }
    let mut statuses = racers.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 9][..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_commands_of_two_nodes_fit_one_order() {
    let api = Arc::new(Api::new().await);
    let other = Arc::new(api.node(Config::new("other")));
    let id = api.submit(&sample()).await;
    let mut racers = tokio::task::JoinSet::new();
    for turn in 0..40 {
        let node = Arc::clone(if turn % 2 == 0 { &api } else { &other });
        let id = id.clone();
        let name = ["pause", "resume", "retry", "cancel"][turn % 4];
        racers.spawn(async move {
            let answer = command(&node, &id, name).await;
            match (name, answer.status.as_u16()) {
                ("cancel" | "retry", 202) | ("pause" | "resume", 200) => {}
                (_, 409) => assert!(answer.problem().starts_with("409 bundle_final")),
                (_, status) => panic!("{name} is {status}: {}", answer.body),
            }
        });
    }
    racers.join_all().await;
    assert_eq!(command(&api, &id, "cancel").await.status, 202);
    let status = api.json(&format!("{LIST}/{id}/status")).await;
    assert_eq!((&status["status"], &status["cancelled"]), (&json!("Cancelled"), &json!(8)));
}
