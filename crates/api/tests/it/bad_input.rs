//! Bad input, each with its exact message.

use std::io::Write;

use axum::body::Body;
use serde_json::{Value, json};

use crate::harness::{Api, sample};

const SUBMIT: &str = "/api/backtest/bundle";

/// `sample` with the value at a pointer replaced.
fn with(pointer: &str, value: &Value) -> Value {
    let mut request = sample();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    request.pointer_mut(parent).unwrap()[key] = value.clone();
    request
}

/// The faults of a 422, one line each.
async fn faults(api: &Api, request: &Value) -> Vec<String> {
    let answer = api.post(SUBMIT, request.to_string()).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.problem().starts_with("422 invalid_bundle: "));
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let line = |fault: &Value| {
        let text = |name: &str| fault[name].as_str().unwrap_or("-").to_owned();
        assert!(api::error_codes().contains(&fault["code"].as_str().unwrap()));
        format!("{} {}: {} ({})", text("pointer"), text("code"), text("message"), text("hint"))
    };
    errors.iter().map(line).collect()
}

async fn check(pointer: &str, value: Value, expected: &[&str]) {
    let api = Api::new().await;
    assert_eq!(faults(&api, &with(pointer, &value)).await, expected);
}

#[tokio::test]
async fn an_unknown_field_names_the_nearest_one() {
    check(
        "/universalConfig/moneyManagement",
        json!({"stopLosPct": 2}),
        &["/universalConfig/moneyManagement/stopLosPct unknown_field: there is no field \
             \"stopLosPct\" here (did you mean \"stopLossPct\"?)"],
    )
    .await;
}

#[tokio::test]
async fn an_axis_from_high_to_low_is_refused() {
    check(
        "/parameterVariants/fast",
        json!({"from": 45, "to": 5, "step": 5}),
        &["/parameterVariants/fast reversed_range: the axis \"fast\" runs from 45 down to \
             5 (swap \"from\" and \"to\")"],
    )
    .await;
}

#[tokio::test]
async fn an_axis_of_ten_million_points_is_refused_before_it_is_expanded() {
    check(
        "/parameterVariants/fast",
        json!({"from": 1, "to": 50, "step": 0.000_004_9}),
        &["/parameterVariants/fast axis_too_long: the axis \"fast\" has 10000001 points, \
             more than the 100000 that one may have (take larger steps or split the bundle)"],
    )
    .await;
}

#[tokio::test]
async fn a_reversed_range_is_refused() {
    let range = json!([{"start": "2024-02-01T00:00:00Z", "end": "2024-01-01T00:00:00Z"}]);
    check(
        "/dateTimeRanges",
        range,
        &["/dateTimeRanges/0 reversed_range: start 2024-02-01T00:00:00Z is not before end \
             2024-01-01T00:00:00Z (swap \"start\" and \"end\")"],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_ticker_names_the_series_that_exist() {
    check(
        "/tickerVariants",
        json!(["BTCUSDT", "ETHUSD"]),
        &["/tickerVariants/1 unknown_ticker: no candles of \"ETHUSD\" are stored for \
             \"binance\" (stored: ETHUSDT, BTCUSDT)"],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_exchange_names_those_that_exist() {
    check(
        "/universalConfig/exchange",
        json!("binanse"),
        &["/universalConfig/exchange unknown_exchange: no candles of the exchange \
             \"binanse\" are stored (stored: binance)"],
    )
    .await;
}

#[tokio::test]
async fn a_timeframe_that_no_stored_one_divides_is_refused() {
    check(
        "/timeframeVariants",
        json!(["15m", "5m", "2h"]),
        &["/timeframeVariants/1 unknown_timeframe: candles of 5m cannot be made for \
             \"BTCUSDT\" (stored: 15m; their multiples can be made)"],
    )
    .await;
}

#[tokio::test]
async fn a_percent_out_of_range_guesses_the_slip() {
    check(
        "/universalConfig/moneyManagement/stopLossPct",
        json!(2000),
        &["/universalConfig/moneyManagement/stopLossPct out_of_range: \"stopLossPct\" \
             must be a percent of price in (0, 100), not 2000 (did you mean 20?)"],
    )
    .await;
}

#[tokio::test]
async fn constraints_that_drop_everything_leave_no_bundle() {
    check(
        "/parameterVariants",
        json!({"fast": [30, 40], "slow": [20]}),
        &["/universalConfig/strategy/constraints no_jobs: the constraints drop all 2 \
             parameter points (-)"],
    )
    .await;
}

#[tokio::test]
async fn all_faults_are_listed_at_once() {
    let api = Api::new().await;
    let request = json!({"universalConfig": {"exchange": 7}, "dateTimeRanges": [], "nmae": "x"});
    let found = faults(&api, &request).await;
    assert!(found.len() >= 5, "{found:#?}");
}

#[tokio::test]
async fn numbers_that_are_none_are_refused_by_name() {
    let api = Api::new().await;
    for (written, expected) in [
        ("NaN", "\"NaN\" at line 1 column 276 is not a number in JSON: numbers must be finite"),
        (
            "-Infinity",
            "\"-Infinity\" at line 1 column 277 is not a number in JSON: numbers must be finite",
        ),
        ("1e999", "the number 1e999 at line 1 column 280 is too large: numbers are 64-bit floats"),
    ] {
        let body = sample().to_string().replace("10000", written);
        let answer = api.post(SUBMIT, body).await;
        assert_eq!(answer.problem(), format!("400 invalid_json: {expected}"));
    }
}

#[tokio::test]
async fn deep_json_is_refused_before_it_is_built() {
    let api = Api::new().await;
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        api.post(SUBMIT, body).await.problem(),
        "400 invalid_json: the document is 100000 levels deep, more than 64"
    );
}

#[tokio::test]
async fn a_body_of_20_mb_says_the_maximum() {
    let api = Api::new().await;
    let long = "the body is longer than 4194304 bytes, the maximum, counted after decompression; \
                write axes as {\"from\", \"to\", \"step\"} or split the bundle";
    let expected = format!("413 body_too_large: {long}");
    let body = vec![b' '; 20 * 1024 * 1024];
    assert_eq!(api.post(SUBMIT, body.clone()).await.problem(), expected);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&body).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let answer = api.post_with(SUBMIT, &[("content-encoding", "gzip")], bomb).await;
    assert_eq!(answer.problem(), expected);

    let bomb = zstd::encode_all(&body[..], 1).unwrap();
    let answer = api.post_with(SUBMIT, &[("content-encoding", "zstd")], bomb).await;
    assert_eq!(answer.problem(), expected);
}

#[tokio::test]
async fn other_media_types_and_encodings_are_refused() {
    let api = Api::new().await;
    let send = async |name: &str, value: &str| {
        let request = axum::http::Request::post(SUBMIT).header(name, value);
        api.send(request.body(Body::from("{}")).unwrap()).await.problem()
    };
    assert_eq!(
        send("content-type", "text/plain").await,
        "415 unsupported_media_type: the Content-Type must be application/json, not \"text/plain\""
    );
    assert_eq!(
        send("x-other", "1").await,
        "415 unsupported_media_type: the Content-Type must be application/json, there is none"
    );
    let answer = api.post_with(SUBMIT, &[("content-encoding", "br")], "{}").await;
    assert_eq!(
        answer.problem(),
        "415 unsupported_encoding: the Content-Encoding must be gzip or zstd, not \"br\""
    );
    let answer = api.post_with(SUBMIT, &[("content-encoding", "gzip")], "{}").await;
    assert_eq!(
        answer.problem(),
        "400 body_unreadable: the body is not what its Content-Encoding says"
    );
}
