//! `GET /api/backtest/bundle/{id}/honesty`: how much of a bundle's best result is luck.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::demand::count;
use crate::derived::{compute, to_json};
use crate::facts::Facts;
use crate::job::read_outcome;
use crate::job_candles::{self, Missing};
use crate::params::Params;
use crate::problem::{Problem, ProblemBody};
use crate::status::{Snapshot, bundle_id};
use crate::sweep::{Panel, Settings, Sweep};
use crate::verdict::{Case, Grid, PanelBody, Winner, is_out_of_sample};

/// Columns of returns read from the store at a time.
const PAGE: u32 = 1_000;

/// How much of a bundle's best result is luck.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HonestyBody {
    /// The bundle was at this version, or a later one.
    version: u64,
    /// N: every variant evaluated so far; equal ones count once, failed ones count.
    evaluated: u64,
    /// Variants that failed.
    failed: u64,
    /// Jobs that are not final yet: with them the winner may change.
    pending: u64,
    /// The verdict in one plain sentence.
    sentence: String,
    /// One for each date range and calendar.
    panels: Vec<PanelBody>,
}

/// How much of a bundle's best result is luck: DSR, PBO, luck lines, plateau, warnings, a verdict.
///
/// Judged over each date range and calendar. The winner "beats luck" if N variants without skill stay
/// below it 95 times in 100, it has at least 30 trades, and the same holds without the part that buy
/// and hold explains. Made anew as the bundle runs.
#[utoipa::path(
    get,
    path = "/api/backtest/bundle/{id}/honesty",
    tag = "bundles",
    params(("id" = String, Path, description = "Id of the bundle")),
    responses(
        (status = 200, description = "The panels", body = HonestyBody),
        (status = 404, description = "`bundle_not_found`", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_honesty(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let id = bundle_id(&id)?;
    params.finish()?;
    let snapshot = app.status(id).await?;
    let facts = app.bundle_facts(id).await?;
    let load = || async { judge(&app, &snapshot, &facts).await.map(|body| to_json(&body)) };
    app.derived().get(&snapshot, "honesty".to_owned(), load).await
}

async fn judge(app: &App, snapshot: &Snapshot, facts: &Arc<Facts>) -> Result<HonestyBody, Problem> {
    let row = &snapshot.row;
    let mut sweep = read(app, row.id, row.completed, facts).await?;
    let evaluated = sweep.results() + row.failed;
    let mut panels = Vec::new();
    let mut is_source_away = false;
    for ((range, settings, days), panel) in sweep.take_panels() {
        let seq = panel.winner();
        let winner = match seq {
            Some(seq) => winner(app, row.id, facts, &sweep, seq, &mut is_source_away).await?,
            None => None,
        };
        let grid = seq.map_or(Grid::None("no_variance"), |seq| Grid::around(seq, &facts.axes));
        let case = case(facts, row.id, (range, settings, days), panel);
        let case = Case { evaluated, failed: row.failed, winner, grid, ..case };
        panels.push(compute(move || case.judge()).await?);
    }
    let final_jobs = row.completed + row.failed + row.cancelled;
    Ok(HonestyBody {
        version: row.version,
        evaluated,
        failed: row.failed,
        pending: row.total.saturating_sub(final_jobs),
        sentence: sentence(&panels),
        panels,
    })
}

fn case(
    facts: &Facts,
    bundle: Uuid,
    (range, settings, days): (u32, Settings, usize),
    panel: Panel,
) -> Case {
    let range = facts.bundle.ranges()[range as usize];
    let (winner, grid) = (None, Grid::None("no_variance"));
    Case { bundle, range, settings, days, panel, evaluated: 0, failed: 0, winner, grid }
}

/// The one sentence about a bundle; of several panels how many pass.
fn sentence(panels: &[PanelBody]) -> String {
    match panels {
        [] => "There is nothing to judge yet: no variant is completed.".to_owned(),
        [one] => one.sentence().to_owned(),
        several => {
            let passed = several.iter().filter(|panel| panel.beats_luck()).count();
            let count = several.len();
            format!("In {passed} of {count} panels of range and calendar the winner beats luck.")
        }
    }
}

/// Reads the returns of every completed job.
async fn read(app: &App, id: Uuid, completed: u64, facts: &Arc<Facts>) -> Result<Sweep, Problem> {
    let mut after = None;
    let mut sweep: Option<Sweep> = None;
    loop {
        let page = app.store().returns(id, after, PAGE).await?;
        let whole = page.len() < PAGE as usize;
        after = page.last().map(|row| row.seq);
        let days = page.first().map_or(0, |row| row.daily_returns.len());
        let mut filled = sweep.take().unwrap_or_else(|| Sweep::new(completed, days));
        let facts = Arc::clone(facts);
        let add = move || {
            for row in page {
                filled.add(row, &facts.bundle);
            }
            filled
        };
        let filled = compute(add).await?;
        if whole {
            return Ok(filled);
        }
        sweep = Some(filled);
    }
}

/// Reads what the verdict needs of the job `seq`; `None` if it is no longer completed.
async fn winner(
    app: &App,
    bundle: Uuid,
    facts: &Facts,
    sweep: &Sweep,
    seq: u32,
    is_source_away: &mut bool,
) -> Result<Option<Winner>, Problem> {
    let Some((row, _)) = app.store().job(bundle, seq).await? else { return Ok(None) };
    let (Some(result), Some(spec)) = (row.result, facts.bundle.job(seq)) else { return Ok(None) };
    let (outcome, _) = read_outcome(app, result.key).await?;
    let loaded = if *is_source_away {
        Err(Missing::SourceAway)
    } else {
        job_candles::load(app, &spec).await
    };
    *is_source_away |= matches!(loaded, Err(Missing::SourceAway));
    let out_of_sample = is_out_of_sample(&facts.bundle, &sweep.completed, seq);
    let measure = move || {
        let benchmark = loaded.ok().filter(|it| job_candles::are_those_of(it, &spec, &result));
        let benchmark = benchmark.map_or_else(Vec::new, |loaded| {
            let all = loaded.as_slice();
            let range = all.rows(loaded.start_row()..all.len());
            let calendar = job_candles::settings(&loaded, &spec).calendar;
            stats::benchmark_returns(range, &outcome.daily_marks, &calendar)
        });
        Winner {
            seq,
            trades: count(result.metrics["trades"].as_f64().unwrap_or_default()),
            top_trade_share: result.metrics["topTradeProfitShare"].as_f64(),
            years: stats::yearly_returns(spec.balance, &outcome.daily_marks),
            benchmark,
            out_of_sample,
        }
    };
    compute(measure).await.map(Some)
}
