//! Files of funding rates: CSV as venues and people write them, JSON as freqtrade does.
//!
//! CSV: a header that names time, rate and, if there is one, the mark price (Binance's archive is
//! such a file), or rows of time, rate[, mark] without one; plain, gzipped or zipped. JSON: a list of
//! [time, rate, ...], as freqtrade keeps `-funding_rate.json`. Feather and Parquet: as freqtrade keeps
//! `-funding_rate.feather`, the rate in the column `open`. Times are numbers of any unit or
//! dates; those without an offset are UTC, in which venues pay.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::{FundingRate, FundingRates};

use crate::error::FileCause;
use crate::import::rates_of_columns;
use crate::{Error, Merged, ParquetStore};

/// Most bytes of a file, unpacked: far more than a century of hourly payments.
const MOST_BYTES: u64 = 256 << 20;

/// Names of the time column.
const TIME: [&str; 7] =
    ["time", "timestamp", "fundingtime", "funding_time", "calc_time", "date", "datetime"];
/// Names of the rate column; `open` is where freqtrade keeps it.
const RATE: [&str; 6] =
    ["rate", "fundingrate", "funding_rate", "last_funding_rate", "realizedrate", "open"];
/// Names of the mark price column.
const MARK: [&str; 3] = ["mark", "markprice", "mark_price"];

/// What the import of one file did.
#[derive(Clone, Debug, PartialEq)]
pub struct FundingReport {
    /// The file.
    pub path: PathBuf,
    /// Payments in it.
    pub rows: u64,
    /// How many of them have a mark price.
    pub marks: u64,
    /// First and last time, ms.
    pub span_ms: (i64, i64),
    /// What it changed in the store.
    pub merged: Merged,
}

/// Reads a file of funding rates. Blocks.
///
/// Fails with [`Error::UnreadableFunding`], which names the first line that is no payment.
pub fn read_funding(path: &Path) -> Result<FundingRates, Error> {
    let rates = if let Some(rates) = rates_of_columns(path)? {
        rates
    } else {
        let text = unpacked(path)?;
        let is_json = text.trim_start().starts_with('[');
        let rates = if is_json { read_json(&text) } else { read_lines(&text) };
        rates.map_err(|reason| unreadable(path, reason))?
    };
    if rates.as_slice().is_empty() {
        return Err(unreadable(path, "it holds no funding rate".to_owned()));
    }
    Ok(rates)
}

/// Adds the rates of a file to those of a ticker; at equal times the new ones replace the old.
///
/// Importing it again changes nothing. Blocks.
pub fn import_funding(
    store: &ParquetStore,
    path: &Path,
    (exchange, ticker): (&str, &str),
) -> Result<FundingReport, Error> {
    for name in [exchange, ticker] {
        if !model::is_symbol(name) {
            let name = name.escape_debug().take(80).collect();
            return Err(Error::BadName { name, reason: model::SYMBOL_RULE });
        }
    }
    let rates = read_funding(path)?;
    let merged = store.merge_funding(exchange, ticker, &rates)?;
    let rows = rates.as_slice();
    Ok(FundingReport {
        path: path.to_owned(),
        rows: rows.len() as u64,
        marks: rows.mark.iter().filter(|mark| !mark.is_nan()).count() as u64,
        span_ms: (rows.time_ms[0], rows.time_ms[rows.len() - 1]),
        merged,
    })
}

fn unreadable(path: &Path, reason: String) -> Error {
    Error::UnreadableFunding { path: path.to_owned(), reason }
}

/// Where a file has its columns.
#[derive(Clone, Copy, Debug)]
struct Layout {
    delimiter: char,
    time: usize,
    rate: usize,
    mark: Option<usize>,
}

