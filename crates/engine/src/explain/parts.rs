//! The parts of a strategy, each with its place, its text and its value.

use model::settings::{EntryOrder, LevelForm, ThenStop};
use model::strategy::{Cond, Expr, IndicatorCall, PositionField, cond_json, expr_json};
use model::support::reads_position;
use model::{HigherTimeframe, JobSpec};

use super::{NodeValue, some};
use crate::evaluate::Evaluator;
use crate::graph::{FrameId, Graph, NodeId};
use crate::walk::{Close, compares};

/// A part of the strategy whose value is shown.
pub(super) struct Part<'s> {
    place: &'static str,
    /// The frames it is carried through, the outermost first; none: the job's own candles.
    path: Vec<FrameId>,
    what: What<'s>,
}

enum What<'s> {
    Number(&'s Expr, NodeId),
    Truth(&'s Cond, NodeId),
    /// The uploaded signal.
    Uploaded(NodeId),
    /// A state of the account.
    State(PositionField),
    /// A condition that reads the state of the account, and the number it compares with.
    Stateful(&'s Cond, Option<NodeId>),
}

impl Part<'_> {
    pub(super) fn value(
        &self,
        evaluator: &mut Evaluator<'_, '_>,
        row: usize,
        close: &Close,
    ) -> NodeValue {
        let row = evaluator.readable_row(&self.path, row);
        let (node, value, condition) = match &self.what {
            What::Number(expr, id) => {
                let value = row.map(|row| evaluator.number(*id)[row]);
                (expr_json(expr), value.and_then(some), false)
            }
            What::Truth(cond, id) => {
                let value = row.map(|row| f64::from(evaluator.truth(*id).get(row)));
                (cond_json(cond), value, true)
            }
            What::Uploaded(id) => {
                let value = row.map(|row| evaluator.number(*id)[row]);
                ("\"signalColumn\"".to_owned(), value, false)
            }
            What::State(field) => {
                (expr_json(&Expr::Position(*field)), some(close.state[*field as usize]), false)
            }
            What::Stateful(cond, id) => {
                let number = id.zip(row).map_or(f64::NAN, |(id, row)| evaluator.number(id)[row]);
                let value = stateful(cond, number, close).map(f64::from);
                (cond_json(cond), value, true)
            }
        };
        NodeValue { place: self.place, node, value, condition }
    }
}

/// A leaf that asks about the account; `None` for what is put together of such leaves.
fn stateful(cond: &Cond, number: f64, close: &Close) -> Option<bool> {
    match cond {
        Cond::LastExitIs(reason) => Some(close.last_exit == Some(*reason)),
        Cond::Compare { op, left: Expr::Position(field), .. } => {
            Some(compares(*op, close.state[*field as usize], number))
        }
        Cond::Compare { op, right: Expr::Position(field), .. } => {
            Some(compares(*op, number, close.state[*field as usize]))
        }
        Cond::Constant(_)
        | Cond::Compare { .. }
        | Cond::CrossUp { .. }
        | Cond::CrossDown { .. }
        | Cond::Is(_)
        | Cond::All(_)
        | Cond::Any(_)
        | Cond::Not(_)
        | Cond::Within(..)
        | Cond::Held(..)
        | Cond::Rising(..)
        | Cond::Falling(..)
        | Cond::Scope { .. } => None,
    }
}

/// Every part of `spec`, outer parts before inner ones; their nodes are added to `graph`.
pub(super) fn collect<'s>(graph: &mut Graph, spec: &'s JobSpec) -> Vec<Part<'s>> {
    let mut collector = Collector { graph, parts: Vec::new(), path: Vec::new(), place: "" };
    let signals = &spec.signals;
    if spec.signal_column.is_some() {
        collector.place = "signals";
        let id = collector.graph.uploaded();
        collector.push(What::Uploaded(id));
    }
    for (place, cond) in [
        ("long", &signals.long),
        ("short", &signals.short),
        ("exitLong", &signals.exit_long),
        ("exitShort", &signals.exit_short),
    ] {
        collector.place = place;
        if let Some(cond) = cond {
            collector.cond(cond);
        }
    }
    let money = &spec.money_management;
    let levels = [("stop", &money.stop), ("target", &money.target)];
    for (place, level) in levels {
        collector.form(place, level.as_ref().map(|level| &level.form));
    }
    collector.form("trail", money.trail.as_ref().map(|trail| &trail.form));
    for exit in &money.exits {
        collector.form("exits", Some(&exit.target.form));
        if let Some(ThenStop::Level(level)) = &exit.then_stop {
            collector.form("exits", Some(&level.form));
        }
    }
    if let EntryOrder::Limit(entry) | EntryOrder::Stop(entry) = &spec.risk.entry_order {
        collector.place = "entryOrder";
        collector.expr(&entry.price);
        entry.cancel_if.iter().for_each(|cond| collector.cond(cond));
    }
    collector.parts
}

