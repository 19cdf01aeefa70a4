//! Properties that every backtest has, on generated candles.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;

use engine::{Control, Error, Input, Monitor, PROGRESS_STRIDE, Run, run_batch, run_plain};
use model::settings::{
    AllowedSides, BothTouched, EntryOrder, Funding, LevelForm, PartialExit, PendingEntry, RangeEnd,
    Size, ThenStop, Trail,
};
use model::strategy::{
    Arg, CompareOp, Cond, Expr, IndicatorCall, IndicatorKind, PositionField, Price, Signals,
};
use model::{Candle, Candles, JobSpec, Outcome, Side, TimeRange};
use proptest::prelude::*;

use crate::drawn::{Drawn, MINUTE_MS, Unwatched, compare, drawn, number, pct, spec};

/// A pseudo-random number in [0, 1).
pub(crate) fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// A wild walk of prices with gaps between candles and some missing ones.
pub(crate) fn wild(seed: u64, count: usize) -> Candles {
    let mut state = seed;
    let mut price = 100.0;
    let mut candles = Candles::with_capacity(count);
    for minute in (0..).take(count) {
        let mut step = |size: f64| 1.0 + size * (uniform(&mut state) - 0.5);
        let open = price * step(0.02);
        let close = open * step(0.05);
        let high = open.max(close) * (1.0 + (step(0.03) - 1.0).abs());
        let low = open.min(close) * (1.0 - (step(0.03) - 1.0).abs());
        price = close;
        if uniform(&mut state) < 0.02 {
            continue;
        }
        let volume = (uniform(&mut state) * 1_000.0).round();
        candles.push(Candle { open_time_ms: minute * MINUTE_MS, open, high, low, close, volume });
    }
    candles
}

fn column(kind: IndicatorKind, n: f64) -> Expr {
    let of = Some(Expr::Price(Price::Close));
    Expr::Indicator(Box::new(IndicatorCall { kind, of, args: vec![Arg::Number(n)], output: 0 }))
}

fn ema(n: f64) -> Expr {
    column(IndicatorKind::Ema, n)
}

/// A cross of two averages with stop, target, fees and slippage, the whole balance each time.
pub(crate) fn crossing(candles: Candles, fast: f64, slow: f64) -> Drawn {
    let last = candles.open_time_ms.last().copied().unwrap_or_default();
    let start_ms = last / 4;
    let mut case = drawn("1 1 1 1");
    case.candles = candles;
    case.spec = spec(TimeRange { start_ms, end_ms: last + MINUTE_MS });
    case.with(|spec| {
        spec.signals = Arc::new(Signals {
            long: Some(Cond::CrossUp { left: ema(fast), right: ema(slow) }),
            short: Some(Cond::CrossDown { left: ema(fast), right: ema(slow) }),
            exit_long: Some(compare(CompareOp::Gt, column(IndicatorKind::Rsi, 14.0), number(75.0))),
            exit_short: Some(compare(
                CompareOp::Lt,
                column(IndicatorKind::Rsi, 14.0),
                number(25.0),
            )),
        });
        spec.money_management.size = Size::PercentOfBalance(90.0);
        spec.money_management.stop = Some(pct(2.0));
        spec.money_management.target = Some(pct(2.5));
        spec.costs.taker_fee_pct = 0.1;
        spec.costs.maker_fee_pct = 0.02;
        spec.costs.slippage_bps = 2.0;
        spec.risk.cooldown_candles = 1;
    })
}

/// Settings that decide which candles can be skipped.
#[derive(Clone, Debug)]
struct Settings {
    stop_pct: Option<f64>,
    target_pct: Option<f64>,
    trail_pct: Option<f64>,
    partial_pct: Option<f64>,
    minutes: Option<u32>,
    close_early: Option<u32>,
    state: usize,
    pending: bool,
    flip: bool,
    leverage: f64,
    sides: AllowedSides,
    end: RangeEnd,
}

fn settings() -> impl Strategy<Value = Settings> {
    let pct = || prop::option::of(0.5_f64..6.0);
    let levels = (pct(), pct(), prop::option::weighted(0.3, 0.5_f64..6.0), pct());
    let minutes = || prop::option::weighted(0.3, 1_u32..200);
    let sides = vec![AllowedSides::Both, AllowedSides::Long, AllowedSides::Short];
    let rest = (
        minutes(),
        minutes(),
        0_usize..5,
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(vec![1.0, 5.0, 20.0]),
        prop::sample::select(sides),
        prop::sample::select(vec![RangeEnd::Mark, RangeEnd::Close]),
    );
    (levels, rest).prop_map(|((stop_pct, target_pct, trail_pct, partial_pct), rest)| {
        let (minutes, close_early, state, pending, flip, leverage, sides, end) = rest;
        Settings {
            stop_pct,
            target_pct,
            trail_pct,
            partial_pct,
            minutes,
            close_early,
            state,
            pending,
            flip,
            leverage,
            sides,
            end,
        }
    })
}

