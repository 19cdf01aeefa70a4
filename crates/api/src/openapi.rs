//! The OpenAPI document: made from the handlers, completed here, committed, compared by a test.

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response as DocResponse};
use utoipa::{Modify, OpenApi};

use crate::router::routes;

/// What stands above the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Backfleet",
        version = "1",
        description = "Runs bundles of trading-strategy backtests. Names are camelCase, times are \
            RFC 3339 UTC, pages are `{items, next}` with an opaque `next`, and every refusal is \
            `application/problem+json` with a stable `code` that `/errors/{code}` explains.",
        license(name = "Apache-2.0 OR MIT")
    ),
    tags(
        (name = "bundles", description = "One request: a base config x variants."),
        (name = "jobs", description = "One backtest: one point of a bundle's product."),
        (name = "strategies", description = "The language of strategies."),
        (name = "candles", description = "The candle series that are stored."),
        (name = "fleet", description = "Workers, health, metrics."),
    ),
    components(schemas(
        crate::problem::ProblemBody,
        crate::problem::FaultBody,
        crate::heatmap::CellFormat,
        crate::heatmap::GatherName,
        crate::job::OutcomePart,
        crate::commands::RetryStatusName,
    )),
    modifiers(&ApiKeys),
)]
pub(crate) struct ApiDoc;

/// How a request shows its key.
struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let text = "`Authorization: Bearer bf_...`, made by `backfleet key create`. A server on a \
                    loopback address for which no key was ever made needs none.";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("apiKey", SecurityScheme::Http(scheme.build()));
    }
}

/// The OpenAPI 3.1 document as pretty JSON; the same for every process of a version.
pub fn openapi_json() -> String {
    let (_, mut document) = routes().split_for_parts();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.put];
        for operation in operations.into_iter().flatten() {
            add_default_response(operation);
            if path.starts_with("/api/") {
                let key = SecurityRequirement::new("apiKey", <[&str; 0]>::default());
                operation.security = Some(vec![key, SecurityRequirement::default()]);
            }
        }
    }
    document.to_pretty_json().expect("a document has only text keys")
}

/// Any other status is a problem too: a parameter that is refused, a database that is away.
fn add_default_response(operation: &mut Operation) {
    let problem = RefOr::Ref(Ref::from_schema_name("ProblemBody"));
    let mut response =
        DocResponse::new("Any other refusal, such as `invalid_query` or `store_unavailable`");
    response
        .content
        .insert(crate::problem::PROBLEM_JSON.to_owned(), RefOr::T(Content::new(Some(problem))));
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}

/// `/api/openapi.json`.
pub(crate) async fn get_openapi() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(openapi_json).as_str();
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}
