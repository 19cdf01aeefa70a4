//! Why a backtest was not run to its end.

use model::SeriesId;

/// Why a backtest was not run to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The spec asks for what this engine version does not run: refuse the job.
    #[error("cannot run this strategy: {}", features.join("; "))]
    Unsupported {
        /// The texts of [`model::support::unsupported`].
        features: Vec<String>,
    },
    /// The range holds no candle: refuse the job.
    #[error("there are no candles in the range")]
    NoCandles,
    /// The spec takes funding rates from data and the caller gave none: refuse the job.
    #[error("costs.funding is \"fromData\" and no funding rates were given")]
    NoFunding,
    /// The spec has a `detailTimeframe` and the caller gave no such candles: refuse the job.
    #[error("detailTimeframe is set and no candles of it were given")]
    NoDetail,
    /// The spec reads another ticker whose candles were not given: a defect of the caller.
    #[error("the candles of {series}, which the strategy reads, were not given")]
    NoOtherCandles {
        /// What is missing.
        series: SeriesId,
    },
    /// The spec names a signal column and none was given: a defect of the caller.
    #[error("the signal column that the strategy names was not given")]
    NoSignals,
    /// The monitor asked to stop: the job was cancelled or taken away.
    #[error("the backtest was stopped")]
    Stopped,
    /// The time to explain is not the open time of a candle of the range.
    #[error("no candle of the range opens at {time_ms} ms")]
    NoSuchCandle {
        /// The time that was asked for, ms since 1970-01-01 UTC.
        time_ms: i64,
    },
}
