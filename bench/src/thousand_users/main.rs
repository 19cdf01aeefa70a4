//! `thousand_users`: bundles of many users through the whole system, beside the engine alone.
//!
//! Real processes (one `serve`, one `worker`) over a private durable PostgreSQL and a private
//! InfluxDB, driven over HTTP. What is measured and how: bench/README.md.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod alone;
mod fleet;
mod load;
mod users;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use bench::machine;
use clap::Parser;

use crate::fleet::Fleet;
use crate::load::Load;
use crate::users::Habits;

/// One user of so many of the whole run asks for an estimate first.
const ASKS: usize = 10;
/// Users who come one after another when all others have left.
const ALONE: usize = 20;
/// Their pause between two looks: what they measure is short.
const LOOK_OF_ASKING_MS: u64 = 5;

/// Bundles of many users through the whole system, beside the engine alone.
#[derive(Debug, Parser)]
struct Options {
    /// The program to measure, built with --release.
    #[arg(long, value_name = "FILE", default_value = "target/release/backfleet")]
    backfleet: PathBuf,
    /// Share of the 1,000 bundles to run.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Connections, each with one user at a time.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// Pause of a user between two looks at a bundle, in ms.
    #[arg(long, default_value_t = 100)]
    poll_ms: u64,
    /// Compute threads of the worker and of the engine alone; a core each by default.
    #[arg(long)]
    slots: Option<usize>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let cores = std::thread::available_parallelism()?.get();
    let slots = options.slots.unwrap_or(cores);
    let load = Load::new(options.scale)?;
    let (jobs, candles) = (load.jobs(), load.candles());
    println!("{}", machine::describe(cores));
    println!(
        "{} bundles x {} jobs = {jobs} backtests over {} series of {} candles; {} clients, a look \
         every {} ms; {slots} compute threads",
        load.bundles.len(),
        load::JOBS_PER_BUNDLE,
        load::SERIES,
        load::CANDLES,
        options.clients,
        options.poll_ms,
    );

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let alone = runtime.block_on(alone::run(&load, slots))?;
    let engine = alone.elapsed.as_secs_f64();
    println!("engine alone    {}, CPU {:.1} s", rates(engine, jobs, candles), alone.cpu_seconds);

    let mut fleet = Fleet::start(&options.backfleet, slots, &load, &runtime)?;
    let pause = Duration::from_millis(options.poll_ms);
    let habits = Habits { clients: options.clients, pause, asks: Some(ASKS) };
    let mut seen = runtime.block_on(users::run(fleet.address(), &load.bundles, habits))?;
    let wall = seen.elapsed.as_secs_f64();
    println!("whole system    {}", rates(wall, jobs, candles));
    println!(
        "overhead        wall / engine {:.2}, wall less engine {:.1} s",
        wall / engine,
        wall - engine
    );
    println!("submit          {}", percentiles(&mut seen.submits));
    println!("submit to end   {}", percentiles(&mut seen.turnarounds));
    println!("CPU             {}", fleet.cpu_seconds()?);

    let stored = fleet.stored_bytes()?;
    println!("stored          {:.1} MB, {} bytes a result", stored as f64 / 1e6, stored / jobs);

    let outcomes = fleet.outcomes(&seen.ids)?;
    ensure!(outcomes == alone.outcomes, "outcomes differ from those of the engine alone");
    println!("outcomes        {} equal to those of the engine alone", outcomes.len());
    println!("estimate among {}", shares(&mut seen.told));
    let (burst, idle) = load.asking.split_at(load.asking.len() - ALONE);
    for (what, wanted, clients) in [("burst", burst, options.clients), ("idle ", idle, 1)] {
        let pause = Duration::from_millis(LOOK_OF_ASKING_MS);
        let habits = Habits { clients, pause, asks: Some(1) };
        let mut told = runtime.block_on(users::run(fleet.address(), wanted, habits))?.told;
        println!("estimate {what} {}", shares(&mut told));
    }
    fleet.end()
}

/// What users were told over what passed.
fn shares(told: &mut [f64]) -> String {
    told.sort_unstable_by(f64::total_cmp);
    let within = told.iter().filter(|ratio| (0.5..=2.0).contains(*ratio)).count();
    let at = |share: usize| told[(told.len() - 1) * share / 100];
    format!(
        "told / passed p50 {:.2}, p5 {:.2}, p95 {:.2}; {within} of {} within 2 x",
        at(50),
        at(5),
        at(95),
        told.len()
    )
}

fn rates(seconds: f64, jobs: usize, candles: usize) -> String {
    format!(
        "{seconds:.1} s, {:.0} backtests/s, {:.1} M candles/s",
        jobs as f64 / seconds,
        candles as f64 / seconds / 1e6
    )
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100))
}
