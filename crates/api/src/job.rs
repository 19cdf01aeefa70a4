//! `GET /api/backtest/job/{id}` and `.../trades`: one job with everything that is kept of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use model::{Digest, JobSpec, Outcome};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{AttemptRow, JobRow, ResultSummary};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::derived::compute;
use crate::facts::Facts;
use crate::params::{Params, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::rows::{JobBody, undefined};
use crate::status::Snapshot;
use crate::text::rfc3339;

/// One job in full. The last fields are there once it is completed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobDetailBody {
    #[serde(flatten)]
    job: JobBody,
    /// The resolved settings, canonical: what the spec key hashes.
    #[schema(value_type = Object)]
    config: Value,
    /// BLAKE3 of `config`.
    spec_key: String,
    /// Attempts that ended abnormally, oldest first.
    attempts: Vec<AttemptBody>,
    #[serde(flatten)]
    #[schema(value_type = OutcomeBody)]
    outcome: Option<OutcomeBody>,
}

/// An attempt that ended abnormally.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptBody {
    /// Its number.
    attempt: u32,
    /// Who ran it.
    worker_id: Option<i64>,
    /// When it was claimed.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: String,
    /// Why: `worker_lost`, `drained`, `source_away`, `retried`.
    ended_by: String,
}

/// What the backtest returned.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutcomeBody {
    /// BLAKE3 of spec key, engine version and data hash.
    #[schema(required = false)]
    result_key: String,
    /// BLAKE3 of the candles and of the settings they imply.
    #[schema(required = false)]
    data_hash: String,
    /// Counts, warm-up, equity, candles, versions, warnings and the reasons of undefined metrics.
    #[serde(flatten)]
    #[schema(value_type = SummaryBody)]
    summary: Map<String, Value>,
    /// Closed trades, in order of entry. Absent with `omit=trades`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<TradeBody>, required = false)]
    trades: Option<Vec<stats::Trade>>,
    /// The position that is open at the end of the range.
    #[schema(value_type = Option<OpenTradeBody>)]
    open_position: Option<stats::OpenTrade>,
    /// Returns of the calendar's days, the first relative to the starting cash. Absent with
    /// `omit=dailyReturns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<f64>, required = false)]
    daily_returns: Option<Vec<f64>>,
}

/// A long part of an outcome that a client can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) enum OutcomePart {
    /// The closed trades: `.../trades` has them.
    Trades,
    /// The returns of the days.
    DailyReturns,
}

impl std::fmt::Display for OutcomePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Trades => "trades",
            Self::DailyReturns => "dailyReturns",
        })
    }
}

/// The light part of an outcome, as the worker stores it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes the stored summary in the OpenAPI document")]
pub(crate) struct SummaryBody {
    /// Version of everything that decides an outcome's bytes.
    #[schema(required = false)]
    engine_version: String,
    /// Version of the metrics' definitions.
    #[schema(required = false)]
    stats_version: String,
    /// Candles of the range.
    #[schema(required = false)]
    candles: u64,
    /// Candles of history before the range: `{asked, got}`.
    #[schema(required = false, value_type = Object)]
    warmup: Value,
    /// `{ambiguous, missing, conflicts, skipped}`: what a reader should know about.
    #[schema(required = false, value_type = Object)]
    counts: Value,
    /// What makes the numbers less trustworthy.
    #[schema(required = false)]
    warnings: Vec<Value>,
    /// With `fill.sensitivity`: `{ambiguous, stopFirst, targetFirst, spreadPct}`, the result with
    /// the stop first and with the target first in every ambiguous candle.
    #[schema(required = false, value_type = Object)]
    sensitivity: Value,
    /// `{initial, final}`, in quote.
    #[schema(required = false, value_type = Object)]
    equity: Value,
    /// Reason codes of the metrics that have no value.
    #[schema(required = false, value_type = Object)]
    undefined: Value,
    /// What the series decided: `{calendar, periodsPerYear, riskFreePct}`.
    #[schema(required = false, value_type = Object)]
    settings: Value,
}

/// A closed trade.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `stats::Trade` in the OpenAPI document")]
pub(crate) struct TradeBody {
    /// `long` or `short`.
    side: String,
    /// Open time of the entry candle.
    #[schema(format = DateTime)]
    entry_time: String,
    /// Average entry price, in quote.
    entry_price: f64,
    /// Open time of the candle of the last exit.
    #[schema(format = DateTime)]
    exit_time: String,
    /// Average exit price, in quote.
    exit_price: f64,
    /// Quantity entered, in base.
    quantity: f64,
    /// Exit fills.
    legs: u32,
    /// Fees of all fills, in quote.
    fees: f64,
    /// Result net of fees and funding, in quote.
    pnl: f64,
    /// Percent of the initial margin.
    return_pct: f64,
    /// Reason of the last exit.
    exit_reason: String,
}

