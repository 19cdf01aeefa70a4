//! What workers say and hear, and the figures of the queue.

use std::time::Duration;

use model::Digest;
use uuid::Uuid;

use super::{DatabaseTime, JobError, JobId, JsonText, PackedOutcome, WorkerId};

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

/// A result to store, as it is written.
#[derive(Clone, Debug)]
pub struct NewResult {
    /// Result key.
    pub key: Digest,
    /// Hash of the outcome's bytes.
    pub outcome_hash: Digest,
    /// Hash of the candles and the settings they imply.
    pub data_hash: Digest,
    /// Metric id -> number; an undefined metric is absent.
    pub metrics: JsonText,
    /// The rest of the outcome document, without its lists.
    pub summary: JsonText,
    /// Daily returns.
    pub daily_returns: Vec<f64>,
    /// Fills, funding, daily marks.
    pub outcome: PackedOutcome,
}

/// How a job ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It ran; the result goes with it.
    Completed(Box<NewResult>),
    /// An equal result already stands under this key; [`Settled::Missing`] where it does not.
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
    /// It was to be completed from a result that does not stand: nothing was written, it is held.
    Missing,
    /// Written and counted; another outcome already stands under the key: a determinism fault,
    /// recorded in `result_conflict`.
    Diverged,
}

/// Why a worker gives jobs back unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A cause that can pass: counts as a failure. The job shows the last one while it waits; the
    /// third ends it.
    Retry {
        /// What happened.
        reason: JobError,
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
    /// Versions of job rows that nobody needs and vacuum has not removed; 0 where there are none.
    pub dead_rows: u64,
    /// Age of the oldest snapshot: what it could see, vacuum must keep. In seconds.
    pub oldest_snapshot_seconds: f64,
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
    /// Jobs whose owner came below its cap.
    pub uncapped: u64,
    /// Bundles that became final.
    pub finished_bundles: u64,
}
