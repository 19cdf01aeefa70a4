//! `GET /api/backtest/bundle/{id}/status`: where a bundle stands.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use model::BundleStatus;
use serde::Serialize;
use store::BundleRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::problem::{Problem, ProblemBody};
use crate::status_cache::bundle_not_found;
use crate::text::rfc3339;

/// Where a bundle stands. Two answers of one `version` are equal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusBody {
    /// Id of the bundle.
    bundle_request_id: Uuid,
    /// Name given by the user; may be empty.
    name: String,
    /// `Queued`, `Running`, `Paused`, `Completed`, `Failed` or `Cancelled`.
    #[schema(value_type = BundleStatusName)]
    status: BundleStatus,
    /// Percent done, 0 to 100, the running jobs' parts included; 100 only when final.
    #[schema(example = 37.5, minimum = 0, maximum = 100)]
    progress: f64,
    /// Jobs completed, cached ones included.
    completed: u64,
    /// Jobs failed.
    failed: u64,
    /// Jobs cancelled.
    cancelled: u64,
    /// Jobs completed from a result that existed before.
    cached: u64,
    /// Jobs running now.
    running: u64,
    /// Jobs that wait for a worker.
    pending: u64,
    /// Jobs in all.
    total: u64,
    /// Candles per second of its workers in the last seconds.
    candles_per_second: f64,
    /// Seconds to the end at this speed; null where the speed is unknown or the bundle is final.
    eta_seconds: Option<u64>,
    /// When it was stored, RFC 3339 UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// When its first job was claimed.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When its last job became final.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    /// Grows with every change; also the `ETag`.
    version: u64,
}

/// Where a bundle stands.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `model::BundleStatus` in the OpenAPI document")]
pub(crate) enum BundleStatusName {
    Queued,
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

impl StatusBody {
    /// The status in `row`; `eta_seconds` as [`Snapshot`] computes it.
    pub(crate) fn new(row: &BundleRow, eta_seconds: Option<u64>) -> StatusBody {
        StatusBody {
            bundle_request_id: row.id,
            name: row.name.clone(),
            status: row.status,
            progress: progress(row),
            completed: row.completed,
            failed: row.failed,
            cancelled: row.cancelled,
            cached: row.cached,
            running: row.running,
            pending: pending(row),
            total: row.total,
            candles_per_second: row.candles_per_second.round(),
            eta_seconds,
            created_at: rfc3339(row.created_at),
            started_at: row.started_at.map(rfc3339),
            completed_at: row.finished_at.map(rfc3339),
            version: row.version,
        }
    }
}

/// Jobs that are neither running nor final.
fn pending(row: &BundleRow) -> u64 {
    row.total.saturating_sub(finished(row) + row.running)
}

fn finished(row: &BundleRow) -> u64 {
    row.completed + row.failed + row.cancelled
}

/// Percent done with two decimals, rounded down so that 100 means final.
fn progress(row: &BundleRow) -> f64 {
    if row.status.is_final() {
        return 100.0;
    }
    let done = finished(row) as f64 + row.running_progress.max(0.0);
    let percent = 100.0 * done / (row.total.max(1) as f64);
    ((percent * 100.0).floor() / 100.0).clamp(0.0, 99.99)
}

/// One bundle's status with its answer, made once and sent to everybody.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// What the store said.
    pub(crate) row: BundleRow,
    body: Bytes,
    etag: HeaderValue,
    retry_after: Option<u64>,
}

impl Snapshot {
    /// Whether a time to the end can be computed, given the candles of a job.
    pub(crate) fn needs_candles(row: &BundleRow) -> bool {
        row.status == BundleStatus::Running && row.candles_per_second > 0.0
    }

    /// The answer for `row`; a pure function, so that equal versions are equal on every node.
    pub(crate) fn new(row: BundleRow, candles_per_job: Option<f64>) -> Snapshot {
        let eta = candles_per_job.filter(|_| Self::needs_candles(&row)).map(|candles| {
            let left = row.total.saturating_sub(finished(&row)) as f64 - row.running_progress;
            whole_seconds(left.max(0.0) * candles / row.candles_per_second)
        });
        let body = serde_json::to_vec(&StatusBody::new(&row, eta));
        let body = body.expect("a status has only text keys").into();
        let etag = HeaderValue::from_str(&etag(row.version)).expect("digits and quotes are plain");
        let retry_after = match row.status {
            BundleStatus::Queued => Some(1),
            BundleStatus::Running => Some(eta.map_or(1, |eta| (eta / 10).clamp(1, 10))),
            BundleStatus::Paused => Some(10),
            BundleStatus::Completed | BundleStatus::Failed | BundleStatus::Cancelled => None,
        };
        Snapshot { row, body, etag, retry_after }
    }

