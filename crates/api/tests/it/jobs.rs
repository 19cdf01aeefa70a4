//! Jobs, results, one job, its trades.

use serde_json::{Value, json};
use store::{Ending, JobError};

use crate::harness::{Api, completed, request, sample};

/// A bundle whose jobs 0, 1, 3, 4, 6, 7, 9 are completed and whose job 10 failed; job 3 has no
/// Sharpe ratio, the others have their seq.
async fn finished(api: &Api) -> String {
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| match seq {
        10 => Ending::Failed(JobError {
            code: "no_candles".into(),
            message: "no candles of binance ETHUSDT 1h".into(),
        }),
        3 => completed(None, 0),
        _ => completed(Some(f64::from(seq)), seq),
    })
    .await;
    id
}

fn seqs(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|job| job["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn jobs_filter_by_status_error_and_axis_values() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let found = async |query: &str| {
        seqs(&api.json(&format!("/api/backtest/bundle/{id}/jobs?{query}")).await)
    };
    assert_eq!(found("").await, [0, 1, 3, 4, 6, 7, 9, 10]);
    assert_eq!(found("status=failed").await, [10]);
    assert_eq!(found("errorCode=no_candles").await, [10]);
    assert_eq!(found("ticker=ETHUSDT").await, [6, 7, 9, 10]);
    assert_eq!(found("ticker=ETHUSDT&timeframe=1h").await, [9, 10]);
    assert_eq!(found("parameters.fast=5.0").await, [0, 3, 6, 9]);
    assert_eq!(found("parameters.fast=20").await, Vec::<u64>::new(), "dropped points");
    assert_eq!(found("dateRange=0&timeframe=15m&status=Completed").await, [0, 1, 6, 7]);
}

#[tokio::test]
async fn the_kept_order_of_many_jobs_is_the_order_of_the_store() {
    let api = Api::new().await;
    let axis = |values: std::ops::Range<u32>| values.collect::<Vec<_>>();
    let request = request(&json!(axis(2..27)), &json!(axis(30..52)));
    let id = api.submit(&request).await;
    api.finish_all(|seq| completed((seq % 5 != 0).then(|| f64::from(seq % 97)), seq)).await;
    api.until_final(&id).await;
    let order = async |sort: &str| {
        let mut found = Vec::new();
        let mut next = format!("/api/backtest/bundle/{id}/jobs?sort={sort}&limit=700");
        loop {
            let answer = api.get(&next).await;
            found.extend(seqs(&answer.json()));
            let Some(rest) = answer.header("link").strip_prefix('<') else { return found };
            next = rest.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
    };
    for sort in ["-sharpe", "sharpe"] {
        let stored = api.json(&format!("/api/backtest/bundle/{id}/results?sort={sort}")).await;
        let found = order(sort).await;
        assert!(found.len() >= 2_000, "{} jobs are not many", found.len());
        assert_eq!(found, seqs(&stored), "{sort}");
    }
}

#[tokio::test]
async fn jobs_sort_by_a_metric_in_pages_with_undefined_ones_last() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let walk = async |sort: &str| {
        let mut found = Vec::new();
        let mut next = format!("/api/backtest/bundle/{id}/jobs?sort={sort}&limit=3&ticker=BTCUSDT");
        loop {
            let answer = api.get(&next).await;
            found.extend(seqs(&answer.json()));
            let Some(rest) = answer.header("link").strip_prefix('<') else { return found };
            next = rest.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
    };
    assert_eq!(walk("-sharpe").await, [4, 1, 0, 3]);
    assert_eq!(walk("sharpe").await, [0, 1, 4, 3]);
    assert_eq!(walk("seq").await, [0, 1, 3, 4]);
}

#[tokio::test]
async fn a_cursor_of_another_order_and_an_unknown_metric_are_refused() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let path = format!("/api/backtest/bundle/{id}/jobs");
    let next = api.json(&format!("{path}?limit=2")).await["next"].as_str().unwrap().to_owned();
    assert_eq!(
        api.get(&format!("{path}?limit=2&sort=sharpe&cursor={next}")).await.problem(),
        "400 invalid_cursor: the cursor belongs to another filter or order: start again without a \
         cursor"
    );
    assert_eq!(
        api.get(&format!("{path}?sort=-sharp")).await.problem(),
        "400 invalid_query: parameter \"sort\" names no metric \"sharp\"; did you mean \"sharpe\"?"
    );
    assert_eq!(
        api.get(&format!("{path}?ticker=XRPUSDT")).await.problem(),
        "400 invalid_query: the axis \"ticker\" has no value \"XRPUSDT\"; it has BTCUSDT, ETHUSDT"
    );
}

