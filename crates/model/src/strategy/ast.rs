//! The strategy as a typed tree: what both parsers make and what the engine runs.
//!
//! Two types of values: numbers ([`Expr`]) and conditions ([`Cond`]); there is no conversion between
//! them. A null number (warm-up, division by zero) makes a comparison false.

use crate::strategy::IndicatorKind;
use crate::{FillReason, HigherTimeframe};

/// A number that may still be a parameter. After resolving, no `Param` is left.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// A finite number.
    Number(f64),
    /// The name of a parameter, written `{"$": name}` or `$name`.
    Param(String),
}

/// A price column of the candles in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Price {
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Volume in base.
    Volume,
    /// (high + low) / 2.
    Hl2,
    /// (high + low + close) / 3.
    Hlc3,
    /// (open + high + low + close) / 4.
    Ohlc4,
}

/// A part of the open time of the candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockField {
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 1 = Monday to 7 = Sunday.
    DayOfWeek,
    /// Minutes since local midnight.
    MinuteOfSession,
}

/// State of the account that exits (and, the last one, entries) may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PositionField {
    /// Candles since the entry candle.
    BarsInTrade,
    /// Clock minutes since the entry fill.
    MinutesInTrade,
    /// Open profit in percent of the entry price.
    OpenPnlPct,
    /// Open profit in multiples of the entry risk.
    OpenR,
    /// Best open profit so far, percent of the entry price.
    MaxFavourablePct,
    /// Candles since the last exit; entries only.
    BarsSinceExit,
}

/// Arithmetic of two or more numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MathOp {
    /// Sum of all.
    Add,
    /// First less second.
    Sub,
    /// Product of all.
    Mul,
    /// First over second; null where the second is 0.
    Div,
    /// Least of all.
    Min,
    /// Greatest of all.
    Max,
}

/// A number computed over the last `n` candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowOp {
    /// Sum of the last n values.
    Sum,
    /// Percent of the n values before this one that are less than or equal to it.
    PercentRank,
}

/// A number at each candle; null where undefined.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A literal or parameter.
    Number(Arg),
    /// A price column.
    Price(Price),
    /// Time of day, in an IANA zone (`None` = UTC).
    Clock {
        /// Which part.
        field: ClockField,
        /// IANA time zone.
        tz: Option<String>,
    },
    /// State of the account.
    Position(PositionField),
    /// A numeric output of an indicator.
    Indicator(Box<IndicatorCall>),
    /// Arithmetic.
    Math {
        /// The operation.
        op: MathOp,
        /// Two operands or, for Add, Mul, Min and Max, two or more.
        args: Vec<Expr>,
    },
    /// Absolute value.
    Abs(Box<Expr>),
    /// `then` where the condition holds, else `otherwise`.
    If {
        /// The condition.
        condition: Box<Cond>,
        /// Value where it is true.
        then: Box<Expr>,
        /// Value where it is false.
        otherwise: Box<Expr>,
    },
    /// A number over a window.
    Window {
        /// The operation.
        op: WindowOp,
        /// What it runs over.
        of: Box<Expr>,
        /// Candles, at least 1.
        n: Arg,
    },
    /// The value `n` rows before.
    Prev {
        /// Whose value.
        of: Box<Expr>,
        /// Rows back, at least 1.
        n: Arg,
    },
    /// Candles since the condition last held (0 = now); null if it never did.
    BarsSince(Box<Cond>),
    /// Value of `of` when the condition last held; null if it never did.
    ValueWhen {
        /// The condition.
        condition: Box<Cond>,
        /// Whose value.
        of: Box<Expr>,
    },
    /// How many of the last `n` candles the condition held on.
    CountTrue {
        /// The condition.
        condition: Box<Cond>,
        /// Candles, at least 1.
        n: Arg,
    },
    /// A subtree evaluated on other candles and carried forward.
    Scope {
        /// A multiple of the job's timeframe, resampled from its own candles.
        tf: Option<HigherTimeframe>,
        /// Another ticker of the same exchange and timeframe.
        ticker: Option<String>,
        /// What is evaluated there.
        of: Box<Expr>,
    },
}

/// A call of an indicator of the catalogue, and which of its outputs is read.
#[derive(Clone, Debug, PartialEq)]
pub struct IndicatorCall {
    /// Which indicator.
    pub kind: IndicatorKind,
    /// Its source, for indicators that run over one column; `None` where it reads whole candles.
    pub of: Option<Expr>,
    /// Arguments in the order of the catalogue, defaults filled.
    pub args: Vec<Arg>,
    /// Index of the output in the catalogue.
    pub output: usize,
}

/// Comparison of two numbers; false where either is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompareOp {
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

/// A condition at each candle.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    /// Always true or always false.
    Constant(bool),
    /// Comparison of two numbers.
    Compare {
        /// The comparison.
        op: CompareOp,
        /// Left side.
        left: Expr,
        /// Right side.
        right: Expr,
    },
    /// left\[t-1\] <= right\[t-1\] and left\[t\] > right\[t\].
    CrossUp {
        /// What crosses.
        left: Expr,
        /// What is crossed.
        right: Expr,
    },
    /// left\[t-1\] >= right\[t-1\] and left\[t\] < right\[t\].
    CrossDown {
        /// What crosses.
        left: Expr,
        /// What is crossed.
        right: Expr,
    },
    /// A boolean output of an indicator.
    Is(Box<IndicatorCall>),
    /// The last trade ended for this reason; entries only.
    LastExitIs(FillReason),
    /// All hold.
    All(Vec<Cond>),
    /// At least one holds.
    Any(Vec<Cond>),
    /// It does not hold. Negation is pushed to the leaves, so a null is false in both senses.
    Not(Box<Cond>),
    /// It holds on any of the last `n` candles, this one included.
    Within(Box<Cond>, Arg),
    /// It holds on all of the last `n` candles, this one included.
    Held(Box<Cond>, Arg),
    /// The last `n` steps are all up.
    Rising(Expr, Arg),
    /// The last `n` steps are all down.
    Falling(Expr, Arg),
    /// A condition evaluated on other candles and carried forward.
    Scope {
        /// A multiple of the job's timeframe.
        tf: Option<HigherTimeframe>,
        /// Another ticker of the same exchange and timeframe.
        ticker: Option<String>,
        /// What is evaluated there.
        of: Box<Cond>,
    },
}

/// The four conditions of a strategy; an absent one never holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Enter long.
    pub long: Option<Cond>,
    /// Enter short.
    pub short: Option<Cond>,
    /// Leave a long position.
    pub exit_long: Option<Cond>,
    /// Leave a short position.
    pub exit_short: Option<Cond>,
}
