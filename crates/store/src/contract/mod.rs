//! What every store promises: the trait, its rows and its errors.

mod bundles;
mod changes;
mod data;
mod hints;
mod jobs;
mod keys;
mod nodes;
mod packed;
mod replays;
mod signals;
mod work;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use async_trait::async_trait;
use model::Digest;
use serde_json::Value;
use uuid::Uuid;

pub use bundles::{
    BundleFilter, BundleRow, Cancelled, Idempotency, NewBundle, NewJob, Ordering, Pin, Submitted,
    Terms,
};
pub(crate) use changes::Decision;
pub use changes::{Change, Changed, Labels, Standing};
pub use data::{
    CorrectedSegment, Correction, DataPart, DataVersion, HeldSegment, KnownData, Pinned,
    SegmentHash,
};
pub use hints::{HintFeed, Hints};
pub use jobs::{
    AttemptRow, JobCursor, JobError, JobFilter, JobPoint, JobReturns, JobRow, MetricSort,
    ResultDetail, ResultSummary,
};
pub use keys::{KeyRow, KeyState, Keys, NewKey, Scope, Scopes, Token};
pub use nodes::{
    Fenced, Lease, LeaseKey, NodeBeat, NodeId, NodeRow, NodeTimes, Nodes, SWEEPER, Sweep,
};
pub use packed::{JsonText, PackedOutcome, Packer};
pub use replays::{Divergence, HeldReplay, ReplayClaim, ReplayRow, ReplayedResult};
pub use signals::PackedSignals;
pub use work::{
    Beat, CancelFlag, Claim, Ending, Finish, Held, LeaseTimes, Maintained, NewResult, Progress,
    QueueDepth, Release, Settled, WorkerInfo, WorkerRow,
};

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

/// State of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Version found; 0 where there is none.
    pub found: i64,
    /// Version this program needs.
    pub needed: i64,
    /// Oldest version that a program may need to use this schema; 0 where the schema does not say.
    pub oldest: i64,
}

impl Schema {
    /// Whether this program may use the schema: it is the one needed, or a later one that still
    /// serves programs as old as this.
    pub fn fits(self) -> bool {
        self.found >= self.needed && self.oldest <= self.needed
    }
}

/// The store: bundles, jobs, results, workers. One trait, two implementations, one suite.
///
/// Each method is one transaction and has a timeout of its own; none waits on a backtest.
#[async_trait]
pub trait Store: Hints + Keys + Nodes + Send + Sync {
    /// `postgres` or `sqlite`, with the server's version, for people.
    async fn describe(&self) -> Result<String, Error>;

    /// Answers if the database does.
    async fn ping(&self) -> Result<(), Error>;

    /// Version of the schema.
    async fn schema(&self) -> Result<Schema, Error>;

    /// Brings the schema to the version needed; repeated calls are harmless, and so is one on a newer
    /// schema that this program may use.
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

    /// Status and one metric (a plain id) of the jobs after `after`, ascending by seq, at most
    /// `limit`.
    async fn points(
        &self,
        bundle: Uuid,
        metric: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobPoint>, Error>;

    /// Daily returns of the completed jobs after `after`, ascending by seq, at most `limit`.
    async fn returns(
        &self,
        bundle: Uuid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobReturns>, Error>;

    /// Failed jobs of one bundle by error code.
    async fn failures(&self, bundle: Uuid) -> Result<BTreeMap<String, u64>, Error>;

    /// The heavy part of a result.
    async fn detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error>;

    /// Of these result keys, those that stand, with their outcome hash.
    async fn standing_results(&self, keys: &[Digest]) -> Result<BTreeMap<Digest, Digest>, Error>;

    /// Stores a signal column under its hash; `false` where it was there already, whose ever it is.
    async fn put_signals(&self, owner: &str, signals: &PackedSignals) -> Result<bool, Error>;

    /// A signal column by its hash. Whoever knows the hash of a content may read it.
    async fn signals(&self, hash: Digest) -> Result<Option<PackedSignals>, Error>;

    /// Whether there is a signal column of this hash.
    async fn has_signals(&self, hash: Digest) -> Result<bool, Error>;

    /// Of these needs, those whose data is on record and was not corrected since.
    async fn known_data(&self, needs: &[Digest]) -> Result<BTreeMap<Digest, KnownData>, Error>;

    /// Records what needs were met with; a look at older candles does not replace a newer one.
    async fn record_data(&self, versions: &[DataVersion]) -> Result<(), Error>;

    /// The segments of a series that were ever corrected.
    async fn corrections(&self, source: &str, series: &str) -> Result<Vec<Correction>, Error>;

    /// The sources that segments are on record of, ascending.
    async fn sources(&self) -> Result<Vec<String>, Error>;

    /// Says that the candles of these segments were written again: what is on record of them is
    /// void, and each host fetches them anew before it next uses them.
    async fn correct(&self, source: &str, segments: &[CorrectedSegment]) -> Result<(), Error>;

    /// Holds a bundle to the closed segments that a host has; the first load decides.
    ///
    /// With `latest` the newest load does. Also puts the segments on record.
    async fn pin(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error>;

    /// Changes a bundle if its state allows it, and only at version `at` where that is named.
    ///
    /// Changes of one bundle have one order; each is written whole or not at all. Repeating one
    /// writes nothing. `Refused` where there is no such bundle.
    async fn change(&self, id: Uuid, change: &Change, at: Option<u64>) -> Result<Changed, Error>;

    /// Calls a bundle off, at whatever version it is.
    async fn cancel(&self, id: Uuid) -> Result<Cancelled, Error> {
        Ok(match self.change(id, &Change::Cancel, None).await? {
            Changed::Refused(standing) => Cancelled::AlreadyFinal(standing.status),
            Changed::Applied | Changed::Unchanged | Changed::OtherVersion(_) => Cancelled::Accepted,
        })
    }

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

    /// Calls of [`Store::finish`] that one worker gains from having under way at once.
    fn writers(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// Ends jobs and counts them, in one transaction; answers in the order of `finishes`.
    async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Result<Vec<Settled>, Error>;

    /// Gives jobs back unfinished; those no longer held are left alone.
    async fn release(&self, worker: WorkerId, held: &[Held], why: &Release) -> Result<(), Error>;

    /// Asks for a replay of a completed job and wakes the workers; answers the newest one.
    ///
    /// While one of the job is still to be answered, that one. `None` where there is no such job,
    /// or it is not completed.
    async fn ask_replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error>;

    /// The newest replay of a job.
    async fn replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error>;

    /// Claims up to `limit` replays, oldest first. A worker's beats hold them like its jobs.
    async fn claim_replays(&self, worker: WorkerId, limit: u32) -> Result<Vec<ReplayClaim>, Error>;

    /// Answers a replay; `false`, and nothing is written, where it is no longer held.
    ///
    /// A divergence goes on record beside the result that stands, and its job is marked. No job's
    /// status and no count changes.
    async fn answer_replay(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error>;

    /// Gives the replays of a worker back unanswered.
    async fn release_replays(&self, worker: WorkerId) -> Result<(), Error>;

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
