//! The report about a run of candles: what stops an import, and what only deserves a look.

use std::collections::BTreeMap;
use std::fmt;

use model::{Calendar, Candle, Timeframe};
use serde::Serialize;

use super::gap::{Gap, Gaps};
use super::jump::Jumps;
use super::{Mended, RowFault, Rule, broken_rule};

/// Rows that are listed one by one; all are counted.
const LISTED: usize = 20;
/// Different distances of rows that are told apart.
const MOST_SPACINGS: usize = 4_096;
/// Steps below which the usual distance proves nothing.
const LEAST_STEPS: u64 = 10;

/// What is wrong with candles, and what is remarkable.
///
/// Faults stop an import; all else is counted, and stops it only where `strict` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Rows read, good or bad.
    pub rows: u64,
    /// Open time of the first good candle, ms.
    pub first_ms: Option<i64>,
    /// Open time of the last good candle, ms.
    pub last_ms: Option<i64>,
    /// Rows that break each rule.
    pub fault_counts: BTreeMap<Rule, u64>,
    /// The first of these rows.
    pub faults: Vec<RowFault>,
    /// Runs of missing candles between the first and the last, by the calendar's rules.
    pub gaps: u64,
    /// Candles missing in them.
    pub missing: u64,
    /// The longest gaps, longest first.
    pub longest_gaps: Vec<Gap>,
    /// Candles without volume.
    pub zero_volume: u64,
    /// Closes that leap from the one before, far beyond what was usual there.
    pub jumps: u64,
    /// Open times of the first of them, ms.
    pub jump_times_ms: Vec<i64>,
    /// The most common distance of two rows, ms.
    pub spacing_ms: Option<i64>,
    /// Whether that is not the timeframe.
    pub spacing_differs: bool,
    /// Whether the last candle was not over yet and was left out.
    pub unfinished: bool,
    /// Units of the times, where rows differ in them.
    pub mixed_units: Vec<&'static str>,
    /// What was mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<Mended>,
}

impl Findings {
    /// Rows that break a rule.
    pub fn bad(&self) -> u64 {
        self.fault_counts.values().sum()
    }

    /// What only deserves a look, in words; empty where nothing does.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.missing > 0 {
            let Findings { missing, gaps, .. } = self;
            warnings.push(format!("{missing} candles are missing in {gaps} gaps"));
        }
        let good = self.rows - self.bad().min(self.rows);
        let filled = self.mended.as_ref().map_or(0, |mended| mended.filled);
        let flat = self.zero_volume.saturating_sub(filled);
        // Where no candle has a volume the source has none to give.
        if flat > 0 && self.zero_volume < good {
            warnings.push(format!("{flat} candles have no volume"));
        }
        if self.jumps > 0 {
            warnings.push(format!("{} closes leap from the one before", self.jumps));
        }
        if self.spacing_differs {
            warnings.push("most candles are not one timeframe apart".to_owned());
        }
        if !self.mixed_units.is_empty() {
            warnings.push(format!("times are in {}", self.mixed_units.join(" and ")));
        }
        warnings
    }

    pub(crate) fn add_fault(&mut self, fault: RowFault) {
        *self.fault_counts.entry(fault.rule).or_default() += 1;
        if self.faults.len() < LISTED {
            self.faults.push(fault);
        }
    }
}

impl fmt::Display for Findings {
    /// The rows that break a rule: how many, and the first ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = self.bad();
        write!(f, "{bad} break a rule")?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { ": " } else { "; " })?;
        }
        let more = bad - self.faults.len() as u64;
        if more > 0 { write!(f, "; and {more} more") } else { Ok(()) }
    }
}

/// What the candles are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) timeframe: Timeframe,
    pub(crate) calendar: Calendar,
    pub(crate) now_ms: i64,
}

impl Expected {
    /// The rule that a candle breaks, given the one before it.
    pub(crate) fn broken_rule(&self, candle: &Candle, before: Option<&Candle>) -> Option<Rule> {
        let rule = broken_rule(candle, before, self.timeframe);
        rule.or_else(|| (candle.open_time_ms > self.now_ms).then_some(Rule::Future))
    }

    pub(crate) fn is_finished(&self, candle: &Candle) -> bool {
        candle.open_time_ms.saturating_add(self.timeframe.ms()) <= self.now_ms
    }
}

/// Makes the report, row by row. Memory is bounded, time linear.
pub(crate) struct Inspector<'a> {
    expected: &'a Expected,
    findings: Findings,
    before: Option<Candle>,
    gaps: Gaps,
    jumps: Jumps,
    spacing: Spacing,
}

