//! Status polls and event streams over two API nodes: how many, how late, at what cost.

mod nodes;
mod polls;
mod watchers;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use nodes::Nodes;

/// Measures status polls on one node and event streams over two.
#[derive(Debug, Parser)]
struct Args {
    /// The program to measure.
    #[arg(long)]
    backfleet: PathBuf,
    /// Seconds of polling.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Connections that poll.
    #[arg(long, default_value_t = 64)]
    pollers: usize,
    /// Event streams over both nodes together.
    #[arg(long, default_value_t = 2_000)]
    watchers: usize,
    /// Changes of the bundle that is watched.
    #[arg(long, default_value_t = 40)]
    changes: usize,
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{}", bench::machine::describe(cores));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let nodes = Nodes::start(&args.backfleet)?;
    let polled =
        runtime.block_on(polls::run(&nodes, args.pollers, Duration::from_secs(args.seconds)))?;
    println!("{polled}");
    println!("{}", runtime.block_on(watchers::run(&nodes, args.watchers, args.changes))?);
    Ok(())
}
