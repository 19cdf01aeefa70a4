//! Mending what an import would refuse, in the ways that were asked for and in no other.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use model::Candle;
use serde::Serialize;

use super::gap::expected_between;
use super::{Expected, Rule};

/// Rows that may be mended at once: they are held in memory.
pub(crate) const MOST_ROWS: usize = 10_000_000;

/// Which faults are mended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fix {
    /// Rows that break a rule are left out; of rows with one time the first stays.
    pub drop: bool,
    /// Rows are put in order, and of rows with one time the last stays.
    pub keep_last: bool,
    /// Missing candles become flat ones at the close before, without volume.
    pub fill: bool,
}

/// The text names no way to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no way to mend: write drop, keep-last or fill, several with a comma")]
pub struct FixError {
    text: String,
}

impl FromStr for Fix {
    type Err = FixError;

    fn from_str(text: &str) -> Result<Fix, FixError> {
        let mut fix = Fix::default();
        for word in text.split(',') {
            match word.trim() {
                "drop" => fix.drop = true,
                "keep-last" => fix.keep_last = true,
                "fill" => fix.fill = true,
                _ => return Err(FixError { text: text.to_owned() }),
            }
        }
        Ok(fix)
    }
}

impl Fix {
    /// Whether anything is mended.
    pub fn is_any(self) -> bool {
        self.drop || self.keep_last || self.fill
    }
}

/// What was mended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mended {
    /// Rows left out, by the rule that they broke.
    pub dropped: BTreeMap<Rule, u64>,
    /// Rows whose place a later row of the same time took.
    pub superseded: u64,
    /// Rows that were older than the one before them and are in their place now.
    pub moved: u64,
    /// Flat candles put in for missing ones.
    pub filled: u64,
}

impl fmt::Display for Mended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped: u64 = self.dropped.values().sum();
        let Mended { superseded, moved, filled, .. } = self;
        write!(f, "{dropped} dropped, {superseded} superseded, {moved} moved, {filled} filled")
    }
}

/// A row number, and what was read there.
pub(crate) type Numbered = (u64, Result<Candle, Rule>);

/// Rows in mending: their numbers and candles, in the order of the file.
pub(crate) struct Mender<'a> {
    expected: &'a Expected,
    fix: Fix,
    rows: Vec<Numbered>,
    mended: Mended,
}