    /// The status as JSON.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// 200 with the status, or 304 where `headers` name this version.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if matches_etag(headers.get_all(IF_NONE_MATCH), &self.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, json)], self.body.clone()).into_response()
        };
        response.headers_mut().insert(ETAG, self.etag.clone());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The strong entity tag of a version.
pub(crate) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Whether one of the tags is `etag` or `*`; weak tags compare as RFC 9110 asks of GET.
fn matches_etag<'a>(tags: impl IntoIterator<Item = &'a HeaderValue>, etag: &HeaderValue) -> bool {
    let same = |tag: &str| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes();
    tags.into_iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|tag| same(tag.trim())))
}

/// `seconds` rounded up; the longest time is a hundred years.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(crate) fn whole_seconds(seconds: f64) -> u64 {
    const CENTURY: f64 = 3_155_760_000.0;
    seconds.ceil().clamp(0.0, CENTURY) as u64
}

/// Reads a bundle id; a text that is none names no bundle.
pub(crate) fn bundle_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| bundle_not_found(text.chars().take(64).collect::<String>()))
}

/// Where a bundle stands: counts, progress with the running jobs' parts, speed, time to the end.
///
/// Poll it with `If-None-Match`: 304 costs nothing. `Retry-After` says when the next poll is worth
/// it and is absent once the bundle is final.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/status",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of the last answer"),
    ),
    responses(
        (status = 200, description = "The status", body = StatusBody,
            headers(("ETag" = String, description = "The version, quoted"),
                    ("Retry-After" = u64, description = "Seconds to the next poll"))),
        (status = 304, description = "The version is the one named"),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "`store_unavailable`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_status(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = app.status(bundle_id(&id)?).await?;
    Ok(snapshot.answer(&headers))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(status: BundleStatus, counts: [u64; 4], running_progress: f64) -> BundleRow {
        let [completed, failed, running, total] = counts;
        BundleRow {
            id: Uuid::nil(),
            owner: "local".into(),
            name: String::new(),
            tags: BTreeMap::new(),
            priority: 0,
            status,
            total,
            dropped: 0,
            completed,
            failed,
            cancelled: 0,
            cached: 0,
            running,
            running_progress,
            candles_per_second: 100.0,
            version: 7,
            created_at: 0,
            started_at: None,
            finished_at: None,
        }
    }

    #[track_caller]
    fn check(status: BundleStatus, counts: [u64; 4], part: f64, expected: &str) {
        let snapshot = Snapshot::new(row(status, counts, part), Some(1_000.0));
        let body: serde_json::Value = serde_json::from_slice(&snapshot.body).unwrap();
        let found = format!(
            "{} {} {} {:?}",
            body["progress"], body["pending"], body["etaSeconds"], snapshot.retry_after
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn progress_counts_parts_of_running_jobs_and_is_100_only_when_final() {
        check(BundleStatus::Queued, [0, 0, 0, 10], 0.0, "0.0 10 null Some(1)");
        check(BundleStatus::Running, [2, 1, 2, 10], 0.75, "37.5 5 63 Some(6)");
        check(BundleStatus::Running, [9_999, 0, 1, 10_000], 1.0, "99.99 0 0 Some(1)");
        check(BundleStatus::Paused, [5, 0, 0, 10], 0.0, "50.0 5 null Some(10)");
        check(BundleStatus::Completed, [9, 1, 0, 10], 0.0, "100.0 0 null None");
    }

    #[test]
    fn a_named_version_is_not_sent_again() {
        let snapshot = Snapshot::new(row(BundleStatus::Queued, [0, 0, 0, 1], 0.0), None);
        for (tag, status) in [("\"7\"", 304), ("\"6\", W/\"7\"", 304), ("*", 304), ("\"6\"", 200)] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, tag.parse().unwrap());
            assert_eq!(snapshot.answer(&headers).status(), status, "{tag}");
        }
    }
}
