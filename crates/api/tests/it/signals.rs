//! Signal columns of one's own, and bundles that name them or other tickers.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, sample};

const CSV: &str =
    "time,signal\n2024-01-05T00:00:00Z,1\n2024-01-05T00:15:00Z,0\n2024-01-05T00:30:00Z,-1\n";

async fn put(api: &Api, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::put("/api/signals");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body(body.into()).unwrap()).await
}

fn with_column(hash: &str) -> Value {
    let mut request = sample();
    request["universalConfig"]["strategy"] = json!({"signalColumn": hash});
    request["parameterVariants"] = json!({});
    request
}

#[tokio::test]
async fn a_column_is_stored_once_and_found_by_its_hash() {
    let api = Api::new().await;
    let first = put(&api, CSV, &[("content-type", "text/csv")]).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let body = first.json();
    let hash = body["hash"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "hash": hash, "rows": 3, "long": 1, "short": 1, "flat": 1,
            "first": "2024-01-05T00:00:00Z", "last": "2024-01-05T00:30:00Z",
        })
    );
    assert_eq!(first.header("location"), format!("/api/signals/{hash}"));
    // The same rows in another form.
    let again = "1704412800000;1\n1704413700000;0\n1704414600000;-1";
    let again = put(&api, again, &[]).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, body.clone()));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, CSV.as_bytes()).unwrap();
    let packed = put(&api, packed.finish().unwrap(), &[("content-encoding", "gzip")]).await;
    assert_eq!((packed.status.as_u16(), packed.json()), (200, body.clone()));
    assert_eq!(api.json(&format!("/api/signals/{hash}")).await, body);
    for absent in ["b3:00".to_owned(), hash.replace('a', "b").replace('1', "2")] {
        let problem = api.get(&format!("/api/signals/{absent}")).await.problem();
        assert!(problem.starts_with("404 signals_not_found: "), "{problem}");
    }
}

#[tokio::test]
async fn a_file_without_a_column_is_refused_by_its_row() {
    let api = Api::new().await;
    for (text, expected) in [
        (
            "time,signal\n2024-01-05T00:00:00Z,2\n",
            "row 2 of the signal file: its signal is not -1, 0 or 1",
        ),
        ("0,1\n60,1\n60,0\n", "row 3 of the signal file: its time is that of the row before"),
        ("", "the signal file has no row"),
    ] {
        assert_eq!(
            put(&api, text, &[]).await.problem(),
            format!("422 invalid_signals: {expected}")
        );
    }
    let problem = put(&api, vec![0xff_u8; 10], &[]).await.problem();
    assert!(problem.starts_with("422 invalid_signals: the signal file is neither"), "{problem}");
}

#[tokio::test]
async fn a_bundle_may_name_a_column_that_is_stored() {
    let api = Api::new().await;
    let hash = put(&api, CSV, &[]).await.json()["hash"].as_str().unwrap().to_owned();
    let unknown = format!("b3:{}", "0".repeat(64));
    for path in ["/api/backtest/bundle", "/api/backtest/bundle/estimate"] {
        let answer = api.post(path, with_column(&unknown).to_string()).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors[0]["code"], "unknown_signals");
        assert_eq!(errors[0]["pointer"], "/universalConfig/strategy/signalColumn");
        assert!(api::error_codes().contains(&"unknown_signals"));
    }
    let id = api.submit(&with_column(&hash)).await;
    let job = api.json(&format!("/api/backtest/job/{id}-0")).await;
    assert_eq!(job["config"]["signalColumn"], hash);
    assert_eq!(job["config"]["strategy"], Value::Null);
}

#[tokio::test]
async fn other_tickers_are_checked_against_the_series_and_counted() {
    let api = Api::new().await;
    let mut request = sample();
    request["tickerVariants"] = json!(["BTCUSDT"]);
    request["parameterVariants"] = json!({});
    request["universalConfig"]["strategy"]["signals"]["exitLong"] =
        json!("close(ticker: ETHUSD) < 1");
    request["universalConfig"]["moneyManagement"] =
        json!({"stop": {"distance": "atr(14, ticker: SOLUSDT)"}});
    let answer = api.post("/api/backtest/bundle", request.to_string()).await;
    let errors = answer.json()["errors"].clone();
    let line = |fault: &Value| {
        let text = |name: &str| fault[name].as_str().unwrap().to_owned();
        format!("{} {}: {} ({})", text("pointer"), text("code"), text("message"), text("hint"))
    };
    let lines: Vec<String> = errors.as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "/universalConfig/strategy unknown_ticker: no candles of \"ETHUSD\" are stored for \
             \"binance\" (stored: ETHUSDT, BTCUSDT)",
            "/universalConfig/moneyManagement unknown_ticker: no candles of \"SOLUSDT\" are stored \
             for \"binance\" (stored: BTCUSDT, ETHUSDT)",
        ]
    );
    request["universalConfig"]["strategy"]["signals"]["exitLong"] =
        json!("close(ticker: ETHUSDT) < 1");
    request["universalConfig"]["moneyManagement"] = json!({});
    let estimate = api.post("/api/backtest/bundle/estimate", request.to_string()).await.json();
    let tickers: Vec<&str> = estimate["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| series["ticker"].as_str().unwrap())
        .collect();
    assert_eq!(tickers, ["BTCUSDT", "BTCUSDT", "ETHUSDT", "ETHUSDT"]);
    api.submit(&request).await;
}
