//! Equity and candles of a job.

use model::{Bundle, Candles, DailyMark, Digest, Fill, FillReason, JobSpec, Limits, Outcome, Side};
use serde_json::{Value, json};
use store::{Ending, NewResult, Packer};

use crate::harness::{Api, START_MS, data_hash, sample, walk};

const DAY_MS: i64 = 86_400_000;
const STEP_MS: i64 = 900_000;
/// Rows of the entry and the exit within the range.
const ENTRY: usize = 10;
const EXIT: usize = 200;

fn spec() -> JobSpec {
    Bundle::parse(&sample(), &Limits::default()).unwrap().job(0).unwrap()
}

/// The candles of the range of [`spec`].
fn range() -> Candles {
    let (candles, spec) = (walk(1), spec());
    let all = candles.as_slice();
    let rows = all.lower_bound(spec.range.start_ms)..all.lower_bound(spec.range.end_ms);
    all.rows(rows).to_candles()
}

/// A result of one trade of 2 at the opens of [`ENTRY`] and [`EXIT`].
fn one_trade(data_hash: Digest) -> Ending {
    trades(1, data_hash)
}

/// A result of as many such trades.
fn trades(count: u32, data_hash: Digest) -> Ending {
    let candles = range();
    let fill = |trade_id, row: usize, side, reason| Fill {
        time_ms: candles.open_time_ms[row],
        side,
        quantity: 2.0,
        price: candles.open[row],
        fee: 1.0,
        reason,
        trade_id,
    };
    let first_day = spec().range.start_ms;
    let mark =
        |day: i64| DailyMark { day_ms: first_day + day * DAY_MS, equity: 10_000.0 + day as f64 };
    let legs = |trade| {
        [
            fill(trade, ENTRY, Side::Buy, FillReason::Entry),
            fill(trade, EXIT, Side::Sell, FillReason::Signal),
        ]
    };
    let outcome = Outcome {
        fills: (0..count).flat_map(legs).collect(),
        daily_marks: (0..31).map(mark).collect(),
        ..Outcome::default()
    };
    Ending::Completed(Box::new(NewResult {
        key: Digest::of(b"one trade"),
        outcome_hash: outcome.hash(),
        data_hash,
        metrics: json!({"trades": 1}).into(),
        summary: json!({"settings": {"calendar": "24x7", "periodsPerYear": 365.0}}).into(),
        daily_returns: vec![0.0; 31],
        outcome: Packer::default().pack(&outcome).unwrap(),
    }))
}

/// A bundle whose job 0 has that result; the others failed.
async fn job(api: &Api, data_hash: Digest) -> String {
    job_that_ended(api, || one_trade(data_hash)).await
}

async fn job_that_ended(api: &Api, how: impl Fn() -> Ending) -> String {
    let id = api.submit(&sample()).await;
    api.finish_all(|seq| match seq {
        0 => how(),
        _ => Ending::Cancelled,
    })
    .await;
    format!("/api/backtest/job/{id}-0")
}

fn equity(page: &Value) -> Vec<f64> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["equity"].as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn equity_is_rebuilt_from_fills_and_candles() {
    let api = Api::new().await;
    let job = job(&api, data_hash(&spec())).await;
    let page = api.json(&format!("{job}/equity?points=20000")).await;
    let candles = range();
    let (bought, sold) = (candles.open[ENTRY], candles.open[EXIT]);
    let expected = |row: usize| match row {
        _ if row < ENTRY => 10_000.0,
        _ if row < EXIT => 10_000.0 - 2.0 * bought - 1.0 + 2.0 * candles.close[row],
        _ => 10_000.0 - 2.0 * bought - 1.0 + 2.0 * sold - 1.0,
    };
    let found = equity(&page);
    assert_eq!((found.len(), &page["count"]), (31 * 96, &json!(31 * 96)));
    assert_eq!((&page["resolution"], &page["reason"]), (&json!("15m"), &Value::Null));
    assert_eq!(page["items"][ENTRY]["time"], "2024-01-05T02:30:00Z");
    for (row, value) in found.iter().enumerate() {
        assert!((value - expected(row)).abs() < 1e-9, "row {row}");
    }
    let thin = equity(&api.json(&format!("{job}/equity?points=50")).await);
    assert!((25..=50).contains(&thin.len()));
    let extremes = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low.to_bits(), high.to_bits())
    };
    assert_eq!(extremes(&thin), extremes(&found));
}

