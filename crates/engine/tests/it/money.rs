//! Sizes, fees, instruments, leverage, ruin (docs/concepts/fills.md).

use model::settings::{Instrument, Level, LevelForm, Size};
use model::strategy::{Expr, Price};
use model::{FillReason, SkipReason};

use crate::drawn::{Drawn, drawn, pct, skipped};

#[track_caller]
fn near(actual: f64, expected: f64) {
    assert!(
        (actual - expected).abs() < 1e-9 * expected.abs().max(1.0),
        "{actual} is not {expected}"
    );
}

fn sized(text: &str, size: Size) -> Drawn {
    drawn(text).with(|spec| spec.money_management.size = size)
}

const UP: &str = "10 10 10 10 L | 10 10 10 10 l | 20 20 20 20 | 20 20 20 20";

#[test]
fn a_percent_of_the_balance_pays_its_own_fee() {
    let case = sized(UP, Size::PercentOfBalance(100.0)).with(|spec| spec.costs.taker_fee_pct = 1.0);
    let run = case.run();
    let [buy, sell] = &run.outcome.fills[..] else { panic!("two fills") };
    near(buy.quantity, 1_000.0 / 1.01 / 10.0);
    near(buy.quantity * 10.0 + buy.fee, 1_000.0);
    near(sell.fee, buy.quantity * 20.0 * 0.01);
    near(run.final_equity, buy.quantity * 20.0 * 0.99);
}

#[test]
fn half_of_the_balance_leaves_the_other_half() {
    let run = sized(UP, Size::PercentOfBalance(50.0)).run();
    near(run.final_equity, 1_500.0);
}

#[test]
fn fixed_sizes_are_capped_by_what_the_balance_can_pay() {
    near(sized(UP, Size::FixedQuote(500.0)).run().outcome.fills[0].quantity, 50.0);
    near(sized(UP, Size::FixedQuote(5_000.0)).run().outcome.fills[0].quantity, 100.0);
    near(sized(UP, Size::FixedQuantity(3.0)).run().outcome.fills[0].quantity, 3.0);
    near(sized(UP, Size::FixedQuantity(300.0)).run().outcome.fills[0].quantity, 100.0);
}

#[test]
fn the_entry_of_a_flip_is_sized_on_the_equity_after_its_exit() {
    let text = "10 10 10 10 L | 10 10 10 10 S | 20 20 20 20 | 20 20 20 20";
    let case =
        sized(text, Size::PercentOfBalance(100.0)).with(|spec| spec.costs.taker_fee_pct = 1.0);
    let run = case.run();
    let [_, exit, entry] = &run.outcome.fills[..] else { panic!("three fills") };
    near(exit.fee, exit.quantity * 20.0 * 0.01);
    near(entry.quantity, exit.quantity * 20.0 * 0.99 / 1.01 / 20.0);
}

#[test]
fn a_short_gains_when_the_price_falls() {
    let text = "10 10 10 10 S | 10 10 10 10 s | 8 8 8 8 | 8 8 8 8";
    near(sized(text, Size::PercentOfBalance(100.0)).run().final_equity, 1_200.0);
}

#[test]
fn risk_loses_its_percent_of_the_equity_at_the_stop() {
    let text = "100 100 100 100 L | 100 100 90 100 | 100 100 100 100";
    let case =
        sized(text, Size::RiskPct(2.0)).with(|spec| spec.money_management.stop = Some(pct(10.0)));
    near(case.run().final_equity, 980.0);
    let capped =
        sized(text, Size::RiskPct(50.0)).with(|spec| spec.money_management.stop = Some(pct(10.0)));
    near(capped.run().outcome.fills[0].quantity, 10.0);
}

#[test]
fn a_risk_without_a_stop_has_no_size() {
    let run = sized(UP, Size::RiskPct(2.0)).check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::NoSize, 1)]);
}

#[test]
fn a_step_too_small_to_count_rounds_nothing() {
    let case = sized(UP, Size::PercentOfBalance(100.0)).with(|spec| spec.balance = 1e15);
    let mut fine = case.clone();
    fine.instrument = Instrument { lot_step: 1e-300, tick_size: 1e-320, ..Instrument::default() };
    let (plain, fine) = (case.run().outcome, fine.run().outcome);
    assert_eq!((&fine.fills, fine.fills.len()), (&plain.fills, 2));
}

#[test]
fn a_quantity_beyond_numbers_is_no_size() {
    let text = "1e-307 1e-307 1e-307 1e-307 L | 1e-307 1e-307 1e-307 1e-307";
    let run = sized(text, Size::PercentOfBalance(100.0)).check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::NoSize, 1)]);
}

