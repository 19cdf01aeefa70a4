//! The indicators there are: names, arguments with defaults and ranges, outputs.
//!
//! This table is the one place that both parsers, the canonical form, the engine and the generated
//! reference read. Formulas live in `engine`; the need for history in [`super::warmup`].

/// An indicator of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndicatorKind {
    /// Simple moving average.
    Sma,
    /// Exponential moving average, seeded with the mean of the first n.
    Ema,
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

const fn window(name: &'static str) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Int, default: None, min: 1.0, max: MAX_WINDOW }
}

const fn window_or(name: &'static str, default: f64) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Int, default: Some(default), min: 1.0, max: MAX_WINDOW }
}

const fn factor(name: &'static str, default: f64) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Float, default: Some(default), min: 0.0, max: 1_000.0 }
}

const fn number(name: &'static str) -> OutputInfo {
    OutputInfo { name, kind: OutputKind::Number }
}

const fn flag(name: &'static str) -> OutputInfo {
    OutputInfo { name, kind: OutputKind::Bool }
}

const VALUE: &[OutputInfo] = &[number("value")];

impl IndicatorKind {
    /// Every indicator, in the order of the enum.
    pub const ALL: [IndicatorKind; 39] = [
        Self::Sma,
        Self::Ema,
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

/// In the order of the enum (a test holds it).
static CATALOGUE: [IndicatorInfo; 39] = [
    IndicatorInfo {
        name: "sma",
        summary: "Simple moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "ema",
        summary: "Exponential moving average, seeded with the mean of the first n.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "wma",
        summary: "Linearly weighted moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "hma",
        summary: "Hull moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "dema",
        summary: "Double exponential moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "tema",
        summary: "Triple exponential moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "vwma",
        summary: "Volume weighted moving average.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "rma",
        summary: "Wilder's moving average, seeded with the mean of the first n.",
        input: Input::Column,
        args: &[window("n")],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "macd",
        summary: "MACD; each average starts from its own seed.",
        input: Input::Column,
        args: &[window_or("fast", 12.0), window_or("slow", 26.0), window_or("signal", 9.0)],
        outputs: &[number("line"), number("signal"), number("histogram")],
    },
    IndicatorInfo {
        name: "rsi",
        summary: "Relative strength index of Wilder; a flat series gives 50.",
        input: Input::Column,
        args: &[window_or("n", 14.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "stoch",
        summary: "Stochastic oscillator.",
        input: Input::Candles,
        args: &[window_or("k", 14.0), window_or("smooth", 3.0), window_or("d", 3.0)],
        outputs: &[number("k"), number("d")],
    },
    IndicatorInfo {
        name: "stochRsi",
        summary: "Stochastic of the RSI.",
        input: Input::Column,
        args: &[
            window_or("rsi", 14.0),
            window_or("stoch", 14.0),
            window_or("k", 3.0),
            window_or("d", 3.0),
        ],
        outputs: &[number("k"), number("d")],
    },
    IndicatorInfo {
        name: "atr",
        summary: "Average true range of Wilder; the true range starts at row 1.",
        input: Input::Candles,
        args: &[window_or("n", 14.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "adx",
        summary: "Directional movement of Wilder.",
        input: Input::Candles,
        args: &[window_or("n", 14.0)],
        outputs: &[number("adx"), number("plus"), number("minus")],
    },
    IndicatorInfo {
        name: "bollinger",
        summary: "Bollinger bands, population deviation.",
        input: Input::Column,
        args: &[window_or("n", 20.0), factor("mult", 2.0)],
        outputs: &[
            number("middle"),
            number("upper"),
            number("lower"),
            number("percentB"),
            number("width"),
        ],
    },
    IndicatorInfo {
        name: "keltner",
        summary: "Keltner channel: EMA of the close, ATR wide.",
        input: Input::Candles,
        args: &[window_or("n", 20.0), factor("mult", 2.0), window_or("atr", 10.0)],
        outputs: &[number("middle"), number("upper"), number("lower")],
    },
    IndicatorInfo {
        name: "donchian",
        summary: "Donchian channel, the current candle included.",
        input: Input::Candles,
        args: &[window_or("n", 20.0)],
        outputs: &[number("upper"), number("lower"), number("middle")],
    },
    IndicatorInfo {
        name: "supertrend",
        summary: "SuperTrend; direction 1 is up, -1 down.",
        input: Input::Candles,
        args: &[window_or("n", 10.0), factor("mult", 3.0)],
        outputs: &[number("line"), number("direction")],
    },
    IndicatorInfo {
        name: "chandelier",
        summary: "Chandelier exit lines and a direction flag.",
        input: Input::Candles,
        args: &[window_or("n", 22.0), factor("mult", 3.0)],
        outputs: &[number("long"), number("short"), number("direction")],
    },
    IndicatorInfo {
        name: "psar",
        summary: "Parabolic SAR of Wilder.",
        input: Input::Candles,
        args: &[factor("step", 0.02), factor("max", 0.2)],
        outputs: &[number("value"), number("direction")],
    },
    IndicatorInfo {
        name: "ichimoku",
        summary: "Ichimoku lines; the cloud is shifted forward by kijun.",
        input: Input::Candles,
        args: &[window_or("tenkan", 9.0), window_or("kijun", 26.0), window_or("senkou", 52.0)],
        outputs: &[number("tenkan"), number("kijun"), number("senkouA"), number("senkouB")],
    },
    IndicatorInfo {
        name: "stcSingle",
        summary: "Schaff trend cycle, one stochastic pass and SMA3.",
        input: Input::Column,
        args: &[window_or("cycle", 10.0), window_or("fast", 23.0), window_or("slow", 50.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "stcSchaff",
        summary: "Schaff trend cycle, two smoothed passes.",
        input: Input::Column,
        args: &[
            window_or("cycle", 10.0),
            window_or("fast", 23.0),
            window_or("slow", 50.0),
            factor("factor", 0.5),
        ],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "cci",
        summary: "Commodity channel index.",
        input: Input::Candles,
        args: &[window_or("n", 20.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "mfi",
        summary: "Money flow index.",
        input: Input::Candles,
        args: &[window_or("n", 14.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "obv",
        summary: "On-balance volume from the first candle.",
        input: Input::Candles,
        args: &[],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "roc",
        summary: "Rate of change, percent.",
        input: Input::Column,
        args: &[window_or("n", 10.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "mom",
        summary: "Momentum: the change over n candles.",
        input: Input::Column,
        args: &[window_or("n", 10.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "williamsR",
        summary: "Williams %R, -100 to 0.",
        input: Input::Candles,
        args: &[window_or("n", 14.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "aroon",
        summary: "Aroon.",
        input: Input::Candles,
        args: &[window_or("n", 25.0)],
        outputs: &[number("up"), number("down"), number("oscillator")],
    },
    IndicatorInfo {
        name: "vwap",
        summary: "Volume weighted average price of the calendar day.",
        input: Input::Candles,
        args: &[],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "zscore",
        summary: "Deviations from the mean of the last n, population.",
        input: Input::Column,
        args: &[window_or("n", 20.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "stdev",
        summary: "Standard deviation of the last n, population.",
        input: Input::Column,
        args: &[window_or("n", 20.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "linreg",
        summary: "Least squares line over the last n: slope a candle, and its end value.",
        input: Input::Column,
        args: &[window_or("n", 14.0)],
        outputs: &[number("slope"), number("value")],
    },
    IndicatorInfo {
        name: "highest",
        summary: "Greatest of the last n.",
        input: Input::Column,
        args: &[window_or("n", 20.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "lowest",
        summary: "Least of the last n.",
        input: Input::Column,
        args: &[window_or("n", 20.0)],
        outputs: VALUE,
    },
    IndicatorInfo {
        name: "pivots",
        summary: "Last confirmed pivot prices, and whether one was confirmed on this candle.",
        input: Input::Candles,
        args: &[window_or("left", 5.0), window_or("right", 5.0)],
        outputs: &[number("high"), number("low"), flag("isHigh"), flag("isLow")],
    },
    IndicatorInfo {
        name: "heikinAshi",
        summary: "Heikin-Ashi candles.",
        input: Input::Candles,
        args: &[],
        outputs: &[number("open"), number("high"), number("low"), number("close")],
    },
    IndicatorInfo {
        name: "rsiDivergence",
        summary: "Divergence of price and RSI pivots, dated at confirmation.",
        input: Input::Candles,
        args: &[
            window_or("rsi", 14.0),
            window_or("left", 5.0),
            window_or("right", 5.0),
            window_or("within", 60.0),
        ],
        outputs: &[flag("bull"), flag("bear")],
    },
];

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
