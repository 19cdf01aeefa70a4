//! W: how much history a strategy needs before its range.
//!
//! The need of a node is the number of candles BEFORE a candle that its value there depends on: 0
//! for a price, n - 1 for a window of n. Needs of nested nodes add. A recursive indicator depends on
//! all history; its need is the candles to its seed and then those after which the seed weighs less
//! than 1e-9. OBV, PSAR, SuperTrend's ratchet, the last pivot, `barsSince` and `valueWhen` depend on
//! where history starts, however long it is; they are documented as such and add nothing here.

use super::walk::conditions;
use super::{Arg, Cond, Expr, IndicatorCall, IndicatorKind, Signals};
use crate::{HigherTimeframe, Timeframe};

/// Least W, in candles.
pub const MIN_WARMUP: u32 = 256;
/// Greatest W, in candles: more history is never asked for.
pub const MAX_WARMUP: u32 = 1 << 20;
/// Weight of a recursive indicator's seed that counts as gone.
const SEED_WEIGHT: f64 = 1e-9;
/// The same where averages are subtracted from or divided by one another: the result may be far
/// smaller than they are.
const FINE_WEIGHT: f64 = 1e-12;
/// Minutes in a UTC day.
const DAY_MINUTES: u64 = 1_440;

/// W of a strategy in candles of `base`: the deepest need of `signals` and of `extra` (levels of
/// money management), rounded up to a power of two, within [`MIN_WARMUP`] and [`MAX_WARMUP`].
///
/// The trees have no parameters left; one that is left counts as a window of 0.
pub fn warmup(signals: &Signals, extra: &[&Expr], base: Timeframe) -> u32 {
    let base = u64::from(base.minutes());
    let of_signals = conditions(signals).map(|cond| cond_need(cond, base)).max().unwrap_or(0);
    let of_extra = extra.iter().map(|expr| expr_need(expr, base)).max().unwrap_or(0);
    let need = u32::try_from(of_signals.max(of_extra)).unwrap_or(MAX_WARMUP);
    need.clamp(MIN_WARMUP, MAX_WARMUP).next_power_of_two()
}

/// Need of a number, in candles of `minutes` minutes.
fn expr_need(expr: &Expr, minutes: u64) -> u64 {
    match expr {
        Expr::Number(_) | Expr::Price(_) | Expr::Clock { .. } | Expr::Position(_) => 0,
        Expr::Indicator(call) => call_need(call, minutes),
        Expr::Math { op: _, args } => {
            args.iter().map(|arg| expr_need(arg, minutes)).max().unwrap_or(0)
        }
        Expr::Abs(of) => expr_need(of, minutes),
        Expr::If { condition, then, otherwise } => cond_need(condition, minutes)
            .max(expr_need(then, minutes))
            .max(expr_need(otherwise, minutes)),
        Expr::Window { op: super::WindowOp::Sum, of, n } => {
            expr_need(of, minutes).saturating_add(window(n) - 1)
        }
        // Percent rank compares with the n values before this one.
        Expr::Window { op: super::WindowOp::PercentRank, of, n } | Expr::Prev { of, n } => {
            expr_need(of, minutes).saturating_add(window(n))
        }
        Expr::BarsSince(condition) => cond_need(condition, minutes),
        Expr::ValueWhen { condition, of } => {
            cond_need(condition, minutes).max(expr_need(of, minutes))
        }
        Expr::CountTrue { condition, n } => {
            cond_need(condition, minutes).saturating_add(window(n) - 1)
        }
        Expr::Scope { tf, ticker: _, of } => scoped(*tf, minutes, |minutes| expr_need(of, minutes)),
    }
}

/// Need of a condition, in candles of `minutes` minutes.
fn cond_need(cond: &Cond, minutes: u64) -> u64 {
    match cond {
        Cond::Constant(_) | Cond::LastExitIs(_) => 0,
        Cond::Compare { op: _, left, right } => {
            expr_need(left, minutes).max(expr_need(right, minutes))
        }
        Cond::CrossUp { left, right } | Cond::CrossDown { left, right } => {
            expr_need(left, minutes).max(expr_need(right, minutes)).saturating_add(1)
        }
        Cond::Is(call) => call_need(call, minutes),
        Cond::All(parts) | Cond::Any(parts) => {
            parts.iter().map(|part| cond_need(part, minutes)).max().unwrap_or(0)
        }
        Cond::Not(of) => cond_need(of, minutes),
        Cond::Within(of, n) | Cond::Held(of, n) => {
            cond_need(of, minutes).saturating_add(window(n) - 1)
        }
        Cond::Rising(of, n) | Cond::Falling(of, n) => {
            expr_need(of, minutes).saturating_add(window(n))
        }
        Cond::Scope { tf, ticker: _, of } => scoped(*tf, minutes, |minutes| cond_need(of, minutes)),
    }
}

