//! Does the winner of a sweep beat luck? One verdict, and one plain sentence.
//!
//! The winner beats luck when PSR(0)^N >= 0.95 (Sidak; [`SharpeSample::beats_all`]), it has at least 30 trades, and the same
//! holds for its returns less beta x the returns of buy and hold. N counts every evaluated variant,
//! also those that failed or have no Sharpe ratio. DSR and PBO inform; they never decide.

use serde::Serialize;

use crate::luck::{CONFIDENCE, LuckBar, SharpeSample};
use crate::moments::slope;
use crate::reason::Undefined;

/// Fewer trades are too few to judge.
pub(crate) const LEAST_TRADES: u64 = 30;
/// From this plateau score on the neighbours of a cell agree with it.
const STABLE: f64 = 0.7;

/// One evaluated variant that has returns.
#[derive(Clone, Copy, Debug)]
pub struct Variant<'a> {
    /// Its daily returns.
    pub returns: &'a [f64],
    /// Daily returns of buy and hold of its series, on the same days.
    pub benchmark: &'a [f64],
    /// Its closed trades.
    pub trades: u64,
}

/// What is said about the winner of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It beats luck, also without the market's part.
    BeatsLuck,
    /// It beats luck only with the market's part.
    Market,
    /// It beats luck, on fewer than 30 trades.
    TooFewTrades,
    /// It does not beat luck.
    Luck,
}

/// The verdict with the numbers behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// PSR(0)^N of the returns ([`SharpeSample::beats_all`]).
    pub beats_all: f64,
    /// Beta of the returns to buy and hold; 0 when buy and hold never moved.
    pub beta: f64,
    /// PSR(0)^N of the returns less beta x buy and hold; 0 when nothing is left that varies.
    pub beats_all_without_market: f64,
}

/// Index of the variant with the highest Sharpe ratio over `risk_free` (per day); the lowest index
/// on ties, `None` when no variant has one.
pub fn winner(variants: &[Variant<'_>], risk_free: f64) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, variant) in variants.iter().enumerate() {
        let Ok(sample) = SharpeSample::of(variant.returns, risk_free) else { continue };
        if best.is_none_or(|(_, sharpe)| sample.sharpe > sharpe) {
            best = Some((index, sample.sharpe));
        }
    }
    best.map(|(index, _)| index)
}

/// Judges the winner among `evaluated` variants; `risk_free` is per day.
///
/// `no_variance` or `too_few_returns` when it has no Sharpe ratio, `no_benchmark` when the returns
/// of buy and hold do not cover the same days.
pub fn judge(winner: &Variant<'_>, evaluated: u64, risk_free: f64) -> Result<Judgement, Undefined> {
    let Variant { returns, benchmark, trades } = *winner;
    if returns.len() != benchmark.len() {
        return Err(Undefined::NoBenchmark);
    }
    let beats_all = SharpeSample::of(returns, risk_free)?.beats_all(evaluated);
    let beta = slope(benchmark, returns).unwrap_or(0.0);
    let rest: Vec<f64> = returns.iter().zip(benchmark).map(|(r, b)| r - beta * b).collect();
    let rest = SharpeSample::of(&rest, risk_free * (1.0 - beta));
    let beats_all_without_market = rest.map_or(0.0, |sample| sample.beats_all(evaluated));
    let verdict = if beats_all < CONFIDENCE || !beats_all.is_finite() {
        Verdict::Luck
    } else if trades < LEAST_TRADES {
        Verdict::TooFewTrades
    } else if beats_all_without_market >= CONFIDENCE {
        Verdict::BeatsLuck
    } else {
        Verdict::Market
    };
    Ok(Judgement { verdict, beats_all, beta, beats_all_without_market })
}

/// What the sentence is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SentenceInput {
    /// The verdict; `Err` when there is none.
    pub verdict: Result<Verdict, Undefined>,
    /// N, every evaluated variant.
    pub evaluated: u64,
    /// Annual Sharpe ratio of the winner.
    pub sharpe: f64,
    /// Luck lines for N.
    pub bar: LuckBar,
    /// Plateau score of the winner, where the sweep is a grid.
    pub winner_plateau: Option<f64>,
    /// Plateau score of the best cell by plateau, when that is another one.
    pub region_plateau: Option<f64>,
}

