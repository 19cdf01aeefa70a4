//! Trailing stops, following levels, partial exits, pending entries (docs/concepts/fills.md).

use std::num::NonZeroU32;

use model::SkipReason;
use model::settings::{
    BothTouched, EntryOrder, Level, LevelForm, PartialExit, PendingEntry, ThenStop, Trail,
    TrailingBase,
};
use model::strategy::{Cond, Expr, MathOp, Price};

use crate::drawn::{Drawn, drawn, number, pct, signal, skipped};

fn trailing(text: &str, form: LevelForm, activation_pct: Option<f64>) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.trail = Some(Trail { form, follow: false, activation_pct });
    })
}

const RISE: &str =
    "9 9 9 9 L | 100 100 100 100 | 100 120 95 118 | 118 118 107 110 | 110 110 110 110";

#[test]
fn a_trail_moves_with_the_high_after_the_exit_checks_of_its_candle() {
    trailing(RISE, LevelForm::Pct(10.0), None)
        .check(&["1 buy 100 Entry", "3 sell 108 TrailingStop"]);
}

#[test]
fn a_trail_starts_at_the_entry_fill_and_tests_the_entry_candle() {
    trailing("9 9 9 9 S | 100 150 80 100 | 9 9 9 9", LevelForm::Pct(10.0), None)
        .check(&["1 sell 100 Entry", "1 buy 110.00000000000001 TrailingStop"]);
}

#[test]
fn a_trail_never_loosens() {
    trailing(
        "9 9 9 9 L | 100 100 100 100 | 100 120 100 119 | 119 119 110 111 | 111 111 107 110",
        LevelForm::Pct(10.0),
        None,
    )
    .check(&["1 buy 100 Entry", "4 sell 108 TrailingStop"]);
}

#[test]
fn a_trail_is_armed_by_its_activation_after_the_candle_that_reaches_it() {
    trailing(RISE, LevelForm::Pct(10.0), Some(20.0))
        .check(&["1 buy 100 Entry", "3 sell 108 TrailingStop"]);
    trailing(RISE, LevelForm::Pct(10.0), Some(21.0)).check(&["1 buy 100 Entry"]);
}

#[test]
fn a_trail_may_follow_closes_only() {
    trailing(RISE, LevelForm::Pct(10.0), None)
        .with(|spec| spec.fill.trailing_base = TrailingBase::Close)
        .check(&["1 buy 100 Entry"]);
}

#[test]
fn the_distance_of_a_trail_is_sampled_on_the_signal_candle_or_follows() {
    // A tenth of the open: 5 at the signal, 10 at the closes after it.
    let distance =
        Expr::Math { op: MathOp::Div, args: vec![Expr::Price(Price::Open), number(10.0)] };
    let case = trailing(
        "50 50 50 50 L | 100 100 100 100 | 100 120 100 118 | 118 118 110 110 | 110 110 107 110",
        LevelForm::Distance(distance),
        None,
    );
    case.clone().check(&["1 buy 100 Entry", "3 sell 115 TrailingStop"]);
    let follows = |spec: &mut model::JobSpec| {
        spec.money_management.trail.as_mut().unwrap().follow = true;
    };
    case.with(follows).check(&["1 buy 100 Entry", "3 sell 110 TrailingStop"]);
}

#[test]
fn a_trail_whose_distance_is_null_makes_no_entry() {
    let null =
        Expr::Prev { of: Box::new(Expr::Price(Price::Low)), n: model::strategy::Arg::Number(5.0) };
    for activation_pct in [None, Some(5.0)] {
        let form = LevelForm::Distance(null.clone());
        let run = trailing("9 9 9 9 L | 10 10 10 10 | 10 13 9 10", form, activation_pct).check(&[]);
        assert_eq!(skipped(&run), [(SkipReason::NoSize, 1)]);
    }
}

