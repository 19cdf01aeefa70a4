//! Canonical form: one tree for every way to write the same strategy.
//!
//! Rewrites only what keeps every value exactly: nested `all` and `any` are flattened, sorted by
//! canonical text, deduplicated and collapsed when single; `not` is pushed to the leaves (a
//! null is false in both senses); a window of one candle goes; -0 is 0. The order of
//! floating-point operations is never changed.

use super::json::cond_json;
use super::{Arg, Cond, Expr, IndicatorCall, MathOp, Signals};

/// The canonical form of all four conditions.
#[must_use]
pub fn canonical(signals: Signals) -> Signals {
    let Signals { long, short, exit_long, exit_short } = signals;
    Signals {
        long: long.map(canonical_cond),
        short: short.map(canonical_cond),
        exit_long: exit_long.map(canonical_cond),
        exit_short: exit_short.map(canonical_cond),
    }
}

/// The canonical form of one condition.
#[must_use]
pub fn canonical_cond(cond: Cond) -> Cond {
    signed(cond, true)
}

/// The canonical form of one number.
#[must_use]
pub fn canonical_expr(expr: Expr) -> Expr {
    match expr {
        Expr::Number(arg) => Expr::Number(canonical_arg(arg)),
        Expr::Price(_) | Expr::Clock { .. } | Expr::Position(_) => expr,
        Expr::Indicator(call) => Expr::Indicator(Box::new(canonical_call(*call))),
        Expr::Math { op, args } => canonical_math(op, args),
        Expr::Abs(of) => Expr::Abs(boxed(*of)),
        Expr::If { condition, then, otherwise } => Expr::If {
            condition: Box::new(canonical_cond(*condition)),
            then: boxed(*then),
            otherwise: boxed(*otherwise),
        },
        Expr::Window { op, of, n } => Expr::Window { op, of: boxed(*of), n: canonical_arg(n) },
        Expr::Prev { of, n } => Expr::Prev { of: boxed(*of), n: canonical_arg(n) },
        Expr::BarsSince(condition) => Expr::BarsSince(Box::new(canonical_cond(*condition))),
        Expr::ValueWhen { condition, of } => {
            Expr::ValueWhen { condition: Box::new(canonical_cond(*condition)), of: boxed(*of) }
        }
        Expr::CountTrue { condition, n } => {
            Expr::CountTrue { condition: Box::new(canonical_cond(*condition)), n: canonical_arg(n) }
        }
        Expr::Scope { tf: None, ticker: None, of } => canonical_expr(*of),
        Expr::Scope { tf, ticker, of } => Expr::Scope { tf, ticker, of: boxed(*of) },
    }
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(canonical_expr(expr))
}

fn canonical_arg(arg: Arg) -> Arg {
    match arg {
        Arg::Number(value) => Arg::Number(if value == 0.0 { 0.0 } else { value }),
        Arg::Param(_) => arg,
    }
}

fn canonical_call(call: IndicatorCall) -> IndicatorCall {
    let IndicatorCall { kind, of, args, output } = call;
    let args = args.into_iter().map(canonical_arg).collect();
    IndicatorCall { kind, of: of.map(canonical_expr), args, output }
}

/// Operands are folded from the left, so only a FIRST operand of the same operation is flattened:
/// (a + b) + c is a + b + c, but a + (b + c) rounds differently.
fn canonical_math(op: MathOp, args: Vec<Expr>) -> Expr {
    let mut args: Vec<Expr> = args.into_iter().map(canonical_expr).collect();
    let folds = matches!(op, MathOp::Add | MathOp::Mul | MathOp::Min | MathOp::Max);
    if folds && matches!(args.first(), Some(Expr::Math { op: first, .. }) if *first == op) {
        let rest = args.split_off(1);
        if let Some(Expr::Math { args: inner, .. }) = args.pop() {
            args = inner;
        }
        args.extend(rest);
    }
    Expr::Math { op, args }
}

/// The canonical form of `cond`, or of its negation where `holds` is false.
fn signed(cond: Cond, holds: bool) -> Cond {
    match cond {
        Cond::Constant(value) => Cond::Constant(value == holds),
        Cond::Compare { op, left, right } => Cond::Compare {
            op: if holds { op } else { op.complement() },
            left: canonical_expr(left),
            right: canonical_expr(right),
        },
        Cond::CrossUp { left, right } => {
            let (left, right) = (canonical_expr(left), canonical_expr(right));
            leaf(Cond::CrossUp { left, right }, holds)
        }
        Cond::CrossDown { left, right } => {
            let (left, right) = (canonical_expr(left), canonical_expr(right));
            leaf(Cond::CrossDown { left, right }, holds)
        }
        Cond::Is(call) => leaf(Cond::Is(Box::new(canonical_call(*call))), holds),
        Cond::LastExitIs(_) => leaf(cond, holds),
        Cond::All(parts) => joined(parts, holds, holds),
        Cond::Any(parts) => joined(parts, !holds, holds),
        Cond::Not(of) => signed(*of, !holds),
        Cond::Within(of, n) => window(*of, n, holds, holds),
        Cond::Held(of, n) => window(*of, n, !holds, holds),
        Cond::Rising(of, n) => leaf(Cond::Rising(canonical_expr(of), canonical_arg(n)), holds),
        Cond::Falling(of, n) => leaf(Cond::Falling(canonical_expr(of), canonical_arg(n)), holds),
        Cond::Scope { tf: None, ticker: None, of } => signed(*of, holds),
        Cond::Scope { tf, ticker, of } => {
            Cond::Scope { tf, ticker, of: Box::new(signed(*of, holds)) }
        }
    }
}

fn leaf(cond: Cond, holds: bool) -> Cond {
    if holds { cond } else { Cond::Not(Box::new(cond)) }
}

/// `within` and `held` are each other's complement; over one candle both are the condition itself.
fn window(of: Cond, n: Arg, any: bool, holds: bool) -> Cond {
    let of = signed(of, holds);
    if n == Arg::Number(1.0) {
        return of;
    }
    if any { Cond::Within(Box::new(of), n) } else { Cond::Held(Box::new(of), n) }
}

fn joined(parts: Vec<Cond>, all: bool, holds: bool) -> Cond {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match (signed(part, holds), all) {
            (Cond::All(inner), true) | (Cond::Any(inner), false) => flat.extend(inner),
            // A true part adds nothing to `all`, a false one nothing to `any`; the other decides.
            (Cond::Constant(value), _) if value == all => {}
            (Cond::Constant(value), _) => return Cond::Constant(value),
            (other, _) => flat.push(other),
        }
    }
    let mut texts: Vec<(String, Cond)> =
        flat.into_iter().map(|cond| (cond_json(&cond), cond)).collect();
    texts.sort_by(|left, right| left.0.cmp(&right.0));
    texts.dedup_by(|left, right| left.0 == right.0);
    let mut parts: Vec<Cond> = texts.into_iter().map(|(_, cond)| cond).collect();
    match parts.len() {
        0 => Cond::Constant(all),
        1 => parts.remove(0),
        _ if all => Cond::All(parts),
        _ => Cond::Any(parts),
    }
}
