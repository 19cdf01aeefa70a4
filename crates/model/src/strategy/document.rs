//! A strategy: its document read whole, and what it becomes for given parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::canonical::{canonical, canonical_cond, canonical_expr};
use super::limits::{MAX_DEPTH, MAX_ENTRIES, MAX_NAME_CHARS, MAX_NODES};
use super::lower::{Context, Definitions, Lower, StateRule};
use super::params::{self, ParamSpec};
use super::syntax::{Node, Place, Reader, did_you_mean, is_identifier, reserved_names, shortened};
use super::walk::{Extent, cond_parameters, conditions, substitute_cond, substitute_expr};
use super::{Arg, Cond, Constraint, Expr, Signals};
use crate::fault::pointer;
use crate::{Digest, Fault, Faults, PositionSide};

/// A strategy as requested: checked, inlined, its parameters still open.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// Its name; empty if it has none. In no key.
    pub name: String,
    /// The conditions in canonical form, with parameters; all absent under a signal column.
    pub signals: Signals,
    /// The parameters, by name.
    pub params: BTreeMap<String, ParamSpec>,
    /// What the parameters of a job must meet.
    pub constraints: Vec<Constraint>,
    /// An uploaded column of signals that replaces the conditions.
    pub signal_column: Option<Digest>,
    /// The entries of `indicators`, which levels of money management may name.
    definitions: Definitions,
}

/// A strategy for given parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The conditions in canonical form, without parameters.
    pub signals: Signals,
    /// The parameters that the conditions use, by name.
    pub used: BTreeMap<String, f64>,
}

const KEYS: [&str; 9] = [
    "schema",
    "name",
    "indicators",
    "signals",
    "params",
    "constraints",
    "scenario",
    "lookback",
    "signalColumn",
];
const SIGNAL_KEYS: [&str; 4] = ["long", "short", "exitLong", "exitShort"];

impl Strategy {
    /// Reads the strategy `value`, which stands at `pointer` of the request.
    ///
    /// `None` if anything is wrong with it; then `faults` says all of it.
    pub fn parse(value: &Value, pointer: &str, faults: &mut Faults) -> Option<Strategy> {
        let mut own = Faults::default();
        let strategy = Document::read(value, pointer, &mut own);
        let sound = own.is_empty();
        own.0.into_iter().for_each(|fault| faults.push(fault));
        strategy.filter(|_| sound)
    }

