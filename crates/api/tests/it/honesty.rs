//! The honesty panel against `stats` on constructed returns.

use model::{Bundle, Calendar, DailyMark, Digest, Limits, Outcome};
use serde_json::{Value, json};
use stats::{SharpeSample, Variant};
use store::{Ending, JobError, NewResult, Packer};
use testkit::candles::Lcg;

use crate::harness::{Api, data_hash, request, walk};

const DAY_MS: i64 = 86_400_000;

/// 20 variants of BTCUSDT 15m, `fast` 1 to 20.
fn sweep() -> Value {
    let mut request = request(&json!({"from": 1, "to": 20, "step": 1}), &json!([30]));
    request["tickerVariants"] = json!(["BTCUSDT"]);
    request["timeframeVariants"] = json!(["15m"]);
    request
}

/// Column `k` of panel B of the golden vectors.
fn column(k: u32) -> Vec<f64> {
    let mut lcg = Lcg::new(1_000 + u64::from(k));
    let mu = 0.0002 + 0.00004 * f64::from(k);
    (0..1_095).map(|_| mu + 0.04 * lcg.bell()).collect()
}

fn ending(seq: u32, daily_returns: Vec<f64>, data_hash: Digest, outcome: &Outcome) -> Ending {
    Ending::Completed(Box::new(NewResult {
        key: Digest::of(&seq.to_le_bytes()),
        outcome_hash: outcome.hash(),
        data_hash,
        metrics: json!({"trades": 50.0, "topTradeProfitShare": 0.5}).into(),
        summary:
            json!({"settings": {"calendar": "24x7", "periodsPerYear": 365.0, "riskFreePct": 0.0}})
                .into(),
        daily_returns,
        outcome: Packer::default().pack(outcome).unwrap(),
    }))
}

async fn honesty(api: &Api, id: &str) -> Value {
    api.json(&format!("/api/backtest/bundle/{id}/honesty")).await
}

#[track_caller]
fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
}

