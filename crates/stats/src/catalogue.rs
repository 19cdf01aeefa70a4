//! The catalogue of metrics: id, definition, unit and the reasons for having no value.

use std::fmt::Write;

use crate::reason::Undefined;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share or return: 0.05 is 5 %.
    Fraction,
    /// A number without unit.
    Ratio,
    /// 5 is 5 %.
    Percent,
    /// Money, in the quote currency.
    Quote,
    /// Clock days.
    Days,
    /// Daily returns.
    Returns,
    /// Clock minutes.
    Minutes,
    /// A whole number.
    Count,
    /// 0 to 1.
    Probability,
}

impl Unit {
    /// Its word in the documentation.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fraction => "fraction",
            Self::Ratio => "ratio",
            Self::Percent => "percent",
            Self::Quote => "quote",
            Self::Days => "days",
            Self::Returns => "daily returns",
            Self::Minutes => "minutes",
            Self::Count => "count",
            Self::Probability => "probability",
        }
    }
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its id in JSON, for ever.
    pub id: &'static str,
    /// Its name on the page.
    pub label: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// How it is computed.
    pub definition: &'static str,
    /// Whether it is scaled to a year and thus flagged below 30 returns.
    pub annualised: bool,
    /// Why it may be undefined; besides these any metric may be `not_finite`.
    pub undefined: &'static [Undefined],
}

const fn metric(
    id: &'static str,
    label: &'static str,
    unit: Unit,
    undefined: &'static [Undefined],
    definition: &'static str,
) -> Metric {
    Metric { id, label, unit, definition, annualised: false, undefined }
}

const fn annual(
    id: &'static str,
    label: &'static str,
    unit: Unit,
    undefined: &'static [Undefined],
    definition: &'static str,
) -> Metric {
    Metric { id, label, unit, definition, annualised: true, undefined }
}

use Undefined::{
    NoBenchmark, NoCandles, NoDays, NoDrawdown, NoLosses, NoTrades, NoVariance, NoWins,
    NotPositive, Ruined, TooFewReturns, TooFewTrades,
};
use Unit::{Count, Days, Fraction, Minutes, Percent, Probability, Quote, Ratio, Returns};

