//! From candles and specs to results: the keys, the engine's batch, the metrics, the document.
//!
//! Used by the worker and by `backfleet run`: both return the same bytes.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Control, Input, Monitor, Run, Sensitivity, Way};
use model::keys::{data_hash, result_key};
use model::settings::{Instrument, SeriesSettings};
use model::{Calendar, Counts, Digest, ENGINE_VERSION, JobSpec, Outcome, Warmup};
use serde::Serialize;
use serde_json::{Value, json};
use stats::{CandleEquity, MetricInput, Metrics, Number, PricePath, Profile, Trade};
use store::{JobError, JsonText, NewResult, Packer};

use crate::Inputs;

/// P of weekly candles, which are marked once a week.
const WEEKS_PER_YEAR: f64 = 52.0;

/// A job with everything its candles decide.
pub(crate) struct Job {
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) result_key: Digest,
    pub(crate) data_hash: Digest,
    settings: SeriesSettings,
    periods_per_year: f64,
}

impl Job {
    /// What the engine is told beside the data.
    fn ground(&self) -> (&JobSpec, &Calendar, Instrument) {
        (&self.spec, &self.settings.calendar, self.settings.instrument)
    }
}

/// Checks the coverage and computes the keys of one job.
pub(crate) fn prepare(inputs: &Inputs, spec: &Arc<JobSpec>) -> Result<Job, JobError> {
    inputs.check(spec)?;
    let loaded = inputs.candles();
    let stored = SeriesSettings {
        calendar: loaded.calendar().clone(),
        instrument: loaded.instrument().unwrap_or_default(),
        periods_per_year: None,
    };
    let mut settings = spec.overrides.resolve(&stored);
    let yearly = settings.periods_per_year.unwrap_or(settings.calendar.periods_per_year());
    let is_weekly = spec.series.timeframe.is_week() && spec.overrides.periods_per_year.is_none();
    let periods_per_year = if is_weekly { WEEKS_PER_YEAR } else { yearly };
    settings.periods_per_year = Some(periods_per_year);
    let data_hash = data_hash(&inputs.parts(), &settings);
    Ok(Job {
        spec: Arc::clone(spec),
        result_key: result_key(spec.key, ENGINE_VERSION, data_hash),
        data_hash,
        settings,
        periods_per_year,
    })
}

/// Runs jobs that share candles as one batch; `Err(None)` where the monitor stopped one.
pub(crate) fn run_jobs(
    inputs: &Inputs,
    jobs: &[&Job],
    monitor: &impl Monitor,
) -> Vec<Result<NewResult, Option<JobError>>> {
    let Some(first) = jobs.first() else { return Vec::new() };
    let specs: Vec<&JobSpec> = jobs.iter().map(|job| &*job.spec).collect();
    let ground = Ground::new(inputs, first, jobs.len());
    let mut results: Vec<_> = jobs.iter().map(|_| Err(None)).collect();
    let mut packer = Packer::default();
    let finish = |index: usize, run| {
        results[index] = match run {
            Ok(run) => ground.result(jobs[index], &run, &mut packer).map_err(Some),
            Err(engine::Error::Stopped) => Err(None),
            Err(error) => {
                Err(Some(JobError { code: code(&error).to_owned(), message: error.to_string() }))
            }
        };
    };
    inputs.with_input(first.ground(), |input| engine::run_each(input, &specs, monitor, finish));
    results
}

/// Error code of a job that the engine refuses.
fn code(error: &engine::Error) -> &'static str {
    if matches!(error, engine::Error::Unsupported { .. }) {
        "unsupported"
    } else if matches!(error, engine::Error::NoCandles) {
        "no_candles"
    } else {
        "invalid_spec"
    }
}

/// Why a job failed that met a defect of this program.
pub(crate) fn internal_fault() -> JobError {
    JobError {
        code: "engine_panic".to_owned(),
        message: "the engine stopped on an internal fault; please report the bundle".to_owned(),
    }
}

/// What the metrics of every variant of a batch share.
struct Ground<'a> {
    inputs: &'a Inputs,
    path: PricePath<'a>,
    calendar: &'a Calendar,
    benchmark: OnceCell<Vec<f64>>,
}

/// What a run comes to.
struct Evaluated<'a> {
    metrics: Metrics,
    summary: Summary<'a>,
    daily_returns: Vec<f64>,
    trades: Vec<Trade>,
    peer: Option<BTreeMap<&'static str, Number>>,
}