impl<'a> Inspector<'a> {
    pub(crate) fn new(expected: &'a Expected) -> Inspector<'a> {
        Inspector {
            expected,
            findings: Findings::default(),
            before: None,
            gaps: Gaps::default(),
            jumps: Jumps::new(),
            spacing: Spacing::default(),
        }
    }

    /// Looks at one row; true if it is a candle that may be stored.
    pub(crate) fn look(&mut self, row: u64, candle: Result<Candle, Rule>) -> bool {
        self.findings.rows += 1;
        let candle = match candle {
            Ok(candle) => candle,
            Err(rule) => {
                self.findings.add_fault(RowFault { row, rule, time_ms: None });
                return false;
            }
        };
        let time_ms = candle.open_time_ms;
        if let Some(rule) = self.expected.broken_rule(&candle, self.before.as_ref()) {
            self.findings.add_fault(RowFault { row, rule, time_ms: Some(time_ms) });
            return false;
        }
        if let Some(before) = &self.before {
            let pair = [before.open_time_ms, time_ms];
            self.spacing.count(time_ms - before.open_time_ms);
            self.gaps.look(pair, self.expected.timeframe, &self.expected.calendar);
        }
        self.before = Some(candle);
        if !self.expected.is_finished(&candle) {
            self.findings.unfinished = true;
            return false;
        }
        self.findings.first_ms.get_or_insert(time_ms);
        self.findings.last_ms = Some(time_ms);
        self.findings.zero_volume += u64::from(candle.volume <= 0.0);
        if self.jumps.look(candle.close) {
            self.findings.jumps += 1;
            if self.findings.jump_times_ms.len() < LISTED {
                self.findings.jump_times_ms.push(time_ms);
            }
        }
        true
    }

    /// The report.
    pub(crate) fn finish(self) -> Findings {
        let mut findings = self.findings;
        findings.gaps = self.gaps.count;
        findings.missing = self.gaps.missing;
        findings.longest_gaps = self.gaps.into_longest();
        findings.spacing_ms = self.spacing.modal();
        let timeframe_ms = self.expected.timeframe.ms();
        findings.spacing_differs = findings.spacing_ms.is_some_and(|ms| ms != timeframe_ms);
        if findings.spacing_differs && self.spacing.is_clear() {
            let time_ms = findings.first_ms;
            findings.add_fault(RowFault { row: 1, rule: Rule::Timeframe, time_ms });
        }
        findings
    }
}

/// Distances of neighbouring rows.
#[derive(Debug, Default)]
pub(crate) struct Spacing {
    counts: BTreeMap<i64, u64>,
    steps: u64,
}

impl Spacing {
    /// Counts one distance, ms.
    pub(crate) fn count(&mut self, spacing_ms: i64) {
        self.steps += 1;
        if let Some(count) = self.counts.get_mut(&spacing_ms) {
            *count += 1;
        } else if self.counts.len() < MOST_SPACINGS {
            self.counts.insert(spacing_ms, 1);
        }
    }

    /// The most common distance; the smaller one of equals.
    pub(crate) fn modal(&self) -> Option<i64> {
        let most = self.counts.iter().max_by_key(|(spacing_ms, count)| (**count, -**spacing_ms));
        most.map(|(spacing_ms, _)| *spacing_ms)
    }

    /// Whether it is that of most rows, of many.
    fn is_clear(&self) -> bool {
        let most = self.counts.values().max().copied().unwrap_or(0);
        self.steps >= LEAST_STEPS && most * 2 > self.steps
    }
}

#[cfg(test)]
mod tests {
    use model::{DAY_MS, MINUTE_MS};

    use super::*;

    fn candle(minute: i64) -> Candle {
        let open_time_ms = minute * MINUTE_MS;
        Candle { open_time_ms, open: 2.0, high: 3.0, low: 1.0, close: 2.0, volume: 1.0 }
    }

    fn expected(timeframe: &str) -> Expected {
        let timeframe = timeframe.parse().unwrap();
        Expected { timeframe, calendar: Calendar::EveryDay, now_ms: 10 * DAY_MS }
    }

    #[track_caller]
    fn check(timeframe: &str, minutes: impl Iterator<Item = i64>) -> Findings {
        let expected = expected(timeframe);
        let mut inspector = Inspector::new(&expected);
        for (row, minute) in minutes.enumerate() {
            inspector.look(row as u64 + 1, Ok(candle(minute)));
        }
        inspector.finish()
    }

    #[test]
    fn candles_of_another_timeframe_are_a_fault_and_thin_ones_a_warning() {
        let hours = check("1m", (0..30).map(|hour| hour * 60));
        assert_eq!(hours.fault_counts, BTreeMap::from([(Rule::Timeframe, 1)]));
        let few = check("1m", (0..5).map(|hour| hour * 60));
        assert_eq!((few.bad(), few.spacing_differs), (0, true));
        let thin = check("1m", [0, 1, 3, 5, 8, 9, 11, 14, 17, 18, 21, 23, 26, 28].into_iter());
        assert_eq!((thin.bad(), thin.gaps, thin.missing), (0, 10, 15));
    }

    #[test]
    fn the_future_is_a_fault_and_an_unfinished_candle_is_left_out() {
        let now = 10 * 1_440;
        let found = check("1h", [now - 120, now - 60, now, now + 60].into_iter());
        assert_eq!((found.unfinished, found.last_ms), (true, Some((now - 60) * MINUTE_MS)));
        assert_eq!(found.fault_counts, BTreeMap::from([(Rule::Future, 1)]));
    }

    #[test]
    fn a_series_without_any_volume_is_no_warning() {
        let mut found = check("1m", 0..100);
        assert_eq!(found.warnings(), Vec::<String>::new());
        found.zero_volume = 100;
        assert_eq!(found.warnings(), Vec::<String>::new());
        found.zero_volume = 3;
        assert_eq!(found.warnings(), ["3 candles have no volume"]);
    }
}
