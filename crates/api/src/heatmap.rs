//! `GET /api/backtest/bundle/{id}/heatmap`: the jobs of a bundle as a grid over two of its axes.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use store::{JobPoint, Store};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::derived::{compute, to_json};
use crate::grid::{Cell, Gather, Plan, Side};
use crate::jobs::known_metric;
use crate::params::{Params, invalid, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::seqs::AxisFilter;
use crate::status::bundle_id;

/// Points read from the store at a time.
const PAGE: u32 = 20_000;
/// Most cells of a grid.
const MAX_CELLS: usize = 250_000;

/// A grid of cells.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeatMap {
    /// Columns.
    x: Side,
    /// Rows; null where only `x` is asked for.
    y: Option<Side>,
    /// Metric id.
    #[schema(example = "sharpe")]
    metric: &'static str,
    /// How the jobs of a cell become one value.
    #[schema(example = "best")]
    agg: String,
    /// The bundle was at this version, or a later one.
    version: u64,
    /// One for each value of `y` and `x`, row by row; null where the bundle has no such job.
    cells: Vec<Option<Cell>>,
}

/// How the jobs of a cell become one value.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes `Gather` in the OpenAPI document")]
pub(crate) enum GatherName {
    Mean,
    Median,
    Max,
    Min,
    Best,
}

/// The jobs of a bundle as a grid over two axes, filled in while the bundle runs.
///
/// A cell gathers its jobs over all other axes; filters on those narrow it. `best` is the greatest
/// value, or the least of a metric of which less is better, such as `volatility`.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/heatmap",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("x" = String, Query, description = "Axis of the columns: `ticker`, `timeframe`, `dateRange`, \
            `moneyManagement` or `parameters.NAME`"),
        ("y" = Option<String>, Query, description = "Axis of the rows; one row by default"),
        ("metric" = Option<String>, Query, description = "Metric id; `sharpe` by default"),
        ("agg" = Option<GatherName>, Query, description = "`best` by default"),
        ("ticker" = Option<Vec<String>>, Query, description = "Only of these tickers"),
        ("timeframe" = Option<Vec<String>>, Query, description = "Only of these timeframes"),
        ("dateRange" = Option<Vec<String>>, Query,
            description = "Only of these date ranges, by index from 0 or as JSON"),
        ("moneyManagement" = Option<Vec<String>>, Query,
            description = "Only of these variants, by index from 0 or as JSON"),
        ("parameters.NAME" = Option<Vec<f64>>, Query,
            description = "Only with these values of the parameter NAME"),
    ),
    responses(
        (status = 200, description = "The grid", body = HeatMap),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_heatmap(
    State(app): State<App>,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    let x = params.take("x")?;
    let y = params.take("y")?;
    let metric = params.take("metric")?;
    let metric = known_metric("metric", metric.as_deref().unwrap_or("sharpe"))?;
    let gather = params.take("agg")?;
    let gather = gather.map(|text| one_of("agg", &text, &Gather::ALL)).transpose()?;
    let gather = gather.unwrap_or(Gather::Best);
    let axes = AxisFilter::take(&mut params);
    params.finish()?;
    let x = x.ok_or_else(|| invalid("parameter \"x\" is missing: name an axis of the bundle"))?;
    let snapshot = app.status(id).await?;
    let facts = app.bundle_facts(id).await?;
    let plan = Plan {
        bundle: id,
        columns: Side::of(&facts.axes, &x)?,
        rows: y.as_deref().map_or_else(|| Ok(Side::single()), |y| Side::of(&facts.axes, y))?,
        metric,
        gather,
        wanted: axes.digits(&facts.axes)?,
        axes: facts.axes.clone(),
    };
    let cells = plan.columns.len() * plan.rows.len();
    if cells > MAX_CELLS {
        let detail = format!("the grid has {cells} cells, more than {MAX_CELLS}: take other axes");
        return Err(invalid(detail));
    }
    let query = format!("heatmap {x} {y:?} {metric} {gather} {:?}", axes.query());
    let version = snapshot.row.version;
    let load = || async {
        let store = app.reads(id, version).await;
        let points = points(store, id, metric).await?;
        let map = move || {
            let cells = plan.cells(&points);
            let rows = y.map(|_| plan.rows);
            let agg = gather.to_string();
            to_json(&HeatMap { x: plan.columns, y: rows, metric, agg, version, cells })
        };
        compute(map).await
    };
    app.derived().get(&snapshot, query, load).await
}

/// Every job of a bundle with one metric.
async fn points(store: &dyn Store, id: Uuid, metric: &str) -> Result<Vec<JobPoint>, Problem> {
    let mut points: Vec<JobPoint> = Vec::new();
    loop {
        let after = points.last().map(|point| point.seq);
        let page = store.points(id, metric, after, PAGE).await?;
        let whole = page.len() < PAGE as usize;
        points.extend(page);
        if whole {
            return Ok(points);
        }
    }
}
