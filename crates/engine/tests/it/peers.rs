//! Switches that only the rules of a peer need (docs/concepts/fills.md, "Profiles").

use model::SkipReason;
use model::settings::{
    BothTouched, EntryOrder, GapFill, LevelBase, LevelForm, Liquidation, OpenBeyondTarget,
    PendingEntry, RangeEnd, Size, Trail, TrailStart, WrongSideLevel,
};
use model::strategy::{Expr, MathOp, Price};

use crate::drawn::{Drawn, drawn, number, pct, skipped};

/// Stop 10 %, target 20 % of the entry; gaps within the candle, as freqtrade has them.
fn bracket(text: &str) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.stop = Some(pct(10.0));
        spec.money_management.target = Some(pct(20.0));
        spec.fill.gap = GapFill::WithinCandle;
        spec.fill.open_beyond_target = OpenBeyondTarget::StopAtLevel;
    })
}

#[test]
fn a_jumped_level_that_the_candle_holds_fills_there_else_as_near_as_the_candle_comes() {
    bracket("9 9 9 9 L | 100 100 100 100 | 70 95 60 65")
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    bracket("9 9 9 9 L | 100 100 100 100 | 70 89 60 65")
        .check(&["1 buy 100 Entry", "2 sell 70 StopLoss"]);
    // A level at the very end of the candle is held by it.
    bracket("9 9 9 9 L | 100 100 100 100 | 70 90 60 65")
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    bracket("9 9 9 9 S | 100 100 100 100 | 140 150 110.00000000000001 120")
        .check(&["1 sell 100 Entry", "2 buy 110.00000000000001 StopLoss"]);
    bracket("9 9 9 9 L | 100 100 100 100 | 130 140 110 135")
        .check(&["1 buy 100 Entry", "2 sell 120 TakeProfit"]);
    bracket("9 9 9 9 L | 100 100 100 100 | 130 140 125 135")
        .check(&["1 buy 100 Entry", "2 sell 125 TakeProfit"]);
    bracket("9 9 9 9 S | 100 100 100 100 | 70 75 60 65")
        .check(&["1 sell 100 Entry", "2 buy 75 TakeProfit"]);
}

#[test]
fn within_the_candle_an_exit_that_is_due_comes_before_the_gap() {
    let case = bracket("9 9 9 9 L | 100 100 100 100 l | 70 95 60 65");
    case.check(&["1 buy 100 Entry", "2 sell 70 Signal"]);
    case.with(|spec| spec.fill.gap = GapFill::Level)
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

#[test]
fn the_end_at_the_last_open_comes_after_the_stops_of_that_candle_and_takes_no_entry() {
    let end = |text| drawn(text).with(|spec| spec.fill.end = RangeEnd::LastOpen);
    end("9 9 9 9 L | 10 10 10 10 | 12 13 11 11").check(&["1 buy 10 Entry", "2 sell 12 End"]);
    let stopped = end("9 9 9 9 L | 100 100 100 100 | 95 96 80 81")
        .with(|spec| spec.money_management.stop = Some(pct(10.0)));
    stopped.check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    let run = end("9 9 9 9 | 10 10 10 10 L | 12 13 11 11").check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::LastCandle, 1)]);
    let run = end("10 10 10 10 L | 10 11 9.5 10 | 9.5 10 9 9")
        .with(|spec| {
            let price = Expr::Price(Price::Low);
            let price = Expr::Math { op: MathOp::Sub, args: vec![price, number(1.0)] };
            let entry = PendingEntry { price, expire_candles: None, cancel_if: None };
            spec.risk.entry_order = EntryOrder::Limit(entry);
        })
        .check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::Unfilled, 1)]);
    end("9 9 9 9 L | 10 10 10 10 S | 12 13 11 11").check(&["1 buy 10 Entry", "2 sell 12 Flip"]);
}

#[test]
fn a_trail_may_start_after_the_entry_candle() {
    let case =
        drawn("9 9 9 9 L | 100 120 100 119 | 119 119 107 110 | 110 110 80 80").with(|spec| {
            let form = LevelForm::Pct(10.0);
            spec.money_management.trail = Some(Trail { form, follow: false, activation_pct: None });
        });
    case.check(&["1 buy 100 Entry", "2 sell 108 TrailingStop"]);
    case.with(|spec| spec.fill.trail_start = TrailStart::NextCandle)
        .check(&["1 buy 100 Entry", "3 sell 107.10000000000001 TrailingStop"]);
}

#[test]
fn an_entry_beyond_its_own_level_may_be_made_and_leaves_at_the_open() {
    let case = drawn("100 100 100 100 L | 80 85 75 80 | 80 80 80 80").with(|spec| {
        spec.money_management.stop = Some(pct(10.0));
        spec.fill.level_base = LevelBase::SignalClose;
    });
    assert_eq!(skipped(&case.check(&[])), [(SkipReason::LevelOnWrongSide, 1)]);
    case.with(|spec| spec.fill.wrong_side_level = WrongSideLevel::Enter)
        .check(&["1 buy 80 Entry", "1 sell 80 StopLoss"]);
}

#[test]
fn without_leverage_a_short_may_be_spared_the_liquidation() {
    let text = "9 9 9 9 S | 10 10 10 10 | 10 25 10 11 s | 9 9 9 9";
    let case = drawn(text).with(|spec| {
        spec.money_management.size = Size::PercentOfBalance(100.0);
        spec.fill.liquidation = Liquidation::Leveraged;
    });
    case.check(&["1 sell 100@10 Entry", "3 buy 100@9 Signal"]);
    let levered = case.with(|spec| spec.money_management.leverage = 2.0);
    levered.check(&["1 sell 200@10 Entry", "2 buy 200@15 Liquidation"]);
}

#[test]
fn stop_at_level_counts_a_nearer_liquidation_as_the_stop() {
    let case = drawn("9 9 9 9 L | 100 100 100 100 | 130 130 80 85 | 85 85 85 85").with(|spec| {
        spec.money_management.leverage = 10.0;
        spec.money_management.stop = Some(pct(15.0));
        spec.money_management.target = Some(pct(20.0));
        spec.fill.open_beyond_target = OpenBeyondTarget::StopAtLevel;
        spec.fill.both_touched = BothTouched::StopFirst;
    });
    case.check(&["1 buy 100 Entry", "2 sell 90 Liquidation"]);
}