/// A trade that is still open.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only describes `stats::OpenTrade` in the OpenAPI document")]
pub(crate) struct OpenTradeBody {
    /// `long` or `short`.
    side: String,
    /// Open time of the entry candle.
    #[schema(format = DateTime)]
    entry_time: String,
    /// Entry price, in quote.
    entry_price: f64,
    /// Quantity held, in base.
    quantity: f64,
    /// Last close, in quote.
    mark_price: f64,
    /// Fees paid so far, in quote.
    fees: f64,
    /// Result so far, in quote.
    pnl: f64,
    /// Percent of the initial margin.
    return_pct: f64,
}

/// The trades of a job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TradePage {
    /// Closed trades, in order of entry.
    #[schema(value_type = Vec<TradeBody>)]
    items: Vec<stats::Trade>,
    /// The position that is open at the end of the range.
    #[schema(value_type = Option<OpenTradeBody>)]
    open_position: Option<stats::OpenTrade>,
    /// Always null: there is one page.
    next: Option<String>,
}

impl From<AttemptRow> for AttemptBody {
    fn from(row: AttemptRow) -> AttemptBody {
        AttemptBody {
            attempt: row.attempt,
            worker_id: row.worker.map(|worker| worker.0),
            started_at: row.started_at.map(rfc3339),
            ended_at: rfc3339(row.ended_at),
            ended_by: row.ended_by,
        }
    }
}

