//! The list, one bundle in full, cancel.

use serde_json::{Value, json};
use store::{Ending, JobError};

use crate::harness::{Api, completed, request, sample};

const LIST: &str = "/api/backtest/bundle";

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["bundleRequestId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_pages_from_the_newest_and_links_on() {
    let api = Api::new().await;
    let mut all = Vec::new();
    for fast in 1..=5 {
        all.push(api.submit(&request(&json!([fast]), &json!([20]))).await);
    }
    all.reverse();
    let mut found = Vec::new();
    let mut next = format!("{LIST}?limit=2");
    loop {
        let answer = api.get(&next).await;
        let page = answer.json();
        found.extend(ids(&page));
        let link = answer.header("link");
        assert_eq!(page["next"].is_null(), link.is_empty());
        let Some(rest) = link.strip_prefix('<') else { break };
        next = rest.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn the_list_filters_by_status_name_tag_and_owner() {
    let api = Api::new().await;
    let first = api.submit(&sample()).await;
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    let mut other = sample();
    other["name"] = json!("Donchian");
    other["tags"] = json!({"desk": "two"});
    let second = api.submit(&other).await;
    let found = async |query: &str| ids(&api.json(&format!("{LIST}?{query}")).await);
    assert_eq!(found("status=completed").await, [first.as_str()]);
    assert_eq!(found("status=Queued").await, [second.as_str()]);
    assert_eq!(found("name=DONCH").await, [second.as_str()]);
    assert_eq!(found("tag=desk%3Aone").await, [first.as_str()]);
    assert_eq!(found("owner=local").await.len(), 2);
    assert_eq!(found("owner=somebody").await, Vec::<String>::new());
}

#[tokio::test]
async fn queries_that_nobody_knows_are_refused() {
    let api = Api::new().await;
    let problem = async |query: &str| api.get(&format!("{LIST}?{query}")).await.problem();
    assert_eq!(
        problem("stauts=Queued").await,
        "400 invalid_query: unknown parameter \"stauts\"; did you mean \"status\"?"
    );
    assert_eq!(
        problem("status=Done").await,
        "400 invalid_query: parameter \"status\" must be one of Queued, Running, Paused, \
         Completed, Failed, Cancelled, not \"Done\""
    );
    assert_eq!(
        problem("limit=0").await,
        "400 invalid_query: parameter \"limit\" must be a whole number from 1 to 200, not \"0\""
    );
    assert_eq!(
        problem("tag=desk").await,
        "400 invalid_query: parameter \"tag\" must be key:value, not \"desk\""
    );
    assert_eq!(
        problem("cursor=xx!").await,
        "400 invalid_cursor: the cursor is damaged: take it from \"next\" as it is"
    );
}

#[tokio::test]
async fn one_bundle_shows_its_request_axes_and_failures() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| match seq {
        0 | 1 => Ending::Failed(JobError { code: "no_candles".into(), message: "none".into() }),
        _ => completed(Some(1.0), 3),
    })
    .await;
    let body = api.json(&format!("{LIST}/{id}")).await;
    assert_eq!(body["request"], sample());
    assert_eq!(body["failures"], json!({"no_candles": 2}));
    assert_eq!((&body["dropped"], &body["total"]), (&json!(4), &json!(8)));
    assert_eq!(body["tags"], json!({"desk": "one"}));
    let axes: Vec<(&str, u64)> = body["axes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|axis| (axis["name"].as_str().unwrap(), axis["count"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("dateRange", 1),
        ("ticker", 2),
        ("timeframe", 2),
        ("moneyManagement", 1),
        ("parameters.fast", 3),
        ("parameters.slow", 1),
    ];
    assert_eq!(axes, expected);
    assert_eq!(body["links"]["jobs"], format!("{LIST}/{id}/jobs"));
}

#[tokio::test]
async fn a_cancel_is_repeatable_and_a_final_bundle_refuses_it() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let cancel = async |id: &str| api.post(&format!("{LIST}/{id}/cancel"), "").await;
    for _ in 0..2 {
        let answer = cancel(&id).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.json()["status"], "Cancelled");
        assert_eq!(answer.json()["cancelled"], 8);
    }
    let id = api.submit(&sample()).await;
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    let answer = cancel(&id).await;
    assert_eq!(
        answer.problem(),
        "409 bundle_final: the bundle is Completed: all its jobs were final before"
    );
    assert_eq!(answer.json()["currentStatus"], "Completed");
    assert!(cancel("nonsense").await.problem().starts_with("404 bundle_not_found"));
}

#[tokio::test]
async fn a_cancel_may_name_the_version_it_is_meant_for() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let path = format!("{LIST}/{id}/cancel");
    let answer = api.post_with(&path, &[("if-match", "\"99\"")], "").await;
    assert!(answer.problem().starts_with("412 precondition_failed: the bundle is at version "));
    let status = api.get(&format!("{LIST}/{id}/status")).await;
    let answer = api.post_with(&path, &[("if-match", status.header("etag"))], "").await;
    assert_eq!(answer.status, 202);
}
