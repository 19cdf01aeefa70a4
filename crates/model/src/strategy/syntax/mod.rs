//! What was written: the untyped tree that the JSON form and the text form both become.
//!
//! From here on nobody knows which form a strategy came in, so both mean the same. Each node keeps
//! its place for messages. **Invariant:** depth, text length and the number of nodes are limited
//! while reading, so that neither time nor stack can be exhausted by a document.

mod lexer;
mod text;
mod tree;

use std::sync::Arc;

use super::limits::MAX_WRITTEN_NODES;
use super::names::LAST_EXIT_REASON;
use super::{
    ClockField, CompareOp, IndicatorKind, MathOp, NamedSignal, PositionField, Price, WindowOp,
};
use crate::Faults;
use crate::fault::nearest;

/// Where a node was written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// JSON Pointer of the value, or of the string whose text it is in.
    pub(super) pointer: Arc<str>,
    /// Column in the text, from 1, in characters; `None` in the tree.
    pub(super) column: Option<usize>,
}

impl Place {
    pub(super) fn new(pointer: &str) -> Place {
        Place { pointer: Arc::from(pointer), column: None }
    }

    /// Adds a fault at this place.
    pub(super) fn fault(
        &self,
        faults: &mut Faults,
        code: &'static str,
        message: &str,
        hint: Option<String>,
    ) {
        let message = match self.column {
            Some(column) => format!("column {column}: {message}"),
            None => message.to_owned(),
        };
        let pointer = self.pointer.to_string();
        faults.push(crate::Fault { pointer, code, message, hint });
    }
}

/// A part of a strategy as written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) form: Form,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// A finite number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `{"$": name}` or `$name`.
    Param(String),
    /// A word that stands alone.
    Name(String),
    /// Quoted text or a timeframe.
    Word(String),
    /// `node.output`.
    Output(Box<Node>, String),
    /// `callee(positional, name: named)`.
    Call { callee: Callee, positional: Vec<Node>, named: Vec<(String, Node)> },
}

impl Node {
    /// How the node is named in a message.
    pub(super) fn describe(&self) -> String {
        match &self.form {
            Form::Number(value) => {
                let mut text = String::new();
                super::json::write_number(&mut text, *value);
                text
            }
            Form::Bool(value) => value.to_string(),
            Form::Param(name) => format!("${name}"),
            Form::Name(name) | Form::Word(name) => name.clone(),
            Form::Output(of, output) => format!("{}.{output}", of.describe()),
            Form::Call { callee: Callee::Operator(Operator::Compare(op)), .. }
                if self.place.column.is_some() =>
            {
                op.sign().to_owned()
            }
            Form::Call { callee, .. } => callee.name().to_owned(),
        }
    }
}

/// What can be called, in text, or be the one key of a node, in the tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Callee {
    Operator(Operator),
    Scope,
    Price(Price),
    Clock(ClockField),
    Indicator(IndicatorKind),
    Signal(NamedSignal),
}

/// Operators: their arguments have no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Compare(CompareOp),
    CrossUp,
    CrossDown,
    All,
    Any,
    Not,
    Is,
    Within,
    Held,
    Rising,
    Falling,
    Prev,
    Abs,
    Math(MathOp),
    Window(WindowOp),
    If,
    BarsSince,
    ValueWhen,
    CountTrue,
}

const OPERATORS: [(&str, Operator); 30] = [
    ("lt", Operator::Compare(CompareOp::Lt)),
    ("le", Operator::Compare(CompareOp::Le)),
    ("gt", Operator::Compare(CompareOp::Gt)),
    ("ge", Operator::Compare(CompareOp::Ge)),
    ("eq", Operator::Compare(CompareOp::Eq)),
    ("ne", Operator::Compare(CompareOp::Ne)),
    ("crossUp", Operator::CrossUp),
    ("crossDown", Operator::CrossDown),
    ("all", Operator::All),
    ("any", Operator::Any),
    ("not", Operator::Not),
    ("is", Operator::Is),
    ("within", Operator::Within),
    ("held", Operator::Held),
    ("rising", Operator::Rising),
    ("falling", Operator::Falling),
    ("prev", Operator::Prev),
    ("abs", Operator::Abs),
    ("min", Operator::Math(MathOp::Min)),
    ("max", Operator::Math(MathOp::Max)),
    ("+", Operator::Math(MathOp::Add)),
    ("-", Operator::Math(MathOp::Sub)),
    ("*", Operator::Math(MathOp::Mul)),
    ("/", Operator::Math(MathOp::Div)),
    ("sum", Operator::Window(WindowOp::Sum)),
    ("percentRank", Operator::Window(WindowOp::PercentRank)),
    ("if", Operator::If),
    ("barsSince", Operator::BarsSince),
    ("valueWhen", Operator::ValueWhen),
    ("countTrue", Operator::CountTrue),
];