/// Need in base candles of a subtree on higher candles: those before the last closed one, that one,
/// and one more, because both it and the start of history may lie anywhere in a higher candle.
fn scoped(tf: Option<HigherTimeframe>, minutes: u64, need: impl FnOnce(u64) -> u64) -> u64 {
    let Some(tf) = tf else { return need(minutes) };
    let higher = tf.most_minutes();
    need(higher).saturating_add(2).saturating_mul(higher.div_ceil(minutes))
}

fn call_need(call: &IndicatorCall, minutes: u64) -> u64 {
    let args: Vec<f64> = call.args.iter().map(number).collect();
    let own = call.kind.need(&args, DAY_MINUTES.div_ceil(minutes));
    call.of.as_ref().map_or(0, |of| expr_need(of, minutes)).saturating_add(own)
}

fn number(arg: &Arg) -> f64 {
    match arg {
        Arg::Number(value) => *value,
        Arg::Param(_) => 0.0,
    }
}

/// A window argument in candles, at least 1.
fn window(arg: &Arg) -> u64 {
    candles(number(arg))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-int cast saturates, and window arguments are checked when parsed"
)]
fn candles(value: f64) -> u64 {
    (value as u64).max(1)
}

/// Candles after which the weight of a seed, multiplied by `keep` at each candle, is at most `gone`:
/// the least m with keep^m <= gone, which for 1e-9 is ceil(ln(1e9) / -ln(keep)).
///
/// By multiplications only, so that it is the same number on every machine.
fn decay(keep: f64, gone: f64) -> u64 {
    if keep <= 0.0 {
        return 0;
    }
    let mut powers = vec![keep];
    while let Some(&last) = powers.last()
        && last > gone
        && powers.len() < MAX_WARMUP.ilog2() as usize
    {
        powers.push(last * last);
    }
    let mut weight = 1.0;
    let mut steps = 0;
    for (exponent, power) in powers.iter().enumerate().rev() {
        if weight * power > gone {
            weight *= power;
            steps += 1 << exponent;
        }
    }
    steps + 1
}

/// EMA of n: seeded at row n - 1, then k = 2 / (n + 1).
fn ema(n: u64, gone: f64) -> u64 {
    let n_f64 = n as f64;
    (n - 1).saturating_add(decay((n_f64 - 1.0) / (n_f64 + 1.0), gone))
}

/// Wilder's average of n: seeded at row n - 1, then k = 1 / n.
fn wilder(n: u64, gone: f64) -> u64 {
    let n_f64 = n as f64;
    (n - 1).saturating_add(decay((n_f64 - 1.0) / n_f64, gone))
}

