//! A delimited text file of candles, plain, gzipped or zipped, read row by row.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use model::Candle;

use super::time::Stamp;
use crate::validate::Rule;
use crate::{Error, FileCause};

/// Bytes that a line may have.
const MAX_LINE: u64 = 65_536;
/// Fields that a line may have.
const MAX_FIELDS: usize = 64;
/// Fields that a line has at least: time, open, high, low, close.
const LEAST_FIELDS: usize = 5;
/// Blank lines and comments that may follow each other.
const MOST_PASSED_OVER: u64 = 10_000;
/// A packed file is a trap if it unpacks to more than this many times its size, and that is much.
const MOST_UNPACKED_TIMES: u64 = 200;
const MUCH: u64 = 64 << 20;
/// Fields of a line of Binance's archive.
const BINANCE_FIELDS: usize = 12;
const BUFFER: usize = 1 << 16;

/// Where the columns of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    delimiter: char,
    /// Whether numbers are written `1,5`: as the first row has it, for all rows.
    decimal_comma: bool,
    fields: usize,
    /// Column of the time; and that of the time of day, where the first is a date alone.
    time: (usize, Option<usize>),
    prices: [usize; 4],
    volume: Option<usize>,
    has_header: bool,
}

/// A file whose layout is known.
#[derive(Clone, Debug)]
pub(super) struct Table {
    path: PathBuf,
    packing: Packing,
    layout: Layout,
    zone: Option<TimeZone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zip,
}