#[test]
fn the_tighter_of_stop_and_trail_ends_the_trade() {
    let both = |text: &str| {
        trailing(text, LevelForm::Pct(10.0), None)
            .with(|spec| spec.money_management.stop = Some(pct(5.0)))
    };
    both("9 9 9 9 L | 100 100 100 100 | 100 100 89 90")
        .check(&["1 buy 100 Entry", "2 sell 95 StopLoss"]);
    both(RISE).check(&["1 buy 100 Entry", "2 sell 95 StopLoss"]);
    both("9 9 9 9 L | 100 100 100 100 | 100 120 99 118 | 118 118 107 110")
        .check(&["1 buy 100 Entry", "3 sell 108 TrailingStop"]);
}

fn level(form: LevelForm, follow: bool) -> Level {
    Level { form, follow }
}

#[test]
fn a_level_is_sampled_on_the_signal_candle_and_then_fixed() {
    let case = drawn("9 9 8 9 L | 10 10 10 10 | 10 10 9 10 | 10 10 8 9 | 9 9 9 9");
    let low = || LevelForm::Price(Expr::Price(Price::Low));
    case.clone()
        .with(|spec| spec.money_management.stop = Some(level(low(), false)))
        .check(&["1 buy 10 Entry", "3 sell 8 StopLoss"]);
    let following = case.with(|spec| spec.money_management.stop = Some(level(low(), true)));
    following.check(&["1 buy 10 Entry", "2 sell 10 StopLoss"]);
}

#[test]
fn a_distance_counts_from_the_entry_fill() {
    let distance = |amount| LevelForm::Distance(number(amount));
    drawn("9 9 9 9 L | 10 10 10 10 | 10 13 9 10 | 9 9 9 9")
        .with(|spec| {
            spec.money_management.stop = Some(level(distance(2.0), false));
            spec.money_management.target = Some(level(distance(3.0), false));
        })
        .check(&["1 buy 10 Entry", "2 sell 13 TakeProfit"]);
}

#[test]
fn a_level_that_is_null_makes_no_entry() {
    let null =
        Expr::Prev { of: Box::new(Expr::Price(Price::Low)), n: model::strategy::Arg::Number(5.0) };
    let run = drawn("9 9 9 9 L | 10 10 10 10 | 10 13 9 10")
        .with(|spec| spec.money_management.stop = Some(level(LevelForm::Price(null), false)))
        .check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::NoSize, 1)]);
}

/// Half at +10 %, then the stop goes to the entry; the rest at +20 %. Stop 10 %, quantity 2.
fn halves(text: &str) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.size = model::settings::Size::FixedQuantity(2.0);
        spec.money_management.stop = Some(pct(10.0));
        spec.money_management.target = Some(pct(20.0));
        spec.money_management.exits = vec![PartialExit {
            target: Level { form: LevelForm::Pct(10.0), follow: false },
            close_pct: 50.0,
            then_stop: Some(ThenStop::Entry),
        }];
    })
}

#[test]
fn a_partial_exit_closes_its_share_and_moves_the_stop_for_the_next_candle() {
    halves("9 9 9 9 L | 100 100 100 100 | 105 111 95 105 | 105 105 99 99 | 99 99 99 99").check(&[
        "1 buy 2@100 Entry",
        "2 sell 110.00000000000001 TakeProfit",
        "3 sell 100 StopLoss",
    ]);
}

#[test]
fn a_stop_that_a_partial_exit_moves_out_of_reach_is_not_hit_in_that_candle() {
    let text = "9 9 9 9 L | 100 111 89 100 | 100 100 81 90 | 90 90 79 85 | 85 85 85 85";
    halves(text)
        .with(|spec| {
            spec.fill.both_touched = BothTouched::TargetFirst;
            let farther = Level { form: LevelForm::Pct(20.0), follow: false };
            spec.money_management.exits[0].then_stop = Some(ThenStop::Level(farther));
        })
        .check(&[
            "1 buy 2@100 Entry",
            "1 sell 110.00000000000001 TakeProfit",
            "3 sell 80 StopLoss",
        ]);
}

