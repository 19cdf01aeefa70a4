//! `GET /api/backtest/bundle/{id}/events`: what happens to a bundle, as it happens.
//!
//! Server-sent events whose ids are versions of the bundle. Versions only grow and are the same on
//! every node, so a client that was cut off resumes anywhere with `Last-Event-ID`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::app::App;
use crate::auth::Caller;
use crate::live::Change;
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::status::bundle_id;

/// First words of a stream: a client that is cut off comes back after a second.
const GREETING: &[u8] = b"retry: 1000\n\n";
/// A sign of life: a comment, which clients ignore.
const BEAT: &[u8] = b": beat\n\n";

/// The changes of a bundle as they happen, as server-sent events.
///
/// First `snapshot` with the whole status, then `delta` with the fields that changed, at last `end`
/// with the whole final status, sent once; then the stream closes. `id` is the version: with
/// `Last-Event-ID` any node goes on from there, and answers 204 to a client that has seen the end. A
/// client that is slow gets a `snapshot` instead of the deltas it missed.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/events",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("Last-Event-ID" = Option<String>, Header, description = "`id` of the last event received"),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The client has seen the last event"),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_events(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    params.finish()?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let snapshot = app.status(id).await?;
    if snapshot.row.status.is_final() && last == Some(snapshot.row.version) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let greeting = stream::once(async { Bytes::from_static(GREETING) });
    let follower = Follower::new(&app, caller, app.follow(id), last);
    let events = greeting.chain(events(follower)).map(Ok::<_, Infallible>);
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // Asks a proxy not to hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// One client of a bundle's feed.
struct Follower {
    app: App,
    caller: Caller,
    feed: watch::Receiver<Option<Arc<Change>>>,
    /// Version of the last event it has.
    last: Option<u64>,
    beat: Interval,
    ended: bool,
}

impl Follower {
    fn new(
        app: &App,
        caller: Caller,
        feed: watch::Receiver<Option<Arc<Change>>>,
        last: Option<u64>,
    ) -> Follower {
        metrics::gauge!("backfleet_watchers").increment(1.0);
        let period = app.config().heartbeat.max(Duration::from_millis(1));
        let mut beat = interval_at(Instant::now() + period, period);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Follower { app: app.clone(), caller, feed, last, beat, ended: false }
    }

    /// What the client should have next; `None` where it has it.
    fn news(&mut self) -> Option<Bytes> {
        let change = self.feed.borrow_and_update().clone()?;
        self.ended = change.is_final;
        if self.last.is_some_and(|last| change.version <= last) {
            return None;
        }
        let follows = change.before.is_some() && change.before == self.last;
        self.last = Some(change.version);
        Some(if follows { change.delta.clone() } else { change.whole.clone() })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        metrics::gauge!("backfleet_watchers").decrement(1.0);
    }
}

/// Events and beats until the bundle is final or this process stops.
fn events(follower: Follower) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(follower, |mut follower| async move {
        loop {
            if follower.ended {
                return None;
            }
            if let Some(news) = follower.news() {
                return Some((news, follower));
            }
            if follower.ended {
                return None;
            }
            let draining = follower.app.draining().clone();
            tokio::select! {
                changed = follower.feed.changed() => changed.ok()?,
                _ = follower.beat.tick() => {
                    // A key that was revoked meanwhile opens no more.
                    let admitted = follower.app.still_admits(&follower.caller).await;
                    return admitted.then(|| (Bytes::from_static(BEAT), follower));
                }
                () = draining.cancelled() => return None,
            }
        }
    })
}
