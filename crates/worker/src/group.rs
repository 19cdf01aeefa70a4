//! Jobs that share candles: loaded once, looked up among the standing results, run as batches.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use candles::Loaded;
use engine::{Control, Monitor};
use futures_util::{StreamExt, stream};
use model::{Calendar, Digest, JobSpec, SeriesId, TimeRange};
use store::{Claim, Ending, Finish, Held, JobError, Release};
use tokio::sync::OwnedSemaphorePermit;

use crate::claim::{fail, held_of};
use crate::held::{JobControl, Stop};
use crate::replay::{Job, prepare};
use crate::{Outgoing, Shared};

/// Groups loaded at the same time.
const LOADS: usize = 4;
/// Most variants of one batch: bounds the memory of shared columns and the wait for a result.
const BATCH: usize = 128;

/// A claimed job with its spec.
pub(crate) struct Task {
    pub(crate) claim: Claim,
    pub(crate) control: Arc<JobControl>,
    pub(crate) spec: Arc<JobSpec>,
}

/// What a load depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    series: SeriesId,
    range: TimeRange,
    warmup: u32,
    calendar: Option<Calendar>,
}

/// Loads and starts `tasks`, those that share candles together; suspects one at a time.
pub(crate) async fn start(shared: &Arc<Shared>, tasks: Vec<Task>) {
    let mut groups: BTreeMap<Need, Vec<Task>> = BTreeMap::new();
    let mut suspects = Vec::new();
    for task in tasks {
        if task.claim.suspect {
            suspects.push(task);
            continue;
        }
        groups.entry(need(&task.spec)).or_default().push(task);
    }
    let groups = stream::iter(groups);
    groups
        .for_each_concurrent(LOADS, |(need, tasks)| async move {
            load(shared, &need, tasks, None).await;
        })
        .await;
    for task in suspects {
        let permit = Arc::clone(&shared.suspects).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        match shared.store.mark_started(shared.presence.worker(), held_of(&task.claim)).await {
            Ok(true) => {
                let need = need(&task.spec);
                load(shared, &need, vec![task], Some(permit)).await;
            }
            Ok(false) => drop_lost(shared, &task.claim),
            Err(error) => {
                tracing::warn!(error = %error, "a suspect job was not started");
                give_back(shared, &[task], Release::Drain).await;
            }
        }
    }
}

fn need(spec: &JobSpec) -> Need {
    Need {
        series: spec.series.clone(),
        range: spec.range,
        warmup: spec.warmup,
        calendar: spec.overrides.calendar.clone(),
    }
}

async fn give_back(shared: &Shared, tasks: &[Task], why: Release) {
    let held: Vec<Held> = tasks.iter().map(|task| held_of(&task.claim)).collect();
    for _ in tasks {
        shared.computed();
    }
    shared.release(&held, why).await;
}

fn drop_lost(shared: &Shared, claim: &Claim) {
    shared.held.remove(held_of(claim));
    shared.computed();
}

/// Loads the candles of one group and starts its jobs.
async fn load(
    shared: &Arc<Shared>,
    need: &Need,
    tasks: Vec<Task>,
    permit: Option<OwnedSemaphorePermit>,
) {
    let started = Instant::now();
    match shared.market.load(&need.series, need.range, need.warmup).await {
        Ok(loaded) => {
            shared.source.answered();
            metrics::histogram!("backfleet_load_seconds").record(started.elapsed());
            dispatch(shared, &loaded, tasks, permit).await;
        }
        Err(error) if error.is_transient() => {
            let backoff = shared.source.away();
            tracing::warn!(
                error = %error, series = %need.series, retry_ms = backoff.as_millis(),
                "the candle source is away: its jobs wait"
            );
            let timeout = shared.config.source_timeout;
            give_back(shared, &tasks, Release::SourceAway { backoff, timeout }).await;
        }
        Err(error) => {
            let failed = JobError { code: error.code().to_owned(), message: error.to_string() };
            for task in &tasks {
                fail(shared, &task.claim, failed.clone());
            }
        }
    }
}

/// Completes what has a standing result and starts the rest, equal keys once.
async fn dispatch(
    shared: &Arc<Shared>,
    loaded: &Arc<Loaded>,
    tasks: Vec<Task>,
    permit: Option<OwnedSemaphorePermit>,
) {
    let mut by_key: BTreeMap<Digest, (Job, Vec<Task>)> = BTreeMap::new();
    for task in tasks {
        match prepare(loaded, &task.spec) {
            Ok(job) => by_key.entry(job.result_key).or_insert((job, Vec::new())).1.push(task),
            Err(error) => fail(shared, &task.claim, error),
        }
    }
    let keys: Vec<Digest> = by_key.keys().copied().collect();
    let standing = match shared.store.standing_results(&keys).await {
        Ok(standing) => standing,
        Err(error) => {
            tracing::debug!(error = %error, "standing results were not looked up");
            BTreeMap::new()
        }
    };
    let mut fresh = Vec::new();
    for (key, (job, tasks)) in by_key {
        if standing.contains_key(&key) {
            for task in tasks {
                cached(shared, &task.claim, key);
            }
        } else {
            fresh.push((job, tasks));
        }
    }
    let size = fresh.len().div_ceil(shared.pool.slots()).clamp(1, BATCH);
    let permit = permit.map(Arc::new);
    while !fresh.is_empty() {
        let batch = fresh.split_off(fresh.len() - size.min(fresh.len()));
        let (worker, loaded, permit) = (Arc::clone(shared), Arc::clone(loaded), permit.clone());
        shared.pool.start(move || {
            run_batch(&worker, &loaded, &batch);
            drop(permit);
        });
    }
}

