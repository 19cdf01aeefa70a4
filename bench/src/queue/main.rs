//! `queue`: one large bundle through API and worker, claims from a deep backlog, and a peer.
//!
//! Real processes over a private PostgreSQL with its default configuration, durable commits included.
//! What is measured and how: bench/README.md.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod claims;
mod drain;
mod peer;

use std::path::PathBuf;

use anyhow::ensure;
use bench::machine;
use clap::Parser;
use testkit::postgres::Postgres;

/// Jobs of the drained bundle.
const JOBS: f64 = 100_000.0;
/// Jobs of the deep backlog.
const BACKLOG: f64 = 1_000_000.0;

/// The queue under a large bundle and a deep backlog.
#[derive(Debug, Parser)]
struct Options {
    /// The program to measure, built with --release.
    #[arg(long, value_name = "FILE", default_value = "target/release/backfleet")]
    backfleet: PathBuf,
    /// Share of the 100,000 jobs to drain, and of the 1,000,000 to claim from.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Compute threads of the worker; a core each by default.
    #[arg(long)]
    slots: Option<usize>,
    /// Drain as many no-op jobs with graphile-worker too, installed by npm into a temporary folder.
    #[arg(long)]
    peer: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    ensure!(options.scale > 0.0 && options.scale <= 1.0, "--scale is above 0 and at most 1");
    let cores = std::thread::available_parallelism()?.get();
    println!("{}", machine::describe(cores));
    let postgres = Postgres::start_durable();
    let jobs = scaled(JOBS, options.scale);
    let rate = drain::run(&options.backfleet, &postgres, jobs, options.slots.unwrap_or(cores))?;
    if options.peer {
        let peer = peer::run(&postgres, jobs)?;
        println!("drain ratio     {:.2} of graphile-worker's rate", rate / peer);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(claims::run(&postgres, scaled(BACKLOG, options.scale)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 1,000,000"
)]
fn scaled(count: f64, scale: f64) -> u32 {
    ((count * scale).round() as u32).max(1_000)
}