/// The callee that puts its argument on other candles.
const SCOPE: &str = "scope";

impl Callee {
    /// The callee of this name; `x` is another way to write `*`.
    fn from_name(name: &str) -> Option<Callee> {
        let name = if name == "x" { "*" } else { name };
        if name == SCOPE {
            return Some(Callee::Scope);
        }
        let operator = OPERATORS.iter().find(|(known, _)| *known == name);
        operator
            .map(|(_, operator)| Callee::Operator(*operator))
            .or_else(|| IndicatorKind::from_name(name).map(Callee::Indicator))
            .or_else(|| NamedSignal::from_name(name).map(Callee::Signal))
            .or_else(|| Price::from_name(name).map(Callee::Price))
            .or_else(|| ClockField::from_name(name).map(Callee::Clock))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Callee::Operator(operator) => {
                let entry = OPERATORS.iter().find(|(_, known)| *known == operator);
                entry.map_or("", |(name, _)| name)
            }
            Callee::Scope => SCOPE,
            Callee::Price(price) => price.name(),
            Callee::Clock(field) => field.name(),
            Callee::Indicator(kind) => kind.info().name,
            Callee::Signal(signal) => signal.info().name,
        }
    }
}

/// Every name that can be called.
fn callee_names() -> impl Iterator<Item = &'static str> {
    let operators = OPERATORS.iter().map(|(name, _)| *name).filter(|name| name.len() > 1);
    operators.chain([SCOPE]).chain(catalogue_names()).chain(column_names())
}

/// Names of the indicators and of the named signals.
pub(super) fn catalogue_names() -> impl Iterator<Item = &'static str> {
    let indicators = IndicatorKind::ALL.into_iter().map(|kind| kind.info().name);
    indicators.chain(NamedSignal::ALL.into_iter().map(|signal| signal.info().name))
}

/// Names of the prices and parts of the time.
fn column_names() -> impl Iterator<Item = &'static str> {
    let prices = Price::ALL.into_iter().map(Price::name);
    prices.chain(ClockField::ALL.into_iter().map(ClockField::name))
}

/// Words that mean something by themselves: no `indicators` entry may take them.
pub(super) fn reserved_names() -> impl Iterator<Item = &'static str> {
    let state = PositionField::ALL.into_iter().map(PositionField::name);
    let words = [LAST_EXIT_REASON, "and", "or", "not", "true", "false"];
    column_names().chain(state).chain(words)
}

/// Whether `name` can be written in text.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|next| next.is_ascii_alphanumeric() || next == '_')
        && name.len() <= super::limits::MAX_NAME_CHARS
}

/// Arguments whose value is a word, not an expression.
fn takes_a_word(name: &str) -> bool {
    matches!(name, "tf" | "ticker" | "tz" | "output" | "role" | "state" | "seed")
}

/// "did you mean" for an unknown name.
pub(super) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|found| format!("did you mean \"{found}\"?"))
}

/// Reads JSON values and texts into nodes, up to [`MAX_WRITTEN_NODES`] in all.
pub(super) struct Reader<'f> {
    pub(super) faults: &'f mut Faults,
    left: usize,
}

impl<'f> Reader<'f> {
    pub(super) fn new(faults: &'f mut Faults) -> Reader<'f> {
        Reader { faults, left: MAX_WRITTEN_NODES }
    }

    /// Takes one node from what is left; the first one too many is a fault, the rest are silent.
    fn spend(&mut self, place: &Place) -> bool {
        if self.left == 1 {
            let message = format!("the strategy has more than {MAX_WRITTEN_NODES} written parts");
            place.fault(self.faults, "too_large", &message, None);
        }
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    /// The callee of this name, or a fault.
    fn callee(&mut self, name: &str, place: &Place) -> Option<Callee> {
        let callee = Callee::from_name(name);
        if callee.is_none() {
            let hint = match name {
                "and" => Some("write \"all\" in the tree".to_owned()),
                "or" => Some("write \"any\" in the tree".to_owned()),
                _ => did_you_mean(name, callee_names()),
            };
            let name = shortened(name);
            let message = format!("\"{name}\" is no operator, indicator or signal");
            place.fault(self.faults, "unknown_name", &message, hint);
        }
        callee
    }
}

/// A name from the request as it is shown in messages: at most 64 characters.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(super::limits::MAX_NAME_CHARS).collect()
}
