//! What every store promises: the trait, its rows and its errors.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use model::{BundleStatus, Digest, JobStatus};
use serde_json::Value;
use uuid::Uuid;

/// Milliseconds since 1970-01-01 UTC by the database's clock.
pub type DatabaseTime = i64;

/// A job inside the store; never leaves the service (the public id is `{bundle}-{seq}`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// A worker process: a fresh number per process start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub i64);

/// Why a store call failed, named by what the caller does next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database is away or overloaded: wait, then try again.
    #[error("the database does not answer: {reason}")]
    Unavailable {
        /// What the driver said.
        reason: String,
    },
    /// The statement lost a race (deadlock, serialisation): try again at once, with jitter.
    #[error("the database asks to try again: {reason}")]
    Conflict {
        /// What the driver said.
        reason: String,
    },
    /// The schema is older or newer than this program: run `backfleet migrate`.
    #[error("the database schema is at version {found}, this program needs {needed}")]
    WrongSchema {
        /// Version found; 0 where there is none.
        found: i64,
        /// Version needed.
        needed: i64,
    },
    /// The database refuses: a defect of this program or a damaged row. Give up loudly.
    #[error("the database refuses: {reason}")]
    Refused {
        /// What the driver said.
        reason: String,
    },
}

/// Times that leases are made of. Database clocks measure them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// Time between two beats.
    pub beat: Duration,
    /// A worker that has not beaten for this long has lost its jobs.
    pub lease: Duration,
    /// A worker whose presence lock is free and whose beat is older than this is dead.
    pub grace: Duration,
}

impl Default for LeaseTimes {
    fn default() -> LeaseTimes {
        LeaseTimes {
            beat: Duration::from_secs(5),
            lease: Duration::from_secs(30),
            grace: Duration::from_millis(7_500),
        }
    }
}

/// A bundle to store, already validated.
#[derive(Clone, Debug)]
pub struct NewBundle {
    /// `UUIDv7` chosen by the caller.
    pub id: Uuid,
    /// Whose it is; `local` where no keys are used.
    pub owner: String,
    /// Name given by the user; may be empty.
    pub name: String,
    /// The request as submitted.
    pub request: Value,
    /// Tags given by the user.
    pub tags: BTreeMap<String, String>,
    /// -1000 to 1000, higher first.
    pub priority: i16,
    /// Points dropped by constraints.
    pub dropped: u64,
    /// W3C traceparent of the request.
    pub trace: Option<String>,
    /// Makes a repeated submit harmless.
    pub idempotency: Option<Idempotency>,
    /// The jobs, ascending by seq.
    pub jobs: Vec<NewJob>,
}

/// One job to store.
#[derive(Clone, Copy, Debug)]
pub struct NewJob {
    /// Index in the full product.
    pub seq: u32,
    /// Hash of the resolved spec.
    pub spec_key: Digest,
    /// Key of a result that may already exist: if it does, the job is stored `Completed`, cached.
    pub result_key: Option<Digest>,
}

/// An `Idempotency-Key` and the body it came with.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The header's value.
    pub key: String,
    /// BLAKE3 of the request body.
    pub body_hash: Digest,
    /// How long the answer is remembered.
    pub keep: Duration,
}

/// Answer to a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Stored now.
    Stored {
        /// Jobs that were completed from existing results.
        cached: u64,
    },
    /// The key was used before with the same body: nothing was stored.
    Repeated {
        /// The first bundle.
        id: Uuid,
    },
    /// The key was used before with another body: nothing was stored.
    KeyReused,
}

/// Counts and times of one bundle, read in one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// -1000 to 1000.
    pub priority: i16,
    /// Where it stands, derived from the row and the counts.
    pub status: BundleStatus,
    /// Jobs in all.
    pub total: u64,
    /// Points dropped by constraints.
    pub dropped: u64,
    /// Jobs `Completed`, cached ones included.
    pub completed: u64,
    /// Jobs `Failed`.
    pub failed: u64,
    /// Jobs `Cancelled`.
    pub cancelled: u64,
    /// Jobs completed from an existing result.
    pub cached: u64,
    /// Jobs `Running`.
    pub running: u64,
    /// Sum of the progress of the running jobs, each 0 to 1.
    pub running_progress: f64,
    /// Candles per second of its workers in the last seconds.
    pub candles_per_second: f64,
    /// Grows with every change; equal versions are equal answers.
    pub version: u64,
    /// When it was stored.
    pub created_at: DatabaseTime,
    /// When the first job was claimed.
    pub started_at: Option<DatabaseTime>,
    /// When the last job became final.
    pub finished_at: Option<DatabaseTime>,
}