impl Table {
    /// Looks at the first lines of `path`.
    ///
    /// Fails with [`Error::NotInferred`] if its times have no offset and `zone` is not given.
    pub(super) fn open(path: &Path, zone: Option<TimeZone>) -> Result<Table, Error> {
        let packing = packing(path)?;
        let mut lines = Vec::new();
        let sample = &mut |_, line: &str| {
            lines.push(line.to_owned());
            if lines.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        lines_of(path, packing, sample)?;
        let first = lines.first().ok_or_else(|| unreadable(path, "it is empty"))?;
        let layout = Layout::sniff(first, lines.get(1).map(String::as_str))
            .ok_or_else(|| unreadable(path, NO_LAYOUT))?;
        let table = Table { path: path.to_owned(), packing, layout, zone };
        let data = if table.layout.has_header { lines.get(1) } else { Some(first) };
        if let Some(Stamp::Naive(_)) = data.and_then(|line| table.layout.stamp(line))
            && table.zone.is_none()
        {
            let path = path.to_owned();
            return Err(Error::NotInferred { path, what: "time zone", flag: "--tz" });
        }
        Ok(table)
    }

    /// Whether the file looks like Binance's archive.
    pub(super) fn is_binance(&self) -> bool {
        self.layout.fields == BINANCE_FIELDS || self.packing == Packing::Zip
    }

    /// Calls `each` with the line number and candle (or fault) of every row, until it breaks.
    pub(super) fn for_each(
        &self,
        mut each: impl FnMut(u64, Result<Candle, Rule>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut header = self.layout.has_header;
        lines_of(&self.path, self.packing, &mut |number, line| {
            if std::mem::take(&mut header) {
                return ControlFlow::Continue(());
            }
            each(number, self.layout.candle(line, self.zone.as_ref()))
        })
    }
}

const NO_LAYOUT: &str = "the first line is neither a header that names time, open, high, low and \
                         close nor a row of time, open, high, low, close, volume";

impl Layout {
    /// The layout of a file that begins with the lines `first` and `second`.
    fn sniff(first: &str, second: Option<&str>) -> Option<Layout> {
        let delimiter = delimiter_of(first);
        let fields: Vec<&str> = first.split(delimiter).map(clean).collect();
        if fields.len() > MAX_FIELDS {
            return None;
        }
        let second: Vec<&str> = second.unwrap_or("").split(delimiter).map(clean).collect();
        let is_row = Stamp::parse(fields.first()?).is_some();
        let (mut layout, row) = if is_row {
            (Layout::without_header(delimiter, &fields)?, fields)
        } else {
            (Layout::with_header(delimiter, &fields, &second)?, second)
        };
        let mut prices = layout.prices.iter().filter_map(|index| row.get(*index));
        layout.decimal_comma = delimiter != ',' && prices.any(|price| price.contains(','));
        Some(layout)
    }

    fn without_header(delimiter: char, fields: &[&str]) -> Option<Layout> {
        let two = Stamp::parse_two(fields[0], fields.get(1)?).is_some();
        let open = if two { 2 } else { 1 };
        if fields.len() < open + 4 {
            return None;
        }
        Some(Layout {
            delimiter,
            decimal_comma: false,
            fields: fields.len(),
            time: (0, two.then_some(1)),
            prices: [open, open + 1, open + 2, open + 3],
            volume: (fields.len() > open + 4).then_some(open + 4),
            has_header: false,
        })
    }

    fn with_header(delimiter: char, fields: &[&str], second: &[&str]) -> Option<Layout> {
        let names: Vec<String> = fields.iter().map(|field| field.to_lowercase()).collect();
        let find = |wanted: &[&str]| {
            wanted.iter().find_map(|name| names.iter().position(|field| field == name))
        };
        let volume = find(&["volume", "vol", "v", "tick_volume"])
            .or_else(|| names.iter().position(|name| name.starts_with("volume")));
        let time = find(&[
            "timestamp",
            "open_time",
            "open time",
            "datetime",
            "time_utc",
            "unix",
            "ts",
            "t",
        ]);
        let date = find(&["date", "day"]);
        let clock = find(&["time", "clock"]);
        let unnamed = names.first().filter(|name| name.is_empty()).map(|_| 0);
        let time = match (time, date, clock) {
            (Some(time), _, _) => (time, None),
            (None, Some(date), Some(clock))
                if Stamp::parse_two(second.get(date)?, second.get(clock)?).is_some() =>
            {
                (date, Some(clock))
            }
            (None, Some(only), _) | (None, None, Some(only)) => (only, None),
            (None, None, None) => (unnamed?, None),
        };
        Some(Layout {
            delimiter,
            decimal_comma: false,
            fields: fields.len(),
            time,
            prices: [
                find(&["open", "o"])?,
                find(&["high", "h"])?,
                find(&["low", "l"])?,
                find(&["close", "c"])?,
            ],
            volume,
            has_header: true,
        })
    }

    /// The time of a row.
    fn stamp(&self, line: &str) -> Option<Stamp> {
        let fields: Vec<&str> = line.split(self.delimiter).map(clean).collect();
        self.time_of(&fields)
    }

    fn time_of(&self, fields: &[&str]) -> Option<Stamp> {
        let first = fields.get(self.time.0)?;
        match self.time.1 {
            Some(clock) => Stamp::parse_two(first, fields.get(clock)?),
            None => Stamp::parse(first),
        }
    }

    fn candle(&self, line: &str, zone: Option<&TimeZone>) -> Result<Candle, Rule> {
        let mut fields = [""; MAX_FIELDS];
        let mut count = 0;
        for field in line.split(self.delimiter) {
            *fields.get_mut(count).ok_or(Rule::Fields)? = clean(field);
            count += 1;
        }
        if count != self.fields {
            return Err(Rule::Fields);
        }
        let open_time_ms = self
            .time_of(&fields[..count])
            .and_then(|stamp| stamp.to_ms(zone))
            .ok_or(Rule::Unreadable)?;
        let number = |index: usize| self.number(fields[index]);
        let [open, high, low, close] = self.prices.map(number);
        Ok(Candle {
            open_time_ms,
            open: open?,
            high: high?,
            low: low?,
            close: close?,
            volume: self.volume.map_or(Ok(0.0), number)?,
        })
    }

    fn number(&self, field: &str) -> Result<f64, Rule> {
        if !self.decimal_comma {
            return number(field);
        }
        // A point beside decimal commas groups thousands, or the rows differ: not guessed at.
        if field.contains('.') {
            return Err(Rule::Unreadable);
        }
        number(&field.replacen(',', ".", 1))
    }
}

/// What separates the fields of a line. A comma may also stand inside numbers and times, so any
/// other delimiter that gives a row's fields goes before it.
fn delimiter_of(line: &str) -> char {
    let separates = |delimiter: &char| line.matches(*delimiter).count() >= LEAST_FIELDS - 1;
    [';', '\t', '|'].into_iter().find(separates).unwrap_or(',')
}

/// A missing number is not finite; a text is unreadable.
fn number(field: &str) -> Result<f64, Rule> {
    if field.is_empty() {
        return Err(Rule::NotFinite);
    }
    field.parse().map_err(|_| match field.to_ascii_lowercase().as_str() {
        "null" | "none" | "na" | "n/a" | "-" => Rule::NotFinite,
        _ => Rule::Unreadable,
    })
}

fn clean(field: &str) -> &str {
    field.trim().trim_matches('"').trim()
}

fn unreadable(path: &Path, reason: &str) -> Error {
    Error::Unreadable { path: path.to_owned(), reason: reason.to_owned() }
}

/// How a file is packed, by its first bytes.
fn packing(path: &Path) -> Result<Packing, Error> {
    let kind = path.metadata().map_err(Error::file("open", path))?;
    if !kind.is_file() {
        // A pipe can be read once, and this reads three times.
        return Err(unreadable(path, "it is not a regular file"));
    }
    let mut magic = Vec::new();
    let file = File::open(path).map_err(Error::file("open", path))?;
    file.take(4).read_to_end(&mut magic).map_err(Error::file("read", path))?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [b'P', b'K', 3 | 5, 4 | 6] => Packing::Zip,
        _ => Packing::Plain,
    })
}

