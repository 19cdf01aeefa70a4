//! The few pages that need no build: home and the API reference.
//!
//! Nothing comes from elsewhere, and no script or style stands in the page: the policy allows none.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::app_page;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'";

/// `/`: the web page; where it was not built, a short one that says what this is.
pub(crate) async fn home(State(app): State<App>) -> Response {
    if let Some(document) = app_page::document() {
        return document;
    }
    let version = &app.config().version;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | ' ' | '_');
    let version: String = version.chars().filter(|c| plain(*c)).collect();
    page(include_str!("pages/home.html").replace("{version}", &version))
}

/// `/docs`: renders the OpenAPI document.
pub(crate) async fn docs() -> Response {
    page(include_str!("pages/docs.html").to_owned())
}

/// The script of `/docs`.
pub(crate) async fn docs_script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/docs.js"))
}

/// The style of all pages.
pub(crate) async fn docs_style() -> Response {
    file("text/css; charset=utf-8", include_str!("pages/style.css"))
}

pub(crate) fn page(html: String) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, html).into_response()
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=300")];
    (headers, text).into_response()
}
