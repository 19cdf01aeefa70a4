//! Named signals and scenarios are macros: they have the canonical form of what they stand for.

use serde_json::{Value, json};

use super::{fault_lines, long, params, signals};
use model::strategy::{NamedSignal, SignalDefault, SignalValues};

/// `value` in `long` and `short` is `long_side` and `short_side`; exits mean the other side.
#[track_caller]
fn check(value: &Value, long_side: &str, short_side: &str) {
    let named = json!({
        "signals": {"long": value, "short": value, "exitLong": value, "exitShort": value},
        "params": params(),
    });
    let plain = json!({
        "signals": {"long": long_side, "short": short_side, "exitLong": short_side, "exitShort": long_side},
        "params": params(),
    });
    assert_eq!(signals(&named), signals(&plain));
}

#[test]
fn named_signals_stand_for_their_text() {
    check(&json!("EmaCross"), "crossUp(close, ema(20))", "crossDown(close, ema(20))");
    check(
        &json!({"EmaCross": {"n": {"$": "fast"}}}),
        "crossUp(close, ema($fast))",
        "crossDown(close, ema($fast))",
    );
    check(
        &json!("EmaCross(n: 50, tf: 4h)"),
        "scope(crossUp(close, ema(50)), tf: 4h)",
        "scope(crossDown(close, ema(50)), tf: 4h)",
    );
    check(
        &json!("DualEmaCross($fast, $slow)"),
        "crossUp(ema($fast), ema($slow))",
        "crossDown(ema($fast), ema($slow))",
    );
    check(
        &json!({"MacdCross": {}}),
        "crossUp(macd, macd.signal)",
        "crossDown(macd.line, macd.signal)",
    );
    check(&json!("EmaTrend"), "close > ema(200)", "close < ema(200)");
    check(
        &json!("SuperTrend"),
        "crossUp(supertrend.direction, 0)",
        "crossDown(supertrend.direction, 0)",
    );
    check(
        &json!({"SuperTrend": {"role": "trend", "mult": 2}}),
        "supertrend(mult: 2).direction == 1",
        "supertrend(mult: 2).direction == -1",
    );
    check(
        &json!("SuperTrend(ema: 50, w: 3)"),
        "supertrend.direction == 1 and within(crossUp(supertrend.direction, 0), 3) and within(crossUp(close, ema(50)), 3)",
        "supertrend.direction == -1 and within(crossDown(supertrend.direction, 0), 3) and within(crossDown(close, ema(50)), 3)",
    );
    check(&json!("RsiCross(low: $level)"), "crossUp(rsi(14), $level)", "crossDown(rsi, 70)");
    check(&json!("RsiDivergence"), "rsiDivergence.bull", "rsiDivergence.bear");
    check(
        &json!("RsiDivergence(confirm: $level)"),
        "rsiDivergence.bull and rsi > $level",
        "rsiDivergence.bear and rsi < 100 - $level",
    );
    check(
        &json!("ChandelierExit"),
        "crossUp(chandelier.direction, 0)",
        "crossDown(chandelier.direction, 0)",
    );
    check(
        &json!("StochRsiTrend(hold: 1)"),
        "crossUp(stochRsi.k, stochRsi.d) and stochRsi.k < 20",
        "crossDown(stochRsi.k, stochRsi.d) and stochRsi.k > 80",
    );
    check(
        &json!("BollingerPercentB"),
        "crossUp(bollinger.percentB, 0)",
        "crossDown(bollinger.percentB, 1)",
    );
    check(&json!("Stc"), "crossUp(stcSchaff, 25)", "crossDown(stcSchaff, 75)");
    check(&json!("StDevContext"), "abs(zscore(50)) < 3", "abs(zscore(50)) < 3");
    check(
        &json!("StDevContext(state: normal)"),
        "abs(zscore(50)) >= 1 and abs(zscore(50)) < 3",
        "abs(zscore(50)) >= 1 and abs(zscore(50)) < 3",
    );
}

