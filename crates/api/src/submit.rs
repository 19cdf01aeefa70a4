//! `POST /api/backtest/bundle` and `.../estimate`: limits, parse, check, store.
//!
//! Work grows only behind its limit: body size, then nesting, then axis lengths and the product,
//! then the list of jobs. Parsing and expanding run outside the async runtime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use candles::SeriesInfo;
use model::{Bundle, BundleStatus, Digest, Faults};
use serde::Serialize;
use serde_json::Value;
use store::{Idempotency, NewBundle, NewJob, Submitted};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Caller;
use crate::body::{self, Received};
use crate::bundles::Links;
use crate::code::Code;
use crate::demand::{self, LuckBody, SeriesNeed};
use crate::facts::Facts;
use crate::known::unknown_series;
use crate::problem::{Problem, ProblemBody};
use crate::schema::BundleRequest;
use crate::speed::{self, Work};
use crate::standing::Needs;
use crate::status::BundleStatusName;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY: usize = 255;
/// Longest wait that `Prefer: wait` is granted.
const MAX_WAIT_SECONDS: u64 = 30;
/// Pause between two looks at a bundle that is waited for.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// A stored bundle.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    /// Id of the bundle, a UUID of version 7.
    bundle_request_id: Uuid,
    /// `Queued`, or a final status where all jobs were completed from existing results.
    #[schema(value_type = BundleStatusName)]
    status: BundleStatus,
    /// Jobs stored.
    total: u64,
    /// Of these, jobs completed at once from existing results.
    cached: u64,
    /// Points dropped by the strategy's constraints: they are no jobs.
    dropped: u64,
    /// Addresses of its parts.
    links: Links,
}

/// What a bundle would be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Estimate {
    /// Jobs it would have.
    jobs: u64,
    /// Points that the constraints would drop.
    dropped: u64,
    /// Jobs that existing results answer; null where only a worker can tell.
    cached: Option<u64>,
    /// Candles that the jobs would run over, warm-up aside; equal candles count once a job.
    candles: u64,
    /// Candles that would be loaded: each series and range once.
    candles_needed: u64,
    /// Of these, candles that are not stored; null while the source does not answer.
    candles_missing: Option<u64>,
    /// Each series and date range; null while the source does not answer.
    series: Option<Vec<SeriesNeed>>,
    /// Seconds to the last result of the jobs that must run, if nothing were ahead of them, at the pace
    /// of the bundles that ended last; null where none did.
    #[schema(minimum = 0, example = 1.4)]
    seconds: Option<f64>,
    /// Seconds at the same pace of what would be claimed before it: the jobs of other bundles that are
    /// not final, of its priority or a higher one.
    #[schema(minimum = 0, example = 0.0)]
    seconds_ahead: Option<f64>,
    /// The two luck lines of each date range.
    luck_bar: Vec<LuckBody>,
}

/// A body that passed all checks which need nothing but the body.
struct Parsed {
    facts: Facts,
    request: Value,
    body_hash: Digest,
}

