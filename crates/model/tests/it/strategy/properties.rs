//! Properties of both parsers and the canonical form, on generated strategies and on noise.

use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use serde_json::{Value, json};

use super::{long, params, parse, strategy};
use model::Faults;
use model::strategy::{Strategy, canonical, canonical_json};

/// A part of a strategy in both forms.
#[derive(Clone, Debug)]
struct Both {
    tree: Value,
    text: String,
}

fn both(tree: Value, text: impl Into<String>) -> Both {
    Both { tree, text: text.into() }
}

fn number() -> impl Generator<Value = Both> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["open", "close", "volume", "hl2", "hour", "minuteOfSession"])
            .prop_map(|word| both(json!(word), word)),
        prop::sample::select(vec!["fast", "slow", "level"])
            .prop_map(|name| both(json!({"$": name}), format!("${name}"))),
        (-1_000..1_000_i32).prop_map(|n| {
            let value = f64::from(n) / 8.0;
            both(json!(value), format!("{value}"))
        }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (prop::sample::select(vec!["+", "-", "*", "/"]), inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| both(
                    json!({op: [a.tree, b.tree]}),
                    format!("({}) {op} ({})", a.text, b.text)
                )),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|items| both(
                json!({"+": trees(&items)}),
                items.iter().map(|item| format!("({})", item.text)).collect::<Vec<_>>().join(" + "),
            )),
            (prop::sample::select(vec!["ema", "sma", "rsi", "zscore"]), inner.clone(), 1..99_u32)
                .prop_map(|(name, of, n)| both(
                    json!({name: {"of": of.tree, "n": n}}),
                    format!("{name}(n: {n}, of: {})", of.text)
                )),
            (inner.clone(), 1..9_u32).prop_map(|(of, n)| both(
                json!({"prev": [of.tree, n]}),
                format!("prev({}, {n})", of.text)
            )),
            inner.clone().prop_map(|of| both(json!({"abs": of.tree}), format!("abs({})", of.text))),
            inner.clone().prop_map(|of| both(
                json!({"scope": {"of": of.tree, "tf": "1h"}}),
                format!("scope({}, tf: 1h)", of.text)
            )),
            inner.prop_map(|of| both(
                json!({"if": [{"lt": [of.tree.clone(), 1]}, of.tree, 2]}),
                format!("if({} < 1, {}, 2)", of.text, of.text)
            )),
            (1..50_u32, 0..9_u32).prop_map(|(n, mult)| both(
                json!({"supertrend": {"n": n, "mult": mult, "tf": "4h", "output": "direction"}}),
                format!("supertrend({n}, {mult}, tf: 4h).direction")
            )),
        ]
    })
}

fn condition() -> impl Generator<Value = Both> {
    let leaf = prop_oneof![
        (
            prop::sample::select(vec![("lt", "<"), ("ge", ">="), ("eq", "=="), ("ne", "!=")]),
            number(),
            number()
        )
            .prop_map(|((word, sign), a, b)| both(
                json!({word: [a.tree, b.tree]}),
                format!("{} {sign} {}", a.text, b.text)
            )),
        (number(), number()).prop_map(|(a, b)| both(
            json!({"crossUp": [a.tree, b.tree]}),
            format!("crossUp({}, {})", a.text, b.text)
        )),
        (number(), 1..9_u32).prop_map(|(of, n)| both(
            json!({"rising": [of.tree, n]}),
            format!("rising({}, {n})", of.text)
        )),
        any::<bool>().prop_map(|value| both(json!(value), value.to_string())),
        (1..90_u32).prop_map(|n| both(json!({"EmaCross": {"n": n}}), format!("EmaCross({n})"))),
        Just(both(json!({"is": "pivots.isLow"}), "pivots.isLow")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            many.clone()
                .prop_map(|items| both(json!({"all": trees(&items)}), joined(&items, "and"))),
            many.prop_map(|items| both(json!({"any": trees(&items)}), joined(&items, "or"))),
            inner
                .clone()
                .prop_map(|of| both(json!({"not": of.tree}), format!("not ({})", of.text))),
            (inner.clone(), 1..5_u32).prop_map(|(of, n)| both(
                json!({"within": [of.tree, n]}),
                format!("within({}, {n})", of.text)
            )),
            (inner, 1..5_u32).prop_map(|(of, n)| both(
                json!({"held": [of.tree, n]}),
                format!("held({}, {n})", of.text)
            )),
        ]
    })
}

