//! Domain types of Backfleet: the bundle request, strategies, keys, candles as columns, outcomes.
//!
//! **Invariant:** no I/O, no clock, no async. What is parsed here is trusted everywhere else.

mod bundle;
mod calendar;
mod candle;
mod canonical;
mod digest;
pub mod fault;
mod funding;
mod gaps;
mod higher;
pub mod keys;
mod number;
mod open_times;
mod outcome;
mod resample;
pub mod settings;
mod signal_column;
mod spec;
mod status;
pub mod strategy;
pub mod support;
mod timeframe;

pub use bundle::{Axis, Bundle, Limits, Position, SYMBOL_RULE, Variant, is_symbol};
pub use calendar::{Calendar, CalendarError, TimeZoneName};
pub use candle::{Candle, CandleSlice, Candles, SeriesId};
pub use digest::{Digest, DigestError};
pub use fault::{Fault, Faults};
pub use funding::{FundingFault, FundingRate, FundingRates, FundingSlice};
pub use gaps::missing_candles;
pub use higher::{HigherCandles, HigherTimeframe, HigherTimeframeError, fold_by_calendar};
pub use open_times::OpenTimes;
pub use outcome::{
    CompactOutcome, Counts, DailyMark, Fill, FillReason, FundingEvent, OpenPosition, Outcome,
    OutcomeError, PositionSide, Side, SkipReason, Warmup,
};
pub use resample::{RESAMPLER_VERSION, Resampled, resample};
pub use signal_column::{MAX_SIGNAL_ROWS, SignalColumn, SignalFault, SignalSlice};
pub use spec::{JobSpec, TimeRange};
pub use status::{BundleStatus, JobStatus};
pub use timeframe::{DAY_MS, MINUTE_MS, Timeframe, TimeframeError};

/// Version of everything that decides an outcome's bytes; part of every result key.
pub const ENGINE_VERSION: &str = "1";