#[test]
fn all_targets_that_a_candle_touches_fill_the_nearest_first() {
    let run = halves("9 9 9 9 L | 100 100 100 100 | 105 121 95 105 | 105 105 99 99").check(&[
        "1 buy 2@100 Entry",
        "2 sell 110.00000000000001 TakeProfit",
        "2 sell 120 TakeProfit",
    ]);
    assert_eq!(run.outcome.fills[2].trade_id, 0);
    assert!((run.final_equity - 1_030.0).abs() < 1e-9);
}

#[test]
fn a_gap_beyond_a_partial_target_fills_at_the_open_and_its_stop_holds_at_once() {
    halves("9 9 9 9 L | 100 100 100 100 | 115 116 99 100 | 105 105 99 99").check(&[
        "1 buy 2@100 Entry",
        "2 sell 115 TakeProfit",
        "2 sell 100 StopLoss",
    ]);
}

#[test]
fn target_first_takes_the_part_and_stops_the_rest_where_the_stop_then_is() {
    let case = halves("9 9 9 9 L | 100 100 100 100 | 95 111 85 95 | 95 95 95 95");
    case.clone().check(&["1 buy 2@100 Entry", "2 sell 2@90 StopLoss"]);
    case.with(|spec| spec.fill.both_touched = BothTouched::TargetFirst).check(&[
        "1 buy 2@100 Entry",
        "2 sell 110.00000000000001 TakeProfit",
        "2 sell 100 StopLoss",
    ]);
}

#[test]
fn exits_that_add_up_to_all_leave_nothing() {
    let run = halves("9 9 9 9 S | 100 100 100 100 | 100 100 70 70 | 70 70 70 70")
        .with(|spec| {
            let money = &mut spec.money_management;
            money.target = None;
            money.size = model::settings::Size::FixedQuantity(1.0);
            let exit = |target, close_pct| PartialExit {
                target: Level { form: LevelForm::Pct(target), follow: false },
                close_pct,
                then_stop: None,
            };
            money.exits = vec![exit(10.0, 33.0), exit(20.0, 33.0), exit(25.0, 34.0)];
        })
        .run();
    assert_eq!(run.outcome.fills.len(), 4);
    assert_eq!(run.outcome.open_position, None);
}

fn minus(price: Price, distance: f64) -> Expr {
    Expr::Math { op: MathOp::Sub, args: vec![Expr::Price(price), number(distance)] }
}

fn pending(price: Expr) -> PendingEntry {
    PendingEntry { price, expire_candles: None, cancel_if: None }
}

fn limit(text: &str, edit: impl FnOnce(&mut PendingEntry)) -> Drawn {
    let mut entry = pending(minus(Price::Close, 1.0));
    edit(&mut entry);
    drawn(text).with(|spec| spec.risk.entry_order = EntryOrder::Limit(entry))
}

#[test]
fn a_limit_waits_for_its_price_and_fills_there_at_the_maker_fee() {
    let run = limit("10 10 10 10 L | 10 11 9.5 10 | 9.5 10 9 9.5 | 9 9 9 9", |_| {})
        .with(|spec| {
            spec.costs.maker_fee_pct = 1.0;
            spec.costs.taker_fee_pct = 5.0;
            spec.costs.slippage_bps = 100.0;
        })
        .check(&["2 buy 9 Entry"]);
    assert!((run.outcome.fills[0].fee - 0.09).abs() < 1e-12);
}

#[test]
fn a_limit_that_the_open_has_passed_fills_at_the_open() {
    limit("10 10 10 10 L | 8 8 8 8 | 9 9 9 9", |_| {}).check(&["1 buy 8 Entry"]);
    drawn("10 10 10 10 S | 12 12 12 12 | 9 9 9 9")
        .with(|spec| spec.risk.entry_order = EntryOrder::Limit(pending(minus(Price::Close, -1.0))))
        .check(&["1 sell 12 Entry"]);
}

