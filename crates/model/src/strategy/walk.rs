//! Walks over the typed tree: its size, its parameters, the candles its parts read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arg, Cond, Expr, Signals};
use crate::{HigherTimeframe, Timeframe};

/// Any part of a tree.
#[derive(Clone, Copy)]
enum Part<'a> {
    Expr(&'a Expr),
    Cond(&'a Cond),
    Arg(&'a Arg),
}

/// Nodes and nesting of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Numbers and conditions, arguments not counted.
    pub(super) nodes: usize,
    /// Levels, 1 for a leaf.
    pub(super) depth: usize,
}

impl Extent {
    pub(super) fn of_expr(expr: &Expr) -> Extent {
        extent(Part::Expr(expr))
    }

    pub(super) fn of_cond(cond: &Cond) -> Extent {
        extent(Part::Cond(cond))
    }

    pub(super) fn of_signals(signals: &Signals) -> Extent {
        conditions(signals).map(Extent::of_cond).fold(Extent::default(), |sum, one| Extent {
            nodes: sum.nodes + one.nodes,
            depth: sum.depth.max(one.depth),
        })
    }
}

/// The conditions there are, in the order long, short, exitLong, exitShort.
pub(super) fn conditions(signals: &Signals) -> impl Iterator<Item = &Cond> {
    let Signals { long, short, exit_long, exit_short } = signals;
    [long, short, exit_long, exit_short].into_iter().flatten()
}

/// Names of the parameters that a number uses.
pub fn expr_parameters(expr: &Expr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    parameters(Part::Expr(expr), &mut names);
    names
}

/// Names of the parameters that a condition uses.
pub fn cond_parameters(cond: &Cond) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    parameters(Part::Cond(cond), &mut names);
    names
}

/// Candles that a strategy reads beside the job's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Other timeframes, resampled from the job's candles.
    pub timeframes: BTreeSet<HigherTimeframe>,
    /// Other tickers of the same exchange and timeframe.
    pub tickers: BTreeSet<String>,
}

/// The other candles that `signals` and `extra` (levels of money management) read.
pub fn scopes(signals: &Signals, extra: &[&Expr]) -> Scopes {
    let mut found = Scopes::default();
    for part in roots(signals, extra) {
        collect_scopes(part, &mut found);
    }
    found
}

/// The first timeframe that is no multiple of the one around it, and that one; `base` is the job's.
///
/// A strategy with one cannot run: its candles cannot be resampled.
pub fn misfit(
    signals: &Signals,
    extra: &[&Expr],
    base: Timeframe,
) -> Option<(HigherTimeframe, HigherTimeframe)> {
    roots(signals, extra).find_map(|part| part_misfit(part, base.into()))
}

/// Replaces every parameter that `values` has by its number.
pub(super) fn substitute_expr(expr: &mut Expr, values: &BTreeMap<String, f64>) {
    match expr {
        Expr::Number(arg) => substitute_arg(arg, values),
        Expr::Price(_) | Expr::Clock { .. } | Expr::Position(_) => {}
        Expr::Indicator(call) => substitute_call(call, values),
        Expr::Math { op: _, args } => args.iter_mut().for_each(|arg| substitute_expr(arg, values)),
        Expr::Abs(of) | Expr::Scope { tf: _, ticker: _, of } => substitute_expr(of, values),
        Expr::If { condition, then, otherwise } => {
            substitute_cond(condition, values);
            substitute_expr(then, values);
            substitute_expr(otherwise, values);
        }
        Expr::Window { op: _, of, n } | Expr::Prev { of, n } => {
            substitute_expr(of, values);
            substitute_arg(n, values);
        }
        Expr::BarsSince(condition) => substitute_cond(condition, values),
        Expr::ValueWhen { condition, of } => {
            substitute_cond(condition, values);
            substitute_expr(of, values);
        }
        Expr::CountTrue { condition, n } => {
            substitute_cond(condition, values);
            substitute_arg(n, values);
        }
    }
}

/// Replaces every parameter that `values` has by its number.
pub(super) fn substitute_cond(cond: &mut Cond, values: &BTreeMap<String, f64>) {
    match cond {
        Cond::Constant(_) | Cond::LastExitIs(_) => {}
        Cond::Compare { op: _, left, right }
        | Cond::CrossUp { left, right }
        | Cond::CrossDown { left, right } => {
            substitute_expr(left, values);
            substitute_expr(right, values);
        }
        Cond::Is(call) => substitute_call(call, values),
        Cond::All(parts) | Cond::Any(parts) => {
            for part in parts {
                substitute_cond(part, values);
            }
        }
        Cond::Not(of) | Cond::Scope { tf: _, ticker: _, of } => substitute_cond(of, values),
        Cond::Within(of, n) | Cond::Held(of, n) => {
            substitute_cond(of, values);
            substitute_arg(n, values);
        }
        Cond::Rising(of, n) | Cond::Falling(of, n) => {
            substitute_expr(of, values);
            substitute_arg(n, values);
        }
    }
}

fn substitute_call(call: &mut super::IndicatorCall, values: &BTreeMap<String, f64>) {
    if let Some(of) = &mut call.of {
        substitute_expr(of, values);
    }
    call.args.iter_mut().for_each(|arg| substitute_arg(arg, values));
}