impl IndicatorKind {
    /// Candles before one that the value there depends on, for `args` in the order of the catalogue.
    ///
    /// The need of its source `of` comes on top. `day` is the number of candles in a UTC day: the
    /// session VWAP reaches back to the start of its day.
    pub fn need(self, args: &[f64], day: u64) -> u64 {
        let arg = |index: usize| candles(args.get(index).copied().unwrap_or(1.0));
        let share = |index: usize| args.get(index).copied().unwrap_or(1.0);
        let ema = |index: usize, gone: f64| ema(arg(index), gone);
        let wilder = |index: usize, gone: f64| wilder(arg(index), gone);
        match self {
            Self::Obv => 0,
            // The SAR starts from the first two candles.
            Self::Psar => 1,
            // A day has up to 27 hours: 25 where clocks are put back, 27 where Monday owns the
            // Sunday evening.
            Self::Vwap => day + day.div_ceil(8),
            // The open is the mean of the candle before: half of the seed goes at each candle.
            Self::HeikinAshi => decay(0.5, SEED_WEIGHT),
            Self::Sma
            | Self::Wma
            | Self::Vwma
            | Self::Bollinger
            | Self::Donchian
            | Self::Cci
            | Self::WilliamsR
            | Self::Zscore
            | Self::Stdev
            | Self::Linreg
            | Self::Highest
            | Self::Lowest => arg(0) - 1,
            Self::Ema => ema(0, SEED_WEIGHT),
            // Its seed is one value, not a mean of n.
            Self::EmaFirst => ema(0, SEED_WEIGHT).saturating_sub(arg(0) - 1),
            Self::Dema => 2 * ema(0, SEED_WEIGHT),
            Self::Tema => 3 * ema(0, SEED_WEIGHT),
            Self::Rma => wilder(0, SEED_WEIGHT),
            // A WMA of n, then one of sqrt(n) rounded down over it.
            Self::Hma => arg(0) - 1 + arg(0).isqrt() - 1,
            Self::Macd => ema(0, FINE_WEIGHT).max(ema(1, FINE_WEIGHT)) + ema(2, SEED_WEIGHT),
            // Changes and true ranges start at row 1.
            Self::Atr | Self::Supertrend | Self::Chandelier => 1 + wilder(0, SEED_WEIGHT),
            Self::Rsi => 1 + wilder(0, FINE_WEIGHT),
            // Wilder's average of DX over Wilder's averages of the movements.
            Self::Adx => 1 + 2 * wilder(0, SEED_WEIGHT),
            Self::Stoch => arg(0) + arg(1) + arg(2) - 3,
            Self::StochRsi => 1 + wilder(0, FINE_WEIGHT) + arg(1) + arg(2) + arg(3) - 3,
            Self::Keltner => ema(0, SEED_WEIGHT).max(1 + wilder(2, SEED_WEIGHT)),
            // The longest of the three, shifted forward by kijun.
            Self::Ichimoku => arg(0).max(arg(1)).max(arg(2)) - 1 + arg(1),
            // A stochastic of the MACD line, then a mean of 3.
            Self::StcSingle => ema(1, FINE_WEIGHT).max(ema(2, FINE_WEIGHT)) + arg(0) - 1 + 2,
            // Two stochastic passes, each smoothed by the factor.
            Self::StcSchaff => {
                let pass = arg(0) - 1 + decay(1.0 - share(3), SEED_WEIGHT);
                ema(1, FINE_WEIGHT).max(ema(2, FINE_WEIGHT)) + 2 * pass
            }
            Self::Mfi | Self::Roc | Self::Mom | Self::Aroon => arg(0),
            Self::Pivots => arg(0) + arg(1),
            Self::RsiDivergence => 1 + wilder(0, FINE_WEIGHT) + arg(1) + arg(2) + arg(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decay_is_the_rounded_quotient_of_logarithms() {
        for n in [2_u32, 3, 9, 12, 14, 26, 50, 200, 1_000, 10_000] {
            for keep in [f64::from(n - 1) / f64::from(n + 1), f64::from(n - 1) / f64::from(n)] {
                let steps = decay(keep, SEED_WEIGHT);
                let expected = (1e9_f64.ln() / -keep.ln()).ceil();
                assert!((steps as f64 - expected).abs() <= 1.0, "{n}: {steps} {expected}");
            }
        }
        assert_eq!(decay(0.5, SEED_WEIGHT), 30);
        assert_eq!(decay(0.0, SEED_WEIGHT), 0);
    }

    #[track_caller]
    fn check(expr: &Expr, base: &str, expected: u32) {
        assert_eq!(warmup(&Signals::default(), &[expr], base.parse().unwrap()), expected);
    }

    fn call(kind: IndicatorKind, args: &[f64]) -> Expr {
        let of = Some(Expr::Price(super::super::Price::Close));
        let args = args.iter().copied().map(Arg::Number).collect();
        Expr::Indicator(Box::new(IndicatorCall { kind, of, args, output: 0 }))
    }

    #[test]
    fn warmup_is_a_power_of_two_that_covers_the_deepest_need() {
        check(&call(IndicatorKind::Sma, &[20.0]), "1m", 256);
        check(&call(IndicatorKind::Sma, &[257.0]), "1m", 256);
        check(&call(IndicatorKind::Sma, &[258.0]), "1m", 512);
        check(&call(IndicatorKind::Ema, &[26.0]), "1m", 512);
        check(&call(IndicatorKind::Rma, &[10_000.0]), "1m", 1 << 18);
    }

    #[test]
    fn a_higher_timeframe_scales_the_need() {
        let of = Box::new(call(IndicatorKind::Sma, &[20.0]));
        let scoped = Expr::Scope { tf: "1h".parse().ok(), ticker: None, of };
        check(&scoped, "1h", 256);
        check(&scoped, "1m", 2_048);
        let deep = Box::new(call(IndicatorKind::Rma, &[10_000.0]));
        let capped = Expr::Scope { tf: "1w".parse().ok(), ticker: None, of: deep };
        check(&capped, "1m", MAX_WARMUP);
    }
}
