//! What a backtest reads beside its candles: finer candles and funding rates, and what it tells of
//! ambiguous candles.

use candles::Market;
use model::{
    Bundle, Calendar, Candle, Candles, FundingRate, FundingRates, JobSpec, Limits, MINUTE_MS,
    SeriesId,
};
use serde_json::{Value, json};
use worker::{Inputs, Replay, ReplayError, replay};

/// Candles of a minute for two days: a walk of at most 2 % a step.
fn minutes() -> Candles {
    let (mut state, mut price) = (7_u64, 100.0_f64);
    let mut candle = |minute: i64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let open = price;
        // Back to 100 in the long run.
        let step = (state >> 33) as f64 / 2.0_f64.powi(31) - 0.5;
        let close = open * (1.0 + 0.04 * step) + 0.01 * (100.0 - open);
        price = close;
        let (high, low) = (open.max(close) + 0.5, open.min(close) - 0.5);
        Candle { open_time_ms: minute * MINUTE_MS, open, high, low, close, volume: 1.0 }
    };
    (0..2_880).map(&mut candle).collect()
}

/// A market of [`minutes`], with a funding payment every eight hours if `funded`.
fn market(funded: bool) -> Market {
    let id = SeriesId {
        exchange: "x".to_owned(),
        ticker: "T".to_owned(),
        timeframe: "1m".parse().unwrap(),
    };
    let market = Market::from_candles(id, Calendar::EveryDay, minutes());
    if funded {
        let mut rates = FundingRates::default();
        for hour in (0..56).step_by(8) {
            let time_ms = hour * 60 * MINUTE_MS;
            rates.push(FundingRate { time_ms, rate: 0.001, mark: None }).unwrap();
        }
        market.set_funding("x", "T", rates);
    }
    market
}

/// A backtest on quarters of an hour; `config` is laid over its settings.
fn spec(config: &Value) -> JobSpec {
    let mut request = json!({
        "universalConfig": {
            "exchange": "x", "ticker": "T", "timeframe": "15m", "balance": 1000,
            "strategy": {"signals": {"long": "crossUp(close, sma(close, 5))",
                                     "short": "crossDown(close, sma(close, 5))"}},
            "moneyManagement": {"stopLossPct": 4, "takeProfitPct": 5},
        },
        "dateTimeRanges": [{"start": "1970-01-01T06:00:00Z", "end": "1970-01-03T00:00:00Z"}],
    });
    for (name, value) in config.as_object().unwrap() {
        request["universalConfig"][name] = value.clone();
    }
    let bundle = Bundle::parse(&request, &Limits::default()).unwrap();
    bundle.job(0).unwrap()
}

async fn run(market: &Market, config: &Value) -> Result<Replay, ReplayError> {
    let spec = spec(config);
    let inputs = Inputs::load(market, &spec, None).await.unwrap();
    replay(&inputs, spec, None)
}

#[tokio::test]
async fn finer_candles_are_loaded_hashed_and_decide() {
    let market = market(false);
    let tight = json!({"stopLossPct": 1, "takeProfitPct": 1.2});
    let finer = json!({"moneyManagement": tight, "detailTimeframe": "1m"});
    let blind = run(&market, &json!({"moneyManagement": tight})).await.unwrap();
    let seeing = run(&market, &finer).await.unwrap();
    let ambiguous = |replay: &Replay| replay.outcome.counts.ambiguous;
    assert!(ambiguous(&blind) > 0);
    assert!(ambiguous(&seeing) < ambiguous(&blind));
    assert_ne!(blind.document["dataHash"], seeing.document["dataHash"]);
    assert_ne!(blind.document["outcomeHash"], seeing.document["outcomeHash"]);
    let again = run(&market, &finer).await.unwrap();
    assert_eq!(again.document, seeing.document);
}

