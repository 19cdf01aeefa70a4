//! The users: each submits a bundle, looks at its status until it is final, and makes room for the
//! next. A connection serves one user at a time and stays open.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, ETAG, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::load::{JOBS_PER_BUNDLE, Request as Wanted};

/// What the users saw.
pub(crate) struct Seen {
    /// From the first submit to the last final status.
    pub(crate) elapsed: Duration,
    /// From a submit to its answer.
    pub(crate) submits: Vec<Duration>,
    /// From a submit to the final status.
    pub(crate) turnarounds: Vec<Duration>,
    /// Bundle ids, by user.
    pub(crate) ids: Vec<String>,
    /// Seconds as they were told over seconds as they passed, for users who asked.
    pub(crate) told: Vec<f64>,
}

/// How the users behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Connections, each with one user at a time.
    pub(crate) clients: usize,
    /// Between two looks at a bundle.
    pub(crate) pause: Duration,
    /// One user of so many asks for an estimate before the submit.
    pub(crate) asks: Option<usize>,
}

/// One finished bundle.
struct Visit {
    user: usize,
    id: String,
    submit: Duration,
    turnaround: Duration,
    told: Option<f64>,
}

/// Serves a user for each of `wanted`.
pub(crate) async fn run(
    address: SocketAddr,
    wanted: &[Wanted],
    habits: Habits,
) -> anyhow::Result<Seen> {
    let bodies: Rc<[Bytes]> =
        wanted.iter().map(|request| Bytes::from(request.text.clone())).collect();
    let next = Rc::new(Cell::new(0));
    let started = Instant::now();
    let local = LocalSet::new();
    let visits = local.run_until(async {
        let mut tasks = JoinSet::new();
        for _ in 0..habits.clients {
            let (bodies, next) = (Rc::clone(&bodies), Rc::clone(&next));
            tasks.spawn_local(async move { client(address, &bodies, &next, habits).await });
        }
        let mut visits = Vec::new();
        while let Some(done) = tasks.join_next().await {
            visits.extend(done??);
        }
        anyhow::Ok(visits)
    });
    let mut visits = visits.await?;
    let elapsed = started.elapsed();
    visits.sort_by_key(|visit| visit.user);
    Ok(Seen {
        elapsed,
        submits: visits.iter().map(|visit| visit.submit).collect(),
        turnarounds: visits.iter().map(|visit| visit.turnaround).collect(),
        told: visits.iter().filter_map(|visit| visit.told).collect(),
        ids: visits.into_iter().map(|visit| visit.id).collect(),
    })
}

/// Users one after another on one connection, until none is left.
async fn client(
    address: SocketAddr,
    bodies: &[Bytes],
    next: &Cell<usize>,
    habits: Habits,
) -> anyhow::Result<Vec<Visit>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn_local(connection);
    let host = HeaderValue::from_str(&address.to_string())?;
    let mut visits = Vec::new();
    while let Some(body) = bodies.get(next.get()) {
        let user = next.replace(next.get() + 1);
        visits.push(visit(&mut sender, &host, user, body.clone(), habits).await?);
    }
    Ok(visits)
}

async fn visit(
    sender: &mut SendRequest<Full<Bytes>>,
    host: &HeaderValue,
    user: usize,
    body: Bytes,
    habits: Habits,
) -> anyhow::Result<Visit> {
    let asks = habits.asks.is_some_and(|many| user.is_multiple_of(many));
    let told = if asks { estimate(sender, host, body.clone()).await? } else { None };
    let submitted = Instant::now();
    let request = Request::post("/api/backtest/bundle").header(CONTENT_TYPE, "application/json");
    let answer = sender.send_request(request.header(HOST, host).body(Full::new(body))?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let submit = submitted.elapsed();
    ensure!(status == StatusCode::ACCEPTED, "submit: {status} {}", String::from_utf8_lossy(&body));
    let accepted: Value = serde_json::from_slice(&body)?;
    let id = accepted["bundleRequestId"].as_str().context("an id")?.to_owned();

    let path = format!("/api/backtest/bundle/{id}/status");
    let mut version = HeaderValue::from_static("\"none\"");
    loop {
        tokio::time::sleep(habits.pause).await;
        let request = Request::get(&path).header(HOST, host).header(IF_NONE_MATCH, &version);
        let answer = sender.send_request(request.body(Full::default())?).await?;
        let status = answer.status();
        if let Some(tag) = answer.headers().get(ETAG) {
            version = tag.clone();
        }
        let body = answer.into_body().collect().await?.to_bytes();
        if status == StatusCode::NOT_MODIFIED {
            continue;
        }
        let text = String::from_utf8_lossy(&body);
        ensure!(status == StatusCode::OK, "status: {status} {text}");
        let bundle: Value = serde_json::from_slice(&body)?;
        if !matches!(bundle["status"].as_str(), Some("Queued" | "Running")) {
            ensure!(bundle["completed"] == JOBS_PER_BUNDLE, "not all completed: {text}");
            let turnaround = submitted.elapsed();
            let told = told.map(|told| told / turnaround.as_secs_f64());
            return Ok(Visit { user, id, submit, turnaround, told });
        }
    }
}

/// Seconds until a bundle would be final, as the API tells them; it cannot before any bundle has ended.
async fn estimate(
    sender: &mut SendRequest<Full<Bytes>>,
    host: &HeaderValue,
    body: Bytes,
) -> anyhow::Result<Option<f64>> {
    let request = Request::post("/api/backtest/bundle/estimate").header(HOST, host);
    let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status == StatusCode::OK, "estimate: {status} {}", String::from_utf8_lossy(&body));
    let estimate: Value = serde_json::from_slice(&body)?;
    let seconds = |name: &str| estimate[name].as_f64();
    Ok(seconds("seconds").zip(seconds("secondsAhead")).map(|(own, ahead)| own + ahead))
}