impl<'a> Ground<'a> {
    fn new(inputs: &'a Inputs, job: &'a Job, variants: usize) -> Ground<'a> {
        let loaded = inputs.candles();
        let candles = loaded.as_slice();
        let rows = candles.rows(loaded.start_row()..candles.len());
        let timeframe = job.spec.series.timeframe;
        let path = if variants > 1 {
            PricePath::with_blocks(rows, timeframe)
        } else {
            PricePath::new(rows, timeframe)
        };
        Ground { inputs, path, calendar: &job.settings.calendar, benchmark: OnceCell::new() }
    }

    /// Computes the metrics of one run and packs its result.
    fn result(&self, job: &Job, run: &Run, packer: &mut Packer) -> Result<NewResult, JobError> {
        let evaluated = self.evaluate(job, run, None);
        let outcome = packer.pack(&run.outcome).map_err(|error| JobError {
            code: "result_refused".to_owned(),
            message: format!("the result could not be packed: {error}"),
        })?;
        Ok(NewResult {
            key: job.result_key,
            outcome_hash: run.outcome.hash(),
            data_hash: job.data_hash,
            metrics: JsonText::object(evaluated.metrics.numbers()),
            summary: JsonText::of(&evaluated.summary),
            daily_returns: evaluated.daily_returns,
            outcome,
        })
    }

    /// Computes the metrics of one run, and those of `peer`.
    fn evaluate<'r>(&self, job: &'r Job, run: &'r Run, peer: Option<Profile>) -> Evaluated<'r> {
        let (spec, outcome) = (&job.spec, &run.outcome);
        let leverage = spec.money_management.leverage;
        let open = outcome.open_position.as_ref();
        let trades = stats::trades(&outcome.fills, &outcome.funding, leverage, open);
        let returns = stats::daily_returns(spec.balance, &outcome.daily_marks);
        // The days are those of the range and the candles, so they are the same in every variant.
        let benchmark = self.benchmark.get_or_init(|| {
            stats::benchmark_returns(self.path.candles(), &outcome.daily_marks, self.calendar)
        });
        let input = MetricInput {
            initial: spec.balance,
            range: spec.range,
            timeframe: spec.series.timeframe,
            marks: &outcome.daily_marks,
            returns: &returns,
            benchmark,
            fills: &outcome.fills,
            funding: &outcome.funding,
            trades: &trades,
            equity: stats::equity_summary(outcome, &trades, &self.path, spec.balance),
            periods_per_year: job.periods_per_year,
            risk_free_pct: spec.overrides.risk_free_pct.unwrap_or(0.0),
        };
        let metrics = stats::metrics(&input);
        let peer = peer.map(|peer| {
            let curve = stats::equity_curve(outcome, &self.path, spec.balance);
            let times_ms = self.path.candles().open_time_ms;
            let candles = CandleEquity { times_ms, equity: &curve };
            stats::profile_document(&stats::profile(peer, &input, candles))
        });
        let summary = Summary::new(self.inputs, job, run, &metrics);
        Evaluated { metrics, summary, daily_returns: returns, trades, peer }
    }
}

/// The outcome document without its lists: what is stored beside the metrics.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    engine_version: &'static str,
    stats_version: &'static str,
    candles: u64,
    warmup: Warmup,
    counts: &'a Counts,
    warnings: Vec<String>,
    equity: Ends,
    /// Ids by reason: many metrics are undefined for the same one.
    undefined: BTreeMap<&'static str, Vec<&'static str>>,
    settings: Settings<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivity: Option<Value>,
}

/// Equity before the first candle and after the last.
#[derive(Serialize)]
struct Ends {
    initial: f64,
    r#final: f64,
}

/// What a reader needs to compute more from the daily returns.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    calendar: &'a Calendar,
    periods_per_year: f64,
    risk_free_pct: f64,
}

impl<'a> Summary<'a> {
    fn new(inputs: &Inputs, job: &'a Job, run: &'a Run, metrics: &Metrics) -> Summary<'a> {
        let both = run.sensitivity.as_ref();
        let mut undefined: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, reason) in &metrics.undefined {
            undefined.entry(*reason).or_default().push(*id);
        }
        Summary {
            engine_version: ENGINE_VERSION,
            stats_version: stats::STATS_VERSION,
            candles: run.candles,
            warmup: run.warmup,
            counts: &run.outcome.counts,
            warnings: warnings(inputs, job, run, metrics),
            equity: Ends { initial: job.spec.balance, r#final: run.final_equity },
            undefined,
            settings: Settings {
                calendar: &job.settings.calendar,
                periods_per_year: job.periods_per_year,
                risk_free_pct: job.spec.overrides.risk_free_pct.unwrap_or(0.0),
            },
            sensitivity: both.map(|both| sensitivity(both, run, job.spec.balance)),
        }
    }
}

/// Both ways through ambiguous candles; the spread is that of the returns, in percent of the
/// starting balance.
fn sensitivity(both: &Sensitivity, run: &Run, balance: f64) -> Value {
    let way = |way: &Way| {
        json!({
            "totalReturn": way.final_equity / balance - 1.0,
            "finalEquity": way.final_equity,
            "trades": way.trades,
            "ambiguous": way.ambiguous,
        })
    };
    let spread = (both.target_first.final_equity - both.stop_first.final_equity).abs();
    json!({
        "ambiguous": run.outcome.counts.ambiguous,
        "stopFirst": way(&both.stop_first),
        "targetFirst": way(&both.target_first),
        "spreadPct": 100.0 * spread / balance,
    })
}

