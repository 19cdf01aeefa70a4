//! `GET /api/backtest/bundle/{id}/jobs`: keyset pages of jobs, filtered and sorted.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use model::{JobStatus, fault};
use serde::Serialize;
use store::{JobCursor, JobFilter, JobPoint, JobRow, MetricSort};
use utoipa::ToSchema;

use crate::app::App;
use crate::bundles::{encoded, next_link};
use crate::cursor::{self, FilterHash};
use crate::derived::compute;
use crate::params::{Params, invalid, one_of};
use crate::problem::{Problem, ProblemBody};
use crate::rows::{JobBody, JobStatusName};
use crate::seqs::AxisFilter;
use crate::status::{Snapshot, bundle_id};

/// Jobs of a page where the query does not say.
const PAGE: u32 = 200;
/// Most jobs of a page.
const MAX_PAGE: u32 = 1_000;
/// Jobs of a bundle from which on their order is kept between pages.
const MANY: u64 = 2_000;

/// A page of jobs in the order asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// At most `limit` jobs.
    items: Vec<JobBody>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
}

/// Jobs of a bundle in keyset pages, by `seq` or by a metric.
///
/// Cursors stay valid while the bundle runs, on any node, for the same filter and order.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/jobs",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("status" = Option<JobStatusName>, Query, description = "Only with this status"),
        ("errorCode" = Option<String>, Query, description = "Only failed with this code"),
        ("ticker" = Option<Vec<String>>, Query, description = "Only of these tickers"),
        ("timeframe" = Option<Vec<String>>, Query, description = "Only of these timeframes"),
        ("dateRange" = Option<Vec<String>>, Query,
            description = "Only of these date ranges, by index from 0 or as JSON"),
        ("moneyManagement" = Option<Vec<String>>, Query,
            description = "Only of these variants, by index from 0 or as JSON"),
        ("parameters.NAME" = Option<Vec<f64>>, Query,
            description = "Only with these values of the parameter NAME"),
        ("sort" = Option<String>, Query,
            description = "Metric id, `-` before it for greatest first; undefined ones come last"),
        ("limit" = Option<u32>, Query, description = "Jobs of a page, 1 to 1,000; 200 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = JobPage,
            headers(("Link" = String, description = "`rel=next`, where there is one"))),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_jobs(
    State(app): State<App>,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    let status = status_filter(&mut params)?;
    let error_code = params.take("errorCode")?;
    let axes = AxisFilter::take(&mut params);
    let sort = metric_sort(&mut params)?;
    let limit = params.count("limit", PAGE, MAX_PAGE)?;
    let text = params.take("cursor")?;
    params.finish()?;
    let hash = FilterHash::of(&(id, status, &error_code, &axes, &sort));
    let after = text.map(|text| cursor::read_job(&text, hash)).transpose()?;
    let snapshot = app.status(id).await?;
    let facts = app.bundle_facts(id).await?;
    let seqs = axes.seqs(&facts.axes)?;
    let filter = JobFilter { status, error_code, seqs, sort, after };
    let mut rows = if snapshot.row.total >= MANY {
        many(&app, &snapshot, &filter, limit + 1).await?
    } else {
        app.reads(id, snapshot.row.version).await.jobs(id, &filter, limit + 1).await?
    };
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more);
    let next = last.map(|row| cursor::after_job(cursor_of(row, filter.sort.as_ref()), hash));
    let link = next.as_ref().map(|next| {
        let mut query = vec![format!("cursor={next}"), format!("limit={limit}")];
        query.extend(filter.status.map(|status| format!("status={status}")));
        query.extend(filter.error_code.iter().map(|code| format!("errorCode={}", encoded(code))));
        query.extend(filter.sort.iter().map(|sort| format!("sort={}", sort_text(sort))));
        query.extend(axes.query());
        next_link(&format!("/api/backtest/bundle/{id}/jobs"), &query)
    });
    let items = rows.into_iter().map(|row| JobBody::new(row, &snapshot.row, &facts)).collect();
    Ok((link.into_iter().collect::<HeaderMap>(), Json(JobPage { items, next })).into_response())
}

/// The page of a bundle of many jobs. The order by a metric is made once for all pages.
async fn many(
    app: &App,
    snapshot: &Snapshot,
    filter: &JobFilter,
    limit: u32,
) -> Result<Vec<JobRow>, Problem> {
    let id = snapshot.row.id;
    let (Some(sort), None) = (&filter.sort, &filter.error_code) else {
        return Ok(app.reads(id, snapshot.row.version).await.jobs(id, filter, limit).await?);
    };
    let points = app.points(snapshot, known_metric("sort", &sort.metric)?).await?;
    let (is_descending, after, status) = (sort.descending, filter.after, filter.status);
    let wanted = filter.seqs.clone();
    let choose = move || {
        let keep = |point: &JobPoint| {
            status.is_none_or(|status| point.status == status)
                && wanted.as_ref().is_none_or(|seqs| seqs.binary_search(&point.seq).is_ok())
        };
        points.page(is_descending, after, keep, limit as usize)
    };
    let order = compute(choose).await?;
    let mut seqs = order.clone();
    seqs.sort_unstable();
    let page = JobFilter { seqs: Some(seqs), ..JobFilter::default() };
    let rows = app.reads(id, snapshot.row.version).await.jobs(id, &page, limit).await?;
    let mut rows: BTreeMap<u32, JobRow> = rows.into_iter().map(|row| (row.seq, row)).collect();
    Ok(order.iter().filter_map(|seq| rows.remove(seq)).collect())
}

/// Takes `status`.
pub(crate) fn status_filter(params: &mut Params) -> Result<Option<JobStatus>, Problem> {
    let status = params.take("status")?;
    status.map(|text| one_of("status", &text, &JobStatus::ALL)).transpose()
}

/// Takes `sort`, a metric of the catalogue.
pub(crate) fn metric_sort(params: &mut Params) -> Result<Option<MetricSort>, Problem> {
    let Some(text) = params.take("sort")? else { return Ok(None) };
    let (descending, metric) = match text.strip_prefix('-') {
        Some(metric) => (true, metric),
        None => (false, text.strip_prefix('+').unwrap_or(&text).trim_start()),
    };
    if metric == "seq" && !descending {
        return Ok(None);
    }
    known_metric("sort", metric)?;
    Ok(Some(MetricSort { metric: metric.to_owned(), descending }))
}

fn sort_text(sort: &MetricSort) -> String {
    format!("{}{}", if sort.descending { "-" } else { "" }, sort.metric)
}

/// Refuses a metric that is not in the catalogue.
pub(crate) fn known_metric(parameter: &str, metric: &str) -> Result<&'static str, Problem> {
    let ids = || stats::CATALOGUE.iter().map(|metric| metric.id);
    ids().find(|id| *id == metric).ok_or_else(|| {
        let hint = match fault::nearest(metric, ids()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "such as totalReturn, sharpe, maxDrawdown, trades".to_owned(),
        };
        invalid(format!("parameter \"{parameter}\" names no metric \"{metric}\"; {hint}"))
    })
}

/// Where a page that ends with `row` ends.
pub(crate) fn cursor_of(row: &JobRow, sort: Option<&MetricSort>) -> JobCursor {
    let result = row.result.as_ref().zip(sort);
    let value = result.and_then(|(result, sort)| result.metrics.get(&sort.metric)?.as_f64());
    JobCursor { value, seq: row.seq }
}
