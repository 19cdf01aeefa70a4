//! Workers: who computes, how fast, and the request to stop.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use store::{WorkerId, WorkerRow};
use utoipa::ToSchema;

use crate::app::App;
use crate::code::Code;
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// One worker process.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerBody {
    /// Its id: a fresh number for each process start.
    id: i64,
    /// `active`, `draining` (ends what it holds, then stops) or `lost` (its lease is over).
    status: WorkerStatus,
    /// Host name.
    host: String,
    /// Program version.
    version: String,
    /// Jobs it runs at once.
    slots: u32,
    /// Jobs it holds.
    running: u64,
    /// Jobs it ended since it started.
    finished: u64,
    /// Jobs per second since it started; null before its second beat.
    jobs_per_second: Option<f64>,
    /// Candles per second at its last beat.
    candles_per_second: f64,
    /// When it started, by the database's clock.
    #[schema(format = DateTime)]
    started_at: String,
    /// Its last beat, by the database's clock.
    #[schema(format = DateTime)]
    last_beat_at: String,
}

/// Where a worker stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WorkerStatus {
    /// It claims and runs jobs.
    Active,
    /// It ends what it holds, then stops.
    Draining,
    /// Its lease is over.
    Lost,
}

/// The workers that beat within the last day.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkerPage {
    /// Newest first.
    items: Vec<WorkerBody>,
    /// Always null: there is one page.
    next: Option<String>,
}

impl From<&WorkerRow> for WorkerBody {
    fn from(row: &WorkerRow) -> WorkerBody {
        let seconds = (row.beat_at - row.started_at) as f64 / 1_000.0;
        let jobs_per_second = (seconds > 0.0).then(|| row.finished as f64 / seconds);
        WorkerBody {
            id: row.id.0,
            status: if row.lost {
                WorkerStatus::Lost
            } else if row.draining {
                WorkerStatus::Draining
            } else {
                WorkerStatus::Active
            },
            host: row.host.clone(),
            version: row.version.clone(),
            slots: row.slots,
            running: row.running,
            finished: row.finished,
            jobs_per_second: jobs_per_second.map(|rate| (rate * 1_000.0).round() / 1_000.0),
            candles_per_second: row.candles_per_second.round(),
            started_at: rfc3339(row.started_at),
            last_beat_at: rfc3339(row.beat_at),
        }
    }
}

/// The workers that beat within the last day, newest first; at most a second old.
#[utoipa::path(
    get,
    path = "/api/workers",
    tag = "fleet",
    responses((status = 200, description = "The workers", body = WorkerPage))
)]
pub(crate) async fn list_workers(
    State(app): State<App>,
    params: Params,
) -> Result<Json<WorkerPage>, Problem> {
    params.finish()?;
    let workers = app.workers().await?;
    Ok(Json(WorkerPage { items: workers.iter().map(WorkerBody::from).collect(), next: None }))
}

/// Asks a worker to end what it holds and stop. Repeated calls answer the same.
#[utoipa::path(
    post,
    path = "/api/workers/{id}/drain",
    tag = "fleet",
    params(("id" = i64, Path, description = "Id of the worker")),
    responses(
        (status = 202, description = "It will see the request at its next beat"),
        (status = 404, description = "`worker_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn drain_worker(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let known = match id.parse::<i64>() {
        Ok(id) => app.store().drain_worker(WorkerId(id)).await?,
        Err(_) => false,
    };
    if !known {
        let id: String = id.chars().take(64).collect();
        let detail = format!("there is no worker \"{id}\"; `/api/workers` lists them");
        return Err(Problem::new(Code::WorkerNotFound, detail));
    }
    tracing::info!(worker.id = id, "asked to drain");
    Ok(StatusCode::ACCEPTED)
}