/// Calls `each` with every line that is neither blank nor a comment, numbered from 1.
fn lines_of(
    path: &Path,
    packing: Packing,
    each: &mut dyn FnMut(u64, &str) -> ControlFlow<()>,
) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::file("open", path))?;
    match packing {
        Packing::Plain => lines(path, &mut BufReader::with_capacity(BUFFER, file), each),
        Packing::Gzip => {
            let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
            let unpacked = Limited::new(unpacked, path)?;
            lines(path, &mut BufReader::with_capacity(BUFFER, unpacked), each)
        }
        Packing::Zip => {
            let bad = |error: zip::result::ZipError| Error::File {
                action: "unpack",
                path: path.to_owned(),
                cause: FileCause::from(io::Error::other(error)),
            };
            let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(bad)?;
            let tables: Vec<usize> = (0..archive.len())
                .filter(|index| {
                    archive.name_for_index(*index).is_some_and(|name| {
                        // macOS packs a file of its own beside every file.
                        !name.starts_with("__MACOSX/")
                            && Path::new(name)
                                .extension()
                                .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
                    })
                })
                .collect();
            let [only] = tables.as_slice() else {
                let reason = "it should hold exactly one CSV file";
                return Err(unreadable(path, reason));
            };
            let entry = Limited::new(archive.by_index(*only).map_err(bad)?, path)?;
            lines(path, &mut BufReader::with_capacity(BUFFER, entry), each)
        }
    }
}

/// A reader of unpacked bytes that fails where there are absurdly many.
struct Limited<R> {
    unpacked: R,
    left: u64,
}

impl<R> Limited<R> {
    fn new(unpacked: R, path: &Path) -> Result<Limited<R>, Error> {
        let packed = path.metadata().map_err(Error::file("look at", path))?.len();
        Ok(Limited { unpacked, left: packed.saturating_mul(MOST_UNPACKED_TIMES).max(MUCH) })
    }
}

impl<R: io::Read> io::Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unpacked.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let text = format!("it unpacks to more than {MOST_UNPACKED_TIMES} times its size");
            io::Error::other(text)
        })?;
        Ok(count)
    }
}

fn lines(
    path: &Path,
    reader: &mut dyn BufRead,
    each: &mut dyn FnMut(u64, &str) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut buffer = Vec::new();
    let mut number = 0;
    let mut passed_over = 0;
    loop {
        buffer.clear();
        let read = reader.take(MAX_LINE).read_until(b'\n', &mut buffer);
        if read.map_err(Error::file("read", path))? == 0 {
            return Ok(());
        }
        number += 1;
        if buffer.len() as u64 == MAX_LINE {
            return Err(unreadable(path, &format!("line {number} is too long")));
        }
        let line = std::str::from_utf8(&buffer)
            .map_err(|_| unreadable(path, &format!("line {number} is no UTF-8 text")))?;
        if line.trim_end_matches(['\n', '\r']).contains('\r') {
            return Err(unreadable(
                path,
                &format!("line {number} has line ends without a line feed"),
            ));
        }
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() || line.starts_with('#') {
            passed_over += 1;
            if passed_over > MOST_PASSED_OVER {
                let reason = format!("line {number} ends {MOST_PASSED_OVER} lines without a row");
                return Err(unreadable(path, &reason));
            }
            continue;
        }
        passed_over = 0;
        if each(number, line).is_break() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

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

    fn rows(path: &Path) -> Vec<String> {
        let mut rows = Vec::new();
        let table = Table::open(path, Some(TimeZone::UTC)).unwrap();
        table
            .for_each(|line, row| {
                rows.push(match row {
                    Ok(c) => format!("{line}:{}/{}/{}", c.open_time_ms, c.close, c.volume),
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
            let error = Table::open(&path, None).unwrap_err().chain();
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
        let error = Table::open(Path::new("/dev/null"), None).unwrap_err().to_string();
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
            assert!(matches!(Table::open(&path, None), Err(Error::Unreadable { .. })), "{text}");
        }
        std::fs::write(&path, "2024-01-01 00:00,1,1,1,1\n").unwrap();
        let error = Table::open(&path, None).unwrap_err();
        assert!(matches!(error, Error::NotInferred { flag: "--tz", .. }), "{error}");
    }
}
