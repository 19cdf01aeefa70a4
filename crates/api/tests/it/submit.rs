//! Submit and estimate.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use store::Store;
use testkit::wait::until_async;

use crate::harness::{Api, completed, request, sample};

const PATIENCE: Duration = Duration::from_secs(20);
const SUBMIT: &str = "/api/backtest/bundle";
const ESTIMATE: &str = "/api/backtest/bundle/estimate";

#[tokio::test]
async fn a_bundle_is_stored_whole_and_answered_with_its_address() {
    let api = Api::new().await;
    let answer = api.post(SUBMIT, sample().to_string()).await;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    let id = body["bundleRequestId"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/api/backtest/bundle/{id}/status"));
    assert_eq!(answer.header("retry-after"), "1");
    let expected = json!({
        "bundleRequestId": id, "status": "Queued", "total": 8, "cached": 0, "dropped": 4,
        "links": {
            "self": format!("/api/backtest/bundle/{id}"),
            "status": format!("/api/backtest/bundle/{id}/status"),
            "jobs": format!("/api/backtest/bundle/{id}/jobs"),
            "results": format!("/api/backtest/bundle/{id}/results"),
            "events": format!("/api/backtest/bundle/{id}/events"),
            "honesty": format!("/api/backtest/bundle/{id}/honesty"),
            "cancel": format!("/api/backtest/bundle/{id}/cancel"),
        },
    });
    assert_eq!(body, expected);
    let jobs = api.json(&format!("/api/backtest/bundle/{id}/jobs")).await;
    let seqs: Vec<u64> =
        jobs["items"].as_array().unwrap().iter().map(|job| job["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [0, 1, 3, 4, 6, 7, 9, 10], "fast = 20 is not below slow = 20");
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    let api = Api::new().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(sample().to_string().as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let zstd = zstd::encode_all(sample().to_string().as_bytes(), 1).unwrap();
    for (encoding, body) in [("gzip", gzip), ("zstd", zstd)] {
        let answer = api.post_with(SUBMIT, &[("content-encoding", encoding)], body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_key_makes_a_repeat_harmless() {
    let api = Api::new().await;
    let send = async |key: &str, body: &Value| {
        api.post_with(SUBMIT, &[("idempotency-key", key)], body.to_string()).await
    };
    let first = send("\"k1\"", &sample()).await;
    let again = send("k1", &sample()).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!(first.json(), again.json());
    let other = request(&json!([6]), &json!([30]));
    assert_eq!(
        send("k1", &other).await.problem(),
        "422 idempotency_key_reused: the Idempotency-Key was used before with another body; take a \
         new key"
    );
    assert_eq!(
        send("", &other).await.problem(),
        "400 invalid_idempotency_key: the Idempotency-Key must be 1 to 255 visible ASCII characters"
    );
    let list = api.json(SUBMIT).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_submit_waits_where_it_is_preferred() {
    let api = Api::new().await;
    let headers = [("prefer", "wait=1")];
    let answer = api.post_with(SUBMIT, &headers, sample().to_string()).await;
    assert_eq!(answer.status, 202, "nobody computes");
    let headers = [("prefer", "wait=20")];
    let body = sample().to_string();
    let wait = api.post_with(SUBMIT, &headers, body);
    let pending = || async { api.store.queue_depth().await.unwrap().pending };
    let first = pending().await;
    let work = async {
        let is_stored = || async { pending().await > first };
        until_async(PATIENCE, "the second bundle", is_stored).await;
        api.finish_all(|_| completed(Some(1.0), 3)).await;
    };
    let (answer, ()) = tokio::join!(wait, work);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("preference-applied"), "wait=20");
    assert_eq!(answer.json()["status"], "Completed");
}

#[tokio::test]
async fn a_submit_is_accepted_while_the_source_is_away() {
    let api = Api::without_source().await;
    let answer = api.post(SUBMIT, sample().to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let estimate = api.post(ESTIMATE, sample().to_string()).await.json();
    assert_eq!(estimate["candlesMissing"], Value::Null);
    assert_eq!(estimate["series"], Value::Null);
    assert_eq!(
        api.get("/api/candles/series").await.problem(),
        "503 source_unavailable: the candle source does not answer; try again"
    );
}

#[tokio::test]
async fn an_estimate_tells_the_work_that_is_ahead() {
    let api = Api::new().await;
    let first = api.submit(&sample()).await;
    api.finish_all(|seq| completed(Some(1.0), seq)).await;
    api.until_final(&first).await;
    let ahead = async |priority: i16| {
        let mut request = sample();
        request["priority"] = priority.into();
        let estimate = api.post(ESTIMATE, request.to_string()).await.json();
        assert!(estimate["seconds"].as_f64() > Some(0.0), "{estimate}");
        estimate["secondsAhead"].as_f64().unwrap()
    };
    assert_eq!(ahead(0).await.to_bits(), 0.0_f64.to_bits());
    let mut waits = sample();
    waits["priority"] = 5.into();
    api.submit(&waits).await;
    assert!(ahead(5).await > 0.0, "equal ones are served in the order of their submits");
    assert_eq!(ahead(6).await.to_bits(), 0.0_f64.to_bits());
}

#[tokio::test]
async fn the_bundles_that_estimates_look_at_are_read_once() {
    let api = Api::new().await;
    // More than there are requests held.
    for _ in 0..70 {
        api.submit(&sample()).await;
    }
    let estimate = async || api.post(ESTIMATE, sample().to_string()).await.json();
    estimate().await;
    let read = api.store.request_reads();
    assert!(read >= 70, "{read}");
    estimate().await;
    assert_eq!(api.store.request_reads(), read);
}

#[tokio::test]
async fn an_estimate_counts_jobs_candles_and_luck_and_stores_nothing() {
    let api = Api::new().await;
    let mut request = sample();
    request["dateTimeRanges"] =
        json!([{"start": "2024-02-01T00:00:00Z", "end": "2024-03-02T00:00:00Z"}]);
    let answer = api.post(ESTIMATE, request.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    // 30 days: 2,880 candles of 15 minutes and 720 of an hour, for each of two tickers.
    assert_eq!(body["jobs"], 8);
    assert_eq!(body["dropped"], 4);
    assert_eq!(body["cached"], Value::Null);
    assert_eq!(body["candlesNeeded"], 2 * (2_880 + 720));
    assert_eq!(body["candles"], 2 * 2 * (2_880 + 720));
    // The series end after 50 days, on 20 February: 11 of the 30 days are missing.
    assert_eq!(body["candlesMissing"], 2 * 11 * (96 + 24));
    assert_eq!(body["series"][0]["ticker"], "BTCUSDT");
    assert_eq!(body["series"][0]["missing"], 11 * 96);
    assert_eq!(body["series"][0]["last"], "2024-02-19T23:45:00Z");
    assert_eq!(body["seconds"], Value::Null);
    let luck = &body["luckBar"][0];
    assert_eq!((&luck["variants"], &luck["returns"]), (&json!(8), &json!(30)));
    assert!(luck["line95"].as_f64() > luck["expectedBest"].as_f64());
    assert_eq!(api.json(SUBMIT).await["items"], json!([]));
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_that_tells_no_secret() {
    let api = Api::new().await;
    api.store.set_away(true);
    let answer = api.post(SUBMIT, sample().to_string()).await;
    assert_eq!(
        answer.problem(),
        "503 store_unavailable: the database does not answer; nothing is lost, try again"
    );
    assert_eq!(answer.header("retry-after"), "5");
    api.store.set_away(false);
    assert_eq!(api.post(SUBMIT, sample().to_string()).await.status, 202);
}