/// Sentences that a reader of the numbers should see first.
fn warnings(inputs: &Inputs, job: &Job, run: &Run, metrics: &Metrics) -> Vec<String> {
    let mut warnings = Vec::new();
    if run.outcome.counts.missing > 0 {
        let missing = run.outcome.counts.missing;
        warnings.push(format!("{missing} candles are missing inside the range"));
    }
    warnings.extend(inputs.warnings());
    if run.warmup.got < run.warmup.asked {
        warnings.push(format!(
            "only {} of {} candles of history exist before the range",
            run.warmup.got, run.warmup.asked
        ));
    }
    if run.ruined {
        warnings.push("the account was ruined: trading ended before the range did".to_owned());
    }
    if metrics.warnings.contains(&"fewReturns") {
        warnings.push("annualised numbers rest on fewer than 30 daily returns".to_owned());
    }
    let is_perpetual = job.settings.instrument.kind == model::settings::InstrumentKind::Perpetual;
    if is_perpetual && job.spec.costs.funding == model::settings::Funding::None {
        warnings.push("a perpetual is run without funding payments".to_owned());
    }
    warnings
}

/// One backtest as `backfleet run` shows it.
pub struct Replay {
    /// The raw outcome.
    pub outcome: Outcome,
    /// The outcome document of the contract.
    pub document: Value,
}

/// Why a backtest has no outcome; the same codes as a failed job's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReplayError {
    /// Stable code, such as `no_candles`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl From<JobError> for ReplayError {
    fn from(error: JobError) -> ReplayError {
        ReplayError { code: error.code, message: error.message }
    }
}

struct ToTheEnd;

impl Monitor for ToTheEnd {
    fn progress(&self, _variant: usize, _candles_done: usize) -> Control {
        Control::Continue
    }
}

/// Runs one backtest on this thread, without a store.
///
/// With a `peer` the document has its numbers too, under `profile`.
pub fn replay(
    inputs: &Inputs,
    spec: JobSpec,
    peer: Option<Profile>,
) -> Result<Replay, ReplayError> {
    let job = prepare(inputs, &Arc::new(spec))?;
    let run = |input: &Input<'_>| engine::run_batch(input, &[&job.spec], &ToTheEnd);
    let mut runs = inputs.with_input(job.ground(), run);
    let run = runs.pop().expect("one spec gives one run").map_err(|error| ReplayError {
        code: code(&error).to_owned(),
        message: error.to_string(),
    })?;
    let Evaluated { metrics, summary, daily_returns, trades, peer: numbers } =
        Ground::new(inputs, &job, 1).evaluate(&job, &run, peer);
    let leverage = job.spec.money_management.leverage;
    let Outcome { fills, funding, open_position, .. } = &run.outcome;
    let open = open_position.as_ref();
    let open = open.map(|open| stats::open_trade(fills, funding, leverage, open));
    let mut document = json!(summary);
    document["undefined"] = json!(metrics.undefined);
    document["outcomeHash"] = json!(run.outcome.hash());
    document["dataHash"] = json!(job.data_hash);
    document["metrics"] = json!(metrics.document());
    document["trades"] = json!(trades);
    document["openPosition"] = json!(open);
    document["dailyReturns"] = json!(daily_returns);
    if let (Some(peer), Some(numbers)) = (peer, numbers) {
        document["profile"] = json!({ peer.name(): numbers });
    }
    Ok(Replay { outcome: run.outcome, document })
}

/// Runs jobs that share candles as one batch on this thread, as a worker does, without a store.
///
/// Results are in the order of `specs`.
pub fn replay_batch(
    inputs: &Inputs,
    specs: &[Arc<JobSpec>],
) -> Result<Vec<NewResult>, ReplayError> {
    let jobs: Result<Vec<Job>, JobError> = specs.iter().map(|spec| prepare(inputs, spec)).collect();
    let jobs = jobs?;
    let jobs: Vec<&Job> = jobs.iter().collect();
    let results = run_jobs(inputs, &jobs, &ToTheEnd).into_iter();
    let results = results
        .map(|result| result.map_err(|error| error.expect("nothing stops a batch here").into()));
    results.collect()
}

/// Every node, signal, level and event of the candle that opens at `time_ms`.
pub fn explain(
    inputs: &Inputs,
    spec: JobSpec,
    time_ms: i64,
) -> Result<engine::Explanation, ReplayError> {
    let job = prepare(inputs, &Arc::new(spec))?;
    let explain = |input: &Input<'_>| engine::explain(input, &job.spec, time_ms);
    inputs
        .with_input(job.ground(), explain)
        .map_err(|error| ReplayError { code: code(&error).to_owned(), message: error.to_string() })
}
