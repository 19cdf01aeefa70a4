//! Properties of backtests that read everything at once: finer candles, funding rates, another
//! ticker, and an uploaded column or conditions.
//!
//! Prices lie on a grid of 1/64, so that mirrored ones are exact.

use std::sync::Arc;

use engine::{Extras, Input, Run, run_batch, run_plain};
use model::settings::{
    AllowedSides, BothTouched, EntryOrder, Level, LevelForm, Liquidation, PartialExit,
    PendingEntry, Size, ThenStop, Trail,
};
use model::strategy::{Expr, Price, Signals, Strategy};
use model::{Candles, Digest, Faults, FundingRate, FundingRates, JobSpec, SignalSlice};
use proptest::prelude::*;
use serde_json::json;

use crate::drawn::{Drawn, MINUTE_MS, Unwatched};
use crate::equipped::equipped;
use crate::language::condition;
use crate::properties::{check_books, uniform, wild};

/// Prices are mirrored around half of this, which no walk comes near.
const MIRROR: f64 = 65_536.0;
const GRID: f64 = 64.0;

/// A backtest and all that it may read.
#[derive(Clone)]
pub(crate) struct Laden {
    pub(crate) case: Drawn,
    other: Candles,
    times: Vec<i64>,
    values: Vec<i8>,
}

fn prices(candles: &mut Candles) -> [&mut Vec<f64>; 4] {
    [&mut candles.open, &mut candles.high, &mut candles.low, &mut candles.close]
}

fn on_grid(candles: &mut Candles) {
    for price in prices(candles).into_iter().flatten() {
        *price = (*price * GRID).round() / GRID;
    }
}

fn number(text: &str) -> Expr {
    let mut faults = Faults::default();
    let strategy = json!({"signals": {"long": "close > 0"}});
    let strategy = Strategy::parse(&strategy, "", &mut faults).expect("a strategy");
    strategy.parse_expr(&json!(text), "", &mut faults).unwrap_or_else(|| panic!("{text}: {faults}"))
}

fn distance(text: &str, follow: bool) -> Level {
    Level { form: LevelForm::Distance(number(text)), follow }
}

impl Laden {
    /// Candles of five minutes, of which some minutes are missing; levels by distance, one unit each.
    ///
    /// `flavour` chooses what decides entries and how they are made.
    pub(crate) fn new(seed: u64, count: usize, flavour: usize) -> Laden {
        let mut case = equipped(seed, count);
        for candles in [Some(&mut case.candles), case.detail.as_mut()].into_iter().flatten() {
            on_grid(candles);
        }
        let mut other = wild(seed ^ 0x5bd1, count);
        for time_ms in &mut other.open_time_ms {
            *time_ms *= 5;
        }
        on_grid(&mut other);
        let mut state = seed ^ 0x77;
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let mut wanted = 0;
        for time_ms in &case.candles.open_time_ms {
            let draw = uniform(&mut state);
            wanted = if draw < 0.05 {
                1
            } else if draw < 0.1 {
                -1
            } else {
                wanted
            };
            wanted = if draw > 0.95 { 0 } else { wanted };
            if draw < 0.99 {
                times.push(*time_ms);
                values.push(wanted);
            }
        }
        case = case.with(|spec| {
            let money = &mut spec.money_management;
            money.stop = Some(distance("0.25 + (high - low)", flavour % 2 == 1));
            money.target = Some(distance("1.5 + scope(high - low, ticker: SPY)", false));
            money.size = Size::FixedQuantity(1.0);
            money.trail = (flavour % 3 == 1).then(|| Trail {
                form: LevelForm::Distance(number("2 + (high - low)")),
                follow: true,
                activation_pct: None,
            });
            if flavour % 3 == 2 {
                money.exits = vec![PartialExit {
                    target: distance("1", false),
                    close_pct: 50.0,
                    then_stop: Some(ThenStop::Entry),
                }];
            }
            spec.balance = 1_048_576.0;
            spec.costs.maker_fee_pct = 0.0;
            spec.costs.taker_fee_pct = 0.0;
            spec.costs.slippage_bps = 0.0;
            spec.fill.liquidation = Liquidation::Leveraged;
            spec.fill.both_touched =
                [BothTouched::StopFirst, BothTouched::TargetFirst, BothTouched::Path][flavour % 3];
            spec.risk.cooldown_candles = u32::from(flavour.is_multiple_of(2));
            if flavour % 4 == 3 {
                let price = Expr::Price(Price::Close);
                let expire_candles = std::num::NonZeroU32::new(3);
                let entry = PendingEntry { price, expire_candles, cancel_if: None };
                spec.risk.entry_order = EntryOrder::Limit(entry);
            }
            if flavour.is_multiple_of(2) {
                spec.signal_column = Some(Digest([7; 32]));
            } else {
                let above = "crossUp(close, sma(close, 9)) and \
                             close(ticker: SPY) - sma(close, 4, ticker: SPY, tf: 15m) > -1000";
                let below = "crossDown(close, sma(close, 9)) and \
                             close(ticker: SPY) - sma(close, 4, ticker: SPY, tf: 15m) < 1000";
                spec.signals = Arc::new(Signals {
                    long: Some(condition(above)),
                    short: Some(condition(below)),
                    exit_long: Some(condition("falling(close, 3)")),
                    exit_short: Some(condition("rising(close, 3)")),
                });
            }
        });
        Laden { case, other, times, values }
    }

