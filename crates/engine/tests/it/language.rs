//! What conditions and numbers of the strategy language mean on candles.
//!
//! A condition is asked on every candle as an entry that leaves at once, so the candles it holds on
//! are those before an entry; `explain` gives values of numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{NodeValue, explain};
use model::strategy::{Cond, Signals, Strategy};
use model::{Candle, Candles, Faults, HigherTimeframe, Timeframe};
use serde_json::json;

use crate::drawn::{Drawn, MINUTE_MS, drawn};

/// Candles whose prices are all `close`; `x` is a missing one.
pub(crate) fn closes(text: &str) -> Drawn {
    let mut case = drawn("1 1 1 1");
    case.candles = Candles::default();
    for (word, minute) in text.split_whitespace().zip(0..) {
        if word == "x" {
            continue;
        }
        let close: f64 = word.parse().expect("a price");
        case.candles.push(Candle {
            open_time_ms: minute * MINUTE_MS,
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
        });
    }
    case.spec.range.end_ms =
        case.candles.open_time_ms.last().map_or(0, |time_ms| time_ms + MINUTE_MS);
    case
}

/// The condition written as text.
pub(crate) fn condition(text: &str) -> Cond {
    let mut faults = Faults::default();
    let strategy = Strategy::parse(&json!({"signals": {"long": text}}), "", &mut faults);
    let strategy = strategy.unwrap_or_else(|| panic!("{text}: {faults}"));
    let resolved = strategy.resolve(&BTreeMap::new()).expect("it has no parameters");
    resolved.signals.long.expect("it was given")
}

/// On which candles the condition holds: `1` and `.`.
pub(crate) fn truth(case: &Drawn, cond: &Cond) -> String {
    let asked = case.clone().with(|spec| {
        spec.signals = Arc::new(Signals { long: Some(cond.clone()), ..Signals::default() });
    });
    let times = &case.candles.open_time_ms;
    let holds = |time_ms: &i64| {
        explain(&asked.input(), &asked.spec, *time_ms).expect("a candle").account.signals.long
    };
    times.iter().map(|time_ms| if holds(time_ms) { '1' } else { '.' }).collect()
}

#[track_caller]
fn check(closes_text: &str, text: &str, expected: &str) {
    assert_eq!(truth(&closes(closes_text), &condition(text)), expected, "{text}");
}

#[test]
fn a_number_that_overflows_is_null() {
    for text in [
        "close * 1e308 > 1",
        "sum(close * 5e307, 2) > 1",
        "ema(close * 5e307, 2) > 1",
        "rma(close * 5e307, 2) > close",
        "bollinger(if(close > 2, 1e308, -1e308), 2, 1000).upper > 1",
        "mom(if(close > 2, 1.7e308, -1.7e308), 1) > 1",
    ] {
        check("2 2 3 2", text, "....");
    }
    check("2 2 3 2", "ema(close * 1e307, 2) > 1", ".111");
}

#[test]
fn a_cross_needs_the_row_before_at_or_on_the_other_side() {
    check("1 2 3 2 2 3", "crossUp(close, 2)", "..1..1");
    check("3 2 1 2 2 1", "crossDown(close, 2)", "..1..1");
    check("3 3", "crossUp(close, 2)", "..");
}

#[test]
fn windows_of_conditions_include_the_current_candle() {
    check("1 3 1 1 1 3", "within(close > 2, 2)", ".11..1");
    check("3 3 3 1 3 3", "held(close > 2, 2)", ".11..1");
}

#[test]
fn rising_means_every_one_of_the_last_n_steps() {
    check("1 2 3 3 4 5 6", "rising(close, 2)", "..1..11");
    check("6 5 4 4 3 2 1", "falling(close, 2)", "..1..11");
}

#[test]
fn prev_counts_rows() {
    check("1 2 x 4 5", "prev(close, 2) == 2", "...1");
}

#[test]
fn a_null_makes_a_comparison_false_in_both_senses() {
    check("1 2 3 4", "sma(close, 3) > 0", "..11");
    check("1 2 3 4", "not (sma(close, 3) > 0)", "....");
    check("1 2 3 4", "sma(close, 3) != 7", "..11");
    check("1 2 3 4", "not (sma(close, 3) == 7)", "..11");
    check("1 2 3 4", "close / (close - 2) > -9", "1.11");
    check("1 2 3 4", "not (close / (close - 2) > 9)", "1.11");
}

