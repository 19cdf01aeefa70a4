//! What a request can write down but the engine does not run, said by name: questions about the
//! position where they have no meaning, and conditions on it of too many combinations.
//!
//! The bundle validator answers 422 with these texts and the engine refuses a job with the same
//! ones: both call [`unsupported`]. The engine's tests hold that everything not named here runs.

use std::collections::BTreeSet;

use crate::JobSpec;
use crate::settings::{EntryOrder, LevelForm, MoneyManagement, PendingEntry, ThenStop};
use crate::strategy::{Cond, Expr, IndicatorCall, Signals, scopes};

/// Combinations that a condition on the position may have, written as "any of (a stateless
/// condition and questions about the position)".
const MAX_CLAUSES: usize = 64;

/// Everything in `spec` that this engine version does not run, each once, in plain words with the
/// field's JSON name; empty if the job can run. Sorted.
pub fn unsupported(spec: &JobSpec) -> Vec<String> {
    let mut missing = Missing::default();
    let signals = &spec.signals;
    for (is_entry, cond) in [
        (true, &signals.long),
        (true, &signals.short),
        (false, &signals.exit_long),
        (false, &signals.exit_short),
    ] {
        if let Some(cond) = cond {
            missing.rule(cond, is_entry);
        }
    }
    missing.money_management(&spec.money_management);
    match &spec.risk.entry_order {
        EntryOrder::Market => {}
        EntryOrder::Limit(entry) | EntryOrder::Stop(entry) => missing.pending(entry),
    }
    missing.texts()
}

/// Everything in a number that stands alone, without a job, that this engine version does not run;
/// as [`unsupported`]. Such a number has no account to ask about.
pub fn unsupported_number(expr: &Expr) -> Vec<String> {
    let mut missing = Missing::default();
    missing.expr(expr);
    let others = scopes(&Signals::default(), &[expr]).tickers;
    if !others.is_empty() {
        missing.name("ticker in a number that stands alone");
    }
    missing.texts()
}

/// Whether `cond` asks about the position or the last exit anywhere in it.
pub fn reads_position(cond: &Cond) -> bool {
    match cond {
        Cond::LastExitIs(_) => true,
        Cond::Constant(_) => false,
        Cond::Compare { left, right, .. }
        | Cond::CrossUp { left, right }
        | Cond::CrossDown { left, right } => {
            number_reads_position(left) || number_reads_position(right)
        }
        Cond::Is(call) => call.of.as_ref().is_some_and(number_reads_position),
        Cond::All(conds) | Cond::Any(conds) => conds.iter().any(reads_position),
        Cond::Not(of) | Cond::Within(of, _) | Cond::Held(of, _) | Cond::Scope { of, .. } => {
            reads_position(of)
        }
        Cond::Rising(of, _) | Cond::Falling(of, _) => number_reads_position(of),
    }
}

/// Whether `expr` asks about the position or the last exit anywhere in it.
fn number_reads_position(expr: &Expr) -> bool {
    match expr {
        Expr::Position(_) => true,
        Expr::Number(_) | Expr::Price(_) | Expr::Clock { .. } => false,
        Expr::Indicator(call) => call.of.as_ref().is_some_and(number_reads_position),
        Expr::Math { args, .. } => args.iter().any(number_reads_position),
        Expr::Abs(of)
        | Expr::Window { of, .. }
        | Expr::Prev { of, .. }
        | Expr::Scope { of, .. } => number_reads_position(of),
        Expr::If { condition, then, otherwise } => {
            reads_position(condition)
                || number_reads_position(then)
                || number_reads_position(otherwise)
        }
        Expr::BarsSince(condition) | Expr::CountTrue { condition, .. } => reads_position(condition),
        Expr::ValueWhen { condition, of } => reads_position(condition) || number_reads_position(of),
    }
}

/// Names of what is missing, each once.
#[derive(Default)]
struct Missing(BTreeSet<String>);

impl Missing {
    fn texts(self) -> Vec<String> {
        self.0.into_iter().map(|name| format!("{name} is not supported")).collect()
    }

