//! Reads the fields of one JSON object: types, ranges, names; every fault is noted, none stops.
//!
//! A reader returns `None` both for a missing field and for a faulty one; the caller then goes on
//! with the default, because a request with a fault is never used.

use std::fmt;

use serde_json::{Map, Value};

use crate::fault::{self, Fault, Faults};
use crate::number;

/// An object whose fields are read, or two of them: the second one overrides the first.
pub(super) struct Fields<'a> {
    layers: Vec<(&'a Map<String, Value>, String)>,
}

/// A value's name for messages and its JSON Pointer.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) pointer: &'a str,
}

/// Which numbers a field takes.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// What the number is, with its unit (`a percent of price`).
    pub(super) unit: &'static str,
    /// Least value.
    pub(super) min: f64,
    /// Greatest value.
    pub(super) max: f64,
    /// Whether `min` itself is refused.
    pub(super) above_min: bool,
    /// Whether `max` itself is refused.
    pub(super) below_max: bool,
}

impl Bounds {
    /// `[min, max]`.
    pub(super) const fn closed(unit: &'static str, min: f64, max: f64) -> Bounds {
        Bounds { unit, min, max, above_min: false, below_max: false }
    }

    /// `(min, max)`.
    pub(super) const fn open(unit: &'static str, min: f64, max: f64) -> Bounds {
        Bounds { unit, min, max, above_min: true, below_max: true }
    }

    /// `(min, max]`.
    pub(super) const fn above(unit: &'static str, min: f64, max: f64) -> Bounds {
        Bounds { unit, min, max, above_min: true, below_max: false }
    }

    /// `[min, max)`.
    pub(super) const fn below(unit: &'static str, min: f64, max: f64) -> Bounds {
        Bounds { unit, min, max, above_min: false, below_max: true }
    }

    pub(super) fn contains(&self, value: f64) -> bool {
        let low = if self.above_min { value > self.min } else { value >= self.min };
        let high = if self.below_max { value < self.max } else { value <= self.max };
        low && high
    }