/// Every metric, in the order of the reference page.
pub const CATALOGUE: &[Metric] = &[
    metric(
        "totalReturn",
        "Total return",
        Fraction,
        &[NoDays],
        "E_end / E_0 - 1, E_0 the starting cash.",
    ),
    annual(
        "cagr",
        "CAGR",
        Fraction,
        &[NoDays, Ruined],
        "(E_end / E_0)^(P / n) - 1; -1 where nothing is left.",
    ),
    annual(
        "cagrCalendar",
        "CAGR (calendar)",
        Fraction,
        &[NoDays, Ruined],
        "(E_end / E_0)^(365.25 / days of the range) - 1.",
    ),
    annual("volatility", "Volatility", Fraction, &[TooFewReturns], "s sqrt(P)."),
    annual("sharpe", "Sharpe ratio", Ratio, &[NoVariance], "mean(r - rf) / s sqrt(P)."),
    annual(
        "sortino",
        "Sortino ratio",
        Ratio,
        &[NoVariance, NoLosses],
        "mean(r - rf) / sqrt(sum(min(r - rf, 0)^2) / n) sqrt(P); all n days in the denominator.",
    ),
    metric(
        "maxDrawdown",
        "Maximum drawdown",
        Fraction,
        &[NoCandles],
        "min_t(E_t / max_(u <= t) E_u - 1) at every candle close, starting cash included; <= 0.",
    ),
    metric(
        "maxDrawdownDaily",
        "Maximum drawdown (daily)",
        Fraction,
        &[NoDays],
        "The same on the daily marks.",
    ),
    metric(
        "drawdownDurationDays",
        "Longest drawdown",
        Days,
        &[NoCandles],
        "Longest clock time from a peak of candle-level equity to its recovery, or to the end.",
    ),
    metric(
        "timeUnderWater",
        "Time under water",
        Fraction,
        &[NoCandles],
        "Candle closes more than 1e-12 of it below the running peak of equity / candles.",
    ),
    annual(
        "calmar",
        "Calmar ratio",
        Ratio,
        &[NoDays, NoVariance, NoDrawdown, Ruined],
        "cagr / abs(maxDrawdownDaily), over the whole range.",
    ),
    metric(
        "recoveryFactor",
        "Recovery factor",
        Ratio,
        &[NoDays, NoVariance, NoDrawdown],
        "totalReturn / abs(maxDrawdownDaily).",
    ),
    metric(
        "omega",
        "Omega(0)",
        Ratio,
        &[NoVariance, NoLosses],
        "sum(max(r - theta, 0)) / sum(max(theta - r, 0)) at the threshold theta = 0.",
    ),
    metric(
        "ulcerIndex",
        "Ulcer index",
        Fraction,
        &[TooFewReturns],
        "sqrt(sum(d^2) / (n - 1)), d the daily drawdowns.",
    ),
    metric(
        "upi",
        "Ulcer performance index",
        Ratio,
        &[NoDays, NoVariance, NoDrawdown],
        "totalReturn / ulcerIndex.",
    ),
    metric(
        "var95",
        "Value at risk 95 %",
        Fraction,
        &[TooFewReturns],
        "5th percentile of r, linear between order statistics.",
    ),
    metric(
        "cvar95",
        "Expected shortfall 95 %",
        Fraction,
        &[TooFewReturns],
        "Mean of the floor(0.05 (n - 1)) + 1 lowest r.",
    ),
    metric(
        "var95Gaussian",
        "Value at risk 95 % (Gaussian)",
        Fraction,
        &[TooFewReturns],
        "m + s Phi^-1(0.05).",
    ),
    metric(
        "tailRatio",
        "Tail ratio",
        Ratio,
        &[NoVariance, NoLosses],
        "abs(95th percentile of r / 5th percentile of r).",
    ),
    metric(
        "skew",
        "Skewness",
        Ratio,
        &[TooFewReturns, NoVariance],
        "Adjusted Fisher-Pearson G1 of r; needs 3 returns.",
    ),
    metric(
        "kurtosis",
        "Excess kurtosis",
        Ratio,
        &[TooFewReturns, NoVariance],
        "Adjusted G2 of r, 0 for a normal; needs 4 returns.",
    ),
    metric(
        "stability",
        "Stability",
        Ratio,
        &[NoVariance, Ruined],
        "R^2 of the cumulative log returns on time.",
    ),
    metric(
        "psr",
        "Probabilistic Sharpe ratio",
        Probability,
        &[NoVariance, TooFewReturns],
        "Phi(SR sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)): probability that the true Sharpe ratio is above 0; SR per day, g3 = skew, g4 = kurtosis + 3.",
    ),
    metric(
        "minTrl",
        "Minimum track record",
        Returns,
        &[NoVariance, TooFewReturns, NotPositive],
        "1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (1.645 / SR)^2: returns needed until psr reaches 0.95.",
    ),
    metric(
        "exposure",
        "Exposure",
        Fraction,
        &[NoCandles],
        "Candles with an open position / candles; entry and exit candles count.",
    ),
    metric(
        "turnover",
        "Turnover",
        Ratio,
        &[NoDays, Ruined],
        "sum(quantity x price) of all fills / mean daily equity, over the whole range.",
    ),
    metric("feesPaid", "Fees paid", Quote, &[], "Fees of all fills."),
    metric(
        "fundingPaid",
        "Funding paid",
        Quote,
        &[],
        "Funding of all positions; negative when more was received than paid.",
    ),
    metric("trades", "Trades", Count, &[], "Closed trades, N."),
    metric(
        "winRate",
        "Win rate",
        Fraction,
        &[NoTrades],
        "Trades with pnl > 0 / N; pnl is net of fees and funding, zero is neither won nor lost.",
    ),
    metric(
        "profitFactor",
        "Profit factor",
        Ratio,
        &[NoTrades, NoLosses],
        "sum(wins) / abs(sum(losses)), in money.",
    ),
    metric("expectancy", "Expectancy", Quote, &[NoTrades], "Mean pnl of a trade."),
    metric(
        "expectancyR",
        "Expectancy ratio",
        Ratio,
        &[NoTrades, NoLosses, NoWins],
        "(1 + payoff) winRate - 1.",
    ),
    metric("payoff", "Payoff", Ratio, &[NoTrades, NoLosses, NoWins], "Average win / average loss."),
    metric(
        "kelly",
        "Kelly fraction",
        Fraction,
        &[NoTrades, NoLosses, NoWins],
        "winRate - (1 - winRate) / payoff.",
    ),
    metric(
        "sqn",
        "System quality number",
        Ratio,
        &[NoTrades, TooFewTrades, NoVariance],
        "sqrt(N) mean(pnl) / sample deviation of pnl.",
    ),
    metric(
        "sqnCapped",
        "System quality number (capped)",
        Ratio,
        &[NoTrades, TooFewTrades, NoVariance],
        "The same with sqrt(min(N, 100)).",
    ),
    metric(
        "longestWinStreak",
        "Longest winning streak",
        Count,
        &[],
        "Most wins in a row; a zero result neither extends nor ends a streak.",
    ),
    metric("longestLossStreak", "Longest losing streak", Count, &[], "Most losses in a row."),
    metric(
        "avgHoldingMinutes",
        "Average holding time",
        Minutes,
        &[NoTrades],
        "Mean time from the candle of the entry to the candle of the last exit.",
    ),
    metric(
        "medianHoldingMinutes",
        "Median holding time",
        Minutes,
        &[NoTrades],
        "Median of the same.",
    ),
    metric(
        "mae",
        "Average adverse excursion",
        Percent,
        &[NoTrades],
        "Mean over trades of the worst move against the trade, in percent of its entry price; <= 0. Of the exit candle only the exit price counts.",
    ),
    metric(
        "mfe",
        "Average favourable excursion",
        Percent,
        &[NoTrades],
        "Mean over trades of the best move for the trade, in percent of its entry price; >= 0.",
    ),
    metric(
        "bestTradePct",
        "Best trade",
        Percent,
        &[NoTrades],
        "Highest returnPct: pnl in percent of the initial margin.",
    ),
    metric("worstTradePct", "Worst trade", Percent, &[NoTrades], "Lowest returnPct."),
    metric(
        "topTradeProfitShare",
        "Share of the best trade",
        Fraction,
        &[NoTrades, NoWins],
        "Largest win / sum of all wins.",
    ),
    metric(
        "top5ProfitShare",
        "Share of the best five trades",
        Fraction,
        &[NoTrades, NoWins],
        "Five largest wins / sum of all wins.",
    ),
    metric("longTrades", "Long trades", Count, &[], "Closed long trades."),
    metric("shortTrades", "Short trades", Count, &[], "Closed short trades."),
    metric("longPnl", "Long result", Quote, &[], "Sum of pnl of the long trades."),
    metric("shortPnl", "Short result", Quote, &[], "Sum of pnl of the short trades."),
    metric(
        "buyAndHoldReturn",
        "Buy and hold",
        Fraction,
        &[NoBenchmark],
        "Last close / first open of the range - 1.",
    ),
    annual(
        "alpha",
        "Alpha",
        Fraction,
        &[NoBenchmark, NoVariance],
        "(mean(r - rf) - beta mean(b - rf)) P, b the daily returns of buy and hold.",
    ),
    metric("beta", "Beta", Ratio, &[NoBenchmark, NoVariance], "cov(r, b) / var(b)."),
];