    /// Reads a number of money management, which may name this strategy's `indicators` and
    /// parameters; in canonical form. State of the account and named signals are refused.
    pub fn parse_expr(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Option<Expr> {
        let node = Reader::new(faults).node(value, pointer)?;
        let context = Context::new(None, StateRule::Refused);
        let expr = canonical_expr(self.lower(faults).number(&node, context)?);
        is_small(Extent::of_expr(&expr), pointer, faults).then_some(expr)
    }

    /// Reads a condition outside of the signals, as [`Strategy::parse_expr`] does a number.
    pub fn parse_cond(&self, value: &Value, pointer: &str, faults: &mut Faults) -> Option<Cond> {
        let node = Reader::new(faults).node(value, pointer)?;
        let context = Context::new(None, StateRule::Refused);
        let cond = canonical_cond(self.lower(faults).condition(&node, context)?);
        is_small(Extent::of_cond(&cond), pointer, faults).then_some(cond)
    }

    /// Whether the parameter `name` takes `value`. The fault's pointer is `/{name}`: prefix it.
    pub fn check_parameter(&self, name: &str, value: f64) -> Result<(), Fault> {
        params::check_parameter(&self.params, name, value)
    }

    /// The value of every parameter: those of `given`, else defaults.
    ///
    /// Fails on unknown names, values out of range and missing values; pointers are `/{name}`.
    pub fn values(&self, given: &BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>, Faults> {
        params::complete(&self.params, given)
    }

    /// The strategy for `given` parameters, as [`Strategy::values`] completes them.
    ///
    /// Does not ask whether they satisfy the constraints.
    pub fn resolve(&self, given: &BTreeMap<String, f64>) -> Result<Resolved, Faults> {
        let mut values = self.values(given)?;
        let mut signals = self.signals.clone();
        let Signals { long, short, exit_long, exit_short } = &mut signals;
        for cond in [long, short, exit_long, exit_short].into_iter().flatten() {
            substitute_cond(cond, &values);
        }
        let used: Vec<String> = conditions(&self.signals).flat_map(cond_parameters).collect();
        values.retain(|name, _| used.contains(name));
        Ok(Resolved { signals: canonical(signals), used: values })
    }

    /// Whether `given`, completed by defaults, meets every constraint.
    pub fn satisfies(&self, given: &BTreeMap<String, f64>) -> bool {
        let value_of =
            |name: &str| given.get(name).copied().or_else(|| self.params.get(name)?.default);
        self.constraints.iter().all(|constraint| constraint.holds(&value_of))
    }

    fn lower<'a>(&'a self, faults: &'a mut Faults) -> Lower<'a> {
        Lower::new(&NOTHING_WRITTEN, &self.params, &self.definitions, faults)
    }
}

static NOTHING_WRITTEN: BTreeMap<String, Node> = BTreeMap::new();

/// `expr` with the parameters of `values` substituted, in canonical form.
#[must_use]
pub fn resolve_expr(expr: &Expr, values: &BTreeMap<String, f64>) -> Expr {
    let mut expr = expr.clone();
    substitute_expr(&mut expr, values);
    canonical_expr(expr)
}

/// `cond` with the parameters of `values` substituted, in canonical form.
#[must_use]
pub fn resolve_cond(cond: &Cond, values: &BTreeMap<String, f64>) -> Cond {
    let mut cond = cond.clone();
    substitute_cond(&mut cond, values);
    canonical_cond(cond)
}

/// Adds a fault if a tree in canonical form passes a limit.
fn is_small(extent: Extent, at: &str, faults: &mut Faults) -> bool {
    if extent.nodes > MAX_NODES {
        let message = format!(
            "the strategy has {} numbers and conditions, at most {MAX_NODES}",
            extent.nodes
        );
        faults.add(at, "too_large", message);
    } else if extent.depth > MAX_DEPTH {
        let message =
            format!("the strategy is nested {} levels deep, at most {MAX_DEPTH}", extent.depth);
        faults.add(at, "too_large", message);
    }
    extent.nodes <= MAX_NODES && extent.depth <= MAX_DEPTH
}

/// The object of a strategy and where it stands.
struct Document<'v> {
    fields: &'v Map<String, Value>,
    at: &'v str,
}

/// The parts of a strategy that signals are made of, read but not yet lowered.
#[derive(Default)]
struct Written {
    indicators: BTreeMap<String, Node>,
    /// Names of `indicators` that could not be read: naming them is no further fault.
    broken: Definitions,
    signals: [Option<Node>; 4],
    scenario: Option<(Vec<Node>, Place, Option<Node>)>,
}

impl<'v> Document<'v> {
    fn read(value: &'v Value, at: &'v str, faults: &mut Faults) -> Option<Strategy> {
        let Some(fields) = value.as_object() else {
            let hint = "write {\"signals\": {...}} or {\"scenario\": [\"EmaCross\"]}";
            faults.add_with_hint(at, "wrong_type", "a strategy is an object", hint);
            return None;
        };
        let document = Document { fields, at };
        unknown_fields(fields, at, "a strategy", &KEYS, faults);
        document.check_schema(faults);
        let name = document.name(faults);
        let signal_column = document.signal_column(faults);
        document.check_choice(faults);
        let params = match document.field("params") {
            Some((value, at)) => params::parse_params(value, &at, faults),
            None => BTreeMap::new(),
        };
        let mut reader = Reader::new(faults);
        let constraints = document.constraints(&params, &mut reader);
        let written = document.written(&mut reader);
        let definitions =
            Lower::new(&written.indicators, &params, &written.broken, faults).definitions();
        let lower = Lower::new(&written.indicators, &params, &definitions, faults);
        let signals = canonical(lower_signals(&written, lower));
        is_small(Extent::of_signals(&signals), at, faults);
        Some(Strategy { name, signals, params, constraints, signal_column, definitions })
    }

