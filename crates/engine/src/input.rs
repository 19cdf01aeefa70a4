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

impl<'a> Input<'a> {
    /// What nodes are computed from if they are seeded at row `seed` of the candles before `end`.
    pub(crate) fn seeded(&self, seed: usize, end: usize) -> Seeded<'a> {
        let candles = self.candles.rows(seed..end);
        let times = (candles.open_time_ms.first(), candles.open_time_ms.last());
        let (first_ms, last_ms) = times.0.zip(times.1).map_or((0, 0), |(a, b)| (*a, *b));
        let others = self.extras.others.iter().map(|(ticker, other)| {
            let rows = other.lower_bound(first_ms)..other.lower_bound(last_ms + 1);
            (*ticker, other.rows(rows))
        });
        Seeded {
            candles,
            others: others.collect(),
            signals: self.extras.signals,
            timeframe: self.timeframe,
            calendar: self.calendar,
        }
    }
}

/// What nodes are computed from: candles from the row that all of them are seeded at to the end.
#[derive(Clone, Debug)]
pub(crate) struct Seeded<'a> {
    /// The job's own candles.
    pub(crate) candles: CandleSlice<'a>,
    /// Those of other tickers that open no earlier than the first and no later than the last of
    /// these.
    pub(crate) others: Vec<(&'a str, CandleSlice<'a>)>,
    /// Uploaded signals.
    pub(crate) signals: Option<SignalSlice<'a>>,
    /// Length of the candles.
    pub(crate) timeframe: Timeframe,
    /// The days of sessions.
    pub(crate) calendar: &'a Calendar,
}
