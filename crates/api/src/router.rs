//! Every route, and the layers around them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::code::Code;
use crate::openapi::ApiDoc;
use crate::problem::Problem;
use crate::{
    app_page, auth, bundles, candle_chart, commands, edge, equity_chart, error_pages, events,
};
use crate::{health, heatmap, honesty, job, jobs, openapi, pages, results, series, status};
use crate::{signals, strategies, submit, verify, workers};

/// Answers of fewer bytes are sent as they are; a status is one of them, so that its strong `ETag`
/// names exactly the bytes sent.
const COMPRESS_ABOVE: u64 = 2_048;
/// Fast: the levels above it save a network few bytes and cost the answer a multiple of its time.
const QUALITY: CompressionLevel = CompressionLevel::Fastest;

/// The routes that the OpenAPI document describes.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(bundles::list_bundles, submit::submit_bundle))
        .routes(routes!(submit::estimate_bundle))
        .routes(routes!(bundles::get_bundle, commands::patch_bundle))
        .routes(routes!(status::get_status))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(results::get_results))
        .routes(routes!(heatmap::get_heatmap))
        .routes(routes!(honesty::get_honesty))
        .routes(routes!(events::get_events))
        .routes(routes!(commands::cancel_bundle))
        .routes(routes!(commands::pause_bundle))
        .routes(routes!(commands::resume_bundle))
        .routes(routes!(commands::retry_bundle))
        .routes(routes!(job::get_job))
        .routes(routes!(job::get_trades))
        .routes(routes!(verify::get_verify, verify::verify_job))
        .routes(routes!(equity_chart::get_equity))
        .routes(routes!(candle_chart::get_candles))
        .routes(routes!(strategies::list_strategies))
        .routes(routes!(strategies::get_strategy))
        .routes(routes!(signals::put_signals))
        .routes(routes!(signals::get_signals))
        .routes(routes!(series::list_series))
        .routes(routes!(series::get_series))
        .routes(routes!(workers::list_workers))
        .routes(routes!(workers::drain_worker))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The whole service: routes, fallbacks, compression and the outermost layer.
pub fn router(app: App) -> Router {
    let (router, _) = routes().split_for_parts();
    // An event has to leave at once, not when a block of the compression is full.
    let compressed = SizeAbove::new(COMPRESS_ABOVE).and(NotForContentType::SSE);
    router
        .route("/api/openapi.json", get(openapi::get_openapi))
        .route("/errors/{code}", get(error_pages::get_page))
        .route("/docs", get(pages::docs))
        .route("/docs/docs.js", get(pages::docs_script))
        .route("/docs/style.css", get(pages::docs_style))
        .route("/", get(pages::home))
        .route("/assets/{name}", get(app_page::asset))
        .merge(
            app_page::VIEWS
                .into_iter()
                .fold(Router::new(), |views, address| views.route(address, get(app_page::view))),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), auth::guard))
        .layer(CompressionLayer::new().gzip(true).quality(QUALITY).compress_when(compressed))
        .layer(from_fn_with_state(app.clone(), edge::edge))
        .with_state(app)
}

async fn not_found(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Code::NotFound, format!("there is no \"{path}\"; `/docs` lists every address"))
}

async fn method_not_allowed(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    let detail = format!("\"{path}\" does not take {}; Allow says what it takes", request.method());
    Problem::new(Code::MethodNotAllowed, detail)
}
