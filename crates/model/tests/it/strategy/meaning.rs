//! Tree and text make the same canonical form, and that form is written out.

use serde_json::{Value, json};

use super::{long, parse, signals, strategy};
use model::strategy::{canonical_json, expr_json};

/// Tree and text mean `expected`, which also means itself.
#[track_caller]
fn check(tree: &Value, text: &str, expected: &str) {
    assert_eq!(long(tree), expected);
    assert_eq!(long(&json!(text)), expected);
    assert_eq!(long(&serde_json::from_str(expected).unwrap()), expected);
}

#[test]
fn comparisons_and_crosses() {
    for (word, sign) in
        [("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")]
    {
        let expected = format!("{{\"{word}\":[\"close\",\"open\"]}}");
        check(&json!({word: ["close", "open"]}), &format!("close {sign} open"), &expected);
    }
    check(
        &json!({"crossUp": [{"ema": {"n": {"$": "fast"}}}, {"ema": {"of": "close", "n": 26.0}}]}),
        "crossUp(ema(close, $fast), ema(26))",
        r#"{"crossUp":[{"ema":{"n":{"$":"fast"},"of":"close"}},{"ema":{"n":26,"of":"close"}}]}"#,
    );
    check(
        &json!({"crossDown": ["hl2", {"sma": [20]}]}),
        "crossDown(hl2, sma(n: 20))",
        r#"{"crossDown":["hl2",{"sma":{"n":20,"of":"close"}}]}"#,
    );
}

#[test]
fn an_ema_says_what_it_is_seeded_with() {
    check(
        &json!({"gt": ["close", {"ema": {"n": 9, "seed": "first"}}]}),
        "close > ema(9, seed: first)",
        r#"{"gt":["close",{"emaFirst":{"n":9,"of":"close"}}]}"#,
    );
    check(
        &json!({"gt": ["close", {"ema": {"n": 9, "seed": "mean", "tf": "4h"}}]}),
        "close > ema(close, 9, tf: 4h, seed: mean)",
        r#"{"gt":["close",{"scope":{"of":{"ema":{"n":9,"of":"close"}},"tf":"4h"}}]}"#,
    );
}

