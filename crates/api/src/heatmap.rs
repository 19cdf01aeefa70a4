//! `GET /api/backtest/bundle/{id}/heatmap`: the jobs of a bundle as a grid over two of its axes.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::derived::{compute, to_json};
use crate::grid::{Cell, CellColumns, Gather, Plan, Side};
use crate::jobs::known_metric;
use crate::params::{Params, invalid, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::seqs::AxisFilter;
use crate::status::bundle_id;

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
    /// What splits it into one grid for each combination of their values, the first slowest.
    facets: Vec<Side>,
    /// Metric id.
    #[schema(example = "sharpe")]
    metric: &'static str,
    /// How the jobs of a cell become one value.
    #[schema(example = "best")]
    agg: String,
    /// The bundle was at this version, or a later one.
    version: u64,
    /// One for each value of the facets, `y` and `x`: grid by grid and row by row; null where the
    /// bundle has no such job. Absent with `format=columns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Option<Cell>>, required = false)]
    cells: Option<Vec<Option<Cell>>>,
    /// With `format=columns`: the same cells in the same order, as one list a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CellColumns, required = false)]
    columns: Option<CellColumns>,
}

/// How the cells are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum CellFormat {
    /// One object a cell.
    Objects,
    /// One list a field.
    Columns,
}

impl std::fmt::Display for CellFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Objects => "objects",
            Self::Columns => "columns",
        })
    }
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
    Worst,
}

/// The jobs of a bundle as a grid over two axes, filled in while the bundle runs.
///
/// A cell gathers its jobs over all other axes; filters on those narrow it. `best` is the greatest
/// value, or the least of a metric of which less is better, such as `volatility`; `worst` is the
/// other end.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/heatmap",
    tag = "bundles",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("x" = String, Query, description = "Axis of the columns: `ticker`, `timeframe`, `dateRange`, \
            `moneyManagement` or `parameters.NAME`"),
        ("y" = Option<String>, Query, description = "Axis of the rows; one row by default"),
        ("facet" = Option<Vec<String>>, Query,
            description = "Axes that split the answer into one grid for each of their values"),
        ("metric" = Option<String>, Query, description = "Metric id; `sharpe` by default"),
        ("agg" = Option<GatherName>, Query, description = "`best` by default"),
        ("format" = Option<CellFormat>, Query,
            description = "`objects` by default; `columns` is a tenth of the bytes"),
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
    let facets = params.take_all("facet");
    let metric = params.take("metric")?;
    let metric = known_metric("metric", metric.as_deref().unwrap_or("sharpe"))?;
    let gather = params.take("agg")?;
    let gather = gather.map(|text| one_of("agg", &text, &Gather::ALL)).transpose()?;
    let gather = gather.unwrap_or(Gather::Best);
    let format = params.take("format")?;
    let formats = [CellFormat::Objects, CellFormat::Columns];
    let format = format.map(|text| one_of("format", &text, &formats)).transpose()?;
    let format = format.unwrap_or(CellFormat::Objects);
    let axes = AxisFilter::take(&mut params);
    params.finish()?;
    let x = x.ok_or_else(|| invalid("parameter \"x\" is missing: name an axis of the bundle"))?;
    let snapshot = app.status(id).await?;
    let facts = app.bundle_facts(id).await?;
    let plan = Plan {
        bundle: id,
        columns: Side::of(&facts.axes, &x)?,
        rows: y.as_deref().map_or_else(|| Ok(Side::single()), |y| Side::of(&facts.axes, y))?,
        facets: facets
            .iter()
            .map(|name| Side::of(&facts.axes, name))
            .collect::<Result<Vec<_>, _>>()?,
        metric,
        gather,
        wanted: axes.digits(&facts.axes)?,
        axes: facts.axes.clone(),
    };
    let cells = plan.len();
    if cells > MAX_CELLS {
        let detail = format!("the grid has {cells} cells, more than {MAX_CELLS}: take other axes");
        return Err(invalid(detail));
    }
    let filter = axes.query();
    let query = format!("heatmap {x} {y:?} {facets:?} {metric} {gather} {format} {filter:?}");
    let load = || async {
        let points = app.points(&snapshot, metric).await?;
        let map = move || {
            let (cells, columns) = match format {
                CellFormat::Objects => (Some(plan.cells(&points.items)), None),
                CellFormat::Columns => (None, Some(plan.columns(&points.items))),
            };
            let version = points.version;
            let rows = y.map(|_| plan.rows);
            let agg = gather.to_string();
            let (x, facets) = (plan.columns, plan.facets);
            to_json(&HeatMap { x, y: rows, facets, metric, agg, version, cells, columns })
        };
        compute(map).await
    };
    app.derived().get(&snapshot, query, load).await
}
