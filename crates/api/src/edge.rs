//! The outermost layer: request id, span, time limit, panics, requests of other sites, problem
//! bodies, metrics, headers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// No script, frame or form may come from anywhere else; pages that carry a script or a style of
/// their own set a policy with its hash.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'";

/// Answers one request: gives it an id and a time limit, turns panics and problems into bodies.
pub(crate) async fn edge(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %method,
        http.route = %route,
        http.path = %request.uri().path(),
    );
    let guarded = async move {
        match cross_site(&request) {
            Some(problem) => problem.into_response(),
            None => next.run(request).await,
        }
    };
    let answer = AssertUnwindSafe(guarded).catch_unwind();
    let answer = tokio::time::timeout(app.config().request_timeout, answer);
    let response = match answer.instrument(span.clone()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => Problem::internal().into_response(),
        Err(_elapsed) => {
            let detail = "the request took too long and was given up; try again";
            Problem::new(Code::Timeout, detail).into_response()
        }
    };
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => problem.render(&id, response.headers()),
        // What axum itself refuses: a path that is not UTF-8.
        None if response.status().is_client_error() => {
            let detail = "the address cannot be read: it is not UTF-8, percent-encoded";
            Problem::new(Code::InvalidQuery, detail).render(&id, response.headers())
        }
        None => response,
    };
    set_headers(response.headers_mut(), &id);
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    record(&method, route, status.as_u16(), seconds);
    span.in_scope(|| {
        let duration_ms = seconds * 1_000.0;
        if status.is_server_error() {
            tracing::warn!(http.status = status.as_u16(), duration_ms, "answered");
        } else {
            tracing::debug!(http.status = status.as_u16(), duration_ms, "answered");
        }
    });
    response
}

/// The refusal of a request that changes something and was sent by a page of another site.
///
/// Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`; other clients send neither.
fn cross_site(request: &Request) -> Option<Problem> {
    if request.method().is_safe() {
        return None;
    }
    let text = |name: HeaderName| request.headers().get(name)?.to_str().ok();
    let own = match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(ORIGIN).is_none_or(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(HOST)
        }),
    };
    let detail = "a page of another site sent the request; use this server's own pages or a client";
    (!own).then(|| Problem::new(Code::CrossSiteRequest, detail))
}

/// The caller's id where it is short and plain, else a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MAX_REQUEST_ID).contains(&given.len()) && given.bytes().all(plain) {
        return given.to_owned();
    }
    Uuid::now_v7().to_string()
}

fn set_headers(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let defaults = [
        (HeaderName::from_static("content-security-policy"), POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Counts the answer; labels are bounded: known methods, route patterns, statuses.
fn record(method: &Method, route: String, status: u16, seconds: f64) {
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
    metrics::counter!("backfleet_http_requests_total", &labels).increment(1);
    metrics::histogram!("backfleet_http_request_seconds", &labels[..2]).record(seconds);
}
