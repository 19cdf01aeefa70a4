//! The entries of the catalogue, in the order of [`super::IndicatorKind`].

use super::{ArgInfo, ArgKind, IndicatorInfo, Input, MAX_WINDOW, OutputInfo, OutputKind};

const fn window(name: &'static str) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Int, default: None, min: 1.0, max: MAX_WINDOW }
}

const fn window_or(name: &'static str, default: f64) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Int, default: Some(default), min: 1.0, max: MAX_WINDOW }
}

const fn factor(name: &'static str, default: f64) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Float, default: Some(default), min: 0.0, max: 1_000.0 }
}

/// A share: greater than 0, at most 1.
const fn fraction(name: &'static str, default: f64) -> ArgInfo {
    ArgInfo { name, kind: ArgKind::Float, default: Some(default), min: 0.001, max: 1.0 }
}

const fn number(name: &'static str) -> OutputInfo {
    OutputInfo { name, kind: OutputKind::Number }
}

const fn flag(name: &'static str) -> OutputInfo {
    OutputInfo { name, kind: OutputKind::Bool }
}

const VALUE: &[OutputInfo] = &[number("value")];

/// In the order of the enum (a test holds it).
pub(super) static CATALOGUE: [IndicatorInfo; 40] = [
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
        name: "emaFirst",
        summary: "Exponential moving average, seeded with the first value: `ema` with `seed: first`.",
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
        args: &[fraction("step", 0.02), fraction("max", 0.2)],
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
            fraction("factor", 0.5),
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
