//! Workers, health, metrics, series, strategies, pages.

use serde_json::{Value, json};

use crate::harness::{Api, sample};

#[tokio::test]
async fn workers_are_listed_and_drained() {
    let api = Api::new().await;
    assert_eq!(api.json("/api/workers").await, json!({"items": [], "next": null}));
    let api = Api::new().await;
    let worker = api.worker().await;
    let id = worker.worker().0;
    let answer = api.post(&format!("/api/workers/{id}/drain"), "").await;
    assert_eq!(answer.status, 202);
    let body = api.json("/api/workers").await;
    assert_eq!(body["items"][0]["id"], id);
    assert_eq!(body["items"][0]["status"], "draining");
    assert_eq!(body["items"][0]["slots"], 2);
    assert!(worker.beat().await.unwrap().drain);
    for unknown in ["999999", "nonsense"] {
        let answer = api.post(&format!("/api/workers/{unknown}/drain"), "").await;
        assert_eq!(
            answer.problem(),
            format!(
                "404 worker_not_found: there is no worker \"{unknown}\"; `/api/workers` lists them"
            )
        );
    }
}

#[tokio::test]
async fn readiness_follows_the_database_and_health_does_not() {
    let api = Api::new().await;
    let body = api.json("/readyz").await;
    assert_eq!(body["ready"], true);
    api.store.set_away(true);
    let answer = api.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["checks"][1],
        json!({"name": "database", "ok": false,
            "detail": "the database does not answer; nothing is lost, try again"})
    );
    assert!(!answer.body.contains("secret"));
    assert_eq!(api.json("/healthz").await, json!({"status": "ok", "version": "test"}));
}

#[tokio::test]
async fn a_schema_that_does_not_fit_is_said_with_its_cure() {
    let api = Api::unmigrated().await;
    let answer = api.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let detail = answer.json()["checks"][2]["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with("run `backfleet migrate`"), "{detail}");
    let problem = api.post("/api/backtest/bundle", sample().to_string()).await.problem();
    assert!(problem.starts_with("503 schema_mismatch: "), "{problem}");
}

#[tokio::test]
async fn metrics_count_requests_and_show_the_queue() {
    let api = Api::new().await;
    api.submit(&sample()).await;
    let answer = api.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain"));
    for expected in [
        "backfleet_queue_jobs{state=\"pending\"}",
        "backfleet_queue_oldest_pending_seconds",
        "backfleet_store_up",
        "backfleet_http_requests_total{method=\"POST\",route=\"/api/backtest/bundle\",status=\"202\"}",
    ] {
        assert!(answer.body.contains(expected), "{expected} in {}", answer.body);
    }
}

#[tokio::test]
async fn series_are_listed_and_one_shows_gaps_and_hash() {
    let api = Api::new().await;
    let list = api.json("/api/candles/series").await;
    let expected = json!({
        "exchange": "binance", "ticker": "BTCUSDT", "timeframe": "15m", "calendar": "24x7",
        "first": "2024-01-01T00:00:00Z", "last": "2024-02-19T23:45:00Z", "count": 4800,
    });
    assert_eq!(list["items"][0], expected);
    let one = api.json("/api/candles/series?ticker=ETHUSDT").await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let base = "/api/candles/series/binance/BTCUSDT";
    let stored = api.json(&format!("{base}/15m")).await;
    assert_eq!((&stored["count"], &stored["gaps"]), (&json!(4_800), &json!(0)));
    assert_eq!(stored["resampledFrom"], Value::Null);
    let months = json!([
        {"month": "2024-01", "count": 31 * 96, "missing": 0},
        {"month": "2024-02", "count": 19 * 96, "missing": 0},
    ]);
    assert_eq!(stored["months"], months);
    assert!(stored["dataHash"].as_str().unwrap().starts_with("b3:"));
    let hours = api.json(&format!("{base}/1h")).await;
    assert_eq!((&hours["count"], &hours["resampledFrom"]), (&json!(1_200), &json!("15m")));
    let problem = async |path: String| api.get(&path).await.problem();
    assert_eq!(
        problem(format!("{base}/5m")).await,
        "404 series_not_found: there is no series binance BTCUSDT 5m; `/api/candles/series` lists \
         them"
    );
    assert!(problem(format!("{base}/7m")).await.starts_with("404 series_not_found: \"7m\" is not"));
}

#[tokio::test]
async fn the_language_of_strategies_is_listed() {
    let api = Api::new().await;
    let body = api.json("/api/strategies").await;
    let names = |list: &Value| {
        let items = list.as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for name in ["EmaCross", "DualEmaCross", "MacdCross", "EmaTrend", "SuperTrend", "RsiCross"] {
        assert!(names(&body["items"]).contains(&name.to_owned()));
        let one = api.json(&format!("/api/strategies/{name}")).await;
        assert!(body["items"].as_array().unwrap().contains(&one));
    }
    assert!(names(&body["indicators"]).contains(&"ema".to_owned()));
    assert!(names(&body["operators"]).contains(&"crossUp".to_owned()));
    assert_eq!(
        api.get("/api/strategies/EmaCros").await.problem(),
        "404 strategy_not_found: there is no named signal \"EmaCros\"; did you mean \"EmaCross\"?"
    );
}

#[tokio::test]
async fn every_example_of_a_named_signal_is_a_valid_strategy() {
    let api = Api::new().await;
    let list = api.json("/api/strategies").await;
    for signal in list["items"].as_array().unwrap() {
        let mut request = sample();
        request["universalConfig"]["strategy"] = signal["example"].clone();
        request["parameterVariants"] = json!({});
        let answer = api.post("/api/backtest/bundle/estimate", request.to_string()).await;
        let faults = answer.json()["errors"].clone();
        let unsupported = faults.as_array().is_some_and(|faults| {
            faults.iter().all(|fault| fault["code"] == "unsupported" || fault["code"] == "conflict")
        });
        assert!(answer.status == 200 || unsupported, "{}: {}", signal["name"], answer.body);
    }
}

#[tokio::test]
async fn pages_stand_alone_under_a_strict_policy() {
    let api = Api::new().await;
    for path in ["/", "/docs"] {
        let page = api.get(path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !page.body.contains("http"), "{}", page.body);
        assert!(!page.body.contains("<style") && !page.body.contains("style="));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        for link in page.body.split("href=\"").chain(page.body.split("src=\"")).skip(1) {
            let target = link.split('"').next().unwrap();
            if target.starts_with('/') {
                assert_eq!(api.get(target).await.status, 200, "{target}");
            }
        }
    }
}

#[tokio::test]
async fn deep_links_of_the_page_get_its_document_and_other_addresses_do_not() {
    let api = Api::new().await;
    let home = api.get("/").await;
    let is_built = home.body.contains("/assets/");
    for path in ["/bundles", "/bundles/some-id", "/jobs/some-id-1", "/compare", "/submit"] {
        let view = api.get(path).await;
        if is_built {
            assert_eq!((view.status.as_u16(), &view.body), (200, &home.body), "{path}");
            assert_eq!(view.header("cache-control"), "no-cache");
        } else {
            assert!(view.problem().starts_with("404 not_found: the page was not built"), "{path}");
        }
    }
    let scripts = home.body.split("src=\"/assets/").skip(1).filter_map(|rest| rest.split_once('"'));
    for (script, _) in scripts {
        let asset = api.get(&format!("/assets/{script}")).await;
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(asset.header("content-type"), "text/javascript; charset=utf-8");
    }
    for path in ["/assets/nothing.js", "/bundle", "/api/bundles"] {
        assert!(api.get(path).await.problem().starts_with("404 not_found"), "{path}");
    }
}
