//! The canonical JSON of a strategy: sorted keys, no spaces, every default written.
//!
//! Equal meaning gives equal text only after [`super::canonical`]; this module just writes. The text
//! of a node is its identity: keys hash it and the engine shares work by it.

use super::names::{LAST_EXIT_REASON, reason_name};
use super::{Arg, Cond, Expr, IndicatorCall, Signals};
use crate::HigherTimeframe;

/// Canonical JSON of the four conditions; absent ones are left out.
pub fn canonical_json(signals: &Signals) -> String {
    let Signals { long, short, exit_long, exit_short } = signals;
    let all =
        [("exitLong", exit_long), ("exitShort", exit_short), ("long", long), ("short", short)];
    let mut out = String::from("{");
    for (name, cond) in all {
        if let Some(cond) = cond {
            key(&mut out, name);
            write_cond(&mut out, cond);
        }
    }
    out.push('}');
    out
}

/// Canonical JSON of one number.
pub fn expr_json(expr: &Expr) -> String {
    let mut out = String::new();
    write_expr(&mut out, expr);
    out
}

/// Canonical JSON of one condition.
pub fn cond_json(cond: &Cond) -> String {
    let mut out = String::new();
    write_cond(&mut out, cond);
    out
}

/// Appends `value` as the shortest text that reads back as the same f64; `2`, not `2.0`; -0 as 0.
///
/// `value` is finite: JSON has no other numbers.
pub fn write_number(out: &mut String, value: f64) {
    debug_assert!(value.is_finite(), "JSON has no such number");
    let value = if value == 0.0 { 0.0 } else { value };
    let text = format!("{value:?}");
    out.push_str(text.strip_suffix(".0").unwrap_or(&text));
}

fn write_expr(out: &mut String, expr: &Expr) {
    match expr {
        Expr::Number(arg) => write_arg(out, arg),
        Expr::Price(price) => quoted(out, price.name()),
        Expr::Clock { field, tz: None } => quoted(out, field.name()),
        Expr::Clock { field, tz: Some(tz) } => {
            open(out, field.name());
            out.push('{');
            key(out, "tz");
            quoted(out, tz);
            out.push_str("}}");
        }
        Expr::Position(field) => quoted(out, field.name()),
        Expr::Indicator(call) => write_call(out, call),
        Expr::Math { op, args } => list(out, op.name(), |out| {
            for (index, arg) in args.iter().enumerate() {
                comma(out, index);
                write_expr(out, arg);
            }
        }),
        Expr::Abs(of) => {
            open(out, "abs");
            write_expr(out, of);
            out.push('}');
        }
        Expr::If { condition, then, otherwise } => list(out, "if", |out| {
            write_cond(out, condition);
            out.push(',');
            write_expr(out, then);
            out.push(',');
            write_expr(out, otherwise);
        }),
        Expr::Window { op, of, n } => expr_and_count(out, op.name(), of, n),
        Expr::Prev { of, n } => expr_and_count(out, "prev", of, n),
        Expr::BarsSince(condition) => {
            open(out, "barsSince");
            write_cond(out, condition);
            out.push('}');
        }
        Expr::ValueWhen { condition, of } => list(out, "valueWhen", |out| {
            write_cond(out, condition);
            out.push(',');
            write_expr(out, of);
        }),
        Expr::CountTrue { condition, n } => cond_and_count(out, "countTrue", condition, n),
        Expr::Scope { tf, ticker, of } => {
            scope(out, *tf, ticker.as_deref(), |out| write_expr(out, of));
        }
    }
}

