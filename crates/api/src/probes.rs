//! `/healthz` and `/metrics` of a process that serves no API: a worker.

use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Time between two passes over what the recorder has collected.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves both on `listener` until `shutdown`.
pub async fn serve_probes(
    listener: TcpListener,
    version: &'static str,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) {
    let upkeep = metrics.clone();
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let health = serde_json::json!({"status": "ok", "version": version}).to_string();
    let json = [(CONTENT_TYPE, "application/json")];
    let router = Router::new()
        .route("/metrics", get(async move || (text, metrics.render())))
        .route("/healthz", get(async move || (json, health)));
    let stop = shutdown.clone();
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    let collecting = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    };
    tokio::select! {
        ended = served => if let Err(error) = ended {
            tracing::warn!(%error, "metrics are served no more");
        },
        () = collecting => {}
        // A scraper that keeps its connection open holds nothing up.
        () = shutdown.cancelled() => {}
    }
}
