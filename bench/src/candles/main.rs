//! `candles`: how fast candles get into InfluxDB, out of it, out of the cache and out of files, and
//! how much memory that takes.
//!
//! One private InfluxDB, seeded candles of a minute, all in one process but for what is measured by
//! its peak memory. What is measured and how: bench/README.md.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod bare;
mod database;
mod files;
mod memory;
mod table;

use std::path::PathBuf;

use anyhow::ensure;
use bench::machine;
use candles::MemorySource;
use clap::Parser;
use model::{Calendar, SeriesId, TimeRange, Timeframe};

use crate::table::Table;

/// Candles at full scale.
const CANDLES: f64 = 1_000_000.0;
/// 2022-01-01T00:00:00Z.
const START_MS: i64 = 1_640_995_200_000;

/// Candles from InfluxDB and files to the engine.
#[derive(Debug, Parser)]
struct Options {
    /// Share of the 1,000,000 candles.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Rounds of what is measured in turn; one more comes first and is not counted.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What this program does as a child of itself.
    #[arg(long, hide = true)]
    task: Option<memory::Task>,
    /// What the task works on.
    #[arg(long, hide = true, num_args = 1..)]
    with: Vec<String>,
}

/// The candles that everything is measured on.
struct Load {
    source: MemorySource,
    series: SeriesId,
    count: usize,
    /// From the first candle to the end of the last.
    range: TimeRange,
}

impl Load {
    fn new(scale: f64) -> Load {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1,000,000"
        )]
        let count = ((CANDLES * scale).round() as usize).max(1_000);
        let source = MemorySource::new("bench");
        let walk = testkit::candles::random_walk(1, Timeframe::MINUTE, START_MS, count);
        let end_ms = walk.open_time_ms[count - 1] + Timeframe::MINUTE.ms();
        source.insert(series(), Calendar::EveryDay, None, walk);
        let range = TimeRange { start_ms: START_MS, end_ms };
        Load { source, series: series(), count, range }
    }
}

fn series() -> SeriesId {
    SeriesId {
        exchange: "bench".to_owned(),
        ticker: "WALK".to_owned(),
        timeframe: Timeframe::MINUTE,
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(task) = options.task {
        return runtime.block_on(memory::run(task, &options.with));
    }
    ensure!(options.scale > 0.0 && options.scale <= 1.0, "--scale is above 0 and at most 1");
    ensure!(options.rounds > 0, "--rounds is at least 1");
    println!("{}", machine::describe(std::thread::available_parallelism()?.get()));
    let load = Load::new(options.scale);
    println!(
        "{} seeded candles of a minute; medians of {} rounds after one that does not count",
        load.count, options.rounds
    );
    let folder = tempfile::tempdir()?;
    let work: PathBuf = folder.path().to_owned();
    let server = testkit::influx::Influx::start();
    let mut table = Table::default();
    runtime.block_on(async {
        let database = database::push(&load, &server, &mut table).await?;
        database::cold(&load, &database, &work, options.rounds, &mut table).await?;
        database::warm(&load, &database, &work, options.rounds, &mut table).await?;
        files::run(&load, &work, options.rounds, &mut table).await?;
        memory::measure(&load, &database, &work, &mut table)
    })?;
    table.print();
    Ok(())
}
