//! Equal prices, equal times: which of two things that could happen does.

use std::num::NonZeroU32;

use model::SkipReason;
use model::settings::{
    EntryOrder, LevelForm, LossStreak, PartialExit, Pause, PendingEntry, Size, ThenStop, Trail,
};
use model::strategy::{Expr, MathOp, Price};

use crate::drawn::{Drawn, drawn, number, pct, skipped};

/// Stop 10 %, target 20 % of the entry.
fn bracket(text: &str) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.stop = Some(pct(10.0));
        spec.money_management.target = Some(pct(20.0));
    })
}

#[test]
fn the_entry_candle_itself_may_hit_the_target() {
    bracket("9 9 9 9 L | 100 121 95 110 | 110 110 110 110")
        .check(&["1 buy 100 Entry", "1 sell 120 TakeProfit"]);
}

#[test]
fn an_open_at_a_level_fills_there() {
    bracket("9 9 9 9 L | 100 100 100 100 | 90 130 85 92")
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
    let run = bracket("9 9 9 9 L | 100 100 100 100 | 120 125 80 90")
        .check(&["1 buy 100 Entry", "2 sell 120 TakeProfit"]);
    assert_eq!(run.outcome.counts.ambiguous, 0);
}

#[test]
fn a_stop_and_a_trail_at_one_price_are_the_stop() {
    bracket("9 9 9 9 L | 100 100 95 96 | 95 95 90 92")
        .with(|spec| {
            let form = LevelForm::Pct(10.0);
            spec.money_management.trail = Some(Trail { form, follow: false, activation_pct: None });
        })
        .check(&["1 buy 100 Entry", "2 sell 90 StopLoss"]);
}

/// Two parts, each with the stop it asks for; both are filled by candle 2, the rest is stopped in
/// candle 3.
#[track_caller]
fn check_stops_of_parts(parts: [(f64, f64); 2], stopped_at: &str) {
    let part = |(target, stop): (f64, f64)| PartialExit {
        target: pct(target),
        close_pct: 25.0,
        then_stop: Some(ThenStop::Level(pct(stop))),
    };
    drawn("9 9 9 9 L | 100 100 100 100 | 100 126 100 110 | 110 110 80 90")
        .with(|spec| {
            spec.money_management.stop = Some(pct(20.0));
            spec.money_management.size = Size::FixedQuantity(4.0);
            spec.money_management.exits = parts.map(part).to_vec();
        })
        .check(&[
            "1 buy 4@100 Entry",
            &format!("2 sell {} TakeProfit", 100.0 + parts[0].0.min(parts[1].0)),
            &format!("2 sell {} TakeProfit", 100.0 + parts[0].0.max(parts[1].0)),
            &format!("3 sell 2@{stopped_at} StopLoss"),
        ]);
}

#[test]
fn of_several_parts_in_one_candle_the_stop_of_the_last_one_holds() {
    // Of one price: in the order of the list, also where the last stop is the looser one.
    check_stops_of_parts([(25.0, 5.0), (25.0, 15.0)], "85");
    check_stops_of_parts([(25.0, 15.0), (25.0, 5.0)], "95");
    // Of two prices: the farther one is the last, wherever it stands.
    check_stops_of_parts([(25.0, 5.0), (12.5, 15.0)], "95");
    check_stops_of_parts([(12.5, 15.0), (25.0, 5.0)], "95");
}

#[test]
fn a_part_at_the_price_of_the_whole_target_fills_first_and_the_rest_after_it() {
    let part = |close_pct: f64| PartialExit { target: pct(20.0), close_pct, then_stop: None };
    bracket("9 9 9 9 L | 100 100 100 100 | 100 120 100 110 | 110 110 110 110")
        .with(|spec| {
            spec.money_management.size = Size::FixedQuantity(4.0);
            spec.money_management.exits = vec![part(50.0), part(25.0)];
        })
        .check(&[
            "1 buy 4@100 Entry",
            "2 sell 2@120 TakeProfit",
            "2 sell 120 TakeProfit",
            "2 sell 120 TakeProfit",
        ]);
}

#[test]
fn a_gap_through_the_stop_comes_before_a_limit_of_time_that_is_due() {
    bracket("9 9 9 9 L | 100 100 100 100 | 85 86 84 85 | 85 85 85 85")
        .with(|spec| spec.risk.max_position_minutes = NonZeroU32::new(1))
        .check(&["1 buy 100 Entry", "2 sell 85 StopLoss"]);
    // One that is spared by the gap leaves at the open, before the stop is touched.
    bracket("9 9 9 9 L | 100 100 100 100 | 95 96 84 85 | 85 85 85 85")
        .with(|spec| spec.risk.max_position_minutes = NonZeroU32::new(1))
        .check(&["1 buy 100 Entry", "2 sell 95 TimeLimit"]);
}

