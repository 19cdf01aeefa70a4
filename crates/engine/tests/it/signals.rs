//! When a signal is read and what it does (docs/concepts/fills.md).

use model::SkipReason;
use model::settings::AllowedSides;

use crate::drawn::{drawn, skipped};

#[test]
fn a_signal_fills_at_the_next_open_not_at_its_own_close() {
    drawn("9 11 9 10 L | 12 15 12 14 l | 13 16 13 15")
        .check(&["1 buy 12 Entry", "2 sell 13 Signal"]);
}

#[test]
fn the_first_signal_is_the_close_of_the_first_candle_of_the_range() {
    let mut case = drawn("9 9 9 9 L | 9 9 9 9 L | 10 10 10 10 | 11 11 11 11");
    case.spec.range.start_ms = 60_000;
    let run = case.check(&["2 buy 10 Entry"]);
    assert_eq!(run.candles, 3);
    assert_eq!((run.warmup.asked, run.warmup.got), (256, 1));
}

#[test]
fn a_range_starts_with_the_first_candle_at_or_after_it() {
    let mut case = drawn("9 9 9 9 L | 9 9 9 9 L | 10 10 10 10 | 11 11 11 11");
    case.spec.range.start_ms = 30_000;
    case.check(&["2 buy 10 Entry"]);
}

#[test]
fn a_signal_on_the_last_candle_is_dropped_and_counted() {
    let run = drawn("9 9 9 9 | 9 9 9 9 L").check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::LastCandle, 1)]);
}

#[test]
fn an_exit_on_the_last_candle_is_dropped_and_the_position_stays_open() {
    let run = drawn("9 9 9 9 L | 9 9 9 9 l").check(&["1 buy 9 Entry"]);
    assert!(run.outcome.open_position.is_some());
    assert_eq!(skipped(&run), []);
}

#[test]
fn a_flip_on_the_last_candle_is_counted_as_its_entry() {
    let run = drawn("9 9 9 9 L | 9 9 9 9 S").check(&["1 buy 9 Entry"]);
    assert_eq!(skipped(&run), [(SkipReason::LastCandle, 1)]);
}

#[test]
fn a_signal_of_the_side_that_is_held_is_ignored() {
    drawn("9 9 9 9 L | 9 9 9 9 L | 9 9 9 9 L | 8 8 8 8").check(&["1 buy 9 Entry"]);
}

#[test]
fn long_and_short_at_once_make_no_entry_and_are_counted() {
    let run = drawn("9 9 9 9 LS | 9 9 9 9 LS | 9 9 9 9").check(&[]);
    assert_eq!(run.outcome.counts.conflicts, 2);
}

#[test]
fn a_conflict_does_not_flip_but_an_exit_beside_it_acts() {
    let run = drawn("9 9 9 9 L | 9 9 9 9 LS | 8 8 8 8 LSl | 7 7 7 7");
    let run = run.check(&["1 buy 9 Entry", "3 sell 7 Signal"]);
    assert_eq!(run.outcome.counts.conflicts, 2);
}

#[test]
fn an_entry_together_with_its_own_exit_is_none() {
    let run = drawn("9 9 9 9 Ll | 9 9 9 9 Ss | 9 9 9 9").check(&[]);
    assert_eq!(skipped(&run), []);
}

#[test]
fn an_entry_together_with_the_exit_of_the_other_side_is_one() {
    drawn("9 9 9 9 Ls | 9 9 9 9 | 9 9 9 9").check(&["1 buy 9 Entry"]);
}

#[test]
fn an_opposite_signal_flips_exit_and_entry_at_the_same_open() {
    drawn("9 9 9 9 L | 9 9 9 9 S | 8 8 8 8 | 8 8 8 8").check(&[
        "1 buy 9 Entry",
        "2 sell 8 Flip",
        "2 sell 8 Entry",
    ]);
}

#[test]
fn an_opposite_signal_with_the_exit_of_the_held_side_is_a_flip() {
    drawn("9 9 9 9 L | 9 9 9 9 Sl | 8 8 8 8 | 8 8 8 8").check(&[
        "1 buy 9 Entry",
        "2 sell 8 Flip",
        "2 sell 8 Entry",
    ]);
}

#[test]
fn an_opposite_signal_does_nothing_without_flip_position() {
    drawn("9 9 9 9 L | 9 9 9 9 S | 8 8 8 8 Sl | 7 7 7 7 | 7 7 7 7")
        .with(|spec| spec.risk.flip_position = false)
        .check(&["1 buy 9 Entry", "3 sell 7 Signal"]);
}

#[test]
fn the_close_of_the_exit_candle_may_signal_an_entry_again() {
    drawn("9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 7 7 7 7").check(&[
        "1 buy 9 Entry",
        "2 sell 8 Signal",
        "3 buy 7 Entry",
    ]);
}

#[test]
fn a_direction_takes_the_signals_of_the_other_side_away() {
    let case = drawn("9 9 9 9 LS | 9 9 9 9 S | 8 8 8 8 l | 7 7 7 7 S | 6 6 6 6");
    let long = case.clone().with(|spec| spec.risk.direction = AllowedSides::Long);
    let run = long.check(&["1 buy 9 Entry", "3 sell 7 Signal"]);
    assert_eq!(run.outcome.counts.conflicts, 0);
    let short = case.with(|spec| spec.risk.direction = AllowedSides::Short);
    short.check(&["1 sell 9 Entry"]);
}

#[test]
fn no_candle_in_the_range_is_an_error() {
    let mut case = drawn("9 9 9 9 L | 9 9 9 9");
    case.spec.range.start_ms = 120_000;
    case.spec.range.end_ms = 180_000;
    assert_eq!(case.try_run(), Err(engine::Error::NoCandles));
}
