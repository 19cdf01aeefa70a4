//! The report about candles as a table: one line a check.

use candles::Findings;

use super::time;
use crate::output::{Table, line, thousands};

/// Gaps that the table names.
const GAPS: usize = 3;

/// Whether there is more to say than that all is well.
pub(super) fn deserves_a_look(found: &Findings) -> bool {
    found.bad() > 0 || !found.warnings().is_empty() || found.mended.is_some() || found.unfinished
}

/// Prints one table for all; nothing where there is nothing.
pub(super) fn show<'a>(all: impl Iterator<Item = (String, &'a Findings)>) {
    let mut table = Table::new(&["of", "check", "verdict", "count", "where"]);
    let mut any = false;
    for (name, found) in all {
        for [check, verdict, count, place] in rows(found) {
            any = true;
            table.row(vec![name.clone(), check, verdict, count, place]);
        }
    }
    if any {
        line("");
        table.print();
    }
}

fn rows(found: &Findings) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    let mut push = |check: &str, verdict: &str, count: u64, place: String| {
        rows.push([check.to_owned(), verdict.to_owned(), thousands(count), place]);
    };
    for (rule, count) in &found.fault_counts {
        let first = found.faults.iter().find(|fault| fault.rule == *rule);
        let place = first.map_or_else(String::new, |fault| {
            let at = fault.time_ms.map_or_else(String::new, |ms| format!(", {}", time(ms)));
            format!("row {}{at}", fault.row)
        });
        push(rule.text(), "fault", *count, place);
    }
    let gaps: Vec<String> = found
        .longest_gaps
        .iter()
        .take(GAPS)
        .map(|gap| format!("{} after {}", thousands(gap.missing), time(gap.after_ms)))
        .collect();
    if found.gaps > 0 {
        push("gaps", "warning", found.gaps, gaps.join(", "));
        push("missing candles", "warning", found.missing, String::new());
    }
    if found.zero_volume > 0 {
        let all = found.zero_volume >= found.rows;
        let place = if all { "all: the source has none" } else { "" };
        push("no volume", if all { "ok" } else { "warning" }, found.zero_volume, place.to_owned());
    }
    if found.jumps > 0 {
        let first = found.jump_times_ms.first().copied().map_or_else(String::new, time);
        push("leaps of the close", "warning", found.jumps, first);
    }
    if found.spacing_differs {
        let text = found.spacing_ms.map_or_else(String::new, |ms| format!("{} s", ms / 1_000));
        push("usual distance is not the timeframe", "warning", 1, text);
    }
    if !found.mixed_units.is_empty() {
        push("units of time", "warning", 1, found.mixed_units.join(" and "));
    }
    if found.unfinished {
        push("unfinished last candle", "left out", 1, String::new());
    }
    if let Some(mended) = &found.mended {
        let dropped: u64 = mended.dropped.values().sum();
        push(
            "mended",
            "ok",
            dropped + mended.superseded + mended.moved + mended.filled,
            mended.to_string(),
        );
    }
    if rows.is_empty() {
        let count = thousands(found.rows);
        rows.push(["all".to_owned(), "ok".to_owned(), count, String::new()]);
    }
    rows
}