/// `docs/reference/metrics.md`, whole.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         <!-- Generated from the catalogue in crates/stats; a test compares them. -->\n\n\
         Equity is marked at every candle close. r are the n daily returns, E_t / E_(t-1) - 1, the\n\
         first one relative to the starting cash E_0; m is their mean, s their sample deviation,\n\
         P the days in a year of the series' calendar (24x7: 365, 24x5: 260, session: 252) and rf\n\
         the risk-free rate per day, (1 + rf)^(1/P) - 1, by default 0. Candles of a week are marked\n\
         once a week instead, with P = 52.\n\n\
         A metric that is not defined is null in `metrics`; `undefined` then holds the reason. Counts are\n\
         whole numbers.\n\
         Returns that differ by less than 1e-14 count as equal. Metrics marked with * are scaled to\n\
         a year; with fewer than 30 returns the warning `fewReturns` says not to trust them.\n\n\
         | id | name | unit | definition | undefined when |\n\
         |---|---|---|---|---|\n",
    );
    for metric in CATALOGUE {
        let star = if metric.annualised { "*" } else { "" };
        let codes: Vec<_> =
            metric.undefined.iter().map(|why| format!("`{}`", why.code())).collect();
        let codes = if codes.is_empty() { "never".to_owned() } else { codes.join(", ") };
        let Metric { id, label, definition, .. } = metric;
        let unit = metric.unit.word();
        writeln!(page, "| `{id}`{star} | {label} | {unit} | {definition} | {codes} |")
            .expect("a string takes every write");
    }
    page.push_str("\n## Reasons\n\n| code | meaning |\n|---|---|\n");
    for reason in Undefined::ALL {
        writeln!(page, "| `{}` | {} |", reason.code(), reason.meaning())
            .expect("a string takes every write");
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_camel_case_and_documented() {
        let ids: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.id).collect();
        assert_eq!(ids.len(), CATALOGUE.len());
        for metric in CATALOGUE {
            assert!(metric.id.chars().all(|c| c.is_ascii_alphanumeric()), "{}", metric.id);
            assert!(metric.definition.ends_with('.') && !metric.definition.contains('|'));
        }
    }

    #[test]
    fn the_page_has_a_row_for_every_metric_and_reason() {
        let page = reference_markdown();
        for metric in CATALOGUE {
            assert!(page.contains(&format!("\n| `{}`", metric.id)));
        }
        for reason in Undefined::ALL {
            assert!(page.contains(&format!("\n| `{}` | {}", reason.code(), reason.meaning())));
        }
    }
}
