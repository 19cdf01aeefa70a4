//! What an import found, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use model::{Calendar, SeriesId};
use serde::Serialize;

use crate::validate::{RowFault, Rule};

/// Rows at fault that are listed one by one; all are counted.
const LISTED: usize = 20;

/// What was found in one file, and what it changed in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The file.
    pub file: PathBuf,
    /// The series it belongs to.
    pub series: SeriesId,
    /// The calendar that gaps were counted by.
    pub calendar: Calendar,
    /// Rows read, good or bad.
    pub rows: u64,
    /// Open time of the first good candle, ms.
    pub first_ms: Option<i64>,
    /// Open time of the last good candle, ms.
    pub last_ms: Option<i64>,
    /// Candles missing between the first and the last, by the calendar's rules.
    pub missing: u64,
    /// Candles without volume.
    pub zero_volume: u64,
    /// Whether the last candle was not over yet and was left out.
    pub unfinished: bool,
    /// Whether most candles are not one timeframe apart.
    pub spacing_differs: bool,
    /// Candles that the store did not have.
    pub added: u64,
    /// Candles that the store had with other values.
    pub replaced: u64,
    /// Candles that the store had as they are.
    pub unchanged: u64,
    /// Rows that break each rule.
    pub fault_counts: BTreeMap<Rule, u64>,
    /// The first of these rows.
    pub faults: Vec<RowFault>,
}

impl ImportReport {
    pub(super) fn new(file: PathBuf, series: SeriesId, calendar: Calendar) -> ImportReport {
        ImportReport {
            file,
            series,
            calendar,
            rows: 0,
            first_ms: None,
            last_ms: None,
            missing: 0,
            zero_volume: 0,
            unfinished: false,
            spacing_differs: false,
            added: 0,
            replaced: 0,
            unchanged: 0,
            fault_counts: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn add_fault(&mut self, fault: RowFault) {
        *self.fault_counts.entry(fault.rule).or_default() += 1;
        if self.faults.len() < LISTED {
            self.faults.push(fault);
        }
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad: u64 = self.fault_counts.values().sum();
        write!(f, "\"{}\": {} rows of {}", self.file.display(), self.rows, self.series)?;
        if bad == 0 {
            return write!(
                f,
                ", {} added, {} replaced, {} unchanged, {} missing",
                self.added, self.replaced, self.unchanged, self.missing
            );
        }
        write!(f, ", {bad} break a rule")?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { ": " } else { "; " })?;
        }
        let more = bad - self.faults.len() as u64;
        if more > 0 { write!(f, "; and {more} more") } else { Ok(()) }
    }
}
