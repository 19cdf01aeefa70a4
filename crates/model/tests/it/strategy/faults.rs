//! What is refused: pointer, code, message with its column, hint.

use serde_json::{Value, json};

use super::{fault_lines, params, strategy};

#[track_caller]
fn check(long: &Value, expected: &[&str]) {
    assert_eq!(fault_lines(&strategy(long, &json!({}))), expected);
}

/// One fault of a text, at /signals/long.
#[track_caller]
fn text(text: &str, expected: &str) {
    check(&json!(text), &[&format!("/signals/long {expected}")]);
}

/// One fault of a whole strategy.
#[track_caller]
fn whole(value: &Value, expected: &str) {
    assert_eq!(fault_lines(value), [expected]);
}

#[test]
fn only_an_ema_has_a_seed_and_it_is_one_of_two() {
    text(
        "close > ema(9, seed: last)",
        "out_of_range: column 22: \"seed\" of \"ema\" is \"last\" (write mean (of the first n values) or \
         first (the first value))",
    );
    text(
        "close > rma(9, seed: first)",
        "unknown_field: column 22: \"rma\" has no argument \"seed\" (it has of, n, tf, ticker, output)",
    );
    text(
        "close > ema(9, smoothing: 3)",
        "unknown_field: column 27: \"ema\" has no argument \"smoothing\" (it has of, n, tf, ticker, \
         output, seed)",
    );
    text(
        "close > ema(9, sed: first)",
        "unknown_field: column 21: \"ema\" has no argument \"sed\" (did you mean \"seed\"?)",
    );
}

#[test]
fn texts_are_refused_with_their_column() {
    text("close > opne2", "unknown_name: column 9: unknown name \"opne2\"");
    text(
        "crossUp(emaa(close, 9), open)",
        "unknown_name: column 9: \"emaa\" is no operator, indicator or signal (did you mean \"ema\"?)",
    );
    text(
        "crossUp(ema(close, n: 9, m: 3), open)",
        "unknown_field: column 29: \"ema\" has no argument \"m\" (did you mean \"n\"?)",
    );
    text(
        "supertrend(10, 3).dirction == 1",
        "unknown_name: column 19: \"supertrend\" has no output \"dirction\" (did you mean \"direction\"?)",
    );
    text(
        "close > $fastt",
        "unknown_name: column 9: the strategy has no parameter \"fastt\" (did you mean \"fast\"?)",
    );
    text(
        "close > fast",
        "unknown_name: column 9: unknown name \"fast\" (a parameter is written $fast, in the tree {\"$\": \"fast\"})",
    );
    text(
        "ema(close, fast) > 1",
        "wrong_type: column 12: \"n\" of \"ema\" is a number or a parameter, not \"fast\" (write $fast, in the tree {\"$\": \"fast\"})",
    );
    text("close > ", "bad_text: column 9: unexpected end of text where a value belongs");
    text(
        "close > open open",
        "bad_text: column 14: unexpected \"open\" after the end of the expression",
    );
    text("close > (open", "bad_text: column 14: unexpected end of text where \")\" belongs");
    text(
        "close > ema(close 9)",
        "bad_text: column 19: unexpected number where \",\" or \")\" belongs",
    );
    text(
        "close > ema(n: 9, close)",
        "bad_text: column 19: unexpected \"close\" after a named argument (name the later ones too)",
    );
    text("close = open", "bad_text: column 7: unexpected \"=\" (write \"==\" to compare)");
    text("close > 1 && close < 2", "bad_text: column 11: unexpected \"&\" (write \"and\")");
    text(
        "1 < close < 2",
        "bad_text: column 11: unexpected \"<\" in a chain of comparisons (write \"a < b and b < c\")",
    );
    text("é > 1", "bad_text: column 1: unexpected \"é\"");
    text("close > 'abc", "bad_text: column 9: the quoted text has no end");
    text("close > 1x", "bad_text: column 9: \"1x\" is no number that fits");
    text("close > 1e999", "bad_text: column 9: \"1e999\" is no number that fits");
    text("close > $", "bad_text: column 9: \"$\" is followed by the name of a parameter");
    text("ema(close, 20) > and", "bad_text: column 18: unexpected \"and\" where a value belongs");
    text("", "bad_text: column 1: unexpected end of text where a value belongs");
    text(
        "ema(close, 0) > 1",
        "out_of_range: column 12: \"n\" of \"ema\" is 0 (write a whole number from 1 to 10000)",
    );
    text(
        "ema(close, 2.5) > 1",
        "wrong_type: column 12: \"n\" of \"ema\" is 2.5 (write a whole number from 1 to 10000)",
    );
    text(
        "ema(close) > 1",
        "missing_field: column 1: \"ema\" needs \"n\" (its arguments are of, n)",
    );
    text(
        "ema(close, 1, 2) > 1",
        "wrong_type: column 15: \"ema\" takes at most 2 arguments, not 3 (they are of, n, tf, ticker, output, seed)",
    );
    text(
        "within(close > open, 10001)",
        "out_of_range: column 22: \"n\" of \"within\" is 10001 (write a whole number from 1 to 10000)",
    );
    text(
        "ema(close, $level) > 1",
        "wrong_type: column 12: \"n\" of \"ema\" is whole, the parameter \"level\" is a float (declare it as {\"int\": [min, max, step]})",
    );
    text(
        "ema(close, 9, tf: 7m) > 1",
        "out_of_range: column 19: \"7m\" is not a timeframe: write whole minutes that divide a day, such as 1m, 15m, 1h, 4h, 1d, or 1w, or 1M for months",
    );
    text(
        "hour(tz: 'Mars/Base') > 1",
        "unknown_name: column 10: \"Mars/Base\" is not an IANA time zone (write a name such as \"America/New_York\")",
    );
    text("ema(close, 9, n: 9) > 1", "bad_text: column 18: \"n\" of \"ema\" is given twice");
    text(
        "lastExitReason == stoploss",
        "unknown_name: column 19: \"stoploss\" is not a reason of an exit (did you mean \"stop_loss\"?)",
    );
    text(
        "lastExitReason > stop_loss",
        "wrong_type: column 1: \"lastExitReason\" has no order (compare it with eq or ne)",
    );
}

