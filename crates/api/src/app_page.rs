//! The web page, embedded at build time from `web/dist` if that was built.
//!
//! Hashed assets are cached for ever, the document never. Addresses that the page's own router
//! knows get the document too, so that a deep link can be reloaded.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::code::Code;
use crate::problem::Problem;

/// Addresses of the page's own router, beside `/`.
pub(crate) const VIEWS: [&str; 7] =
    ["/bundles", "/bundles/{*rest}", "/jobs/{*rest}", "/compare", "/data", "/workers", "/submit"];

/// The hash is that of a style element which the candle chart's library adds.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Built;

/// The page's document; `None` where the page was not built.
pub(crate) fn document() -> Option<Response> {
    let html = Built::get("index.html")?.data;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    Some((headers, body(html)).into_response())
}

/// A view of the page.
pub(crate) async fn view() -> Result<Response, Problem> {
    document().ok_or_else(|| {
        let detail = "the page was not built into this program: `npm ci && npm run build` in \
                      web/, then build again; `/docs` has the API";
        Problem::new(Code::NotFound, detail)
    })
}

/// A script, style or picture of the page.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound, "there is no such asset");
    let file = Built::get(&format!("assets/{name}")).ok_or_else(missing)?;
    let media_type = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    let headers =
        [(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, body(file.data)).into_response())
}

fn body(data: Cow<'static, [u8]>) -> Body {
    match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}