#[tokio::test]
async fn a_job_row_shows_its_variant_and_its_end() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let page =
        api.json(&format!("/api/backtest/bundle/{id}/jobs?ticker=ETHUSDT&timeframe=1h")).await;
    let (done, failed) = (&page["items"][0], &page["items"][1]);
    assert_eq!(done["jobId"], format!("{id}-9"));
    assert_eq!((&done["status"], &done["progress"]), (&json!("Completed"), &json!(100.0)));
    let variant = json!({
        "ticker": "ETHUSDT", "timeframe": "1h",
        "start": "2024-01-05T00:00:00Z", "end": "2024-02-05T00:00:00Z",
        "moneyManagement": {"stopLossPct": 2, "takeProfitPct": 4},
        "parameters": {"fast": 5, "slow": 20},
    });
    assert_eq!(done["variant"], variant);
    assert_eq!(done["metrics"]["sharpe"], 9.0);
    assert!(done["outcomeHash"].as_str().unwrap().starts_with("b3:"));
    assert!(done["assignedWorkerId"].is_i64());
    let error = json!({"code": "no_candles", "message": "no candles of binance ETHUSDT 1h"});
    assert_eq!(failed["error"], error);
    assert_eq!((&failed["metrics"], &failed["outcomeHash"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn results_come_as_json_csv_and_ndjson() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let path = format!("/api/backtest/bundle/{id}/results");
    let json = api.json(&path).await;
    assert_eq!(seqs(&json), [0, 1, 3, 4, 6, 7, 9]);
    assert_eq!(json["next"], Value::Null);
    assert_eq!(json["items"][2]["metrics"]["sharpe"], Value::Null, "undefined, not left out");
    assert_eq!(json["items"][0]["variant"]["ticker"], "BTCUSDT");

    let csv = api.get_with(&path, "accept", "text/csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.body.split("\r\n").collect();
    assert_eq!(lines.len(), 9, "a head, seven rows, and nothing after the last line end");
    let head = "jobId,seq,ticker,timeframe,start,end,moneyManagement,parameters.fast,\
                parameters.slow,totalReturn,";
    assert!(lines[0].starts_with(head), "{}", lines[0]);
    let row = format!(
        "{id}-0,0,BTCUSDT,15m,2024-01-05T00:00:00Z,2024-02-05T00:00:00Z,\
         \"{{\"\"stopLossPct\"\":2,\"\"takeProfitPct\"\":4}}\",5,20,0.05,"
    );
    assert!(lines[1].starts_with(&row), "{}", lines[1]);

    let ndjson = api.get(&format!("{path}?format=ndjson")).await;
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let rows: Vec<Value> =
        ndjson.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json["items"], json!(rows));
}

#[tokio::test]
async fn results_come_as_parquet_with_a_column_for_each_of_the_csv() {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};
    use tower::ServiceExt;

    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| completed((seq != 1).then(|| f64::from(seq)), seq)).await;
    let path = format!("/api/backtest/bundle/{id}/results");
    let csv = api.get(&format!("{path}?format=csv")).await.body;
    let request = Request::get(&path).header("accept", "application/vnd.apache.parquet");
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.apache.parquet");
    let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.ends_with(&format!("{id}.parquet\"")), "{disposition}");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let reader = SerializedFileReader::new(bytes).unwrap();
    let columns = reader.metadata().file_metadata().schema_descr().columns().iter();
    let mut names: Vec<String> = columns.map(|column| column.name().to_owned()).collect();
    let mut expected: Vec<String> =
        csv.lines().next().unwrap().split(',').map(str::to_owned).collect();
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    let value = |field: &Field| {
        if let Field::Str(text) = field {
            json!(text)
        } else if let Field::Long(number) = field {
            json!(number)
        } else if let Field::Double(number) = field {
            json!(number)
        } else {
            json!((*field != Field::Null).then(|| field.to_string()))
        }
    };
    let cells = |row: &Row| {
        let cells = row.get_column_iter().map(|(name, field)| (name.clone(), value(field)));
        Value::Object(cells.collect())
    };
    let rows = reader.get_row_iter(None).unwrap();
    let rows: Vec<Value> = rows.map(|row| cells(&row.unwrap())).collect();
    let page = api.json(&path).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), items.len());
    for (row, item) in rows.iter().zip(items) {
        assert_eq!((&row["jobId"], &row["seq"]), (&item["jobId"], &item["seq"]));
        assert_eq!(row["sharpe"].as_f64(), item["metrics"]["sharpe"].as_f64());
        assert_eq!(row["trades"].as_f64(), item["metrics"]["trades"].as_f64());
        assert_eq!(row["parameters.fast"].as_f64(), item["variant"]["parameters"]["fast"].as_f64());
        assert_eq!(row["outcomeHash"], item["outcomeHash"]);
    }
    assert!(rows.iter().any(|row| row["sharpe"].is_null()), "undefined is null");
    let empty = api.submit(&sample()).await;
    let request = Request::get(format!("/api/backtest/bundle/{empty}/results?format=parquet"));
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let reader = SerializedFileReader::new(bytes).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}

