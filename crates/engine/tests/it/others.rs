//! Candles of other tickers: which of them a row reads, and that none is of its future.

use std::sync::Arc;

use engine::{Control, Error, Extras, Input, Monitor, NodeValue, Run, explain, run_batch};
use model::strategy::{Cond, Signals};
use model::{CandleSlice, Candles, JobSpec, TimeRange};
use proptest::prelude::*;

use crate::drawn::{Drawn, MINUTE_MS, Unwatched};
use crate::language::{closes, condition};
use crate::properties::{crossing, uniform, wild};

fn asking(case: &Drawn, long: Cond) -> Drawn {
    case.clone()
        .with(|spec| spec.signals = Arc::new(Signals { long: Some(long), ..Signals::default() }))
}

/// On which candles of `case` the condition holds if `others` are there to be read.
fn truth(case: &Drawn, others: &[(&str, CandleSlice<'_>)], text: &str) -> String {
    let asked = asking(case, condition(text));
    let extras = Extras { others, ..Extras::default() };
    let input = Input { extras, ..asked.input() };
    let range = asked.spec.range;
    let in_range = asked.candles.open_time_ms.iter().filter(|it| **it >= range.start_ms);
    let holds = |time_ms: &i64| {
        explain(&input, &asked.spec, *time_ms).expect("a candle").account.signals.long
    };
    in_range.map(|time_ms| if holds(time_ms) { '1' } else { '.' }).collect()
}

#[track_caller]
fn check(own: &str, other: &str, text: &str, expected: &str) {
    let (own, other) = (closes(own), closes(other));
    assert_eq!(truth(&own, &[("SPY", other.candles.as_slice())], text), expected);
}

#[test]
fn the_last_candle_that_had_closed_is_read() {
    check("1 1 1 1 1", "1 2 3 4 5", "scope(close, ticker: SPY) == 3", "..1..");
    check("1 1 1 1 1", "1 2 3 4 5", "close(ticker: SPY) >= 3", "..111");
}

#[test]
fn a_candle_that_the_other_ticker_lacks_leaves_the_one_before() {
    check("1 1 1 1 1", "1 2 x x 5", "close(ticker: SPY) == 2", ".111.");
    check("1 x x 1 1", "1 2 3 4 5", "close(ticker: SPY) == 4", ".1.");
}

#[test]
fn before_its_first_candle_the_other_ticker_is_null() {
    check("1 1 1 1 1", "x x 3 4 5", "close(ticker: SPY) > 0", "..111");
    check("1 1 1 1 1", "x x 3 4 5", "not (close(ticker: SPY) > 0)", ".....");
}

#[test]
fn a_node_runs_on_the_candles_of_its_ticker() {
    // Rows of the other ticker count inside, rows of the job outside.
    check("1 1 1 1 1 1", "1 2 x x 5 6", "scope(prev(close, 1), ticker: SPY) == 2", "....1.");
    check("1 1 1 1 1 1", "1 2 x x 5 6", "prev(scope(close, ticker: SPY), 1) == 2", "..111.");
    check("1 1 1 1 1 1", "1 2 x x 5 6", "sma(close, 2, ticker: SPY) == 3.5", "....1.");
    check("1 1 1 1 1 1", "1 3 x x 2 6", "crossUp(close(ticker: SPY), 2)", ".1...1");
}

#[test]
fn the_own_ticker_named_inside_another_one_is_the_own_candles() {
    check("1 2 3 4 5", "9 9 9 9 9", "scope(close, ticker: TEST) == 3", "..1..");
    let both = "scope(close - scope(close, ticker: TEST), ticker: SPY)";
    check("1 2 3 4 5", "9 9 9 9 9", &format!("{both} == 6"), "..1..");
    check("1 2 3 4 5", "9 x x 9 9", &format!("{both} == 8"), "111..");
}

#[test]
fn longer_candles_of_another_ticker_read_the_same_whichever_is_named_first() {
    let own = "1 1 1 1 1 1 1 1 1 1 1 1";
    let other = "1 2 3 4 5 6 7 8 9 10 11 12";
    let expected = "....11111...";
    check(own, other, "scope(close == 5, tf: 5m, ticker: SPY)", expected);
    check(own, other, "scope(scope(close == 5, tf: 5m), ticker: SPY)", expected);
    check(own, other, "scope(scope(close == 5, ticker: SPY), tf: 5m)", expected);
    // Both are on five-minute candles.
    check(own, other, "scope(close(ticker: SPY) - close == 4, tf: 5m)", expected);
}

#[test]
fn a_longer_candle_of_another_ticker_is_read_by_the_clock_where_its_rows_are_missing() {
    let own = "1 1 1 1 1 1 1 1";
    check(own, "1 2 x x x x x x", "close(ticker: SPY, tf: 5m) == 2", "....1111");
    check(own, "1 2 x x x 6 7 8", "close(ticker: SPY, tf: 5m) == 2", "....1111");
    check("1 1 1 1", "1 2 x x x 6 7 8", "close(ticker: SPY, tf: 5m) == 2", "....");
}

#[test]
fn rows_of_the_other_ticker_from_before_the_seed_row_are_not_read() {
    let mut own = closes(&vec!["1"; 600].join(" "));
    own.spec.range.start_ms = 590 * MINUTE_MS;
    let other = closes(&vec!["7"; 600].join(" "));
    let others = [("SPY", other.candles.as_slice())];
    // The job asks for 256 candles before minute 590.
    assert_eq!(truth(&own, &others, "scope(prev(close, 256), ticker: SPY) == 7"), "1111111111");
    assert_eq!(truth(&own, &others, "scope(prev(close, 257), ticker: SPY) == 7"), ".111111111");
}

#[test]
fn an_explanation_shows_what_another_ticker_was() {
    let case = asking(
        &closes("1 1 1 1 1 1 1 1 1 1"),
        condition("scope(close > prev(close, 1), ticker: SPY, tf: 2m) and close == 1"),
    );
    let other = closes("1 2 3 x 5 6 7 x x 10");
    let others = [("SPY", other.candles.as_slice())];
    let extras = Extras { others: &others, ..Extras::default() };
    let input = Input { extras, ..case.input() };
    let value = |minute: i64, text: &str| {
        let nodes = explain(&input, &case.spec, minute * MINUTE_MS).unwrap().nodes;
        let found = |node: &NodeValue| node.node.contains(text);
        nodes.iter().rev().find(|node| found(node)).unwrap_or_else(|| panic!("{nodes:?}")).value
    };
    assert_eq!(value(0, "prev"), None);
    assert_eq!(value(4, "prev"), Some(2.0));
    assert_eq!(value(5, "prev"), Some(3.0));
    assert_eq!(value(5, "\"gt\""), Some(1.0));
    assert_eq!(value(5, "SPY"), Some(1.0));
}

#[test]
fn a_ticker_whose_candles_were_not_given_is_refused() {
    let case = asking(&closes("1 1 1"), condition("close(ticker: SPY) > 0"));
    let error = case.try_run().unwrap_err();
    assert!(matches!(&error, Error::NoOtherCandles { series } if series.ticker == "SPY"));
    let levels = closes("1 1 1").with(|spec| {
        let Cond::Compare { left, .. } = condition("atr(2, ticker: QQQ) > 0") else { panic!() };
        spec.money_management.stop = Some(model::settings::Level {
            form: model::settings::LevelForm::Distance(left),
            follow: false,
        });
    });
    assert!(matches!(levels.try_run(), Err(Error::NoOtherCandles { .. })));
}

/// The wild walk of `seed` without some of its candles.
fn thinned(seed: u64, count: usize) -> Candles {
    let candles = wild(seed, count);
    let mut state = seed ^ 0x9e37_79b9;
    let rows = 0..candles.len();
    rows.filter(|_| uniform(&mut state) < 0.8).map(|row| candles.as_slice().candle(row)).collect()
}

/// Trades the own ticker by what another one did.
fn across(own: Candles) -> Drawn {
    crossing(own, 5.0, 20.0).with(|spec| {
        let mirrored = "crossDown(ema(close, 5, ticker: SPY), ema(close, 20, ticker: SPY))";
        spec.signals = Arc::new(Signals {
            long: Some(condition(
                "crossUp(ema(close, 5, ticker: SPY), ema(close, 20, ticker: SPY)) and \
                 close(ticker: SPY, tf: 15m) > sma(close, 3, ticker: SPY, tf: 15m)",
            )),
            short: Some(condition(mirrored)),
            exit_long: Some(condition("scope(rsi(close, 14) - close(ticker: SPY), tf: 5m) > 0")),
            exit_short: None,
        });
    })
}

fn run(case: &Drawn, other: CandleSlice<'_>) -> Run {
    runs(case, other, &[&case.spec], &Unwatched).remove(0).expect("it runs")
}

fn runs(
    case: &Drawn,
    other: CandleSlice<'_>,
    specs: &[&JobSpec],
    monitor: &impl Monitor,
) -> Vec<Result<Run, Error>> {
    let others = [("QQQ", case.candles.as_slice()), ("SPY", other)];
    let extras = Extras { others: &others, ..Extras::default() };
    run_batch(&Input { extras, ..case.input() }, specs, monitor)
}

#[test]
fn the_walk_by_another_ticker_trades_enough_to_prove_something() {
    let case = across(thinned(1, 900));
    assert!(run(&case, thinned(2, 900).as_slice()).outcome.fills.len() > 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn hiding_the_future_of_both_tickers_never_changes_the_past(seed: u64, cut in 200_usize..600) {
        let (own, other) = (thinned(seed, 900), thinned(seed ^ 1, 900));
        let whole = across(own);
        let cut_ms = whole.candles.open_time_ms[cut];
        let before = |candles: &Candles| {
            let candles = candles.as_slice();
            candles.rows(0..candles.lower_bound(cut_ms)).to_candles()
        };
        let mut truncated = whole.clone();
        truncated.candles = before(&whole.candles);
        truncated.spec.range.end_ms = cut_ms;
        let fills = run(&whole, other.as_slice()).outcome.fills;
        let past: Vec<_> = fills.into_iter().filter(|fill| fill.time_ms < cut_ms).collect();
        let hidden = run(&truncated, before(&other).as_slice());
        prop_assert_eq!(&hidden.outcome.fills, &past);
        // What lies behind the end of the range is not read either.
        prop_assert_eq!(run(&truncated, other.as_slice()), hidden);
    }

    #[test]
    fn one_variant_alone_is_the_same_variant_in_a_batch_with_others(seed: u64) {
        let case = across(thinned(seed, 900));
        let other = thinned(seed ^ 1, 900);
        let plain = crossing(case.candles.clone(), 5.0, 20.0).spec;
        let mut longer = case.spec.clone();
        longer.warmup = 512;
        let specs = [&case.spec, &plain, &longer, &case.spec];
        let together = runs(&case, other.as_slice(), &specs, &Unwatched);
        for (spec, together) in specs.into_iter().zip(&together) {
            let alone = runs(&case, other.as_slice(), &[spec], &Unwatched).remove(0);
            prop_assert_eq!(&alone, together);
        }
    }

    #[test]
    fn a_ticker_with_the_own_candles_is_the_own_candles(seed: u64) {
        let case = crossing(thinned(seed, 700), 5.0, 20.0);
        let mut named = case.clone();
        let scoped = |cond: &Option<Cond>| {
            cond.clone().map(|of| Cond::Scope {
                tf: None,
                ticker: Some("QQQ".to_owned()),
                of: Box::new(of),
            })
        };
        let Signals { long, short, exit_long, exit_short } = &*case.spec.signals;
        named.spec.signals = Arc::new(Signals {
            long: scoped(long),
            short: scoped(short),
            exit_long: scoped(exit_long),
            exit_short: scoped(exit_short),
        });
        let expected = case.run();
        prop_assert_eq!(run(&named, case.candles.as_slice()), expected);
    }
}

/// Stops at once.
struct Never;

impl Monitor for Never {
    fn progress(&self, _: usize, _: usize) -> Control {
        Control::Stop
    }
}

#[test]
fn a_range_without_candles_of_its_own_has_no_outcome_whatever_others_hold() {
    let mut case = across(thinned(1, 300));
    case.spec.range = TimeRange { start_ms: 900 * MINUTE_MS, end_ms: 901 * MINUTE_MS };
    let results = runs(&case, wild(2, 1_000).as_slice(), &[&case.spec], &Never);
    assert_eq!(results, [Err(Error::NoCandles)]);
}
