//! `cargo bench -p stats`: time of the passes that grow with candles and variants.
//!
//! Medians of 11 runs on generated data: equity summary (with and without blocks) of a book that is
//! long or short on most of 1,000,000 candles, the metric table of 1,095 days, PBO at S = 16.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use model::{
    Candle, Candles, DAY_MS, DailyMark, Fill, FillReason, MINUTE_MS, Outcome, Side, TimeRange,
    Timeframe,
};
use stats::{MetricInput, PricePath};

const CANDLES: usize = 1_000_000;
const DAYS: usize = 1_095;
const RUNS: usize = 11;

fn main() {
    let mut noise = Noise(42);
    let candles = walk(&mut noise);
    let slice = candles.as_slice();
    let plain = PricePath::new(slice, Timeframe::MINUTE);
    let blocks = PricePath::with_blocks(slice, Timeframe::MINUTE);
    let per_candle = |time: Duration| time.as_secs_f64() * 1e9 / CANDLES as f64;
    let print = |name: &str, value: f64, unit: &str| println!("{name:<44} {value:>9.3} {unit}");
    for held in [40, 400] {
        let outcome = book(&candles, held);
        let trades = stats::trades(&outcome.fills, &[], 1.0, None);
        println!("positions held for {held} candles of {}:", held + held / 4);
        let time = median(|| stats::equity_curve(&outcome, &plain, 1e4));
        print("  equity_curve, allocated", per_candle(time), "ns per candle");
        let time = median(|| stats::equity_summary(&outcome, &trades, &plain, 1e4));
        print("  equity_summary", per_candle(time), "ns per candle");
        let time = median(|| stats::equity_summary(&outcome, &trades, &blocks, 1e4));
        print("  equity_summary, blocks", per_candle(time), "ns per candle");
        let time = median(|| stats::trades(&outcome.fills, &[], 1.0, None));
        print("  trades", per_candle(time), "ns per candle");
    }
    let time = median(|| PricePath::with_blocks(slice, Timeframe::MINUTE));
    print("blocks, once per series", per_candle(time), "ns per candle");

    let outcome = book(&candles, 400);
    let trades = stats::trades(&outcome.fills, &[], 1.0, None);
    let returns: Vec<f64> = (0..DAYS).map(|_| noise.change() * 10.0).collect();
    let mut equity = 1e4;
    let mark = |(day, change): (i64, &f64)| {
        equity *= 1.0 + change;
        DailyMark { day_ms: day * DAY_MS, equity }
    };
    let marks: Vec<_> = (0..).zip(&returns).map(mark).collect();
    let input = MetricInput {
        initial: 1e4,
        range: TimeRange { start_ms: 0, end_ms: marks[DAYS - 1].day_ms + DAY_MS },
        timeframe: Timeframe::MINUTE,
        marks: &marks,
        returns: &returns,
        benchmark: &returns,
        fills: &outcome.fills[..200],
        funding: &[],
        trades: &trades[..100],
        equity: stats::equity_summary(&outcome, &trades, &blocks, 1e4),
        periods_per_year: 365.0,
        risk_free_pct: 0.0,
    };
    let time = median(|| stats::metrics(&input));
    print("metrics, 1,095 days and 100 trades", time.as_secs_f64() * 1e6, "us");

    for variants in [1_000, 10_000] {
        let panel: Vec<Vec<f64>> =
            (0..variants).map(|_| (0..DAYS).map(|_| noise.change()).collect()).collect();
        let columns: Vec<_> = panel.iter().map(Vec::as_slice).collect();
        let runs = if variants > 1_000 { 3 } else { RUNS };
        let time = median_of(runs, || stats::pbo(&columns, 16));
        print(&format!("pbo, {variants} variants, S = 16"), time.as_secs_f64(), "s");
    }
}

fn median<T>(run: impl FnMut() -> T) -> Duration {
    median_of(RUNS, run)
}

fn median_of<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let time = |_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    };
    let mut times: Vec<_> = (0..runs).map(time).collect();
    times.sort_unstable();
    times[runs / 2]
}

struct Noise(u64);

impl Noise {
    /// About normal, deviation 0.001.
    fn change(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        };
        (uniform() + uniform() + uniform() + uniform() - 2.0) * 0.0017
    }
}

fn walk(noise: &mut Noise) -> Candles {
    let mut price = 100.0;
    (0..)
        .take(CANDLES)
        .map(|row| {
            let open = price;
            price = (price * (1.0 + noise.change())).clamp(1.0, 1e6);
            let (high, low) = (open.max(price) * 1.0005, open.min(price) * 0.9995);
            let open_time_ms = row * MINUTE_MS;
            Candle { open_time_ms, open, high, low, close: price, volume: 1.0 }
        })
        .collect()
}

/// Long, short, long ...: positions of `held` candles with a pause of a quarter of that between.
fn book(candles: &Candles, held: usize) -> Outcome {
    let mut outcome = Outcome::default();
    for (trade_id, entry) in (0..).zip((0..CANDLES - held).step_by(held + held / 4)) {
        let (buy, sell) =
            if trade_id % 2 == 0 { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
        for (row, side, reason) in
            [(entry, buy, FillReason::Entry), (entry + held, sell, FillReason::Signal)]
        {
            outcome.fills.push(Fill {
                time_ms: candles.open_time_ms[row],
                side,
                quantity: 10.0,
                price: candles.open[row],
                fee: 0.1,
                reason,
                trade_id,
            });
        }
    }
    outcome
}
