//! `GET /api/candles/series`: which candles are stored.

use axum::Json;
use axum::extract::{Path, State};
use candles::{Month, SeriesInfo, months};
use model::{SeriesId, TimeRange, Timeframe};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::code::Code;
use crate::demand::serving;
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::text::rfc3339;

/// One stored series.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeriesBody {
    /// Exchange.
    #[schema(example = "binance")]
    exchange: String,
    /// Ticker.
    #[schema(example = "BTCUSDT")]
    ticker: String,
    /// Length of a candle.
    #[schema(value_type = String, example = "15m")]
    timeframe: Timeframe,
    /// Days it has: `24x7`, `24x5` or `session:ZONE`.
    #[schema(example = "24x7")]
    calendar: String,
    /// Open time of the first candle.
    #[schema(format = DateTime)]
    first: String,
    /// Open time of the last candle; it may be unfinished.
    #[schema(format = DateTime)]
    last: String,
    /// Candles.
    count: u64,
}

/// The stored series.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesPage {
    /// Ascending by exchange, ticker and timeframe.
    items: Vec<SeriesBody>,
    /// Always null: there is one page.
    next: Option<String>,
}

/// One series in full: finished candles only.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CoverageBody {
    #[serde(flatten)]
    series: SeriesBody,
    /// The stored timeframe it is made of, where it is not stored itself.
    #[schema(value_type = Option<String>)]
    resampled_from: Option<Timeframe>,
    /// Candles missing between the first and the last, by the calendar's rules.
    gaps: u64,
    /// Every month from that of the first candle to that of the last, those without candles too.
    months: Vec<MonthBody>,
    /// BLAKE3 of all its candles: equal candles have an equal hash, whatever store they came from.
    data_hash: String,
}

/// One calendar month (UTC) of a series.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonthBody {
    /// Year and month.
    #[schema(example = "2024-01", pattern = "^\\d{4}-\\d{2}$")]
    month: String,
    /// Candles that open in it.
    count: u64,
    /// Candles missing in it, by the calendar's rules; the sum of all months is `gaps`.
    missing: u64,
}

impl From<Month> for MonthBody {
    fn from(Month { month, count, missing }: Month) -> MonthBody {
        MonthBody { month: month.to_string(), count, missing }
    }
}

impl From<&SeriesInfo> for SeriesBody {
    fn from(info: &SeriesInfo) -> SeriesBody {
        SeriesBody {
            exchange: info.id.exchange.clone(),
            ticker: info.id.ticker.clone(),
            timeframe: info.id.timeframe,
            calendar: info.calendar.to_string(),
            first: rfc3339(info.first_ms),
            last: rfc3339(info.last_ms),
            count: info.count,
        }
    }
}

/// The stored series, some seconds old at most.
#[utoipa::path(
    get,
    path = "/api/candles/series",
    tag = "candles",
    params(
        ("exchange" = Option<String>, Query, description = "Only of this exchange"),
        ("ticker" = Option<String>, Query, description = "Only of this ticker"),
    ),
    responses((status = 200, description = "The series", body = SeriesPage))
)]
pub(crate) async fn list_series(
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<SeriesPage>, Problem> {
    let (exchange, ticker) = (params.take("exchange")?, params.take("ticker")?);
    params.finish()?;
    let series = app.series().await?;
    let wanted = |info: &&SeriesInfo| {
        exchange.as_ref().is_none_or(|exchange| *exchange == info.id.exchange)
            && ticker.as_ref().is_none_or(|ticker| *ticker == info.id.ticker)
    };
    let items = series.iter().filter(wanted).map(SeriesBody::from).collect();
    Ok(Json(SeriesPage { items, next: None }))
}

/// One series: coverage, gaps and the hash of its candles. Reads all of them.
///
/// A timeframe that is not stored is made of the largest stored one that divides it.
#[utoipa::path(
    get,
    path = "/api/candles/series/{exchange}/{ticker}/{timeframe}",
    tag = "candles",
    params(
        ("exchange" = String, Path, description = "Exchange"),
        ("ticker" = String, Path, description = "Ticker"),
        ("timeframe" = String, Path, description = "Length of a candle, such as `15m`"),
    ),
    responses(
        (status = 200, description = "The series", body = CoverageBody),
        (status = 404, description = "`series_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_series(
    State(app): State<App>,
    Path((exchange, ticker, timeframe)): Path<(String, String, String)>,
    params: Params,
) -> Result<Json<CoverageBody>, Problem> {
    params.finish()?;
    let timeframe = timeframe
        .parse::<Timeframe>()
        .map_err(|error| Problem::new(Code::SeriesNotFound, error.to_string()))?;
    let id = SeriesId { exchange, ticker, timeframe };
    let listed = app.series().await?;
    let stored = serving(&id, &listed).ok_or_else(|| not_found(&id))?;
    let range = TimeRange {
        start_ms: timeframe.floor(stored.first_ms),
        end_ms: stored.last_ms + stored.id.timeframe.ms(),
    };
    let loaded = app.market().load(&id, range, 0).await.map_err(|error| problem(&id, &error))?;
    let coverage = tokio::task::spawn_blocking(move || {
        let columns = loaded.as_slice();
        let times = columns.open_time_ms;
        let (first, last) = (times.first().copied(), times.last().copied());
        let stored = loaded.stored();
        let info = SeriesInfo {
            id: loaded.series().clone(),
            calendar: loaded.calendar().clone(),
            instrument: loaded.instrument(),
            first_ms: first.unwrap_or(stored.first_ms),
            last_ms: last.unwrap_or(stored.last_ms),
            count: columns.len() as u64,
        };
        let resampled = stored.id.timeframe != info.id.timeframe;
        CoverageBody {
            series: SeriesBody::from(&info),
            resampled_from: resampled.then_some(stored.id.timeframe),
            gaps: loaded.missing(),
            months: months(times, info.id.timeframe, &info.calendar)
                .into_iter()
                .map(MonthBody::from)
                .collect(),
            data_hash: loaded.series_hash().to_string(),
        }
    });
    Ok(Json(coverage.await.map_err(|_panic| Problem::internal())?))
}

fn not_found(id: &SeriesId) -> Problem {
    let detail = format!("there is no series {id}; `/api/candles/series` lists them");
    Problem::new(Code::SeriesNotFound, detail)
}

/// What a failed load means for the client; the log has the cause.
fn problem(id: &SeriesId, error: &candles::Error) -> Problem {
    if matches!(error, candles::Error::UnknownSeries { .. } | candles::Error::NoCandles { .. }) {
        return not_found(id);
    }
    tracing::warn!(series = %id, %error, "a series cannot be loaded");
    let detail = format!("the candles of {id} cannot be loaded; try again");
    Problem::new(Code::SourceUnavailable, detail)
}
