//! No document costs more than the limits allow.

use serde_json::{Value, json};

use super::{fault_lines, parse, strategy};

#[track_caller]
fn too_large(long: &Value, indicators: &Value) {
    let lines = fault_lines(&strategy(long, indicators));
    assert!(lines.iter().any(|line| line.contains("too_large")), "{lines:?}");
    assert!(lines.len() < 5, "{lines:?}");
}

#[test]
fn references_that_multiply_are_counted_and_stopped() {
    let mut indicators = json!({"n0": "close"});
    for level in 1..60 {
        let below = format!("n{}", level - 1);
        indicators[format!("n{level}")] = json!({"+": [below, below]});
    }
    too_large(&json!({"gt": ["n59", 0]}), &indicators);
    too_large(&json!(true), &indicators);
}

#[test]
fn long_chains_of_references_are_too_deep() {
    let mut indicators = json!({"n0": "close"});
    for level in 1..250 {
        indicators[format!("n{level}")] = json!({"abs": format!("n{}", level - 1)});
    }
    too_large(&json!({"gt": ["n249", 0]}), &indicators);
    let mut indicators = json!({"n249": "close"});
    for level in 0..249 {
        indicators[format!("n{level}")] = json!(format!("n{}", level + 1));
    }
    too_large(&json!({"gt": ["n0", 0]}), &indicators);
}

#[test]
fn deep_trees_and_texts_are_refused_without_recursion() {
    let mut tree = json!("close");
    for _ in 0..100 {
        tree = json!({"abs": tree});
    }
    too_large(&json!({"gt": [tree, 0]}), &json!({}));
    for text in [
        "(".repeat(8_000),
        "not ".repeat(4_000),
        "-".repeat(16_000),
        "abs(".repeat(4_000),
        format!("close{} > 1", " - 1".repeat(4_000)),
        format!("close{} > 1", " / 1 * 2".repeat(1_500)),
        format!("close{}", ".line".repeat(3_000)),
    ] {
        too_large(&json!(text), &json!({}));
    }
}

#[test]
fn the_deepest_strategy_parses_and_one_level_more_does_not() {
    let nested = |levels: usize| {
        let mut tree = json!({"lt": ["close", 1]});
        for level in 0..levels {
            tree = match level % 4 {
                0 => json!({"not": {"within": [tree, 2]}}),
                1 => json!({"scope": {"of": tree, "tf": "1h"}}),
                2 => json!({"lt": [{"if": [tree, 1, 2]}, 3]}),
                _ => json!({"gt": [{"ema": {"of": {"barsSince": tree}, "n": 3}}, 1]}),
            };
        }
        tree
    };
    let scope = |tree: Value| json!({"scope": {"of": tree, "tf": "1d"}});
    // 2 levels at the bottom, 8 for each four steps, 5 for the last three: 63.
    let deepest = scope(nested(31));
    let written = parse(&strategy(&deepest, &json!({})));
    let text = model::strategy::canonical_json(&written.signals);
    let signals: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parse(&json!({"signals": signals})).signals, written.signals);
    too_large(&scope(deepest), &json!({}));
}

#[test]
fn definitions_are_limited_in_all() {
    let wide: Vec<Value> = (0..900).map(|n| json!(n)).collect();
    let mut indicators = json!({"n0": {"+": wide}});
    for level in 1..250 {
        indicators[format!("n{level}")] = json!("n0 + n0");
    }
    too_large(&json!(true), &indicators);
}

#[test]
fn many_nodes_and_long_texts_are_refused() {
    let many: Vec<Value> = (0..1_000).map(|n| json!({"gt": ["close", n]})).collect();
    too_large(&json!({"all": many}), &json!({}));
    let many: Vec<Value> = (0..20_000).map(|n| json!({"gt": ["close", n]})).collect();
    too_large(&json!({"all": many}), &json!({}));
    too_large(&json!(" ".repeat(20_000)), &json!({}));
    let fits: Vec<Value> = (0..600).map(|n| json!({"gt": ["close", n]})).collect();
    assert_eq!(fault_lines(&strategy(&json!({"all": fits}), &json!({}))), Vec::<String>::new());
}

#[test]
fn negation_and_named_signals_count_as_what_they_become() {
    let crosses: Vec<Value> = (1..600).map(|n| json!({"crossUp": ["close", n]})).collect();
    too_large(&json!({"not": {"all": crosses}}), &json!({}));
    let named: Vec<Value> = (1..500).map(|n| json!({"StochRsiTrend": {"hold": n}})).collect();
    too_large(&json!({"all": named}), &json!({}));
}

#[test]
fn lists_of_entries_are_limited() {
    let entries: serde_json::Map<String, Value> =
        (0..300).map(|n| (format!("n{n}"), json!("close"))).collect();
    too_large(&json!(true), &Value::Object(entries));
    let value = json!({"scenario": vec!["EmaCross"; 300]});
    assert_eq!(
        fault_lines(&value),
        ["/scenario too_large: \"scenario\" has 300 items, at most 256"]
    );
}
