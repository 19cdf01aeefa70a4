//! Strategies: the typed tree, the indicator catalogue, parsing, macros, canonical form, warm-up.

mod ast;
mod catalogue;

pub use ast::{
    Arg, ClockField, CompareOp, Cond, Expr, IndicatorCall, MathOp, PositionField, Price, Signals,
    WindowOp,
};
pub use catalogue::{
    ArgInfo, ArgKind, IndicatorInfo, IndicatorKind, Input, MAX_WINDOW, OutputInfo, OutputKind,
};
