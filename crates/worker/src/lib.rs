//! Claim -> load -> replay -> complete: one worker process.
//!
//! The async tasks only talk to the network: `claim` keeps about one second of work in hand, `beat`
//! extends the lease, `report` writes progress, `finish` writes results in batches. Backtests run
//! on the pool's own threads. **Invariants:** a job that is no longer held is never finished (the
//! store's fence proves it again); no lock is held and nothing is awaited while a backtest runs.

mod backoff;
mod beat;
mod claim;
mod config;
mod data;
mod finish;
mod gather;
mod group;
mod held;
mod in_hand;
mod inputs;
mod maintain;
mod memory;
mod pool;
mod replay;
mod replays;
mod report;
mod signals;
mod source;
mod unsettled;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use candles::Market;
use store::{Finish, Held, Presence, Release, Store};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::Config;
pub use inputs::Inputs;
pub use maintain::maintain;
pub use memory::keep_freed_memory;
pub use replay::{Replay, ReplayError, explain, replay, replay_batch};

use backoff::Backoff;
use held::{HeldJobs, Stop};
use pool::Pool;
use signals::Columns;
use source::SourceGate;

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The schema does not fit this program, or the database refuses: give up.
    #[error("the worker cannot start")]
    Store(#[from] store::Error),
    /// The operating system gave no threads.
    #[error("no compute threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A part of the worker ended on an internal fault; its jobs go back to the queue.
    #[error("the worker's heartbeat, writer or reporter ended on an internal fault")]
    Fault,
}

/// What leaves a worker's hands.
enum Outgoing {
    /// A job that ended.
    Finish(Finish),
    /// A job that was stopped by a drain.
    Return(Held),
}

/// What the tasks of one worker share.
struct Shared {
    store: Arc<dyn Store>,
    market: Market,
    config: Config,
    presence: Box<dyn Presence>,
    held: HeldJobs,
    pool: Pool,
    /// Claimed jobs that are not computed yet.
    waiting: AtomicUsize,
    /// Woken when `waiting` falls.
    room: Notify,
    /// Candles computed since the start.
    candles: AtomicU64,
    /// Jobs whose worker died run one at a time.
    suspects: Arc<Semaphore>,
    source: SourceGate,
    /// Uploaded signal columns.
    signals: Columns,
    told: data::Told,
    /// One replay runs at a time.
    replays: Arc<Semaphore>,
    /// Woken when finished jobs were written: more may be claimable under a cap.
    settled: Notify,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    tasks: TaskTracker,
    /// Set when no more may be claimed.
    draining: CancellationToken,
}

impl Shared {
    /// One more claimed job waits to be computed.
    fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// One claimed job needs no more computing.
    fn computed(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.room.notify_one();
    }

    /// Hands a job to the writer: finished, or given back.
    fn send(&self, outgoing: Outgoing) {
        // A closed channel means the process is going down: the lease gives the job back.
        let _ = self.outgoing.send(outgoing);
    }

    /// Gives jobs back; a failure is left to the lease.
    async fn release(&self, held: &[Held], why: &Release) {
        if let Err(error) = self.store.release(self.presence.worker(), held, why).await {
            tracing::warn!(error = %error, jobs = held.len(), "jobs were not given back: their lease will end");
        }
        for job in held {
            self.held.remove(*job);
        }
    }
}

/// Runs a worker until `shutdown`, then drains: running jobs finish, the rest is given back.
///
/// Waits for a database that is away; fails only on what waiting cannot mend.
pub async fn run(
    store: Arc<dyn Store>,
    market: Market,
    config: Config,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let Some(presence) = enter(&store, &config, &shutdown).await? else { return Ok(()) };
    let (outgoing, queue) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        pool: Pool::new(config.slots, config.pace)?,
        store,
        market,
        presence,
        held: HeldJobs::default(),
        waiting: AtomicUsize::new(0),
        room: Notify::new(),
        candles: AtomicU64::new(0),
        suspects: Arc::new(Semaphore::new(1)),
        source: SourceGate::new(),
        signals: Columns::default(),
        told: data::Told::default(),
        replays: Arc::new(Semaphore::new(1)),
        settled: Notify::new(),
        outgoing,
        tasks: TaskTracker::new(),
        draining: shutdown.child_token(),
        config,
    });
    tracing::info!(
        worker.id = shared.presence.worker().0,
        slots = shared.config.slots.get(),
        "worker started"
    );
    let closing = CancellationToken::new();
    let mut services = JoinSet::new();
    services.spawn(beat::run(Arc::clone(&shared), closing.clone()));
    services.spawn(report::run(Arc::clone(&shared), closing.clone()));
    services.spawn(maintain(Arc::clone(&shared.store), shared.config.times, closing.clone()));
    let writer = CancellationToken::new();
    services.spawn(finish::run(Arc::clone(&shared), queue, writer.clone()));

    let work = async {
        claim::run(&shared).await;
        drain(&shared).await;
    };
    // None of the services ends before it is told to, but by a panic: without a heartbeat or a
    // writer nothing that is computed here would ever be stored.
    let ended = tokio::select! {
        () = work => Ok(()),
        Some(_) = services.join_next() => Err(Error::Fault),
    };
    shared.draining.cancel();
    writer.cancel();
    closing.cancel();
    if ended.is_err() {
        shared.held.stop_all(Stop::Lost);
    }
    while services.join_next().await.is_some() {}
    if let Err(error) = shared.presence.leave().await {
        tracing::warn!(error = %error, "the worker could not sign off: its lease will end");
    }
    tracing::info!(worker.id = shared.presence.worker().0, "worker stopped");
    ended
}

/// Enters the worker, waiting for a database that is away; `None` on shutdown.
async fn enter(
    store: &Arc<dyn Store>,
    config: &Config,
    shutdown: &CancellationToken,
) -> Result<Option<Box<dyn Presence>>, Error> {
    let info = store::WorkerInfo {
        host: config.host.clone(),
        version: config.version.clone(),
        slots: u32::try_from(config.slots.get()).unwrap_or(u32::MAX),
    };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
    loop {
        match store.enter(&info, config.times).await {
            Ok(presence) => return Ok(Some(presence)),
            Err(error @ (store::Error::Unavailable { .. } | store::Error::Conflict { .. })) => {
                let wait = backoff.wait();
                tracing::warn!(error = %error, retry_ms = wait.as_millis(), "the worker waits for the database");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = shutdown.cancelled() => return Ok(None),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lets running jobs finish within the drain timeout and gives the rest back.
async fn drain(shared: &Arc<Shared>) {
    shared.held.drain_waiting();
    shared.tasks.close();
    if tokio::time::timeout(shared.config.drain_timeout, emptied(shared)).await.is_err() {
        tracing::warn!(jobs = shared.held.len(), "the drain timeout is over: jobs are given back");
        shared.held.stop_all(Stop::Drained);
        // Threads look at the flag every few thousand candles; the lease covers a stuck one.
        let last = shared.config.times.beat;
        let _ = tokio::time::timeout(last, emptied(shared)).await;
        let rest = shared.held.snapshot();
        shared.release(&rest, &Release::Drain).await;
    }
}

/// Waits until no job is held.
async fn emptied(shared: &Arc<Shared>) {
    while shared.held.len() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