    fn field(&self, name: &str) -> Option<(&'v Value, String)> {
        present(self.fields, name).map(|value| (value, pointer(self.at, name)))
    }

    fn check_schema(&self, faults: &mut Faults) {
        if let Some((value, at)) = self.field("schema")
            && value.as_u64() != Some(1)
        {
            faults.add(&at, "out_of_range", "\"schema\" is 1, the only one there is");
        }
    }

    fn name(&self, faults: &mut Faults) -> String {
        let Some((value, at)) = self.field("name") else { return String::new() };
        match value.as_str() {
            Some(name) if name.chars().count() <= MAX_NAME_CHARS => return name.to_owned(),
            Some(_) => {
                let message = format!("\"name\" is longer than {MAX_NAME_CHARS} characters");
                faults.add(&at, "too_large", message);
            }
            None => faults.add(&at, "wrong_type", "\"name\" is a string"),
        }
        String::new()
    }

    fn signal_column(&self, faults: &mut Faults) -> Option<Digest> {
        let (value, at) = self.field("signalColumn")?;
        match value.as_str().map(str::parse::<Digest>) {
            Some(Ok(digest)) => return Some(digest),
            Some(Err(error)) => faults.add(&at, "out_of_range", error.to_string()),
            None => faults.add(&at, "wrong_type", "\"signalColumn\" is the hash of a column"),
        }
        None
    }

    /// Checks that exactly one way to make signals is used.
    fn check_choice(&self, faults: &mut Faults) {
        let has = |name: &str| present(self.fields, name).is_some();
        let ways = ["signals", "scenario", "signalColumn"];
        if !ways.into_iter().any(has) {
            let message = "the strategy has no signals";
            let hint = "write one of signals, scenario, signalColumn";
            faults.add_with_hint(self.at, "missing_field", message, hint);
        }
        if has("signalColumn") {
            for name in ["signals", "scenario"].into_iter().filter(|name| has(name)) {
                let message = format!("\"{name}\" and \"signalColumn\" exclude each other");
                faults.add(&pointer(self.at, name), "conflict", message);
            }
        }
        if has("lookback") && !has("scenario") {
            let message = "\"lookback\" belongs to a \"scenario\"";
            faults.add(&pointer(self.at, "lookback"), "conflict", message);
        }
    }

    fn constraints(
        &self,
        params: &BTreeMap<String, ParamSpec>,
        reader: &mut Reader<'_>,
    ) -> Vec<Constraint> {
        let Some((value, at)) = self.field("constraints") else { return Vec::new() };
        let Some(items) = list(value, "constraints", &at, reader.faults) else { return Vec::new() };
        let mut constraints = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let Some(node) = reader.node(item, &pointer(&at, index)) {
                let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                constraints.extend(Constraint::new(&node, text, params, reader.faults));
            }
        }
        constraints
    }

    fn written(&self, reader: &mut Reader<'_>) -> Written {
        let mut written = Written::default();
        if let Some((value, at)) = self.field("indicators") {
            written.read_indicators(value, &at, reader);
        }
        if let Some((value, at)) = self.field("scenario") {
            written.scenario = self.scenario(value, &at, reader);
        }
        if let Some((value, at)) = self.field("signals") {
            let Some(fields) = value.as_object() else {
                let message = "\"signals\" is an object of long, short, exitLong, exitShort";
                reader.faults.add(&at, "wrong_type", message);
                return written;
            };
            unknown_fields(fields, &at, "\"signals\"", &SIGNAL_KEYS, reader.faults);
            let has_signal = SIGNAL_KEYS.iter().any(|name| present(fields, name).is_some());
            if !has_signal && self.field("scenario").is_none() {
                let message = "the strategy has no signal";
                let hint = "write at least one of long, short, exitLong, exitShort";
                reader.faults.add_with_hint(&at, "missing_field", message, hint);
            }
            for (name, slot) in SIGNAL_KEYS.into_iter().zip(&mut written.signals) {
                let Some(value) = present(fields, name) else { continue };
                let at = pointer(&at, name);
                if written.scenario.is_some() && !name.starts_with("exit") {
                    let message = format!("the scenario makes \"{name}\"");
                    let hint = "beside a scenario, write exitLong and exitShort only";
                    reader.faults.add_with_hint(&at, "conflict", message, hint);
                }
                *slot = reader.node(value, &at);
            }
        }
        written
    }

