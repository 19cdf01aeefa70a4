//! `engine`: the engine beside a loop written by hand for one strategy, and beside its peers.
//!
//! What is measured and how: bench/README.md.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod load;
mod ours;
mod peers;
mod reference;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bench::machine;
use clap::Parser;
use engine::Input;
use model::JobSpec;

use crate::load::WARMUP;
use crate::reference::{Found, Reference};

/// The engine beside a loop written by hand.
#[derive(Debug, Parser)]
struct Options {
    /// Interleaved runs, of which the median counts.
    #[arg(long, default_value_t = 11)]
    runs: usize,
    /// Candles of the single backtest.
    #[arg(long, default_value_t = 1_000_000)]
    single: usize,
    /// Candles of the sweep.
    #[arg(long, default_value_t = 100_000)]
    sweep: usize,
    /// Seed of the candles.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Install vectorbt and backtesting from the index of Python packages and measure them too.
    #[arg(long)]
    peers: bool,
    /// Candles of the single backtest of backtesting.py, of which it takes thousands of times longer.
    #[arg(long, default_value_t = 50_000)]
    peer_candles: usize,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    worker::keep_freed_memory();
    println!("{}", machine::describe(std::thread::available_parallelism()?.get()));
    single(&options)?;
    sweep(&options)?;
    if options.peers { peers::measure(&options) } else { Ok(()) }
}

fn single(options: &Options) -> anyhow::Result<()> {
    let candles = load::candles(options.seed, options.single);
    let candles = candles.as_slice();
    let input = ours::input(candles);
    let specs = load::specs(options.single, (&[12], &[26]), None)?;
    let mut reference = Reference::default();
    let found = reference.single(candles, WARMUP, (12, 26));
    check(&input, &specs, &[found])?;
    println!(
        "\none backtest, {} candles, {} trades, EMA 12/26, ns per candle",
        options.single, found.trades
    );
    let times = interleaved(
        options.runs,
        &mut [
            &mut || _ = black_box(reference.single(candles, WARMUP, (12, 26))),
            &mut || drop(ours::outcomes(&input, &specs, |_, run| drop(black_box(run)))),
            &mut || drop(ours::metrics(&input, &specs, |_, run, all| drop(black_box((run, all))))),
        ],
    );
    report(&times, options.single as f64);
    Ok(())
}

fn sweep(options: &Options) -> anyhow::Result<()> {
    let candles = load::candles(options.seed, options.sweep);
    let candles = candles.as_slice();
    let input = ours::input(candles);
    let (fasts, slows): (Vec<_>, Vec<_>) = ((5..=44).collect(), (50..=98).step_by(2).collect());
    let specs = load::specs(options.sweep, (&fasts, &slows), None)?;
    let mut reference = Reference::default();
    let found = reference.sweep(candles, WARMUP, (&fasts, &slows));
    check(&input, &specs, &found)?;
    let trades: usize = found.iter().map(|found| found.trades).sum();
    println!(
        "\nsweep, {} variants, {} candles, {} trades a variant, ns per candle and variant",
        specs.len(),
        options.sweep,
        trades / specs.len()
    );
    let times = interleaved(
        options.runs,
        &mut [
            &mut || drop(black_box(reference.sweep(candles, WARMUP, (&fasts, &slows)))),
            &mut || drop(ours::outcomes(&input, &specs, |_, run| drop(black_box(run)))),
            &mut || drop(ours::metrics(&input, &specs, |_, run, all| drop(black_box((run, all))))),
        ],
    );
    report(&times, (options.sweep * specs.len()) as f64);
    Ok(())
}

/// Compares what the engine finds with what the loop `found`.
fn check(input: &Input<'_>, specs: &[Arc<JobSpec>], found: &[Found]) -> anyhow::Result<()> {
    let mut agreed = Ok(());
    ours::metrics(input, specs, |index, run, metrics| {
        if agreed.is_ok() {
            agreed = agree(&found[index], &run, &metrics);
        }
    })?;
    agreed
}

/// Both must have done the same work, or the figures mean nothing.
fn agree(found: &Found, run: &engine::Run, metrics: &stats::Metrics) -> anyhow::Result<()> {
    let close = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-6 * theirs.abs();
    let trades = metrics.values.get("trades").copied().unwrap_or_default();
    let drawdown = metrics.values.get("maxDrawdown").copied().unwrap_or_default();
    ensure!(
        !run.ruined
            && close(trades, found.trades as f64)
            && close(run.final_equity, found.final_equity)
            && close(drawdown, found.max_drawdown),
        "the engine found {trades} trades, {} in the end, drawdown {drawdown} (ruined: {}); the loop {found:?}",
        run.final_equity,
        run.ruined,
    );
    Ok(())
}

/// Times of `runs` rounds of all `tasks` in turn, after one round that does not count.
fn interleaved(runs: usize, tasks: &mut [&mut dyn FnMut()]) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(runs); tasks.len()];
    for run in 0..=runs {
        for (task, times) in tasks.iter_mut().zip(&mut times) {
            let started = cpu_time();
            task();
            if run > 0 {
                times.push(cpu_time().saturating_sub(started));
            }
        }
    }
    times
}

/// Time that this thread has had a core: what other load on the machine disturbs least.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

fn report(times: &[Vec<Duration>], units: f64) {
    let names = ["loop by hand", "engine, outcome only", "engine, with all metrics"];
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        (times[times.len() / 2].as_secs_f64(), times[0].as_secs_f64())
    };
    let (base, base_least) = median(&times[0]);
    for (name, times) in names.iter().zip(times) {
        let (middle, least) = median(times);
        println!(
            "  {name:<26} median {:>7.3}  least {:>7.3}  x loop {:>5.2} {:>5.2}",
            middle * 1e9 / units,
            least * 1e9 / units,
            middle / base,
            least / base_least,
        );
    }
}
