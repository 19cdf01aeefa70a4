//! The indicators there are: names, arguments with defaults and ranges, outputs.
//!
//! This table is the one place that both parsers, the canonical form, the engine and the generated
//! reference read. Formulas live in `engine`; the need for history in [`super::warmup`].

mod table;

use table::CATALOGUE;

/// An indicator of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndicatorKind {
    /// Simple moving average.
    Sma,
    /// Exponential moving average, seeded with the mean of the first n.
    Ema,
    /// Exponential moving average, seeded with the first value.
    EmaFirst,
    /// Linearly weighted moving average.
    Wma,
    /// Hull moving average.
    Hma,
    /// Double exponential moving average.
    Dema,
    /// Triple exponential moving average.
    Tema,
    /// Volume weighted moving average.
    Vwma,
    /// Wilder's moving average, seeded with the mean of the first n.
    Rma,
    /// MACD; each average starts from its own seed.
    Macd,
    /// Relative strength index of Wilder; a flat series gives 50.
    Rsi,
    /// Stochastic oscillator.
    Stoch,
    /// Stochastic of the RSI.
    StochRsi,
    /// Average true range of Wilder; the true range starts at row 1.
    Atr,
    /// Directional movement of Wilder.
    Adx,
    /// Bollinger bands, population deviation.
    Bollinger,
    /// Keltner channel: EMA of the close, ATR wide.
    Keltner,
    /// Donchian channel, the current candle included.
    Donchian,
    /// SuperTrend; direction 1 is up, -1 down.
    Supertrend,
    /// Chandelier exit lines and a direction flag.
    Chandelier,
    /// Parabolic SAR of Wilder.
    Psar,
    /// Ichimoku lines; the cloud is shifted forward by kijun.
    Ichimoku,
    /// Schaff trend cycle, one stochastic pass and SMA3.
    StcSingle,
    /// Schaff trend cycle, two smoothed passes.
    StcSchaff,
    /// Commodity channel index.
    Cci,
    /// Money flow index.
    Mfi,
    /// On-balance volume from the first candle.
    Obv,
    /// Rate of change, percent.
    Roc,
    /// Momentum: the change over n candles.
    Mom,
    /// Williams %R, -100 to 0.
    WilliamsR,
    /// Aroon.
    Aroon,
    /// Volume weighted average price of the calendar day.
    Vwap,
    /// Deviations from the mean of the last n, population.
    Zscore,
    /// Standard deviation of the last n, population.
    Stdev,
    /// Least squares line over the last n: slope a candle, and its end value.
    Linreg,
    /// Greatest of the last n.
    Highest,
    /// Least of the last n.
    Lowest,
    /// Last confirmed pivot prices, and whether one was confirmed on this candle.
    Pivots,
    /// Heikin-Ashi candles.
    HeikinAshi,
    /// Divergence of price and RSI pivots, dated at confirmation.
    RsiDivergence,
}

/// Whether an argument is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// A whole number.
    Int,
    /// Any finite number.
    Float,
}

/// One argument of an indicator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArgInfo {
    /// Name in the JSON tree and in text.
    pub name: &'static str,
    /// Whether it is whole.
    pub kind: ArgKind,
    /// Value where it is left out; `None` = required.
    pub default: Option<f64>,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

/// Type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A number, used in expressions.
    Number,
    /// A condition, read by `is`.
    Bool,
}

/// One output of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputInfo {
    /// Name after the dot (`st.direction`); the first output is meant where none is named.
    pub name: &'static str,
    /// Its type.
    pub kind: OutputKind,
}

/// What an indicator runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// One column: the argument `of`, `close` by default.
    Column,
    /// Whole candles.
    Candles,
}

/// All that is known of an indicator beside its formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndicatorInfo {
    /// Name in the JSON tree and in text.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// What it runs over.
    pub input: Input,
    /// Arguments, in the order of [`super::IndicatorCall::args`].
    pub args: &'static [ArgInfo],
    /// Outputs; the first is the default one.
    pub outputs: &'static [OutputInfo],
}

/// Longest window, in candles: bounds the work and memory of any strategy.
pub const MAX_WINDOW: f64 = 10_000.0;

impl IndicatorKind {
    /// Every indicator, in the order of the enum.
    pub const ALL: [IndicatorKind; 40] = [
        Self::Sma,
        Self::Ema,
        Self::EmaFirst,
        Self::Wma,
        Self::Hma,
        Self::Dema,
        Self::Tema,
        Self::Vwma,
        Self::Rma,
        Self::Macd,
        Self::Rsi,
        Self::Stoch,
        Self::StochRsi,
        Self::Atr,
        Self::Adx,
        Self::Bollinger,
        Self::Keltner,
        Self::Donchian,
        Self::Supertrend,
        Self::Chandelier,
        Self::Psar,
        Self::Ichimoku,
        Self::StcSingle,
        Self::StcSchaff,
        Self::Cci,
        Self::Mfi,
        Self::Obv,
        Self::Roc,
        Self::Mom,
        Self::WilliamsR,
        Self::Aroon,
        Self::Vwap,
        Self::Zscore,
        Self::Stdev,
        Self::Linreg,
        Self::Highest,
        Self::Lowest,
        Self::Pivots,
        Self::HeikinAshi,
        Self::RsiDivergence,
    ];

    /// The indicator of this name.
    pub fn from_name(name: &str) -> Option<IndicatorKind> {
        Self::ALL.into_iter().find(|kind| kind.info().name == name)
    }

    /// Its entry in the catalogue.
    pub fn info(self) -> &'static IndicatorInfo {
        &CATALOGUE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, kind) in IndicatorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            let debug = format!("{kind:?}").to_lowercase();
            assert_eq!(kind.info().name.to_lowercase(), debug);
            assert_eq!(IndicatorKind::from_name(kind.info().name), Some(kind));
        }
    }
}
