//! Operators: arity and the types of their operands.

use super::indicator::WINDOW;
use super::{Arguments, Context, Lower, Meaning};
use crate::FillReason;
use crate::strategy::names::{EXIT_REASONS, LAST_EXIT_REASON, reason_name};
use crate::strategy::syntax::{Form, Node, Operator, did_you_mean, shortened};
use crate::strategy::{Arg, CompareOp, Cond, Expr, MathOp};

impl Lower<'_> {
    /// What a call of `operator` means.
    pub(super) fn operator(
        &mut self,
        operator: Operator,
        call: Arguments<'_>,
        context: Context,
    ) -> Option<Meaning> {
        self.slots(Arguments { positional: &[], ..call }, &[], [])?;
        self.check_arity(operator, call)?;
        let nodes = call.positional;
        let name = call.callee.name();
        let direct = context.deeper();
        let nested = context.nested();
        let reckoned = context.reckoned();
        match operator {
            Operator::Compare(op) => self.compare(op, nodes, direct).map(Meaning::Condition),
            Operator::CrossUp => {
                let [left, right] = self.numbers(nodes, nested)?;
                Some(Meaning::Condition(Cond::CrossUp { left, right }))
            }
            Operator::CrossDown => {
                let [left, right] = self.numbers(nodes, nested)?;
                Some(Meaning::Condition(Cond::CrossDown { left, right }))
            }
            Operator::All => Some(Meaning::Condition(Cond::All(self.conditions(nodes, direct)?))),
            Operator::Any => Some(Meaning::Condition(Cond::Any(self.conditions(nodes, direct)?))),
            Operator::Not => {
                let of = self.condition(&nodes[0], direct)?;
                Some(Meaning::Condition(Cond::Not(Box::new(of))))
            }
            Operator::Is => self.condition(&nodes[0], direct).map(Meaning::Condition),
            Operator::Within => {
                let (of, n) = self.condition_and_window(nodes, name, nested)?;
                Some(Meaning::Condition(Cond::Within(Box::new(of), n)))
            }
            Operator::Held => {
                let (of, n) = self.condition_and_window(nodes, name, nested)?;
                Some(Meaning::Condition(Cond::Held(Box::new(of), n)))
            }
            Operator::Rising => {
                let (of, n) = self.number_and_window(nodes, name, nested)?;
                Some(Meaning::Condition(Cond::Rising(of, n)))
            }
            Operator::Falling => {
                let (of, n) = self.number_and_window(nodes, name, nested)?;
                Some(Meaning::Condition(Cond::Falling(of, n)))
            }
            Operator::Prev => {
                let (of, n) = self.number_and_window(nodes, name, nested)?;
                Some(Meaning::Number(Expr::Prev { of: Box::new(of), n }))
            }
            Operator::Window(op) => {
                let (of, n) = self.number_and_window(nodes, name, nested)?;
                Some(Meaning::Number(Expr::Window { op, of: Box::new(of), n }))
            }
            Operator::CountTrue => {
                let (of, n) = self.condition_and_window(nodes, name, nested)?;
                Some(Meaning::Number(Expr::CountTrue { condition: Box::new(of), n }))
            }
            Operator::Abs => {
                let of = self.number(&nodes[0], reckoned)?;
                Some(Meaning::Number(Expr::Abs(Box::new(of))))
            }
            Operator::Math(op) => {
                let args: Vec<Option<Expr>> =
                    nodes.iter().map(|node| self.number(node, reckoned)).collect();
                let args = args.into_iter().collect::<Option<Vec<Expr>>>()?;
                Some(Meaning::Number(Expr::Math { op, args }))
            }
            Operator::If => {
                let condition = self.condition(&nodes[0], nested);
                let [then, otherwise] = self.numbers(&nodes[1..], nested)?.map(Box::new);
                let condition = Box::new(condition?);
                Some(Meaning::Number(Expr::If { condition, then, otherwise }))
            }
            Operator::BarsSince => {
                let of = self.condition(&nodes[0], nested)?;
                Some(Meaning::Number(Expr::BarsSince(Box::new(of))))
            }
            Operator::ValueWhen => {
                let condition = self.condition(&nodes[0], nested);
                let of = Box::new(self.number(&nodes[1], nested)?);
                Some(Meaning::Number(Expr::ValueWhen { condition: Box::new(condition?), of }))
            }
        }
    }

    fn check_arity(&mut self, operator: Operator, call: Arguments<'_>) -> Option<()> {
        let (least, most) = match operator {
            Operator::All | Operator::Any => (1, usize::MAX),
            Operator::Not | Operator::Is | Operator::Abs | Operator::BarsSince => (1, 1),
            Operator::Rising | Operator::Falling | Operator::Prev => (1, 2),
            Operator::If => (3, 3),
            Operator::Math(MathOp::Add | MathOp::Mul | MathOp::Min | MathOp::Max) => {
                (2, usize::MAX)
            }
            Operator::Math(MathOp::Sub | MathOp::Div)
            | Operator::Compare(_)
            | Operator::CrossUp
            | Operator::CrossDown
            | Operator::Within
            | Operator::Held
            | Operator::Window(_)
            | Operator::ValueWhen
            | Operator::CountTrue => (2, 2),
        };
        let given = call.positional.len();
        if (least..=most).contains(&given) {
            return Some(());
        }
        let wanted = match (least, most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} or {most}"),
        };
        let message = format!("\"{}\" takes {wanted} operands, not {given}", call.callee.name());
        self.fault(call.place, "wrong_type", &message, None);
        None
    }

    fn compare(&mut self, op: CompareOp, nodes: &[Node], context: Context) -> Option<Cond> {
        let is_reason =
            |node: &Node| matches!(&node.form, Form::Name(name) if name == LAST_EXIT_REASON);
        let other = match nodes {
            [left, right] if is_reason(left) => Some((left, right)),
            [left, right] if is_reason(right) => Some((right, left)),
            _ => None,
        };
        let Some((word, reason)) = other else {
            let [left, right] = self.numbers(nodes, context)?;
            if let (Expr::Position(_), Expr::Position(field)) = (&left, &right) {
                let message = format!("\"{}\" is compared with other state", field.name());
                let hint = "compare it with a number of the candles".to_owned();
                self.fault(&nodes[1].place, "not_here", &message, Some(hint));
                return None;
            }
            return Some(Cond::Compare { op, left, right });
        };
        self.state(LAST_EXIT_REASON, true, &word.place, context)?;
        let cond = Cond::LastExitIs(self.exit_reason(reason)?);
        match op {
            CompareOp::Eq => Some(cond),
            CompareOp::Ne => Some(Cond::Not(Box::new(cond))),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {
                let message = format!("\"{LAST_EXIT_REASON}\" has no order");
                let hint = Some("compare it with eq or ne".to_owned());
                self.fault(&word.place, "wrong_type", &message, hint);
                None
            }
        }
    }

    fn exit_reason(&mut self, node: &Node) -> Option<FillReason> {
        let found = match &node.form {
            Form::Name(word) | Form::Word(word) => {
                EXIT_REASONS.into_iter().find(|reason| reason_name(*reason) == word)
            }
            Form::Number(_)
            | Form::Bool(_)
            | Form::Param(_)
            | Form::Output(..)
            | Form::Call { .. } => None,
        };
        if found.is_none() {
            let word = shortened(&node.describe());
            let message = format!("\"{word}\" is not a reason of an exit");
            let names = || EXIT_REASONS.into_iter().map(reason_name);
            let all = names().collect::<Vec<_>>().join(", ");
            let hint =
                did_you_mean(&word, names()).unwrap_or_else(|| format!("write one of {all}"));
            self.fault(&node.place, "unknown_name", &message, Some(hint));
        }
        found
    }

    /// Both numbers; both are read even if the first is faulty, so that all faults are found.
    fn numbers(&mut self, nodes: &[Node], context: Context) -> Option<[Expr; 2]> {
        let left = self.number(&nodes[0], context);
        let right = self.number(&nodes[1], context);
        Some([left?, right?])
    }

    fn conditions(&mut self, nodes: &[Node], context: Context) -> Option<Vec<Cond>> {
        let conds: Vec<Option<Cond>> =
            nodes.iter().map(|node| self.condition(node, context)).collect();
        conds.into_iter().collect()
    }

    fn condition_and_window(
        &mut self,
        nodes: &[Node],
        owner: &str,
        context: Context,
    ) -> Option<(Cond, Arg)> {
        let of = self.condition(&nodes[0], context);
        let n = self.arg(&nodes[1], owner, "n", WINDOW);
        Some((of?, n?))
    }

    /// A number and its window, which is 1 where it is left out.
    fn number_and_window(
        &mut self,
        nodes: &[Node],
        owner: &str,
        context: Context,
    ) -> Option<(Expr, Arg)> {
        let of = self.number(&nodes[0], context);
        let n = match nodes.get(1) {
            Some(node) => self.arg(node, owner, "n", WINDOW),
            None => Some(Arg::Number(1.0)),
        };
        Some((of?, n?))
    }
}
