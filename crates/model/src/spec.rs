//! One backtest, fully resolved: what the engine runs and what the spec key hashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::settings::{Costs, DataPolicy, FillRules, MoneyManagement, Risk, SeriesOverrides};
use crate::strategy::Signals;
use crate::{Digest, SeriesId};

/// Half-open range of candle open times, ms since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeRange {
    /// First open time that counts.
    pub start_ms: i64,
    /// First open time that no longer counts; later than `start_ms`.
    pub end_ms: i64,
}

/// One backtest with every parameter substituted and every default filled.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    /// Which candles.
    pub series: SeriesId,
    /// Which of them.
    pub range: TimeRange,
    /// The conditions, in canonical form, without parameters.
    pub signals: Arc<Signals>,
    /// An uploaded signal column that replaces the conditions.
    pub signal_column: Option<Digest>,
    /// Values of the parameters that the strategy uses, by name.
    pub parameters: BTreeMap<String, f64>,
    /// Starting cash, in quote.
    pub balance: f64,
    /// Stops, targets, size, leverage; expressions without parameters.
    pub money_management: MoneyManagement,
    /// Flips, cooldown, limits.
    pub risk: Risk,
    /// Fees, slippage, funding.
    pub costs: Costs,
    /// Fill rules.
    pub fill: FillRules,
    /// What the request sets over the series' own settings.
    pub overrides: SeriesOverrides,
    /// What to do where candles are missing; in no key.
    pub data_policy: DataPolicy,
    /// W: candles of history wanted before the range, a power of two, at least 256.
    pub warmup: u32,
    /// BLAKE3 of the canonical form.
    pub key: Digest,
}
