//! The canonical form and the spec key: what is the same backtest and what is not.

use model::JobSpec;
use serde_json::{Value, json};

use super::bundle;

/// The only job of a request.
#[track_caller]
fn job(changes: &[(&str, Value)]) -> JobSpec {
    bundle(changes).job(0).expect("the one job")
}

#[track_caller]
fn same(left: &[(&str, Value)], right: &[(&str, Value)]) {
    let (left, right) = (job(left), job(right));
    assert_eq!(left.canonical_json(), right.canonical_json());
    assert_eq!(left.key, right.key);
}

#[track_caller]
fn different(left: &[(&str, Value)], right: &[(&str, Value)]) {
    assert_ne!(job(left).key, job(right).key);
}

const MONEY: &str = "/universalConfig/moneyManagement";
const COSTS: &str = "/universalConfig/costs";
const FILL: &str = "/universalConfig/fill";
const RISK: &str = "/universalConfig/risk";

#[test]
fn the_canonical_form_is_pinned() {
    let job = job(&[(MONEY, json!({"stopLossPct": 2.0, "size": {"fixedQuote": 100}}))]);
    let text = job.canonical_json();
    let expected = concat!(
        r#"{"balance":10000,"calendar":null,"costs":{"funding":"none","makerFeePct":0.1,"#,
        r#""slippageBps":0,"spreadBps":0,"takerFeePct":0.1},"detailTimeframe":null,"#,
        r#""exchange":"binance","fill":{"bothTouched":"stopFirst","end":"mark","entry":"nextOpen","#,
        r#""flipVsStop":"flipFirst","gap":"open","levelBase":"entryFill","#,
        r#""openBeyondTarget":"targetAtOpen","sensitivity":false,"stopOnEntryCandle":true,"#,
        r#""trailingBase":"extreme"},"instrument":null,"moneyManagement":{"exits":[],"leverage":1,"#,
        r#""maintenanceMarginPct":0.5,"size":{"fixedQuote":100},"stop":{"follow":false,"pct":2},"#,
        r#""target":null,"trail":null},"parameters":{"fast":12,"slow":26},"periodsPerYear":null,"#,
        r#""range":{"end":1719792000000,"start":1704067200000},"risk":{"#,
        r#""closeEarlyWhenProfitable":null,"cooldownCandles":0,"direction":"both","#,
        r#""entryOrder":"market","flipOnlyInProfit":false,"flipPosition":true,"lossStreak":null,"#,
        r#""maxPositionMinutes":null},"riskFreePct":null,"signalColumn":null,"strategy":{"#,
        r#""long":{"crossUp":[{"ema":{"n":12,"of":"close"}},{"ema":{"n":26,"of":"close"}}]},"#,
        r#""short":{"crossDown":[{"ema":{"n":12,"of":"close"}},{"ema":{"n":26,"of":"close"}}]}},"#,
        r#""ticker":"BTCUSDT","timeframe":"15m"}"#,
    );
    assert_eq!(text, expected);
    // Sorted keys: parsing into a sorted map and writing again changes nothing but number forms.
    let sorted: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sorted.to_string(), text);
    assert_eq!(job.key, model::keys::spec_key(&text));
    assert_eq!(
        job.key.to_string(),
        "b3:57ccf30ada356966ee39c3d13a5c8f0b3666c8f57d83ceff75a439ffab567578"
    );
}

#[test]
fn short_and_long_forms_are_the_same_backtest() {
    same(&[(MONEY, json!({"stopLossPct": 2}))], &[(MONEY, json!({"stop": {"pct": 2.0}}))]);
    same(
        &[(MONEY, json!({"takeProfitPct": 4}))],
        &[(MONEY, json!({"target": {"pct": 4, "follow": false}}))],
    );
    same(
        &[(COSTS, json!({"feePct": 0.2}))],
        &[(COSTS, json!({"makerFeePct": 0.2, "takerFeePct": 0.2}))],
    );
    same(
        &[(COSTS, json!({"funding": {"ratePct": 0.01}}))],
        &[(COSTS, json!({"funding": {"everyHours": 8, "ratePct": 0.01}}))],
    );
    same(
        &[("/universalConfig/timeframe", json!("60m"))],
        &[("/universalConfig/timeframe", json!("1h"))],
    );
}

