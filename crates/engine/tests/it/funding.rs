//! Funding payments: who pays, when, on what price, and what a margin has left.

use std::num::NonZeroU32;

use engine::{Error, Event, explain};
use model::FundingEvent;
use model::settings::{Funding, LossStreak, Pause, Size};

use crate::drawn::{Drawn, MINUTE_MS, drawn, pct, skipped};

/// Payments as "minute amount", which must also be the difference they make to the equity.
#[track_caller]
fn check(case: &Drawn, expected: &[&str]) -> engine::Run {
    let run = case.run();
    let text = |event: &FundingEvent| format!("{} {}", event.time_ms / MINUTE_MS, event.amount);
    assert_eq!(run.outcome.funding.iter().map(text).collect::<Vec<_>>(), expected);
    run
}

fn close_to(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

const LONG: &str = "9 9 9 9 L | 100 100 100 100 | 110 120 100 105 l | 90 95 85 95 | 90 90 90 90";

#[test]
fn a_long_position_pays_a_positive_rate_and_a_short_one_receives_it() {
    let run = check(&drawn(LONG).with_funding("2 0.01"), &["2 -1.1"]);
    assert!(close_to(run.final_equity, 1_000.0 - 10.0 - 1.1));
    assert!(close_to(run.outcome.daily_marks[0].equity, run.final_equity));
    let short = drawn(&LONG.replace('L', "S").replace(" l ", " s "));
    check(&short.clone().with_funding("2 0.01"), &["2 1.1"]);
    check(&short.with_funding("2 -0.01"), &["2 -1.1"]);
}

#[test]
fn the_mark_counts_where_there_is_one_and_else_the_open_of_the_candle() {
    check(&drawn(LONG).with_funding("2 0.01 200"), &["2 -2"]);
    check(&drawn(LONG).with_funding("2 0.01"), &["2 -1.1"]);
}

#[test]
fn a_payment_needs_a_position_that_was_held_before_it() {
    // Entered at the open of minute 1 and left at that of minute 3.
    check(
        &drawn(LONG).with_funding("0 0.01, 1 0.01, 2 0.01, 3 0.01, 4 0.01"),
        &["2 -1.1", "3 -0.9"],
    );
}

#[test]
fn a_payment_inside_a_candle_comes_after_its_open_and_before_its_stop() {
    let stopped = || {
        drawn("9 9 9 9 L | 100 101 80 85 | 85 85 85 85")
            .of_minutes(3)
            .with(|spec| spec.money_management.stop = Some(pct(10.0)))
    };
    // The entry at minute 3 is before minute 4 and the stop somewhere after the open.
    let run = check(&stopped().with_funding("3 0.01, 4 0.01, 5 0.02, 6 0.01"), &["4 -1", "5 -2"]);
    assert!(close_to(run.final_equity, 1_000.0 - 10.0 - 3.0));
    // An exit at the open of minute 3 leaves nobody to pay at minute 4.
    let left = drawn("9 9 9 9 L | 100 100 100 100 l | 90 90 90 90 | 90 90 90 90").of_minutes(3);
    check(&left.with_funding("6 0.01, 7 0.01"), &["6 -0.9"]);
    // Nor does a gap through the stop.
    let gap = drawn("9 9 9 9 L | 100 100 100 100 | 80 85 75 80 | 85 85 85 85")
        .of_minutes(3)
        .with(|spec| spec.money_management.stop = Some(pct(10.0)));
    check(&gap.with_funding("6 0.01, 7 0.01"), &["6 -0.8"]);
}

#[test]
fn a_flip_pays_for_the_old_position_at_its_open_and_for_the_new_one_inside() {
    let flip = drawn("9 9 9 9 L | 100 100 100 100 S | 90 90 90 90 | 90 90 90 90").of_minutes(3);
    let run = check(&flip.with_funding("6 0.01, 7 0.01"), &["6 -0.9", "7 0.9"]);
    let trades: Vec<u32> = run.outcome.funding.iter().map(|event| event.trade_id).collect();
    assert_eq!(trades, [0, 1]);
}

#[test]
fn a_pending_order_that_fills_inside_a_candle_pays_nothing_in_it() {
    use model::settings::{EntryOrder, PendingEntry};
    let case = drawn("100 100 100 100 L | 100 101 90 100 | 100 100 100 100").of_minutes(3);
    let case = case.with(|spec| {
        let price = crate::drawn::number(95.0);
        let entry = PendingEntry { price, expire_candles: None, cancel_if: None };
        spec.risk.entry_order = EntryOrder::Limit(entry);
    });
    check(&case.with_funding("4 0.01, 6 0.01"), &["6 -1"]);
}

#[test]
fn a_payment_between_two_candles_is_the_first_thing_of_the_later_one() {
    // Candles of minutes 3 and 4 are missing: the last close is the price.
    let text = "9 9 9 9 L | 100 100 100 100 | 110 120 100 105 | - | - | 90 95 85 95 | 90 90 90 90";
    let case = drawn(text).with_funding("4 0.01");
    let run = check(&case, &["4 -1.05"]);
    assert!(close_to(run.final_equity, 1_000.0 - 10.0 - 1.05));
    let mut cut = case.clone();
    cut.candles = case.candles.as_slice().rows(0..3).to_candles();
    check(&cut, &[]);
}

#[test]
fn nothing_is_paid_at_the_last_close() {
    check(&drawn(LONG).with_funding("5 0.01, 6 0.01"), &[]);
}

#[test]
fn a_constant_rate_is_due_at_multiples_of_its_hours() {
    let text = "9 9 9 9 L | 100 100 100 100 | 110 110 110 110 | 120 120 120 120";
    let case = drawn(text).of_minutes(60).with(|spec| {
        let every_hours = NonZeroU32::new(2).unwrap();
        spec.costs.funding = Funding::Constant { rate_pct: 1.0, every_hours };
    });
    check(&case, &["120 -1.1"]);
    let daily = |case: Drawn, hours| {
        case.with(|spec| {
            let every_hours = NonZeroU32::new(hours).unwrap();
            spec.costs.funding = Funding::Constant { rate_pct: 1.0, every_hours };
        })
    };
    check(&daily(case.clone(), 1), &["120 -1.1", "180 -1.2"]);
    check(&daily(case, 24), &[]);
}

#[test]
fn funding_counts_to_its_trade() {
    // Flat prices: the payment alone makes the loss that starts the pause.
    let case = drawn("9 9 9 9 L | 9 9 9 9 | 9 9 9 9 l | 9 9 9 9 L | 9 9 9 9").with(|spec| {
        let max = NonZeroU32::MIN;
        spec.risk.loss_streak = Some(LossStreak { max, pause: Pause::Forever });
    });
    let run = check(&case.clone().with_funding("2 0.01"), &["2 -0.09"]);
    assert_eq!(skipped(&run), [(model::SkipReason::LossStreak, 1)]);
    let run = check(&case.with_funding("2 -0.01"), &["2 0.09"]);
    assert_eq!(skipped(&run), []);
}

/// Entry at 100 with leverage 10 and `pct` of 100 as margin: lost at 90, liquidated at 90.4522....
fn levered(text: &str, pct: f64) -> Drawn {
    drawn(text).with(|spec| {
        spec.balance = 100.0;
        spec.money_management.size = Size::PercentOfBalance(pct);
        spec.money_management.leverage = 10.0;
    })
}

#[test]
fn what_is_free_pays_first_and_the_liquidation_stays_where_it_was() {
    let text = "9 9 9 9 L | 100 100 100 100 | 100 100 90.46 95 | 95 95 90.45 95";
    let run = check(&levered(text, 50.0).with_funding("2 0.01"), &["2 -5"]);
    let last = run.outcome.fills.last().unwrap();
    assert_eq!((last.time_ms, last.reason), (3 * MINUTE_MS, model::FillReason::Liquidation));
    assert!(close_to(last.price, 90.0) && close_to(run.final_equity, 45.0));
}

#[test]
fn a_payment_out_of_the_margin_brings_the_bankruptcy_nearer_and_never_a_debt() {
    let text = "9 9 9 9 L | 100 100 100 100 | 100 100 90.46 95 | 95 95 90.45 95";
    // 1 of 100: nothing is left at 90.1, which is behind the trigger.
    let run = check(&levered(text, 100.0).with_funding("2 0.001"), &["2 -1"]);
    let last = run.outcome.fills.last().unwrap();
    assert_eq!((last.time_ms, last.reason), (3 * MINUTE_MS, model::FillReason::Liquidation));
    assert!(close_to(last.price, 90.1));
    assert!(run.final_equity >= 0.0 && close_to(run.final_equity, 0.0) && run.ruined);
    // 20 of 100: nothing is left at 92, so that is the trigger.
    let run = check(&levered(text, 100.0).with_funding("2 0.02"), &["2 -20"]);
    let last = run.outcome.fills.last().unwrap();
    assert_eq!((last.time_ms, last.reason), (2 * MINUTE_MS, model::FillReason::Liquidation));
    assert!(close_to(last.price, 92.0) && run.final_equity >= 0.0 && run.ruined);
    // More than there is: lost at once, at the price that leaves nothing.
    let run = check(&levered(text, 100.0).with_funding("2 0.2"), &["2 -200"]);
    let last = run.outcome.fills.last().unwrap();
    assert_eq!((last.time_ms, last.reason), (2 * MINUTE_MS, model::FillReason::Liquidation));
    assert!(run.final_equity >= 0.0 && close_to(run.final_equity, 0.0));
}

#[test]
fn without_rates_a_spec_that_wants_them_does_not_run() {
    let case = drawn(LONG).with(|spec| spec.costs.funding = Funding::FromData);
    assert_eq!(case.try_run(), Err(Error::NoFunding));
    assert!(explain(&case.input(), &case.spec, 0).is_err());
}

#[test]
fn an_explained_candle_shows_its_payments_in_order() {
    let case = drawn(LONG).with_funding("2 0.01, 3 0.02");
    let seen = explain(&case.input(), &case.spec, 3 * MINUTE_MS).unwrap();
    let [Event::Funding { amount, .. }, Event::Fill { price, .. }] = &seen.events[..] else {
        panic!("{:?}", seen.events)
    };
    assert!(close_to(*amount, -1.8) && close_to(*price, 90.0));
    assert!(close_to(seen.account.equity, 1_000.0 - 10.0 - 1.1 - 1.8));
    assert!(seen.to_string().contains("funding -1.8 at rate 0.02 (trade 0)"));
}

#[test]
fn payments_are_part_of_the_outcomes_bytes() {
    let case = drawn(LONG).with_funding("2 0.01, 3 0.01");
    let outcome = case.run().outcome;
    assert_eq!(model::Outcome::from_bytes(&outcome.to_bytes()), Ok(outcome.clone()));
    let free = Drawn { funding: None, ..case }.with(|spec| spec.costs.funding = Funding::None);
    assert_ne!(free.run().outcome.hash(), outcome.hash());
}
