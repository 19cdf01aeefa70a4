//! Jobs that share candles: loaded once, looked up among the standing results, run as batches.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use engine::{Control, Monitor};
use futures_util::{StreamExt, stream};
use model::{Digest, JobSpec, SignalColumn};
use store::{Ending, Held, JobError, Release};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::gather::{batches, gathered};
use crate::held::Stop;
use crate::in_hand::InHand;
use crate::inputs::Need;
use crate::replay::{Job, prepare};
use crate::{Inputs, Shared, data};

/// Groups loaded at the same time.
const LOADS: usize = 4;
/// Loads of one group that find it corrected meanwhile, before it waits.
const LOOKS: usize = 3;
/// Pause after trouble of this host, such as a full disk; another host may take the jobs.
const HOST_BACKOFF: Duration = Duration::from_secs(5);
/// Most variants of one batch: bounds the memory of shared columns and the wait for a result.
const BATCH: usize = 512;

/// A claimed job with its spec.
pub(crate) struct Task {
    pub(crate) job: InHand,
    pub(crate) spec: Arc<JobSpec>,
    /// [`JobSpec::need`] of the source.
    pub(crate) need: Digest,
}

impl Task {
    /// The task, unless its job was stopped: then it leaves here.
    fn unless_stopped(self) -> Option<Task> {
        let Task { job, spec, need } = self;
        job.unless_stopped().map(|job| Task { job, spec, need })
    }
}

/// Jobs with one result key: the first that is still wanted gets the result.
type Same = (Job, Vec<Task>);

/// Jobs that share candles.
struct Group {
    need: Need,
    tasks: Vec<Task>,
    /// One thread's part of what was claimed together: a batch of more would keep others waiting,
    /// batches of less would compute what they share more often.
    share: usize,
    /// Held while a suspect runs.
    permit: Option<OwnedSemaphorePermit>,
}

/// Loads and starts `tasks`, those that share candles together; suspects one at a time.
pub(crate) async fn start(shared: &Arc<Shared>, tasks: Vec<Task>) {
    let (suspects, tasks): (Vec<Task>, Vec<Task>) =
        tasks.into_iter().partition(|task| task.job.claim.suspect);
    let share = tasks.len().div_ceil(shared.pool.slots());
    let groups = gathered(tasks.into_iter().map(|task| (Need::of(&task.spec), task)));
    stream::iter(groups)
        .for_each_concurrent(LOADS, |(need, tasks)| async move {
            load(shared, Group { need, tasks, share, permit: None }).await;
        })
        .await;
    for task in suspects {
        let permit = Arc::clone(&shared.suspects).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        // Another suspect may have run for long: what was stopped meanwhile must not count as
        // started.
        let Some(task) = task.unless_stopped() else { continue };
        match shared.store.mark_started(shared.presence.worker(), task.job.held()).await {
            Ok(true) => {
                let need = Need::of(&task.spec);
                let group = Group { need, tasks: vec![task], share: 1, permit: Some(permit) };
                load(shared, group).await;
            }
            Ok(false) => task.job.stop(Stop::Lost),
            Err(error) => {
                tracing::warn!(error = %error, "a suspect job was not started");
                give_back(shared, vec![task], Release::Drain).await;
            }
        }
    }
}

async fn give_back(shared: &Shared, tasks: Vec<Task>, why: Release) {
    let held: Vec<Held> = tasks.into_iter().map(|task| task.job.let_go()).collect();
    shared.release(&held, &why).await;
}

/// Loads what one group reads and starts its jobs.
async fn load(shared: &Arc<Shared>, group: Group) {
    let Group { need, tasks, share, permit } = group;
    let mut tasks: Vec<Task> = tasks.into_iter().filter_map(Task::unless_stopped).collect();
    if tasks.is_empty() {
        return;
    }
    let signals = match signals(shared, &need).await {
        Ok(signals) => signals,
        Err(trouble) => return give_up(shared, tasks, trouble).await,
    };
    for _ in 0..LOOKS {
        if tasks.is_empty() {
            return;
        }
        let started = Instant::now();
        let needs = tasks.iter().map(|task| task.need).collect();
        let fetched = match data::fetch(shared, &need, signals.clone(), &needs).await {
            Ok(fetched) => fetched,
            Err(data::Failure::Candles(error)) => {
                let trouble = Trouble::of_candles(shared, &need, &error);
                return give_up(shared, tasks, trouble).await;
            }
            Err(data::Failure::Store(error)) => {
                tracing::warn!(%error, "jobs are given back: what was corrected is not known");
                return give_back(shared, tasks, Release::Drain).await;
            }
        };
        shared.source.answered();
        metrics::histogram!("backfleet_load_seconds").record(started.elapsed());
        match held_to(shared, &fetched, tasks).await {
            Pinning::Runs(tasks) => {
                return dispatch(shared, &fetched, Group { need, tasks, share, permit }).await;
            }
            Pinning::Outdated(again) => tasks = again,
        }
    }
    let reason = JobError {
        code: "data_changed".to_owned(),
        message: "the candles were corrected again and again while they were loaded".to_owned(),
    };
    tracing::warn!(series = %need.series, "{}", reason.message);
    let retry = Release::Retry { reason, backoff: HOST_BACKOFF };
    give_back(shared, tasks, retry).await;
}