fn trees(items: &[Both]) -> Vec<Value> {
    items.iter().map(|item| item.tree.clone()).collect()
}

fn joined(items: &[Both], word: &str) -> String {
    let parts: Vec<String> = items.iter().map(|item| format!("({})", item.text)).collect();
    parts.join(&format!(" {word} "))
}

/// Any JSON, with words of the language among the keys and texts.
fn noise() -> impl Generator<Value = Value> {
    let words = prop::sample::select(vec![
        "close",
        "ema",
        "$",
        "all",
        "not",
        "scope",
        "EmaCross",
        "tf",
        "of",
        "n",
        "long",
        "signals",
        "indicators",
        "params",
        "int",
        "scenario",
        "constraints",
        "lt",
        "1h",
        "a",
        "a.b",
        "a < b",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        let keys = prop_oneof![words.clone().prop_map(str::to_owned), ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn tree_and_text_are_one_strategy_and_the_canonical_form_is_stable(both in condition()) {
        let value = strategy(&both.tree, &json!({}));
        let mut faults = Faults::default();
        let parsed = Strategy::parse(&value, "", &mut faults);
        // Negation may take a generated strategy over the limit of levels; all else must parse.
        prop_assert!(faults.0.iter().all(|fault| fault.code == "too_large"), "{faults}");
        let Some(parsed) = parsed else { return Ok(()) };
        let text = canonical_json(&parsed.signals);
        prop_assert_eq!(&canonical_json(&parse(&strategy(&json!(both.text), &json!({}))).signals), &text);
        prop_assert_eq!(&canonical(parsed.signals.clone()), &parsed.signals);
        let signals: Value = serde_json::from_str(&text).unwrap();
        let again = parse(&json!({"signals": signals, "params": params()}));
        prop_assert_eq!(&again.signals, &parsed.signals);
        let resolved = parsed.resolve(&super::given(&[])).unwrap();
        prop_assert_eq!(&canonical(resolved.signals.clone()), &resolved.signals);
        prop_assert!(!canonical_json(&resolved.signals).contains('$'));
    }

    #[test]
    fn double_negation_changes_nothing(both in condition()) {
        let twice = json!({"not": {"not": both.tree.clone()}});
        prop_assert_eq!(long(&twice), long(&both.tree));
    }

    #[test]
    fn noise_in_place_of_a_strategy_is_an_error_and_no_panic(value in noise()) {
        let mut faults = Faults::default();
        let parsed = Strategy::parse(&value, "/universalConfig/strategy", &mut faults);
        prop_assert_eq!(parsed.is_some(), faults.is_empty());
        prop_assert!(faults.0.iter().all(|fault| fault.pointer.starts_with("/universalConfig/strategy")));
    }

    #[test]
    fn noise_inside_a_strategy_is_an_error_and_no_panic(long in noise(), a in noise(), b in noise()) {
        let value = json!({"indicators": {"a": a, "b": b}, "signals": {"long": long}, "params": params()});
        let mut faults = Faults::default();
        let parsed = Strategy::parse(&value, "", &mut faults);
        prop_assert_eq!(parsed.is_some(), faults.is_empty());
    }

    #[test]
    fn noise_in_place_of_a_text_is_an_error_and_no_panic(
        text in "([a-z$(),.:<>=+*/ 0-9-]|close|ema|and|or|not|\\$fast|1h|crossUp|\\PC){0,40}"
    ) {
        let value = json!({"signals": {"long": text}, "params": params(), "constraints": [text]});
        let mut faults = Faults::default();
        let parsed = Strategy::parse(&value, "", &mut faults);
        prop_assert_eq!(parsed.is_some(), faults.is_empty());
    }
}