impl Layout {
    /// The layout that the first line tells, and whether that line is a header.
    fn of(line: &str) -> Option<(Layout, bool)> {
        let delimiter = [',', ';', '\t'].into_iter().find(|it| line.contains(*it))?;
        let fields: Vec<String> =
            line.split(delimiter).map(|field| clean(field).to_lowercase()).collect();
        let find = |names: &[&str]| fields.iter().position(|field| names.contains(&field.as_str()));
        if let (Some(time), Some(rate)) = (find(&TIME), find(&RATE)) {
            return Some((Layout { delimiter, time, rate, mark: find(&MARK) }, true));
        }
        let plain = (2..=3).contains(&fields.len()) && time_ms(&fields[0]).is_some();
        let mark = (fields.len() == 3).then_some(2);
        plain.then_some((Layout { delimiter, time: 0, rate: 1, mark }, false))
    }

    fn read(&self, line: &str) -> Result<FundingRate, String> {
        let fields: Vec<&str> = line.split(self.delimiter).map(clean).collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or("");
        let time = field(self.time);
        let time_ms = time_ms(time).ok_or_else(|| format!("\"{}\" is no time", short(time)))?;
        let rate = field(self.rate);
        let rate = rate.parse().map_err(|_| format!("\"{}\" is no funding rate", short(rate)))?;
        let mark = self.mark.map(field).filter(|text| !text.is_empty());
        let mark = mark
            .map(|text| text.parse().map_err(|_| format!("\"{}\" is no mark price", short(text))))
            .transpose()?;
        Ok(FundingRate { time_ms, rate, mark })
    }
}

fn clean(field: &str) -> &str {
    field.trim().trim_start_matches('\u{feff}').trim_matches('"')
}

fn short(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// The text of a file, whatever it is packed in.
fn unpacked(path: &Path) -> Result<String, Error> {
    let read = |from: &mut dyn Read| {
        let mut bytes = Vec::new();
        let read = from.take(MOST_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(Error::file("read", path))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unreadable(path, format!("it has more than {MOST_BYTES} bytes")));
        }
        Ok(bytes)
    };
    let mut bytes = read(&mut File::open(path).map_err(Error::file("open", path))?)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bytes = read(&mut MultiGzDecoder::new(bytes.as_slice()))?;
    } else if bytes.starts_with(b"PK") {
        let bad = |error: zip::result::ZipError| Error::File {
            action: "unpack",
            path: path.to_owned(),
            cause: FileCause::from(std::io::Error::other(error)),
        };
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
        if archive.len() != 1 {
            let reason = format!("it packs {} files: unpack the one with the rates", archive.len());
            return Err(unreadable(path, reason));
        }
        bytes = read(&mut archive.by_index(0).map_err(bad)?)?;
    }
    String::from_utf8(bytes).map_err(|_| unreadable(path, "it is no text".to_owned()))
}

/// A number of s, ms, us or ns by its size, or a date and time; UTC where no offset is written.
fn time_ms(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(match number.unsigned_abs() {
            0..100_000_000_000 => number * 1_000,
            100_000_000_000..100_000_000_000_000 => number,
            100_000_000_000_000..100_000_000_000_000_000 => number.div_euclid(1_000),
            _ => number.div_euclid(1_000_000),
        });
    }
    let instant = text.parse::<Timestamp>().ok();
    let instant =
        instant.or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok());
    instant.map(Timestamp::as_millisecond)
}

fn read_lines(text: &str) -> Result<FundingRates, String> {
    let mut rates = FundingRates::default();
    let lines = text.lines().zip(1..);
    let mut lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let Some((first, number)) = lines.next() else { return Ok(rates) };
    let (layout, is_header) = Layout::of(first).ok_or_else(|| NO_LAYOUT.to_owned())?;
    let first = (!is_header).then_some((first, number));
    for (line, number) in first.into_iter().chain(lines) {
        let payment = layout.read(line);
        let added = payment
            .and_then(|rate| rates.push(rate).map_err(|fault| format!("the payment {fault}")));
        added.map_err(|reason| format!("line {number}: {reason}"))?;
    }
    Ok(rates)
}

const NO_LAYOUT: &str = "the first line is neither a header that names time and rate nor a row of \
                         time, rate[, mark]";