    /// The percent that was probably meant: a sign or a factor of 100 too much.
    fn guess(&self, value: f64) -> Option<f64> {
        if !self.unit.starts_with("a percent") {
            return None;
        }
        // In decimal: 10.1 is 100 times 0.101, which a division of floats misses by a last bit.
        let part = |of: f64| format!("{:.14e}", value / of).parse().unwrap_or(value / of);
        let candidates = [-value, part(100.0), part(10_000.0)];
        candidates.into_iter().find(|candidate| *candidate > 0.0 && self.contains(*candidate))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) =
            (if self.above_min { '(' } else { '[' }, if self.below_max { ')' } else { ']' });
        let (min, max) = (number::text(self.min), number::text(self.max));
        write!(f, "{} in {open}{min}, {max}{close}", self.unit)
    }
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which must be an object with no other fields than `known`.
    pub(super) fn open(
        value: &'a Value,
        pointer: &str,
        known: &[&str],
        faults: &mut Faults,
    ) -> Option<Fields<'a>> {
        let Value::Object(map) = value else {
            wrong_type(value, pointer, "an object", faults);
            return None;
        };
        let fields = Fields { layers: vec![(map, pointer.to_owned())] };
        fields.refuse_unknown(known, faults);
        Some(fields)
    }

    /// The fields of `base` overridden by those of `variant`; faults point to where a field stands.
    pub(super) fn merged(
        base: (&'a Map<String, Value>, &str),
        variant: (&'a Map<String, Value>, &str),
        known: &[&str],
        faults: &mut Faults,
    ) -> Fields<'a> {
        let layers = vec![(base.0, base.1.to_owned()), (variant.0, variant.1.to_owned())];
        let fields = Fields { layers };
        fields.refuse_unknown(known, faults);
        fields
    }

    fn refuse_unknown(&self, known: &[&str], faults: &mut Faults) {
        for (map, pointer) in &self.layers {
            for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
                unknown_field(name, pointer, known, faults);
            }
        }
    }

    /// JSON Pointer to the object; of two, to the overriding one.
    pub(super) fn pointer(&self) -> &str {
        self.layers.last().map_or("", |(_, pointer)| pointer)
    }

    /// JSON Pointer to the field `name`, also where it is missing.
    pub(super) fn at(&self, name: &str) -> String {
        let holder = self.layers.iter().rev().find(|(map, _)| map.contains_key(name));
        fault::pointer(holder.map_or(self.pointer(), |(_, pointer)| pointer), name)
    }

    /// The field as it stands, `null` included.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.layers.iter().rev().find_map(|(map, _)| map.get(name))
    }

    /// The field, where `null` is the same as nothing.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// Notes a fault if the field is missing or `null`.
    pub(super) fn require(&self, name: &str, hint: &str, faults: &mut Faults) -> Option<&'a Value> {
        let value = self.get(name);
        if value.is_none() {
            let message = format!("\"{name}\" is missing");
            faults.add_with_hint(&self.at(name), "missing_field", message, hint);
        }
        value
    }

    /// A number within bounds; `null` is a fault.
    pub(super) fn number(&self, name: &str, bounds: Bounds, faults: &mut Faults) -> Option<f64> {
        number(self.raw(name)?, Place { name, pointer: &self.at(name) }, bounds, faults)
    }

    /// A number within bounds, or `null` for none.
    pub(super) fn number_or_null(
        &self,
        name: &str,
        bounds: Bounds,
        faults: &mut Faults,
    ) -> Option<f64> {
        number(self.get(name)?, Place { name, pointer: &self.at(name) }, bounds, faults)
    }

    /// A whole number within bounds; `null` is a fault.
    pub(super) fn integer(
        &self,
        name: &str,
        (unit, min, max): (&'static str, i64, i64),
        faults: &mut Faults,
    ) -> Option<i64> {
        let value = self.raw(name)?;
        let pointer = self.at(name);
        let bounds = Bounds::closed(unit, min as f64, max as f64);
        let number = number(value, Place { name, pointer: &pointer }, bounds, faults)?;
        if number.fract() != 0.0 {
            let message =
                format!("\"{name}\" must be a whole number, not {}", number::text(number));
            faults.add(&pointer, "out_of_range", message);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and within i64 bounds")]
        Some(number as i64)
    }

    /// A whole number within bounds, or `null` for none.
    pub(super) fn integer_or_null(
        &self,
        name: &str,
        bounds: (&'static str, i64, i64),
        faults: &mut Faults,
    ) -> Option<i64> {
        self.get(name)?;
        self.integer(name, bounds, faults)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        let value = self.raw(name)?;
        if value.as_bool().is_none() {
            wrong_type(value, &self.at(name), "true or false", faults);
        }
        value.as_bool()
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
        faults: &mut Faults,
    ) -> Option<T> {
        one_of(self.raw(name)?, Place { name, pointer: &self.at(name) }, words, faults)
    }
}

/// One of a few words; names all of them where it is none.
fn one_of<T: Copy>(
    value: &Value,
    Place { name, pointer }: Place<'_>,
    words: &[(&str, T)],
    faults: &mut Faults,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let Value::String(text) = value else {
        wrong_type(value, pointer, &format!("one of {}", names.join(", ")), faults);
        return None;
    };
    let found = words.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
    if found.is_none() {
        let message =
            format!("\"{name}\" must be one of {}, not \"{}\"", names.join(", "), shown(text));
        add_nearest(plain(pointer, "unknown_value", message), text, &names, faults);
    }
    found
}

/// A finite number within bounds; the message has the unit, the hint guesses the slip.
pub(super) fn number(
    value: &Value,
    Place { name, pointer }: Place<'_>,
    bounds: Bounds,
    faults: &mut Faults,
) -> Option<f64> {
    let Some(number) = value.as_f64() else {
        wrong_type(value, pointer, bounds.unit, faults);
        return None;
    };
    if bounds.contains(number) {
        return Some(number + 0.0);
    }
    let message = format!("\"{name}\" must be {bounds}, not {}", number::text(number));
    let hint = bounds.guess(number).map(|guess| format!("did you mean {}?", number::text(guess)));
    let code = "out_of_range";
    faults.push(Fault { pointer: pointer.to_owned(), code, message, hint });
    None
}

/// Text of at most `max` characters and no control characters.
pub(super) fn text<'a>(
    value: &'a Value,
    Place { name, pointer }: Place<'_>,
    max: usize,
    faults: &mut Faults,
) -> Option<&'a str> {
    let Value::String(text) = value else {
        wrong_type(value, pointer, "a string", faults);
        return None;
    };
    let length = text.chars().count();
    if length > max {
        let message = format!("\"{name}\" has {length} characters, more than {max}");
        faults.add(pointer, "too_long", message);
        return None;
    }
    if text.chars().any(char::is_control) {
        let message = format!("\"{name}\" has a control character");
        faults.add(pointer, "invalid_text", message);
        return None;
    }
    Some(text)
}

