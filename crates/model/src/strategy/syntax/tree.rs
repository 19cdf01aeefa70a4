//! The JSON tree, read into nodes.

use serde_json::{Map, Value};

use super::{Callee, Form, Node, Place, Reader, shortened, takes_a_word};
use crate::fault::pointer;
use crate::strategy::limits::MAX_DEPTH;

impl Reader<'_> {
    /// Reads a JSON value: a number, a boolean, a text, or an object with one key.
    pub(crate) fn node(&mut self, value: &Value, pointer: &str) -> Option<Node> {
        self.node_at(value, pointer, 1)
    }

    fn node_at(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Node> {
        let place = Place::new(pointer);
        if depth > MAX_DEPTH {
            let message = format!("the strategy is nested deeper than {MAX_DEPTH} levels");
            place.fault(self.faults, "too_large", &message, None);
            return None;
        }
        if !self.spend(&place) {
            return None;
        }
        match value {
            Value::Number(number) => {
                let Some(value) = number.as_f64().filter(|value| value.is_finite()) else {
                    self.faults.add(pointer, "out_of_range", format!("{number} is too large"));
                    return None;
                };
                Some(Node { place, form: Form::Number(value) })
            }
            Value::Bool(value) => Some(Node { place, form: Form::Bool(*value) }),
            Value::String(text) => self.text(text, place, depth),
            Value::Object(map) => self.object(map, place, depth),
            Value::Null | Value::Array(_) => {
                let found = if value.is_null() { "null" } else { "a list" };
                let hint = "write a number, a name, a text, or an object such as {\"lt\": [a, b]}";
                let message = format!("{found} is no part of a strategy");
                self.faults.add_with_hint(pointer, "wrong_type", message, hint);
                None
            }
        }
    }

    fn object(&mut self, map: &Map<String, Value>, place: Place, depth: usize) -> Option<Node> {
        let mut fields = map.iter();
        let (Some((name, value)), None) = (fields.next(), fields.next()) else {
            let message = format!("a node is an object with one key, not {}", map.len());
            let hint = "write {\"lt\": [a, b]} or {\"ema\": {\"of\": \"close\", \"n\": 20}}";
            self.faults.add_with_hint(&place.pointer, "wrong_type", message, hint);
            return None;
        };
        let below = pointer(&place.pointer, name);
        if name == "$" {
            let Some(name) = value.as_str() else {
                self.faults.add(&below, "wrong_type", "the name of a parameter is a string");
                return None;
            };
            return Some(Node { place, form: Form::Param(name.to_owned()) });
        }
        let callee = self.callee(name, &place)?;
        let mut positional = Vec::new();
        let mut named = Vec::new();
        match value {
            Value::Object(fields) if !matches!(callee, Callee::Operator(_)) => {
                for (name, value) in fields {
                    named.push((name.clone(), self.named(name, value, &below, depth + 1)));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    positional.push(self.node_at(item, &pointer(&below, index), depth + 1));
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                positional.push(self.node_at(value, &below, depth + 1));
            }
        }
        let positional = positional.into_iter().collect::<Option<Vec<_>>>()?;
        let named = named
            .into_iter()
            .map(|(name, node)| Some((name, node?)))
            .collect::<Option<Vec<_>>>()?;
        Some(Node { place, form: Form::Call { callee, positional, named } })
    }

    fn named(&mut self, name: &str, value: &Value, parent: &str, depth: usize) -> Option<Node> {
        let below = pointer(parent, shortened(name));
        match value.as_str() {
            Some(word) if takes_a_word(name) => {
                let place = Place::new(&below);
                self.spend(&place).then(|| Node { place, form: Form::Word(word.to_owned()) })
            }
            _ => self.node_at(value, &below, depth),
        }
    }
}
