//! `GET /api/backtest/job/{id}/candles`: the candles of a job with its trades, thin enough to be
//! drawn.

use axum::Json;
use axum::extract::{Path, State};
use model::{Candle, TimeRange};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::derived::compute;
use crate::job::{TradeBody, find, read_outcome};
use crate::job_candles;
use crate::params::{Params, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// Candles where the query does not say.
const POINTS: u32 = 1_500;
/// Most candles of an answer.
const MAX_POINTS: u32 = 20_000;
/// Most trades of an answer.
const MAX_TRADES: u32 = 5_000;

/// Candles of a job and the trades among them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CandleChart {
    /// Ascending; each merges neighbours where there are more than `points`.
    items: Vec<CandleBody>,
    /// What one item is: the timeframe, or how many candles of it at most.
    #[schema(example = "12 x 15m")]
    resolution: String,
    /// Candles before any were merged.
    count: usize,
    /// Whether these are the candles that the result was computed on; null where there is none.
    same_data: Option<bool>,
    /// Closed trades that were open at any time between `from` and `to`, in order of entry; the first
    /// of them where there are more than `trades`.
    #[schema(value_type = Vec<TradeBody>)]
    trades: Vec<stats::Trade>,
    /// Trades before any were left out.
    trade_count: usize,
}

/// One candle.
#[derive(Serialize, ToSchema)]
pub(crate) struct CandleBody {
    /// Open time.
    #[schema(format = DateTime)]
    time: String,
    /// First price, in quote.
    open: f64,
    /// Highest price.
    high: f64,
    /// Lowest price.
    low: f64,
    /// Last price.
    close: f64,
    /// Traded quantity, in base.
    volume: f64,
}

impl From<Candle> for CandleBody {
    fn from(candle: Candle) -> CandleBody {
        let Candle { open_time_ms, open, high, low, close, volume } = candle;
        CandleBody { time: rfc3339(open_time_ms), open, high, low, close, volume }
    }
}

/// The candles of a job between `from` and `to`, merged to `points`, with its trades.
///
/// Merging keeps every high and low. Candles of a job that is not completed come without trades.
#[utoipa::path(
    get,
    path = "/api/backtest/job/{id}/candles",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "`{bundleRequestId}-{seq}`"),
        ("from" = Option<String>, Query, description = "RFC 3339; the start of the range by default"),
        ("to" = Option<String>, Query,
            description = "RFC 3339, exclusive; the end of the range by default"),
        ("points" = Option<u32>, Query, description = "Most candles, 1 to 20,000; 1,500 by default"),
        ("trades" = Option<u32>, Query, description = "Most trades, 1 to 5,000; 5,000 by default"),
    ),
    responses(
        (status = 200, description = "The candles", body = CandleChart),
        (status = 404, description = "`job_not_found`, `series_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "`source_unavailable`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_candles(
    State(app): State<App>,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Json<CandleChart>, Problem> {
    let from = time(&mut params, "from")?;
    let to = time(&mut params, "to")?;
    let points = params.count("points", POINTS, MAX_POINTS)? as usize;
    let most_trades = params.count("trades", MAX_TRADES, MAX_TRADES)? as usize;
    params.finish()?;
    let known = find(&app, &id).await?;
    let range = known.spec.range;
    let part = TimeRange {
        start_ms: from.unwrap_or(range.start_ms).max(range.start_ms),
        end_ms: to.unwrap_or(range.end_ms).min(range.end_ms),
    };
    let outcome = match &known.row.result {
        Some(result) => Some(read_outcome(&app, result.key).await?.0),
        None => None,
    };
    let loaded = job_candles::load(&app, &known.spec).await?;
    let chart = move || {
        let spec = &known.spec;
        let result = known.row.result.as_ref();
        let same_data = result.map(|result| job_candles::are_those_of(&loaded, spec, result));
        let all = loaded.as_slice();
        let start = all.lower_bound(part.start_ms).max(loaded.start_row());
        let rows = all.rows(start..all.lower_bound(part.end_ms).max(start));
        let thinned = stats::thin_candles(rows, points);
        let mut trades = outcome.map_or_else(Vec::new, |outcome| {
            let open = outcome.open_position.as_ref();
            let leverage = spec.money_management.leverage;
            stats::trades(&outcome.fills, &outcome.funding, leverage, open)
        });
        trades.retain(|trade| {
            trade.entry_time_ms < part.end_ms && trade.exit_time_ms >= part.start_ms
        });
        let trade_count = trades.len();
        trades.truncate(most_trades);
        let timeframe = spec.series.timeframe;
        let merged = rows.len().div_ceil(points);
        let items = thinned.as_slice();
        CandleChart {
            items: (0..items.len()).map(|row| items.candle(row).into()).collect(),
            resolution: match merged {
                0 | 1 => timeframe.to_string(),
                merged => format!("{merged} x {timeframe}"),
            },
            count: rows.len(),
            same_data,
            trades,
            trade_count,
        }
    };
    compute(chart).await.map(Json)
}

/// Takes a time.
fn time(params: &mut Params, name: &'static str) -> Result<Option<i64>, Problem> {
    let Some(text) = params.take(name)? else { return Ok(None) };
    let time = text.parse::<jiff::Timestamp>().map_err(|_| {
        let example = "2024-01-31T00:00:00Z";
        invalid(format!("parameter \"{name}\" must be a time such as {example}, not \"{text}\""))
    })?;
    Ok(Some(time.as_millisecond()))
}
