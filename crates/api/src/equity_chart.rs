//! `GET /api/backtest/job/{id}/equity`: equity over time, thin enough to be drawn.

use axum::Json;
use axum::extract::{Path, State};
use model::{JobSpec, Outcome};
use serde::Serialize;
use store::ResultSummary;
use utoipa::ToSchema;

use crate::app::App;
use crate::derived::compute;
use crate::job::{find, read_outcome};
use crate::job_candles::{self, Missing};
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// Points where the query does not say.
const POINTS: u32 = 1_500;
/// Fewest points that may be asked for: the first, the last, the lowest and the highest.
const MIN_POINTS: u32 = 4;
/// Most points of an answer.
const MAX_POINTS: u32 = 20_000;

/// Equity of a job over time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EquityBody {
    /// Ascending in time; the first, the last, the lowest and the highest point are always there.
    items: Vec<EquityPoint>,
    /// Timeframe of the candles, or `1d` where only the marks of the days are left.
    #[schema(example = "15m")]
    resolution: String,
    /// Points before any were left out.
    count: usize,
    /// Starting cash, in quote.
    initial: f64,
    /// Why only days are left: `source_unavailable`, `no_candles` or `data_changed`.
    reason: Option<&'static str>,
}

/// Equity at one close.
#[derive(Serialize, ToSchema)]
pub(crate) struct EquityPoint {
    /// Open time of the candle, or the day.
    #[schema(format = DateTime)]
    time: String,
    /// Cash and position at the close, in quote.
    equity: f64,
}

/// Equity of a completed job at the close of each candle, thinned to `points`.
///
/// It is rebuilt from the fills and the candles. Where those are gone or were corrected, the marks of
/// the days are left.
#[utoipa::path(
    get,
    path = "/api/backtest/job/{id}/equity",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "`{bundleRequestId}-{seq}`"),
        ("points" = Option<u32>, Query, minimum = 4, maximum = 20000,
            description = "Most points, 4 to 20,000; 1,500 by default"),
    ),
    responses(
        (status = 200, description = "The curve", body = EquityBody),
        (status = 404, description = "`job_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "`job_not_completed`: `currentStatus` says where it stands",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_equity(
    State(app): State<App>,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Json<EquityBody>, Problem> {
    let points = params.count_within("points", POINTS, MIN_POINTS..=MAX_POINTS)? as usize;
    params.finish()?;
    let known = find(&app, &id).await?;
    let result = known.result()?.clone();
    let (outcome, _) = read_outcome(&app, result.key).await?;
    let loaded = job_candles::load(&app, &known.spec).await;
    let curve = move || {
        let spec = &known.spec;
        let curve = loaded.and_then(|loaded| curve(&loaded, spec, &result, &outcome));
        let (resolution, reason) = match &curve {
            Ok(_) => (spec.series.timeframe.to_string(), None),
            Err(missing) => ("1d".to_owned(), Some(missing.code())),
        };
        let (times, equity) = curve.unwrap_or_else(|_| by_days(&outcome));
        let thinned = stats::thin(&times, &equity, points);
        EquityBody {
            items: thinned
                .into_iter()
                .map(|(time_ms, equity)| EquityPoint { time: rfc3339(time_ms), equity })
                .collect(),
            resolution,
            count: times.len(),
            initial: spec.balance,
            reason,
        }
    };
    compute(curve).await.map(Json)
}

/// Open times and equity of every candle, if they are those of the result.
fn curve(
    loaded: &candles::Loaded,
    spec: &JobSpec,
    result: &ResultSummary,
    outcome: &Outcome,
) -> Result<(Vec<i64>, Vec<f64>), Missing> {
    if !job_candles::are_those_of(loaded, spec, result) {
        return Err(Missing::Changed);
    }
    let all = loaded.as_slice();
    let range = all.rows(loaded.start_row()..all.len());
    let equity = stats::equity_curve(
        outcome,
        &stats::PricePath::new(range, spec.series.timeframe),
        spec.balance,
    );
    Ok((range.open_time_ms.to_vec(), equity))
}

/// Days and equity at their ends.
fn by_days(outcome: &Outcome) -> (Vec<i64>, Vec<f64>) {
    outcome.daily_marks.iter().map(|mark| (mark.day_ms, mark.equity)).unzip()
}