    fn name(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    fn money_management(&mut self, money: &MoneyManagement) {
        let levels = money.stop.iter().chain(&money.target).map(|level| &level.form);
        let trail = money.trail.iter().map(|trail| &trail.form);
        let exits = money.exits.iter().map(|exit| &exit.target.form);
        let then_stops = money.exits.iter().filter_map(|exit| match &exit.then_stop {
            Some(ThenStop::Level(level)) => Some(&level.form),
            Some(ThenStop::Entry) | None => None,
        });
        for form in levels.chain(trail).chain(exits).chain(then_stops) {
            match form {
                LevelForm::Pct(_) => {}
                LevelForm::Distance(expr) | LevelForm::Price(expr) => self.expr(expr),
            }
        }
    }

    fn pending(&mut self, entry: &PendingEntry) {
        self.expr(&entry.price);
        entry.cancel_if.iter().for_each(|cond| self.cond(cond));
    }

    /// A signal: beside stateless conditions it may ask about the position.
    fn rule(&mut self, cond: &Cond, is_entry: bool) {
        if clauses(cond, false) > MAX_CLAUSES {
            self.name(&format!(
                "a condition on the position with more than {MAX_CLAUSES} combinations of its \"any\" \
                 parts"
            ));
        }
        self.guarded(cond, is_entry);
    }

    fn guarded(&mut self, cond: &Cond, is_entry: bool) {
        match cond {
            Cond::All(conds) | Cond::Any(conds) => {
                for cond in conds {
                    self.guarded(cond, is_entry);
                }
            }
            Cond::Not(of) => self.guarded(of, is_entry),
            Cond::LastExitIs(_) if is_entry => {}
            Cond::Compare { left: Expr::Position(field), right: number, .. }
            | Cond::Compare { left: number, right: Expr::Position(field), .. } => {
                if is_entry != field.is_for_entries() {
                    let place = if is_entry { "an entry" } else { "an exit" };
                    self.name(&format!("{} in {place}", field.name()));
                }
                self.expr(number);
            }
            Cond::LastExitIs(_)
            | Cond::Constant(_)
            | Cond::Compare { .. }
            | Cond::CrossUp { .. }
            | Cond::CrossDown { .. }
            | Cond::Is(_)
            | Cond::Within(..)
            | Cond::Held(..)
            | Cond::Rising(..)
            | Cond::Falling(..)
            | Cond::Scope { .. } => self.cond(cond),
        }
    }

    fn cond(&mut self, cond: &Cond) {
        match cond {
            Cond::Constant(_) => {}
            Cond::Compare { left, right, .. }
            | Cond::CrossUp { left, right }
            | Cond::CrossDown { left, right } => {
                self.expr(left);
                self.expr(right);
            }
            Cond::Is(call) => self.call(call),
            Cond::LastExitIs(_) => self.name("lastExitReason outside a plain entry condition"),
            Cond::All(conds) | Cond::Any(conds) => conds.iter().for_each(|cond| self.cond(cond)),
            Cond::Not(of) | Cond::Within(of, _) | Cond::Held(of, _) | Cond::Scope { of, .. } => {
                self.cond(of);
            }
            Cond::Rising(expr, _) | Cond::Falling(expr, _) => self.expr(expr),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Number(_) | Expr::Price(_) | Expr::Clock { .. } => {}
            Expr::Position(field) => {
                self.name(&format!("{} outside a plain comparison of a signal", field.name()));
            }
            Expr::Indicator(call) => self.call(call),
            Expr::Math { args, .. } => args.iter().for_each(|arg| self.expr(arg)),
            Expr::Abs(of)
            | Expr::Prev { of, .. }
            | Expr::Window { of, .. }
            | Expr::Scope { of, .. } => self.expr(of),
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
        }
    }

    fn call(&mut self, call: &IndicatorCall) {
        call.of.iter().for_each(|of| self.expr(of));
    }
}

/// How many clauses `cond`, or its negation, has as "any of all".
fn clauses(cond: &Cond, negated: bool) -> usize {
    if !reads_position(cond) {
        return 1;
    }
    match cond {
        Cond::Not(of) => clauses(of, !negated),
        Cond::All(conds) | Cond::Any(conds) => {
            let counts = conds.iter().map(|cond| clauses(cond, negated));
            if matches!(cond, Cond::Any(_)) == negated {
                counts.fold(1, usize::saturating_mul)
            } else {
                counts.fold(0, usize::saturating_add)
            }
        }
        Cond::Constant(_)
        | Cond::Compare { .. }
        | Cond::CrossUp { .. }
        | Cond::CrossDown { .. }
        | Cond::Is(_)
        | Cond::LastExitIs(_)
        | Cond::Within(..)
        | Cond::Held(..)
        | Cond::Rising(..)
        | Cond::Falling(..)
        | Cond::Scope { .. } => 1,
    }
}