#[test]
fn a_stop_entry_waits_for_its_price_and_pays_slippage_and_taker_fee() {
    let stop = |text: &str, distance: f64| {
        drawn(text).with(|spec| {
            let entry = pending(minus(Price::Close, distance));
            spec.risk.entry_order = EntryOrder::Stop(entry);
            spec.costs.taker_fee_pct = 1.0;
            spec.costs.slippage_bps = 1_000.0;
        })
    };
    let run = stop("9 9 9 9 L | 9 9.5 9 9 | 9 10 9 10 | 9 9 9 9", -1.0).check(&["2 buy 11 Entry"]);
    assert!((run.outcome.fills[0].fee - 0.11).abs() < 1e-12);
    stop("9 9 9 9 L | 20 20 20 20 | 9 9 9 9", -1.0).check(&["1 buy 22 Entry"]);
    stop("9 9 9 9 S | 9 9 9 9 | 9 9 5 9 | 9 9 9 9", 1.0).check(&["2 sell 7.2 Entry"]);
}

#[test]
fn the_candle_that_fills_a_pending_order_checks_the_stop_and_not_the_target() {
    let case = |text: &str| {
        limit(text, |_| {}).with(|spec| {
            spec.money_management.stop = Some(pct(10.0));
            spec.money_management.target = Some(pct(10.0));
        })
    };
    case("101 101 101 101 L | 105 120 100 110 | 105 105 105 105").check(&["1 buy 100 Entry"]);
    case("101 101 101 101 L | 105 105 90 95 | 95 95 95 95")
        .check(&["1 buy 100 Entry", "1 sell 90 StopLoss"]);
    case("101 101 101 101 L | 105 120 100 110 | 105 110.1 105 105")
        .check(&["1 buy 100 Entry", "2 sell 110.00000000000001 TakeProfit"]);
}

#[test]
fn a_pending_order_expires_is_withdrawn_replaced_or_left_and_is_counted_each_time() {
    let flat = "10 10 10 10";
    let count = |case: Drawn, expected: &[&str], unfilled: u64| {
        let run = case.check(expected);
        assert_eq!(skipped(&run), [(SkipReason::Unfilled, unfilled)]);
    };
    let two = NonZeroU32::new(2);
    let text = format!("{flat} L | {flat} | {flat} | 9 9 9 9 | 9 9 9 9");
    count(limit(&text, |entry| entry.expire_candles = two), &[], 1);
    let text = format!("{flat} L | {flat} | 9 9 9 9 | 9 9 9 9");
    limit(&text, |entry| entry.expire_candles = two).check(&["2 buy 9 Entry"]);
    let text = format!("{flat} L | {flat} l | 9 9 9 9 | 9 9 9 9");
    count(limit(&text, |entry| entry.cancel_if = Some(signal(b'l'))), &[], 1);
    let text = format!("{flat} L | {flat} S | 9 9 9 9 | 9 9 9 9");
    count(limit(&text, |_| {}), &["2 sell 9 Entry"], 1);
    let text = format!("{flat} L | {flat} L | {flat} | {flat}");
    count(limit(&text, |_| {}), &[], 1);
}

#[test]
fn an_order_that_expires_may_be_placed_again_by_the_same_close() {
    let text = "10 10 10 10 L | 10 10 10 10.5 L | 10 10 9.5 9.5 | 9 9 9 9";
    limit(text, |entry| entry.expire_candles = NonZeroU32::new(1)).check(&["2 buy 9.5 Entry"]);
}

#[test]
fn a_flip_with_a_pending_entry_exits_at_the_open_and_then_waits() {
    drawn("10 10 10 10 L | 9 9 9 9 S | 9 9 9 9 | 9 9 9 9 | 10 10 10 10")
        .with(|spec| {
            let price =
                Expr::Math { op: MathOp::Max, args: vec![Expr::Price(Price::Close), number(10.0)] };
            spec.risk.entry_order = EntryOrder::Limit(pending(price));
        })
        .check(&["1 buy 9 Entry", "2 sell 9 Flip", "4 sell 10 Entry"]);
}

