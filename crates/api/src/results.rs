//! `GET /api/backtest/bundle/{id}/results`: one row a job, streamed, in one of three formats.
//!
//! Rows are read from the store a page at a time and sent as they come: memory does not grow with
//! the bundle. A failure in the middle cuts the connection, so a short answer is never a whole one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use model::JobStatus;
use store::JobFilter;
use uuid::Uuid;

use crate::app::App;
use crate::code::Code;
use crate::facts::Facts;
use crate::jobs::{cursor_of, metric_sort, status_filter};
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::rows::JobStatusName;
use crate::seqs::AxisFilter;
use crate::status::bundle_id;
use crate::table::{Format, Table};
use crate::wheres::Where;

/// Rows read from the store at a time.
const PAGE: u32 = 1_000;

/// Results of a bundle: one row a job with its axis values and every metric.
///
/// By default the completed jobs in the order of `seq`, as JSON `{items, next}` with `next` always
/// null: the answer is whole. `top` counts after `where`.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/results",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "Id of the bundle"),
        ("format" = Option<String>, Query, description = "`json`, `csv`, `ndjson` or `parquet`; wins over `Accept`"),
        ("sort" = Option<String>, Query,
            description = "Metric id, `-` before it for greatest first; undefined ones come last"),
        ("where" = Option<Vec<String>>, Query,
            description = "Conditions such as `trades>=100` or `parameters.fast lt 20`; all must hold, \
                an undefined metric fulfils none. In an address `>` is `%3E` and `<` is `%3C` \
                (`where=trades%3E=100`), or write `where=trades+ge+100`; the server also takes them \
                as they are, a proxy in between may not"),
        ("top" = Option<u32>, Query, description = "At most so many rows"),
        ("status" = Option<JobStatusName>, Query, description = "`Completed` by default"),
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
        (status = 200, description = "The rows", content(
            (crate::table::ResultPage = "application/json"),
            (String = "text/csv"),
            (crate::table::ResultRow = "application/x-ndjson"),
            (String = "application/vnd.apache.parquet"),
        )),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 406, description = "`not_acceptable`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_results(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    let format = format(&mut params, &headers)?;
    let status = status_filter(&mut params)?.unwrap_or(JobStatus::Completed);
    let sort = metric_sort(&mut params)?;
    let top = params.count("top", u32::MAX, u32::MAX)?;
    let conditions = Where::take(&mut params)?;
    let axes = AxisFilter::take(&mut params);
    params.finish()?;
    let version = app.status(id).await?.row.version;
    let facts = app.bundle_facts(id).await?;
    let seqs = axes.seqs(&facts.axes)?;
    let filter = JobFilter { status: Some(status), error_code: None, seqs, sort, after: None };
    let table = Table::new(id, format, &facts);
    let reader =
        Reader { app, id, version, facts, filter, conditions, table, left: top, step: Step::Head };
    // The first page is read before the answer's head is sent: its failure is still a problem.
    let (first, reader) = reader.start().await?;
    let rest = stream::once(async move { Ok(first) });
    let body = Body::from_stream(futures_util::StreamExt::chain(rest, pages(reader)));
    let name = format!("attachment; filename=\"{id}.{}\"", format.extension());
    let mut answer = HeaderMap::new();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    answer.insert(VARY, HeaderValue::from_static("accept"));
    if format != Format::Json {
        let name = HeaderValue::from_str(&name).expect("an id is plain text");
        answer.insert(CONTENT_DISPOSITION, name);
    }
    Ok((answer, body).into_response())
}

/// The format that `format` or `Accept` asks for.
fn format(params: &mut Params, headers: &HeaderMap) -> Result<Format, Problem> {
    if let Some(text) = params.take("format")? {
        return Format::from_extension(&text).ok_or_else(|| not_acceptable(&text));
    }
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut asked = accept
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let Some(first) = asked.next() else { return Ok(Format::Json) };
    let ranges: Vec<String> = std::iter::once(first).chain(asked).collect();
    let found = ranges.iter().find_map(|range| Format::from_media_range(range));
    found.ok_or_else(|| not_acceptable(&ranges.join(", ")))
}

fn not_acceptable(asked: &str) -> Problem {
    let asked: String = asked.chars().take(100).collect();
    let known = "json (application/json), csv (text/csv), ndjson (application/x-ndjson) and parquet \
                 (application/vnd.apache.parquet)";
    Problem::new(Code::NotAcceptable, format!("\"{asked}\" cannot be made; known are {known}"))
}

/// Reads pages of jobs and writes their rows.
struct Reader {
    app: App,
    id: Uuid,
    version: u64,
    facts: Arc<Facts>,
    filter: JobFilter,
    conditions: Where,
    table: Table,
    left: u32,
    step: Step,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Head,
    Page,
    End,
}

impl Reader {
    /// The head of the table and its first page.
    async fn start(mut self) -> Result<(Bytes, Reader), Problem> {
        let mut out = self.table.head();
        self.step = Step::Page;
        self.page(&mut out).await?;
        Ok((out.into(), self))
    }

    /// Appends the rows of one page, and the tail after the last one.
    async fn page(&mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        let limit = if self.conditions.is_empty() { PAGE.min(self.left) } else { PAGE };
        let rows =
            self.app.reads(self.id, self.version).await.jobs(self.id, &self.filter, limit).await?;
        let whole = rows.len() < limit as usize;
        self.filter.after = rows.last().map(|row| cursor_of(row, self.filter.sort.as_ref()));
        for row in rows {
            if self.left == 0 {
                break;
            }
            let Some(variant) = self.facts.bundle.variant(row.seq) else { continue };
            if self.conditions.hold(&row, &variant) {
                self.table.row(&row, &variant, out);
                self.left -= 1;
            }
        }
        if whole || self.left == 0 {
            self.table.tail(out);
            self.step = Step::End;
        }
        Ok(())
    }
}

/// The pages after the first.
fn pages(reader: Reader) -> impl Stream<Item = Result<Bytes, CutOff>> + Send {
    stream::try_unfold(reader, |mut reader| async move {
        if reader.step == Step::End {
            return Ok(None);
        }
        let mut out = Vec::new();
        reader.page(&mut out).await.map_err(|_logged| CutOff)?;
        Ok(Some((Bytes::from(out), reader)))
    })
}

/// The answer ends before its end; the cause is in the log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the results were cut off by a failure of the database")]
struct CutOff;