fn write_cond(out: &mut String, cond: &Cond) {
    match cond {
        Cond::Constant(value) => out.push_str(if *value { "true" } else { "false" }),
        Cond::Compare { op, left, right } => pair(out, op.name(), left, right),
        Cond::CrossUp { left, right } => pair(out, "crossUp", left, right),
        Cond::CrossDown { left, right } => pair(out, "crossDown", left, right),
        Cond::Is(call) => {
            open(out, "is");
            write_call(out, call);
            out.push('}');
        }
        Cond::LastExitIs(reason) => list(out, "eq", |out| {
            quoted(out, LAST_EXIT_REASON);
            out.push(',');
            quoted(out, reason_name(*reason));
        }),
        Cond::All(parts) => conditions(out, "all", parts),
        Cond::Any(parts) => conditions(out, "any", parts),
        Cond::Not(of) => {
            open(out, "not");
            write_cond(out, of);
            out.push('}');
        }
        Cond::Within(of, n) => cond_and_count(out, "within", of, n),
        Cond::Held(of, n) => cond_and_count(out, "held", of, n),
        Cond::Rising(of, n) => expr_and_count(out, "rising", of, n),
        Cond::Falling(of, n) => expr_and_count(out, "falling", of, n),
        Cond::Scope { tf, ticker, of } => {
            scope(out, *tf, ticker.as_deref(), |out| write_cond(out, of));
        }
    }
}

fn write_call(out: &mut String, call: &IndicatorCall) {
    let info = call.kind.info();
    let mut fields: Vec<(&str, String)> = Vec::with_capacity(call.args.len() + 2);
    if let Some(of) = &call.of {
        fields.push(("of", expr_json(of)));
    }
    for (arg, value) in info.args.iter().zip(&call.args) {
        let mut text = String::new();
        write_arg(&mut text, value);
        fields.push((arg.name, text));
    }
    if info.outputs.len() > 1 {
        fields.push(("output", format!("\"{}\"", info.outputs[call.output].name)));
    }
    fields.sort_unstable();
    open(out, info.name);
    out.push('{');
    for (name, text) in &fields {
        key(out, name);
        out.push_str(text);
    }
    out.push_str("}}");
}

fn write_arg(out: &mut String, arg: &Arg) {
    match arg {
        Arg::Number(value) => write_number(out, *value),
        Arg::Param(name) => {
            open(out, "$");
            quoted(out, name);
            out.push('}');
        }
    }
}

fn pair(out: &mut String, name: &str, left: &Expr, right: &Expr) {
    list(out, name, |out| {
        write_expr(out, left);
        out.push(',');
        write_expr(out, right);
    });
}

fn conditions(out: &mut String, name: &str, parts: &[Cond]) {
    list(out, name, |out| {
        for (index, part) in parts.iter().enumerate() {
            comma(out, index);
            write_cond(out, part);
        }
    });
}

fn expr_and_count(out: &mut String, name: &str, of: &Expr, n: &Arg) {
    list(out, name, |out| {
        write_expr(out, of);
        out.push(',');
        write_arg(out, n);
    });
}

fn cond_and_count(out: &mut String, name: &str, of: &Cond, n: &Arg) {
    list(out, name, |out| {
        write_cond(out, of);
        out.push(',');
        write_arg(out, n);
    });
}

fn scope(
    out: &mut String,
    tf: Option<HigherTimeframe>,
    ticker: Option<&str>,
    of: impl FnOnce(&mut String),
) {
    open(out, "scope");
    out.push('{');
    key(out, "of");
    of(out);
    if let Some(tf) = tf {
        key(out, "tf");
        quoted(out, &tf.to_string());
    }
    if let Some(ticker) = ticker {
        key(out, "ticker");
        quoted(out, ticker);
    }
    out.push_str("}}");
}

/// Opens an object with one key; the caller writes the value and closes it.
fn open(out: &mut String, name: &str) {
    out.push('{');
    key(out, name);
}

fn list(out: &mut String, name: &str, items: impl FnOnce(&mut String)) {
    open(out, name);
    out.push('[');
    items(out);
    out.push_str("]}");
}

/// Writes a key, after a comma unless it is the first of its object.
fn key(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    quoted(out, name);
    out.push(':');
}

fn comma(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expected: &str) {
        let mut out = String::new();
        write_number(&mut out, value);
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_are_the_shortest_text() {
        check(2.0, "2");
        check(-0.0, "0");
        check(0.1, "0.1");
        check(1e300, "1e300");
        check(1e-7, "1e-7");
        check(100_000.0, "100000");
    }
}