#[tokio::test]
async fn results_are_sorted_filtered_and_cut() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let path = format!("/api/backtest/bundle/{id}/results");
    let found = async |query: &str| seqs(&api.json(&format!("{path}?{query}")).await);
    assert_eq!(found("sort=-sharpe&top=2").await, [9, 7]);
    assert_eq!(found("where=trades%3E%3D4").await, [4, 6, 7, 9]);
    assert_eq!(found("where=trades+ge+4,parameters.fast+lt+10").await, [6, 9]);
    assert_eq!(found("where=sharpe+lt+100").await, [0, 1, 4, 6, 7, 9], "undefined fulfils nothing");
    assert_eq!(found("status=Failed").await, [10]);
    let problem = async |query: &str| api.get(&format!("{path}?{query}")).await.problem();
    assert_eq!(
        problem("format=arrow").await,
        "406 not_acceptable: \"arrow\" cannot be made; known are json (application/json), csv \
         (text/csv), ndjson (application/x-ndjson) and parquet (application/vnd.apache.parquet)"
    );
    assert_eq!(
        problem("where=trades").await,
        "400 invalid_query: \"trades\" is no condition: write one such as trades>=100"
    );
    let answer = api.get_with(&path, "accept", "image/png").await;
    assert!(answer.problem().starts_with("406 not_acceptable: \"image/png\""));
    let answer = api.get_with(&path, "accept", "text/html, */*;q=0.8").await;
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn results_of_nothing_are_empty_and_whole() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let path = format!("/api/backtest/bundle/{id}/results");
    assert_eq!(api.json(&path).await, json!({"items": [], "next": null}));
    let csv = api.get(&format!("{path}?format=csv")).await.body;
    assert_eq!(csv.lines().count(), 1);
}

#[tokio::test]
async fn one_job_shows_config_and_the_whole_outcome() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let body = api.json(&format!("/api/backtest/job/{id}-4")).await;
    assert_eq!(body["config"]["ticker"], "BTCUSDT");
    assert!(body["specKey"].as_str().unwrap().starts_with("b3:"));
    assert_eq!(body["engineVersion"], "1");
    assert_eq!(body["equity"], json!({"initial": 10000.0, "final": 10500.0}));
    assert_eq!(body["undefined"], json!({"sortino": "no_losses"}));
    assert_eq!(body["dailyReturns"], json!([0.0, 0.0012]));
    assert_eq!(body["attempts"], json!([]));
    let trade = json!({
        "side": "long", "entryTime": "2024-01-01T00:00:00Z", "entryPrice": 100.0,
        "exitTime": "2024-01-01T00:15:00Z", "exitPrice": 110.0, "quantity": 2.0, "legs": 1,
        "fees": 2.0, "pnl": 18.0, "returnPct": 9.0, "exitReason": "take_profit",
    });
    assert_eq!(body["trades"], json!([trade]));
    assert_eq!(body["openPosition"]["markPrice"], 105.0);
    let trades = api.json(&format!("/api/backtest/job/{id}-4/trades")).await;
    assert_eq!(trades["items"], json!([trade]));
    assert_eq!(trades["openPosition"], body["openPosition"]);
    let short = api.json(&format!("/api/backtest/job/{id}-4?omit=trades&omit=dailyReturns")).await;
    let mut rest = body.clone();
    for long in ["trades", "dailyReturns"] {
        rest.as_object_mut().unwrap().remove(long);
    }
    assert_eq!(short, rest);
    assert_eq!(
        api.get(&format!("/api/backtest/job/{id}-4?omit=metrics")).await.problem(),
        "400 invalid_query: parameter \"omit\" must be one of trades, dailyReturns, not \"metrics\""
    );
}

#[tokio::test]
async fn jobs_without_a_result_say_why_and_dropped_points_are_no_jobs() {
    let api = Api::new().await;
    let id = finished(&api).await;
    let failed = api.json(&format!("/api/backtest/job/{id}-10")).await;
    assert_eq!(failed["error"]["code"], "no_candles");
    assert!(failed.get("trades").is_none());
    let answer = api.get(&format!("/api/backtest/job/{id}-10/trades")).await;
    assert_eq!(
        answer.problem(),
        "409 job_not_completed: the job failed: no candles of binance ETHUSDT 1h (no_candles)"
    );
    assert_eq!(answer.json()["currentStatus"], "Failed");
    for job in [format!("{id}-2"), format!("{id}-99"), "nonsense".to_owned()] {
        let answer = api.get(&format!("/api/backtest/job/{job}")).await;
        assert_eq!(answer.problem(), format!("404 job_not_found: there is no job \"{job}\""));
    }
}