#[test]
fn a_pending_price_that_is_null_places_no_order() {
    let never = Expr::ValueWhen {
        condition: Box::new(Cond::Constant(false)),
        of: Box::new(Expr::Price(Price::Close)),
    };
    let run = drawn("10 10 10 10 L | 9 9 9 9 | 9 9 9 9")
        .with(|spec| spec.risk.entry_order = EntryOrder::Limit(pending(never)))
        .check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::NoSize, 1)]);
}

/// Half leaves at `+10`, then the stop is `then_stop`; the first stop is 10 % away.
fn half_then(text: &str, then_stop: ThenStop) -> Drawn {
    halves(text).with(|spec| {
        spec.money_management.target = None;
        spec.money_management.exits =
            vec![PartialExit { target: pct(10.0), close_pct: 50.0, then_stop: Some(then_stop) }];
    })
}

#[test]
fn a_stop_after_a_part_may_follow_too() {
    let low = Level { form: LevelForm::Price(Expr::Price(Price::Low)), follow: true };
    // The low of the signal candle is 9; then each close brings it to the low of its candle.
    let text = "9 9 9 9 L | 100 100 100 100 | 105 111 104 110 | 112 120 108 119 | 118 119 107 107";
    half_then(text, ThenStop::Level(low.clone())).check(&[
        "1 buy 2@100 Entry",
        "2 sell 110.00000000000001 TakeProfit",
        "4 sell 108 StopLoss",
    ]);
    half_then(text, ThenStop::Level(Level { follow: false, ..low }))
        .check(&["1 buy 2@100 Entry", "2 sell 110.00000000000001 TakeProfit"]);
}

#[test]
fn break_even_does_not_loosen_a_stop_that_has_followed_further() {
    let text = "99 99 99 99 L | 100 105 100 105 | 106 112 104 112 | 111 112 103 104";
    half_then(text, ThenStop::Entry)
        .with(|spec| {
            let form = LevelForm::Price(minus(Price::Close, 1.0));
            spec.money_management.stop = Some(Level { form, follow: true });
        })
        // The close of candle 1 brought the stop to 104: candle 2 touches it and the part.
        .check(&["1 buy 2@100 Entry", "2 sell 2@104 StopLoss"]);
    let higher = "99 99 99 99 L | 100 105 100 105 | 106 112 105 106 | 105.5 106 103 104";
    half_then(higher, ThenStop::Entry)
        .with(|spec| {
            let form = LevelForm::Price(minus(Price::Close, 1.0));
            spec.money_management.stop = Some(Level { form, follow: true });
        })
        .check(&[
            "1 buy 2@100 Entry",
            "2 sell 110.00000000000001 TakeProfit",
            "3 sell 105 StopLoss",
        ]);
    // The close of the part's own candle is lower: what was reached before it counts.
    let lower = "99 99 99 99 L | 100 105 100 105 | 106 112 104.5 101 | 104.2 106 103 104";
    half_then(lower, ThenStop::Entry)
        .with(|spec| {
            let form = LevelForm::Price(minus(Price::Close, 1.0));
            spec.money_management.stop = Some(Level { form, follow: true });
        })
        .check(&[
            "1 buy 2@100 Entry",
            "2 sell 110.00000000000001 TakeProfit",
            "3 sell 104 StopLoss",
        ]);
}

#[test]
fn parts_of_all_but_for_rounding_leave_nothing() {
    // In binary 0.1 + 64.1 + 35.8 is a last bit below 100.
    let text = "99 99 99 99 L | 100 100 100 100 | 105 140 105 140 | 140 140 140 140";
    let run = halves(text)
        .with(|spec| {
            spec.money_management.stop = None;
            spec.money_management.target = None;
            let part = |target: f64, close_pct: f64| PartialExit {
                target: pct(target),
                close_pct,
                then_stop: None,
            };
            spec.money_management.exits = vec![part(10.0, 0.1), part(20.0, 64.1), part(30.0, 35.8)];
        })
        .run();
    assert_eq!(run.outcome.open_position, None);
    assert_eq!(run.outcome.fills.len(), 4);
}
