//! Files of candles into the Parquet store.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use candles::{CandleSource, Format, export};

use crate::Load;
use crate::memory::{self, Task};
use crate::table::{Table, median, words};

/// Imports the candles from a file of each form, each time into an empty store and by a process of
/// its own.
pub(crate) async fn run(
    load: &Load,
    work: &Path,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let info = load.source.list_series().await?.remove(0);
    let names = [
        "bench_WALK-1m.csv",
        "bench_WALK-1m.csv.gz",
        "bench_WALK-1m.feather",
        "bench_WALK-1m.parquet",
    ];
    let mut times: Vec<(Vec<Duration>, f64)> = names.map(|_| (Vec::new(), 0.0)).into();
    for name in names {
        let path = work.join(name);
        let format = Format::of(&path).context("a known ending")?;
        export(&load.source, &info, load.range, &path, format, |_| {}).await?;
    }
    for round in 0..=rounds {
        for (name, (times, peak)) in names.iter().zip(&mut times) {
            let store = work.join("imported");
            let text = |path: &Path| path.display().to_string();
            let done = memory::spawn(Task::Import, &[text(&work.join(name)), text(&store)])?;
            ensure!(done.rows == info.count, "{} rows of {name}", done.rows);
            std::fs::remove_dir_all(&store)?;
            if round > 0 {
                times.push(Duration::from_secs_f64(done.seconds));
                *peak = done.peak_mb.max(*peak);
            }
        }
    }
    for (name, (times, peak)) in names.iter().zip(&times) {
        let size = std::fs::metadata(work.join(name))?.len() as f64 / 1e6;
        let ending = name.trim_start_matches("bench_WALK-1m.");
        let what = format!("import of {ending}, {size:.0} MB");
        let figure = format!("{}, peak {peak:.0} MB", words(times));
        if ending == "csv" {
            let limit = 2.0 * load.count as f64 / 1e6;
            table.target(&what, figure, "< 2 s", median(times).as_secs_f64() < limit);
        } else {
            table.row(&what, figure);
        }
    }
    Ok(())
}
