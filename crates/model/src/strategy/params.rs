//! Parameters of a strategy: their ranges and defaults, and what values they take.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ArgKind;
use super::json::write_number;
use super::limits::{MAX_ENTRIES, MAX_NAME_CHARS};
use super::syntax::{did_you_mean, is_identifier, shortened};
use crate::fault::pointer;
use crate::{Fault, Faults};

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamSpec {
    /// Whether it is whole.
    pub kind: ArgKind,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Step of a sweep over the range, > 0. Values between the steps are taken as well.
    pub step: f64,
    /// Value where none is given; `None` = one must be given.
    pub default: Option<f64>,
}

impl ParamSpec {
    /// Reads `{"int": [min, max, step], "default": x}`; the step of an int may be left out (1).
    pub(super) fn parse(value: &Value, at: &str, faults: &mut Faults) -> Option<ParamSpec> {
        let hint = "write {\"int\": [5, 45, 1], \"default\": 12} or {\"float\": [0.5, 3, 0.25]}";
        let Some(fields) = value.as_object() else {
            faults.add_with_hint(at, "wrong_type", "a parameter is an object", hint);
            return None;
        };
        let mut known = true;
        for name in fields.keys().filter(|name| !KEYS.contains(&name.as_str())) {
            known = false;
            let message = format!("a parameter has no field \"{}\"", shortened(name));
            let hint = did_you_mean(name, KEYS).unwrap_or_else(|| hint.to_owned());
            faults.add_with_hint(&pointer(at, name), "unknown_field", message, hint);
        }
        let (kind, name, range) = match (fields.get("int"), fields.get("float")) {
            (Some(range), None) => (ArgKind::Int, "int", range),
            (None, Some(range)) => (ArgKind::Float, "float", range),
            // A misspelt "int" has been told already.
            (None, None) if !known => return None,
            (Some(_), Some(_)) | (None, None) => {
                let message = "a parameter has either \"int\" or \"float\"";
                faults.add_with_hint(at, "missing_field", message, hint);
                return None;
            }
        };
        let range_at = pointer(at, name);
        let numbers: Option<Vec<f64>> =
            range.as_array().and_then(|items| items.iter().map(finite).collect());
        let (min, max, step) = match (numbers.as_deref(), kind) {
            (Some(&[min, max, step]), _) => (min, max, step),
            (Some(&[min, max]), ArgKind::Int) => (min, max, 1.0),
            (Some(_) | None, _) => {
                let message = format!("\"{name}\" is [min, max, step], three numbers");
                faults.add_with_hint(&range_at, "wrong_type", message, hint);
                return None;
            }
        };
        let spec = ParamSpec { kind, min, max, step, default: None };
        if let Some(message) = spec.range_fault() {
            faults.add(&range_at, "out_of_range", message);
            return None;
        }
        let default = match fields.get("default") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let default_at = pointer(at, "default");
                let Some(number) = finite(value) else {
                    faults.add(&default_at, "wrong_type", "\"default\" is a number");
                    return None;
                };
                if let Err(fault) = spec.check("default", number) {
                    faults.push(Fault { pointer: default_at, ..fault });
                    return None;
                }
                Some(number)
            }
        };
        Some(ParamSpec { default, ..spec })
    }

    fn range_fault(&self) -> Option<String> {
        let whole = [self.min, self.max, self.step].iter().all(|value| is_whole(*value));
        if self.kind == ArgKind::Int && !whole {
            Some("the range and step of an int are whole numbers".to_owned())
        } else if self.min > self.max {
            Some(format!("the range goes from {} down to {}", text(self.min), text(self.max)))
        } else if self.step <= 0.0 {
            Some(format!("the step is {}, it must be greater than 0", text(self.step)))
        } else {
            None
        }
    }

    /// Whether `value` is one that the parameter takes; the fault's pointer is `/{name}`.
    fn check(&self, name: &str, value: f64) -> Result<(), Fault> {
        let fault = |code, message, hint| {
            Err(Fault { pointer: pointer("", name), code, message, hint: Some(hint) })
        };
        let (min, max) = (text(self.min), text(self.max));
        if self.kind == ArgKind::Int && !is_whole(value) {
            let message = format!("\"{name}\" is {}, it takes whole numbers", text(value));
            return fault("wrong_type", message, format!("from {min} to {max}"));
        }
        if !(self.min..=self.max).contains(&value) {
            let message = format!("\"{name}\" is {}, out of its range", text(value));
            return fault("out_of_range", message, format!("from {min} to {max}"));
        }
        Ok(())
    }
}