#[test]
fn numbers_and_conditions_are_not_converted() {
    text(
        "close",
        "wrong_type: column 1: \"close\" is a number, not a condition (compare it with another number, as in \"close > 0\")",
    );
    text(
        "close > open > 1 and 2",
        "bad_text: column 14: unexpected \">\" in a chain of comparisons (write \"a < b and b < c\")",
    );
    text(
        "ema(close > open, 9) > 1",
        "wrong_type: column 5: \">\" is a condition, not a number (use a condition by itself, or count it with countTrue or barsSince)",
    );
    text(
        "pivots.isHigh > 1",
        "wrong_type: column 8: \"pivots.isHigh\" is a condition, not a number (use a condition by itself, or count it with countTrue or barsSince)",
    );
    text(
        "is(close)",
        "wrong_type: column 4: \"close\" is a number, not a condition (compare it with another number, as in \"close > 0\")",
    );
    text(
        "not rsi",
        "wrong_type: column 5: \"rsi\" is a number, not a condition (compare it with another number, as in \"rsi > 0\")",
    );
    check(
        &json!({"all": [{"lt": ["close", {"crossUp": ["close", "open"]}]}, {"is": "rsi"}, {"gt": ["close"]}, 5]}),
        &[
            "/signals/long/all/0/lt/1 wrong_type: \"crossUp\" is a condition, not a number (use a condition by itself, or count it with countTrue or barsSince)",
            "/signals/long/all/1/is wrong_type: column 1: \"rsi\" is a number, not a condition (compare it with another number, as in \"rsi > 0\")",
            "/signals/long/all/2 wrong_type: \"gt\" takes 2 operands, not 1",
            "/signals/long/all/3 wrong_type: \"5\" is a number, not a condition (compare it with another number)",
        ],
    );
}