#[tokio::test]
async fn as_many_points_as_were_asked_for_are_never_exceeded() {
    let api = Api::new().await;
    let job = job(&api, data_hash(&spec())).await;
    for points in [4, 5, 6, 7] {
        let found = equity(&api.json(&format!("{job}/equity?points={points}")).await).len();
        assert!((4..=points).contains(&found), "{found} of {points}");
    }
    for points in ["0", "1", "3", "20001", "-1", "1.5"] {
        assert_eq!(
            api.get(&format!("{job}/equity?points={points}")).await.problem(),
            format!(
                "400 invalid_query: parameter \"points\" must be a whole number from 4 to 20000, \
                 not \"{points}\""
            )
        );
    }
    let count = |page: &Value, name: &str| page[name].as_array().unwrap().len();
    for points in [1, 2, 3] {
        let page = api.json(&format!("{job}/candles?points={points}&trades=1")).await;
        assert_eq!((count(&page, "items"), count(&page, "trades")), (points, 1));
    }
    for query in ["points=0", "trades=0"] {
        let refused = api.get(&format!("{job}/candles?{query}")).await.problem();
        assert!(refused.contains("must be a whole number from 1 to"), "{refused}");
    }
}

#[tokio::test]
async fn days_are_left_where_the_candles_are_other_ones_or_away() {
    let api = Api::new().await;
    let changed = job(&api, Digest::of(b"other candles")).await;
    let page = api.json(&format!("{changed}/equity")).await;
    assert_eq!((&page["resolution"], &page["reason"]), (&json!("1d"), &json!("data_changed")));
    assert_eq!(equity(&page).len(), 31);
    assert_eq!(page["items"][1], json!({"time": "2024-01-06T00:00:00Z", "equity": 10_001.0}));
    let candles = api.json(&format!("{changed}/candles")).await;
    assert_eq!(candles["sameData"], false);

    let api = Api::without_source().await;
    let away = job(&api, data_hash(&spec())).await;
    let page = api.json(&format!("{away}/equity")).await;
    assert_eq!(
        (&page["resolution"], &page["reason"]),
        (&json!("1d"), &json!("source_unavailable"))
    );
    let problem = api.get(&format!("{away}/candles")).await.problem();
    assert!(problem.starts_with("503 source_unavailable"), "{problem}");
}

#[tokio::test]
async fn candles_are_merged_and_come_with_the_trades_among_them() {
    let api = Api::new().await;
    let job = job(&api, data_hash(&spec())).await;
    let page = api.json(&format!("{job}/candles?points=31")).await;
    assert_eq!((&page["count"], &page["resolution"]), (&json!(31 * 96), &json!("96 x 15m")));
    assert_eq!(page["sameData"], true);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 31);
    let candles = range();
    let day = |column: &[f64]| column[96..192].to_vec();
    let high = day(&candles.high).into_iter().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(items[1]["high"].as_f64().unwrap().to_bits(), high.to_bits());
    assert_eq!(items[1]["time"], "2024-01-06T00:00:00Z");
    assert_eq!(items[1]["open"].as_f64().unwrap().to_bits(), candles.open[96].to_bits());
    assert_eq!((page["trades"].as_array().unwrap().len(), &page["tradeCount"]), (1, &json!(1)));
    assert_eq!(page["trades"][0]["entryTime"], "2024-01-05T02:30:00Z");

    let part = "from=2024-01-05T00:00:00Z&to=2024-01-05T01:00:00Z";
    let page = api.json(&format!("{job}/candles?{part}")).await;
    assert_eq!((&page["count"], &page["resolution"]), (&json!(4), &json!("15m")));
    assert_eq!(page["trades"], json!([]), "the trade begins later");
    let before = START_MS - STEP_MS;
    let start = page["items"][0]["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(start.as_millisecond() > before);
    let outside = "from=2025-01-05T00:00:00Z";
    let page = api.json(&format!("{job}/candles?{outside}")).await;
    assert_eq!(page["items"], json!([]));
    let problem = api.get(&format!("{job}/candles?from=yesterday")).await.problem();
    assert_eq!(
        problem,
        "400 invalid_query: parameter \"from\" must be a time such as 2024-01-31T00:00:00Z, not \
         \"yesterday\""
    );
}

#[tokio::test]
async fn candles_come_with_no_more_trades_than_asked_for() {
    let api = Api::new().await;
    let job = job_that_ended(&api, || trades(3, data_hash(&spec()))).await;
    let page = api.json(&format!("{job}/candles?points=10&trades=2")).await;
    assert_eq!((page["trades"].as_array().unwrap().len(), &page["tradeCount"]), (2, &json!(3)));
}

#[tokio::test]
async fn a_job_without_a_result_has_candles_but_no_equity() {
    let api = Api::new().await;
    let id = api.submit(&sample()).await;
    let job = format!("/api/backtest/job/{id}-3");
    let problem = api.get(&format!("{job}/equity")).await.problem();
    assert_eq!(problem, "409 job_not_completed: the job is Pending");
    let page = api.json(&format!("{job}/candles?points=10")).await;
    assert_eq!((&page["sameData"], &page["trades"]), (&Value::Null, &json!([])));
    assert_eq!(page["resolution"], "75 x 1h");
}