    fn scenario(
        &self,
        value: &Value,
        at: &str,
        reader: &mut Reader<'_>,
    ) -> Option<(Vec<Node>, Place, Option<Node>)> {
        let items = list(value, "scenario", at, reader.faults)?;
        let nodes: Vec<Option<Node>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| reader.node(item, &pointer(at, index)))
            .collect();
        let lookback = match self.field("lookback") {
            Some((value, at)) => Some(reader.node(value, &at)?),
            None => None,
        };
        let nodes = nodes.into_iter().collect::<Option<_>>()?;
        Some((nodes, Place::new(at), lookback))
    }
}

fn lower_signals(written: &Written, mut lower: Lower<'_>) -> Signals {
    use PositionSide::{Long, Short};
    let context = |side, state| Context::new(Some(side), state);
    let entries = [Long, Short].map(|side| context(side, StateRule::Entries));
    // An exit of a long position is a signal for the short side.
    let exits = [Short, Long].map(|side| context(side, StateRule::Exits));
    let mut conds = [None, None, None, None];
    let contexts = entries.into_iter().chain(exits);
    for ((slot, node), context) in conds.iter_mut().zip(&written.signals).zip(contexts) {
        *slot = node.as_ref().and_then(|node| lower.condition(node, context));
    }
    let [mut long, mut short, exit_long, exit_short] = conds;
    if let Some((nodes, place, lookback)) = &written.scenario {
        let lookback = match lookback {
            Some(node) => lower.lookback(node),
            None => Some(Arg::Number(1.0)),
        };
        if let Some(lookback) = lookback {
            let [for_longs, for_shorts] = entries;
            long = lower.scenario(nodes, place, &lookback, Long, for_longs);
            if long.is_some() {
                short = lower.scenario(nodes, place, &lookback, Short, for_shorts);
            }
        }
    }
    Signals { long, short, exit_long, exit_short }
}

impl Written {
    fn read_indicators(&mut self, value: &Value, at: &str, reader: &mut Reader<'_>) {
        let Some(fields) = value.as_object() else {
            reader.faults.add(at, "wrong_type", "\"indicators\" is an object of nodes by name");
            return;
        };
        if fields.len() > MAX_ENTRIES {
            let message =
                format!("\"indicators\" has {} entries, at most {MAX_ENTRIES}", fields.len());
            reader.faults.add(at, "too_large", message);
            return;
        }
        for (name, value) in fields {
            let at = pointer(at, shortened(name));
            if !is_identifier(name) {
                params::name_fault(&at, name, reader.faults);
            } else if reserved_names().any(|reserved| reserved == name) {
                let message = format!("\"{name}\" has a meaning of its own");
                reader.faults.add_with_hint(&at, "bad_name", message, "choose another name");
            } else if let Some(node) = reader.node(value, &at) {
                self.indicators.insert(name.clone(), node);
            } else {
                self.broken.insert((name.clone(), PositionSide::Long), None);
            }
        }
    }
}

/// The field `name`; null is the same as nothing.
fn present<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// The items of a list, which are not too many; else a fault.
fn list<'v>(value: &'v Value, name: &str, at: &str, faults: &mut Faults) -> Option<&'v Vec<Value>> {
    let Some(items) = value.as_array() else {
        faults.add(at, "wrong_type", format!("\"{name}\" is a list"));
        return None;
    };
    if items.len() > MAX_ENTRIES {
        let message = format!("\"{name}\" has {} items, at most {MAX_ENTRIES}", items.len());
        faults.add(at, "too_large", message);
        return None;
    }
    Some(items)
}

fn unknown_fields(
    fields: &Map<String, Value>,
    at: &str,
    owner: &str,
    known: &[&str],
    faults: &mut Faults,
) {
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        let message = format!("{owner} has no field \"{}\"", shortened(name));
        let hint = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("it has {}", known.join(", ")));
        faults.add_with_hint(&pointer(at, shortened(name)), "unknown_field", message, hint);
    }
}
