//! Finer candles decide what came first inside a candle.

use engine::Error;
use model::settings::{
    BothTouched, EntryOrder, GapFill, LevelForm, PartialExit, PendingEntry, ThenStop, Trail,
};

use crate::drawn::{Drawn, drawn, number, pct};

/// A long position from 100 with stop 90 and target 120 in a candle of three minutes that touches
/// both; `minutes` are those of that candle.
fn bracket(minutes: &str) -> Drawn {
    candle("101 130 80 100", minutes)
}

/// The same with a candle of another shape.
fn candle(shape: &str, minutes: &str) -> Drawn {
    drawn(&format!("9 9 9 9 L | 100 100 100 100 | {shape} | 100 100 100 100"))
        .of_minutes(3)
        .with_minutes(&format!("- | - | - | - | - | - | {minutes}"))
        .with(|spec| {
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(20.0));
        })
}

#[track_caller]
fn check(case: &Drawn, expected: &[&str], ambiguous: u64) {
    let run = case.check(expected);
    assert_eq!(run.outcome.counts.ambiguous, ambiguous);
    let plain = engine::run_plain(&case.input(), &case.spec);
    assert_eq!(plain, Ok(run));
}

#[test]
fn the_level_that_a_finer_candle_touches_first_fills() {
    let target = bracket("101 130 101 125 | 125 125 80 85 | 85 100 85 100");
    check(&target, &["3 buy 100 Entry", "6 sell 120 TakeProfit"], 0);
    let stop = bracket("101 101 80 85 | 85 130 85 120 | 120 120 100 100");
    check(&stop, &["3 buy 100 Entry", "6 sell 90 StopLoss"], 0);
    let target_rule = stop.with(|spec| spec.fill.both_touched = BothTouched::TargetFirst);
    check(&target_rule, &["3 buy 100 Entry", "6 sell 90 StopLoss"], 0);
}

#[test]
fn a_short_position_is_the_mirror() {
    let case = drawn("9 9 9 9 S | 100 100 100 100 | 101 130 70 100 | 100 100 100 100")
        .of_minutes(2)
        .with_minutes("- | - | - | - | 101 101 70 75 | 75 130 75 100")
        .with(|spec| {
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(20.0));
        });
    check(&case, &["2 sell 100 Entry", "4 buy 80 TakeProfit"], 0);
}

#[test]
fn a_finer_candle_that_touches_both_is_left_to_the_rule_and_counted() {
    let minutes = "101 105 95 100 | 100 130 80 100 | 100 100 100 100";
    check(&bracket(minutes), &["3 buy 100 Entry", "6 sell 90 StopLoss"], 1);
    let target = bracket(minutes).with(|spec| spec.fill.both_touched = BothTouched::TargetFirst);
    check(&target, &["3 buy 100 Entry", "6 sell 120 TakeProfit"], 1);
}

#[test]
fn a_candle_without_all_of_its_finer_ones_is_left_to_the_rule_and_counted() {
    let expected = ["3 buy 100 Entry", "6 sell 90 StopLoss"];
    check(&bracket("101 130 101 125 | - | 85 100 80 100"), &expected, 1);
    check(&bracket("- | 101 130 101 125 | 85 100 80 100"), &expected, 1);
    check(&bracket("101 130 101 125 | 125 125 80 85"), &expected, 1);
    check(&bracket("-"), &expected, 1);
}

#[test]
fn finer_candles_that_touch_nothing_are_left_to_the_rule() {
    let case = bracket("101 102 100 101 | 101 102 100 101 | 101 102 100 101");
    check(&case, &["3 buy 100 Entry", "6 sell 90 StopLoss"], 1);
}

#[test]
fn the_open_of_a_finer_candle_may_jump_over_a_level() {
    let stop = bracket("101 101 95 96 | 85 130 80 100 | 100 100 100 100");
    check(&stop, &["3 buy 100 Entry", "6 sell 85 StopLoss"], 0);
    let at_level = stop.with(|spec| spec.fill.gap = GapFill::Level);
    check(&at_level, &["3 buy 100 Entry", "6 sell 90 StopLoss"], 0);
    let target = bracket("101 101 95 96 | 125 130 80 100 | 100 100 100 100");
    check(&target, &["3 buy 100 Entry", "6 sell 125 TakeProfit"], 0);
}

#[test]
fn a_candle_that_touches_one_level_does_not_ask_the_finer_ones() {
    let case = candle("101 130 95 100", "101 101 95 96 | 125 130 96 100 | 100 100 100 100");
    check(&case, &["3 buy 100 Entry", "6 sell 120 TakeProfit"], 0);
}

#[test]
fn the_entry_candle_is_resolved_from_its_open_on() {
    let text = "9 9 9 9 L | 100 130 80 100 | 100 100 100 100";
    let case = drawn(text)
        .of_minutes(2)
        .with_minutes("- | - | 100 130 100 120 | 120 120 80 100")
        .with(|spec| {
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(20.0));
        });
    check(&case, &["2 buy 100 Entry", "2 sell 120 TakeProfit"], 0);
    let late = case.with(|spec| spec.fill.stop_on_entry_candle = false);
    check(&late, &["2 buy 100 Entry"], 0);
}

#[test]
fn liquidation_and_target_are_told_apart_too() {
    let levered = |minutes: &str| {
        bracket(minutes).with(|spec| {
            spec.money_management.stop = None;
            spec.money_management.leverage = 10.0;
            spec.money_management.maintenance_margin_pct = 0.0;
        })
    };
    let target = levered("101 130 101 125 | 125 125 80 85 | 85 100 85 100");
    check(&target, &["3 buy 100 Entry", "6 sell 120 TakeProfit"], 0);
    let lost = levered("101 101 80 85 | 85 130 85 100 | 100 100 100 100");
    check(&lost, &["3 buy 100 Entry", "6 sell 90 Liquidation"], 0);
}

