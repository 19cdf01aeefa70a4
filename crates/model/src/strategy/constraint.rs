//! Constraints: conditions on parameters alone, such as `fast < slow`.
//!
//! In them a bare name is a parameter. They hold comparisons, `and or not` and arithmetic; what
//! divides by zero is undefined, and neither a comparison with it nor its negation holds.

use std::collections::BTreeMap;

use super::params::{ParamSpec, listed};
use super::syntax::{Callee, Form, Node, Operator, did_you_mean, shortened};
use super::{CompareOp, MathOp};
use crate::Faults;

/// A condition that the parameters of a job must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// As written.
    pub text: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Constant(bool),
    Compare(CompareOp, Term, Term),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Number(f64),
    Param(String),
    Abs(Box<Term>),
    Math(MathOp, Vec<Term>),
}

impl Constraint {
    /// Checks what was written at `node` as `text`.
    pub(super) fn new(
        node: &Node,
        text: String,
        params: &BTreeMap<String, ParamSpec>,
        faults: &mut Faults,
    ) -> Option<Constraint> {
        let test = Checker { params, faults }.test(node)?;
        Some(Constraint { text, test })
    }

    /// Whether it is met by the parameters of which `value_of` gives the values.
    ///
    /// A parameter without value is undefined, as what divides by zero is.
    pub fn holds(&self, value_of: &dyn Fn(&str) -> Option<f64>) -> bool {
        self.test.holds(value_of) == Some(true)
    }
}

impl Test {
    /// `None` where it compares an undefined number.
    fn holds(&self, value_of: &dyn Fn(&str) -> Option<f64>) -> Option<bool> {
        match self {
            Test::Constant(value) => Some(*value),
            Test::Compare(op, left, right) => {
                Some(compare(*op, left.value(value_of)?, right.value(value_of)?))
            }
            Test::All(parts) => decided(parts, value_of, false),
            Test::Any(parts) => decided(parts, value_of, true),
            Test::Not(of) => of.holds(value_of).map(|value| !value),
        }
    }
}

/// `decisive` if a part is that; else undefined if a part is undefined; else the opposite.
fn decided(parts: &[Test], value_of: &dyn Fn(&str) -> Option<f64>, decisive: bool) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match part.holds(value_of) {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

#[expect(clippy::float_cmp, reason = "eq and ne are exact, as in the engine")]
fn compare(op: CompareOp, left: f64, right: f64) -> bool {
    match op {
        CompareOp::Lt => left < right,
        CompareOp::Le => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::Ge => left >= right,
        CompareOp::Eq => left == right,
        CompareOp::Ne => left != right,
    }
}

impl Term {
    /// `None` where it is undefined.
    fn value(&self, value_of: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Term::Number(value) => Some(*value),
            Term::Param(name) => value_of(name),
            Term::Abs(of) => of.value(value_of).map(f64::abs),
            Term::Math(op, terms) => {
                let mut terms = terms.iter().map(|term| term.value(value_of));
                let first = terms.next()??;
                let apply = |left: f64, right: f64| match op {
                    MathOp::Add => left + right,
                    MathOp::Sub => left - right,
                    MathOp::Mul => left * right,
                    MathOp::Div => left / right,
                    MathOp::Min => left.min(right),
                    MathOp::Max => left.max(right),
                };
                terms.try_fold(first, |left, right| {
                    Some(apply(left, right?)).filter(|value| value.is_finite())
                })
            }
        }
    }
}

const CONDITION: &str = "a condition such as \"fast < slow\"";
const NUMBER: &str = "a number, a parameter or arithmetic";

struct Checker<'a> {
    params: &'a BTreeMap<String, ParamSpec>,
    faults: &'a mut Faults,
}

impl Checker<'_> {
    fn test(&mut self, node: &Node) -> Option<Test> {
        if let Form::Bool(value) = node.form {
            return Some(Test::Constant(value));
        }
        match operator(node) {
            Some((Operator::Compare(op), [left, right])) => {
                let (left, right) = (self.term(left), self.term(right));
                Some(Test::Compare(op, left?, right?))
            }
            Some((Operator::All, nodes)) => self.tests(nodes).map(Test::All),
            Some((Operator::Any, nodes)) => self.tests(nodes).map(Test::Any),
            Some((Operator::Not, [of])) => self.test(of).map(|of| Test::Not(Box::new(of))),
            Some(_) | None => self.refuse(node, CONDITION),
        }
    }

    fn tests(&mut self, nodes: &[Node]) -> Option<Vec<Test>> {
        let tests: Vec<Option<Test>> = nodes.iter().map(|node| self.test(node)).collect();
        tests.into_iter().collect()
    }

    fn term(&mut self, node: &Node) -> Option<Term> {
        match &node.form {
            Form::Number(value) => return Some(Term::Number(*value)),
            Form::Name(name) | Form::Param(name) => return self.parameter(name, node),
            Form::Bool(_) | Form::Word(_) | Form::Output(..) | Form::Call { .. } => {}
        }
        match operator(node) {
            Some((Operator::Abs, [of])) => self.term(of).map(|of| Term::Abs(Box::new(of))),
            Some((Operator::Math(op), nodes)) => {
                let fits = match op {
                    MathOp::Sub | MathOp::Div => nodes.len() == 2,
                    MathOp::Add | MathOp::Mul | MathOp::Min | MathOp::Max => nodes.len() >= 2,
                };
                if !fits {
                    return self.refuse(node, "arithmetic of two operands");
                }
                let terms: Vec<Option<Term>> = nodes.iter().map(|node| self.term(node)).collect();
                Some(Term::Math(op, terms.into_iter().collect::<Option<_>>()?))
            }
            Some(_) | None => self.refuse(node, NUMBER),
        }
    }

    fn parameter(&mut self, name: &str, node: &Node) -> Option<Term> {
        if self.params.contains_key(name) {
            return Some(Term::Param(name.to_owned()));
        }
        let message = format!("the strategy has no parameter \"{}\"", shortened(name));
        let names = || self.params.keys().map(String::as_str);
        let hint = did_you_mean(name, names()).or_else(|| listed(names()));
        node.place.fault(self.faults, "unknown_name", &message, hint);
        None
    }

    fn refuse<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        let found = shortened(&node.describe());
        let message = format!("a constraint has {wanted} here, not \"{found}\"");
        let hint = "constraints compare parameters and numbers".to_owned();
        node.place.fault(self.faults, "wrong_type", &message, Some(hint));
        None
    }
}

/// The operator and operands of a call of one.
fn operator(node: &Node) -> Option<(Operator, &[Node])> {
    match &node.form {
        Form::Call { callee: Callee::Operator(operator), positional, named }
            if named.is_empty() =>
        {
            Some((*operator, positional))
        }
        Form::Call { .. }
        | Form::Number(_)
        | Form::Bool(_)
        | Form::Param(_)
        | Form::Name(_)
        | Form::Word(_)
        | Form::Output(..) => None,
    }
}