/// A name of an exchange or ticker: 1 to 64 of `A-Z a-z 0-9 . _ : / -`.
pub(super) fn symbol(
    value: &Value,
    name: &str,
    pointer: &str,
    faults: &mut Faults,
) -> Option<String> {
    let Value::String(text) = value else {
        wrong_type(value, pointer, "a string", faults);
        return None;
    };
    if is_symbol(text) {
        return Some(text.clone());
    }
    let message = format!("\"{name}\" must be {SYMBOL_RULE}, not \"{}\"", shown(text));
    faults.add(pointer, "invalid_text", message);
    None
}

/// What a name of an exchange or ticker must be, in words.
pub const SYMBOL_RULE: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ : / -";

/// Longest name of an exchange or ticker.
const MAX_SYMBOL: usize = 64;

/// Whether a request can name an exchange or ticker so; see [`SYMBOL_RULE`].
pub fn is_symbol(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
    (1..=MAX_SYMBOL).contains(&text.len()) && text.chars().all(allowed)
}

/// Notes that `value` is not `wanted` (`a string`).
pub(super) fn wrong_type(value: &Value, pointer: &str, wanted: &str, faults: &mut Faults) {
    let message = format!("expected {wanted}, found {}", kind(value));
    let unquoted = value.as_str().filter(|text| text.parse::<f64>().is_ok_and(f64::is_finite));
    match unquoted {
        Some(text) if !wanted.contains("string") => {
            let hint = format!("write {} without quotes", shown(text));
            faults.add_with_hint(pointer, "wrong_type", message, hint);
        }
        _ => faults.add(pointer, "wrong_type", message),
    }
}

/// Notes that the object at `pointer` has no field `name`.
pub(super) fn unknown_field(name: &str, pointer: &str, known: &[&str], faults: &mut Faults) {
    let message = format!("there is no field \"{}\" here", shown(name));
    let fault = plain(&fault::pointer(pointer, name), "unknown_field", message);
    add_nearest(fault, name, known, faults);
}

/// Notes `fault`, whose hint becomes the one of `known` that is nearest to `text`, or all of them.
pub(super) fn add_nearest(fault: Fault, text: &str, known: &[&str], faults: &mut Faults) {
    let hint = match fault::nearest(text, known.iter().copied()) {
        Some(nearest) => Some(format!("did you mean \"{nearest}\"?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    };
    faults.push(Fault { hint, ..fault });
}

/// A fault without a hint.
pub(super) fn plain(pointer: &str, code: &'static str, message: String) -> Fault {
    Fault { pointer: pointer.to_owned(), code, message, hint: None }
}

/// `text` short enough for a message, control characters escaped.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push_str("...");
    }
    short
}

/// Characters of a faulty text that a message repeats.
const MAX_SHOWN: usize = 64;

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) => format!("the string \"{}\"", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
