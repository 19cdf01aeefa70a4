//! What can be done to a bundle: cancel, pause, resume, retry, new labels.
//!
//! The store decides under the bundle's lock, so that racing commands of any nodes have one order.
//! Every command may be repeated; where the state forbids it the answer is 409 with that state.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::JobStatus;
use store::{BundleRow, Change, Changed, Standing};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::body;
use crate::bundles::BundleItem;
use crate::code::Code;
use crate::labels::{self, LabelsBody};
use crate::params::{Params, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::status::{StatusBody, bundle_id, etag};
use crate::status_cache::bundle_not_found;

/// Longest body of new labels, in bytes.
const MAX_LABELS: usize = 64 * 1024;

/// Which jobs a retry takes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the parameter in the OpenAPI document")]
pub(crate) enum RetryStatusName {
    Failed,
    Cancelled,
}

/// Calls a bundle off: pending jobs at once, running ones at their next beat.
///
/// Repeated calls answer the same. A bundle whose jobs were all final before cannot be cancelled:
/// 409 with its status.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle/{id}/cancel",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("If-Match" = Option<String>, Header, description = "Only at this version"),
    ),
    responses(
        (status = 202, description = "The status after the cancel", body = StatusBody),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`bundle_final`: `currentStatus` says how it ended",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    command(&app, &id, &headers, &Change::Cancel, StatusCode::ACCEPTED).await
}

/// Holds a bundle: none of its jobs is claimed until it is resumed; running ones go on.
///
/// Repeated calls answer the same. 409 where it is final or being called off.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle/{id}/pause",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("If-Match" = Option<String>, Header, description = "Only at this version"),
    ),
    responses(
        (status = 200, description = "The status after the pause", body = StatusBody),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`bundle_final`, `bundle_cancelling`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn pause_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    command(&app, &id, &headers, &Change::Pause, StatusCode::OK).await
}

/// Ends a pause: the jobs of the bundle may be claimed again.
///
/// Repeated calls answer the same, and so does a bundle that was not paused. 409 where it is final or
/// being called off.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle/{id}/resume",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("If-Match" = Option<String>, Header, description = "Only at this version"),
    ),
    responses(
        (status = 200, description = "The status after the resume", body = StatusBody),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`bundle_final`, `bundle_cancelling`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn resume_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    command(&app, &id, &headers, &Change::Resume, StatusCode::OK).await
}

/// Runs the failed and cancelled jobs of a bundle again; one that was final is open again.
///
/// Each job starts a new count of failures. Repeated calls answer the same: where nothing is left to
/// retry, nothing happens. 409 while a cancel is under way.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle/{id}/retry",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("status" = Option<RetryStatusName>, Query, description = "Only jobs of this status"),
        ("If-Match" = Option<String>, Header, description = "Only at this version"),
    ),
    responses(
        (status = 202, description = "The status after the retry", body = StatusBody),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`bundle_cancelling`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn retry_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let only = params.take("status")?;
    params.finish()?;
    let statuses = [JobStatus::Failed, JobStatus::Cancelled];
    let only = only.map(|text| one_of("status", &text, &statuses)).transpose()?;
    command(&app, &id, &headers, &Change::Retry { only }, StatusCode::ACCEPTED).await
}

/// Changes the priority or the tags of a bundle, whatever its state.
///
/// The body is a merge patch (RFC 7396): what it does not name stays, a tag that is null goes. A new
/// priority also moves the jobs that wait.
#[utoipa::path(
    patch,
    path = "/api/backtest/bundle/{id}",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("If-Match" = Option<String>, Header, description = "Only at this version"),
    ),
    request_body(content = LabelsBody, description = "What to change"),
    responses(
        (status = 200, description = "The bundle after the change", body = BundleItem,
            headers(("ETag" = String, description = "The version, quoted"))),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "`precondition_failed`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_bundle` with every fault", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn patch_bundle(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
    body: Body,
) -> Result<Response, Problem> {
    params.finish()?;
    let id = bundle_id(&id)?;
    let bytes = body::receive(&headers, body, MAX_LABELS).await?.unpack(MAX_LABELS)?;
    let before = owned(&app, id).await?;
    let labels = labels::read(&bytes, &before.tags)?;
    change(&app, &before, &headers, &Change::Relabel(labels)).await?;
    let row = owned(&app, id).await?;
    Ok(([(ETAG, etag(row.version))], Json(BundleItem::from(row))).into_response())
}

/// Changes a bundle and answers its status as it is after that.
async fn command(
    app: &App,
    id: &str,
    headers: &HeaderMap,
    command: &Change,
    done: StatusCode,
) -> Result<Response, Problem> {
    let id = bundle_id(id)?;
    let before = owned(app, id).await?;
    change(app, &before, headers, command).await?;
    let snapshot = app.status(id).await?;
    let mut response = snapshot.answer(&HeaderMap::new());
    *response.status_mut() = done;
    Ok(response)
}

async fn owned(app: &App, id: Uuid) -> Result<BundleRow, Problem> {
    app.store().bundle(None, id).await?.ok_or_else(|| bundle_not_found(id))
}

/// Changes the bundle that stood as `before` says, if its state and `If-Match` allow it.
async fn change(
    app: &App,
    before: &BundleRow,
    headers: &HeaderMap,
    change: &Change,
) -> Result<(), Problem> {
    let at = match if_match(headers) {
        Condition::Any => None,
        Condition::OneOf(versions) if versions.contains(&before.version) => Some(before.version),
        Condition::OneOf(_) => return Err(other_version(before.version)),
    };
    let answer = app.store().change(before.id, change, at).await?;
    app.statuses().forget(before.id);
    match answer {
        Changed::Applied => {
            tracing::info!(bundle.id = %before.id, ?change, "changed");
            Ok(())
        }
        Changed::Unchanged => Ok(()),
        Changed::OtherVersion(version) => Err(other_version(version)),
        Changed::Refused(standing) => Err(refused(standing)),
    }
}

fn other_version(version: u64) -> Problem {
    Problem::new(Code::PreconditionFailed, format!("the bundle is at version {version}"))
}

fn refused(standing: Standing) -> Problem {
    let status = standing.status;
    let problem = if standing.is_cancelling() {
        let detail = "the bundle is being called off: its running jobs end at their next beat";
        Problem::new(Code::BundleCancelling, detail)
    } else {
        let detail = format!("the bundle is {status}: all its jobs were final before");
        Problem::new(Code::BundleFinal, detail)
    };
    problem.with_status(&status)
}

/// What `If-Match` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Any,
    OneOf(Vec<u64>),
}

/// Reads `If-Match`; a tag that is no version of ours, or is weak, matches none (RFC 9110).
fn if_match(headers: &HeaderMap) -> Condition {
    let values = headers.get_all(IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default());
    let tags: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    if tags.is_empty() || tags.contains(&"*") {
        return Condition::Any;
    }
    let version = |tag: &&str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Condition::OneOf(tags.iter().filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &Condition) {
        let headers = values.iter().map(|value| (IF_MATCH, value.parse().unwrap()));
        assert_eq!(if_match(&headers.collect::<HeaderMap>()), *expected);
    }

    #[test]
    fn if_match_names_versions() {
        check(&[], &Condition::Any);
        check(&["*"], &Condition::Any);
        check(&["\"7\""], &Condition::OneOf(vec![7]));
        check(&["\"7\", \"9\""], &Condition::OneOf(vec![7, 9]));
        check(&["W/\"7\""], &Condition::OneOf(vec![]));
        check(&["7"], &Condition::OneOf(vec![]));
        check(&[""], &Condition::OneOf(vec![]));
    }
}
