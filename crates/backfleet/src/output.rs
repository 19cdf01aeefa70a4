//! What people and programs see: data on stdout, everything else on stderr.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use comfy_table::presets::NOTHING;
use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width,
};

use crate::failure::{Exit, Failure};

/// The first failure to write a line of data.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// One line of data on stdout. A reader that went away (`| head`) is no error; any other failure
/// is told by [`written`].
pub(crate) fn line(text: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Whether all data reached stdout: a full disk must not look like success.
pub(crate) fn written() -> Result<(), Failure> {
    match UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => Ok(()),
        Some(error) => {
            let text = format!("the output could not be written: {error}");
            Err(Failure::new(Exit::Failure, text))
        }
    }
}

/// Bytes of data on stdout.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// One line for people on stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Digits of a number that a person reads.
const MOST_DIGITS: usize = 8;

/// One line under the header.
const UNDER_THE_HEADER: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table: on a terminal with a line under its header, times and long numbers shortened and cells
/// laid on several lines; elsewhere plain and never cut.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Table {
        Table { columns: columns.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Columns in which every cell reads as a number are flush right. A single row that a terminal is
    /// too narrow for is printed upright.
    pub(crate) fn print(&self) {
        let mut table = comfy_table::Table::new();
        table.set_header(&self.columns);
        if std::io::stdout().is_terminal() {
            table.load_style(UNDER_THE_HEADER);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            for row in &self.rows {
                table.add_row(row.iter().map(|cell| for_reading(cell)));
            }
            if !keep_words(&mut table)
                && let [only] = self.rows.as_slice()
                && self.columns.len() > 2
            {
                let mut upright = Table::new(&["what", "value"]);
                for (column, cell) in self.columns.iter().zip(only) {
                    upright.row(vec![column.clone(), cell.clone()]);
                }
                return upright.print();
            }
        } else {
            table.load_style(NOTHING);
            table.set_content_arrangement(ContentArrangement::Disabled);
            for row in &self.rows {
                table.add_row(row);
            }
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            let mut cells = self.rows.iter().filter_map(|row| row.get(index)).peekable();
            if cells.peek().is_some() && cells.all(|cell| reads_as_number(cell)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in table.lines() {
            line(row.trim_end());
        }
    }
}

/// Room on a terminal that every column gets before words are kept whole.
const LEAST_COLUMN: usize = 6;

/// Keeps ids and times whole as far as the terminal is wide enough for them, the first columns first;
/// whether it was for all.
fn keep_words(table: &mut comfy_table::Table) -> bool {
    let Some(width) = table.width() else { return true };
    let longest =
        |text: String| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    let words: Vec<usize> = (0..table.column_count())
        .map(|index| {
            let cells = table.column_cells_with_header_iter(index).flatten();
            // One space on each side.
            cells.map(|cell| longest(cell.content())).max().unwrap_or(0) + 2
        })
        .collect();
    // One sign between two columns.
    let least: usize = words.iter().map(|word| LEAST_COLUMN.min(*word) + 1).sum();
    let mut left = (usize::from(width) + 1).saturating_sub(least);
    let mut are_whole = true;
    for (column, word) in table.column_iter_mut().zip(words) {
        let more = word.saturating_sub(LEAST_COLUMN);
        if let (Some(rest), Ok(word)) = (left.checked_sub(more), u16::try_from(word)) {
            left = rest;
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word)));
        } else {
            are_whole = false;
        }
    }
    are_whole
}

/// A time without the seconds that say nothing, a long number to eight digits, anything else as it is.
fn for_reading(cell: &str) -> String {
    if let Some((date, time)) = cell.strip_suffix('Z').and_then(|text| text.split_once('T'))
        && date.len() == 10
        && cell.parse::<jiff::Timestamp>().is_ok()
    {
        let time = time.split('.').next().unwrap_or(time);
        return format!("{date} {}Z", time.strip_suffix(":00").unwrap_or(time));
    }
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    match (cell.split_once('.'), cell.parse::<f64>()) {
        (Some((whole, _)), Ok(number)) if digits > MOST_DIGITS => {
            let whole = whole.trim_start_matches('-').trim_start_matches('0').len();
            let text = format!("{number:.*}", MOST_DIGITS.saturating_sub(whole));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => cell.to_owned(),
    }
}

/// Whether a cell is a number with or without its unit, or says that there is none.
fn reads_as_number(cell: &str) -> bool {
    let Some(word) = cell.split_whitespace().next() else { return true };
    let digits = word.trim_start_matches('>').trim_end_matches('*').replace(',', "");
    word == "-" || digits.parse::<f64>().is_ok()
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A speed in thousands or millions.
pub(crate) fn per_second(speed: f64, what: &str) -> String {
    if speed >= 1e6 {
        format!("{:.1} M {what}/s", speed / 1e6)
    } else if speed >= 1e3 {
        format!("{:.0} k {what}/s", speed / 1e3)
    } else {
        format!("{speed:.0} {what}/s")
    }
}

/// A time in the unit that people use for it.
pub(crate) fn human_seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3_600.0 {
        format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    } else {
        format!(
            "{:.0} h {:02.0} min",
            (seconds / 3_600.0).floor(),
            (seconds % 3_600.0 / 60.0).floor()
        )
    }
}

/// Text as a query value: everything but unreserved characters as `%XX`.
pub(crate) fn query_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(per_second(2_500_000.0, "candles"), "2.5 M candles/s");
        assert_eq!(human_seconds(0.25), "250 ms");
        assert_eq!(human_seconds(61.0), "1 min 01 s");
        assert_eq!(human_seconds(3_700.0), "1 h 01 min");
    }

    #[test]
    fn what_reads_as_a_number_is_told_from_names_and_times() {
        for number in ["12", "1,234", "-0.5", "100.0 %", ">99*", "12 candles/s", "-", ""] {
            assert!(reads_as_number(number), "{number}");
        }
        for word in ["30s", "127.0.0.1:8787", "2026-11-24T13:37:01Z", "4h", "fast=5", "01a2-4"] {
            assert!(!reads_as_number(word), "{word}");
        }
    }

    #[test]
    fn a_terminal_shows_what_a_person_reads() {
        for (cell, shown) in [
            ("2025-01-14T18:00:00Z", "2025-01-14 18:00Z"),
            ("2026-11-24T20:52:53.435Z", "2026-11-24 20:52:53Z"),
            ("0.10355062550045198", "0.10355063"),
            ("-99368.8858951234", "-99368.886"),
            ("1234.5", "1234.5"),
            ("123456789012", "123456789012"),
            ("b3:b6d357542a0ec94004009e63", "b3:b6d357542a0ec94004009e63"),
            ("TREND-Z", "TREND-Z"),
        ] {
            assert_eq!(for_reading(cell), shown);
        }
    }

    #[test]
    fn words_stay_whole_as_far_as_there_is_room() {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(60).set_header(["bundle", "name", "created"]);
        let id = "01a20f55-39ca-7625-91b3-eba175d32bc3";
        table.add_row([id, "a name of many words", "2026-11-24 20:52Z"]);
        assert!(keep_words(&mut table));
        let text = table.to_string();
        assert!(text.contains(id) && text.contains("2026-11-24"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        table.set_width(50);
        assert!(!keep_words(&mut table), "there is no room for all");
    }

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(query_escaped("trades>=100 &x"), "trades%3E%3D100%20%26x");
    }
}
