//! A delimited text file of candles, read row by row.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::layout::{Layout, MAX_FIELDS, NoLayout, Origin, SAMPLE, Wanted, fields_of};
use super::lines::{self, Packing, unreadable};
use super::row::{Each, Row};
use super::time::Stamp;
use crate::Error;
use crate::validate::Rule;

/// A file whose layout is known.
#[derive(Clone, Debug)]
pub(super) struct Table {
    path: PathBuf,
    packing: Packing,
    layout: Layout,
    adjusted: bool,
    /// The first row's time.
    first: Option<Stamp>,
}

impl Table {
    /// Looks at the first lines of `path`.
    pub(super) fn open(
        path: &Path,
        packing: Packing,
        wanted: &Wanted<'_>,
        adjusted: bool,
    ) -> Result<Table, Error> {
        let mut lines = Vec::new();
        lines::for_each(path, packing, &mut |_, line: &str| {
            lines.push(line.to_owned());
            if lines.len() == SAMPLE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if lines.is_empty() {
            return Err(unreadable(path, "it is empty"));
        }
        let layout = Layout::sniff(&lines, wanted).map_err(|reason| match reason {
            NoLayout::Unknown => unreadable(path, NO_LAYOUT),
            NoLayout::NoColumn(name) => {
                unreadable(path, &format!("it has no column \"{}\"", name.escape_debug()))
            }
            NoLayout::Twice(name) => {
                let reason = format!("its header names \"{}\" more than once", name.escape_debug());
                unreadable(path, &format!("{reason}; give columns by number, as in --map open=2"))
            }
            NoLayout::Tickers(tickers) => {
                let some = tickers.iter().take(20).map(|t| t.escape_debug().to_string());
                let some = some.collect::<Vec<_>>().join(", ");
                unreadable(path, &format!("it holds several tickers ({some}): pass --ticker"))
            }
        })?;
        if adjusted && layout.adjusted_close.is_none() {
            return Err(unreadable(path, "it has no adjusted close, which --adjusted needs"));
        }
        let mut table = Table { path: path.to_owned(), packing, layout, adjusted, first: None };
        table.first = lines.get(table.layout.header_lines).and_then(|line| {
            let mut fields = [""; MAX_FIELDS];
            let count = fields_of(line, table.layout.delimiter, &mut fields)?;
            table.layout.time_of(&fields[..count])
        });
        Ok(table)
    }

    /// The time of the first row.
    pub(super) fn first(&self) -> Option<Stamp> {
        self.first
    }

    /// Whether the file looks like Binance's archive.
    pub(super) fn is_binance(&self) -> bool {
        matches!(self.layout.origin, Origin::Binance | Origin::BinanceCoinMargined)
            || self.packing == Packing::Zip
    }

    /// The ticker that the header names.
    pub(super) fn ticker(&self) -> Option<&str> {
        self.layout.ticker.as_deref()
    }

    /// What the file was taken for.
    pub(super) fn words(&self) -> String {
        let Layout { delimiter, decimal_comma, header_lines, volume, origin, .. } = &self.layout;
        let mut words = format!("{}{}", origin.words(), self.packing.words());
        words.push_str(match header_lines {
            0 => ", no header",
            1 => "",
            2 => ", 2 header lines",
            _ => ", 3 header lines",
        });
        match delimiter {
            ',' => {}
            '\t' => words.push_str(", by tab"),
            other => {
                words.push_str(", by ");
                words.push(*other);
            }
        }
        if *decimal_comma {
            words.push_str(", decimal comma");
        }
        if self.adjusted {
            words.push_str(", adjusted");
        }
        if volume.is_none() {
            words.push_str(", no volume");
        }
        words
    }

    /// Calls `each` with the line number and candle (or fault) of every row, until it breaks.
    pub(super) fn for_each(&self, each: &mut Each<'_>) -> Result<(), Error> {
        let mut header_lines = self.layout.header_lines;
        lines::for_each(&self.path, self.packing, &mut |number, line| {
            if header_lines > 0 {
                header_lines -= 1;
                return ControlFlow::Continue(());
            }
            each(number, self.row(line))
        })
    }

    fn row(&self, line: &str) -> Result<Row, Rule> {
        let layout = &self.layout;
        let mut fields = [""; MAX_FIELDS];
        let count = fields_of(line, layout.delimiter, &mut fields).ok_or(Rule::Fields)?;
        if count != layout.fields {
            return Err(Rule::Fields);
        }
        let stamp = layout.time_of(&fields[..count]).ok_or(Rule::Unreadable)?;
        let number = |index: usize| layout.number(fields[index]);
        let [open, high, low, close] = layout.prices;
        let mut prices = [number(open)?, number(high)?, number(low)?, number(close)?];
        let volume = layout.volume.map_or(Ok(0.0), number)?;
        if self.adjusted
            && let Some(index) = layout.adjusted_close
        {
            prices = adjust(prices, number(index)?);
        }
        let [open, high, low, close] = prices;
        Ok(Row { stamp, values: [open, high, low, close, volume] })
    }
}

/// Scales prices so that the close becomes `adjusted`.
///
/// A product may miss by its last digit, so an extreme that equals open or close goes on to.
fn adjust(prices: [f64; 4], adjusted: f64) -> [f64; 4] {
    let [open, high, low, close] = prices;
    let factor = adjusted / close;
    let scaled =
        |price: f64| if price.to_bits() == close.to_bits() { adjusted } else { price * factor };
    [scaled(open), scaled(high), scaled(low), adjusted]
}

const NO_LAYOUT: &str = "the first line is neither a header that names time, open, high, low and \
                         close nor a row of time, open, high, low, close, volume";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use jiff::tz::TimeZone;

    use super::super::form::Form;
    use super::super::time::Clockwork;
    use super::*;

    /// Rows as `time/close/volume` or the rule they break.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        assert_eq!(rows(&path), expected);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        std::fs::write(&path, packed.finish().unwrap()).unwrap();
        assert_eq!(rows(&path), expected);
    }

