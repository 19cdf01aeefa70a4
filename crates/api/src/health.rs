//! `/healthz`, `/readyz` and `/metrics`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::node::Liveness;
use crate::problem::Problem;

/// Longest wait of a probe for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Program version.
    version: String,
}

/// Whether requests should be sent here.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Readiness {
    /// Whether all checks pass.
    ready: bool,
    /// One entry a check.
    checks: Vec<Check>,
}

/// One check.
#[derive(Serialize, ToSchema)]
pub(crate) struct Check {
    /// `process`, `database`, `schema` or `lease`.
    name: &'static str,
    /// Whether it passes.
    ok: bool,
    /// What was found and, where it fails, what to do.
    detail: String,
}

/// Answers while the process lives; asks nobody.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "fleet",
    responses((status = 200, description = "The process lives", body = Health))
)]
pub(crate) async fn healthz(State(app): State<App>) -> Json<Health> {
    Json(Health { status: "ok", version: app.config().version.clone() })
}

/// Whether requests should be sent here: the process does not drain, the database answers, its
/// schema fits, and this node could renew its lease lately.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "fleet",
    responses(
        (status = 200, description = "All checks pass", body = Readiness),
        (status = 503, description = "A check fails", body = Readiness),
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let draining = app.draining().is_cancelled();
    let detail = if draining { "shutting down" } else { "running" };
    let process = Check { name: "process", ok: !draining, detail: detail.to_owned() };
    let database = match within(app.store().ping()).await {
        Ok(()) => Check { name: "database", ok: true, detail: "answers".to_owned() },
        Err(error) => failed("database", error),
    };
    let schema = match within(app.store().schema()).await {
        Ok(schema) => Check { name: "schema", ok: schema.fits(), detail: describe(schema) },
        Err(error) => failed("schema", error),
    };
    let (ok, detail) = match app.node_state().liveness(app.config().node.fence_after()) {
        Liveness::Off => (true, "no node runs in this process"),
        Liveness::Live => (true, "renewed"),
        Liveness::Fenced => {
            (false, "could not be renewed: this node holds nothing until the database answers")
        }
    };
    let lease = Check { name: "lease", ok, detail: detail.to_owned() };
    let checks = vec![process, database, schema, lease];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks })).into_response()
}

/// What `question` answers, if it does in time.
async fn within<T>(
    question: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    let late = || store::Error::Unavailable { reason: format!("no answer within {PATIENCE:?}") };
    tokio::time::timeout(PATIENCE, question).await.unwrap_or_else(|_| Err(late()))
}

fn describe(schema: store::Schema) -> String {
    let store::Schema { found, needed, oldest } = schema;
    if found < needed {
        format!("version {found}, this program needs {needed}: run `backfleet migrate`")
    } else if oldest > needed {
        format!("version {found} serves programs from version {oldest} on; this one is of {needed}")
    } else {
        format!("version {found}")
    }
}

fn failed(name: &'static str, error: store::Error) -> Check {
    Check { name, ok: false, detail: Problem::from(error).detail().to_owned() }
}

/// Metrics in the text format of Prometheus. The queue's gauges are at most a second old and stay
/// as they were while the database is away.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "fleet",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let up = match app.queue().await {
        Ok(depth) => {
            let jobs = [
                ("pending", depth.pending),
                ("on_hold", depth.on_hold),
                ("running", depth.running),
            ];
            for (state, count) in jobs {
                metrics::gauge!("backfleet_queue_jobs", "state" => state).set(count as f64);
            }
            metrics::gauge!("backfleet_queue_oldest_pending_seconds")
                .set(depth.oldest_pending_seconds);
            metrics::gauge!("backfleet_queue_dead_rows").set(depth.dead_rows as f64);
            metrics::gauge!("backfleet_store_oldest_snapshot_seconds")
                .set(depth.oldest_snapshot_seconds);
            1.0
        }
        Err(_) => 0.0,
    };
    metrics::gauge!("backfleet_store_up").set(up);
    let text = app.metrics().render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