    pub(crate) fn with_input<T>(&self, then: impl FnOnce(&Input<'_>) -> T) -> T {
        let input = self.case.input();
        let others = [("SPY", self.other.as_slice())];
        let signals = Some(SignalSlice { open_time_ms: &self.times, values: &self.values });
        then(&Input { extras: Extras { others: &others, signals, ..input.extras }, ..input })
    }

    pub(crate) fn run(&self) -> Run {
        let mut runs = self.with_input(|input| run_batch(input, &[&self.case.spec], &Unwatched));
        runs.remove(0).expect("it runs")
    }

    /// Every series that was read, its prices changed.
    fn map_prices(&mut self, change: impl Fn(&mut Candles)) {
        change(&mut self.case.candles);
        change(&mut self.other);
        self.case.detail.iter_mut().for_each(change);
    }

    fn map_rates(&mut self, change: impl Fn(FundingRate) -> FundingRate) {
        let all = self.case.funding.take().expect("it has rates");
        let mut rates = FundingRates::default();
        let slice = all.as_slice();
        (0..all.as_slice().len())
            .for_each(|row| rates.push(change(slice.get(row))).expect("in order"));
        self.case.funding = Some(rates);
    }
}

#[test]
fn a_laden_walk_reads_all_it_is_given() {
    for flavour in 0..12 {
        let laden = Laden::new(5, 3_000, flavour);
        let run = laden.run();
        assert!(run.outcome.fills.len() > 40, "{flavour}: {}", run.outcome.fills.len());
        assert!(run.outcome.funding.len() > 5, "{flavour}: {}", run.outcome.funding.len());
        let mut blind = laden.clone();
        blind.case.spec.overrides.detail_timeframe = None;
        assert_ne!(blind.run().outcome.counts.ambiguous, run.outcome.counts.ambiguous, "{flavour}");
        let mut alone = laden.clone();
        alone.other = alone.case.candles.clone();
        assert_ne!(alone.run().outcome.hash(), run.outcome.hash(), "{flavour}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_laden_walk_that_skips_is_the_plain_walk_and_its_books_add_up(
        seed: u64,
        flavour in 0_usize..12,
    ) {
        let laden = Laden::new(seed, 700, flavour);
        let run = laden.run();
        let plain = laden.with_input(|input| run_plain(input, &laden.case.spec));
        prop_assert_eq!(plain, Ok(run.clone()));
        check_books(&run, laden.case.spec.balance);
    }

    #[test]
    fn hiding_the_future_of_everything_never_changes_the_past(
        seed: u64,
        flavour in 0_usize..12,
        cut in 300_usize..650,
    ) {
        let laden = Laden::new(seed, 700, flavour);
        let run = laden.run();
        let cut_ms = laden.case.candles.open_time_ms[cut.min(laden.case.candles.len() - 1)];
        let mut past = laden.clone();
        past.map_prices(|candles| {
            let seen = candles.as_slice().lower_bound(cut_ms);
            *candles = candles.as_slice().rows(0..seen).to_candles();
        });
        let mut rates = FundingRates::default();
        let all = laden.case.funding.as_ref().unwrap().as_slice();
        (0..all.lower_bound(cut_ms)).for_each(|row| rates.push(all.get(row)).unwrap());
        past.case.funding = Some(rates);
        past.values.truncate(past.times.partition_point(|time_ms| *time_ms < cut_ms));
        past.times.truncate(past.values.len());
        past.case.spec.range.end_ms = cut_ms;
        let seen = past.run().outcome;
        let fills = run.outcome.fills.iter().filter(|fill| fill.time_ms < cut_ms);
        prop_assert_eq!(seen.fills, fills.copied().collect::<Vec<_>>());
        let last_ms = past.case.candles.open_time_ms.last().unwrap() + 5 * MINUTE_MS;
        let funding = run.outcome.funding.iter().filter(|event| event.time_ms < last_ms);
        prop_assert_eq!(seen.funding, funding.copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_power_of_two_scales_the_money_of_everything_exactly(
        seed: u64,
        flavour in 0_usize..12,
        power in -20_i32..20,
        fee in 0.0_f64..1.0,
        leverage in 1.0_f64..20.0,
    ) {
        let mut laden = Laden::new(seed, 700, flavour);
        laden.case = laden.case.with(|spec| {
            spec.money_management.size = Size::PercentOfBalance(70.0);
            spec.money_management.leverage = leverage;
            // Numbers of the strategy that are prices do not scale, so levels have none.
            spec.money_management.stop = Some(distance("2 * (high - low)", flavour % 2 == 1));
            spec.money_management.target =
                Some(distance("3 * scope(high - low, ticker: SPY)", false));
            spec.money_management.trail = None;
            for exit in &mut spec.money_management.exits {
                exit.target = distance("high - low", false);
            }
            spec.balance = 1_000.0;
            spec.costs.taker_fee_pct = fee;
            spec.costs.slippage_bps = 3.0;
        });
        let factor = libm::ldexp(1.0, power);
        let mut scaled = laden.clone();
        scaled.map_prices(|candles| {
            prices(candles).into_iter().flatten().for_each(|price| *price *= factor);
        });
        scaled.map_rates(|rate| {
            FundingRate { mark: rate.mark.map(|mark| mark * factor), ..rate }
        });
        scaled.case.spec.balance *= factor;
        // The thousand of the condition on the other ticker never matters.
        let (run, scaled) = (laden.run(), scaled.run());
        if flavour.is_multiple_of(2) || power <= 0 {
            prop_assert_eq!(run.outcome.fills.len(), scaled.outcome.fills.len());
            for (fill, other) in run.outcome.fills.iter().zip(&scaled.outcome.fills) {
                prop_assert_eq!((fill.time_ms, fill.reason), (other.time_ms, other.reason));
                prop_assert_eq!(fill.quantity.to_bits(), other.quantity.to_bits());
                prop_assert_eq!((fill.price * factor).to_bits(), other.price.to_bits());
                prop_assert_eq!((fill.fee * factor).to_bits(), other.fee.to_bits());
            }
            for (event, other) in run.outcome.funding.iter().zip(&scaled.outcome.funding) {
                prop_assert_eq!((event.amount * factor).to_bits(), other.amount.to_bits());
            }
            prop_assert_eq!((run.final_equity * factor).to_bits(), scaled.final_equity.to_bits());
        }
    }

    #[test]
    fn mirrored_prices_with_mirrored_signals_mirror_everything(
        seed: u64,
        flavour in 0_usize..12,
        sides in prop::sample::select(vec![AllowedSides::Both, AllowedSides::Long]),
    ) {
        let mut laden = Laden::new(seed, 700, flavour);
        laden.case.spec.risk.direction = sides;
        let mut mirrored = laden.clone();
        mirrored.map_prices(|candles| {
            let mirror = |prices: &[f64]| prices.iter().map(|price| MIRROR - price).collect();
            let (high, low) = (mirror(&candles.low), mirror(&candles.high));
            (candles.open, candles.close) = (mirror(&candles.open), mirror(&candles.close));
            (candles.high, candles.low) = (high, low);
        });
        // The other side pays the same if the rate turns and the price it is paid on stays.
        let mark = |rate: FundingRate| FundingRate { mark: Some(rate.mark.unwrap_or(64.0)), ..rate };
        laden.map_rates(mark);
        mirrored.map_rates(|rate| FundingRate { rate: -rate.rate, ..mark(rate) });
        mirrored.values.iter_mut().for_each(|value| *value = -*value);
        let signals = (*laden.case.spec.signals).clone();
        mirrored.case = mirrored.case.with(|spec| {
            spec.signals = Arc::new(Signals {
                long: signals.long.map(|_| condition(
                    "crossUp(close, sma(close, 9)) and \
                     close(ticker: SPY) - sma(close, 4, ticker: SPY, tf: 15m) > -1000",
                )),
                short: signals.short.map(|_| condition(
                    "crossDown(close, sma(close, 9)) and \
                     close(ticker: SPY) - sma(close, 4, ticker: SPY, tf: 15m) < 1000",
                )),
                exit_long: signals.exit_long.map(|_| condition("falling(close, 3)")),
                exit_short: signals.exit_short.map(|_| condition("rising(close, 3)")),
            });
            spec.risk.direction = match sides {
                AllowedSides::Both => AllowedSides::Both,
                AllowedSides::Long => AllowedSides::Short,
                AllowedSides::Short => AllowedSides::Long,
            };
        });
        let (run, mirrored) = (laden.run(), mirrored.run());
        prop_assert_eq!(run.outcome.fills.len(), mirrored.outcome.fills.len());
        for (fill, other) in run.outcome.fills.iter().zip(&mirrored.outcome.fills) {
            prop_assert_ne!(fill.side, other.side);
            prop_assert_eq!((fill.time_ms, fill.reason), (other.time_ms, other.reason));
            prop_assert_eq!(fill.quantity.to_bits(), other.quantity.to_bits());
            prop_assert_eq!((fill.price + other.price).to_bits(), MIRROR.to_bits());
        }
        let amounts = |run: &Run| -> Vec<(i64, u64)> {
            run.outcome.funding.iter().map(|it| (it.time_ms, it.amount.to_bits())).collect()
        };
        prop_assert_eq!(amounts(&run), amounts(&mirrored));
        prop_assert_eq!(run.outcome.counts, mirrored.outcome.counts);
    }
}

/// Variants of one case in every flavour that its column and its conditions allow.
fn variants(laden: &Laden) -> Vec<JobSpec> {
    let spec = |flavour: usize| Laden::new(5, 40, flavour).case.spec;
    let range = laden.case.spec.range;
    (0..12).map(|flavour| JobSpec { range, ..spec(flavour) }).collect()
}

#[test]
fn one_thread_and_two_in_any_order_and_split_give_the_same_bytes() {
    let laden = Laden::new(9, 2_000, 0);
    let specs = variants(&laden);
    let hashes = |order: &[usize], size: usize| -> Vec<(usize, String)> {
        laden.with_input(|input| {
            let batches = order.chunks(size).flat_map(|batch| {
                let refs: Vec<&JobSpec> = batch.iter().map(|index| &specs[*index]).collect();
                let runs = run_batch(input, &refs, &Unwatched);
                let hash = |run: Result<Run, _>| run.expect("it runs").outcome.hash().to_string();
                batch.iter().copied().zip(runs.into_iter().map(hash)).collect::<Vec<_>>()
            });
            let mut found: Vec<_> = batches.collect();
            found.sort();
            found
        })
    };
    let forwards: Vec<usize> = (0..specs.len()).collect();
    let one = hashes(&forwards, specs.len());
    let distinct: std::collections::BTreeSet<_> = one.iter().map(|(_, hash)| hash).collect();
    assert!(distinct.len() >= 9, "{distinct:?}");
    // Every third, then the rest backwards.
    let mut shuffled: Vec<usize> = forwards.iter().copied().filter(|it| it % 3 == 1).collect();
    shuffled.extend(forwards.iter().rev().copied().filter(|it| it % 3 != 1));
    for size in [1, 2, 5, 12] {
        assert_eq!(hashes(&forwards, size), one, "{size} at a time");
        assert_eq!(hashes(&shuffled, size), one, "{size} at a time, shuffled");
    }
    let (left, right) = shuffled.split_at(5);
    let mut two = std::thread::scope(|scope| {
        let threads = [left, right].map(|part| scope.spawn(|| hashes(part, 3)));
        threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
    });
    two.sort();
    assert_eq!(two, one);
}