#[test]
fn a_definition_with_a_named_signal_takes_the_side_of_its_place() {
    let value = json!({
        "indicators": {"cross": {"all": ["EmaCross(9)", "EmaTrend"]}},
        "signals": {"long": "cross", "short": "cross", "exitLong": {"not": "cross"}},
    });
    let plain = json!({"signals": {
        "long": "crossUp(close, ema(9)) and close > ema(200)",
        "short": "crossDown(close, ema(9)) and close < ema(200)",
        "exitLong": "not (crossDown(close, ema(9)) and close < ema(200))",
    }});
    assert_eq!(signals(&value), signals(&plain));
}

#[test]
fn a_scenario_wants_entries_within_the_lookback_and_filters_now() {
    let value = json!({
        "scenario": ["EmaCross", {"RsiCross": {"n": 7}}, {"SuperTrend": {"role": "trend"}}, "StDevContext(state: calm)"],
        "lookback": {"$": "fast"},
        "signals": {"exitLong": "rsi > 80"},
        "params": params(),
    });
    let plain = json!({
        "signals": {
            "long": "within(crossUp(close, ema(20)), $fast) and within(crossUp(rsi(7), 30), $fast) \
                     and supertrend.direction == 1 and abs(zscore(50)) < 1",
            "short": "within(crossDown(close, ema(20)), $fast) and within(crossDown(rsi(7), 70), $fast) \
                      and supertrend.direction == -1 and abs(zscore(50)) < 1",
            "exitLong": "rsi > 80",
        },
        "params": params(),
    });
    assert_eq!(signals(&value), signals(&plain));
    let bare = json!({"scenario": ["EmaCross"], "signals": {}});
    let one = json!({"scenario": ["EmaCross"]});
    assert_eq!(signals(&bare), signals(&one));
    let plain = json!({"signals": {"long": "crossUp(close, ema(20))", "short": "crossDown(close, ema(20))"}});
    assert_eq!(signals(&one), signals(&plain));
}

#[test]
fn faulty_scenarios_are_refused() {
    let check = |value: Value, expected: &str| assert_eq!(fault_lines(&value), [expected]);
    check(
        json!({"scenario": ["EmaTrend"]}),
        "/scenario missing_field: the scenario has no entry signal (add one that starts trades, such as \"EmaCross\")",
    );
    check(
        json!({"scenario": ["EmaCros"]}),
        "/scenario/0 unknown_name: column 1: \"EmaCros\" is not a named signal (did you mean \"EmaCross\"?)",
    );
    check(
        json!({"scenario": ["EmaCross"], "lookback": 0}),
        "/lookback out_of_range: \"lookback\" of \"scenario\" is 0 (write a whole number from 1 to 10000)",
    );
    check(
        json!({"scenario": [{"EmaCross": {"m": 3}}]}),
        "/scenario/0/EmaCross/m unknown_field: \"EmaCross\" has no argument \"m\" (did you mean \"n\"?)",
    );
    check(
        json!({"scenario": [{"SuperTrend": {"role": "exit"}}]}),
        "/scenario/0/SuperTrend/role unknown_name: \"role\" of \"SuperTrend\" is \"exit\" (write one of entry, trend)",
    );
    check(
        json!({"scenario": ["EmaCross"], "signals": {"long": "close > open"}}),
        "/signals/long conflict: the scenario makes \"long\" (beside a scenario, write exitLong and exitShort only)",
    );
}

#[test]
fn every_named_signal_takes_both_ends_of_each_range() {
    for signal in NamedSignal::ALL {
        let info = signal.info();
        long(&json!(info.name));
        for arg in info.args {
            let values: Vec<Value> = match arg.values {
                SignalValues::Int(min, max) | SignalValues::Float(min, max) => {
                    vec![json!(min), json!(max)]
                }
                SignalValues::Choice(words) => words.iter().map(|word| json!(word)).collect(),
            };
            for value in values {
                long(&json!({info.name: {arg.name: value}}));
            }
            if let SignalDefault::Number(default) = arg.default {
                let given = long(&json!({info.name: {arg.name: default}}));
                assert_eq!(given, long(&json!(info.name)));
            }
        }
    }
}
