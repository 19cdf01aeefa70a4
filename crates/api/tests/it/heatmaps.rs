//! Heat-maps against the results of the same bundle.

use serde_json::{Value, json};
use store::{Ending, JobError};

use crate::harness::{Api, completed, sample};

const LIST: &str = "/api/backtest/bundle";

/// The cells of `map` as `value done/running/pending/failed`, row by row.
fn texts(map: &Value) -> Vec<String> {
    let text = |cell: &Value| {
        if cell.is_null() {
            return "none".to_owned();
        }
        let count = |name: &str| cell[name].as_u64().unwrap();
        let counts = ["done", "running", "pending", "failed"].map(|name| count(name).to_string());
        format!("{} {}", cell["value"], counts.join("/"))
    };
    map["cells"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn a_grid_gathers_jobs_and_counts_them() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let map = async |query: &str| api.json(&format!("{LIST}/{id}/heatmap?{query}")).await;
    // 2 tickers x 2 timeframes x fast 5, 10, 20: the last one is dropped.
    let before = map("x=parameters.fast&y=ticker").await;
    assert_eq!(before["x"], json!({"name": "parameters.fast", "values": [5, 10, 20]}));
    assert_eq!(before["y"], json!({"name": "ticker", "values": ["BTCUSDT", "ETHUSDT"]}));
    let waiting = ["null 0/0/2/0", "null 0/0/2/0", "none"];
    assert_eq!(texts(&before), [waiting, waiting].concat());
    api.finish_all(|seq| match seq {
        10 => Ending::Failed(JobError { code: "no_candles".into(), message: "none".into() }),
        3 => completed(None, 0),
        _ => completed(Some(f64::from(seq)), seq),
    })
    .await;
    api.until_final(&id).await;
    let best = map("x=parameters.fast&y=ticker").await;
    let expected = ["0.0 2/0/0/0", "4.0 2/0/0/0", "none", "9.0 2/0/0/0", "7.0 1/0/0/1", "none"];
    assert_eq!(texts(&best), expected);
    assert_eq!(best["cells"][3]["jobId"], format!("{id}-9"));
    assert_eq!((&best["metric"], &best["agg"]), (&json!("sharpe"), &json!("best")));
    assert!(best["version"].as_u64() > before["version"].as_u64());
    let mean = map("x=parameters.fast&y=ticker&agg=mean").await;
    assert_eq!(texts(&mean)[1], "2.5 2/0/0/0");
    assert_eq!(mean["cells"][1]["jobId"], Value::Null);
    let trades = map("x=timeframe&metric=trades&agg=max&ticker=ETHUSDT&parameters.fast=5").await;
    assert_eq!(texts(&trades), ["6.0 1/0/0/0", "9.0 1/0/0/0"]);
    assert_eq!(trades["y"], Value::Null);
    let split = map("x=parameters.fast&facet=ticker&agg=worst").await;
    assert_eq!(split["facets"], json!([{"name": "ticker", "values": ["BTCUSDT", "ETHUSDT"]}]));
    let expected = ["0.0 2/0/0/0", "1.0 2/0/0/0", "none", "6.0 2/0/0/0", "7.0 1/0/0/1", "none"];
    assert_eq!(texts(&split), expected);
    let lists = map("x=parameters.fast&facet=ticker&agg=worst&format=columns").await;
    assert_eq!((&lists["x"], lists.get("cells")), (&split["x"], None));
    let expected = json!({
        "value": [0.0, 1.0, null, 6.0, 7.0, null], "seq": [0, 1, null, 6, 7, null],
        "done": [2, 2, 0, 2, 1, 0], "running": [0, 0, 0, 0, 0, 0], "pending": [0, 0, 0, 0, 0, 0],
        "failed": [0, 0, 0, 0, 1, 0], "cancelled": [0, 0, 0, 0, 0, 0],
    });
    assert_eq!(lists["columns"], expected);
}

#[tokio::test]
async fn every_cell_of_one_job_agrees_with_the_results() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| completed(Some(f64::from(seq) / 8.0), seq)).await;
    api.until_final(&id).await;
    let results = api.json(&format!("{LIST}/{id}/results")).await;
    for row in results["items"].as_array().unwrap() {
        let variant = &row["variant"];
        let ticker = variant["ticker"].as_str().unwrap();
        let timeframe = variant["timeframe"].as_str().unwrap();
        let query = format!("x=parameters.fast&ticker={ticker}&timeframe={timeframe}");
        let map = api.json(&format!("{LIST}/{id}/heatmap?{query}")).await;
        let values = map["x"]["values"].as_array().unwrap();
        let place = values.iter().position(|value| *value == variant["parameters"]["fast"]);
        let cell = &map["cells"][place.unwrap()];
        assert_eq!((&cell["value"], &cell["jobId"]), (&row["metrics"]["sharpe"], &row["jobId"]));
    }
}

#[tokio::test]
async fn axes_and_metrics_that_are_not_there_are_refused() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let problem =
        async |query: &str| api.get(&format!("{LIST}/{id}/heatmap?{query}")).await.problem();
    assert_eq!(
        problem("").await,
        "400 invalid_query: parameter \"x\" is missing: name an axis of the bundle"
    );
    assert_eq!(
        problem("x=parameters.fats").await,
        "400 invalid_query: the bundle has no axis \"parameters.fats\"; did you mean \
         \"parameters.fast\"?"
    );
    assert_eq!(
        problem("x=ticker&metric=sharp").await,
        "400 invalid_query: parameter \"metric\" names no metric \"sharp\"; did you mean \"sharpe\"?"
    );
    assert_eq!(
        problem("x=ticker&agg=sum").await,
        "400 invalid_query: parameter \"agg\" must be one of mean, median, max, min, best, worst, not \"sum\""
    );
    assert_eq!(
        problem("x=ticker&format=csv").await,
        "400 invalid_query: parameter \"format\" must be one of objects, columns, not \"csv\""
    );
}
