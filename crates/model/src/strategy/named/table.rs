//! The named signals, in the order of [`super::NamedSignal`].

use super::{
    MAX_WINDOW, SignalArg, SignalCase, SignalDefault, SignalForm, SignalInfo, SignalKind,
    SignalValues,
};

const fn window(name: &'static str, default: f64) -> SignalArg {
    let values = SignalValues::Int(1.0, MAX_WINDOW);
    SignalArg { name, values, default: SignalDefault::Number(default) }
}

const fn float(name: &'static str, min: f64, max: f64, default: f64) -> SignalArg {
    let values = SignalValues::Float(min, max);
    SignalArg { name, values, default: SignalDefault::Number(default) }
}

const fn percent(name: &'static str, default: f64) -> SignalArg {
    float(name, 0.0, 100.0, default)
}

const fn optional(name: &'static str, values: SignalValues) -> SignalArg {
    SignalArg { name, values, default: SignalDefault::Off }
}

const fn choice(
    name: &'static str,
    words: &'static [&'static str],
    default: &'static str,
) -> SignalArg {
    let values = SignalValues::Choice(words);
    SignalArg { name, values, default: SignalDefault::Word(default) }
}

const fn entry(case: SignalCase, long: &'static str, short: &'static str) -> SignalForm {
    SignalForm { case, kind: SignalKind::Entry, long, short }
}

const fn trend(case: SignalCase, long: &'static str, short: &'static str) -> SignalForm {
    SignalForm { case, kind: SignalKind::Trend, long, short }
}

const fn context(case: SignalCase, both: &'static str) -> SignalForm {
    SignalForm { case, kind: SignalKind::Context, long: both, short: both }
}

use SignalCase::{Given, Is, Otherwise};