impl Settings {
    fn apply(&self, spec: &mut JobSpec) {
        let money = &mut spec.money_management;
        money.stop = self.stop_pct.map(pct);
        money.target = self.target_pct.map(pct);
        let form = self.trail_pct.map(LevelForm::Pct);
        money.trail = form.map(|form| Trail { form, follow: false, activation_pct: None });
        money.leverage = self.leverage;
        let exits = self.partial_pct.map(|target| PartialExit {
            target: pct(target),
            close_pct: 40.0,
            then_stop: Some(ThenStop::Entry),
        });
        money.exits = exits.into_iter().collect();
        spec.risk.flip_position = self.flip;
        spec.risk.direction = self.sides;
        spec.risk.max_position_minutes = self.minutes.and_then(NonZeroU32::new);
        spec.risk.close_early_after_minutes = self.close_early;
        spec.fill.end = self.end;
        if self.pending {
            let price = Expr::Price(Price::Hl2);
            let expire_candles = NonZeroU32::new(5);
            let entry = PendingEntry { price, expire_candles, cancel_if: None };
            spec.risk.entry_order = EntryOrder::Limit(entry);
        }
        let field = match self.state {
            0 => PositionField::BarsInTrade,
            1 => PositionField::OpenPnlPct,
            2 => PositionField::MaxFavourablePct,
            _ => return,
        };
        let state = compare(CompareOp::Gt, Expr::Position(field), number(1.5));
        let mut signals = (*spec.signals).clone();
        let exit = signals.exit_long.take();
        signals.exit_long = Some(Cond::Any(exit.into_iter().chain([state]).collect()));
        spec.signals = Arc::new(signals);
    }
}

/// Cash flows, payments and the value of the open position are the equity at the end.
pub(crate) fn check_books(run: &Run, balance: f64) {
    let held = run.outcome.open_position.map_or(0.0, |open| {
        let sign = if open.side == model::PositionSide::Long { 1.0 } else { -1.0 };
        sign * open.quantity * open.mark_price
    });
    assert!((cash_after(&run.outcome, balance) + held - run.final_equity).abs() < 1e-7);
    let last = run.outcome.daily_marks.last().map(|mark| mark.equity);
    assert_eq!(last, Some(run.final_equity));
}

fn cash_after(outcome: &Outcome, balance: f64) -> f64 {
    let funding = outcome.funding.iter().map(|event| event.amount).sum::<f64>();
    outcome.fills.iter().fold(balance + funding, |cash, fill| {
        let flow = fill.quantity * fill.price;
        cash + if fill.side == Side::Buy { -flow } else { flow } - fill.fee
    })
}