/// Which bundles to list; newest first.
#[derive(Clone, Debug, Default)]
pub struct BundleFilter {
    /// Only of this owner; `None` = of all.
    pub owner: Option<String>,
    /// Only with this status.
    pub status: Option<BundleStatus>,
    /// Only with this text in the name, ignoring case.
    pub name: Option<String>,
    /// Only with this tag.
    pub tag: Option<(String, String)>,
    /// Only older than this one (keyset page).
    pub before: Option<Uuid>,
}

/// One job as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// Index in the full product.
    pub seq: u32,
    /// Where it stands.
    pub status: JobStatus,
    /// Times it was claimed.
    pub attempt: u32,
    /// The worker that holds or held it.
    pub worker: Option<WorkerId>,
    /// 0 to 1; 0 unless running or completed.
    pub progress: f64,
    /// Completed from an existing result.
    pub cached: bool,
    /// Why it failed.
    pub error: Option<JobError>,
    /// When it was stored.
    pub created_at: DatabaseTime,
    /// When the current or last attempt was claimed.
    pub started_at: Option<DatabaseTime>,
    /// When it became final.
    pub finished_at: Option<DatabaseTime>,
    /// Its result, where completed.
    pub result: Option<ResultSummary>,
}

/// Why a job failed: data in its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobError {
    /// Stable code, such as `no_candles`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// The light part of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultSummary {
    /// Result key.
    pub key: Digest,
    /// Hash of the outcome's bytes.
    pub outcome_hash: Digest,
    /// Hash of the candles and the settings they imply.
    pub data_hash: Digest,
    /// Metric id -> number; an undefined metric is absent.
    pub metrics: Value,
    /// The rest of the outcome document: counts, warm-up, equity, undefined reasons, warnings.
    pub summary: Value,
}

/// The heavy part of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultDetail {
    /// Daily returns.
    pub daily_returns: Vec<f64>,
    /// [`model::Outcome::to_bytes`] of the outcome.
    pub outcome: Vec<u8>,
}

/// One attempt that ended abnormally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its number.
    pub attempt: u32,
    /// Who ran it.
    pub worker: Option<WorkerId>,
    /// When it was claimed.
    pub started_at: Option<DatabaseTime>,
    /// When it ended.
    pub ended_at: DatabaseTime,
    /// Why: `worker_lost`, `drained`, `source_away`, `retried`.
    pub ended_by: String,
}

/// Which jobs of a bundle to list.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only with this status.
    pub status: Option<JobStatus>,
    /// Only with this error code.
    pub error_code: Option<String>,
    /// Only these seqs (ascending), where the caller filtered by axis values.
    pub seqs: Option<Vec<u32>>,
    /// Ascending by seq where absent.
    pub sort: Option<MetricSort>,
    /// Only rows after this one in the order asked for (keyset page).
    pub after: Option<JobCursor>,
}

/// Order by a metric; jobs without it come last, equal ones by seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSort {
    /// Metric id.
    pub metric: String,
    /// Greatest first.
    pub descending: bool,
}

/// Where a page of jobs ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobCursor {
    /// Value of the sort metric in the last row; `None` where it was undefined or unsorted.
    pub value: Option<f64>,
    /// Seq of the last row.
    pub seq: u32,
}

/// Answer to a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Pending jobs are cancelled now, running ones at their next beat; repeated calls say so too.
    Accepted,
    /// All jobs were final before.
    AlreadyFinal(BundleStatus),
}

/// What a worker says of itself.
#[derive(Clone, Debug)]
pub struct WorkerInfo {
    /// Host name, for people.
    pub host: String,
    /// Program version, for people.
    pub version: String,
    /// Jobs it runs at once.
    pub slots: u32,
}

