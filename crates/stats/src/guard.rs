//! Guard rails: warnings about a result, as text that a reader understands.

use serde::Serialize;

use crate::daily::YearlyReturn;
use crate::verdict::LEAST_TRADES;

/// Fewer trades than this are a thin basis.
const SOLID_TRADES: u64 = 100;
/// A larger share of the wins in one trade is a warning.
const TRADE_SHARE: f64 = 0.3;

/// How bad a warning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Read the numbers with care.
    Amber,
    /// Do not act on the numbers.
    Red,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardRail {
    /// Stable code: `fewTrades`, `oneTrade`, `oneYear`, `noOutOfSample`, `manyFailed`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The warning, one sentence.
    pub text: String,
}

/// What the warnings are about: the winner of a bundle and the bundle itself.
#[derive(Clone, Copy, Debug)]
pub struct GuardInput<'a> {
    /// Closed trades of the winner.
    pub trades: u64,
    /// Metric `topTradeProfitShare` of the winner, where defined.
    pub top_trade_share: Option<f64>,
    /// [`crate::yearly_returns`] of the winner.
    pub years: &'a [YearlyReturn],
    /// Whether a range that the winner was not chosen on was tested too.
    pub out_of_sample: bool,
    /// Evaluated variants, failed ones included.
    pub evaluated: u64,
    /// Failed variants.
    pub failed: u64,
}

/// The warnings that apply, in a fixed order; empty when none does.
pub fn guard_rails(input: &GuardInput<'_>) -> Vec<GuardRail> {
    [
        few_trades(input),
        one_trade(input),
        one_year(input),
        no_out_of_sample(input),
        many_failed(input),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn few_trades(input: &GuardInput<'_>) -> Option<GuardRail> {
    let trades = input.trades;
    let (severity, text) = match trades {
        ..LEAST_TRADES => (Severity::Red, format!("{trades} trades are too few to judge.")),
        LEAST_TRADES..SOLID_TRADES => (
            Severity::Amber,
            format!("{trades} trades are a thin basis; {SOLID_TRADES} or more are a solid one."),
        ),
        _ => return None,
    };
    Some(GuardRail { code: "fewTrades", severity, text })
}

fn one_trade(input: &GuardInput<'_>) -> Option<GuardRail> {
    let share = input.top_trade_share.filter(|share| *share > TRADE_SHARE)?;
    let text = format!("One trade makes {:.0} % of all that was won.", share * 100.0);
    Some(GuardRail { code: "oneTrade", severity: Severity::Amber, text })
}

fn one_year(input: &GuardInput<'_>) -> Option<GuardRail> {
    let mut profitable = input.years.iter().filter(|year| year.value > 0.0);
    let year = profitable.next()?.year;
    if input.years.len() < 2 || profitable.next().is_some() {
        return None;
    }
    let text = format!("Only {year} made a profit, of {} years.", input.years.len());
    Some(GuardRail { code: "oneYear", severity: Severity::Amber, text })
}

fn no_out_of_sample(input: &GuardInput<'_>) -> Option<GuardRail> {
    let text = "The winner was never tested on a range it was not chosen on.".to_owned();
    let rail = GuardRail { code: "noOutOfSample", severity: Severity::Amber, text };
    (!input.out_of_sample).then_some(rail)
}

fn many_failed(input: &GuardInput<'_>) -> Option<GuardRail> {
    let GuardInput { evaluated, failed, .. } = input;
    let text = format!("{failed} of {evaluated} variants failed: the rest is a selection.");
    let rail = GuardRail { code: "manyFailed", severity: Severity::Red, text };
    (failed * 2 > *evaluated).then_some(rail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: GuardInput<'_> = GuardInput {
        trades: 100,
        top_trade_share: Some(0.3),
        years: &[],
        out_of_sample: true,
        evaluated: 10,
        failed: 5,
    };

    #[track_caller]
    fn check(input: &GuardInput<'_>, expected: &[(&str, Severity, &str)]) {
        let found = guard_rails(input);
        let found: Vec<_> = found.iter().map(|r| (r.code, r.severity, r.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_guard_rail_appears_beyond_its_limit_only() {
        use Severity::{Amber, Red};
        check(&SOUND, &[]);
        check(&GuardInput { top_trade_share: None, ..SOUND }, &[]);
        let text = "29 trades are too few to judge.";
        check(&GuardInput { trades: 29, ..SOUND }, &[("fewTrades", Red, text)]);
        let text = "99 trades are a thin basis; 100 or more are a solid one.";
        check(&GuardInput { trades: 99, ..SOUND }, &[("fewTrades", Amber, text)]);
        let text = "One trade makes 45 % of all that was won.";
        check(&GuardInput { top_trade_share: Some(0.45), ..SOUND }, &[("oneTrade", Amber, text)]);
        let text = "The winner was never tested on a range it was not chosen on.";
        check(&GuardInput { out_of_sample: false, ..SOUND }, &[("noOutOfSample", Amber, text)]);
        let text = "6 of 10 variants failed: the rest is a selection.";
        check(&GuardInput { failed: 6, ..SOUND }, &[("manyFailed", Red, text)]);
    }

    #[test]
    fn profit_in_one_year_of_several_is_named() {
        let year = |year, value| YearlyReturn { year, value };
        let one = [year(2023, -0.1), year(2024, 0.4), year(2025, 0.0)];
        let text = "Only 2024 made a profit, of 3 years.";
        check(&GuardInput { years: &one, ..SOUND }, &[("oneYear", Severity::Amber, text)]);
        check(&GuardInput { years: &one[1..2], ..SOUND }, &[]);
        check(&GuardInput { years: &[year(2023, 0.1), year(2024, 0.4)], ..SOUND }, &[]);
        check(&GuardInput { years: &[year(2023, -0.1), year(2024, -0.4)], ..SOUND }, &[]);
    }
}