fn cached(shared: &Shared, claim: &Claim, key: Digest) {
    metrics::counter!("backfleet_cached_jobs_total").increment(1);
    shared.send(Outgoing::Finish(Finish {
        held: held_of(claim),
        bundle: claim.bundle,
        ending: Ending::Cached { key },
    }));
    shared.computed();
}

/// What a batch tells the rest of the worker while it runs.
struct Watch<'a> {
    shared: &'a Shared,
    batch: &'a [(Job, Vec<Task>)],
}

impl Watch<'_> {
    /// A job stops once nobody wants it any more.
    fn stopped(&self, variant: usize) -> bool {
        self.batch[variant].1.iter().all(|task| task.control.stopped().is_some())
    }
}

impl Monitor for Watch<'_> {
    fn progress(&self, variant: usize, candles_done: usize) -> Control {
        let mut new = 0;
        for task in &self.batch[variant].1 {
            new = task.control.advance(candles_done);
        }
        self.shared.candles.fetch_add(new as u64, Ordering::Relaxed);
        if let Some(pace) = self.shared.pool.pace() {
            pace.spend(new, || self.stopped(variant));
        }
        if self.stopped(variant) { Control::Stop } else { Control::Continue }
    }
}

/// Runs a batch on a compute thread. A panic of the engine fails the job that raised it, alone.
fn run_batch(shared: &Shared, loaded: &Loaded, batch: &[(Job, Vec<Task>)]) {
    let started = Instant::now();
    for (_, tasks) in batch {
        for task in tasks {
            task.control.start(loaded.as_slice().len() - loaded.start_row());
        }
    }
    let watch = Watch { shared, batch };
    let jobs: Vec<&Job> = batch.iter().map(|(job, _)| job).collect();
    let whole = std::panic::catch_unwind(AssertUnwindSafe(|| {
        crate::replay::run_jobs(loaded, &jobs, &watch)
    }));
    let endings = match whole {
        Ok(endings) => endings,
        Err(_) if batch.len() == 1 => vec![crate::replay::panicked()],
        Err(_) => {
            for one in batch.chunks(1) {
                run_batch(shared, loaded, one);
            }
            return;
        }
    };
    // The engine tells of whole strides only: the rest of each variant is counted here.
    let rows = loaded.as_slice().len() - loaded.start_row();
    for (variant, _) in endings.iter().enumerate().filter(|(_, ending)| ending.is_ok()) {
        watch.progress(variant, rows);
    }
    let mut computed = 0;
    for ((job, tasks), ending) in batch.iter().zip(endings) {
        computed += tasks.len();
        settle(shared, job, tasks, ending);
    }
    record(shared, computed, started.elapsed());
}

fn record(shared: &Shared, jobs: usize, elapsed: Duration) {
    shared.pool.measured(jobs, elapsed);
    metrics::counter!("backfleet_computed_jobs_total").increment(jobs as u64);
}

/// Hands over what became of one key: the first live task gets the result, the others point at it.
fn settle(
    shared: &Shared,
    job: &Job,
    tasks: &[Task],
    ending: Result<store::NewResult, Option<JobError>>,
) {
    let mut result = match ending {
        Ok(result) => Some(Box::new(result)),
        Err(Some(error)) => {
            for task in tasks {
                fail(shared, &task.claim, error.clone());
            }
            return;
        }
        Err(None) => None,
    };
    let done = result.is_some();
    for task in tasks {
        let ending = match task.control.stopped() {
            Some(Stop::Lost) => {
                drop_lost(shared, &task.claim);
                continue;
            }
            Some(Stop::Cancelled) => Ending::Cancelled,
            None | Some(Stop::Drained) if done => match result.take() {
                Some(result) => Ending::Completed(result),
                None => Ending::Cached { key: job.result_key },
            },
            None | Some(Stop::Drained) => {
                shared.send(Outgoing::Return(held_of(&task.claim)));
                shared.computed();
                continue;
            }
        };
        let finish = Finish { held: held_of(&task.claim), bundle: task.claim.bundle, ending };
        shared.send(Outgoing::Finish(finish));
        shared.computed();
    }
}