/// One worker as seen by the store.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerRow {
    /// Its id.
    pub id: WorkerId,
    /// Host name.
    pub host: String,
    /// Program version.
    pub version: String,
    /// Jobs it runs at once.
    pub slots: u32,
    /// Whether a presence lock backs its lease.
    pub presence: bool,
    /// Asked to finish what it holds and stop.
    pub draining: bool,
    /// Its lease is over.
    pub lost: bool,
    /// When it started.
    pub started_at: DatabaseTime,
    /// Last beat.
    pub beat_at: DatabaseTime,
    /// Jobs it holds.
    pub running: u64,
    /// Jobs it ended since it started.
    pub finished: u64,
    /// Candles per second at the last beat.
    pub candles_per_second: f64,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Fencing number: goes with every later write.
    pub attempt: u32,
    /// Its bundle.
    pub bundle: Uuid,
    /// Index in the full product.
    pub seq: u32,
    /// Hash of the resolved spec.
    pub spec_key: Digest,
    /// A worker died while it held this job: run it alone, `mark_started` first.
    pub suspect: bool,
}

/// A job that a worker holds, with its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The job.
    pub job: JobId,
    /// The attempt it was claimed as.
    pub attempt: u32,
}

/// Answer to a beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// What the worker still holds, and whether a cancel waits. Anything else it believed its own
    /// is lost: stop and discard.
    pub owned: Vec<(Held, CancelFlag)>,
    /// Finish what is held and stop.
    pub drain: bool,
}

/// Whether a running job was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelFlag {
    /// Go on.
    Clear,
    /// Stop and finish it as `Cancelled`.
    Raised,
}

/// A result to store.
#[derive(Clone, Debug)]
pub struct NewResult {
    /// Result key.
    pub key: Digest,
    /// Hash of `outcome`.
    pub outcome_hash: Digest,
    /// Hash of the candles and the settings they imply.
    pub data_hash: Digest,
    /// Metric id -> number.
    pub metrics: Value,
    /// Counts, warm-up, equity, undefined reasons, warnings.
    pub summary: Value,
    /// Daily returns.
    pub daily_returns: Vec<f64>,
    /// [`model::Outcome::to_bytes`]; kept compressed.
    pub outcome: Vec<u8>,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It ran; the result goes with it.
    Completed(Box<NewResult>),
    /// An equal result already stands under this key.
    Cached {
        /// Result key.
        key: Digest,
    },
    /// It cannot be run, now or later.
    Failed(JobError),
    /// It was called off.
    Cancelled,
}

/// One job to finish.
#[derive(Clone, Debug)]
pub struct Finish {
    /// What is held.
    pub held: Held,
    /// Its bundle.
    pub bundle: Uuid,
    /// How it ended.
    pub ending: Ending,
}

/// What became of one finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written now and counted once.
    Stored,
    /// An earlier call had already written it (its answer was lost).
    AlreadyStored,
    /// The job was no longer held: nothing was written.
    Lost,
    /// Written and counted; another outcome already stands under the key: a determinism fault,
    /// recorded in `result_conflict`.
    Diverged,
}

/// Why a worker gives jobs back unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It shuts down.
    Drain,
    /// The candle source does not answer: hold them for `backoff`; fail those that have waited
    /// longer than `timeout` with `source_unavailable`.
    SourceAway {
        /// Time until they may be claimed again.
        backoff: Duration,
        /// Longest wait in all.
        timeout: Duration,
    },
    /// A cause that can pass: counts as a failure; the third ends the job with this code.
    Retry {
        /// Stable code.
        code: &'static str,
        /// Time until it may be claimed again.
        backoff: Duration,
    },
}

/// Progress of one running job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is held.
    pub held: Held,
    /// 0 to 1.
    pub fraction: f64,
}

/// The queue in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueDepth {
    /// Jobs that could be claimed now.
    pub pending: u64,
    /// Jobs that wait for a resume, a backoff or a cap.
    pub on_hold: u64,
    /// Jobs `Running`.
    pub running: u64,
    /// Age of the oldest claimable job, in seconds.
    pub oldest_pending_seconds: f64,
}

/// What one maintenance pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Jobs returned to the queue because their worker died.
    pub rescued: u64,
    /// Jobs failed `worker_lost`.
    pub poisoned: u64,
    /// Jobs whose backoff is over.
    pub released: u64,
    /// Bundles that became final.
    pub finished_bundles: u64,
}

/// State of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Version found; 0 where there is none.
    pub found: i64,
    /// Version this program needs.
    pub needed: i64,
}