fn read_json(text: &str) -> Result<FundingRates, String> {
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(text)
        .map_err(|error| format!("it is no list of [time, rate, ...]: {error}"))?;
    let mut rates = FundingRates::default();
    for (values, number) in rows.iter().zip(1..) {
        let value = |index: usize| values.get(index);
        let payment = value(0).zip(value(1)).and_then(|(time, rate)| {
            let time_ms = time.as_str().map_or_else(|| time_ms(&time.to_string()), time_ms)?;
            Some(FundingRate { time_ms, rate: rate.as_f64()?, mark: None })
        });
        let added = payment
            .ok_or_else(|| "it is no [time, rate, ...]".to_owned())
            .and_then(|rate| rates.push(rate).map_err(|fault| format!("the payment {fault}")));
        added.map_err(|reason| format!("row {number}: {reason}"))?;
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const DAY: i64 = 1_704_067_200_000;

    #[track_caller]
    fn read(name: &str, text: &str) -> Result<Vec<(i64, f64, Option<f64>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let rates = read_funding(&path).map_err(|error| {
            error.to_string().rsplit_once("\": ").map_or(String::new(), |it| it.1.to_owned())
        })?;
        let rows = rates.as_slice();
        Ok((0..rows.len())
            .map(|row| rows.get(row))
            .map(|it| (it.time_ms - DAY, it.rate, it.mark))
            .collect())
    }

    #[test]
    fn the_usual_layouts_are_read() {
        let eight = 8 * 3_600_000;
        let plain = Ok(vec![(0, 0.0001, None), (eight, -0.0002, None)]);
        let binance = "calc_time,funding_interval_hours,last_funding_rate\n\
                       1704067200003,8,0.0001\n1704096000000,8,-0.0002\n";
        assert_eq!(read("BTCUSDT-fundingRate-2024-01.csv", binance), plain);
        let dates = "time,rate\n2024-01-01T00:00:00Z,0.0001\n2024-01-01T08:00:00Z,-0.0002\n";
        assert_eq!(read("a.csv", dates), plain);
        let freqtrade = "date,open,high,low,close,volume\n\
                         2024-01-01 00:00:00+00:00,0.0001,0.0,0.0,0.0,0.0\n\
                         2024-01-01 08:00:00+00:00,-0.0002,0.0,0.0,0.0,0.0\n";
        assert_eq!(read("a.csv", freqtrade), plain);
        assert_eq!(read("a.csv", "1704067200,0.0001\n1704096000,-2e-4\n"), plain);
        let json = "[[1704067200000,0.0001,0.0,0.0,0.0,0.0],[1704096000000,-0.0002,0,0,0,0]]";
        assert_eq!(read("BTC_USDT_USDT-8h-funding_rate.json", json), plain);
    }

    #[test]
    fn marks_are_read_where_they_are() {
        let text = "fundingTime;fundingRate;markPrice\n1704067200000;0.0001;42000.5\n\
                    1704096000000;0.0002;\n";
        let eight = 8 * 3_600_000;
        let expected = vec![(0, 0.0001, Some(42_000.5)), (eight, 0.0002, None)];
        assert_eq!(read("a.csv", text), Ok(expected));
    }

    #[test]
    fn what_is_no_payment_is_refused_with_its_line() {
        let refused = |name: &str, text: &str, expected: &str| {
            assert_eq!(read(name, text), Err(expected.to_owned()));
        };
        refused(
            "a.csv",
            "time,rate\n1704067200000,0.0001\n1704067200001,0.0001\n",
            "line 3: the payment is not after the one before it, to the minute",
        );
        refused("a.csv", "time,rate\n1704067200000,x\n", "line 2: \"x\" is no funding rate");
        refused(
            "a.csv",
            "time,rate\n1704067200000,50\n",
            "line 2: the payment has a rate that is not between -1 and 1 (rates are fractions: \
             0.0001 is 0.01 %)",
        );
        refused("a.csv", "time,rate\n", "it holds no funding rate");
        refused("a.json", "[[1704067200000]]", "row 1: it is no [time, rate, ...]");
        let header = "the first line is neither a header that names time and rate nor a row of \
                      time, rate[, mark]";
        refused("a.csv", "hello,world\n1,2\n", header);
    }
}