#[test]
fn kelly_uses_its_start_until_30_trades_are_closed() {
    // Trades alternate: two wins of 10 %, then one loss of 10 %.
    let mut text = String::new();
    for trade in 0..40 {
        let end = if trade % 3 == 2 { "9 9 9 9" } else { "11 11 11 11" };
        text += "10 10 10 10 L | 10 10 10 10 l | ";
        text += end;
        text += " | ";
    }
    text += "10 10 10 10";
    let run = sized(&text, Size::Kelly { cap: 50.0, start: 10.0 }).run();
    let entries: Vec<_> =
        run.outcome.fills.iter().filter(|fill| fill.reason == FillReason::Entry).collect();
    let mut equity = 1_000.0;
    let (mut won, mut lost) = (0.0, 0.0);
    for (trade, fill) in entries.iter().enumerate() {
        let share = fill.quantity * 10.0 / equity;
        if trade < 30 {
            near(share, 0.1);
        } else if trade == 30 {
            let payoff = (won / 20.0) / (lost / 10.0);
            let kelly = 2.0 / 3.0 - (1.0 / 3.0) / payoff;
            near(share, if kelly > 0.5 { 0.5 } else { kelly });
        }
        let pnl = fill.quantity * if trade % 3 == 2 { -1.0 } else { 1.0 };
        if pnl > 0.0 {
            won += pnl;
        } else {
            lost -= pnl;
        }
        equity += pnl;
    }
    assert_eq!(entries.len(), 40);
}

#[test]
fn the_cap_of_kelly_does_not_cap_its_start() {
    let run = sized(UP, Size::Kelly { cap: 5.0, start: 20.0 }).run();
    near(run.outcome.fills[0].quantity, 20.0);
}

fn ticked(instrument: Instrument, text: &str) -> Drawn {
    let mut case = drawn(text);
    case.instrument = instrument;
    case
}

#[test]
fn prices_round_against_the_trader_and_quantities_down() {
    let instrument = Instrument { tick_size: 0.5, lot_step: 0.25, ..Instrument::default() };
    ticked(instrument, "9 9 9 9 L | 10.1 10.1 10.1 10.1 l | 12.3 12.3 12.3 12.3 | 12 12 12 12")
        .with(|spec| spec.money_management.size = Size::FixedQuantity(1.6))
        .check(&["1 buy 1.5@10.5 Entry", "2 sell 1.5@12 Signal"]);
    ticked(instrument, "9 9 9 9 S | 10.1 10.1 10.1 10.1 s | 12.3 12.3 12.3 12.3 | 12 12 12 12")
        .check(&["1 sell 10 Entry", "2 buy 12.5 Signal"]);
}

#[test]
fn a_quantity_just_below_a_step_is_rounded_down() {
    let instrument = Instrument { lot_step: 0.001, ..Instrument::default() };
    let run = ticked(instrument, UP)
        .with(|spec| {
            spec.balance = 100_000.0;
            spec.money_management.size = Size::FixedQuantity(183.336_999_976_202_38);
        })
        .run();
    near(run.outcome.fills[0].quantity, 183.336);
}

#[test]
fn what_is_too_small_is_skipped_and_counted_by_reason() {
    let least = Instrument { min_quantity: 2.0, ..Instrument::default() };
    assert_eq!(skipped(&ticked(least, UP).check(&[])), [(SkipReason::MinQuantity, 1)]);
    let notional = Instrument { min_notional: 11.0, ..Instrument::default() };
    assert_eq!(skipped(&ticked(notional, UP).check(&[])), [(SkipReason::MinNotional, 1)]);
    let steps = Instrument { lot_step: 3.0, ..Instrument::default() };
    assert_eq!(skipped(&ticked(steps, UP).check(&[])), [(SkipReason::MinQuantity, 1)]);
}

#[test]
fn steps_of_a_contract_count_contracts() {
    let instrument =
        Instrument { lot_step: 1.0, contract_multiplier: 0.1, ..Instrument::default() };
    ticked(instrument, "9 9 9 9 L | 10 10 10 10 | 10 10 10 10")
        .with(|spec| spec.money_management.size = Size::FixedQuantity(0.55))
        .check(&["1 buy 0.5@10 Entry"]);
}

fn levered(text: &str, leverage: f64) -> Drawn {
    drawn(text).with(|spec| {
        spec.money_management.leverage = leverage;
        spec.money_management.size = Size::PercentOfBalance(100.0);
    })
}

#[test]
fn leverage_multiplies_the_position_and_the_fee_comes_from_the_margin() {
    let text = "100 100 100 100 L | 100 100 100 100 l | 101 101 101 101 | 101 101 101 101";
    let run = levered(text, 10.0).with(|spec| spec.costs.taker_fee_pct = 1.0).run();
    let notional = 1_000.0 * 10.0 / 1.1;
    near(run.outcome.fills[0].quantity, notional / 100.0);
    near(run.outcome.fills[0].fee, notional / 100.0);
    near(run.final_equity, 1_000.0 - notional * 0.01 + notional * 0.01 - notional * 0.0101);
}

