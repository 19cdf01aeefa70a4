//! From nodes as written to the typed tree: names and named signals inlined, defaults filled, types,
//! ranges and limits checked.
//!
//! Entries of `indicators` are lowered once and cloned where they are named, their size being counted
//! at each use, so that references cannot multiply into more work than the limits allow.

mod indicator;
mod operator;
mod signal;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;

use super::limits::{MAX_DEPTH, MAX_NODES, MAX_WRITTEN_NODES};
use super::names::LAST_EXIT_REASON;
use super::params::ParamSpec;
use super::syntax::{
    Callee, Form, Node, Place, catalogue_names, did_you_mean, reserved_names, shortened,
};
use super::walk::Extent;
use super::{
    Arg, ClockField, Cond, Expr, IndicatorCall, IndicatorKind, NamedSignal, OutputKind,
    PositionField, Price,
};
use crate::{Faults, HigherTimeframe, PositionSide};

/// What a node means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Number(Expr),
    Condition(Cond),
    /// An indicator of which no output is named yet; its first one is meant unless one is.
    Outputs(Scope, IndicatorCall),
}

/// Candles that a part is evaluated on; none of both: the job's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    tf: Option<HigherTimeframe>,
    ticker: Option<String>,
}

impl Scope {
    fn number(self, of: Expr) -> Expr {
        let Scope { tf, ticker } = self;
        if tf.is_none() && ticker.is_none() {
            return of;
        }
        Expr::Scope { tf, ticker, of: Box::new(of) }
    }

    fn condition(self, of: Cond) -> Cond {
        let Scope { tf, ticker } = self;
        if tf.is_none() && ticker.is_none() {
            return of;
        }
        Cond::Scope { tf, ticker, of: Box::new(of) }
    }
}

/// An entry of `indicators`, lowered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    meaning: Meaning,
    extent: Extent,
    uses: Uses,
}

/// Entries of `indicators` by name and by the side that their named signals have. `None`: faulty.
pub(super) type Definitions = BTreeMap<(String, PositionSide), Option<Definition>>;

/// What a definition holds that only some places may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uses {
    /// State that exits read.
    exit_state: bool,
    /// State that entries read.
    entry_state: bool,
    /// A named signal, which has a long and a short side.
    sides: bool,
}

/// Which state of the account a place may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateRule {
    /// None.
    Refused,
    /// That of entries.
    Entries,
    /// That of exits.
    Exits,
    /// Any: a definition, which is checked where it is named.
    Unknown,
}

/// What is known of the place of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// The side that named signals mean here; `None` = they mean nothing here.
    pub(super) side: Option<PositionSide>,
    pub(super) state: StateRule,
    depth: usize,
    /// Inside something that reads other candles than the current one.
    nested: bool,
    /// Inside arithmetic.
    reckoned: bool,
}

impl Context {
    pub(super) fn new(side: Option<PositionSide>, state: StateRule) -> Context {
        Context { side, state, depth: 1, nested: false, reckoned: false }
    }

    fn deeper(self) -> Context {
        Context { depth: self.depth + 1, ..self }
    }

    fn nested(self) -> Context {
        Context { depth: self.depth + 1, nested: true, ..self }
    }

    fn reckoned(self) -> Context {
        Context { depth: self.depth + 1, reckoned: true, ..self }
    }
}

/// Lowers the nodes of one strategy.
pub(super) struct Lower<'a> {
    written: &'a BTreeMap<String, Node>,
    params: &'a BTreeMap<String, ParamSpec>,
    definitions: Cow<'a, Definitions>,
    /// Arguments of the named signal whose text is being lowered.
    bindings: Option<BTreeMap<&'static str, Arg>>,
    /// Definitions being lowered, outermost first.
    open: Vec<String>,
    /// Nodes made so far.
    nodes: usize,
    /// Nodes of all definitions so far.
    defined: usize,
    uses: Uses,
    pub(super) faults: &'a mut Faults,
}

