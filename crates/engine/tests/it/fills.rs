//! Where and in which order things fill inside a candle (docs/concepts/fills.md).

use model::settings::{BothTouched, FlipVsStop, GapFill, LevelBase, OpenBeyondTarget, RangeEnd};

use crate::drawn::{Drawn, drawn, pct};

/// Stop 10 %, target 20 % of the entry.
fn bracket(text: &str) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.stop = Some(pct(10.0));
        spec.money_management.target = Some(pct(20.0));
    })
}

#[test]
fn a_touched_stop_fills_at_its_level_and_equal_counts_as_touched() {
    bracket("9 9 9 9 L | 100 100 100 100 | 95 95 90 92 | 92 92 92 92")
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    bracket("9 9 9 9 S | 100 100 100 100 | 105 110.00000000000001 101 102 | 92 92 92 92")
        .check(&["1 sell 100 Entry", "2 buy 110.00000000000001 StopLoss"]);
}

#[test]
fn a_stop_that_is_not_reached_does_nothing() {
    bracket("9 9 9 9 L | 100 100 100 100 | 95 119 90.01 92").check(&["1 buy 100 Entry"]);
}

#[test]
fn a_touched_target_fills_at_its_level() {
    bracket("9 9 9 9 L | 100 100 100 100 | 110 121 109 110")
        .check(&["1 buy 100 Entry", "2 sell 120 TakeProfit"]);
    bracket("9 9 9 9 S | 100 100 100 100 | 90 95 79 90")
        .check(&["1 sell 100 Entry", "2 buy 80 TakeProfit"]);
}