#[test]
fn defaults_and_null_are_the_same_as_nothing() {
    same(
        &[],
        &[
            (MONEY, json!({"stopLossPct": null, "size": {"percentOfBalance": 100}, "leverage": 1})),
            (COSTS, json!({"feePct": 0.1, "slippageBps": -0.0, "funding": "none"})),
            (RISK, json!({"flipPosition": true, "entryOrder": "market", "lossStreak": null})),
            (FILL, json!({"gap": "open", "profile": null})),
            ("/universalConfig/parameters", json!({"fast": 12})),
            ("/universalConfig/instrument", json!(null)),
        ],
    );
}

#[test]
fn names_tags_priority_data_policy_and_unused_parameters_are_in_no_key() {
    same(
        &[],
        &[
            ("/name", json!("another")),
            ("/priority", json!(5)),
            ("/tags", json!({"owner": "desk-1"})),
            ("/universalConfig/dataPolicy", json!({"ends": "allow"})),
            ("/universalConfig/strategy/params/unused", json!({"int": [1, 9, 1], "default": 3})),
            ("/universalConfig/strategy/params/fast", json!({"int": [2, 900, 2], "default": 12})),
        ],
    );
}

#[test]
fn every_setting_is_in_the_key() {
    let changes = [
        ("/universalConfig/exchange", json!("kraken")),
        ("/universalConfig/ticker", json!("ETHUSDT")),
        ("/universalConfig/timeframe", json!("1h")),
        ("/universalConfig/balance", json!(10_001)),
        ("/universalConfig/parameters", json!({"fast": 13})),
        ("/dateTimeRanges/0/end", json!("2024-07-01T00:15:00Z")),
        (MONEY, json!({"stopLossPct": 2})),
        (MONEY, json!({"takeProfitPct": 2})),
        (MONEY, json!({"size": {"fixedQuote": 100}})),
        (MONEY, json!({"maintenanceMarginPct": 1})),
        (COSTS, json!({"makerFeePct": 0.2})),
        (COSTS, json!({"slippageBps": 1})),
        (COSTS, json!({"spreadBps": 1})),
        (COSTS, json!({"funding": "fromData"})),
        (COSTS, json!({"funding": {"ratePct": 0.01}})),
        (COSTS, json!({"funding": {"ratePct": 0.02}})),
        (COSTS, json!({"funding": {"ratePct": 0.01, "everyHours": 4}})),
        (FILL, json!({"sensitivity": true})),
        ("/universalConfig/detailTimeframe", json!("1m")),
        (RISK, json!({"flipPosition": false})),
        (RISK, json!({"flipOnlyInProfit": true})),
        (RISK, json!({"direction": "long"})),
        (RISK, json!({"cooldownCandles": 1})),
        (RISK, json!({"maxPositionMinutes": 1})),
        (FILL, json!({"bothTouched": "targetFirst"})),
        (FILL, json!({"gap": "level"})),
        (FILL, json!({"end": "close"})),
        ("/universalConfig/calendar", json!("24x5")),
        ("/universalConfig/calendar", json!("24x7")),
        ("/universalConfig/periodsPerYear", json!(252)),
        ("/universalConfig/riskFreePct", json!(2)),
        ("/universalConfig/instrument", json!({})),
    ];
    for change in changes {
        different(&[], &[change]);
    }
}

#[test]
fn the_config_shows_everything_resolved() {
    let job = job(&[("/universalConfig/dataPolicy", json!({"gaps": "fail"}))]);
    let config = job.config();
    assert_eq!(config["range"]["start"], json!("2024-01-01T00:00:00Z"));
    assert_eq!(config["dataPolicy"], json!({"ends": "fail", "gaps": "fail", "version": "pinned"}));
    assert_eq!(config["specKey"], json!(job.key.to_string()));
    assert_eq!(config["warmup"], json!(job.warmup));
    assert_eq!(config["costs"]["takerFeePct"], json!(0.1));
    assert_eq!(config["parameters"], json!({"fast": 12, "slow": 26}));
}

#[test]
fn warm_up_is_a_power_of_two_of_at_least_256() {
    assert_eq!(job(&[("/universalConfig/parameters", json!({"fast": 2, "slow": 3}))]).warmup, 256);
    let deep = job(&[("/universalConfig/parameters", json!({"slow": 300}))]).warmup;
    assert!(deep.is_power_of_two() && deep > 2_048, "{deep}");
}