#[test]
fn liquidation_is_triggered_by_the_maintenance_margin_and_loses_the_whole_margin() {
    // Long at 100, leverage 10, maintenance 0.5 %: trigger 90.4522..., booked at 90.
    let half =
        |case: Drawn| case.with(|spec| spec.money_management.size = Size::PercentOfBalance(50.0));
    let run = half(levered("9 9 9 9 L | 100 100 90.5 100 | 100 100 90.45 95 | 95 95 95 95", 10.0))
        .check(&["1 buy 50@100 Entry", "2 sell 50@90 Liquidation"]);
    near(run.final_equity, 500.0);
    near(run.outcome.fills[1].fee, 0.0);
    half(levered("9 9 9 9 S | 100 100 100 100 | 100 109.46 100 95 | 95 95 95 95", 10.0))
        .check(&["1 sell 50@100 Entry", "2 buy 50@110.00000000000001 Liquidation"]);
}

#[test]
fn a_gap_beyond_the_liquidation_price_loses_the_margin_and_no_more() {
    let run = levered("9 9 9 9 L | 100 100 100 100 | 50 50 50 50 L | 50 50 50 50", 10.0)
        .with(|spec| {
            spec.money_management.stop = Some(pct(5.0));
            spec.costs.slippage_bps = 100.0;
        })
        .run();
    assert_eq!(run.outcome.fills[1].reason, FillReason::Liquidation);
    assert!(run.ruined && run.final_equity.abs() < 1e-9);
    assert_eq!(skipped(&run), [(SkipReason::Ruined, 1)]);
}

#[test]
fn the_stop_or_the_liquidation_fills_whichever_is_nearer_to_the_open() {
    let case = |stop| {
        levered("9 9 9 9 L | 100 100 100 100 | 100 100 80 95 | 95 95 95 95", 10.0)
            .with(|spec| spec.money_management.stop = Some(pct(stop)))
    };
    case(5.0).check(&["1 buy 100@100 Entry", "2 sell 100@95 StopLoss"]);
    case(9.7).check(&["1 buy 100@100 Entry", "2 sell 100@90 Liquidation"]);
}

#[test]
fn a_stop_that_does_not_work_on_the_entry_candle_shields_from_no_liquidation() {
    levered("9 9 9 9 L | 100 101 85 95 | 95 95 95 95", 10.0)
        .with(|spec| {
            spec.money_management.stop = Some(pct(5.0));
            spec.fill.stop_on_entry_candle = false;
        })
        .check(&["1 buy 100@100 Entry", "1 sell 100@90 Liquidation"]);
}

#[test]
fn a_short_without_leverage_is_liquidated_near_twice_its_price() {
    let run =
        sized("9 9 9 9 S | 10 10 10 10 | 10 19.91 10 11 | 9 9 9 9", Size::PercentOfBalance(100.0))
            .check(&["1 sell 100@10 Entry", "2 buy 100@20 Liquidation"]);
    assert!(run.ruined);
}

#[test]
fn no_fee_or_slippage_takes_more_than_the_margin() {
    let run = levered("9 9 9 9 L | 100 100 100 100 l | 91 91 91 91 | 91 91 91 91", 10.0)
        .with(|spec| {
            spec.costs.taker_fee_pct = 5.0;
            spec.costs.slippage_bps = 1_000.0;
        })
        .run();
    assert!(run.final_equity >= 0.0, "{}", run.final_equity);
    assert!(run.ruined);
}

#[test]
fn a_balance_below_the_least_notional_ends_the_trading() {
    let instrument = Instrument { min_notional: 5.0, ..Instrument::default() };
    let run = ticked(instrument, UP).with(|spec| spec.balance = 4.0).run();
    assert!(run.ruined);
    assert_eq!(skipped(&run), [(SkipReason::Ruined, 1)]);
}

#[test]
fn a_level_on_the_wrong_side_of_the_fill_skips_the_entry() {
    let price = Expr::Price(Price::Close);
    let level = || Some(Level { form: LevelForm::Price(price.clone()), follow: false });
    let case = drawn("9 9 9 9 L | 9 9 9 9 S | 10 10 10 10 | 10 10 10 10");
    let run = case.clone().with(|spec| spec.money_management.stop = level()).check(&[]);
    assert_eq!(skipped(&run), [(SkipReason::LevelOnWrongSide, 2)]);
    let run = case.with(|spec| spec.money_management.target = level()).check(&["2 sell 10 Entry"]);
    assert_eq!(skipped(&run), [(SkipReason::LevelOnWrongSide, 1)]);
}
