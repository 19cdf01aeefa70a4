//! Bundles: what is stored, what is read.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{BundleStatus, Digest};
use serde_json::Value;
use uuid::Uuid;

use super::{DatabaseTime, SegmentHash};

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
    /// Segments that the standing results of its jobs were computed on.
    pub pins: Vec<Pin>,
    /// Its place among the others.
    pub terms: Terms,
}

/// How a bundle shares the queue with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Which of two bundles of equal priority goes first.
    pub ordering: Ordering,
    /// Most jobs of its owner that may be claimable or running; no limit if `None`. Holds for all
    /// bundles that the owner stores with a limit, the newest of which counts.
    pub running_cap: Option<u32>,
}

/// Order among bundles of equal priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// The older one first, to its end.
    #[default]
    Strict,
    /// Bundles take turns: in each, so many jobs of every bundle.
    Fair {
        /// Jobs a turn; at least 1.
        chunk: u32,
    },
}

impl Ordering {
    /// Jobs a turn; 0 where there are no turns.
    pub(crate) fn chunk(self) -> i64 {
        match self {
            Ordering::Strict => 0,
            Ordering::Fair { chunk } => i64::from(chunk.max(1)),
        }
    }
}

/// A segment that a bundle is held to from the start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Where the candles come from.
    pub source: String,
    /// The segment.
    pub segment: SegmentHash,
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

/// Answer to a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Pending jobs are cancelled now, running ones at their next beat; repeated calls say so too.
    Accepted,
    /// All jobs were final before.
    AlreadyFinal(BundleStatus),
}
