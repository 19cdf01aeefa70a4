//! What a batch reads.

use model::settings::Instrument;
use model::{Calendar, CandleSlice, FundingSlice, SignalSlice, TimeRange, Timeframe};

/// What all variants of a batch share.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Candles from W before the range (fewer where history is short) to its end, exclusive.
    pub candles: CandleSlice<'a>,
    /// Their length.
    pub timeframe: Timeframe,
    /// Which of them are traded, by open time.
    pub range: TimeRange,
    /// The days that are marked.
    pub calendar: &'a Calendar,
    /// Trading rules as resolved.
    pub instrument: Instrument,
    /// Candles missing inside the range, as the caller counted them.
    pub missing: u64,
    /// What some variants read beside the candles.
    pub extras: Extras<'a>,
}

/// What some variants read beside the candles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'a> {
    /// Candles of other tickers, by name, of the same timeframe.
    pub others: &'a [(&'a str, CandleSlice<'a>)],
    /// Uploaded signals by open time.
    pub signals: Option<SignalSlice<'a>>,
    /// Finer candles of the same ticker: those of the range, for specs with a `detailTimeframe`,
    /// which must be theirs.
    pub detail: Option<CandleSlice<'a>>,
    /// Funding rates, for specs with `costs.funding: fromData`.
    pub funding: Option<FundingSlice<'a>>,
}
