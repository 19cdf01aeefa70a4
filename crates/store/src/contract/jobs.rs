//! Jobs and results as they are read.

use model::{Digest, JobStatus};
use serde_json::Value;

use super::{DatabaseTime, PackedOutcome, WorkerId};

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
    /// The rest of the outcome document: counts, warm-up, equity, warnings, and under `undefined` the
    /// ids of the undefined metrics, by reason.
    pub summary: Value,
}

/// The heavy part of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultDetail {
    /// Daily returns.
    pub daily_returns: Vec<f64>,
    /// The outcome, as it is stored: unpacking it is work for a compute thread.
    pub outcome: PackedOutcome,
}

/// One job as a point of its bundle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobPoint {
    /// Index in the full product.
    pub seq: u32,
    /// Where it stands.
    pub status: JobStatus,
    /// The metric asked for, where it is defined.
    pub value: Option<f64>,
}

/// One completed job as a column of its bundle's returns.
#[derive(Clone, Debug, PartialEq)]
pub struct JobReturns {
    /// Index in the full product.
    pub seq: u32,
    /// Result key: equal ones are one result.
    pub key: Digest,
    /// `settings` of the summary: calendar, periods per year, risk-free rate.
    pub settings: Value,
    /// Daily returns.
    pub daily_returns: Vec<f64>,
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
