//! Everything that a backtest reads: loaded together, checked together, hashed together.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use candles::{Corrections, Funding, FundingHole, History, Loaded, Market};
use engine::{Extras, Input};
use futures_util::future::try_join_all;
use model::keys::Role;
use model::settings::{self, DataPolicy, Instrument};
use model::{Calendar, CandleSlice, Digest, JobSpec, SeriesId, SignalColumn, TimeRange};
use store::JobError;

/// What a load depends on: jobs of equal needs share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub(crate) series: SeriesId,
    pub(crate) range: TimeRange,
    warmup: u32,
    /// The request's calendar: it decides about days, not about candles.
    calendar: Option<Calendar>,
    others: Vec<SeriesId>,
    pub(crate) signals: Option<Digest>,
    /// The same ticker in finer candles.
    detail: Option<SeriesId>,
    /// Whether funding rates are read.
    pub(crate) funding: bool,
}

impl Need {
    pub(crate) fn of(spec: &JobSpec) -> Need {
        Need {
            series: spec.series.clone(),
            range: spec.range,
            warmup: spec.warmup,
            calendar: spec.overrides.calendar.clone(),
            others: spec.other_series(),
            signals: spec.signal_column,
            detail: spec
                .overrides
                .detail_timeframe
                .map(|timeframe| SeriesId { timeframe, ..spec.series.clone() }),
            funding: spec.costs.funding == settings::Funding::FromData,
        }
    }

    /// The series that are read, each with its candles of history, in the order of
    /// [`Inputs::series`].
    pub(crate) fn series(&self) -> Vec<(&SeriesId, u32)> {
        let own = std::iter::once((&self.series, self.warmup));
        let others = self.others.iter().map(|other| (other, self.warmup));
        own.chain(others).chain(self.detail.iter().map(|detail| (detail, 0))).collect()
    }
}

/// The candles of a backtest and what it reads beside them.
#[derive(Debug)]
pub struct Inputs {
    candles: Arc<Loaded>,
    /// Candles of other tickers, ascending by ticker.
    others: Vec<Arc<Loaded>>,
    signals: Option<Uploaded>,
    /// Finer candles of the range.
    detail: Option<Arc<Loaded>>,
    funding: Option<Arc<Funding>>,
}

/// An uploaded signal column.
#[derive(Debug)]
struct Uploaded {
    hash: Digest,
    column: Arc<SignalColumn>,
    /// Rows of the range, and how many of them have the time of a candle.
    matched: OnceLock<(usize, usize)>,
}

impl From<Arc<Loaded>> for Inputs {
    /// The inputs of a spec that reads nothing but its own candles.
    fn from(candles: Arc<Loaded>) -> Inputs {
        Inputs { candles, others: Vec::new(), signals: None, detail: None, funding: None }
    }
}

impl Inputs {
    /// Loads what `spec` reads; `signals` is the column that it names, if it names one.
    ///
    /// Candles of other tickers are read from the open time of the first of the job's own to the
    /// end of the range.
    pub async fn load(
        market: &Market,
        spec: &JobSpec,
        signals: Option<Arc<SignalColumn>>,
    ) -> Result<Inputs, candles::Error> {
        Inputs::meeting(market, &Need::of(spec), signals, &BTreeMap::new()).await
    }

    /// Loads what `need` names, no segment older than its last correction that is `known`.
    pub(crate) async fn meeting(
        market: &Market,
        need: &Need,
        signals: Option<Arc<SignalColumn>>,
        known: &BTreeMap<&SeriesId, Corrections>,
    ) -> Result<Inputs, candles::Error> {
        let load = |series, history| {
            let corrections = known.get(series).cloned().unwrap_or_default();
            market.load_corrected(series, need.range, history, corrections)
        };
        let candles = load(&need.series, History::Candles(need.warmup)).await?;
        let first_ms = candles.as_slice().open_time_ms.first().copied();
        let history = History::Since(first_ms.unwrap_or(need.range.start_ms));
        let others = need.others.iter().map(|series| load(series, history));
        let others = try_join_all(others).await?;
        let named = need.signals.zip(signals);
        let signals =
            named.map(|(hash, column)| Uploaded { hash, column, matched: OnceLock::new() });
        let detail = match &need.detail {
            Some(series) => Some(load(series, History::Candles(0)).await?),
            None => None,
        };
        let funding =
            if need.funding { Some(market.funding(&need.series, need.range).await?) } else { None };
        Ok(Inputs { candles, others, signals, detail, funding })
    }

