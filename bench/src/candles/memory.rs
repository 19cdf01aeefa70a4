//! What processes hold: each task runs in a child of this program, whose peak is its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use bench::machine;
use candles::ParquetStore;
use candles::import::{ImportOptions, import_file};
use clap::ValueEnum;
use model::TimeRange;
use serde_json::json;

use crate::database::{Database, client, market};
use crate::table::Table;
use crate::{Load, series};

/// Threads that load one series.
const THREADS: usize = 20;
/// Milliseconds of a month.
const MONTH_MS: i64 = 30 * 86_400_000;

/// What a child does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Task {
    /// Imports a file into a store.
    Import,
    /// Loads a range from InfluxDB through an empty cache.
    Load,
    /// Loads a range from the cache on twenty threads, and reads all of it.
    Share,
}

/// What a child tells.
pub(crate) struct Done {
    pub(crate) seconds: f64,
    pub(crate) rows: u64,
    /// Its largest resident memory.
    pub(crate) peak_mb: f64,
    /// Column files: mappings, resident and proportional memory.
    mapped: [f64; 3],
}

/// Runs a task in a process of its own.
pub(crate) fn spawn(task: Task, with: &[String]) -> anyhow::Result<Done> {
    let name = task.to_possible_value().context("every task has a name")?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--task", name.get_name(), "--with"])
        .args(with)
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name:?} {with:?}: {errors}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |key: &str| told[key].as_f64().with_context(|| format!("no {key} in {told}"));
    Ok(Done {
        seconds: number("seconds")?,
        rows: told["rows"].as_u64().context("no rows")?,
        peak_mb: number("peakMb")?,
        mapped: [number("mappings")?, number("residentMb")?, number("shareMb")?],
    })
}

/// What the child does, and tells on stdout.
pub(crate) async fn run(task: Task, with: &[String]) -> anyhow::Result<()> {
    let argument = |index: usize| with.get(index).context("an argument is missing");
    let started = Instant::now();
    let rows;
    let mut mapped = (0, 0.0, 0.0);
    match task {
        Task::Import => {
            let store = ParquetStore::open(Path::new(argument(1)?))?;
            let report = import_file(&store, Path::new(argument(0)?), &ImportOptions::default())?;
            rows = report.added;
        }
        Task::Load | Task::Share => {
            let influx = client(argument(0)?, argument(1)?)?;
            let market = market(Arc::new(influx), Path::new(argument(2)?))?;
            let range =
                TimeRange { start_ms: argument(3)?.parse()?, end_ms: argument(4)?.parse()? };
            let threads = if matches!(task, Task::Share) { THREADS } else { 1 };
            let mut loads = tokio::task::JoinSet::new();
            for _ in 0..threads {
                let market = market.clone();
                loads.spawn(async move {
                    let loaded = market.load(&series(), range, 0).await?;
                    loaded.series_hash();
                    anyhow::Ok(loaded)
                });
            }
            let held: Vec<_> = loads.join_all().await.into_iter().collect::<Result<_, _>>()?;
            rows = held[0].as_slice().len() as u64;
            mapped = mappings()?;
        }
    }
    let (mappings, resident, share) = mapped;
    println!(
        "{}",
        json!({
            "seconds": started.elapsed().as_secs_f64(), "rows": rows,
            "peakMb": machine::memory_mb(std::process::id(), "VmHWM"),
            "mappings": mappings, "residentMb": resident, "shareMb": share,
        })
    );
    Ok(())
}

/// Column files mapped by this process: how many times, MB resident, MB as its share.
fn mappings() -> anyhow::Result<(usize, f64, f64)> {
    let (mut mappings, mut resident, mut share) = (0, 0.0, 0.0);
    let mut is_ours = false;
    for line in fs::read_to_string("/proc/self/smaps")?.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let kb = || words.clone().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        match first {
            "Rss:" if is_ours => resident += kb() / 1e3,
            "Pss:" if is_ours => share += kb() / 1e3,
            word if word.ends_with(':') => {}
            _ => {
                is_ours = line.contains("/objects/");
                mappings += usize::from(is_ours);
            }
        }
    }
    Ok((mappings, resident, share))
}

/// Peaks of cold loads of a month and of everything, and what twenty threads hold together.
pub(crate) fn measure(
    load: &Load,
    database: &Database,
    work: &Path,
    table: &mut Table,
) -> anyhow::Result<()> {
    let cache = work.join("measured").display().to_string();
    let with = |range: TimeRange| {
        let [start, end] = [range.start_ms, range.end_ms].map(|ms| ms.to_string());
        [database.url.clone(), database.name.clone(), cache.clone(), start, end]
    };
    let whole = load.range;
    let month = TimeRange { end_ms: whole.end_ms.min(whole.start_ms + MONTH_MS), ..whole };
    let of_month = spawn(Task::Load, &with(month))?;
    fs::remove_dir_all(&cache)?;
    let of_all = spawn(Task::Load, &with(whole))?;
    let size_mb = load.count as f64 * 48.0 / 1e6;
    table.row(
        "peak memory of a cold load",
        format!(
            "{:.0} MB for a month, {:.0} MB for all, whose columns are {size_mb:.0} MB",
            of_month.peak_mb, of_all.peak_mb
        ),
    );
    let shared = spawn(Task::Share, &with(whole))?;
    let [mappings, resident, share] = shared.mapped;
    table.target(
        "20 threads that hold the series",
        format!(
            "{mappings} mapping, {resident:.0} MB resident of {size_mb:.0} MB of columns (share {share:.0} MB), \
             peak of the process {:.0} MB",
            shared.peak_mb
        ),
        "one copy",
        resident <= size_mb * 1.05 + 1.0,
    );
    Ok(())
}
