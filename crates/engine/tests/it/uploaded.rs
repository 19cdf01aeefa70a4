//! Uploaded signals: what each value makes of each close.

use engine::{Error, Extras, Input, Run, explain, run_batch};
use model::settings::AllowedSides;
use model::{Digest, FillReason, SignalSlice, SkipReason};

use crate::drawn::{Drawn, MINUTE_MS, Unwatched, drawn, fills, pct, skipped};

/// Candles without signals of their own that open at `opens`; `-` is a missing one.
fn flat(opens: &str) -> Drawn {
    let candles: Vec<String> = opens
        .split_whitespace()
        .map(|open| if open == "-" { open.to_owned() } else { [open; 4].join(" ") })
        .collect();
    drawn(&candles.join(" | ")).with(|spec| spec.signal_column = Some(Digest([7; 32])))
}

/// Values by minute, `.` = no row.
fn column(text: &str) -> (Vec<i64>, Vec<i8>) {
    let rows = text.split_whitespace().zip(0..).filter(|(word, _)| *word != ".");
    rows.map(|(word, minute)| (minute * MINUTE_MS, word.parse::<i8>().expect("a value"))).unzip()
}

fn with_column<T>(case: &Drawn, text: &str, then: impl FnOnce(&Input<'_>) -> T) -> T {
    let (times, values) = column(text);
    let signals = SignalSlice { open_time_ms: &times, values: &values };
    let extras = Extras { signals: Some(signals), ..Extras::default() };
    then(&Input { extras, ..case.input() })
}

#[track_caller]
fn check(case: &Drawn, text: &str, expected: &[&str]) -> Run {
    let run = with_column(case, text, |input| {
        run_batch(input, &[&case.spec], &Unwatched).remove(0).expect("it runs")
    });
    assert_eq!(fills(&run), expected, "{text}");
    run
}

#[test]
fn a_value_is_read_at_the_close_and_filled_at_the_next_open() {
    check(&flat("10 11 12 13 14"), "0 1 1 0 0", &["2 buy 12 Entry", "4 sell 14 Signal"]);
    check(&flat("10 11 12 13 14"), "0 -1 -1 0 0", &["2 sell 12 Entry", "4 buy 14 Signal"]);
}

#[test]
fn a_candle_without_a_row_is_flat() {
    check(&flat("10 11 12 13 14"), ". 1 1 . .", &["2 buy 12 Entry", "4 sell 14 Signal"]);
    check(&flat("10 11 12 13 14"), ". . . . .", &[]);
}

#[test]
fn a_row_without_a_candle_is_never_read() {
    check(&flat("10 11 - 13 14"), "0 0 1 0 0", &[]);
    check(&flat("10 11 - 13 14"), "0 1 0 1 1", &["3 buy 13 Entry"]);
}

#[test]
fn the_opposite_value_flips_at_one_open() {
    let expected = ["1 buy 11 Entry", "3 sell 13 Flip", "3 sell 13 Entry"];
    check(&flat("10 11 12 13 14"), "1 1 -1 -1 -1", &expected);
}

#[test]
fn without_flips_the_opposite_value_leaves_first_and_enters_a_candle_later() {
    let case = flat("10 11 12 13 14 15").with(|spec| spec.risk.flip_position = false);
    let expected = ["1 buy 11 Entry", "3 sell 13 Signal", "4 sell 14 Entry"];
    check(&case, "1 1 -1 -1 -1 -1", &expected);
}

#[test]
fn a_side_that_is_not_allowed_is_flat() {
    let case = flat("10 11 12 13 14").with(|spec| spec.risk.direction = AllowedSides::Long);
    check(&case, "1 1 -1 -1 -1", &["1 buy 11 Entry", "3 sell 13 Signal"]);
    check(&case, "-1 -1 0 1 1", &["4 buy 14 Entry"]);
}

#[test]
fn a_position_that_was_stopped_is_entered_again_while_it_is_wanted() {
    let mut case = drawn("10 10 10 10 | 10 10 8 9 | 9 9 9 9 | 9 9 9 9");
    case.spec.signal_column = Some(Digest([7; 32]));
    case.spec.money_management.stop = Some(pct(10.0));
    check(
        &case,
        "1 1 0 0",
        &["1 buy 10 Entry", "1 sell 9 StopLoss", "2 buy 9 Entry", "3 sell 9 Signal"],
    );
}

#[test]
fn a_signal_on_the_last_candle_is_dropped_and_counted() {
    let run = check(&flat("10 11 12"), "0 0 1", &[]);
    assert_eq!(skipped(&run), [(SkipReason::LastCandle, 1)]);
}

#[test]
fn the_conditions_of_the_strategy_are_not_asked() {
    let mut case = drawn("10 10 10 10 L | 11 11 11 11 S | 12 12 12 12 | 13 13 13 13");
    case.spec.signal_column = Some(Digest([7; 32]));
    check(&case, "0 1 1 1", &["2 buy 12 Entry"]);
}

#[test]
fn an_explanation_shows_the_value() {
    let case = flat("10 11 12 13");
    let at = |minute: i64| {
        with_column(&case, "0 -1 . 1", |input| {
            explain(input, &case.spec, minute * MINUTE_MS).unwrap()
        })
    };
    let explained = at(1);
    assert_eq!(explained.nodes[0].node, "\"signalColumn\"");
    assert_eq!(explained.nodes[0].value, Some(-1.0));
    assert!(explained.account.signals.short && !explained.account.signals.long);
    assert_eq!(at(2).nodes[0].value, Some(0.0));
    assert_eq!(at(2).account.due_exit, Some(FillReason::Signal));
}

#[test]
fn a_column_that_was_not_given_is_refused() {
    assert_eq!(flat("1 1 1").try_run(), Err(Error::NoSignals));
}