/// What becomes of jobs whose input cannot be loaded.
pub(crate) enum Trouble {
    GiveBack(Release),
    Fail(JobError),
}

impl Trouble {
    fn of_candles(shared: &Shared, need: &Need, error: &candles::Error) -> Trouble {
        let series = &need.series;
        let reason = JobError { code: error.code().to_owned(), message: error.chain() };
        if error.is_transient() {
            let backoff = shared.source.away();
            tracing::warn!(
                error = %error.chain(), %series, retry_ms = backoff.as_millis(),
                "the candle source is away: its jobs wait"
            );
            let timeout = shared.config.source_timeout;
            Trouble::GiveBack(Release::SourceAway { backoff, timeout })
        } else if error.may_pass() {
            tracing::error!(error = %error.chain(), %series, "this host cannot keep candles");
            Trouble::GiveBack(Release::Retry { reason, backoff: HOST_BACKOFF })
        } else {
            Trouble::Fail(reason)
        }
    }
}

async fn give_up(shared: &Shared, tasks: Vec<Task>, trouble: Trouble) {
    match trouble {
        Trouble::GiveBack(why) => give_back(shared, tasks, why).await,
        Trouble::Fail(error) => {
            for task in tasks {
                task.job.fail(error.clone());
            }
        }
    }
}

/// The signal column that the group reads, if it reads one.
pub(crate) async fn signals(
    shared: &Shared,
    need: &Need,
) -> Result<Option<Arc<SignalColumn>>, Trouble> {
    let Some(hash) = need.signals else { return Ok(None) };
    let unknown = |message| Trouble::Fail(JobError { code: "unknown_signals".to_owned(), message });
    match shared.signals.get(&*shared.store, hash).await {
        Ok(Some(column)) => Ok(Some(column)),
        Ok(None) => Err(unknown(format!(
            "there is no signal column {hash}; upload it with `backfleet signals put FILE`"
        ))),
        Err(store::Error::Unavailable { reason } | store::Error::Conflict { reason }) => {
            tracing::warn!(reason, signals = %hash, "a signal column was not read: its jobs go back");
            Err(Trouble::GiveBack(Release::Drain))
        }
        Err(error) => Err(unknown(format!(
            "the signal column {hash} cannot be read: {error}; upload it again"
        ))),
    }
}

/// What became of jobs when their bundles were held to what was fetched.
enum Pinning {
    /// These may run on it; others have left.
    Runs(Vec<Task>),
    /// It has to be fetched again for these.
    Outdated(Vec<Task>),
}

/// Keeps the jobs whose bundles began on the same candles; the others fail `data_changed`.
async fn held_to(shared: &Arc<Shared>, fetched: &data::Fetched, tasks: Vec<Task>) -> Pinning {
    let mut by_bundle: BTreeMap<Uuid, Vec<Task>> = BTreeMap::new();
    for task in tasks {
        by_bundle.entry(task.job.claim.bundle).or_default().push(task);
    }
    let (mut ready, mut is_outdated) = (Vec::new(), false);
    for (bundle, tasks) in by_bundle {
        let follows = tasks.iter().any(|task| task.spec.data_policy.follow_latest);
        match data::hold(shared, fetched, bundle, follows).await {
            Ok(data::Verdict::Runs) => ready.extend(tasks),
            Ok(data::Verdict::Fails(error)) => {
                for task in tasks {
                    task.job.fail(error.clone());
                }
            }
            Ok(data::Verdict::Outdated) => {
                is_outdated = true;
                ready.extend(tasks);
            }
            Err(error) => {
                tracing::warn!(%error, bundle.id = %bundle, "jobs are given back unpinned");
                give_back(shared, tasks, Release::Drain).await;
            }
        }
    }
    if is_outdated { Pinning::Outdated(ready) } else { Pinning::Runs(ready) }
}

