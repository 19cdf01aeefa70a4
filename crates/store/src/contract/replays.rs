//! Replays: completed jobs that are run once more, to see whether the same comes out.

use model::{Digest, JobStatus};
use serde_json::Value;
use uuid::Uuid;

use super::{DatabaseTime, PackedOutcome, WorkerId};

/// A replay that a worker holds, with its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldReplay {
    /// The replay; a number of its own, not a job's.
    pub id: i64,
    /// The attempt it was claimed as.
    pub attempt: u32,
}

/// A claimed replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayClaim {
    /// The replay and its fence.
    pub held: HeldReplay,
    /// Bundle of the job.
    pub bundle: Uuid,
    /// Its index in the full product.
    pub seq: u32,
    /// Hash of its resolved spec.
    pub spec_key: Digest,
    /// The result to compare with; `None` if it is gone.
    pub result: Option<ReplayedResult>,
}

/// What a replay is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedResult {
    /// Result key.
    pub key: Digest,
    /// Hash of the outcome.
    pub outcome_hash: Digest,
    /// Hash of the data it was computed on.
    pub data_hash: Digest,
    /// Engine that computed it.
    pub engine_version: String,
}

/// Another outcome from equal data: the engine is not deterministic on some host.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Key of the result that stands.
    pub key: Digest,
    /// Hash of the outcome that was found instead.
    pub outcome_hash: Digest,
    /// That outcome.
    pub outcome: PackedOutcome,
}

/// A replay as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    /// `Pending`, `Running`, `Completed` with an answer, or `Failed` where its workers died.
    pub status: JobStatus,
    /// Times it was claimed.
    pub attempt: u32,
    /// Who holds it or answered.
    pub worker: Option<WorkerId>,
    /// When it was asked for.
    pub created_at: DatabaseTime,
    /// When it was answered.
    pub ended_at: Option<DatabaseTime>,
    /// What came out.
    pub answer: Option<Value>,
}
