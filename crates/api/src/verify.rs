//! `.../job/{id}/verify`: a completed job is run once more, and what comes out is compared.
//!
//! Nothing runs here: a worker takes the replay before any job, and writes its answer. The job, its
//! result and the counts of its bundle stay as they are.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use model::JobStatus;
use serde::Serialize;
use serde_json::Value;
use store::ReplayRow;
use utoipa::ToSchema;

use crate::app::App;
use crate::code::Code;
use crate::job::{Known, find};
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// A replay of a job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerifyBody {
    /// `{bundleRequestId}-{seq}`.
    job_id: String,
    /// `Pending`, `Running`, `Completed` with an answer, or `Failed` where its workers died.
    #[schema(value_type = String)]
    status: JobStatus,
    /// Times it was claimed.
    attempt: u32,
    /// Who holds it or answered.
    worker_id: Option<i64>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was answered.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// `{verdict, ...}` once it is answered. The verdict is `equal` (`outcomeHash`), `different`
    /// (`expected`, `found`, `firstDifference`), `data_gone` (the candles changed or are away for
    /// good), `other_engine`, `result_gone`, `failed` (`code`, `message`) or `worker_lost`.
    #[schema(value_type = Option<Object>)]
    answer: Option<Value>,
}

impl VerifyBody {
    fn new(job_id: String, row: ReplayRow) -> VerifyBody {
        VerifyBody {
            job_id,
            status: row.status,
            attempt: row.attempt,
            worker_id: row.worker.map(|worker| worker.0),
            created_at: rfc3339(row.created_at),
            ended_at: row.ended_at.map(rfc3339),
            answer: row.answer,
        }
    }
}

/// Asks for a replay: the job runs once more, never from the cache, and the outcome is compared.
///
/// A repeat before the answer is the same request; one after it is a new one.
#[utoipa::path(
    post,
    path = "/api/backtest/job/{id}/verify",
    tag = "jobs",
    params(("id" = String, Path, description = "`{bundleRequestId}-{seq}`")),
    responses(
        (status = 202, description = "A worker will replay it", body = VerifyBody,
            headers(("Location" = String, description = "Where the answer will be"),
                    ("Retry-After" = u64, description = "Seconds to the first look"))),
        (status = 404, description = "`job_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`job_not_completed`: `currentStatus` says where it stands",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn verify_job(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let known = find(&app, &id).await?;
    known.result()?;
    let (bundle, seq) = place(&known);
    let row = app.store().ask_replay(bundle, seq).await?.ok_or_else(Problem::internal)?;
    tracing::info!(job.id = id, "a replay was asked for");
    let location = format!("/api/backtest/job/{id}/verify");
    let headers = [(LOCATION, location), (RETRY_AFTER, "1".to_owned())];
    Ok((StatusCode::ACCEPTED, headers, Json(VerifyBody::new(id, row))).into_response())
}

/// The newest replay of a job.
#[utoipa::path(
    get,
    path = "/api/backtest/job/{id}/verify",
    tag = "jobs",
    params(("id" = String, Path, description = "`{bundleRequestId}-{seq}`")),
    responses(
        (status = 200, description = "The replay", body = VerifyBody),
        (status = 404, description = "`job_not_found`; `not_found` if nobody asked for one",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_verify(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<VerifyBody>, Problem> {
    params.finish()?;
    let known = find(&app, &id).await?;
    let (bundle, seq) = place(&known);
    let row = app.store().replay(bundle, seq).await?.ok_or_else(|| {
        let detail = format!("nobody asked to verify the job \"{id}\"; POST to this address does");
        Problem::new(Code::NotFound, detail)
    })?;
    Ok(Json(VerifyBody::new(id, row)))
}

fn place(known: &Known) -> (uuid::Uuid, u32) {
    (known.bundle(), known.row.seq)
}