const KEYS: [&str; 3] = ["int", "float", "default"];

/// Reads the object `params`.
pub(super) fn parse_params(
    value: &Value,
    at: &str,
    faults: &mut Faults,
) -> BTreeMap<String, ParamSpec> {
    let mut params = BTreeMap::new();
    let Some(fields) = value.as_object() else {
        faults.add(at, "wrong_type", "\"params\" is an object of parameters by name");
        return params;
    };
    if fields.len() > MAX_ENTRIES {
        let message = format!("\"params\" has {} entries, at most {MAX_ENTRIES}", fields.len());
        faults.add(at, "too_large", message);
        return params;
    }
    for (name, value) in fields {
        let at = pointer(at, shortened(name));
        if !is_name(name) {
            name_fault(&at, name, faults);
        } else if let Some(spec) = ParamSpec::parse(value, &at, faults) {
            params.insert(name.clone(), spec);
        }
    }
    params
}

/// Whether `name` can be written in text without a `$`, as constraints do.
fn is_name(name: &str) -> bool {
    is_identifier(name) && !["and", "or", "not", "true", "false"].contains(&name)
}

/// Adds the fault of a name that cannot be written in text.
pub(super) fn name_fault(at: &str, name: &str, faults: &mut Faults) {
    let message = format!("\"{}\" is not a name", shortened(name));
    let hint = format!(
        "write letters, digits and \"_\", at most {MAX_NAME_CHARS}, and no word of the language"
    );
    faults.add_with_hint(at, "bad_name", message, hint);
}

/// Whether the parameter `name` takes `value`; the fault's pointer is `/{name}`.
pub(super) fn check_parameter(
    params: &BTreeMap<String, ParamSpec>,
    name: &str,
    value: f64,
) -> Result<(), Fault> {
    match params.get(name) {
        Some(spec) => spec.check(name, value),
        None => Err(unknown(params, name)),
    }
}

/// Values of all parameters: those of `given`, else defaults; faults point to `/{name}`.
pub(super) fn complete(
    params: &BTreeMap<String, ParamSpec>,
    given: &BTreeMap<String, f64>,
) -> Result<BTreeMap<String, f64>, Faults> {
    let mut faults = Faults::default();
    let mut values = BTreeMap::new();
    for name in given.keys().filter(|name| !params.contains_key(*name)) {
        faults.push(unknown(params, name));
    }
    for (name, spec) in params {
        match given.get(name).copied().or(spec.default) {
            None => {
                let message = format!("the parameter \"{name}\" has no default and no value");
                faults.add(&pointer("", name), "missing_field", message);
            }
            Some(value) => match spec.check(name, value) {
                Ok(()) => _ = values.insert(name.clone(), value),
                Err(fault) => faults.push(fault),
            },
        }
    }
    faults.into_result(values)
}

fn unknown(params: &BTreeMap<String, ParamSpec>, name: &str) -> Fault {
    let names = params.keys().map(String::as_str);
    let hint = did_you_mean(name, names.clone()).or_else(|| listed(names));
    let message = format!("the strategy has no parameter \"{}\"", shortened(name));
    Fault { pointer: pointer("", shortened(name)), code: "unknown_name", message, hint }
}

/// "it has a, b, c" of at most 10 names.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.take(10).collect();
    (!names.is_empty()).then(|| format!("it has {}", names.join(", ")))
}

fn finite(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

/// Whether `value` has no fraction.
pub(super) fn is_whole(value: f64) -> bool {
    value.fract() == 0.0
}

/// A number as it is shown in messages.
pub(super) fn text(value: f64) -> String {
    let mut out = String::new();
    if value.is_finite() {
        write_number(&mut out, value);
    } else {
        out.push_str("not a finite number");
    }
    out
}
