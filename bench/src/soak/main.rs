//! `soak`: mixed load for minutes while workers and API nodes are killed at random.
//!
//! Prints what was done, what was run again and how tables and memory grow; ends with a check of the
//! books, which fails the run. What is measured and how: bench/README.md.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod books;
mod fleet;
mod load;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench::machine;
use clap::Parser;
use testkit::candles::Lcg;

use crate::fleet::Fleet;
use crate::load::Load;

/// Time between two lines of figures.
const LINE: Duration = Duration::from_secs(15);
/// Pause between two requests of the load.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for what is left at the end.
const LATE: Duration = Duration::from_mins(10);

/// Mixed load while workers and API nodes are killed at random.
#[derive(Debug, Parser)]
struct Options {
    /// The program to run, built with --release.
    #[arg(long, value_name = "FILE", default_value = "target/release/backfleet")]
    backfleet: PathBuf,
    /// Length of the load.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Seed of load and faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mean time between two kills, in seconds.
    #[arg(long, default_value_t = 6)]
    kill_every: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    println!("{}", machine::describe(std::thread::available_parallelism()?.get()));
    let mut lcg = Lcg::new(options.seed);
    let mut fleet = Fleet::start(&options.backfleet)?;
    let mut load = Load::default();
    let (started, length) = (Instant::now(), Duration::from_secs_f64(options.minutes * 60.0));
    let mut next_line = LINE;
    let mut next_kill = Duration::from_secs(options.kill_every);
    while started.elapsed() < length {
        load.step(&fleet.urls(), &mut lcg)?;
        if started.elapsed() >= next_kill {
            fleet.kill_one(&mut lcg);
            let pause = 1 + lcg.below(2 * options.kill_every * 1_000);
            next_kill = started.elapsed() + Duration::from_millis(pause);
        }
        if started.elapsed() >= next_line {
            println!("{:5.0} s  {}", started.elapsed().as_secs_f64(), fleet.figures(&load)?);
            next_line += LINE;
        }
        std::thread::sleep(PAUSE);
    }
    fleet.start_missing();
    load.resume_all(&fleet.urls())?;
    books::until_final(fleet.database(), LATE);
    println!("{:5.0} s  {}", started.elapsed().as_secs_f64(), fleet.figures(&load)?);
    println!("{}", fleet.end()?);
    println!("{}", books::check(fleet.database(), &load)?);
    Ok(())
}
