//! Conditions that ask about the position; and what is refused by name.

use std::sync::Arc;

use engine::Error;
use model::FillReason;
use model::strategy::{CompareOp, Cond, Expr, PositionField, Price, Signals};

use crate::drawn::{Drawn, compare, drawn, number, pct, signal};

fn when(field: PositionField, op: CompareOp, value: f64) -> Cond {
    compare(op, Expr::Position(field), number(value))
}

fn exits_when(text: &str, exit: Cond) -> Drawn {
    drawn(text).with(|spec| {
        let signals = (*spec.signals).clone();
        spec.signals = Arc::new(Signals { exit_long: Some(exit), ..signals });
    })
}

const RUN: &str = "9 9 9 9 L | 100 100 100 100 | 100 120 100 110 | 110 110 99 101 | 101 101 101 101 | \
                   101 101 101 101";

#[test]
fn bars_in_trade_count_from_the_entry_candle() {
    exits_when(RUN, when(PositionField::BarsInTrade, CompareOp::Ge, 1.0))
        .check(&["1 buy 100 Entry", "3 sell 110 Signal"]);
}

#[test]
fn minutes_in_trade_count_clock_minutes_to_the_close() {
    exits_when(RUN, when(PositionField::MinutesInTrade, CompareOp::Eq, 3.0))
        .check(&["1 buy 100 Entry", "4 sell 101 Signal"]);
}

#[test]
fn the_open_profit_is_a_percent_of_the_entry_and_a_multiple_of_the_risk() {
    exits_when(RUN, when(PositionField::OpenPnlPct, CompareOp::Ge, 10.0))
        .check(&["1 buy 100 Entry", "3 sell 110 Signal"]);
    exits_when(RUN, when(PositionField::OpenR, CompareOp::Ge, 2.0))
        .with(|spec| spec.money_management.stop = Some(pct(5.0)))
        .check(&["1 buy 100 Entry", "3 sell 110 Signal"]);
    exits_when(RUN, when(PositionField::OpenR, CompareOp::Ge, 2.0)).check(&["1 buy 100 Entry"]);
}

#[test]
fn the_best_profit_remembers_the_high() {
    let gives_back = Cond::All(vec![
        when(PositionField::MaxFavourablePct, CompareOp::Ge, 20.0),
        compare(CompareOp::Lt, Expr::Price(Price::Close), number(105.0)),
    ]);
    exits_when(RUN, gives_back).check(&["1 buy 100 Entry", "4 sell 101 Signal"]);
}

#[test]
fn guards_stand_beside_stateless_conditions_under_any_all_and_not() {
    let late = when(PositionField::BarsInTrade, CompareOp::Lt, 3.0);
    let exit = Cond::Any(vec![
        Cond::All(vec![signal(b'l'), when(PositionField::OpenPnlPct, CompareOp::Gt, 0.0)]),
        Cond::Not(Box::new(Cond::Any(vec![late, signal(b'S')]))),
    ]);
    exits_when(RUN, exit).check(&["1 buy 100 Entry", "5 sell 101 Signal"]);
}

#[test]
fn a_number_may_stand_on_the_left_of_a_state() {
    let exit = compare(CompareOp::Le, number(1.0), Expr::Position(PositionField::BarsInTrade));
    exits_when(RUN, exit).check(&["1 buy 100 Entry", "3 sell 110 Signal"]);
}

#[test]
fn an_entry_may_ask_how_and_how_long_ago_the_last_trade_ended() {
    let enters_when = |entry: Cond| {
        let text = "9 9 9 9 L | 9 9 9 9 l | 9 9 9 9 L | 9 9 9 9 L | 9 9 9 9 | 9 9 9 9";
        drawn(text).with(|spec| {
            let signals = (*spec.signals).clone();
            let long = Some(Cond::All(vec![signal(b'L'), entry]));
            spec.signals = Arc::new(Signals { long, ..signals });
        })
    };
    // Null before the first exit: false in both senses.
    let since = when(PositionField::BarsSinceExit, CompareOp::Ge, 1.0);
    enters_when(since.clone()).check(&[]);
    let first = when(PositionField::BarsSinceExit, CompareOp::Lt, 1.0);
    enters_when(Cond::Not(Box::new(first))).check(&[]);
    enters_when(Cond::LastExitIs(FillReason::Signal)).check(&[]);
    let or_first = |cond: Cond| {
        // Volume 1 only: the first signal of the drawing has no exit before it.
        Cond::Any(vec![cond, compare(CompareOp::Lt, Expr::Price(Price::Open), number(9.5))])
    };
    let text = "9 9 9 9 L | 9 9 9 9 l | 10 10 10 10 L | 10 10 10 10 L | 10 10 10 10 | 9 9 9 9";
    let restarts = |entry: Cond| {
        drawn(text).with(|spec| {
            let signals = (*spec.signals).clone();
            let long = Some(Cond::All(vec![signal(b'L'), or_first(entry)]));
            spec.signals = Arc::new(Signals { long, ..signals });
        })
    };
    restarts(since).check(&["1 buy 9 Entry", "2 sell 10 Signal", "4 buy 10 Entry"]);
    restarts(Cond::LastExitIs(FillReason::Signal)).check(&[
        "1 buy 9 Entry",
        "2 sell 10 Signal",
        "3 buy 10 Entry",
    ]);
    restarts(Cond::Not(Box::new(Cond::LastExitIs(FillReason::StopLoss)))).check(&[
        "1 buy 9 Entry",
        "2 sell 10 Signal",
        "3 buy 10 Entry",
    ]);
    restarts(Cond::LastExitIs(FillReason::StopLoss)).check(&["1 buy 9 Entry", "2 sell 10 Signal"]);
}

#[track_caller]
fn refused(case: &Drawn, expected: &[&str]) {
    let texts = model::support::unsupported(&case.spec);
    assert_eq!(texts, expected);
    assert_eq!(case.try_run(), Err(Error::Unsupported { features: texts }));
}

#[test]
fn a_condition_of_more_than_64_combinations_is_refused() {
    let either = |n: u32| {
        let age = |bars: u32| when(PositionField::BarsInTrade, CompareOp::Eq, f64::from(bars));
        Cond::Any(vec![age(n), age(n + 100)])
    };
    let exit = |factors: u32| Cond::All((0..factors).map(either).collect());
    exits_when("9 9 9 9 L | 9 9 9 9", exit(6)).check(&["1 buy 9 Entry"]);
    refused(
        &exits_when("9 9 9 9 L | 9 9 9 9", exit(7)),
        &[
            "a condition on the position with more than 64 combinations of its \"any\" parts is not \
           supported",
        ],
    );
}

#[test]
fn a_state_of_the_position_is_refused_where_it_has_no_meaning() {
    let entry = |long: Cond| {
        drawn("9 9 9 9 L | 9 9 9 9").with(|spec| {
            spec.signals = Arc::new(Signals { long: Some(long), ..Signals::default() });
        })
    };
    refused(
        &entry(when(PositionField::BarsInTrade, CompareOp::Ge, 1.0)),
        &["barsInTrade in an entry is not supported"],
    );
    let doubled = Expr::Abs(Box::new(Expr::Position(PositionField::BarsSinceExit)));
    refused(
        &entry(compare(CompareOp::Ge, doubled, number(1.0))),
        &["barsSinceExit outside a plain comparison of a signal is not supported"],
    );
    refused(
        &exits_when("9 9 9 9 L | 9 9 9 9", Cond::LastExitIs(FillReason::Flip)),
        &["lastExitReason outside a plain entry condition is not supported"],
    );
}
