//! Both strategy parsers: any bytes as JSON, and as the text of a condition.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Faults;
use model::strategy::Strategy;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let tree = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    for value in [tree, json!({"signals": {"long": text}})] {
        let mut faults = Faults::default();
        let parsed = Strategy::parse(&value, "", &mut faults);
        assert_eq!(parsed.is_some(), faults.is_empty());
    }
});