/// One job: resolved settings, attempts and, once it is completed, the whole outcome.
#[utoipa::path(
    get,
    path = "/api/backtest/job/{id}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "`{bundleRequestId}-{seq}`"),
        ("omit" = Option<Vec<OutcomePart>>, Query, description = "Leaves these out of the answer"),
    ),
    responses(
        (status = 200, description = "The job", body = JobDetailBody),
        (status = 404, description = "`job_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_job(
    State(app): State<App>,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Json<JobDetailBody>, Problem> {
    let omit = params.take_all("omit");
    let omit = omit
        .iter()
        .map(|text| one_of("omit", text, &[OutcomePart::Trades, OutcomePart::DailyReturns]));
    let omit = omit.collect::<Result<Vec<_>, _>>()?;
    params.finish()?;
    let known = find(&app, &id).await?;
    let spec = &known.spec;
    let config = serde_json::from_str(&spec.canonical_json()).map_err(|error| {
        tracing::error!(%error, "a canonical spec is not JSON");
        Problem::internal()
    })?;
    let outcome = match &known.row.result {
        Some(result) => Some(outcome(&app, result, spec.money_management.leverage, &omit).await?),
        None => None,
    };
    Ok(Json(JobDetailBody {
        spec_key: spec.key.to_string(),
        config,
        attempts: known.attempts.into_iter().map(AttemptBody::from).collect(),
        outcome,
        job: JobBody::new(known.row, &known.snapshot.row, &known.facts),
    }))
}

/// The closed trades of a completed job and its open position.
#[utoipa::path(
    get,
    path = "/api/backtest/job/{id}/trades",
    tag = "jobs",
    params(("id" = String, Path, description = "`{bundleRequestId}-{seq}`")),
    responses(
        (status = 200, description = "The trades", body = TradePage),
        (status = 404, description = "`job_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`job_not_completed`: `currentStatus` says where it stands",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_trades(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<TradePage>, Problem> {
    params.finish()?;
    let known = find(&app, &id).await?;
    let leverage = known.spec.money_management.leverage;
    let (outcome, _) = read_outcome(&app, known.result()?.key).await?;
    let (items, open_position) = compute(move || trades(&outcome, leverage)).await?;
    Ok(Json(TradePage { items, open_position, next: None }))
}

/// A job that exists, with what is known of its bundle.
pub(crate) struct Known {
    pub(crate) row: JobRow,
    pub(crate) spec: JobSpec,
    attempts: Vec<AttemptRow>,
    snapshot: Arc<Snapshot>,
    facts: Arc<Facts>,
}

impl Known {
    /// Its bundle.
    pub(crate) fn bundle(&self) -> Uuid {
        self.snapshot.row.id
    }

    /// Its result; refuses a job that has none.
    pub(crate) fn result(&self) -> Result<&ResultSummary, Problem> {
        self.row.result.as_ref().ok_or_else(|| not_completed(&self.row))
    }
}

/// The job with this public id.
pub(crate) async fn find(app: &App, id: &str) -> Result<Known, Problem> {
    let (bundle, seq) = parse_id(id)?;
    let snapshot = app.status(bundle).await.map_err(|problem| job_missing(problem, id))?;
    let facts = app.bundle_facts(bundle).await?;
    let (row, attempts) = app
        .reads(bundle, snapshot.row.version)
        .await
        .job(bundle, seq)
        .await?
        .ok_or_else(|| job_not_found(id))?;
    let spec = facts.bundle.job(seq).ok_or_else(Problem::internal)?;
    Ok(Known { row, spec, attempts, snapshot, facts })
}

/// The heavy part of a result: its outcome and its daily returns.
pub(crate) async fn read_outcome(app: &App, key: Digest) -> Result<(Outcome, Vec<f64>), Problem> {
    let detail = app.store().detail(key).await?.ok_or_else(Problem::internal)?;
    let outcome = compute(move || detail.outcome.unpack()).await?;
    let outcome = outcome.map_err(|error| {
        tracing::error!(result.key = %key, %error, "a stored outcome cannot be read");
        Problem::internal()
    })?;
    Ok((outcome, detail.daily_returns))
}

/// The closed trades and the open one, derived from the fills.
fn trades(outcome: &Outcome, leverage: f64) -> (Vec<stats::Trade>, Option<stats::OpenTrade>) {
    let Outcome { fills, funding, .. } = outcome;
    let open = outcome.open_position.as_ref();
    let open_trade = open.map(|open| stats::open_trade(fills, funding, leverage, open));
    (stats::trades(fills, funding, leverage, open), open_trade)
}

/// Reads the heavy part of a result, without the parts to `omit`.
async fn outcome(
    app: &App,
    result: &ResultSummary,
    leverage: f64,
    omit: &[OutcomePart],
) -> Result<OutcomeBody, Problem> {
    let (outcome, daily_returns) = read_outcome(app, result.key).await?;
    let (trades, open_position) = compute(move || trades(&outcome, leverage)).await?;
    let mut summary = match &result.summary {
        Value::Object(summary) => summary.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    for own in ["outcomeHash", "metrics", "dataHash", "trades", "openPosition", "dailyReturns"] {
        summary.remove(own);
    }
    if summary.contains_key("undefined") {
        summary.insert("undefined".to_owned(), json!(undefined(&result.summary)));
    }
    Ok(OutcomeBody {
        result_key: result.key.to_string(),
        data_hash: result.data_hash.to_string(),
        summary,
        trades: (!omit.contains(&OutcomePart::Trades)).then_some(trades),
        open_position,
        daily_returns: (!omit.contains(&OutcomePart::DailyReturns)).then_some(daily_returns),
    })
}

/// Reads `{bundleRequestId}-{seq}`.
pub(crate) fn parse_id(text: &str) -> Result<(Uuid, u32), Problem> {
    let parsed = text.rsplit_once('-').and_then(|(bundle, seq)| {
        let plain = seq.bytes().all(|byte| byte.is_ascii_digit());
        Some((Uuid::try_parse(bundle).ok()?, seq.parse().ok().filter(|_| plain)?))
    });
    parsed.ok_or_else(|| job_not_found(text))
}

/// A bundle that is not there makes the job one that is not there.
pub(crate) fn job_missing(problem: Problem, id: &str) -> Problem {
    if problem.code() == Code::BundleNotFound { job_not_found(id) } else { problem }
}

pub(crate) fn job_not_found(id: &str) -> Problem {
    let id: String = id.chars().take(80).collect();
    Problem::new(Code::JobNotFound, format!("there is no job \"{id}\""))
}

fn not_completed(row: &JobRow) -> Problem {
    let detail = match &row.error {
        Some(error) => format!("the job failed: {} ({})", error.message, error.code),
        None => format!("the job is {}", row.status),
    };
    Problem::new(Code::JobNotCompleted, detail).with_status(&row.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_is_a_bundle_id_and_a_number() {
        let id = Uuid::now_v7();
        assert_eq!(parse_id(&format!("{id}-17")).unwrap(), (id, 17));
        for text in [
            "",
            "17",
            &id.to_string(),
            &format!("{id}-"),
            &format!("{id}-+1"),
            &format!("{id}-4294967296"),
        ] {
            assert_eq!(parse_id(text).unwrap_err().code(), Code::JobNotFound, "{text}");
        }
    }
}