impl<'a> Lower<'a> {
    /// `written` are the entries of `indicators`; `definitions` those that were lowered before.
    pub(super) fn new(
        written: &'a BTreeMap<String, Node>,
        params: &'a BTreeMap<String, ParamSpec>,
        definitions: &'a Definitions,
        faults: &'a mut Faults,
    ) -> Lower<'a> {
        let (bindings, open, uses) = (None, Vec::new(), Uses::default());
        let definitions = Cow::Borrowed(definitions);
        let (nodes, defined) = (0, 0);
        Lower { written, params, definitions, bindings, open, nodes, defined, uses, faults }
    }

    /// Lowers every entry of `indicators`, named or not, so that each fault is found.
    pub(super) fn definitions(mut self) -> Definitions {
        for (name, node) in self.written {
            self.define(name, PositionSide::Long, &node.place, 0);
            self.nodes = 0;
        }
        self.definitions.into_owned()
    }

    /// The number that `node` is, or a fault.
    pub(super) fn number(&mut self, node: &Node, context: Context) -> Option<Expr> {
        match self.read(node, context)? {
            Meaning::Number(expr) => Some(expr),
            Meaning::Condition(_) | Meaning::Outputs(..) => {
                let message =
                    format!("\"{}\" is a condition, not a number", shortened(&node.describe()));
                let hint = "use a condition by itself, or count it with countTrue or barsSince";
                self.fault(&node.place, "wrong_type", &message, Some(hint.to_owned()));
                None
            }
        }
    }

    /// The condition that `node` is, or a fault.
    pub(super) fn condition(&mut self, node: &Node, context: Context) -> Option<Cond> {
        match self.read(node, context)? {
            Meaning::Condition(cond) => Some(cond),
            Meaning::Number(_) | Meaning::Outputs(..) => {
                let name = shortened(&node.describe());
                let message = format!("\"{name}\" is a number, not a condition");
                let hint = match &node.form {
                    Form::Name(_) | Form::Output(..) => {
                        format!("compare it with another number, as in \"{name} > 0\"")
                    }
                    Form::Number(_)
                    | Form::Bool(_)
                    | Form::Param(_)
                    | Form::Word(_)
                    | Form::Call { .. } => "compare it with another number".to_owned(),
                };
                self.fault(&node.place, "wrong_type", &message, Some(hint));
                None
            }
        }
    }

    /// What `node` means, the first output being read of an indicator.
    fn read(&mut self, node: &Node, context: Context) -> Option<Meaning> {
        Some(match self.meaning(node, context)? {
            Meaning::Outputs(scope, call) => output(scope, call),
            read @ (Meaning::Number(_) | Meaning::Condition(_)) => read,
        })
    }

    fn meaning(&mut self, node: &Node, context: Context) -> Option<Meaning> {
        if !self.spend(&node.place, Extent { nodes: 1, depth: 1 }, context) {
            return None;
        }
        match &node.form {
            Form::Number(value) => Some(Meaning::Number(Expr::Number(Arg::Number(*value)))),
            Form::Bool(value) => Some(Meaning::Condition(Cond::Constant(*value))),
            Form::Param(name) => {
                let arg = self.parameter(name, &node.place)?;
                Some(Meaning::Number(Expr::Number(arg)))
            }
            Form::Name(name) => self.name(name, &node.place, context),
            Form::Word(word) => {
                let message = format!("\"{}\" is no value here", shortened(word));
                self.fault(&node.place, "wrong_type", &message, None);
                None
            }
            Form::Output(of, name) => self.pick(of, name, &node.place, context),
            Form::Call { callee, positional, named } => {
                let call = Arguments { callee: *callee, positional, named, place: &node.place };
                self.call(call, context)
            }
        }
    }

    fn call(&mut self, call: Arguments<'_>, context: Context) -> Option<Meaning> {
        match call.callee {
            Callee::Operator(operator) => self.operator(operator, call, context),
            Callee::Indicator(kind) => self.indicator(kind, call, context),
            Callee::Signal(signal) => self.signal(signal, call, context),
            Callee::Scope => self.scope(call, context),
            Callee::Price(price) => {
                let [tf, ticker] = self.slots(call, &[], ["tf", "ticker"])?.1;
                let scope = self.scope_of(tf, ticker)?;
                Some(Meaning::Number(scope.number(Expr::Price(price))))
            }
            Callee::Clock(field) => {
                let [tz] = self.slots(call, &[], ["tz"])?.1;
                self.clock(field, tz).map(Meaning::Number)
            }
        }
    }

    fn name(&mut self, name: &str, place: &Place, context: Context) -> Option<Meaning> {
        if let Some(price) = Price::from_name(name) {
            return Some(Meaning::Number(Expr::Price(price)));
        }
        if let Some(field) = ClockField::from_name(name) {
            return Some(Meaning::Number(Expr::Clock { field, tz: None }));
        }
        if let Some(field) = PositionField::from_name(name) {
            self.state(name, field.is_for_entries(), place, context)?;
            return Some(Meaning::Number(Expr::Position(field)));
        }
        if name == LAST_EXIT_REASON {
            let message = format!("\"{LAST_EXIT_REASON}\" is neither a number nor a condition");
            let hint = format!("write {{\"eq\": [\"{LAST_EXIT_REASON}\", \"stop_loss\"]}}");
            self.fault(place, "wrong_type", &message, Some(hint));
            return None;
        }
        if self.bindings.is_none() && self.is_defined(name) {
            return self.reference(name, place, context);
        }
        let callee = IndicatorKind::from_name(name)
            .map(Callee::Indicator)
            .or_else(|| NamedSignal::from_name(name).map(Callee::Signal));
        if let Some(callee) = callee {
            return self.call(Arguments { callee, positional: &[], named: &[], place }, context);
        }
        let message = format!("unknown name \"{}\"", shortened(name));
        let hint = if self.params.contains_key(name) {
            Some(format!("a parameter is written ${name}, in the tree {{\"$\": \"{name}\"}}"))
        } else {
            let mut names: Vec<&str> = reserved_names().chain(catalogue_names()).collect();
            names.extend(self.definitions.keys().map(|(name, _)| name.as_str()));
            names.extend(self.written.keys().map(String::as_str));
            did_you_mean(name, names)
        };
        self.fault(place, "unknown_name", &message, hint);
        None
    }

    /// What `of.name` means: an output of an indicator.
    fn pick(&mut self, of: &Node, name: &str, place: &Place, context: Context) -> Option<Meaning> {
        match self.meaning(of, context.deeper())? {
            Meaning::Outputs(scope, call) => {
                let index = self.output_index(call.kind, name, place)?;
                Some(output(scope, IndicatorCall { output: index, ..call }))
            }
            Meaning::Number(_) | Meaning::Condition(_) => {
                let of = shortened(&of.describe());
                let message = format!("\"{of}\" has no outputs to choose from");
                // `SuperTrend.direction`: the named signal for the indicator.
                let indicators = IndicatorKind::ALL.into_iter().map(|kind| kind.info().name);
                let hint = NamedSignal::from_name(&of).and_then(|_| did_you_mean(&of, indicators));
                self.fault(place, "unknown_name", &message, hint);
                None
            }
        }
    }

    fn output_index(&mut self, kind: IndicatorKind, name: &str, place: &Place) -> Option<usize> {
        let info = kind.info();
        let index = info.outputs.iter().position(|output| output.name == name);
        if index.is_none() {
            let message = format!("\"{}\" has no output \"{}\"", info.name, shortened(name));
            let names = || info.outputs.iter().map(|output| output.name);
            let hint = did_you_mean(name, names()).or_else(|| super::params::listed(names()));
            self.fault(place, "unknown_name", &message, hint);
        }
        index
    }

    /// The parameter `name`, or the argument of that name in the text of a named signal.
    fn parameter(&mut self, name: &str, place: &Place) -> Option<Arg> {
        if let Some(bindings) = &self.bindings {
            return bindings.get(name).cloned();
        }
        if self.params.contains_key(name) {
            return Some(Arg::Param(name.to_owned()));
        }
        let message = format!("the strategy has no parameter \"{}\"", shortened(name));
        let names = || self.params.keys().map(String::as_str);
        let hint = did_you_mean(name, names()).or_else(|| super::params::listed(names()));
        self.fault(place, "unknown_name", &message, hint);
        None
    }

    /// Checks that state of the account may be read here.
    fn state(&mut self, name: &str, entries: bool, place: &Place, context: Context) -> Option<()> {
        let home = if entries { "long and short" } else { "exitLong and exitShort" };
        let allowed = match context.state {
            StateRule::Refused => false,
            StateRule::Entries => entries,
            StateRule::Exits => !entries,
            StateRule::Unknown => true,
        };
        if !allowed {
            let message = format!("\"{name}\" may be read in {home} only");
            self.fault(place, "not_here", &message, None);
            return None;
        }
        if context.nested {
            let message = format!("\"{name}\" is known of the current candle only");
            let hint = "compare it directly, under all, any and not";
            self.fault(place, "not_here", &message, Some(hint.to_owned()));
            return None;
        }
        if context.reckoned {
            let message = format!("\"{name}\" takes no part in arithmetic");
            let hint = "compare it directly with a number of the candles";
            self.fault(place, "not_here", &message, Some(hint.to_owned()));
            return None;
        }
        self.uses.entry_state |= entries;
        self.uses.exit_state |= !entries;
        Some(())
    }

    fn is_defined(&self, name: &str) -> bool {
        self.written.contains_key(name)
            || self.definitions.contains_key(&(name.to_owned(), PositionSide::Long))
    }

    /// What the entry `name` of `indicators` means at `place`.
    fn reference(&mut self, name: &str, place: &Place, context: Context) -> Option<Meaning> {
        self.define(name, PositionSide::Long, place, context.depth);
        let long = self.definition(name, PositionSide::Long)?;
        let (mut extent, uses) = (long.extent, long.uses);
        let mut side = PositionSide::Long;
        if uses.sides {
            let Some(wanted) = context.side else {
                let message = format!("\"{name}\" has a long and a short side");
                let hint = "named signals may stand in signals only";
                self.fault(place, "not_here", &message, Some(hint.to_owned()));
                return None;
            };
            side = wanted;
            self.define(name, side, place, context.depth);
            extent = self.definition(name, side)?.extent;
        }
        if uses.entry_state {
            self.state(name, true, place, context)?;
        }
        if uses.exit_state {
            self.state(name, false, place, context)?;
        }
        self.uses.sides |= uses.sides;
        if !self.spend(place, extent, context) {
            return None;
        }
        self.definition(name, side).map(|definition| definition.meaning.clone())
    }

    fn definition(&self, name: &str, side: PositionSide) -> Option<&Definition> {
        self.definitions.get(&(name.to_owned(), side))?.as_ref()
    }

    /// Lowers the entry `name` of `indicators` for `side`, unless that was done before.
    fn define(&mut self, name: &str, side: PositionSide, place: &Place, depth: usize) {
        let key = (name.to_owned(), side);
        if self.definitions.contains_key(&key) || self.defined > MAX_WRITTEN_NODES {
            return;
        }
        if let Some(start) = self.open.iter().position(|open| open == name) {
            let circle = self.open[start..].join("\" needs \"");
            let message = format!("\"{circle}\" needs \"{name}\": indicators go in a circle");
            self.fault(place, "circular", &message, None);
            return;
        }
        let written: &'a BTreeMap<String, Node> = self.written;
        let Some(node) = written.get(name) else { return };
        self.open.push(name.to_owned());
        let outer_uses = mem::take(&mut self.uses);
        let outer_nodes = mem::take(&mut self.nodes);
        let context = Context { depth, ..Context::new(Some(side), StateRule::Unknown) };
        let meaning = self.meaning(node, context.deeper());
        let uses = mem::replace(&mut self.uses, outer_uses);
        self.nodes = outer_nodes;
        self.open.pop();
        let definition = meaning.map(|meaning| {
            let extent = match &meaning {
                Meaning::Number(expr) => Extent::of_expr(expr),
                Meaning::Condition(cond) => Extent::of_cond(cond),
                Meaning::Outputs(scope, call) => {
                    Extent::of_expr(&scope.clone().number(Expr::Indicator(Box::new(call.clone()))))
                }
            };
            self.defined += extent.nodes;
            Definition { meaning, extent, uses }
        });
        if self.defined > MAX_WRITTEN_NODES {
            let message = format!(
                "\"indicators\" have more than {MAX_WRITTEN_NODES} numbers and conditions in all"
            );
            self.fault(place, "too_large", &message, None);
        }
        self.definitions.to_mut().insert(key, definition);
    }

    /// Counts nodes about to be made; false, with a fault, where they pass a limit.
    fn spend(&mut self, place: &Place, extent: Extent, context: Context) -> bool {
        if context.depth + extent.depth - 1 > MAX_DEPTH {
            let message = format!("the strategy is nested deeper than {MAX_DEPTH} levels");
            self.fault(place, "too_large", &message, None);
            return false;
        }
        if self.nodes > MAX_NODES {
            return false;
        }
        self.nodes += extent.nodes;
        if self.nodes > MAX_NODES {
            let message = format!("the strategy has more than {MAX_NODES} numbers and conditions");
            let hint = "entries of \"indicators\" count at each use";
            self.fault(place, "too_large", &message, Some(hint.to_owned()));
        }
        self.nodes <= MAX_NODES
    }

    fn fault(&mut self, place: &Place, code: &'static str, message: &str, hint: Option<String>) {
        place.fault(self.faults, code, message, hint);
    }
}

/// A call with its arguments as written.
#[derive(Clone, Copy)]
struct Arguments<'n> {
    callee: Callee,
    positional: &'n [Node],
    named: &'n [(String, Node)],
    place: &'n Place,
}

/// The output that `call` names, on the candles of `scope`.
fn output(scope: Scope, call: IndicatorCall) -> Meaning {
    match call.kind.info().outputs[call.output].kind {
        OutputKind::Number => Meaning::Number(scope.number(Expr::Indicator(Box::new(call)))),
        OutputKind::Bool => Meaning::Condition(scope.condition(Cond::Is(Box::new(call)))),
    }
}
