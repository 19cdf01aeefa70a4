//! What is refused before any field is looked at.

use model::{Bundle, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};

#[track_caller]
fn check(document: &str, expected: &str) {
    let faults =
        Bundle::from_json(document.as_bytes(), &Limits::default()).expect_err("a faulty document");
    assert_eq!(faults.to_string(), expected);
}

#[test]
fn broken_json_is_shown_with_line_and_column() {
    check(
        "{\n  \"name\": \"x\",\n}",
        "/: the document is not JSON: trailing comma at line 3 column 1",
    );
    check("[]", "/: expected an object, found a list");
}

#[test]
fn numbers_beyond_64_bit_floats_are_named() {
    check(
        r#"{"universalConfig": {"balance": 1e999}}"#,
        "/: the number 1e999 at line 1 column 37 is too large: numbers are 64-bit floats",
    );
    check(
        r#"{"universalConfig": {"balance": NaN}}"#,
        "/: \"NaN\" at line 1 column 33 is not a number in JSON: numbers must be finite",
    );
}

#[test]
fn deep_nesting_is_refused_before_it_is_built() {
    let deep = format!("{{\"universalConfig\": {}", "[".repeat(5_000_000));
    check(&deep, "/: the document is 5000001 levels deep, more than 64");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    check(
        r#"{"universalConfig": {"balance": 1, "balance": 2}}"#,
        "/universalConfig/balance: the key \"balance\" stands twice in one object",
    );
}

#[test]
fn a_valid_document_of_bytes_is_a_bundle() {
    let document = super::request().to_string();
    let bundle = Bundle::from_json(document.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((bundle.name(), bundle.total()), (Some("EMA cross"), 1));
}

/// Places that a request may have, each group's at least once.
const PLACES: [&str; 24] = [
    "/name",
    "/priority",
    "/tags",
    "/dateTimeRanges",
    "/dateTimeRanges/0",
    "/dateTimeRanges/0/start",
    "/tickerVariants",
    "/timeframeVariants",
    "/moneyManagementVariants",
    "/parameterVariants",
    "/parameterVariants/fast",
    "/universalConfig",
    "/universalConfig/ticker",
    "/universalConfig/balance",
    "/universalConfig/strategy",
    "/universalConfig/strategy/params/fast",
    "/universalConfig/parameters",
    "/universalConfig/moneyManagement",
    "/universalConfig/moneyManagement/stop",
    "/universalConfig/moneyManagement/exits",
    "/universalConfig/risk/entryOrder",
    "/universalConfig/costs",
    "/universalConfig/fill",
    "/universalConfig/instrument",
];

/// Values that are right somewhere and wrong elsewhere.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-10_i64..5_000).prop_map(Value::from),
        prop::sample::select(vec![
            "15m",
            "entry",
            "2024-03-01T00:00:00Z",
            "close",
            "",
            "\u{0}",
            "2"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let names = prop::sample::select(vec![
            "from", "to", "step", "fast", "pct", "level", "distance", "target", "closePct",
            "limit", "start", "end", "kind", "profile", "feePct", "~/",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..5).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_a_bundle_or_has_faults(
        changes in prop::collection::vec((prop::sample::select(PLACES.to_vec()), values()), 1..4)
    ) {
        let mut request = super::request();
        for (pointer, value) in &changes {
            if let Some((parent, name)) = pointer.rsplit_once('/')
                && let Some(Value::Object(parent)) = request.pointer_mut(parent)
            {
                parent.insert(name.to_owned(), value.clone());
            }
        }
        let limits = Limits { jobs: 1_000, ..Limits::default() };
        match Bundle::from_json(request.to_string().as_bytes(), &limits) {
            Ok(bundle) => prop_assert_eq!(bundle.keys().count(), bundle.total() as usize),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Bundle::from_json(&bytes, &Limits::default()).is_err());
    }
}
