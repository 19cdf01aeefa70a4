//! Strategies: the typed tree, the indicator catalogue, parsing, macros, canonical form, warm-up.
//!
//! JSON tree or text -> `syntax` (what was written) -> `lower` (names and named signals inlined, types
//! checked) -> the typed tree ([`Signals`], [`Expr`], [`Cond`]) -> [`canonical`] -> [`canonical_json`],
//! which keys hash. [`Strategy::parse`] does all of it, [`Strategy::resolve`] puts parameters in.
//! **Invariant:** a tree made here has at most [`MAX_NODES`] nodes and [`MAX_DEPTH`] levels.

mod ast;
mod canonical;
mod catalogue;
mod constraint;
mod document;
mod json;
mod limits;
mod lower;
mod named;
mod names;
mod params;
mod syntax;
mod walk;
mod warmup;

pub use ast::{
    Arg, ClockField, CompareOp, Cond, Expr, IndicatorCall, MathOp, PositionField, Price, Signals,
    WindowOp,
};
pub use canonical::{canonical, canonical_cond, canonical_expr};
pub use catalogue::{
    ArgInfo, ArgKind, IndicatorInfo, IndicatorKind, Input, MAX_WINDOW, OutputInfo, OutputKind,
};
pub use constraint::Constraint;
pub use document::{Resolved, Strategy, resolve_cond, resolve_expr};
pub use json::{canonical_json, cond_json, expr_json, write_number};
pub use limits::{
    MAX_DEPTH, MAX_ENTRIES, MAX_NAME_CHARS, MAX_NODES, MAX_TEXT_BYTES, MAX_TICKERS,
    MAX_WRITTEN_NODES,
};
pub use named::{
    NamedSignal, SignalArg, SignalCase, SignalDefault, SignalForm, SignalInfo, SignalKind,
    SignalValues,
};
pub use params::ParamSpec;
pub use walk::{Scopes, cond_parameters, expr_parameters, misfit, scopes};
pub use warmup::{MAX_WARMUP, MIN_WARMUP, warmup};