#[test]
fn trees_are_refused_with_their_pointer() {
    check(
        &json!({"lt": ["close", 1], "gt": ["close", 1]}),
        &[
            "/signals/long wrong_type: a node is an object with one key, not 2 (write {\"lt\": [a, b]} or {\"ema\": {\"of\": \"close\", \"n\": 20}})",
        ],
    );
    check(
        &json!({}),
        &[
            "/signals/long wrong_type: a node is an object with one key, not 0 (write {\"lt\": [a, b]} or {\"ema\": {\"of\": \"close\", \"n\": 20}})",
        ],
    );
    check(
        &json!({"lt": ["close", null]}),
        &[
            "/signals/long/lt/1 wrong_type: null is no part of a strategy (write a number, a name, a text, or an object such as {\"lt\": [a, b]})",
        ],
    );
    check(
        &json!({"less": ["close", 1]}),
        &["/signals/long unknown_name: \"less\" is no operator, indicator or signal"],
    );
    check(
        &json!({"and": [true, true]}),
        &[
            "/signals/long unknown_name: \"and\" is no operator, indicator or signal (write \"all\" in the tree)",
        ],
    );
    check(
        &json!({"lt": ["close", {"$": "fats"}]}),
        &[
            "/signals/long/lt/1 unknown_name: the strategy has no parameter \"fats\" (did you mean \"fast\"?)",
        ],
    );
    check(
        &json!({"lt": ["close", {"$": 3}]}),
        &["/signals/long/lt/1/$ wrong_type: the name of a parameter is a string"],
    );
    check(
        &json!({"lt": ["close", {"ema": {"of": "clsoe", "m": 3}}]}),
        &[
            "/signals/long/lt/1/ema/m unknown_field: \"ema\" has no argument \"m\" (did you mean \"n\"?)",
            "/signals/long/lt/1/ema/of unknown_name: column 1: unknown name \"clsoe\" (did you mean \"close\"?)",
        ],
    );
    check(
        &json!({"lt": ["close", {"ema": {"of": "closs", "n": "x"}}]}),
        &[
            "/signals/long/lt/1/ema/of unknown_name: column 1: unknown name \"closs\" (did you mean \"close\"?)",
            "/signals/long/lt/1/ema/n wrong_type: column 1: \"n\" of \"ema\" is a number or a parameter, not \"x\"",
        ],
    );
    check(
        &json!({"lt": [{"macd": {"output": "lines"}}, 1]}),
        &[
            "/signals/long/lt/0/macd/output unknown_name: \"macd\" has no output \"lines\" (did you mean \"line\"?)",
        ],
    );
    check(
        &json!({"lt": [{"ema": {"n": 3, "tf": 5}}, 1]}),
        &["/signals/long/lt/0/ema/tf wrong_type: \"tf\" is a text, not \"5\""],
    );
    check(
        &json!({"lt": [{"ema": {"n": 3, "ticker": "../x y"}}, 1]}),
        &[
            "/signals/long/lt/0/ema/ticker out_of_range: a ticker is 1 to 64 of the characters A-Z a-z 0-9 . _ : / -, not \"../x y\"",
        ],
    );
    check(
        &json!({"lt": [{"scope": {"of": "close"}}, 1]}),
        &[
            "/signals/long/lt/0 missing_field: \"scope\" names no other candles (write tf, ticker or both)",
        ],
    );
    check(
        &json!({"within": [true, "x"]}),
        &[
            "/signals/long/within/1 wrong_type: column 1: \"n\" of \"within\" is a number or a parameter, not \"x\"",
        ],
    );
    check(&json!({"if": [true, 1]}), &["/signals/long wrong_type: \"if\" takes 3 operands, not 2"]);
}

