//! Parameters: ranges, defaults, constraints, and the strategy for given values.

use serde_json::{Value, json};

use super::{given, params, parse, strategy};
use model::strategy::{canonical_json, misfit, scopes, warmup};
use model::{HigherTimeframe, Timeframe};

#[test]
fn resolving_substitutes_drops_unused_ones_and_sorts_again() {
    let condition = json!("close > $slow or close > $fast or close > 26.0");
    let parsed = parse(&strategy(&condition, &json!({})));
    let resolved = parsed.resolve(&given(&[("fast", 7.0)])).unwrap();
    let expected = r#"{"long":{"any":[{"gt":["close",26]},{"gt":["close",7]}]}}"#;
    assert_eq!(canonical_json(&resolved.signals), expected);
    assert_eq!(resolved.used, given(&[("fast", 7.0), ("slow", 26.0)]));
}

#[test]
fn a_parameter_and_its_number_are_the_same_strategy() {
    let open = parse(&strategy(&json!("EmaCross($fast)"), &json!({})));
    let fixed = parse(&strategy(&json!("EmaCross(9)"), &json!({})));
    assert_eq!(open.resolve(&given(&[("fast", 9.0)])).unwrap().signals, fixed.signals);
}

#[track_caller]
fn refused(name: &str, value: f64, expected: &str) {
    let strategy = parse(&strategy(&json!("close > $fast"), &json!({})));
    let fault = strategy.check_parameter(name, value).unwrap_err();
    let hint = fault.hint.as_deref().unwrap_or_default();
    assert_eq!(format!("{} {}: {} ({hint})", fault.pointer, fault.code, fault.message), expected);
    assert_eq!(strategy.resolve(&given(&[(name, value)])).unwrap_err().0, [fault]);
}

#[test]
fn values_out_of_range_are_refused() {
    refused("fast", 4.0, "/fast out_of_range: \"fast\" is 4, out of its range (from 5 to 45)");
    refused(
        "fast",
        7.5,
        "/fast wrong_type: \"fast\" is 7.5, it takes whole numbers (from 5 to 45)",
    );
    refused(
        "fastt",
        7.0,
        "/fastt unknown_name: the strategy has no parameter \"fastt\" (did you mean \"fast\"?)",
    );
    refused(
        "zzzzzz",
        7.0,
        "/zzzzzz unknown_name: the strategy has no parameter \"zzzzzz\" (it has fast, level, slow)",
    );
    refused(
        "level",
        f64::NAN,
        "/level out_of_range: \"level\" is not a finite number, out of its range (from 0 to 100)",
    );
    let strategy = parse(&strategy(&json!("close > $fast"), &json!({})));
    assert_eq!(strategy.check_parameter("level", 99.75), Ok(()));
}

#[test]
fn a_parameter_without_default_needs_a_value() {
    let value = json!({"signals": {"long": "close > $a"}, "params": {"a": {"float": [0, 1, 0.1]}}});
    let strategy = parse(&value);
    let faults = strategy.resolve(&given(&[])).unwrap_err();
    assert_eq!(faults.to_string(), "/a: the parameter \"a\" has no default and no value");
    assert!(strategy.resolve(&given(&[("a", 0.5)])).is_ok());
}

#[test]
fn constraints_compare_parameters() {
    let check = |constraint: Value, fast: f64, slow: f64, expected: bool| {
        let value =
            json!({"signals": {"long": true}, "params": params(), "constraints": [constraint]});
        let strategy = parse(&value);
        assert_eq!(
            strategy.satisfies(&given(&[("fast", fast), ("slow", slow)])),
            expected,
            "{value}"
        );
    };
    check(json!("fast < slow"), 10.0, 20.0, true);
    check(json!("fast < slow"), 20.0, 20.0, false);
    check(json!({"lt": ["fast", {"$": "slow"}]}), 10.0, 20.0, true);
    check(json!("$slow >= 2 * fast and not (slow == 30 or abs(fast - 12) > 5)"), 12.0, 24.0, true);
    check(json!("$slow >= 2 * fast and not (slow == 30 or abs(fast - 12) > 5)"), 12.0, 30.0, false);
    check(json!("slow / (fast - 12) < 1"), 12.0, 20.0, false);
    check(json!("not (slow / (fast - 12) < 1)"), 12.0, 20.0, false);
    check(json!("max(fast, slow) - min(fast, slow) != 10"), 10.0, 20.0, false);
    check(json!("level == 30"), 10.0, 20.0, true);
}

#[test]
fn warmup_follows_the_resolved_windows() {
    let base: Timeframe = "15m".parse().unwrap();
    let parsed = parse(&strategy(&json!("DualEmaCross($fast, $slow)"), &json!({})));
    let resolved = parsed.resolve(&given(&[])).unwrap();
    assert_eq!(warmup(&resolved.signals, &[], base), 512);
    let slow = parsed.resolve(&given(&[("slow", 200.0)])).unwrap();
    assert_eq!(warmup(&slow.signals, &[], base), 4_096);
}

#[test]
fn other_candles_are_listed_and_checked_against_the_base() {
    let parsed = parse(&strategy(
        &json!("ema(20, tf: 4h) > scope(sma(5, tf: 1d), tf: 1h) or close(ticker: ETHUSDT) > 1"),
        &json!({}),
    ));
    let tf = |text: &str| text.parse::<HigherTimeframe>().unwrap();
    let found = scopes(&parsed.signals, &[]);
    assert_eq!(found.timeframes, [tf("1h"), tf("4h"), tf("1d")].into());
    assert_eq!(found.tickers, ["ETHUSDT".to_owned()].into());
    let base = |text: &str| text.parse::<Timeframe>().unwrap();
    assert_eq!(misfit(&parsed.signals, &[], base("15m")), None);
    assert_eq!(misfit(&parsed.signals, &[], base("2h")), Some((tf("1h"), tf("2h"))));
}
