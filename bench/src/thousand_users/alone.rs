//! The same backtests in process: engine, metrics and packing, without queue, HTTP or database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use candles::{CandleSource, Loaded, Market};
use model::{Digest, JobSpec, SeriesId};
use rayon::prelude::*;

use crate::load::Load;

/// Variants of a batch, as many as a worker runs together at most.
const BATCH: usize = 128;

/// What the engine alone does.
pub(crate) struct Alone {
    pub(crate) elapsed: Duration,
    /// CPU time of all threads.
    pub(crate) cpu_seconds: f64,
    /// Outcome hash by bundle and seq.
    pub(crate) outcomes: BTreeMap<(usize, u32), Digest>,
}

/// A job and whose it is.
type Job = ((usize, u32), Arc<JobSpec>);

/// Runs all jobs of `load` on `threads` threads, those that share candles together.
pub(crate) async fn run(load: &Load, threads: usize) -> anyhow::Result<Alone> {
    let mut groups: BTreeMap<SeriesId, Vec<Job>> = BTreeMap::new();
    for (user, request) in load.bundles.iter().enumerate() {
        for seq in request.bundle.jobs() {
            let spec = request.bundle.job(seq).context("a seq of the bundle is a job")?;
            groups.entry(spec.series.clone()).or_default().push(((user, seq), Arc::new(spec)));
        }
    }
    let mut batches = Vec::new();
    for (series, jobs) in groups {
        let loaded = loaded(load, &series, &jobs[0].1).await?;
        batches.extend(jobs.chunks(BATCH).map(|jobs| (Arc::clone(&loaded), jobs.to_vec())));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (started, cpu_before) = (Instant::now(), bench::machine::cpu_seconds("self")?);
    let results: Result<Vec<_>, _> = pool.install(|| batches.par_iter().map(batch).collect());
    let elapsed = started.elapsed();
    let cpu_seconds = bench::machine::cpu_seconds("self")? - cpu_before;
    Ok(Alone { elapsed, cpu_seconds, outcomes: results?.into_iter().flatten().collect() })
}

async fn loaded(load: &Load, series: &SeriesId, spec: &JobSpec) -> anyhow::Result<Arc<Loaded>> {
    let listed = load.source.list_series().await?;
    let info = listed.into_iter().find(|info| info.id == *series).context("the series is there")?;
    let mut candles = model::Candles::with_capacity(crate::load::CANDLES);
    let range = model::TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 };
    for segment in candles::Segment::covering(series.timeframe, range) {
        let part = load.source.load(series, segment).await?;
        (0..part.len()).for_each(|row| candles.push(part.as_slice().candle(row)));
    }
    let market = Market::from_candles(series.clone(), info.calendar, candles);
    Ok(market.load(series, spec.range, spec.warmup).await?)
}

fn batch((loaded, jobs): &(Arc<Loaded>, Vec<Job>)) -> anyhow::Result<Vec<((usize, u32), Digest)>> {
    let specs: Vec<_> = jobs.iter().map(|(_, spec)| Arc::clone(spec)).collect();
    let results = worker::replay_batch(loaded, &specs)?;
    Ok(jobs.iter().zip(results).map(|((whose, _), result)| (*whose, result.outcome_hash)).collect())
}
