//! The candles that a job ran on, as far as they are still there.

use std::sync::Arc;

use candles::Loaded;
use model::JobSpec;
use model::keys::{Role, data_hash};
use model::settings::SeriesSettings;
use store::ResultSummary;

use crate::app::App;
use crate::code::Code;
use crate::problem::Problem;

/// Why there are no candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The candle source does not answer.
    SourceAway,
    /// The source holds no usable candles of the job's range.
    Gone,
    /// They are other ones than those that the job ran on.
    Changed,
}

impl Missing {
    /// Its code; each has a page.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::SourceAway => "source_unavailable",
            Self::Gone => "no_candles",
            Self::Changed => "data_changed",
        }
    }
}

impl From<Missing> for Problem {
    fn from(missing: Missing) -> Problem {
        match missing {
            Missing::SourceAway => {
                let detail = "the candle source does not answer; try again";
                Problem::new(Code::SourceUnavailable, detail)
            }
            Missing::Gone | Missing::Changed => {
                let detail = "the candles of the job are no longer stored";
                Problem::new(Code::SeriesNotFound, detail)
            }
        }
    }
}

/// The candles of a job's range and their warm-up, as they are now.
pub(crate) async fn load(app: &App, spec: &JobSpec) -> Result<Arc<Loaded>, Missing> {
    let load = app.market().load(&spec.series, spec.range, spec.warmup);
    let error = match tokio::time::timeout(app.config().candles_timeout, load).await {
        Ok(Ok(loaded)) => return Ok(loaded),
        Ok(Err(error)) => error,
        Err(_elapsed) => {
            tracing::warn!(series = %spec.series, "the candle source does not answer in time");
            return Err(Missing::SourceAway);
        }
    };
    if matches!(error, candles::Error::Unavailable { .. } | candles::Error::Rejected { .. }) {
        tracing::warn!(series = %spec.series, %error, "candles cannot be loaded");
        return Err(Missing::SourceAway);
    }
    Err(Missing::Gone)
}

/// What the series decides, with the overrides of the job.
pub(crate) fn settings(loaded: &Loaded, spec: &JobSpec) -> SeriesSettings {
    let instrument = loaded.instrument().unwrap_or_default();
    let calendar = loaded.calendar().clone();
    spec.overrides.resolve(&SeriesSettings { calendar, instrument, periods_per_year: None })
}

/// Whether these are the candles that `result` was computed on. Reads all of them: not for the async
/// runtime.
pub(crate) fn are_those_of(loaded: &Loaded, spec: &JobSpec, result: &ResultSummary) -> bool {
    let mut settings = settings(loaded, spec);
    settings.periods_per_year = result.summary["settings"]["periodsPerYear"].as_f64();
    data_hash(&[(Role::Candles, loaded.series_hash())], &settings) == result.data_hash
}
