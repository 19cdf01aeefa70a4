//! The operators of the strategy language, for people and forms.
//!
//! `model` decides what they mean; a test holds that every example parses there.

use serde::Serialize;
use utoipa::ToSchema;

/// One operator.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct OperatorBody {
    /// Its name in the JSON tree; `all`, `any` and `not` are words in the text form.
    #[schema(example = "crossUp")]
    pub(crate) name: &'static str,
    /// `condition` or `number`.
    pub(crate) gives: &'static str,
    /// What it means.
    pub(crate) summary: &'static str,
    /// A use of it in the text form.
    pub(crate) example: &'static str,
}

const fn condition(
    name: &'static str,
    example: &'static str,
    summary: &'static str,
) -> OperatorBody {
    OperatorBody { name, gives: "condition", summary, example }
}

const fn number(name: &'static str, example: &'static str, summary: &'static str) -> OperatorBody {
    OperatorBody { name, gives: "number", summary, example }
}

/// Every operator. A comparison with a null number is false, also under `not`.
pub(crate) const OPERATORS: [OperatorBody; 30] = [
    condition("lt", "rsi(close, 14) < 30", "less than"),
    condition("le", "rsi(close, 14) <= 30", "less than or equal"),
    condition("gt", "close > sma(close, 50)", "greater than"),
    condition("ge", "close >= sma(close, 50)", "greater than or equal"),
    condition("eq", "supertrend(10, 3).direction == 1", "equal"),
    condition("ne", "supertrend(10, 3).direction != 1", "not equal"),
    condition(
        "crossUp",
        "crossUp(ema(close, 12), ema(close, 26))",
        "a[t-1] <= b[t-1] and a[t] > b[t]",
    ),
    condition(
        "crossDown",
        "crossDown(ema(close, 12), ema(close, 26))",
        "a[t-1] >= b[t-1] and a[t] < b[t]",
    ),
    condition("all", "close > open and volume > 0", "all hold"),
    condition("any", "close > open or volume > 0", "at least one holds"),
    condition("not", "not close > open", "it does not hold; a null is false in both senses"),
    condition("is", "rsiDivergence(14, 5, 5, 60).bull", "a condition that an indicator gives"),
    condition(
        "within",
        "within(crossUp(close, ema(close, 20)), 5)",
        "it holds on any of the last n candles, this one included",
    ),
    condition(
        "held",
        "held(close > ema(close, 20), 3)",
        "it holds on all of the last n candles, this one included",
    ),
    condition("rising", "rising(close, 3)", "the last n steps are all up"),
    condition("falling", "falling(close, 3)", "the last n steps are all down"),
    number("prev", "prev(close, 1) > open", "the value n rows before"),
    number("abs", "abs(close - open) > 1", "the absolute value"),
    number("min", "min(open, close) > 1", "the least of all"),
    number("max", "max(open, close) > 1", "the greatest of all"),
    number("+", "open + close > 1", "the sum"),
    number("-", "close - open > 1", "the difference"),
    number("*", "close * 2 > 1", "the product"),
    number("/", "close / open > 1", "the quotient; null where the divisor is 0"),
    number("sum", "sum(volume, 20) > 1", "the sum of the last n values"),
    number(
        "percentRank",
        "percentRank(close, 100) > 90",
        "percent of the n values before this one that are less than or equal to it",
    ),
    number("if", "if(close > open, high, low) > 1", "one of two numbers, by a condition"),
    number(
        "barsSince",
        "barsSince(crossUp(close, ema(close, 20))) > 3",
        "candles since the condition last held, 0 = now; null if it never did",
    ),
    number(
        "valueWhen",
        "valueWhen(close > open, high) > 1",
        "the value when the condition last held; null if it never did",
    ),
    number(
        "countTrue",
        "countTrue(close > open, 10) > 5",
        "how many of the last n candles the condition held on",
    ),
];

#[cfg(test)]
mod tests {
    use model::{Bundle, Limits};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_example_parses() {
        for operator in OPERATORS {
            let request = json!({
                "universalConfig": {
                    "exchange": "x", "ticker": "T", "timeframe": "1h", "balance": 1000,
                    "strategy": {"signals": {"long": operator.example}},
                },
                "dateTimeRanges": [{"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"}],
            });
            let parsed = Bundle::parse(&request, &Limits::default());
            let faults = parsed.err().unwrap_or_default().0;
            let other = faults.iter().find(|fault| fault.code != "unsupported");
            assert_eq!(other, None, "{}", operator.name);
        }
    }
}