#[test]
fn all_any_not_are_flattened_sorted_deduplicated_and_collapsed() {
    check(
        &json!({"all": [{"gt": ["open", 2]}, {"all": [{"lt": ["close", 1.0]}, {"gt": ["open", 2.0]}]}]}),
        "open > 2 and (close < 1 and open > 2.0)",
        r#"{"all":[{"gt":["open",2]},{"lt":["close",1]}]}"#,
    );
    check(&json!({"any": [{"all": {"lt": ["close", 1]}}]}), "close < 1", r#"{"lt":["close",1]}"#);
    check(
        &json!({"not": {"all": [{"lt": ["close", 1]}, {"not": {"is": "pivots.isHigh"}}, {"crossUp": ["close", "open"]}]}}),
        "not (close < 1 and not pivots.isHigh and crossUp(close, open))",
        r#"{"any":[{"ge":["close",1]},{"is":{"pivots":{"left":5,"output":"isHigh","right":5}}},{"not":{"crossUp":["close","open"]}}]}"#,
    );
    check(
        &json!({"not": {"within": [{"held": [{"eq": ["close", 1]}, 3]}, 5]}}),
        "not within(held(close == 1, 3), 5)",
        r#"{"held":[{"within":[{"ne":["close",1]},3]},5]}"#,
    );
    check(
        &json!({"within": [{"held": [{"lt": ["close", 1]}, 1]}, 1]}),
        "close < 1",
        r#"{"lt":["close",1]}"#,
    );
    check(&json!({"any": [true, {"lt": ["close", 1]}]}), "true or close < 1", "true");
    check(
        &json!({"all": [true, {"lt": ["close", 1]}]}),
        "not false and close < 1",
        r#"{"lt":["close",1]}"#,
    );
}

#[test]
fn arithmetic_keeps_its_order_of_operations() {
    check(
        &json!({"gt": [{"+": ["open", "high", {"x": [2, "low"]}]}, {"-": [{"/": ["close", 2]}, 1]}]}),
        "open + high + 2 * low > close / 2 - 1",
        r#"{"gt":[{"+":["open","high",{"*":[2,"low"]}]},{"-":[{"/":["close",2]},1]}]}"#,
    );
    check(
        &json!({"gt": [{"+": ["open", {"+": ["high", "low"]}]}, {"+": [{"+": ["open", "high"]}, "low"]}]}),
        "open + (high + low) > (open + high) + low",
        r#"{"gt":[{"+":["open",{"+":["high","low"]}]},{"+":["open","high","low"]}]}"#,
    );
    check(
        &json!({"gt": [{"-": [{"-": ["open", "high"]}, "low"]}, {"*": [{"/": ["open", "high"]}, "low"]}]}),
        "open - high - low > open / high * low",
        r#"{"gt":[{"-":[{"-":["open","high"]},"low"]},{"*":[{"/":["open","high"]},"low"]}]}"#,
    );
    check(
        &json!({"lt": [{"*": [-1, "close"]}, -0.0]}),
        "-close < -0",
        r#"{"lt":[{"*":[-1,"close"]},0]}"#,
    );
    check(
        &json!({"lt": [{"abs": {"-": ["close", "open"]}}, {"min": [1e-7, {"max": ["open", 1, 2]}]}]}),
        "abs(close - open) < min(1e-7, max(open, 1, 2))",
        r#"{"lt":[{"abs":{"-":["close","open"]}},{"min":[1e-7,{"max":["open",1,2]}]}]}"#,
    );
}

#[test]
fn windows_and_memory() {
    check(
        &json!({"all": [{"rising": ["close", 3]}, {"falling": ["volume"]}]}),
        "rising(close, 3) and falling(volume)",
        r#"{"all":[{"falling":["volume",1]},{"rising":["close",3]}]}"#,
    );
    check(
        &json!({"gt": [{"sum": ["volume", {"$": "fast"}]}, {"percentRank": [{"prev": ["close"]}, 50]}]}),
        "sum(volume, $fast) > percentRank(prev(close), 50)",
        r#"{"gt":[{"sum":["volume",{"$":"fast"}]},{"percentRank":[{"prev":["close",1]},50]}]}"#,
    );
    check(
        &json!({"lt": [{"barsSince": {"crossUp": ["close", "open"]}}, {"countTrue": [{"lt": ["close", "open"]}, 9]}]}),
        "barsSince(crossUp(close, open)) < countTrue(close < open, 9)",
        r#"{"lt":[{"barsSince":{"crossUp":["close","open"]}},{"countTrue":[{"lt":["close","open"]},9]}]}"#,
    );
    check(
        &json!({"gt": [{"if": [{"lt": ["close", "open"]}, "high", "low"]}, {"valueWhen": [{"gt": ["close", "open"]}, "close"]}]}),
        "if(close < open, high, low) > valueWhen(close > open, close)",
        r#"{"gt":[{"if":[{"lt":["close","open"]},"high","low"]},{"valueWhen":[{"gt":["close","open"]},"close"]}]}"#,
    );
}

#[test]
fn times_of_day_have_zones_by_their_proper_names() {
    check(
        &json!({"all": [{"ge": [{"hour": {"tz": "america/new_york"}}, 9]}, {"lt": ["dayOfWeek", 6]}]}),
        "hour(tz: 'America/New_York') >= 9 and dayOfWeek < 6",
        r#"{"all":[{"ge":[{"hour":{"tz":"America/New_York"}},9]},{"lt":["dayOfWeek",6]}]}"#,
    );
    check(
        &json!({"ge": [{"minuteOfSession": {"tz": "UTC"}}, {"minute": {}}]}),
        "minuteOfSession >= minute(tz: UTC)",
        r#"{"ge":["minuteOfSession","minute"]}"#,
    );
}

#[test]
fn other_candles_are_scopes() {
    check(
        &json!({"eq": ["supertrend(10, 3, tf: 60m).direction", 1]}),
        "supertrend(n: 10, tf: 1h, output: direction) == 1",
        r#"{"eq":[{"scope":{"of":{"supertrend":{"mult":3,"n":10,"output":"direction"}},"tf":"1h"}},1]}"#,
    );
    check(
        &json!({"gt": [{"close": {"ticker": "ETHUSDT"}}, {"scope": {"of": {"+": ["open", 1]}, "tf": "1d", "ticker": "BTC-PERP"}}]}),
        "close(ticker: ETHUSDT) > scope(open + 1, tf: 1d, ticker: \"BTC-PERP\")",
        r#"{"gt":[{"scope":{"of":"close","ticker":"ETHUSDT"}},{"scope":{"of":{"+":["open",1]},"tf":"1d","ticker":"BTC-PERP"}}]}"#,
    );
    check(
        &json!({"not": {"scope": {"of": {"lt": ["close", "open"]}, "tf": "4h"}}}),
        "not scope(close < open, tf: 4h)",
        r#"{"scope":{"of":{"ge":["close","open"]},"tf":"4h"}}"#,
    );
}

#[test]
fn indicators_are_inlined_with_their_outputs() {
    let indicators = json!({
        "f": {"ema": {"n": {"$": "fast"}}},
        "gap": "f - s",
        "s": {"ema": {"of": "close", "n": {"$": "slow"}}},
        "st": {"supertrend": {"n": 10, "mult": 3, "tf": "1h"}},
        "rd": {"rsiDivergence": {"rsi": 14, "left": 5, "right": 3, "within": 60}},
        "up": {"crossUp": ["f", "s"]},
        "atr": {"atr": {}},
    });
    let tree = json!({"all": ["up", {"gt": ["gap", {"*": [2, "atr"]}]}, {"within": [{"is": "rd.bear"}, 5]}, {"eq": ["st.direction", 1]}]});
    let text = json!("up and gap > 2 * atr and within(rd.bear, 5) and st.direction == 1");
    let inline = json!(
        "crossUp(ema($fast), ema($slow)) and ema(close, $fast) - ema(close, $slow) > 2 * atr(14) \
         and within(is(rsiDivergence(14, 5, 3, 60).bear), 5) \
         and supertrend(10, 3, tf: 1h).direction == 1"
    );
    let expected = signals(&strategy(&inline, &json!({})));
    assert_eq!(signals(&strategy(&tree, &indicators)), expected);
    assert_eq!(signals(&strategy(&text, &indicators)), expected);
}

#[test]
fn state_of_the_account_is_read_where_it_is_known() {
    let value = json!({
        "indicators": {"late": {"ge": ["barsInTrade", 10]}},
        "signals": {
            "long": {"all": [{"eq": ["lastExitReason", "stop_loss"]}, {"gt": ["barsSinceExit", 3]}]},
            "short": "lastExitReason != take_profit",
            "exitLong": "late and (openPnlPct > 2 * atr(14) or not (maxFavourablePct < 1))",
            "exitShort": {"lt": [{"abs": "close"}, "minutesInTrade"]},
        },
    });
    assert_eq!(
        signals(&value),
        concat!(
            r#"{"exitLong":{"all":[{"any":[{"ge":["maxFavourablePct",1]},"#,
            r#"{"gt":["openPnlPct",{"*":[2,{"atr":{"n":14}}]}]}]},{"ge":["barsInTrade",10]}]},"#,
            r#""exitShort":{"lt":[{"abs":"close"},"minutesInTrade"]},"#,
            r#""long":{"all":[{"eq":["lastExitReason","stop_loss"]},{"gt":["barsSinceExit",3]}]},"#,
            r#""short":{"not":{"eq":["lastExitReason","take_profit"]}}}"#
        )
    );
}

#[test]
fn a_signal_column_replaces_the_conditions() {
    let hash = model::Digest::of(b"column");
    let strategy = parse(&json!({"schema": 1, "name": "mine", "signalColumn": hash.to_string()}));
    assert_eq!(strategy.signal_column, Some(hash));
    assert_eq!(strategy.name, "mine");
    assert_eq!(canonical_json(&strategy.signals), "{}");
}

#[test]
fn levels_name_the_indicators_of_their_strategy() {
    let value = json!({
        "indicators": {"atr14": {"atr": {"n": 14}}, "cross": "EmaCross", "late": "barsInTrade > 3"},
        "signals": {"long": "close > open"},
        "params": {"k": {"float": [1, 4, 0.5], "default": 2}},
    });
    let strategy = parse(&value);
    let mut faults = model::Faults::default();
    let at = "/moneyManagement/stop/distance";
    let tree = strategy.parse_expr(&json!({"*": [{"$": "k"}, "atr14"]}), at, &mut faults).unwrap();
    assert_eq!(expr_json(&tree), r#"{"*":[{"$":"k"},{"atr":{"n":14}}]}"#);
    assert_eq!(strategy.parse_expr(&json!("$k * atr14"), at, &mut faults), Some(tree.clone()));
    let values = strategy.values(&super::given(&[("k", 3.0)])).unwrap();
    let resolved = model::strategy::resolve_expr(&tree, &values);
    assert_eq!(expr_json(&resolved), r#"{"*":[3,{"atr":{"n":14}}]}"#);
    assert!(faults.is_empty());
    for (value, message) in [
        (
            json!("barsInTrade + 1"),
            "column 1: \"barsInTrade\" may be read in exitLong and exitShort only",
        ),
        (json!({"countTrue": ["cross", 3]}), "column 1: \"cross\" has a long and a short side"),
        (
            json!({"countTrue": ["late", 3]}),
            "column 1: \"late\" may be read in exitLong and exitShort only",
        ),
        (
            json!({"countTrue": ["EmaTrend(5)", 3]}),
            "column 1: \"EmaTrend\" has a long and a short side",
        ),
    ] {
        let mut faults = model::Faults::default();
        assert_eq!(strategy.parse_expr(&value, at, &mut faults), None);
        assert_eq!(faults.0[0].message, message);
        assert!(faults.0[0].pointer.starts_with(at));
    }
}