#[test]
fn definitions_are_refused_once_where_they_stand() {
    let check = |indicators: Value, long: Value, expected: &[&str]| {
        assert_eq!(fault_lines(&strategy(&long, &indicators)), expected);
    };
    check(
        json!({"a": "b", "b": {"abs": "c"}, "c": "a"}),
        json!("a > b"),
        &[
            "/indicators/c circular: column 1: \"a\" needs \"b\" needs \"c\" needs \"a\": indicators go in a circle",
        ],
    );
    check(
        json!({"a": "a"}),
        json!("a > 1"),
        &["/indicators/a circular: column 1: \"a\" needs \"a\": indicators go in a circle"],
    );
    check(
        json!({"a": {"emma": {}}}),
        json!("a > 1 and crossUp(a, a)"),
        &[
            "/indicators/a unknown_name: \"emma\" is no operator, indicator or signal (did you mean \"ema\"?)",
        ],
    );
    check(
        json!({"close": 3}),
        json!("close > 1"),
        &["/indicators/close bad_name: \"close\" has a meaning of its own (choose another name)"],
    );
    check(
        json!({"a b": 3}),
        json!("close > 1"),
        &[
            "/indicators/a b bad_name: \"a b\" is not a name (write letters, digits and \"_\", at most 64, and no word of the language)",
        ],
    );
    check(
        json!({"fast1": 3}),
        json!("fast2 > 1"),
        &["/signals/long unknown_name: column 1: unknown name \"fast2\" (did you mean \"fast1\"?)"],
    );
    check(
        json!({"a": "ema(9)"}),
        json!("a.line > 1"),
        &["/signals/long unknown_name: column 3: \"ema\" has no output \"line\" (it has value)"],
    );
    check(
        json!({"a": "macd.line"}),
        json!("a.signal > 1"),
        &["/signals/long unknown_name: column 3: \"a\" has no outputs to choose from"],
    );
    check(
        json!({"a": "SuperTrend(10, 3).direction"}),
        json!(true),
        &[
            "/indicators/a unknown_name: column 19: \"SuperTrend\" has no outputs to choose from (did you mean \"supertrend\"?)",
        ],
    );
    check(
        json!({"a": "barsInTrade > 3"}),
        json!("a"),
        &["/signals/long not_here: column 1: \"a\" may be read in exitLong and exitShort only"],
    );
    check(
        json!([]),
        json!(true),
        &["/indicators wrong_type: \"indicators\" is an object of nodes by name"],
    );
}

#[test]
fn whole_documents_are_refused() {
    whole(
        &json!([]),
        " wrong_type: a strategy is an object (write {\"signals\": {...}} or {\"scenario\": [\"EmaCross\"]})",
    );
    whole(
        &json!({}),
        " missing_field: the strategy has no signals (write one of signals, scenario, signalColumn)",
    );
    whole(
        &json!({"signals": {}}),
        "/signals missing_field: the strategy has no signal (write at least one of long, short, exitLong, exitShort)",
    );
    whole(
        &json!({"signals": []}),
        "/signals wrong_type: \"signals\" is an object of long, short, exitLong, exitShort",
    );
    whole(
        &json!({"signals": {"long": true}, "schema": 2}),
        "/schema out_of_range: \"schema\" is 1, the only one there is",
    );
    whole(&json!({"signals": {"long": true}, "name": 2}), "/name wrong_type: \"name\" is a string");
    whole(
        &json!({"signals": {"long": true}, "indicator": {}}),
        "/indicator unknown_field: a strategy has no field \"indicator\" (did you mean \"indicators\"?)",
    );
    whole(
        &json!({"signals": {"long": true, "exitlong": true}}),
        "/signals/exitlong unknown_field: \"signals\" has no field \"exitlong\" (did you mean \"exitLong\"?)",
    );
    whole(
        &json!({"signals": {"long": true}, "lookback": 2}),
        "/lookback conflict: \"lookback\" belongs to a \"scenario\"",
    );
    whole(
        &json!({"signals": {"long": true}, "signalColumn": model::Digest::of(b"").to_string()}),
        "/signals conflict: \"signals\" and \"signalColumn\" exclude each other",
    );
    whole(
        &json!({"signalColumn": "b3:12"}),
        "/signalColumn out_of_range: a hash is written \"b3:\" and 64 hexadecimal digits",
    );
    whole(
        &json!({"signals": {"long": true}, "params": []}),
        "/params wrong_type: \"params\" is an object of parameters by name",
    );
    whole(
        &json!({"signals": {"long": true}, "constraints": "a < b"}),
        "/constraints wrong_type: \"constraints\" is a list",
    );
}