    /// The job's own candles.
    pub fn candles(&self) -> &Loaded {
        &self.candles
    }

    /// The candles of every series that is read, its own first.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Loaded> {
        let own = std::iter::once(&self.candles);
        own.chain(&self.others).chain(&self.detail).map(|loaded| &**loaded)
    }

    /// Whether the candles whose ends are checked reach both, and how many inside are missing.
    pub(crate) fn completeness(&self) -> (bool, u64) {
        let checked = || std::iter::once(&self.candles).chain(&self.others);
        let covered = checked().all(|loaded| loaded.covered());
        (covered, checked().map(|loaded| loaded.missing()).sum())
    }

    /// Refuses what the data policy of `spec` does not allow.
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), JobError> {
        check_candles(&self.candles, spec.data_policy)?;
        for other in &self.others {
            check_candles(other, spec.data_policy)?;
        }
        let traded = self.traded();
        if let Some(hole) = self.funding_holes().into_iter().find(|hole| {
            let policy = spec.data_policy;
            if hole.range == traded {
                // Without any rate there is nothing to allow.
                true
            } else if hole.at_end {
                !policy.allow_uncovered_ends
            } else {
                policy.fail_on_gaps
            }
        }) {
            return Err(no_funding(&spec.series, hole));
        }
        if let Some(uploaded) = &self.signals
            && self.matched(uploaded).1 == 0
        {
            let rows = uploaded.column.as_slice();
            let span = rows.open_time_ms.first().zip(rows.open_time_ms.last());
            let span = span.map_or_else(String::new, |(first, last)| {
                let span = TimeRange { start_ms: *first, end_ms: *last };
                format!(", which goes from {} to {}", span.start_text(), span.end_text())
            });
            return Err(JobError {
                code: "no_signals".to_owned(),
                message: format!(
                    "no row of the signal column {}{span} has the open time of a candle of {} in \
                     the range; its times are open times in UTC",
                    uploaded.hash, spec.series,
                ),
            });
        }
        Ok(())
    }

    /// The hashes of all that is read, by role.
    pub(crate) fn parts(&self) -> Vec<(Role, Digest)> {
        let mut parts = vec![(Role::Candles, self.candles.series_hash())];
        parts.extend(self.others.iter().map(|other| (Role::OtherTicker, other.series_hash())));
        parts.extend(self.detail.iter().map(|detail| (Role::Detail, detail.series_hash())));
        parts.extend(
            self.funding.iter().map(|funding| (Role::Funding, funding.hash(self.traded()))),
        );
        parts.extend(self.signals.iter().map(|uploaded| (Role::SignalColumn, uploaded.hash)));
        parts
    }

    /// Sentences about the data that a reader of the numbers should see first.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.candles.covered() {
            warnings.push(format!("the range is not covered: {}", coverage(&self.candles)));
        }
        for other in &self.others {
            let series = other.series();
            if other.missing() > 0 {
                let missing = other.missing();
                warnings
                    .push(format!("{missing} candles of {series} are missing inside the range"));
            }
            if !other.covered() {
                let covered = coverage(other);
                warnings.push(format!("the range is not covered by {series}: {covered}"));
            }
            let (got, own) = (other.start_row(), self.candles.start_row());
            if got < own {
                warnings.push(format!(
                    "only {got} candles of {series} exist in the history of {own} candles"
                ));
            }
        }
        if let Some(detail) = &self.detail
            && !detail.covered()
        {
            let covered = coverage(detail);
            warnings.push(format!("the range is not covered by {}: {covered}", detail.series()));
        }
        for hole in self.funding_holes() {
            let (start, end) = (hole.range.start_text(), hole.range.end_text());
            warnings.push(format!("no funding payment is known from {start} to {end}"));
        }
        if let Some(uploaded) = &self.signals {
            let (rows, matched) = self.matched(uploaded);
            if matched < rows {
                let ignored = rows - matched;
                warnings.push(format!(
                    "{ignored} of {rows} rows of the signal column have no candle of their time"
                ));
            }
        }
        warnings
    }

    /// From the first open to the last close of the range.
    fn traded(&self) -> TimeRange {
        let times = &self.candles.as_slice().open_time_ms[self.candles.start_row()..];
        let start_ms = times.first().copied().unwrap_or_default();
        let last_ms = times.last().copied().unwrap_or_default();
        TimeRange { start_ms, end_ms: last_ms + self.candles.series().timeframe.ms() }
    }

    /// Stretches in which no funding payment is known.
    fn funding_holes(&self) -> Vec<FundingHole> {
        self.funding.as_ref().map(|funding| funding.holes(self.traded())).unwrap_or_default()
    }

    fn matched(&self, uploaded: &Uploaded) -> (usize, usize) {
        *uploaded.matched.get_or_init(|| {
            let candles = self.candles.as_slice();
            let times_ms = &candles.open_time_ms[self.candles.start_row()..];
            let Some((first, last)) = times_ms.first().zip(times_ms.last()) else { return (0, 0) };
            let range = TimeRange { start_ms: *first, end_ms: *last + 1 };
            let rows = uploaded.column.as_slice().within(range);
            (rows.len(), rows.matched(times_ms))
        })
    }

    /// Calls `run` with these as the input of the engine.
    pub(crate) fn with_input<T>(
        &self,
        (spec, calendar, instrument): (&JobSpec, &Calendar, Instrument),
        run: impl FnOnce(&Input<'_>) -> T,
    ) -> T {
        let others: Vec<(&str, CandleSlice<'_>)> = self
            .others
            .iter()
            .map(|other| (other.series().ticker.as_str(), other.as_slice()))
            .collect();
        run(&Input {
            candles: self.candles.as_slice(),
            timeframe: spec.series.timeframe,
            range: spec.range,
            calendar,
            instrument,
            missing: self.candles.missing(),
            extras: Extras {
                others: &others,
                signals: self.signals.as_ref().map(|uploaded| uploaded.column.as_slice()),
                detail: self.detail.as_ref().map(|detail| detail.as_slice()),
                funding: self.funding.as_ref().map(|funding| funding.within(spec.range)),
            },
        })
    }
}

/// Why a job fails that has to pay funding and has no rates.
fn no_funding(series: &SeriesId, hole: FundingHole) -> JobError {
    let (start, end) = (hole.range.start_text(), hole.range.end_text());
    let SeriesId { exchange, ticker, .. } = series;
    JobError {
        code: "no_funding".to_owned(),
        message: format!(
            "costs.funding is \"fromData\" and no funding payment of {exchange} {ticker} is known \
             from {start} to {end}; import rates with `backfleet candles funding FILE`, or \
             set costs.funding to \"none\" or to a constant rate"
        ),
    }
}

fn check_candles(loaded: &Loaded, policy: DataPolicy) -> Result<(), JobError> {
    let series = loaded.series();
    let message = if !loaded.covered() && !policy.allow_uncovered_ends {
        format!(
            "the candles of {series} do not cover the range: {}; shorten the range or set \
             dataPolicy.ends to \"allow\"",
            coverage(loaded)
        )
    } else if policy.fail_on_gaps && loaded.missing() > 0 {
        format!(
            "{} candles of {series} are missing inside the range and dataPolicy.gaps is \"fail\"",
            loaded.missing()
        )
    } else {
        return Ok(());
    };
    Err(JobError { code: "incomplete_candles".to_owned(), message })
}

/// What the candles of a range cover, for people.
fn coverage(loaded: &Loaded) -> String {
    let times = &loaded.as_slice().open_time_ms[loaded.start_row()..];
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return "there are none".to_owned();
    };
    let opens = TimeRange { start_ms: *first, end_ms: *last };
    format!("they open from {} to {}", opens.start_text(), opens.end_text())
}
