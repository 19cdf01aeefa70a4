//! Cooldown, limits of time, streaks of losses (docs/concepts/fills.md).

use std::num::NonZeroU32;

use model::SkipReason;
use model::settings::{LossStreak, Pause};

use crate::drawn::{Drawn, drawn, pct, skipped};

const FLAT: &str = "9 9 9 9";

#[test]
fn a_cooldown_of_k_blocks_the_opens_of_the_k_candles_after_the_exit_candle() {
    let text = format!("{FLAT} L | {FLAT} l | {FLAT} L | {FLAT} L | {FLAT} L | {FLAT}");
    let run = drawn(&text).with(|spec| spec.risk.cooldown_candles = 2).check(&[
        "1 buy 9 Entry",
        "2 sell 9 Signal",
        "5 buy 9 Entry",
    ]);
    assert_eq!(skipped(&run), [(SkipReason::Cooldown, 2)]);
}

#[test]
fn a_flip_is_exempt_from_the_cooldown_also_after_a_gap() {
    drawn("9 9 9 9 L | 9 9 9 9 S | 9 9 9 9 | 9 9 9 9")
        .with(|spec| spec.risk.cooldown_candles = 5)
        .check(&["1 buy 9 Entry", "2 sell 9 Flip", "2 sell 9 Entry"]);
    drawn("9 9 9 9 L | 9 9 9 9 S | 7 7 7 7 | 7 7 7 7")
        .with(|spec| {
            spec.risk.cooldown_candles = 5;
            spec.money_management.stop = Some(pct(10.0));
        })
        .check(&["1 buy 9 Entry", "2 sell 7 StopLoss", "2 sell 7 Entry"]);
}

fn limited(text: &str, minutes: u32) -> Drawn {
    drawn(text).with(|spec| spec.risk.max_position_minutes = NonZeroU32::new(minutes))
}

#[test]
fn a_limit_of_time_is_decided_at_the_close_and_fills_at_the_next_open() {
    limited("9 9 9 9 L | 9 9 9 9 | 9 9 9 9 | 8 8 8 8 | 7 7 7 7", 2)
        .check(&["1 buy 9 Entry", "3 sell 8 TimeLimit"]);
}

#[test]
fn a_limit_of_time_counts_clock_minutes_across_missing_candles() {
    limited("9 9 9 9 L | 9 9 9 9 | - | - | 8 8 8 8 | 7 7 7 7", 3)
        .check(&["1 buy 9 Entry", "5 sell 7 TimeLimit"]);
}

#[test]
fn a_flip_or_an_exit_signal_at_the_limit_keeps_its_own_reason() {
    limited("9 9 9 9 L | 9 9 9 9 S | 8 8 8 8 s | 7 7 7 7", 1).check(&[
        "1 buy 9 Entry",
        "2 sell 8 Flip",
        "2 sell 8 Entry",
        "3 buy 7 Signal",
    ]);
}

#[test]
fn a_flip_only_in_profit_needs_one_net_of_both_fees_at_the_signal_close() {
    let case = |close: &str| {
        drawn(&format!("100 100 100 100 L | 100 110 90 {close} S | 100 100 100 100 | 99 99 99 99"))
            .with(|spec| {
                spec.risk.flip_only_in_profit = true;
                spec.costs.taker_fee_pct = 1.0;
            })
    };
    case("102").check(&["1 buy 100 Entry"]);
    case("102.1").check(&["1 buy 100 Entry", "2 sell 100 Flip", "2 sell 100 Entry"]);
}

#[test]
fn closing_early_needs_the_minutes_and_a_net_profit() {
    let text = "100 100 100 100 L | 100 105 99 105 | 105 105 99 101 | 101 103 99 103 | 95 95 95 95";
    drawn(text)
        .with(|spec| {
            spec.risk.close_early_after_minutes = Some(2);
            spec.costs.taker_fee_pct = 1.0;
        })
        .check(&["1 buy 100 Entry", "4 sell 95 CloseEarly"]);
}

/// Trades long from each signal to the next candle with `l`; two losses in a row pause.
fn streak(text: &str, pause: Pause) -> Drawn {
    let max = NonZeroU32::MIN.saturating_add(1);
    drawn(text).with(|spec| spec.risk.loss_streak = Some(LossStreak { max, pause }))
}

const TWO_LOSSES: &str = "9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 8 8 8 8 l | 7 7 7 7 L | \
                          7 7 7 7 L | 6 6 6 6 L | 5 5 5 5 l | 4 4 4 4";
const BOTH: [&str; 4] = ["1 buy 9 Entry", "2 sell 8 Signal", "3 buy 8 Entry", "4 sell 7 Signal"];

#[test]
fn a_streak_of_losses_pauses_for_a_number_of_candles() {
    let pause = Pause::Candles(NonZeroU32::new(2).unwrap());
    let run = streak(TWO_LOSSES, pause).check(&[
        BOTH[0],
        BOTH[1],
        BOTH[2],
        BOTH[3],
        "7 buy 5 Entry",
        "8 sell 4 Signal",
    ]);
    assert_eq!(skipped(&run), [(SkipReason::LossStreak, 2)]);
}

#[test]
fn a_streak_of_losses_pauses_for_ever() {
    let run = streak(TWO_LOSSES, Pause::Forever).check(&BOTH);
    assert_eq!(skipped(&run), [(SkipReason::LossStreak, 3)]);
}

#[test]
fn a_streak_of_losses_pauses_to_the_end_of_the_calendar_day() {
    let mut case = streak(TWO_LOSSES, Pause::Day);
    for (time_ms, minute) in case.candles.open_time_ms.iter_mut().zip(1_434..) {
        *time_ms = minute * 60_000;
    }
    case.spec.range.end_ms = 1_500 * 60_000;
    let run = case.run();
    let minutes: Vec<i64> = run.outcome.fills.iter().map(|fill| fill.time_ms / 60_000).collect();
    assert_eq!(minutes, [1_435, 1_436, 1_437, 1_438, 1_440, 1_442]);
    assert_eq!(skipped(&run), [(SkipReason::LossStreak, 1)]);
}

#[test]
fn a_win_resets_the_streak_and_a_trade_of_zero_does_neither() {
    let win = "9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 8 8 8 8 l | 9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 8 8 8 8";
    assert_eq!(streak(win, Pause::Forever).run().outcome.fills.len(), 7);
    let zero = "9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 8 8 8 8 l | 8 8 8 8 L | 8 8 8 8 l | 7 7 7 7 L | 7 7 7 7";
    assert_eq!(streak(zero, Pause::Forever).run().outcome.fills.len(), 6);
}

#[test]
fn a_flip_that_completes_the_streak_only_exits() {
    let text = "9 9 9 9 L | 9 9 9 9 l | 8 8 8 8 L | 8 8 8 8 S | 7 7 7 7 | 7 7 7 7";
    let run = streak(text, Pause::Forever).check(&[
        "1 buy 9 Entry",
        "2 sell 8 Signal",
        "3 buy 8 Entry",
        "4 sell 7 Flip",
    ]);
    assert_eq!(skipped(&run), [(SkipReason::LossStreak, 1)]);
}