#[test]
fn a_part_fills_and_its_stop_holds_from_the_next_finer_candle() {
    let case = |minutes: &str| {
        bracket(minutes).with(|spec| {
            spec.money_management.exits = vec![PartialExit {
                target: pct(10.0),
                close_pct: 50.0,
                then_stop: Some(ThenStop::Entry),
            }];
        })
    };
    let moved = case("101 112 99 111 | 111 112 95 96 | 96 130 80 100");
    let expected =
        ["3 buy 100 Entry", "6 sell 0.5@110.00000000000001 TakeProfit", "6 sell 0.5@100 StopLoss"];
    check(&moved, &expected, 0);
    let both = case("101 130 101 125 | 125 125 80 85 | 85 100 85 100");
    let expected = [
        "3 buy 100 Entry",
        "6 sell 0.5@110.00000000000001 TakeProfit",
        "6 sell 0.5@120 TakeProfit",
    ];
    check(&both, &expected, 0);
}

#[test]
fn finer_candles_move_no_trail() {
    // The high of minute 6 would trail to 117; the trail of the candle is still the one at 90.
    let case = bracket("101 119 101 118 | 118 130 95 120 | 120 120 80 100").with(|spec| {
        spec.money_management.stop = None;
        spec.money_management.trail =
            Some(Trail { form: LevelForm::Pct(10.0), follow: false, activation_pct: None });
    });
    check(&case, &["3 buy 100 Entry", "6 sell 120 TakeProfit"], 0);
}

/// A limit at 95 in a candle of three minutes.
fn limit(shape: &str, minutes: &str) -> Drawn {
    drawn(&format!("100 100 100 100 L | {shape} | 100 100 100 100"))
        .of_minutes(3)
        .with_minutes(&format!("- | - | - | {minutes}"))
        .with(|spec| {
            let entry = PendingEntry { price: number(95.0), expire_candles: None, cancel_if: None };
            spec.risk.entry_order = EntryOrder::Limit(entry);
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(20.0));
        })
}

#[test]
fn after_a_pending_entry_later_finer_candles_check_the_target() {
    let case = limit("100 120 90 110", "100 101 94 96 | 96 120 96 118 | 118 118 90 110");
    check(&case, &["3 buy 95 Entry", "3 sell 114 TakeProfit"], 0);
    // Without them the candle checks the stop alone.
    let mut blind = case;
    blind.detail = None;
    blind.spec.overrides.detail_timeframe = None;
    check(&blind, &["3 buy 95 Entry"], 0);
}

#[test]
fn a_jump_between_finer_candles_of_the_entry_candle_spares_a_stop_that_does_not_work_yet() {
    let jump = limit("100 101 79 90", "100 101 94 96 | 80 84 79 82 | 82 90 81 90");
    check(&jump, &["3 buy 95 Entry", "3 sell 80 StopLoss"], 0);
    let late = jump.with(|spec| spec.fill.stop_on_entry_candle = false);
    check(&late, &["3 buy 95 Entry"], 0);
    let target = limit("100 125 94 90", "100 101 94 96 | 120 125 119 120 | 120 120 90 90");
    check(&target, &["3 buy 95 Entry", "3 sell 120 TakeProfit"], 0);
    let late = target.with(|spec| spec.fill.stop_on_entry_candle = false);
    check(&late, &["3 buy 95 Entry"], 0);
    // The liquidation asks for no switch: lost at 85.97..., booked at 85.5.
    let levered = |case: Drawn| {
        case.with(|spec| {
            spec.money_management.leverage = 10.0;
            spec.money_management.stop = None;
            spec.fill.stop_on_entry_candle = false;
        })
    };
    let lost = limit("100 101 79 90", "100 101 94 96 | 80 84 79 82 | 82 90 81 90");
    check(&levered(lost), &["3 buy 95 Entry", "3 sell 85.5 Liquidation"], 0);
}

#[test]
fn what_came_before_a_pending_entry_does_not_touch_it() {
    // The low of 80 is the stop's only touch, and it is before the fill of a stop entry at 105.
    let case = limit("100 120 80 110", "100 100 80 99 | 99 106 96 100 | 100 112 98 110");
    let stop_entry = |case: Drawn| {
        case.with(|spec| {
            let price = number(105.0);
            let entry = PendingEntry { price, expire_candles: None, cancel_if: None };
            spec.risk.entry_order = EntryOrder::Stop(entry);
        })
    };
    check(&stop_entry(case.clone()), &["3 buy 105 Entry"], 0);
    let mut blind = stop_entry(case);
    blind.detail = None;
    blind.spec.overrides.detail_timeframe = None;
    check(&blind, &["3 buy 105 Entry", "3 sell 94.5 StopLoss"], 0);
}

#[test]
fn the_finer_candle_of_a_pending_entry_checks_the_stop_and_not_the_target() {
    let case = limit("100 130 80 110", "100 130 94 96 | 96 100 96 98 | 98 100 96 98");
    check(&case, &["3 buy 95 Entry"], 0);
    let stopped = limit("100 130 80 110", "100 101 80 96 | 96 130 96 98 | 98 100 96 98");
    check(&stopped, &["3 buy 95 Entry", "3 sell 85.5 StopLoss"], 0);
}

#[test]
fn without_candles_a_spec_that_wants_them_does_not_run() {
    let mut case = bracket("-");
    case.detail = None;
    assert_eq!(case.try_run(), Err(Error::NoDetail));
}