/// Placed `distance` from the close of the signal.
fn pending(text: &str, distance: f64, is_stop: bool) -> Drawn {
    bracket(text).with(|spec| {
        let args = vec![Expr::Price(Price::Close), number(distance)];
        let price = Expr::Math { op: MathOp::Add, args };
        let entry = PendingEntry { price, expire_candles: None, cancel_if: None };
        spec.risk.entry_order =
            if is_stop { EntryOrder::Stop(entry) } else { EntryOrder::Limit(entry) };
    })
}

#[test]
fn a_sell_limit_fills_at_its_price_or_at_a_better_open() {
    pending("99 99 99 99 S | 99 99.5 98 99 | 99 100 98 99 | 99 99 99 99", 1.0, false)
        .check(&["2 sell 100 Entry"]);
    pending("99 99 99 99 S | 102 103 101 102 | 102 102 102 102", 1.0, false)
        .check(&["1 sell 102 Entry"]);
}

#[test]
fn a_stop_entry_fills_at_its_price_or_at_a_worse_open() {
    pending("99 99 99 99 L | 99 99.5 98 99 | 99 100 98 99 | 99 99 99 99", 1.0, true)
        .check(&["2 buy 100 Entry"]);
    pending("99 99 99 99 L | 102 103 101 102 | 102 102 102 102", 1.0, true)
        .check(&["1 buy 102 Entry"]);
    pending(
        "101 101 101 101 S | 101 102 100.5 101 | 101 102 100 101 | 101 101 101 101",
        -1.0,
        true,
    )
    .check(&["2 sell 100 Entry"]);
    pending("101 101 101 101 S | 98 99 97 98 | 98 98 98 98", -1.0, true)
        .check(&["1 sell 98 Entry"]);
}

#[test]
fn a_pending_entry_that_the_open_fills_still_checks_the_stop_only() {
    // Sold at 102; stop 112.2, target 81.6: both are touched.
    pending("99 99 99 99 S | 102 113 80 100 | 100 100 100 100", 1.0, false)
        .check(&["1 sell 102 Entry", "1 buy 112.2 StopLoss"]);
    pending("99 99 99 99 S | 102 103 80 100 | 100 100 100 100", 1.0, false)
        .check(&["1 sell 102 Entry"]);
}

#[test]
fn a_cooldown_counts_candles_and_not_minutes() {
    let text = "9 9 9 9 L | 9 9 9 9 l | 9 9 9 9 L | - | - | 9 9 9 9 L | 9 9 9 9 | 9 9 9 9";
    let run = drawn(text).with(|spec| spec.risk.cooldown_candles = 1).check(&[
        "1 buy 9 Entry",
        "2 sell 9 Signal",
        "6 buy 9 Entry",
    ]);
    assert_eq!(skipped(&run), [(SkipReason::Cooldown, 1)]);
}

#[test]
fn a_part_ends_no_trade_so_it_starts_no_cooldown_and_adds_to_no_streak() {
    let text = "9 9 9 9 L | 100 100 100 100 | 100 111 100 100 | 100 100 89 90 L | 90 90 90 90";
    bracket(text)
        .with(|spec| {
            spec.money_management.size = Size::FixedQuantity(2.0);
            spec.money_management.exits =
                vec![PartialExit { target: pct(10.0), close_pct: 50.0, then_stop: None }];
            let max = NonZeroU32::MIN;
            spec.risk.loss_streak = Some(LossStreak { max, pause: Pause::Forever });
        })
        // The trade as a whole is no loss.
        .check(&[
            "1 buy 2@100 Entry",
            "2 sell 110.00000000000001 TakeProfit",
            "3 sell 90 StopLoss",
            "4 buy 2@90 Entry",
        ]);
}

#[test]
fn a_position_entered_after_a_gap_exit_at_the_same_open_has_levels_of_its_own() {
    // Stopped at the gap, flipped short at 80; the short's stop is 88, which this candle reaches.
    bracket("9 9 9 9 L | 100 100 100 100 S | 80 89 79 80 | 80 80 80 80").check(&[
        "1 buy 100 Entry",
        "2 sell 80 StopLoss",
        "2 sell 80 Entry",
        "2 buy 88 StopLoss",
    ]);
}