#[test]
fn a_negation_of_windows_and_crosses_is_pushed_to_the_leaves() {
    check("1 3 1 1 1 3", "not within(close > 2, 2)", "...11.");
    check("3 3 1 1 3 3", "not held(close > 2, 2)", "..111.");
    check("1 2 3 2", "not crossUp(close, 2)", ".1.1");
    check("1 2 3 3", "not rising(close, 2)", "...1");
    check("1 3", "not (close > 2 and close > 0)", "1.");
}

#[test]
fn numbers_have_arithmetic_choices_and_extremes() {
    check("1 2 3 4", "abs(close - 3) == 1", ".1.1");
    check("1 2 3 4", "min(close, 2) + max(close, 3) == 5", ".11.");
    check("1 2 3 4", "if(close > 2, close, 0) >= 3", "..11");
    check("1 2 3 4", "sum(close, 2) == 5", "..1.");
    check("1 2 3 4", "2 * close - 1 == 5", "..1.");
}

#[test]
fn memories_of_conditions_are_null_before_the_first_time() {
    check("1 3 1 1 3", "barsSince(close > 2) == 2", "...1.");
    check("1 3 1 1 3", "barsSince(close > 2) >= 0", ".1111");
    check("1 3 1 4 1", "valueWhen(close > 2, close) == 3", ".11..");
    check("1 3 3 1 3", "countTrue(close > 2, 3) == 2", "..111");
    check("1 2 3 2 5", "percentRank(close, 3) == 100", "....1");
}

#[test]
fn the_time_of_day_is_that_of_the_open() {
    let mut case = closes("1 1 1");
    case.candles.open_time_ms = vec![0, 60 * MINUTE_MS, 61 * MINUTE_MS];
    case.spec.range.end_ms = 62 * MINUTE_MS;
    assert_eq!(truth(&case, &condition("hour == 1")), ".11");
    assert_eq!(truth(&case, &condition("minute == 1")), "..1");
    assert_eq!(truth(&case, &condition("dayOfWeek == 4")), "111");
}

fn five() -> Option<HigherTimeframe> {
    Timeframe::from_minutes(5).map(HigherTimeframe::Fixed)
}

#[test]
fn a_longer_candle_is_read_only_once_it_has_closed() {
    // Five-minute candles [0, 5) and [5, 10): readable from minute 4 and minute 9 on.
    let case = closes("1 2 3 4 5 6 7 8 9 10 11 12");
    let on_five =
        |text: &str| Cond::Scope { tf: five(), ticker: None, of: Box::new(condition(text)) };
    assert_eq!(truth(&case, &on_five("close == 5")), "....11111...");
    assert_eq!(truth(&case, &on_five("close > 0")), "....11111111");
    assert_eq!(truth(&case, &on_five("high - low == 4")), "....11111111");
    assert_eq!(truth(&case, &on_five("prev(close, 1) == 5")), ".........111");
    assert_eq!(truth(&case, &Cond::Not(Box::new(on_five("close == 5")))), ".........111");
}

#[test]
fn a_longer_candle_is_read_by_the_clock_where_rows_are_missing() {
    let case = closes("1 2 3 4 x x 7 8 9 x 11 12");
    let scope =
        |text: &str| Cond::Scope { tf: five(), ticker: None, of: Box::new(condition(text)) };
    // Minute 4 is missing: minute 6 is the first that closes at or after minute 5.
    assert_eq!(truth(&case, &scope("close == 4")), "....111..");
    assert_eq!(truth(&case, &scope("close == 9")), ".......11");
}

#[test]
fn operators_outside_of_a_longer_timeframe_count_base_candles() {
    let case = closes("1 2 3 4 5 6 7 8 9 10 11 12");
    let scope = Cond::Scope { tf: five(), ticker: None, of: Box::new(condition("close == 5")) };
    let within = Cond::Within(Box::new(scope), model::strategy::Arg::Number(2.0));
    assert_eq!(truth(&case, &within), "....111111..");
}

#[test]
fn numbers_of_two_scopes_may_be_compared() {
    let case = closes("1 2 3 4 5 6 7 8 9 10 11 12");
    let value = |nodes: &[NodeValue], text: &str| {
        nodes.iter().find(|node| node.node == text).unwrap_or_else(|| panic!("{nodes:?}")).value
    };
    let mut asked = case.clone();
    let long = condition("close > sma(close, 2, tf: 5m)");
    asked.spec.signals = Arc::new(Signals { long: Some(long), ..Signals::default() });
    let explained = explain(&asked.input(), &asked.spec, 10 * MINUTE_MS).unwrap();
    assert!(explained.account.signals.long);
    assert_eq!(value(&explained.nodes, "\"close\""), Some(11.0));
    let scope =
        explained.nodes.iter().find(|node| !node.condition && node.node.contains("5m")).unwrap();
    assert_eq!(scope.value, Some(7.5));
}