/// In the order of the enum (a test holds it).
pub(super) static NAMED_SIGNALS: [SignalInfo; 12] = [
    SignalInfo {
        name: "EmaCross",
        kind: SignalKind::Entry,
        summary: "The close crosses EMA(n).",
        args: &[window("n", 20.0)],
        forms: &[entry(
            Otherwise,
            "crossUp(close, ema(close, $n))",
            "crossDown(close, ema(close, $n))",
        )],
    },
    SignalInfo {
        name: "DualEmaCross",
        kind: SignalKind::Entry,
        summary: "EMA(fast) crosses EMA(slow).",
        args: &[window("fast", 12.0), window("slow", 26.0)],
        forms: &[entry(
            Otherwise,
            "crossUp(ema(close, $fast), ema(close, $slow))",
            "crossDown(ema(close, $fast), ema(close, $slow))",
        )],
    },
    SignalInfo {
        name: "MacdCross",
        kind: SignalKind::Entry,
        summary: "The MACD line crosses its signal line.",
        args: &[window("fast", 12.0), window("slow", 26.0), window("signal", 9.0)],
        forms: &[entry(
            Otherwise,
            "crossUp(macd(close, $fast, $slow, $signal).line, \
             macd(close, $fast, $slow, $signal).signal)",
            "crossDown(macd(close, $fast, $slow, $signal).line, \
             macd(close, $fast, $slow, $signal).signal)",
        )],
    },
    SignalInfo {
        name: "EmaTrend",
        kind: SignalKind::Trend,
        summary: "The close is above EMA(n) for longs, below it for shorts.",
        args: &[window("n", 200.0)],
        forms: &[trend(Otherwise, "close > ema(close, $n)", "close < ema(close, $n)")],
    },
    SignalInfo {
        name: "SuperTrend",
        kind: SignalKind::Entry,
        summary: "The direction of the SuperTrend flips; with role trend: it has the direction; \
                  with ema: the flip and a cross of the close and EMA(ema) fall within w candles.",
        args: &[
            window("n", 10.0),
            float("mult", 0.0, 1_000.0, 3.0),
            choice("role", &["entry", "trend"], "entry"),
            optional("ema", SignalValues::Int(1.0, MAX_WINDOW)),
            window("w", 5.0),
        ],
        forms: &[
            trend(
                Is("role", "trend"),
                "supertrend($n, $mult).direction == 1",
                "supertrend($n, $mult).direction == -1",
            ),
            entry(
                Given("ema"),
                "supertrend($n, $mult).direction == 1 \
                 and within(crossUp(supertrend($n, $mult).direction, 0), $w) \
                 and within(crossUp(close, ema(close, $ema)), $w)",
                "supertrend($n, $mult).direction == -1 \
                 and within(crossDown(supertrend($n, $mult).direction, 0), $w) \
                 and within(crossDown(close, ema(close, $ema)), $w)",
            ),
            entry(
                Otherwise,
                "crossUp(supertrend($n, $mult).direction, 0)",
                "crossDown(supertrend($n, $mult).direction, 0)",
            ),
        ],
    },
    SignalInfo {
        name: "RsiCross",
        kind: SignalKind::Entry,
        summary: "The RSI crosses low upwards for longs, high downwards for shorts.",
        args: &[window("n", 14.0), percent("low", 30.0), percent("high", 70.0)],
        forms: &[entry(
            Otherwise,
            "crossUp(rsi(close, $n), $low)",
            "crossDown(rsi(close, $n), $high)",
        )],
    },
    SignalInfo {
        name: "RsiDivergence",
        kind: SignalKind::Entry,
        summary: "Price makes a lower pivot low while the RSI makes a higher one (highs mirrored), \
                  dated when the pivot is confirmed; with confirm: and the RSI is above that level \
                  (shorts: below 100 - confirm).",
        args: &[
            window("rsi", 14.0),
            window("left", 5.0),
            window("right", 5.0),
            window("within", 60.0),
            optional("confirm", SignalValues::Float(0.0, 100.0)),
        ],
        forms: &[
            entry(
                Given("confirm"),
                "is(rsiDivergence($rsi, $left, $right, $within).bull) \
                 and rsi(close, $rsi) > $confirm",
                "is(rsiDivergence($rsi, $left, $right, $within).bear) \
                 and rsi(close, $rsi) < 100 - $confirm",
            ),
            entry(
                Otherwise,
                "is(rsiDivergence($rsi, $left, $right, $within).bull)",
                "is(rsiDivergence($rsi, $left, $right, $within).bear)",
            ),
        ],
    },
    SignalInfo {
        name: "ChandelierExit",
        kind: SignalKind::Entry,
        summary: "The close passes the exit line of the other side: the direction changes.",
        args: &[window("n", 22.0), float("mult", 0.0, 1_000.0, 3.0)],
        forms: &[entry(
            Otherwise,
            "crossUp(chandelier($n, $mult).direction, 0)",
            "crossDown(chandelier($n, $mult).direction, 0)",
        )],
    },
    SignalInfo {
        name: "StochRsiTrend",
        kind: SignalKind::Trend,
        summary: "Within the last hold candles, %K crossed %D upwards below low for longs, \
                  downwards above high for shorts.",
        args: &[
            window("rsi", 14.0),
            window("stoch", 14.0),
            window("k", 3.0),
            window("d", 3.0),
            percent("low", 20.0),
            percent("high", 80.0),
            window("hold", 14.0),
        ],
        forms: &[trend(
            Otherwise,
            "within(crossUp(stochRsi(close, $rsi, $stoch, $k, $d).k, \
             stochRsi(close, $rsi, $stoch, $k, $d).d) \
             and stochRsi(close, $rsi, $stoch, $k, $d).k < $low, $hold)",
            "within(crossDown(stochRsi(close, $rsi, $stoch, $k, $d).k, \
             stochRsi(close, $rsi, $stoch, $k, $d).d) \
             and stochRsi(close, $rsi, $stoch, $k, $d).k > $high, $hold)",
        )],
    },
    SignalInfo {
        name: "BollingerPercentB",
        kind: SignalKind::Entry,
        summary: "%B returns above low for longs, below high for shorts.",
        args: &[
            window("n", 20.0),
            float("mult", 0.0, 1_000.0, 2.0),
            float("low", -10.0, 10.0, 0.0),
            float("high", -10.0, 10.0, 1.0),
        ],
        forms: &[entry(
            Otherwise,
            "crossUp(bollinger(close, $n, $mult).percentB, $low)",
            "crossDown(bollinger(close, $n, $mult).percentB, $high)",
        )],
    },
    SignalInfo {
        name: "Stc",
        kind: SignalKind::Entry,
        summary: "The Schaff trend cycle (two passes) crosses low upwards for longs, high \
                  downwards for shorts.",
        args: &[
            window("cycle", 10.0),
            window("fast", 23.0),
            window("slow", 50.0),
            float("factor", 0.001, 1.0, 0.5),
            percent("low", 25.0),
            percent("high", 75.0),
        ],
        forms: &[entry(
            Otherwise,
            "crossUp(stcSchaff(close, $cycle, $fast, $slow, $factor), $low)",
            "crossDown(stcSchaff(close, $cycle, $fast, $slow, $factor), $high)",
        )],
    },
    SignalInfo {
        name: "StDevContext",
        kind: SignalKind::Context,
        summary: "Deviations of the close from its mean of n: calm is nearer than calm, extreme \
                  is extreme or farther, normal lies between, notExtreme is calm or normal.",
        args: &[
            window("n", 50.0),
            choice("state", &["calm", "normal", "extreme", "notExtreme"], "notExtreme"),
            float("calm", 0.0, 100.0, 1.0),
            float("extreme", 0.0, 100.0, 3.0),
        ],
        forms: &[
            context(Is("state", "calm"), "abs(zscore(close, $n)) < $calm"),
            context(
                Is("state", "normal"),
                "abs(zscore(close, $n)) >= $calm and abs(zscore(close, $n)) < $extreme",
            ),
            context(Is("state", "extreme"), "abs(zscore(close, $n)) >= $extreme"),
            context(Otherwise, "abs(zscore(close, $n)) < $extreme"),
        ],
    },
];
