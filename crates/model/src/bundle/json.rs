//! Reads the bytes of a request into one JSON value, more strictly than JSON itself.
//!
//! Nesting is limited before anything is built, so hostile depth costs one pass over the bytes.
//! Duplicate keys are refused: which of the two was meant cannot be known. Numbers that no 64-bit
//! float holds (`1e999`) and words that are not JSON (`NaN`) are refused by name.
//! Not here: what the fields mean.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::fault::{self, Faults};

/// The one value in `bytes`, at most `max_depth` arrays and objects deep.
pub(super) fn read(bytes: &[u8], max_depth: usize) -> Result<Value, Faults> {
    let mut faults = Faults::default();
    let depth = depth(bytes);
    if depth > max_depth {
        let message = format!("the document is {depth} levels deep, more than {max_depth}");
        faults.add("", "too_deep", message);
        return Err(faults);
    }
    let duplicates = RefCell::new(Faults::default());
    let root = Strict { path: &Path::Root, duplicates: &duplicates };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = root.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    match read {
        Ok(value) => duplicates.into_inner().into_result(value),
        Err(error) => {
            faults.add("", "invalid_json", describe(bytes, &error));
            Err(faults)
        }
    }
}

/// Greatest number of arrays and objects open at once, brackets inside strings aside.
fn depth(bytes: &[u8]) -> usize {
    let (mut deepest, mut open) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The syntax error in words, with its line and column; names a number that is not one.
fn describe(bytes: &[u8], error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let word = word_at(bytes, line, column);
    let place = format!("line {line} column {column}");
    let unsigned = word.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(unsigned.as_str(), "nan" | "inf" | "infinity") {
        return format!("\"{word}\" at {place} is not a number in JSON: numbers must be finite");
    }
    if error.to_string().starts_with("number out of range") {
        return format!("the number {word} at {place} is too large: numbers are 64-bit floats");
    }
    format!("the document is not JSON: {error}")
}

/// Letters, digits, signs and dots around a place; both counted from 1, as `serde_json` does.
fn word_at(bytes: &[u8], line: usize, column: usize) -> String {
    let line = bytes.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let place = column.min(line.len());
    let before = line[..place].iter().rev().take(MAX_WORD).take_while(|byte| is_word(byte)).count();
    let after = line[place..].iter().take(MAX_WORD).take_while(|byte| is_word(byte)).count();
    String::from_utf8_lossy(&line[place - before..place + after]).into_owned()
}

/// Characters on either side of a place that are shown.
const MAX_WORD: usize = 32;

/// Where a value stands, as a list on the stack.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(parent, key) => fault::pointer(&parent.pointer(), key),
            Self::Index(parent, index) => fault::pointer(&parent.pointer(), index),
        }
    }
}

/// Builds a value and notes every duplicate key.
struct Strict<'a> {
    path: &'a Path<'a>,
    duplicates: &'a RefCell<Faults>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = Path::Index(self.path, list.len());
            let seed = Strict { path: &path, duplicates: self.duplicates };
            match items.next_element_seed(seed)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            let seed = Strict { path: &path, duplicates: self.duplicates };
            let value = entries.next_value_seed(seed)?;
            if object.contains_key(&key) {
                let message = format!("the key \"{key}\" stands twice in one object");
                self.duplicates.borrow_mut().add(&path.pointer(), "duplicate_key", message);
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let faults = read(text.as_bytes(), 8).unwrap_err();
        assert_eq!(faults.to_string(), expected);
    }

    #[test]
    fn what_is_not_json_is_shown_with_its_place() {
        check(
            "{\"a\": 1,\n \"b\" 2}",
            "/: the document is not JSON: expected `:` at line 2 column 6",
        );
        check("", "/: the document is not JSON: EOF while parsing a value at line 1 column 0");
        check("{} x", "/: the document is not JSON: trailing characters at line 1 column 4");
    }

    #[test]
    fn numbers_that_are_none_are_named() {
        check(
            r#"{"balance": 1e999}"#,
            "/: the number 1e999 at line 1 column 17 is too large: numbers are 64-bit floats",
        );
        for word in ["NaN", "nan", "-Infinity", "Infinity", "inf", "+inf"] {
            let faults = read(format!("[1, {word}]").as_bytes(), 8).unwrap_err().to_string();
            let start = format!("/: \"{word}\" at line 1 column ");
            assert!(faults.starts_with(&start), "{faults}");
            assert!(faults.ends_with(" is not a number in JSON: numbers must be finite"));
        }
    }

    #[test]
    fn every_duplicate_key_is_shown_with_its_pointer() {
        check(
            r#"{"a": [{"b": 1, "b": 2}], "a": 3, "c": 4}"#,
            "/a/0/b: the key \"b\" stands twice in one object; \
             /a: the key \"a\" stands twice in one object",
        );
    }

    #[test]
    fn depth_is_counted_outside_of_strings_before_anything_is_built() {
        check("[[[[[[[[[]]]]]]]]]", "/: the document is 9 levels deep, more than 8");
        assert!(read(br#"["\"[[[[[[[[[[[[["]"#, 8).is_ok());
        let hostile = "[".repeat(1_000_000);
        check(&hostile, "/: the document is 1000000 levels deep, more than 8");
    }
}