#[test]
fn a_gap_below_the_stop_fills_at_the_open() {
    let case = bracket("9 9 9 9 L | 100 100 100 100 | 70 130 60 65");
    case.check(&["1 buy 100 Entry", "2 sell 70 StopLoss"]);
    case.with(|spec| spec.fill.gap = GapFill::Level)
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

#[test]
fn a_gap_beyond_the_target_fills_at_the_open() {
    let case = bracket("9 9 9 9 S | 100 100 100 100 | 70 75 60 65");
    case.check(&["1 sell 100 Entry", "2 buy 70 TakeProfit"]);
    case.with(|spec| spec.fill.gap = GapFill::Level)
        .check(&["1 sell 100 Entry", "2 buy 80 TakeProfit"]);
}

#[test]
fn both_touched_fills_the_stop_and_is_counted() {
    let case = bracket("9 9 9 9 L | 100 100 100 100 | 101 130 80 100");
    let run = case.check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    assert_eq!(run.outcome.counts.ambiguous, 1);
    let target_first = case.clone().with(|spec| spec.fill.both_touched = BothTouched::TargetFirst);
    let run = target_first.check(&["1 buy 100 Entry", "2 sell 120 TakeProfit"]);
    assert_eq!(run.outcome.counts.ambiguous, 1);
    case.with(|spec| spec.fill.both_touched = BothTouched::Path)
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

#[test]
fn the_path_goes_to_the_nearer_extreme_first() {
    bracket("9 9 9 9 L | 100 100 100 100 | 110 121 80 100")
        .with(|spec| spec.fill.both_touched = BothTouched::Path)
        .check(&["1 buy 100 Entry", "2 sell 120 TakeProfit"]);
}

#[test]
fn an_open_beyond_the_target_decides_by_the_order_of_time() {
    let case = bracket("9 9 9 9 L | 100 100 100 100 | 125 126 80 85");
    let run = case.check(&["1 buy 100 Entry", "2 sell 125 TakeProfit"]);
    assert_eq!(run.outcome.counts.ambiguous, 0);
    case.with(|spec| spec.fill.open_beyond_target = OpenBeyondTarget::StopAtLevel)
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

#[test]
fn an_open_beyond_the_target_that_spares_the_stop_fills_there_by_either_rule() {
    bracket("9 9 9 9 L | 100 100 100 100 | 125 126 91 95")
        .with(|spec| spec.fill.open_beyond_target = OpenBeyondTarget::StopAtLevel)
        .check(&["1 buy 100 Entry", "2 sell 125 TakeProfit"]);
}

#[test]
fn a_position_that_leaves_at_the_open_is_not_stopped_later_in_its_candle() {
    bracket("9 9 9 9 L | 100 100 100 100 S | 125 126 80 85 | 85 85 85 85")
        .with(|spec| spec.fill.open_beyond_target = OpenBeyondTarget::StopAtLevel)
        .check(&[
            "1 buy 100 Entry",
            "2 sell 125 TakeProfit",
            "2 sell 125 Entry",
            "2 buy 100 TakeProfit",
        ]);
}

#[test]
fn the_entry_candle_itself_may_hit_the_stop() {
    let case = bracket("9 9 9 9 L | 100 105 89 95 | 95 95 95 95");
    case.check(&["1 buy 100 Entry", "1 sell 90 StopLoss"]);
    case.with(|spec| spec.fill.stop_on_entry_candle = false).check(&["1 buy 100 Entry"]);
}

#[test]
fn the_close_of_a_candle_that_entered_and_left_may_signal_again() {
    bracket("9 9 9 9 L | 100 105 89 95 L | 95 95 95 95 | 95 95 95 95").check(&[
        "1 buy 100 Entry",
        "1 sell 90 StopLoss",
        "2 buy 95 Entry",
    ]);
}

#[test]
fn a_flip_due_at_the_open_comes_before_the_old_stop() {
    let case = bracket("9 9 9 9 L | 100 100 100 100 S | 95 96 85 86 | 86 86 86 86");
    case.check(&["1 buy 100 Entry", "2 sell 95 Flip", "2 sell 95 Entry"]);
    case.with(|spec| spec.fill.flip_vs_stop = FlipVsStop::StopFirst)
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

#[test]
fn a_flip_whose_candle_spares_the_old_levels_happens_by_either_rule() {
    bracket("9 9 9 9 L | 100 100 100 100 S | 95 96 91 92 | 92 92 92 92")
        .with(|spec| spec.fill.flip_vs_stop = FlipVsStop::StopFirst)
        .check(&["1 buy 100 Entry", "2 sell 95 Flip", "2 sell 95 Entry"]);
}

#[test]
fn a_gap_exit_keeps_the_entry_of_a_flip_that_was_due() {
    bracket("9 9 9 9 L | 100 100 100 100 S | 85 86 84 85 | 85 85 85 85").check(&[
        "1 buy 100 Entry",
        "2 sell 85 StopLoss",
        "2 sell 85 Entry",
    ]);
}

#[test]
fn a_gap_through_the_stop_names_the_stop_not_the_exit_that_was_due() {
    bracket("9 9 9 9 L | 100 100 100 100 l | 85 86 84 85 | 85 85 85 85")
        .check(&["1 buy 100 Entry", "2 sell 85 StopLoss"]);
}

#[test]
fn the_entry_of_a_flip_has_its_own_stop_in_the_same_candle() {
    bracket("9 9 9 9 L | 100 100 100 100 S | 100 111 99 100 | 100 100 100 100").check(&[
        "1 buy 100 Entry",
        "2 sell 100 Flip",
        "2 sell 100 Entry",
        "2 buy 110.00000000000001 StopLoss",
    ]);
}

#[test]
fn levels_may_count_from_the_close_of_the_signal_candle() {
    let case = bracket("100 100 100 100 L | 105 105 91 95 | 95 120 95 95 | 95 95 95 95");
    case.clone().check(&["1 buy 105 Entry", "1 sell 94.5 StopLoss"]);
    case.with(|spec| spec.fill.level_base = LevelBase::SignalClose)
        .check(&["1 buy 105 Entry", "2 sell 120 TakeProfit"]);
}

#[test]
fn market_fills_slip_and_targets_do_not() {
    let slippery = |text: &str| {
        bracket(text).with(|spec| {
            spec.costs.slippage_bps = 75.0;
            spec.costs.spread_bps = 50.0;
        })
    };
    slippery("9 9 9 9 L | 100 100 100 100 | 100 125 100 100")
        .check(&["1 buy 101 Entry", "2 sell 121.19999999999999 TakeProfit"]);
    slippery("9 9 9 9 L | 100 100 100 100 | 100 100 90 100")
        .check(&["1 buy 101 Entry", "2 sell 89.991 StopLoss"]);
    slippery("9 9 9 9 S | 100 100 100 100 s | 50 100 50 50")
        .with(|spec| spec.money_management.target = None)
        .check(&["1 sell 99 Entry", "2 buy 50.5 Signal"]);
}

#[test]
fn a_stop_above_the_raw_open_of_its_entry_fills_at_the_open() {
    drawn("9 9 9 9 L | 100 100 100 100 | 100 100 100 100")
        .with(|spec| {
            spec.money_management.stop = Some(pct(0.5));
            spec.costs.slippage_bps = 100.0;
        })
        .check(&["1 buy 101 Entry", "1 sell 99 StopLoss"]);
}

#[test]
fn the_end_marks_the_position_or_closes_it_at_the_last_close() {
    let case = drawn("9 9 9 9 L | 10 10 10 10 | 11 12 11 12");
    let run = case.check(&["1 buy 10 Entry"]);
    let open = run.outcome.open_position.unwrap();
    assert_eq!((open.entry_time_ms, open.trade_id), (60_000, 0));
    assert!((open.mark_price - 12.0).abs() < 1e-12 && (run.final_equity - 1_002.0).abs() < 1e-12);
    let closed = case.with(|spec| spec.fill.end = RangeEnd::Close);
    let run = closed.check(&["1 buy 10 Entry", "2 sell 12 End"]);
    assert_eq!(run.outcome.open_position, None);
    assert!((run.final_equity - 1_002.0).abs() < 1e-12);
}

#[test]
fn a_gap_of_hours_changes_nothing_about_fills() {
    bracket("9 9 9 9 L | - | - | 100 100 100 100 | - | 95 95 85 90")
        .check(&["3 buy 100 Entry", "5 sell 90 StopLoss"]);
}
