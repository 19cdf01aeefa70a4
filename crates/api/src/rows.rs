//! How one job is shown.

use std::collections::BTreeMap;

use model::{JobStatus, Variant};
use serde::Serialize;
use serde_json::Value;
use store::{BundleRow, JobRow, ResultSummary};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::facts::Facts;
use crate::text::rfc3339;

/// One job of a bundle.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobBody {
    /// `{bundleRequestId}-{seq}`.
    #[schema(example = "0199f3c2-8a70-7b3c-9a55-0c5d3b1f2a10-17")]
    job_id: String,
    /// Id of its bundle.
    bundle_request_id: Uuid,
    /// Index in the full product of the axes; dropped points leave gaps.
    seq: u32,
    /// `Pending`, `Running`, `Completed`, `Failed` or `Cancelled`.
    #[schema(value_type = JobStatusName)]
    status: JobStatus,
    /// -1000 to 1000, higher first.
    priority: i16,
    /// Times it was claimed.
    attempt: u32,
    /// The worker that holds or held it.
    assigned_worker_id: Option<i64>,
    /// Percent done, 0 to 100.
    progress: f64,
    /// What makes it differ from the other jobs of its bundle.
    #[schema(value_type = VariantBody)]
    variant: Value,
    /// When it was stored.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the current or last attempt was claimed.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it became final.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    /// Completed from a result that existed before.
    cached: bool,
    /// Why it failed.
    error: Option<JobErrorBody>,
    /// BLAKE3 of the outcome's bytes.
    #[schema(example = "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")]
    outcome_hash: Option<String>,
    /// Metric id -> number; an undefined metric is absent. Null before the job is completed.
    #[schema(value_type = Option<Object>)]
    metrics: Option<Value>,
}

/// Where a job stands.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `model::JobStatus` in the OpenAPI document")]
pub(crate) enum JobStatusName {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// What makes a job differ from the other jobs of its bundle.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `model::Variant` in the OpenAPI document")]
pub(crate) struct VariantBody {
    /// Ticker.
    ticker: String,
    /// Length of a candle.
    timeframe: String,
    /// Start of the range.
    #[schema(format = DateTime)]
    start: String,
    /// End of the range, exclusive.
    #[schema(format = DateTime)]
    end: String,
    /// Money management as written, the variant merged over the base.
    #[schema(value_type = Object)]
    money_management: Value,
    /// Every parameter of the strategy.
    #[schema(value_type = Object)]
    parameters: Value,
}

/// Why a job failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobErrorBody {
    /// Stable code; `/errors/{code}` explains it.
    #[schema(example = "no_candles")]
    code: String,
    /// For people.
    message: String,
}

impl JobBody {
    /// Shows `row` of `bundle`.
    pub(crate) fn new(row: JobRow, bundle: &BundleRow, facts: &Facts) -> JobBody {
        let result = row.result;
        let outcome_hash = result.as_ref().map(|result| result.outcome_hash.to_string());
        JobBody {
            job_id: job_id(bundle.id, row.seq),
            bundle_request_id: bundle.id,
            seq: row.seq,
            status: row.status,
            priority: bundle.priority,
            attempt: row.attempt,
            assigned_worker_id: row.worker.map(|worker| worker.0),
            progress: percent(row.status, row.progress),
            variant: facts.bundle.variant(row.seq).as_ref().map_or(Value::Null, Variant::to_json),
            created_at: rfc3339(row.created_at),
            started_at: row.started_at.map(rfc3339),
            completed_at: row.finished_at.map(rfc3339),
            cached: row.cached,
            error: row.error.map(|error| JobErrorBody { code: error.code, message: error.message }),
            outcome_hash,
            metrics: result.map(metrics),
        }
    }
}

/// The metrics of a result; null where one is undefined, which is not stored.
fn metrics(result: ResultSummary) -> Value {
    let mut metrics = result.metrics;
    if let Value::Object(metrics) = &mut metrics {
        metrics.extend(undefined(&result.summary).into_keys().map(|id| (id, Value::Null)));
    }
    metrics
}

/// Why metrics are undefined, by id; a summary has the ids by reason.
pub(crate) fn undefined(summary: &Value) -> BTreeMap<String, &str> {
    let reasons = summary["undefined"].as_object().into_iter().flatten();
    let ids = reasons.flat_map(|(reason, ids)| {
        let ids = ids.as_array().into_iter().flatten().filter_map(Value::as_str);
        ids.map(move |id| (id.to_owned(), reason.as_str()))
    });
    ids.collect()
}

/// The public id of a job.
pub(crate) fn job_id(bundle: Uuid, seq: u32) -> String {
    format!("{bundle}-{seq}")
}

/// Percent done with two decimals.
fn percent(status: JobStatus, fraction: f64) -> f64 {
    match status {
        JobStatus::Completed => 100.0,
        JobStatus::Pending | JobStatus::Running | JobStatus::Failed | JobStatus::Cancelled => {
            (fraction * 10_000.0).floor().clamp(0.0, 10_000.0) / 100.0
        }
    }
}