    fn open(path: &Path) -> Result<Form, Error> {
        Form::open(path, &Wanted::default(), false)
    }

    fn rows(path: &Path) -> Vec<String> {
        let mut rows = Vec::new();
        let clockwork = Clockwork::new(Some(TimeZone::UTC), false, 0);
        open(path)
            .unwrap()
            .for_each(&mut |line, row| {
                rows.push(match row {
                    Ok(Row { stamp, values: [_, _, _, close, volume] }) => {
                        format!("{line}:{}/{close}/{volume}", clockwork.ms(stamp).unwrap())
                    }
                    Err(rule) => format!("{line}:{rule:?}"),
                });
                ControlFlow::Continue(())
            })
            .unwrap();
        rows
    }

    #[test]
    fn headers_of_any_case_and_order_and_delimiter_are_understood() {
        check("timestamp,open,high,low,close,volume\n60000,1,4,0.5,2,9\n", &["2:60000000/2/9"]);
        check("Volume;Close;Low;High;Open;Date\n9;2;0.5;4;1;1970-01-02\n", &["2:86400000/2/9"]);
        check(
            "\u{feff}Date\tTime\tOpen\tHigh\tLow\tClose\r\n1970.01.02\t00:01\t1\t4\t0.5\t2\r\n",
            &["2:86460000/2/0"],
        );
        check(",Open,High,Low,Close,Volume\n1970-01-02,1,4,0.5,2,9\n", &["2:86400000/2/9"]);
        check("time|o|h|l|c|v\n\n# note\n1970-01-02 00:00|1|4|0.5|2|9", &["4:86400000/2/9"]);
    }

    #[test]
    fn decimal_commas_are_read_where_the_first_row_has_them() {
        let commas = "t;o;h;l;c;v\n60;1,5;4,5;0,5;2,25;9\n120;1,5;4,5;0,5;2;9,5\n180;1;1.0;1;1;1\n";
        check(commas, &["2:60000/2.25/9", "3:120000/2/9.5", "4:Unreadable"]);
        check("1970-01-02 00:05;1,5;4,5;0,5;2,5;9,5\n", &["1:86700000/2.5/9.5"]);
        let mixed = "t;o;h;l;c;v\n60;1;4;1;2;9\n120;1,5;4,5;0,5;2,25;9\n";
        check(mixed, &["2:60000/2/9", "3:Unreadable"]);
    }

    #[test]
    fn what_is_no_usual_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let refused = |bytes: &[u8], words: &str| {
            std::fs::write(&path, bytes).unwrap();
            let error = open(&path).unwrap_err().chain();
            assert!(error.contains(words), "{error}");
        };
        refused(b"t,o,h,l,c\r60,1,1,1,1\r", "without a line feed");
        refused("\n".repeat(20_000).as_bytes(), "10000 lines without a row");
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let line = format!("#{}\n", "x".repeat(60_000));
        for _ in 0..1_200 {
            bomb.write_all(line.as_bytes()).unwrap();
        }
        refused(&bomb.finish().unwrap(), "unpacks to more than 200 times its size");
        let error = open(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }

    #[test]
    fn rows_without_a_header_are_read_in_the_usual_order() {
        check("0,1,4,0.5,2\n60,1,4,0.5,3\n", &["1:0/2/0", "2:60000/3/0"]);
        check("1970-01-02,00:05,1,4,0.5,2,9\n", &["1:86700000/2/9"]);
        let binance = "1637971200000,1.5,1.6,1.4,1.55,10,1637971259999,15,3,5,7,0\n";
        check(binance, &["1:1637971200000/1.55/10"]);
    }

    #[test]
    fn a_row_that_cannot_be_a_candle_says_why() {
        check(
            "t,o,h,l,c,v\n1,1,4,0.5,2\n1,1,4,0.5,2,9,9\nx,1,4,0.5,2,9\n1,1,4,0.5,,9\n1,1,4,a,2,9\n",
            &["2:Fields", "3:Fields", "4:Unreadable", "5:NotFinite", "6:Unreadable"],
        );
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        for text in ["", "hello\n", "a,b,c\n1,2,3\n", "1,2\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(open(&path), Err(Error::Unreadable { .. })), "{text}");
        }
        std::fs::write(&path, "2024-01-01 00:00,1,1,1,1\n").unwrap();
        assert!(open(&path).unwrap().needs_zone());
    }
}