/// Completes what has a standing result and starts the rest, equal keys once.
async fn dispatch(shared: &Arc<Shared>, fetched: &data::Fetched, group: Group) {
    let inputs = &fetched.inputs;
    let mut met = BTreeMap::new();
    let mut prepared = Vec::new();
    for task in group.tasks.into_iter().filter_map(Task::unless_stopped) {
        match prepare(inputs, &task.spec) {
            Ok(job) => {
                met.insert(task.need, job.data_hash);
                prepared.push((job.result_key, (job, task)));
            }
            Err(error) => task.job.fail(error),
        }
    }
    data::record(shared, fetched, &met).await;
    let distinct = gathered(prepared.into_iter());
    let keys: Vec<Digest> = distinct.iter().map(|(key, _)| *key).collect();
    let standing = match shared.store.standing_results(&keys).await {
        Ok(standing) => standing,
        Err(error) => {
            tracing::debug!(error = %error, "standing results were not looked up");
            BTreeMap::new()
        }
    };
    let mut fresh: Vec<Same> = Vec::new();
    for (key, same) in distinct {
        let (mut jobs, tasks): (Vec<Job>, Vec<Task>) = same.into_iter().unzip();
        if standing.contains_key(&key) {
            for task in tasks {
                metrics::counter!("backfleet_cached_jobs_total").increment(1);
                task.job.finish(Ending::Cached { key });
            }
        } else {
            fresh.push((jobs.swap_remove(0), tasks));
        }
    }
    let size = group.share.clamp(1, BATCH);
    let permit = group.permit.map(Arc::new);
    for batch in batches(fresh, size) {
        let (worker, inputs, permit) = (Arc::clone(shared), Arc::clone(inputs), permit.clone());
        shared.pool.start(move || {
            run_batch(&worker, &inputs, batch);
            drop(permit);
        });
    }
}

/// What a batch tells the rest of the worker while it runs.
struct Watch<'a> {
    shared: &'a Shared,
    batch: &'a [Same],
}

impl Watch<'_> {
    /// A job stops once nobody wants it any more.
    fn stopped(&self, variant: usize) -> bool {
        self.batch[variant].1.iter().all(|task| task.job.control.stopped().is_some())
    }
}

impl Monitor for Watch<'_> {
    fn progress(&self, variant: usize, candles_done: usize) -> Control {
        let mut new = 0;
        for task in &self.batch[variant].1 {
            new = task.job.control.advance(candles_done);
        }
        self.shared.candles.fetch_add(new as u64, Ordering::Relaxed);
        if let Some(pace) = self.shared.pool.pace() {
            pace.spend(new, || self.stopped(variant));
        }
        if self.stopped(variant) { Control::Stop } else { Control::Continue }
    }
}

/// Runs a batch on a compute thread. A panic of the engine fails the job that raised it, alone.
fn run_batch(shared: &Shared, inputs: &Inputs, batch: Vec<Same>) {
    let started = Instant::now();
    let loaded = inputs.candles();
    let rows = loaded.as_slice().len() - loaded.start_row();
    for (_, tasks) in &batch {
        for task in tasks {
            task.job.control.start(rows);
        }
    }
    let watch = Watch { shared, batch: &batch };
    let jobs: Vec<&Job> = batch.iter().map(|(job, _)| job).collect();
    let whole = std::panic::catch_unwind(AssertUnwindSafe(|| {
        crate::replay::run_jobs(inputs, &jobs, &watch)
    }));
    let endings = match whole {
        Ok(endings) => endings,
        Err(_) if batch.len() == 1 => vec![Err(Some(crate::replay::internal_fault()))],
        Err(_) => {
            for one in batch {
                run_batch(shared, inputs, vec![one]);
            }
            return;
        }
    };
    let mut computed = 0;
    for (variant, ending) in endings.iter().enumerate() {
        if ending.is_ok() {
            // The engine tells of whole strides only: the rest is counted here.
            watch.progress(variant, rows);
            computed += batch[variant].1.len();
        }
    }
    for ((job, tasks), ending) in batch.into_iter().zip(endings) {
        settle(&job, tasks, ending);
    }
    if computed > 0 {
        record(shared, computed, started.elapsed());
    }
}

fn record(shared: &Shared, jobs: usize, elapsed: Duration) {
    shared.pool.measured(jobs, elapsed);
    metrics::counter!("backfleet_computed_jobs_total").increment(jobs as u64);
}

/// Hands over what became of one key: the first live task gets the result, the others point at it.
fn settle(job: &Job, tasks: Vec<Task>, ending: Result<store::NewResult, Option<JobError>>) {
    let mut result = match ending {
        Ok(result) => Some(Box::new(result)),
        Err(Some(error)) => {
            for task in tasks {
                task.job.fail(error.clone());
            }
            return;
        }
        Err(None) => None,
    };
    let done = result.is_some();
    for task in tasks {
        match task.job.control.stopped() {
            Some(reason @ (Stop::Lost | Stop::Cancelled)) => task.job.stop(reason),
            None | Some(Stop::Drained) if done => task.job.finish(match result.take() {
                Some(result) => Ending::Completed(result),
                None => Ending::Cached { key: job.result_key },
            }),
            None | Some(Stop::Drained) => task.job.stop(Stop::Drained),
        }
    }
}
