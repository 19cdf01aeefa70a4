//! A number as the text and the JSON that people read.

use serde_json::Value;

use crate::strategy::write_number;

/// The shortest text that reads back as `value`: `2`, `0.1`, `1e-7`; -0 is `0`.
pub(crate) fn text(value: f64) -> String {
    let mut out = String::new();
    write_number(&mut out, value);
    out
}

/// The JSON of `value`: an integer where it is whole, as a person would write it.
pub(crate) fn value(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < WHOLE_LIMIT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^54")]
        let whole = value as i64;
        Value::from(whole)
    } else {
        Value::from(value)
    }
}

/// Below this every whole float is an `i64`, and its text has no exponent.
const WHOLE_LIMIT: f64 = 1e16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_text_that_reads_back() {
        for (value, expected) in [
            (2.0, "2"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e-7, "1e-7"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e16, "1e16"),
            (1e300, "1e300"),
        ] {
            assert_eq!(text(value), expected);
            assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }
    }
}
