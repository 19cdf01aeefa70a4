//! Everything that a backtest reads: loaded together, checked together, hashed together.

use std::sync::{Arc, OnceLock};

use candles::{History, Loaded, Market};
use engine::{Extras, Input};
use futures_util::future::try_join_all;
use model::keys::Role;
use model::settings::{DataPolicy, Instrument};
use model::{Calendar, CandleSlice, Digest, JobSpec, SeriesId, SignalColumn, TimeRange};
use store::JobError;

/// What a load depends on: jobs of equal needs share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub(crate) series: SeriesId,
    range: TimeRange,
    warmup: u32,
    /// The request's calendar: it decides about days, not about candles.
    calendar: Option<Calendar>,
    others: Vec<SeriesId>,
    pub(crate) signals: Option<Digest>,
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
        }
    }
}

/// The candles of a backtest and what it reads beside them.
#[derive(Debug)]
pub struct Inputs {
    candles: Arc<Loaded>,
    /// Candles of other tickers, ascending by ticker.
    others: Vec<Arc<Loaded>>,
    signals: Option<Uploaded>,
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
        Inputs { candles, others: Vec::new(), signals: None }
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
        Inputs::meeting(market, &Need::of(spec), signals).await
    }

    pub(crate) async fn meeting(
        market: &Market,
        need: &Need,
        signals: Option<Arc<SignalColumn>>,
    ) -> Result<Inputs, candles::Error> {
        let candles = market.load(&need.series, need.range, need.warmup).await?;
        let first_ms = candles.as_slice().open_time_ms.first().copied();
        let history = History::Since(first_ms.unwrap_or(need.range.start_ms));
        let others = need.others.iter().map(|series| market.load_with(series, need.range, history));
        let others = try_join_all(others).await?;
        let named = need.signals.zip(signals);
        let signals =
            named.map(|(hash, column)| Uploaded { hash, column, matched: OnceLock::new() });
        Ok(Inputs { candles, others, signals })
    }

    /// The job's own candles.
    pub fn candles(&self) -> &Loaded {
        &self.candles
    }

    /// Refuses what the data policy of `spec` does not allow.
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), JobError> {
        check_candles(&self.candles, spec.data_policy)?;
        for other in &self.others {
            check_candles(other, spec.data_policy)?;
        }
        if let Some(uploaded) = &self.signals
            && self.matched(uploaded).1 == 0
        {
            let rows = uploaded.column.as_slice();
            let span = rows.open_time_ms.first().zip(rows.open_time_ms.last());
            let span = span.map_or_else(String::new, |(first, last)| {
                let span = TimeRange { start_ms: *first, end_ms: *last };
                format!(" ({} to {})", span.start_text(), span.end_text())
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
                ..Extras::default()
            },
        })
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