#[tokio::test]
async fn panel_b_gives_the_golden_numbers_and_does_not_beat_luck() {
    let api = Api::new().await;
    let id = api.submit(&sweep()).await;
    api.finish_all(|seq| ending(seq, column(seq), Digest::of(b"x"), &Outcome::default())).await;
    api.until_final(&id).await;
    let body = honesty(&api, &id).await;
    assert_eq!(
        (&body["evaluated"], &body["failed"], &body["pending"]),
        (&json!(20), &json!(0), &json!(0))
    );
    let panel = &body["panels"][0];
    assert_eq!(panel["winner"]["jobId"], format!("{id}-17"));
    close(&panel["winner"]["sharpe"], 1.446_428_409_726_959);
    close(&panel["psr"], 0.993_686_247_743_826_5);
    close(&panel["dsr"], 0.771_387_890_427_129);
    close(&panel["pbo"]["pbo"], 0.549_417_249_417_249_5);
    let logits: u64 = panel["pbo"]["logits"]["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_u64().unwrap())
        .sum();
    assert_eq!((logits, panel["pbo"]["slope"].is_number()), (12_870, true));
    assert_eq!(
        (&panel["days"], &panel["variants"], &panel["measured"]),
        (&json!(1095), &json!(20), &json!(20))
    );
    assert_eq!(panel["undefined"]["judgement"], "no_benchmark");
    assert_eq!(panel["verdict"], "luck", "what does not beat luck needs no benchmark");
    let sentence = body["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("The winner does not beat luck: it has a Sharpe ratio of 1.45"),
        "{sentence}"
    );
    let codes: Vec<&str> = panel["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["fewTrades", "oneTrade", "noOutOfSample"]);
}

#[tokio::test]
async fn the_winner_is_judged_against_buy_and_hold_of_its_own_candles() {
    let api = Api::new().await;
    // A grid of 10 x 2: a plateau needs neighbours on two sides.
    let mut request = sweep();
    request["parameterVariants"] =
        json!({"fast": {"from": 1, "to": 10, "step": 1}, "slow": [30, 40]});
    let id = api.submit(&request).await;
    let bundle = Bundle::parse(&request, &Limits::default()).unwrap();
    let spec = bundle.job(10).unwrap();
    let mark =
        |day: i64| DailyMark { day_ms: spec.range.start_ms + day * DAY_MS, equity: 10_000.0 };
    let outcome = Outcome { daily_marks: (0..31).map(mark).collect(), ..Outcome::default() };
    // Skill in the middle of a plateau: the closer to job 10, the better.
    let returns = |seq: u32| -> Vec<f64> {
        let (fast, slow) = (seq / 2, seq % 2);
        let drift = 0.012 - 0.001 * f64::from(fast.abs_diff(5)) - 0.0001 * f64::from(slow);
        (0..31).map(|day| drift + 0.01 * f64::from(day % 2)).collect()
    };
    let hash = data_hash(&spec);
    api.finish_all(|seq| match seq {
        0 | 1 => Ending::Failed(JobError { code: "no_candles".into(), message: "none".into() }),
        _ => {
            let hash = if seq == 10 { hash } else { Digest::of(b"x") };
            ending(seq, returns(seq), hash, &outcome)
        }
    })
    .await;
    api.until_final(&id).await;
    let body = honesty(&api, &id).await;
    assert_eq!(
        (&body["evaluated"], &body["failed"]),
        (&json!(20), &json!(2)),
        "failed ones count in N"
    );
    let panel = &body["panels"][0];
    let candles = walk(1);
    let all = candles.as_slice();
    let range = all.rows(all.lower_bound(spec.range.start_ms)..all.lower_bound(spec.range.end_ms));
    let benchmark = stats::benchmark_returns(range, &outcome.daily_marks, &Calendar::EveryDay);
    let winner = Variant { returns: &returns(10), benchmark: &benchmark, trades: 50 };
    let expected = stats::judge(&winner, 20, 0.0).unwrap();
    assert_eq!(panel["winner"]["seq"], 10);
    assert_eq!(panel["judgement"], json!(expected));
    assert_eq!(
        (&panel["verdict"], &panel["undefined"]["judgement"]),
        (&json!("beatsLuck"), &Value::Null)
    );
    let sharpe = |seq: u32| {
        let sample = SharpeSample::of(&returns(seq), 0.0).unwrap();
        (seq > 1).then(|| sample.sharpe * 365_f64.sqrt())
    };
    let plateau = stats::plateau(&[10, 2], &(0..20).map(sharpe).collect::<Vec<_>>());
    close(&panel["plateau"], plateau.scores[10].unwrap());
    let best = plateau.best.unwrap();
    assert_eq!(panel["bestByPlateau"]["seq"], best);
    close(&panel["bestByPlateau"]["median"], plateau.medians[best].unwrap());
    let sentence = body["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("The winner beats luck: the best of 20 variants"), "{sentence}");
}

#[tokio::test]
async fn what_beats_luck_without_its_candles_may_be_the_market() {
    let api = Api::new().await;
    let id = api.submit(&sweep()).await;
    let returns = |seq: u32| -> Vec<f64> {
        (0..31).map(|day| 0.01 + 0.001 * f64::from(seq + day % 2)).collect()
    };
    api.finish_all(|seq| ending(seq, returns(seq), Digest::of(b"x"), &Outcome::default())).await;
    api.until_final(&id).await;
    let body = honesty(&api, &id).await;
    assert_eq!(body["panels"][0]["verdict"], Value::Null);
    let sentence = body["sentence"].as_str().unwrap();
    assert!(sentence.contains("whether it is more than the market cannot be said"), "{sentence}");
}

#[tokio::test]
async fn a_bundle_without_results_has_nothing_to_judge() {
    let api = Api::new().await;
    let id = api.submit(&sweep()).await;
    let body = honesty(&api, &id).await;
    assert_eq!((&body["panels"], &body["pending"]), (&json!([]), &json!(20)));
    assert_eq!(body["sentence"], "There is nothing to judge yet: no variant is completed.");
    let missing = format!("/api/backtest/bundle/{}/honesty", uuid::Uuid::now_v7());
    assert!(api.get(&missing).await.problem().starts_with("404 bundle_not_found"));
}