#[test]
fn faulty_parameters_and_constraints_are_refused() {
    let check = |params: Value, expected: &str| {
        whole(&json!({"signals": {"long": true}, "params": params}), expected);
    };
    check(
        json!({"a": 3}),
        "/params/a wrong_type: a parameter is an object (write {\"int\": [5, 45, 1], \"default\": 12} or {\"float\": [0.5, 3, 0.25]})",
    );
    check(
        json!({"a": {"ints": [1, 2]}}),
        "/params/a/ints unknown_field: a parameter has no field \"ints\" (did you mean \"int\"?)",
    );
    check(
        json!({"a": {"int": [1, 2], "defalt": 1}}),
        "/params/a/defalt unknown_field: a parameter has no field \"defalt\" (did you mean \"default\"?)",
    );
    check(
        json!({"a": {"int": [1, 2], "float": [1, 2, 1]}}),
        "/params/a missing_field: a parameter has either \"int\" or \"float\" (write {\"int\": [5, 45, 1], \"default\": 12} or {\"float\": [0.5, 3, 0.25]})",
    );
    check(
        json!({"a": {"float": [1, 2]}}),
        "/params/a/float wrong_type: \"float\" is [min, max, step], three numbers (write {\"int\": [5, 45, 1], \"default\": 12} or {\"float\": [0.5, 3, 0.25]})",
    );
    check(
        json!({"a": {"int": [1, 2.5, 1]}}),
        "/params/a/int out_of_range: the range and step of an int are whole numbers",
    );
    check(
        json!({"a": {"int": [3, 2, 1]}}),
        "/params/a/int out_of_range: the range goes from 3 down to 2",
    );
    check(
        json!({"a": {"float": [1, 2, 0]}}),
        "/params/a/float out_of_range: the step is 0, it must be greater than 0",
    );
    check(
        json!({"a": {"int": [1, 2], "default": 3}}),
        "/params/a/default out_of_range: \"default\" is 3, out of its range (from 1 to 2)",
    );
    check(
        json!({"a": {"int": [1, 2], "default": "x"}}),
        "/params/a/default wrong_type: \"default\" is a number",
    );
    check(
        json!({"a-b": {"int": [1, 2]}}),
        "/params/a-b bad_name: \"a-b\" is not a name (write letters, digits and \"_\", at most 64, and no word of the language)",
    );
    check(
        json!({"and": {"int": [1, 2]}}),
        "/params/and bad_name: \"and\" is not a name (write letters, digits and \"_\", at most 64, and no word of the language)",
    );
    let check = |constraint: Value, expected: &str| {
        whole(
            &json!({"signals": {"long": true}, "params": params(), "constraints": [constraint]}),
            expected,
        );
    };
    check(
        json!("fast <"),
        "/constraints/0 bad_text: column 7: unexpected end of text where a value belongs",
    );
    check(
        json!("fast < slwo"),
        "/constraints/0 unknown_name: column 8: the strategy has no parameter \"slwo\" (did you mean \"slow\"?)",
    );
    check(
        json!("fast + slow"),
        "/constraints/0 wrong_type: column 1: a constraint has a condition such as \"fast < slow\" here, not \"+\" (constraints compare parameters and numbers)",
    );
    check(
        json!("fast < close"),
        "/constraints/0 unknown_name: column 8: the strategy has no parameter \"close\" (it has fast, level, slow)",
    );
    check(
        json!("crossUp(fast, slow)"),
        "/constraints/0 wrong_type: column 1: a constraint has a condition such as \"fast < slow\" here, not \"crossUp\" (constraints compare parameters and numbers)",
    );
    check(
        json!("fast < ema(slow)"),
        "/constraints/0 wrong_type: column 8: a constraint has a number, a parameter or arithmetic here, not \"ema\" (constraints compare parameters and numbers)",
    );
    check(
        json!({"lt": ["fast", "slow", 3]}),
        "/constraints/0 wrong_type: a constraint has a condition such as \"fast < slow\" here, not \"lt\" (constraints compare parameters and numbers)",
    );
    check(
        json!(3),
        "/constraints/0 wrong_type: a constraint has a condition such as \"fast < slow\" here, not \"3\" (constraints compare parameters and numbers)",
    );
}
