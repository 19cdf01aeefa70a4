//! One backtest, fully resolved: what the engine runs and what the spec key hashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::settings::{Costs, DataPolicy, FillRules, MoneyManagement, Risk, SeriesOverrides};
use crate::strategy::Signals;
use crate::{Digest, SeriesId, canonical};

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

impl JobSpec {
    /// The canonical text that the spec key hashes: JSON with sorted keys, every default filled,
    /// short forms written out, numbers as their shortest text.
    pub fn canonical_json(&self) -> String {
        let head = canonical::head(&canonical::Head {
            exchange: &self.series.exchange,
            balance: self.balance,
            costs: &self.costs,
            fill: &self.fill,
            overrides: &self.overrides,
        });
        let mut out = String::new();
        let parts = canonical::Parts {
            head: &head,
            money_management: &canonical::money_management(&self.money_management),
            parameters: &canonical::parameters(&self.parameters),
            periods_per_year: self.overrides.periods_per_year,
            range: self.range,
            risk: &canonical::risk(&self.risk),
            tail: &canonical::tail(&self.overrides, self.signal_column),
            strategy: &canonical::strategy(&self.signals, self.signal_column),
            ticker: &self.series.ticker,
            timeframe: &self.series.timeframe.to_string(),
        };
        canonical::join(&mut out, &parts);
        out
    }

    /// Everything as resolved, for display: the canonical form with times in RFC 3339, and with
    /// `dataPolicy`, `warmup` and `specKey`, which are no part of it.
    pub fn config(&self) -> Value {
        let mut config: Value =
            serde_json::from_str(&self.canonical_json()).expect("the canonical form is JSON");
        let policy = &self.data_policy;
        config["range"] = json!({
            "start": self.range.start_text(),
            "end": self.range.end_text(),
        });
        config["dataPolicy"] = json!({
            "ends": if policy.allow_uncovered_ends { "allow" } else { "fail" },
            "gaps": if policy.fail_on_gaps { "fail" } else { "warn" },
            "version": if policy.follow_latest { "latest" } else { "pinned" },
        });
        config["warmup"] = json!(self.warmup);
        config["specKey"] = json!(self.key);
        config
    }
}

impl TimeRange {
    /// `start_ms` in RFC 3339, UTC (`2024-01-01T00:00:00Z`).
    pub fn start_text(&self) -> String {
        time_text(self.start_ms)
    }

    /// `end_ms` in RFC 3339, UTC.
    pub fn end_text(&self) -> String {
        time_text(self.end_ms)
    }
}

/// RFC 3339 text of an instant, in UTC; the number itself where no calendar reaches.
pub(crate) fn time_text(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |instant| instant.to_string())
}