struct Collector<'g, 's> {
    graph: &'g mut Graph,
    parts: Vec<Part<'s>>,
    path: Vec<FrameId>,
    place: &'static str,
}

impl<'s> Collector<'_, 's> {
    fn push(&mut self, what: What<'s>) {
        self.parts.push(Part { place: self.place, path: self.path.clone(), what });
    }

    /// The frame that parts run on now.
    fn frame(&self) -> FrameId {
        self.path.last().copied().unwrap_or(FrameId::BASE)
    }

    /// Collects what a scope holds.
    fn scope(
        &mut self,
        tf: Option<HigherTimeframe>,
        ticker: Option<&str>,
        of: impl FnOnce(&mut Collector<'_, 's>),
    ) {
        let outer = self.frame();
        let inner = self.graph.scope(outer, tf, ticker);
        if inner == outer {
            return of(self);
        }
        self.path.push(inner);
        of(self);
        self.path.pop();
    }

    fn form(&mut self, place: &'static str, form: Option<&'s LevelForm>) {
        self.place = place;
        if let Some(LevelForm::Distance(expr) | LevelForm::Price(expr)) = form {
            self.expr(expr);
        }
    }

    fn cond(&mut self, cond: &'s Cond) {
        if reads_position(cond) {
            let number = if let Cond::Compare { left: Expr::Position(_), right: number, .. }
            | Cond::Compare { left: number, right: Expr::Position(_), .. } = cond
            {
                Some(self.graph.expr(self.frame(), number))
            } else {
                None
            };
            self.push(What::Stateful(cond, number));
        } else {
            let id = self.graph.cond(self.frame(), cond);
            self.push(What::Truth(cond, id));
        }
        match cond {
            Cond::Constant(_) | Cond::LastExitIs(_) => {}
            Cond::Compare { left, right, .. }
            | Cond::CrossUp { left, right }
            | Cond::CrossDown { left, right } => {
                self.expr(left);
                self.expr(right);
            }
            Cond::Is(call) => self.call(call),
            Cond::All(conds) | Cond::Any(conds) => conds.iter().for_each(|cond| self.cond(cond)),
            Cond::Not(of) | Cond::Within(of, _) | Cond::Held(of, _) => self.cond(of),
            Cond::Rising(of, _) | Cond::Falling(of, _) => self.expr(of),
            Cond::Scope { tf, ticker, of } => {
                self.scope(*tf, ticker.as_deref(), |inner| inner.cond(of));
            }
        }
    }

    fn expr(&mut self, expr: &'s Expr) {
        match expr {
            Expr::Number(_) => return,
            Expr::Position(field) => {
                self.push(What::State(*field));
                return;
            }
            Expr::Price(_)
            | Expr::Clock { .. }
            | Expr::Indicator(_)
            | Expr::Math { .. }
            | Expr::Abs(_)
            | Expr::If { .. }
            | Expr::Window { .. }
            | Expr::Prev { .. }
            | Expr::BarsSince(_)
            | Expr::ValueWhen { .. }
            | Expr::CountTrue { .. }
            | Expr::Scope { .. } => {
                let id = self.graph.expr(self.frame(), expr);
                self.push(What::Number(expr, id));
            }
        }
        match expr {
            Expr::Number(_) | Expr::Position(_) | Expr::Price(_) | Expr::Clock { .. } => {}
            Expr::Indicator(call) => self.call(call),
            Expr::Math { args, .. } => args.iter().for_each(|arg| self.expr(arg)),
            Expr::Abs(of) | Expr::Window { of, .. } | Expr::Prev { of, .. } => self.expr(of),
            Expr::If { condition, then, otherwise } => {
                self.cond(condition);
                self.expr(then);
                self.expr(otherwise);
            }
            Expr::BarsSince(condition) | Expr::CountTrue { condition, .. } => self.cond(condition),
            Expr::ValueWhen { condition, of } => {
                self.cond(condition);
                self.expr(of);
            }
            Expr::Scope { tf, ticker, of } => {
                self.scope(*tf, ticker.as_deref(), |inner| inner.expr(of));
            }
        }
    }

    fn call(&mut self, call: &'s IndicatorCall) {
        call.of.iter().for_each(|of| self.expr(of));
    }
}