#[tokio::test]
async fn funding_is_paid_from_data_hashed_and_counted() {
    let config = json!({"costs": {"feePct": 0, "funding": "fromData"}});
    let free = run(&market(true), &json!({"costs": {"feePct": 0}})).await.unwrap();
    let paid = run(&market(true), &config).await.unwrap();
    assert!(!paid.outcome.funding.is_empty() && free.outcome.funding.is_empty());
    assert_ne!(free.document["dataHash"], paid.document["dataHash"]);
    let amounts = paid.outcome.funding.iter().map(|event| event.amount).sum::<f64>();
    let told = paid.document["metrics"]["fundingPaid"].as_f64().unwrap();
    assert!((told + amounts).abs() < 1e-9);
    assert_eq!(paid.document["warnings"], free.document["warnings"]);
    let constant = json!({"costs": {"feePct": 0, "funding": {"ratePct": 0.1}}});
    let constant = run(&market(false), &constant).await.unwrap();
    assert_eq!(constant.outcome.funding, paid.outcome.funding);
    assert_eq!(constant.document["dataHash"], free.document["dataHash"]);
}

#[tokio::test]
async fn a_job_that_lacks_funding_rates_fails_and_says_what_to_do() {
    for ends in ["fail", "allow"] {
        let config = json!({"costs": {"funding": "fromData"}, "dataPolicy": {"ends": ends}});
        let error = run(&market(false), &config).await.map(|_| ()).unwrap_err();
        assert_eq!(error.code, "no_funding");
        assert_eq!(
            error.message,
            "costs.funding is \"fromData\" and no funding payment of x T is known from \
             1970-01-01T06:00:00Z to 1970-01-03T00:00:00Z; import rates with `backfleet candles \
             funding FILE`, or set costs.funding to \"none\" or to a constant rate"
        );
    }
}

#[tokio::test]
async fn rates_that_end_early_fail_unless_the_policy_allows_it() {
    let market = market(false);
    let mut rates = FundingRates::default();
    for hour in [0, 4, 8, 24] {
        let time_ms = hour * 60 * MINUTE_MS;
        rates.push(FundingRate { time_ms, rate: 0.001, mark: None }).unwrap();
    }
    market.set_funding("x", "T", rates);
    let with = |policy: Value| json!({"costs": {"funding": "fromData"}, "dataPolicy": policy});
    let error = run(&market, &with(json!({}))).await.map(|_| ()).unwrap_err();
    assert!(error.message.contains("from 1970-01-02T00:00:00Z to 1970-01-03T00:00:00Z"));
    let allowed = run(&market, &with(json!({"ends": "allow"}))).await.unwrap();
    let warnings = allowed.document["warnings"].to_string();
    assert!(warnings.contains("no funding payment is known from 1970-01-01T08:00:00Z"));
    let strict = with(json!({"ends": "allow", "gaps": "fail"}));
    let error = run(&market, &strict).await.map(|_| ()).unwrap_err();
    assert!(error.message.contains("from 1970-01-01T08:00:00Z to 1970-01-02T00:00:00Z"));
}

#[tokio::test]
async fn sensitivity_is_a_section_of_the_document_and_changes_no_hash() {
    let market = market(false);
    let tight = json!({"stopLossPct": 1, "takeProfitPct": 1.2});
    let with = |fill: Value| json!({"moneyManagement": tight, "fill": fill});
    let plain = run(&market, &with(json!({}))).await.unwrap();
    let asked = run(&market, &with(json!({"sensitivity": true}))).await.unwrap();
    assert_eq!(plain.document["outcomeHash"], asked.document["outcomeHash"]);
    assert!(plain.document.get("sensitivity").is_none());
    let section = &asked.document["sensitivity"];
    assert_eq!(section["ambiguous"], asked.document["counts"]["ambiguous"]);
    assert_eq!(section["stopFirst"]["finalEquity"], asked.document["equity"]["final"]);
    assert_eq!(section["stopFirst"]["totalReturn"], asked.document["metrics"]["totalReturn"]);
    let target_first = with(json!({"bothTouched": "targetFirst"}));
    let target_first = run(&market, &target_first).await.unwrap();
    let other = &section["targetFirst"];
    assert_eq!(other["finalEquity"], target_first.document["equity"]["final"]);
    let number = |value: &Value| value.as_f64().unwrap();
    let spread = number(&other["totalReturn"]) - number(&section["stopFirst"]["totalReturn"]);
    assert!((number(&section["spreadPct"]) - 100.0 * spread.abs()).abs() < 1e-9);
}