/// Submits a bundle: parses, validates, expands and stores it, then answers.
///
/// Repeat it with the same `Idempotency-Key` after a failure: nothing is stored twice.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle",
    tag = "bundles",
    request_body(content = BundleRequest, description = "At most 4 MiB, plain, gzip or zstd"),
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 visible characters; remembered for 24 hours"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer 200 with the status if final within N <= 30 seconds"),
    ),
    responses(
        (status = 202, description = "Every job is stored", body = Accepted,
            headers(("Location" = String, description = "Where the status is"),
                    ("RateLimit" = String, description = "Jobs that the key has left"),
                    ("Retry-After" = u64, description = "Seconds to the first poll"))),
        (status = 200, description = "With `Prefer: wait`: the status of the final bundle",
            body = crate::status::StatusBody),
        (status = 400, description = "`invalid_json`, `body_unreadable`, `invalid_idempotency_key`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency_key_busy`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_media_type`, `unsupported_encoding`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_bundle` with every fault, `idempotency_key_reused`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`: `RateLimit` counts jobs",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn submit_bundle(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    app.take_quota(&caller, 0)?;
    let key = idempotency_key(&headers)?;
    let received = body::receive(&headers, body, app.config().max_body_bytes).await?;
    let parsed = parse(&app, received).await?;
    check_series(&app, &parsed).await?;
    let Parsed { facts, request, body_hash } = parsed;
    let bundle = &facts.bundle;
    let id = Uuid::now_v7();
    let trace = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let keep = app.config().idempotency_keep;
    let new = NewBundle {
        id,
        owner: caller.owner().to_owned(),
        name: bundle.name().unwrap_or_default().to_owned(),
        request,
        tags: bundle.tags().clone(),
        priority: bundle.priority(),
        dropped: u64::from(bundle.dropped()),
        trace: trace.filter(|text| text.len() <= MAX_KEY).map(str::to_owned),
        idempotency: key.clone().map(|key| Idempotency { key, body_hash, keep }),
        jobs: Vec::new(),
        pins: Vec::new(),
        terms: app.config().terms,
    };
    let total = u64::from(bundle.total());
    let quota = app.take_quota(&caller, total)?;
    let (mut new, dropped, needs) = expand(&app, facts, new).await?;
    (new.pins, _) = needs.settle(&app, &mut new.jobs).await;
    let stored = app.store().submit(new).await;
    if !matches!(stored, Ok(Submitted::Stored { .. })) {
        app.quotas().give_back(caller.key().unwrap_or_default(), total);
    }
    let accepted = match stored {
        Ok(Submitted::Stored { cached }) => {
            tracing::info!(bundle.id = %id, total, cached, dropped, "stored");
            metrics::counter!("backfleet_jobs_submitted_total").increment(total);
            let status =
                if cached == total { BundleStatus::Completed } else { BundleStatus::Queued };
            let links = Links::of(id);
            Accepted { bundle_request_id: id, status, total, cached, dropped, links }
        }
        Ok(Submitted::Repeated { id }) => repeated(&app, id).await?,
        Ok(Submitted::KeyReused) => {
            let detail = "the Idempotency-Key was used before with another body; take a new key";
            return Err(Problem::new(Code::IdempotencyKeyReused, detail));
        }
        Err(store::Error::Conflict { reason }) if key.is_some() => {
            tracing::info!(reason, "a request with the same idempotency key is being stored");
            let detail = "a request with the same Idempotency-Key is being stored; try again";
            return Err(Problem::new(Code::IdempotencyKeyBusy, detail));
        }
        Err(error) => return Err(error.into()),
    };
    let answer = answer(&app, &headers, accepted).await;
    answer.map(|mut answer| {
        if let Some(quota) = quota {
            quota.set(answer.headers_mut());
        }
        answer
    })
}

/// 202, or 200 with the status where the client waited for the end and saw it.
async fn answer(app: &App, headers: &HeaderMap, accepted: Accepted) -> Result<Response, Problem> {
    if let Some(seconds) = wait_seconds(headers)
        && let Some(mut response) = wait(app, accepted.bundle_request_id, seconds).await?
    {
        let applied = HeaderValue::from_str(&format!("wait={seconds}"));
        let applied = applied.expect("digits are plain");
        response.headers_mut().insert("preference-applied", applied);
        return Ok(response);
    }
    let location = format!("/api/backtest/bundle/{}/status", accepted.bundle_request_id);
    let headers = [(LOCATION, location), (RETRY_AFTER, "1".to_owned())];
    Ok((StatusCode::ACCEPTED, headers, Json(accepted)).into_response())
}

/// What a bundle would be: jobs, candles, time and the luck lines. Stores nothing.
#[utoipa::path(
    post,
    path = "/api/backtest/bundle/estimate",
    tag = "bundles",
    request_body(content = BundleRequest, description = "As for a submit"),
    responses(
        (status = 200, description = "The estimate", body = Estimate),
        (status = 400, description = "`invalid_json`, `body_unreadable`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_media_type`, `unsupported_encoding`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_bundle` with every fault",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn estimate_bundle(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Estimate>, Problem> {
    let received = body::receive(&headers, body, app.config().max_body_bytes).await?;
    let parsed = parse(&app, received).await?;
    let stored = check_series(&app, &parsed).await?;
    let past = app.past().await;
    let ahead = app.ahead(parsed.facts.bundle.priority()).await;
    let facts = parsed.facts;
    let (facts, cached) = standing(&app, facts).await?;
    let known = stored.as_deref().map_or(&[][..], Vec::as_slice);
    let jobs = u64::from(facts.bundle.total());
    let candles_per_job = demand::candles_per_job(&facts.bundle, known);
    let candles = jobs as f64 * candles_per_job;
    let needs = demand::needs(&facts.bundle, known);
    let run = jobs.saturating_sub(cached.unwrap_or(0)) as f64;
    let work = Work::of(&facts.bundle, run, candles_per_job);
    let told = speed::seconds(work, ahead, &past);
    Ok(Json(Estimate {
        jobs,
        dropped: u64::from(facts.bundle.dropped()),
        cached,
        candles: demand::count(candles),
        candles_needed: needs.iter().map(SeriesNeed::needed).sum(),
        candles_missing: stored.as_ref().map(|_| needs.iter().map(SeriesNeed::missing).sum()),
        luck_bar: demand::luck(&facts, known),
        series: stored.is_some().then_some(needs),
        seconds: told.map(|told| hundredths(told.0)),
        seconds_ahead: told.map(|told| hundredths(told.1)),
    }))
}

/// How many jobs existing results answer; `None` where only a worker can tell of all of them.
async fn standing(app: &App, facts: Facts) -> Result<(Facts, Option<u64>), Problem> {
    let source = app.market().source_id().to_owned();
    let expanded = tokio::task::spawn_blocking(move || {
        let (jobs, needs) = jobs_and_needs(&facts, &source);
        (facts, jobs, needs)
    });
    let (facts, mut jobs, needs) = expanded.await.map_err(|_panic| Problem::internal())?;
    let (_, is_whole) = needs.settle(app, &mut jobs).await;
    if !is_whole {
        return Ok((facts, None));
    }
    let keys: Vec<Digest> = jobs.iter().filter_map(|job| job.result_key).collect();
    let results = app.store().standing_results(&keys).await?;
    let cached = keys.iter().filter(|key| results.contains_key(key)).count();
    Ok((facts, Some(cached as u64)))
}

/// Seconds as they are told.
fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).ceil() / 100.0
}

async fn parse(app: &App, received: Received) -> Result<Parsed, Problem> {
    let (max, limits) = (app.config().max_body_bytes, app.limits());
    let started = Instant::now();
    let parsed = tokio::task::spawn_blocking(move || {
        let bytes = received.unpack(max)?;
        let bundle = Bundle::from_json(&bytes, &limits).map_err(Problem::from_faults)?;
        let request = serde_json::from_slice(&bytes).map_err(|_| Problem::internal())?;
        let facts = Facts::of(bundle, &[]);
        Ok::<_, Problem>(Parsed { facts, request, body_hash: Digest::of(&bytes) })
    });
    let parsed = parsed.await.map_err(|_panic| Problem::internal())??;
    let duration_ms = started.elapsed().as_secs_f64() * 1_000.0;
    tracing::debug!(jobs = parsed.facts.bundle.total(), duration_ms, "parsed");
    Ok(parsed)
}

/// The series that exist, if the source answers; refuses a bundle that names others, or a signal
/// column that was never uploaded.
async fn check_series(app: &App, parsed: &Parsed) -> Result<Option<Arc<Vec<SeriesInfo>>>, Problem> {
    let bundle = &parsed.facts.bundle;
    let stored = app.series().await.ok();
    let mut faults = match &stored {
        Some(stored) => unknown_series(bundle, &parsed.request, stored),
        None => Faults::default(),
    };
    if let Some(hash) = bundle.strategy().signal_column
        && !app.store().has_signals(hash).await?
    {
        faults.add_with_hint(
            "/universalConfig/strategy/signalColumn",
            "unknown_signals",
            format!("there is no signal column {hash}"),
            "upload it: `backfleet signals put FILE`, or PUT /api/signals",
        );
    }
    if faults.is_empty() { Ok(stored) } else { Err(Problem::from_faults(faults)) }
}

/// From so many jobs on a second thread is worth its start.
const TWO_THREADS: u32 = 1_000;

/// The jobs of a bundle, and what they will read. Heavy: run it off the async threads.
fn jobs_and_needs(facts: &Facts, source: &str) -> (Vec<NewJob>, Needs) {
    let bundle = &facts.bundle;
    let jobs = || {
        let job = |(seq, spec_key)| NewJob { seq, spec_key, result_key: None };
        bundle.keys().map(job).collect()
    };
    if bundle.total() < TWO_THREADS {
        return (jobs(), Needs::of(facts, source));
    }
    std::thread::scope(|scope| {
        let needs = scope.spawn(|| Needs::of(facts, source));
        let jobs = jobs();
        let needs = needs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (jobs, needs)
    })
}

/// Fills in the jobs; also says how many points were dropped, and what the jobs will read.
async fn expand(
    app: &App,
    facts: Facts,
    mut new: NewBundle,
) -> Result<(NewBundle, u64, Needs), Problem> {
    let source = app.market().source_id().to_owned();
    let expanded = tokio::task::spawn_blocking(move || {
        let needs;
        (new.jobs, needs) = jobs_and_needs(&facts, &source);
        let dropped = new.dropped;
        (new, dropped, needs)
    });
    expanded.await.map_err(|_panic| Problem::internal())
}

/// The first answer to a key, with the status as it is now.
async fn repeated(app: &App, id: Uuid) -> Result<Accepted, Problem> {
    let row = app.store().bundle(None, id).await?.ok_or_else(Problem::internal)?;
    Ok(Accepted {
        bundle_request_id: id,
        status: row.status,
        total: row.total,
        cached: row.cached,
        dropped: row.dropped,
        links: Links::of(id),
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().unwrap_or_default().trim().trim_matches('"');
    let visible = |byte: u8| (b' '..=b'~').contains(&byte);
    if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(visible) {
        return Ok(Some(key.to_owned()));
    }
    let detail = format!("the Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters");
    Err(Problem::new(Code::InvalidIdempotencyKey, detail))
}

/// The wait that `Prefer` asks for, within what is granted.
fn wait_seconds(headers: &HeaderMap) -> Option<u64> {
    let prefer = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut words = prefer.flat_map(|value| value.split([',', ';']));
    let wait = words.find_map(|word| word.trim().strip_prefix("wait="))?;
    wait.trim().parse().ok().map(|seconds: u64| seconds.min(MAX_WAIT_SECONDS))
}

/// The status, if the bundle is final within `seconds`.
async fn wait(app: &App, id: Uuid, seconds: u64) -> Result<Option<Response>, Problem> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let snapshot = app.status(id).await?;
        if snapshot.row.status.is_final() {
            return Ok(Some(snapshot.answer(&HeaderMap::new())));
        }
        if Instant::now() + WAIT_STEP > deadline {
            return Ok(None);
        }
        tokio::time::sleep(WAIT_STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn keys_are_visible_text_of_a_bounded_length() {
        let key = |value: &str| idempotency_key(&headers("idempotency-key", value));
        assert_eq!(key("\"a-1\"").unwrap().as_deref(), Some("a-1"));
        assert_eq!(key("a b").unwrap().as_deref(), Some("a b"));
        assert_eq!(key("").unwrap_err().code(), Code::InvalidIdempotencyKey);
        assert_eq!(key(&"x".repeat(256)).unwrap_err().code(), Code::InvalidIdempotencyKey);
    }

    #[test]
    fn a_wait_is_read_from_prefer_and_bounded() {
        let wait = |value: &str| wait_seconds(&headers("prefer", value));
        assert_eq!(wait("wait=5"), Some(5));
        assert_eq!(wait("respond-async, wait=500"), Some(MAX_WAIT_SECONDS));
        assert_eq!(wait("wait=x"), None);
    }
}
