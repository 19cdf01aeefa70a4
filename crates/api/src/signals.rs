//! `/api/signals`: signal columns of one's own, uploaded once, named by their hash.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candles::import::{SignalError, read_signals};
use model::{Digest, SignalColumn};
use serde::Serialize;
use store::PackedSignals;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::body::{self, FileBytes};
use crate::code::Code;
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// Longest upload in bytes, counted after decompression: five million rows of CSV.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// Jobs that an upload counts as towards the limit of its key.
const UPLOAD_COST: u64 = 1;

/// Uploads held in memory at a time by this process.
static UPLOADS: Semaphore = Semaphore::const_new(2);

/// A stored signal column.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignalsBody {
    /// BLAKE3 of its times and values: what `strategy.signalColumn` takes.
    #[schema(value_type = String, example = "b3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85")]
    hash: Digest,
    /// Rows.
    rows: usize,
    /// Rows that want a long position.
    long: usize,
    /// Rows that want a short position.
    short: usize,
    /// Rows that want none.
    flat: usize,
    /// Time of the first row.
    #[schema(format = DateTime)]
    first: String,
    /// Time of the last row.
    #[schema(format = DateTime)]
    last: String,
}

impl SignalsBody {
    fn of(column: &SignalColumn) -> SignalsBody {
        let rows = column.as_slice();
        let count = |wanted: i8| rows.values.iter().filter(|value| **value == wanted).count();
        let time = |ms: Option<&i64>| rfc3339(ms.copied().unwrap_or_default());
        SignalsBody {
            hash: rows.hash(),
            rows: rows.len(),
            long: count(1),
            short: count(-1),
            flat: count(0),
            first: time(rows.open_time_ms.first()),
            last: time(rows.open_time_ms.last()),
        }
    }
}

/// Uploads a signal column: CSV or Parquet with a candle's open time and 1, -1 or 0 a row.
///
/// The form is recognised by the content, whatever `Content-Type` says. Putting the same rows again
/// stores nothing and answers the same hash.
#[utoipa::path(
    put,
    path = "/api/signals",
    tag = "strategies",
    request_body(
        content = FileBytes,
        content_type = "text/csv",
        description = "At most 128 MiB and 5,000,000 rows; plain, gzip or zstd"
    ),
    responses(
        (status = 201, description = "Stored", body = SignalsBody,
            headers(("Location" = String, description = "Where it is described"),
                    ("RateLimit" = String, description = "Jobs that the key has left"))),
        (status = 200, description = "It was there already", body = SignalsBody,
            headers(("Location" = String, description = "Where it is described"),
                    ("RateLimit" = String, description = "Jobs that the key has left"))),
        (status = 413, description = "`body_too_large`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_signals`, naming the row",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`: an upload counts as a job",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_signals(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let quota = app.take_quota(&caller, UPLOAD_COST)?;
    let _turn = UPLOADS.acquire().await.map_err(|_closed| Problem::internal())?;
    let received = body::receive_file(&headers, body, MAX_BYTES).await?;
    let read = tokio::task::spawn_blocking(move || {
        let column =
            read_signals(received.unpack(MAX_BYTES)?, None).map_err(|error| refused(&error))?;
        let packed = PackedSignals::pack(&column)?;
        Ok::<_, Problem>((SignalsBody::of(&column), packed))
    });
    let (described, packed) = read.await.map_err(|_panic| Problem::internal())??;
    let is_new = app.store().put_signals(caller.owner(), &packed).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/api/signals/{}", described.hash);
    let mut response = (status, [(LOCATION, location)], Json(described)).into_response();
    if let Some(quota) = quota {
        quota.set(response.headers_mut());
    }
    Ok(response)
}

fn refused(error: &SignalError) -> Problem {
    let mut detail = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        detail.push_str(": ");
        detail.push_str(&cause.to_string());
    }
    Problem::new(Code::InvalidSignals, detail)
}

/// A stored signal column, described.
#[utoipa::path(
    get,
    path = "/api/signals/{hash}",
    tag = "strategies",
    params(("hash" = String, Path, description = "Its hash, `b3:` and 64 hexadecimal digits")),
    responses(
        (status = 200, description = "The column", body = SignalsBody),
        (status = 404, description = "`signals_not_found`",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_signals(
    State(app): State<App>,
    Path(hash): Path<String>,
) -> Result<Json<SignalsBody>, Problem> {
    let named: Option<Digest> = hash.parse().ok();
    let packed = match named {
        Some(hash) => app.store().signals(hash).await?,
        None => None,
    };
    let Some(packed) = packed else {
        let hash: String = hash.chars().take(80).collect();
        let detail =
            format!("there is no signal column \"{hash}\"; upload it with PUT /api/signals");
        return Err(Problem::new(Code::SignalsNotFound, detail));
    };
    let described =
        tokio::task::spawn_blocking(move || Ok::<_, Problem>(SignalsBody::of(&packed.unpack()?)));
    Ok(Json(described.await.map_err(|_panic| Problem::internal())??))
}