impl<'a> Mender<'a> {
    pub(crate) fn new(expected: &'a Expected, fix: Fix) -> Mender<'a> {
        Mender { expected, fix, rows: Vec::new(), mended: Mended::default() }
    }

    /// Takes a row; false if there are too many to hold.
    pub(crate) fn push(&mut self, row: u64, candle: Result<Candle, Rule>) -> bool {
        let rule = match &candle {
            Ok(candle) => self.expected.broken_rule(candle, None),
            Err(rule) => Some(*rule),
        };
        match rule {
            Some(rule) if self.fix.drop => *self.mended.dropped.entry(rule).or_default() += 1,
            _ => self.rows.push((row, candle)),
        }
        self.rows.len() < MOST_ROWS
    }

    /// The rows after mending, and what was done; `None` if filling takes too many candles. What
    /// is still wrong with them is for the inspector.
    pub(crate) fn finish(mut self) -> Option<(Vec<Numbered>, Mended)> {
        if self.fix.keep_last {
            self.put_in_order();
        }
        if self.fix.drop {
            self.drop_out_of_order();
        }
        if self.fix.fill {
            self.fill()?;
        }
        Some((self.rows, self.mended))
    }

    fn put_in_order(&mut self) {
        let time = |row: &Numbered| row.1.as_ref().ok().map(|c| c.open_time_ms);
        let moved = self.rows.windows(2).filter(|pair| time(&pair[1]) < time(&pair[0])).count();
        self.mended.moved += moved as u64;
        self.rows.sort_by_key(time);
        let before = self.rows.len();
        let mut kept: Vec<Numbered> = Vec::with_capacity(before);
        for row in self.rows.drain(..) {
            match kept.last_mut() {
                Some(last) if time(last).is_some() && time(last) == time(&row) => *last = row,
                _ => kept.push(row),
            }
        }
        self.mended.superseded += (before - kept.len()) as u64;
        self.rows = kept;
    }

    fn drop_out_of_order(&mut self) {
        let mut before: Option<Candle> = None;
        let (expected, dropped) = (self.expected, &mut self.mended.dropped);
        self.rows.retain(|(_, candle)| {
            let Ok(candle) = candle else { return true };
            let rule = expected.broken_rule(candle, before.as_ref());
            if let Some(rule) = rule {
                *dropped.entry(rule).or_default() += 1;
            } else {
                before = Some(*candle);
            }
            rule.is_none()
        });
    }

    fn fill(&mut self) -> Option<()> {
        let mut filled: Vec<Numbered> = Vec::with_capacity(self.rows.len());
        for row in self.rows.drain(..) {
            if let (Some((number, Ok(before))), (_, Ok(after))) = (filled.last().copied(), &row) {
                let pair = [before.open_time_ms, after.open_time_ms];
                let Expected { timeframe, calendar, .. } = self.expected;
                for open_time_ms in expected_between(pair, *timeframe, calendar) {
                    let price = before.close;
                    let flat = Candle {
                        open_time_ms,
                        open: price,
                        high: price,
                        low: price,
                        close: price,
                        volume: 0.0,
                    };
                    filled.push((number, Ok(flat)));
                    self.mended.filled += 1;
                    if filled.len() >= MOST_ROWS {
                        return None;
                    }
                }
            }
            filled.push(row);
        }
        self.rows = filled;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use model::{Calendar, MINUTE_MS, Timeframe};

    use super::*;

    fn candle(minute: i64, close: f64) -> Candle {
        let open_time_ms = minute * MINUTE_MS;
        Candle { open_time_ms, open: 2.0, high: 9.0, low: 1.0, close, volume: 1.0 }
    }

    /// Rows as `minute/close/volume` after mending.
    #[track_caller]
    fn check(fix: &str, rows: &[Result<Candle, Rule>], expected_rows: &[&str], mended: &str) {
        let expected = Expected {
            timeframe: Timeframe::MINUTE,
            calendar: Calendar::EveryDay,
            now_ms: i64::MAX,
        };
        let mut mender = Mender::new(&expected, fix.parse().unwrap());
        for (row, candle) in rows.iter().enumerate() {
            assert!(mender.push(row as u64 + 1, *candle));
        }
        let (rows, done) = mender.finish().unwrap();
        let rows: Vec<String> = rows
            .iter()
            .map(|(_, candle)| match candle {
                Ok(c) => format!("{}/{}/{}", c.open_time_ms / MINUTE_MS, c.close, c.volume),
                Err(rule) => format!("{rule:?}"),
            })
            .collect();
        assert_eq!(rows, expected_rows);
        assert_eq!(done.to_string(), mended);
    }

    #[test]
    fn each_way_mends_its_own_faults_only() {
        let rows = [
            Ok(candle(5, 2.0)),
            Ok(candle(6, 3.0)),
            Ok(candle(6, 4.0)),
            Err(Rule::Unreadable),
            Ok(Candle { low: -1.0, ..candle(7, 2.0) }),
            Ok(candle(4, 2.0)),
            Ok(candle(9, 5.0)),
        ];
        check(
            "drop",
            &rows,
            &["5/2/1", "6/3/1", "9/5/1"],
            "4 dropped, 0 superseded, 0 moved, 0 filled",
        );
        check(
            "drop,keep-last",
            &rows,
            &["4/2/1", "5/2/1", "6/4/1", "9/5/1"],
            "2 dropped, 1 superseded, 1 moved, 0 filled",
        );
        check(
            "drop, keep-last, fill",
            &rows,
            &["4/2/1", "5/2/1", "6/4/1", "7/4/0", "8/4/0", "9/5/1"],
            "2 dropped, 1 superseded, 1 moved, 2 filled",
        );
        assert!("sort".parse::<Fix>().is_err());
    }
}