#[test]
fn the_wild_walk_trades_enough_to_prove_something() {
    let run = crossing(wild(1, 3_000), 5.0, 20.0).run();
    assert!(run.outcome.fills.len() > 100, "{} fills", run.outcome.fills.len());
    assert!(run.outcome.counts.ambiguous > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn hiding_the_future_never_changes_the_past(seed: u64, cut in 200_usize..600) {
        let whole = crossing(wild(seed, 700), 5.0, 20.0);
        let mut truncated = whole.clone();
        let cut_ms = whole.candles.open_time_ms[cut.min(whole.candles.len() - 1)];
        truncated.candles = whole.candles.as_slice().rows(0..whole.candles.as_slice().lower_bound(cut_ms)).to_candles();
        truncated.spec.range.end_ms = cut_ms;
        let past: Vec<_> = whole.run().outcome.fills.into_iter().filter(|fill| fill.time_ms < cut_ms).collect();
        prop_assert_eq!(truncated.run().outcome.fills, past);
    }

    #[test]
    fn cash_flows_and_the_open_position_are_the_equity(seed: u64) {
        let case = crossing(wild(seed, 700), 5.0, 20.0);
        let run = case.run();
        check_books(&run, case.spec.balance);
    }

    #[test]
    fn a_power_of_two_scales_money_exactly(seed: u64, power in -20_i32..20) {
        let case = crossing(wild(seed, 700), 5.0, 20.0);
        let factor = libm::ldexp(1.0, power);
        let mut scaled = case.clone();
        for column in [&mut scaled.candles.open, &mut scaled.candles.high, &mut scaled.candles.low, &mut scaled.candles.close] {
            for price in column.iter_mut() {
                *price *= factor;
            }
        }
        scaled.spec.balance *= factor;
        let (run, scaled) = (case.run(), scaled.run());
        prop_assert_eq!(run.outcome.fills.len(), scaled.outcome.fills.len());
        for (fill, other) in run.outcome.fills.iter().zip(&scaled.outcome.fills) {
            prop_assert_eq!(fill.time_ms, other.time_ms);
            prop_assert_eq!(fill.quantity.to_bits(), other.quantity.to_bits());
            prop_assert_eq!((fill.price * factor).to_bits(), other.price.to_bits());
            prop_assert_eq!((fill.fee * factor).to_bits(), other.fee.to_bits());
        }
        prop_assert_eq!((run.final_equity * factor).to_bits(), scaled.final_equity.to_bits());
    }

    #[test]
    fn no_fill_lies_outside_the_range_and_no_candle_has_two_entries(seed: u64) {
        let case = crossing(wild(seed, 700), 3.0, 10.0);
        let run = case.run();
        let mut entries = Vec::new();
        for fill in &run.outcome.fills {
            prop_assert!(fill.time_ms > case.spec.range.start_ms && fill.time_ms < case.spec.range.end_ms);
            prop_assert!(fill.price.is_finite() && fill.quantity > 0.0 && fill.fee >= 0.0);
            if fill.reason == model::FillReason::Entry {
                entries.push(fill.time_ms);
            }
        }
        prop_assert!(entries.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn a_walk_that_skips_quiet_candles_is_the_plain_walk(seed: u64, settings in settings()) {
        let case = crossing(wild(seed, 1_500), 4.0, 15.0).with(|spec| settings.apply(spec));
        let plain = run_plain(&case.input(), &case.spec);
        prop_assert_eq!(case.try_run(), plain);
    }

    #[test]
    fn every_fill_but_for_slippage_lies_inside_its_candle(seed: u64) {
        let case = crossing(wild(seed, 700), 3.0, 10.0).with(|spec| spec.costs.slippage_bps = 0.0);
        let candles = case.candles.as_slice();
        for fill in &case.run().outcome.fills {
            let candle = candles.candle(candles.lower_bound(fill.time_ms));
            prop_assert!(candle.low <= fill.price && fill.price <= candle.high);
        }
    }

    #[test]
    fn an_account_with_leverage_is_never_below_zero(
        seed: u64,
        leverage in 1.0_f64..50.0,
        fee in 0.0_f64..2.0,
        slippage in 0.0_f64..200.0,
        sides in prop::sample::select(vec![AllowedSides::Both, AllowedSides::Short]),
    ) {
        let case = crossing(wild(seed, 700), 3.0, 10.0).with(|spec| {
            spec.money_management.size = Size::PercentOfBalance(100.0);
            spec.money_management.leverage = leverage;
            spec.money_management.stop = None;
            spec.costs.taker_fee_pct = fee;
            spec.costs.slippage_bps = slippage;
            spec.risk.direction = sides;
        });
        let run = case.run();
        prop_assert!(run.outcome.daily_marks.iter().all(|mark| mark.equity >= 0.0));
        prop_assert!(run.final_equity >= 0.0);
    }
}

/// Mirrors prices around 200 for settings that are symmetric in price, not in percent.
#[test]
fn mirrored_prices_with_mirrored_signals_mirror_long_and_short() {
    let text = "100 101 99 100 L | 100 104 99 103 | 103 103 96 97 l | 97 99 95 98 S | 98 99 90 91 | \
                91 91 91 91 s | 92 93 90 90 | 90 90 90 90";
    let case = drawn(text).with(|spec| {
        let distance = |amount| {
            let form = model::settings::LevelForm::Distance(number(amount));
            Some(model::settings::Level { form, follow: false })
        };
        spec.money_management.stop = distance(3.5);
        spec.money_management.target = distance(6.5);
    });
    let mut mirrored = case.clone();
    let mirror = |column: &[f64]| column.iter().map(|price| 200.0 - price).collect::<Vec<f64>>();
    mirrored.candles.open = mirror(&case.candles.open);
    mirrored.candles.close = mirror(&case.candles.close);
    mirrored.candles.high = mirror(&case.candles.low);
    mirrored.candles.low = mirror(&case.candles.high);
    let signals = (*case.spec.signals).clone();
    mirrored.spec.signals = Arc::new(Signals {
        long: signals.short,
        short: signals.long,
        exit_long: signals.exit_short,
        exit_short: signals.exit_long,
    });
    let (run, mirrored) = (case.run(), mirrored.run());
    assert_eq!(run.outcome.fills.len(), 4);
    for (fill, other) in run.outcome.fills.iter().zip(&mirrored.outcome.fills) {
        assert_ne!(fill.side, other.side);
        assert_eq!((fill.time_ms, fill.reason), (other.time_ms, other.reason));
        assert!((fill.price + other.price - 200.0).abs() < 1e-9);
    }
}

fn batch(case: &Drawn) -> Vec<JobSpec> {
    let mut specs = Vec::new();
    for fast in 2..8 {
        for slow in [10.0, 20.0, 30.0] {
            for stop in [1.0, 4.0] {
                let mut spec = crossing(case.candles.clone(), f64::from(fast), slow).spec;
                spec.money_management.stop = Some(pct(stop));
                spec.warmup = if slow > 25.0 { 512 } else { 256 };
                spec.fill.both_touched =
                    if fast % 2 == 0 { BothTouched::Path } else { BothTouched::StopFirst };
                specs.push(spec);
            }
        }
    }
    specs
}

#[test]
fn one_variant_alone_is_the_same_variant_in_a_batch() {
    let case = crossing(wild(7, 4_000), 5.0, 20.0);
    let mut specs = batch(&case);
    specs.insert(3, case.clone().with(|spec| spec.costs.funding = Funding::FromData).spec);
    let refs: Vec<&JobSpec> = specs.iter().collect();
    let together = run_batch(&case.input(), &refs, &Unwatched);
    for (spec, run) in specs.iter().zip(&together) {
        let alone = run_batch(&case.input(), &[spec], &Unwatched).remove(0);
        let hash = |run: &Result<Run, Error>| run.as_ref().map(|run| run.outcome.hash()).ok();
        assert_eq!(hash(&alone), hash(run));
        assert_eq!(alone, *run);
    }
    assert_eq!(together[3], Err(Error::NoFunding));
}

#[test]
fn history_before_w_changes_nothing() {
    let case = crossing(wild(11, 4_000), 5.0, 20.0);
    let first = case.candles.as_slice().lower_bound(case.spec.range.start_ms);
    let from_w = case.candles.as_slice().rows(first - 256..case.candles.len());
    let input = Input { candles: from_w, ..case.input() };
    let run = run_batch(&input, &[&case.spec], &Unwatched).remove(0).unwrap();
    assert_eq!(run, case.run());
    assert_eq!((run.warmup.asked, run.warmup.got), (256, 256));
}

#[test]
fn windowed_nodes_give_the_trades_of_the_long_run_from_any_start() {
    let long_run = crossing(wild(13, 4_000), 5.0, 20.0).with(|spec| {
        let sma = |n| column(IndicatorKind::Sma, n);
        spec.signals = Arc::new(Signals {
            long: Some(Cond::CrossUp { left: sma(5.0), right: sma(20.0) }),
            ..Signals::default()
        });
        spec.money_management.size = Size::FixedQuantity(1.0);
    });
    let mut later = long_run.clone();
    later.spec.range.start_ms = 2_000 * MINUTE_MS;
    let from = later.spec.range.start_ms + 300 * MINUTE_MS;
    let after = |run: Run| {
        let fills = run.outcome.fills.into_iter().filter(|fill| fill.time_ms >= from);
        fills.map(|fill| (fill.time_ms, fill.price.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(after(later.run()), after(long_run.run()));
}

/// Stops one variant at its second call.
struct Impatient {
    calls: RefCell<Vec<(usize, usize)>>,
}

impl Monitor for Impatient {
    fn progress(&self, variant: usize, candles_done: usize) -> Control {
        self.calls.borrow_mut().push((variant, candles_done));
        if variant == 1 && candles_done > PROGRESS_STRIDE {
            Control::Stop
        } else {
            Control::Continue
        }
    }
}

#[test]
fn a_monitor_is_called_every_stride_and_may_stop_one_variant() {
    let case = crossing(wild(3, 40_000), 5.0, 20.0);
    let monitor = Impatient { calls: RefCell::default() };
    let runs = run_batch(&case.input(), &[&case.spec, &case.spec], &monitor);
    assert_eq!(runs[1], Err(Error::Stopped));
    assert_eq!(runs[0], Ok(case.run()));
    let calls = monitor.calls.into_inner();
    let expected = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)];
    assert_eq!(calls, expected.map(|(variant, strides)| (variant, strides * PROGRESS_STRIDE)));
}