fn substitute_arg(arg: &mut Arg, values: &BTreeMap<String, f64>) {
    if let Arg::Param(name) = arg
        && let Some(value) = values.get(name)
    {
        *arg = Arg::Number(*value);
    }
}

fn roots<'a>(signals: &'a Signals, extra: &'a [&Expr]) -> impl Iterator<Item = Part<'a>> {
    conditions(signals).map(Part::Cond).chain(extra.iter().map(|expr| Part::Expr(expr)))
}

fn extent(part: Part<'_>) -> Extent {
    if matches!(part, Part::Arg(_)) {
        return Extent::default();
    }
    let mut whole = Extent { nodes: 1, depth: 0 };
    children(part, &mut |child| {
        let below = extent(child);
        whole.nodes += below.nodes;
        whole.depth = whole.depth.max(below.depth);
    });
    whole.depth += 1;
    whole
}

fn parameters(part: Part<'_>, names: &mut BTreeSet<String>) {
    if let Part::Arg(Arg::Param(name)) = part {
        names.insert(name.clone());
    }
    children(part, &mut |child| parameters(child, names));
}

/// The scope that `part` opens, if it is one.
fn scope(part: Part<'_>) -> Option<(Option<HigherTimeframe>, Option<&str>)> {
    match part {
        Part::Expr(Expr::Scope { tf, ticker, .. }) | Part::Cond(Cond::Scope { tf, ticker, .. }) => {
            Some((*tf, ticker.as_deref()))
        }
        Part::Expr(_) | Part::Cond(_) | Part::Arg(_) => None,
    }
}

fn collect_scopes(part: Part<'_>, found: &mut Scopes) {
    if let Some((tf, ticker)) = scope(part) {
        found.timeframes.extend(tf);
        found.tickers.extend(ticker.map(str::to_owned));
    }
    children(part, &mut |child| collect_scopes(child, found));
}

fn part_misfit(
    part: Part<'_>,
    outer: HigherTimeframe,
) -> Option<(HigherTimeframe, HigherTimeframe)> {
    let inner = scope(part).and_then(|(tf, _)| tf).unwrap_or(outer);
    if !inner.is_multiple_of(outer) {
        return Some((inner, outer));
    }
    let mut found = None;
    children(part, &mut |child| {
        if found.is_none() {
            found = part_misfit(child, inner);
        }
    });
    found
}

/// Calls `visit` with each direct part of `part`, in order.
fn children<'a>(part: Part<'a>, visit: &mut dyn FnMut(Part<'a>)) {
    match part {
        Part::Expr(expr) => expr_children(expr, visit),
        Part::Cond(cond) => cond_children(cond, visit),
        Part::Arg(_) => {}
    }
}

fn expr_children<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Part<'a>)) {
    match expr {
        Expr::Number(arg) => visit(Part::Arg(arg)),
        Expr::Price(_) | Expr::Clock { .. } | Expr::Position(_) => {}
        Expr::Indicator(call) => call_children(call, visit),
        Expr::Math { op: _, args } => args.iter().for_each(|arg| visit(Part::Expr(arg))),
        Expr::Abs(of) | Expr::Scope { tf: _, ticker: _, of } => visit(Part::Expr(of)),
        Expr::If { condition, then, otherwise } => {
            visit(Part::Cond(condition));
            visit(Part::Expr(then));
            visit(Part::Expr(otherwise));
        }
        Expr::Window { op: _, of, n } | Expr::Prev { of, n } => {
            visit(Part::Expr(of));
            visit(Part::Arg(n));
        }
        Expr::BarsSince(condition) => visit(Part::Cond(condition)),
        Expr::ValueWhen { condition, of } => {
            visit(Part::Cond(condition));
            visit(Part::Expr(of));
        }
        Expr::CountTrue { condition, n } => {
            visit(Part::Cond(condition));
            visit(Part::Arg(n));
        }
    }
}

fn cond_children<'a>(cond: &'a Cond, visit: &mut dyn FnMut(Part<'a>)) {
    match cond {
        Cond::Constant(_) | Cond::LastExitIs(_) => {}
        Cond::Compare { op: _, left, right }
        | Cond::CrossUp { left, right }
        | Cond::CrossDown { left, right } => {
            visit(Part::Expr(left));
            visit(Part::Expr(right));
        }
        Cond::Is(call) => call_children(call, visit),
        Cond::All(parts) | Cond::Any(parts) => {
            for part in parts {
                visit(Part::Cond(part));
            }
        }
        Cond::Not(of) | Cond::Scope { tf: _, ticker: _, of } => visit(Part::Cond(of)),
        Cond::Within(of, n) | Cond::Held(of, n) => {
            visit(Part::Cond(of));
            visit(Part::Arg(n));
        }
        Cond::Rising(of, n) | Cond::Falling(of, n) => {
            visit(Part::Expr(of));
            visit(Part::Arg(n));
        }
    }
}

fn call_children<'a>(call: &'a super::IndicatorCall, visit: &mut dyn FnMut(Part<'a>)) {
    if let Some(of) = &call.of {
        visit(Part::Expr(of));
    }
    call.args.iter().for_each(|arg| visit(Part::Arg(arg)));
}