/// The one plain sentence about a sweep.
///
/// The first rule that holds: no verdict; luck; too few trades; the market; beats luck, but its
/// plateau score is below 0.7 while the best cell by plateau has 0.7 or more; beats luck with a
/// score below 0.7; beats luck.
pub fn sentence(input: &SentenceInput) -> String {
    let SentenceInput { evaluated, sharpe, bar, .. } = input;
    let lucky = match evaluated {
        1 => "a variant without skill".to_owned(),
        _ => format!("the best of {evaluated} variants without skill"),
    };
    let stable = |score: Option<f64>| score.map(|score| score >= STABLE);
    match input.verdict {
        Err(_) => {
            "There is nothing to judge: a verdict needs at least 4 daily returns that vary.".to_owned()
        }
        Ok(Verdict::Luck) => format!(
            "The winner does not beat luck: it has a Sharpe ratio of {sharpe:.2}, where \
             {lucky} is expected to show {:.2} and may well show {:.2}.",
            bar.expected_best, bar.line95
        ),
        Ok(Verdict::TooFewTrades) => format!(
            "The winner has fewer than {LEAST_TRADES} trades: too few to judge, however good they look."
        ),
        Ok(Verdict::Market) => {
            "This is the market, not the strategy: without the part that buy and hold explains, the \
             winner does not beat luck."
                .to_owned()
        }
        Ok(Verdict::BeatsLuck) => {
            match (stable(input.winner_plateau), stable(input.region_plateau)) {
                (Some(false), Some(true)) => {
                    "The region is stable, the point is not: the winner beats luck, but its \
                     neighbours do not follow; prefer the best cell by plateau."
                        .to_owned()
                }
                (Some(false), _) => {
                    "The winner beats luck, but its neighbours do not follow: expect less than it \
                     shows."
                        .to_owned()
                }
                (Some(true) | None, _) => format!(
                    "The winner beats luck: {lucky} stays \
                     below it at least 95 times in 100."
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[track_caller]
    fn check(returns: &[f64], benchmark: &[f64], trades: u64, variants: u64, expected: Verdict) {
        let variant = Variant { returns, benchmark, trades };
        assert_eq!(judge(&variant, variants, 0.0).unwrap().verdict, expected);
    }

    #[test]
    fn each_verdict_has_its_rule() {
        let skill = golden::returns(1, golden::DAYS, 0.004, 0.04);
        let noise = golden::returns(2, golden::DAYS, 0.0, 0.04);
        check(&skill, &noise, 100, 100, Verdict::BeatsLuck);
        check(&skill, &noise, 29, 100, Verdict::TooFewTrades);
        check(&skill, &skill, 100, 100, Verdict::Market);
        check(&noise, &skill, 100, 100, Verdict::Luck);
        let levered: Vec<f64> = skill.iter().map(|value| value * 3.0).collect();
        check(&levered, &skill, 100, 100, Verdict::Market);
        check(&skill, &vec![0.0; golden::DAYS], 100, 100, Verdict::BeatsLuck);
    }

    #[test]
    fn more_variants_raise_the_bar() {
        let series = golden::returns(5, golden::DAYS, 0.0022, 0.04);
        let noise = golden::returns(2, golden::DAYS, 0.0, 0.04);
        check(&series, &noise, 100, 1, Verdict::BeatsLuck);
        check(&series, &noise, 100, 1_000_000, Verdict::Luck);
    }

    #[test]
    fn without_ratio_or_benchmark_there_is_no_verdict() {
        let judged =
            |returns, benchmark| judge(&Variant { returns, benchmark, trades: 99 }, 9, 0.0);
        assert_eq!(judged(&[0.0, 0.0], &[0.0, 0.0]), Err(Undefined::NoVariance));
        assert_eq!(judged(&[0.1, 0.2], &[0.0, 0.0]), Err(Undefined::TooFewReturns));
        assert_eq!(judged(&[0.1, 0.2], &[]), Err(Undefined::NoBenchmark));
    }

    #[test]
    fn the_winner_has_the_highest_ratio_and_the_lowest_index() {
        let (low, high) = (golden::returns(1, 60, 0.0, 0.04), golden::returns(1, 60, 0.01, 0.04));
        let flat = vec![0.0; 60];
        let variant = |returns| Variant { returns, benchmark: &flat, trades: 50 };
        let variants = [&flat, &low, &high, &high].map(|returns| variant(returns));
        assert_eq!(winner(&variants, 0.0), Some(2));
        assert_eq!(winner(&variants[..1], 0.0), None);
        assert_eq!(winner(&[], 0.0), None);
    }

    #[track_caller]
    fn check_sentence(
        verdict: Result<Verdict, Undefined>,
        winner_plateau: Option<f64>,
        region_plateau: Option<f64>,
        start: &str,
    ) {
        let bar = LuckBar { expected_best: 1.46, line95: 1.9 };
        let input = SentenceInput {
            verdict,
            evaluated: 100,
            sharpe: 1.2,
            bar,
            winner_plateau,
            region_plateau,
        };
        let found = sentence(&input);
        assert!(found.starts_with(start) && found.ends_with('.'), "{found}");
        assert!(!found.contains("  "), "{found}");
    }

    #[test]
    fn one_sentence_says_it() {
        check_sentence(Err(Undefined::NoVariance), None, None, "There is nothing to judge");
        check_sentence(
            Ok(Verdict::Luck),
            None,
            None,
            "The winner does not beat luck: it has a Sharpe ratio of 1.20",
        );
        check_sentence(
            Ok(Verdict::TooFewTrades),
            None,
            None,
            "The winner has fewer than 30 trades",
        );
        check_sentence(
            Ok(Verdict::Market),
            Some(1.0),
            None,
            "This is the market, not the strategy",
        );
        let wins = Ok(Verdict::BeatsLuck);
        check_sentence(wins, Some(0.2), Some(0.9), "The region is stable, the point is not");
        check_sentence(wins, Some(0.2), Some(0.3), "The winner beats luck, but its neighbours");
        check_sentence(wins, Some(0.2), None, "The winner beats luck, but its neighbours");
        check_sentence(wins, Some(0.9), None, "The winner beats luck: the best of 100 variants");
        check_sentence(wins, None, None, "The winner beats luck: the best of 100 variants");
    }

    #[test]
    fn one_variant_is_no_best_of_many() {
        let bar = LuckBar { expected_best: 0.0, line95: 0.36 };
        let alone = SentenceInput {
            verdict: Ok(Verdict::Luck),
            evaluated: 1,
            sharpe: 0.26,
            bar,
            winner_plateau: None,
            region_plateau: None,
        };
        let expected = "The winner does not beat luck: it has a Sharpe ratio of 0.26, where a variant \
                        without skill is expected to show 0.00 and may well show 0.36.";
        assert_eq!(sentence(&alone), expected);
    }
}