/// The store: bundles, jobs, results, workers. One trait, two implementations, one suite.
///
/// Each method is one transaction and has a timeout of its own; none waits on a backtest.
#[async_trait]
pub trait Store: Send + Sync {
    /// `postgres` or `sqlite`, with the server's version, for people.
    async fn describe(&self) -> Result<String, Error>;

    /// Answers if the database does.
    async fn ping(&self) -> Result<(), Error>;

    /// Version of the schema.
    async fn schema(&self) -> Result<Schema, Error>;

    /// Brings the schema to the version needed; repeated calls are harmless.
    async fn migrate(&self) -> Result<Schema, Error>;

    /// Stores the bundle and all its jobs, or nothing, and wakes the workers.
    ///
    /// A racer with the same idempotency key waits up to 5 s for the first, then gets `Conflict`.
    async fn submit(&self, bundle: NewBundle) -> Result<Submitted, Error>;

    /// Counts and times of one bundle; `None` where there is none of this owner.
    async fn bundle(&self, owner: Option<&str>, id: Uuid) -> Result<Option<BundleRow>, Error>;

    /// The request as stored.
    async fn request(&self, id: Uuid) -> Result<Option<Value>, Error>;

    /// Bundles, newest first, at most `limit`.
    async fn bundles(&self, filter: &BundleFilter, limit: u32) -> Result<Vec<BundleRow>, Error>;

    /// Jobs of one bundle in the order asked for, at most `limit`.
    async fn jobs(
        &self,
        bundle: Uuid,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, Error>;

    /// One job and its abnormal attempts.
    async fn job(&self, bundle: Uuid, seq: u32)
    -> Result<Option<(JobRow, Vec<AttemptRow>)>, Error>;

    /// Failed jobs of one bundle by error code.
    async fn failures(&self, bundle: Uuid) -> Result<BTreeMap<String, u64>, Error>;

    /// The heavy part of a result.
    async fn detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error>;

    /// Of these result keys, those that stand, with their outcome hash.
    async fn standing_results(&self, keys: &[Digest]) -> Result<BTreeMap<Digest, Digest>, Error>;

    /// Calls a bundle off: its pending jobs now, its running ones at their next beat.
    async fn cancel(&self, id: Uuid) -> Result<Cancelled, Error>;

    /// The queue in numbers.
    async fn queue_depth(&self) -> Result<QueueDepth, Error>;

    /// Workers that beat within the last day, newest first.
    async fn workers(&self) -> Result<Vec<WorkerRow>, Error>;

    /// Asks a worker to finish what it holds and stop; `false` where there is none.
    async fn drain_worker(&self, worker: WorkerId) -> Result<bool, Error>;

    /// Enters a worker: a fresh id, its presence lock, its listening connection.
    async fn enter(&self, info: &WorkerInfo, times: LeaseTimes)
    -> Result<Box<dyn Presence>, Error>;

    /// Claims up to `limit` pending jobs: highest priority first, then oldest.
    async fn claim(&self, worker: WorkerId, limit: u32) -> Result<Vec<Claim>, Error>;

    /// Records that a suspect job is about to run.
    async fn mark_started(&self, worker: WorkerId, held: Held) -> Result<bool, Error>;

    /// Records progress of jobs still held; writes of jobs no longer held do nothing.
    async fn progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error>;

    /// Ends jobs and counts them, in one transaction; answers in the order of `finishes`.
    async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Result<Vec<Settled>, Error>;

    /// Gives jobs back unfinished; those no longer held are left alone.
    async fn release(&self, worker: WorkerId, held: &[Held], why: Release) -> Result<(), Error>;

    /// Returns jobs of dead workers, ends backoffs, finishes bundles; any process may call it.
    async fn maintain(&self, times: LeaseTimes) -> Result<Maintained, Error>;
}

/// A worker's presence: lives as long as its process, survives reconnects.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Its id.
    fn worker(&self) -> WorkerId;

    /// Extends the lease; says what is still held.
    async fn beat(&self) -> Result<Beat, Error>;

    /// Waits until new work may be there. May wake for nothing; may miss: poll all the same.
    async fn hint(&self);

    /// Gives up the presence: its jobs, if any, are free at once.
    async fn leave(&self) -> Result<(), Error>;
}
