//! A file of signals: a time and -1, 0 or 1 a row, as CSV (plain or gzipped) or Parquet.
//!
//! Columns are found by name; two columns without a header are the time and the signal. A row that
//! is out of order, twice there, or none of the three values refuses the file, by its number.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use model::{SignalColumn, SignalFault, TimeZoneName};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};

use super::time::{Clockwork, Stamp};

/// Bytes of an unpacked file.
const MAX_BYTES: u64 = 256 << 20;
/// Names of the time column, most telling first.
const TIMES: [&str; 8] = ["open_time", "timestamp", "datetime", "date", "time", "ts", "t", "unix"];
/// Names of the signal column.
const SIGNALS: [&str; 5] = ["signal", "signals", "value", "position", "side"];

/// Why a file holds no signal column.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// It is neither CSV nor Parquet with the two columns.
    #[error("the signal file {reason}")]
    Layout {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A row is wrong. In text it is the line, from 1; in Parquet the row, from 1.
    #[error("row {row} of the signal file: {fault}")]
    Row {
        /// Which row.
        row: u64,
        /// What is wrong.
        fault: RowFault,
    },
    /// The Parquet library refuses it.
    #[error("the signal file is no readable Parquet")]
    Parquet(#[from] ParquetError),
    /// It cannot be unpacked.
    #[error("the signal file cannot be unpacked")]
    Packed(#[from] std::io::Error),
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// It has too few or too many fields.
    #[error("it has another number of fields than the first")]
    Fields,
    /// The time is none.
    #[error("its time cannot be read")]
    Time,
    /// The time says no zone.
    #[error("its time has no zone: write 2024-01-02T10:15:00Z, or milliseconds")]
    Zone,
    /// The signal is no number.
    #[error(transparent)]
    Signal(#[from] SignalFault),
}

/// Reads a file of signals; `zone` is that of times which do not say theirs. Blocks.
pub fn read_signals(
    bytes: Bytes,
    zone: Option<&TimeZoneName>,
) -> Result<SignalColumn, SignalError> {
    let clockwork = Clockwork::new(zone.map(TimeZoneName::zone), false, 0);
    let column = if bytes.starts_with(b"PAR1") {
        of_parquet(bytes, &clockwork)?
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = String::new();
        let unpacked = MultiGzDecoder::new(&bytes[..]).take(MAX_BYTES + 1);
        let mut unpacked = std::io::BufReader::new(unpacked);
        unpacked.read_to_string(&mut plain)?;
        if plain.len() as u64 > MAX_BYTES {
            return Err(SignalError::Layout { reason: "unpacks to more than 256 MiB" });
        }
        of_text(&plain, &clockwork)?
    } else {
        let text = std::str::from_utf8(&bytes);
        let reason = "is neither CSV in UTF-8, plain or gzipped, nor Parquet";
        of_text(text.map_err(|_| SignalError::Layout { reason })?, &clockwork)?
    };
    if column.as_slice().is_empty() {
        return Err(SignalError::Layout { reason: "has no row" });
    }
    Ok(column)
}

/// Where the two columns are; `None` where a name is missing or one of two could be meant.
fn columns<'n>(names: impl Iterator<Item = &'n str>) -> Option<(usize, usize)> {
    let names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
    let find =
        |known: &[&str]| known.iter().find_map(|name| names.iter().position(|it| it == name));
    let time = find(&TIMES).or_else(|| names.first().filter(|name| name.is_empty()).map(|_| 0));
    match (time, find(&SIGNALS), names.len()) {
        (Some(time), Some(signal), _) => Some((time, signal)),
        (Some(time), None, 2) => Some((time, 1 - time)),
        (None, Some(signal), 2) => Some((1 - signal, signal)),
        _ => None,
    }
}

const NO_COLUMNS: &str = "needs a column of times (open_time, timestamp, datetime, date, time) and \
                          one of signals (signal, value, position)";

/// How the lines of a text are laid out.
struct Layout {
    delimiter: char,
    fields: usize,
    time: usize,
    signal: usize,
    has_header: bool,
}

impl Layout {
    /// The layout of a text that begins with the line `first`.
    fn sniff(first: &str) -> Option<Layout> {
        let delimiter = [';', '\t', '|'].into_iter().find(|it| first.contains(*it)).unwrap_or(',');
        let fields: Vec<&str> = first.split(delimiter).map(clean).collect();
        let has_header = Stamp::parse(fields.first()?).is_none();
        let (time, signal) = if has_header {
            columns(fields.iter().copied())?
        } else {
            (fields.len() == 2).then_some((0, 1))?
        };
        Some(Layout { delimiter, fields: fields.len(), time, signal, has_header })
    }

    /// The time and the signal of a row.
    fn pick<'l>(&self, line: &'l str) -> Result<(&'l str, &'l str), RowFault> {
        let (mut time, mut signal) = ("", "");
        let mut count = 0;
        for (index, field) in line.split(self.delimiter).enumerate() {
            count += 1;
            if index == self.time {
                time = clean(field);
            } else if index == self.signal {
                signal = clean(field);
            }
        }
        if count == self.fields { Ok((time, signal)) } else { Err(RowFault::Fields) }
    }
}

fn of_text(text: &str, clockwork: &Clockwork) -> Result<SignalColumn, SignalError> {
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    let mut lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut column = SignalColumn::default();
    let Some(first) = lines.next() else { return Ok(column) };
    let layout = Layout::sniff(first.0).ok_or(SignalError::Layout { reason: NO_COLUMNS })?;
    let data = (!layout.has_header).then_some(first);
    for (line, row) in data.into_iter().chain(lines) {
        let mut add = || -> Result<(), RowFault> {
            let (time, signal) = layout.pick(line)?;
            let time_ms = time_of(Stamp::parse(time), clockwork)?;
            Ok(column.push(time_ms, signal.parse().unwrap_or(f64::NAN))?)
        };
        add().map_err(|fault| SignalError::Row { row, fault })?;
    }
    Ok(column)
}

fn clean(field: &str) -> &str {
    field.trim().trim_matches('"').trim()
}

fn time_of(stamp: Option<Stamp>, clockwork: &Clockwork) -> Result<i64, RowFault> {
    let stamp = stamp.ok_or(RowFault::Time)?;
    if stamp.needs_zone() && clockwork.zone.is_none() {
        return Err(RowFault::Zone);
    }
    clockwork.ms(stamp).ok_or(RowFault::Time)
}

fn of_parquet(bytes: Bytes, clockwork: &Clockwork) -> Result<SignalColumn, SignalError> {
    let reader = SerializedFileReader::new(bytes)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let is_flat =
        (0..schema.num_columns()).all(|index| schema.column(index).path().parts().len() == 1);
    let names: Vec<String> =
        (0..schema.num_columns()).map(|index| schema.column(index).name().to_owned()).collect();
    let found = columns(names.iter().map(String::as_str)).filter(|_| is_flat);
    let (time, signal) = found.ok_or(SignalError::Layout { reason: NO_COLUMNS })?;
    let nanos = matches!(
        schema.column(time).logical_type_ref(),
        Some(LogicalType::Timestamp(timestamp)) if matches!(timestamp.unit, TimeUnit::NANOS)
    );
    let mut column = SignalColumn::default();
    for (row, number) in reader.get_row_iter(None)?.zip(1..) {
        let row = row?;
        let fault = |fault| SignalError::Row { row: number, fault };
        let time_ms = parquet_time(&row, time, nanos, clockwork).map_err(fault)?;
        let value = parquet_number(&row, signal);
        column.push(time_ms, value).map_err(|error| fault(error.into()))?;
    }
    Ok(column)
}

fn field(row: &Row, wanted: usize) -> Option<&Field> {
    row.get_column_iter().nth(wanted).map(|(_, field)| field)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other kind of value is no time")]
fn parquet_time(
    row: &Row,
    index: usize,
    nanos: bool,
    clockwork: &Clockwork,
) -> Result<i64, RowFault> {
    const DAY_MS: i64 = model::DAY_MS;
    Ok(match field(row, index).ok_or(RowFault::Time)? {
        Field::TimestampMillis(ms) => *ms,
        Field::TimestampMicros(us) => us.div_euclid(1_000),
        Field::Long(ns) if nanos => ns.div_euclid(1_000_000),
        Field::Long(number) => time_of(Stamp::parse(&number.to_string()), clockwork)?,
        Field::Int(seconds) => i64::from(*seconds) * 1_000,
        Field::Date(days) => i64::from(*days) * DAY_MS,
        Field::Str(text) => time_of(Stamp::parse(text), clockwork)?,
        _ => return Err(RowFault::Time),
    })
}

/// The number in a column; no number where it is null or of another kind.
fn parquet_number(row: &Row, index: usize) -> f64 {
    match field(row, index) {
        Some(Field::Byte(value)) => f64::from(*value),
        Some(Field::Short(value)) => f64::from(*value),
        Some(Field::Int(value)) => f64::from(*value),
        Some(Field::Long(value)) => i32::try_from(*value).map_or(f64::NAN, f64::from),
        Some(Field::Float(value)) => f64::from(*value),
        Some(Field::Double(value)) => *value,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn read(text: &str) -> Result<SignalColumn, SignalError> {
        read_signals(Bytes::copy_from_slice(text.as_bytes()), None)
    }

    /// Rows as `time:value`, or the refusal.
    fn shown(column: Result<SignalColumn, SignalError>) -> String {
        match column {
            Ok(column) => {
                let rows = column.as_slice();
                let rows = rows.open_time_ms.iter().zip(rows.values);
                rows.map(|(time, value)| format!("{time}:{value}")).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(shown(read(text)), expected, "{text}");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(shown(read_signals(packed.into(), None)), expected, "{text}, packed");
    }

    #[test]
    fn two_columns_with_and_without_names_are_read() {
        let expected = "0:1 60000:0 120000:-1";
        check("0,1\n60,0\n120,-1\n", expected);
        check(
            "time,signal\r\n1970-01-01T00:00:00Z,1\r\n1970-01-01T00:01:00Z,0\r\n1970-01-01T00:02:00Z,-1",
            expected,
        );
        check("# mine\nclose;Signal;open_time\n9;+1;0\n8;0.0;60\n\n7;-1.0;120\n", expected);
        check(
            ",position\n\"1970-01-01 00:00:00+00:00\",1\n1970-01-01 00:01:00+00:00,-0\n1970-01-01 00:02:00+00:00,-1",
            expected,
        );
        check("when,signal\n0,1\n", "0:1");
        check("Date,anything\n2024-01-02,1\n", "1704153600000:1");
    }

    #[test]
    fn what_is_no_signal_is_refused_by_its_line() {
        let row = |row, fault: &str| format!("row {row} of the signal file: {fault}");
        check("0,1\n60,2", &row(2, "its signal is not -1, 0 or 1"));
        check("0,1\n60,", &row(2, "its signal is not -1, 0 or 1"));
        check("0,1\n60,NaN", &row(2, "its signal is not -1, 0 or 1"));
        check("t,signal\n60,1\n60,1", &row(3, "its time is that of the row before"));
        check("60,1\n\n0,1", &row(3, "its time is earlier than that of the row before"));
        check("0,1\n60", &row(2, "it has another number of fields than the first"));
        check("0,1\nx,1", &row(2, "its time cannot be read"));
        let zone = "its time has no zone: write 2024-01-02T10:15:00Z, or milliseconds";
        check("time,signal\n2024-01-02 10:15:00,1", &row(2, zone));
        for text in ["open,close\n1,2", "0,1,2\n", "a,b,c\n", "time,a,b\n"] {
            check(text, &format!("the signal file {NO_COLUMNS}"));
        }
        for text in ["", "\n\n", "time,signal\n", "# 0,1\n"] {
            check(text, "the signal file has no row");
        }
        let binary = read_signals(Bytes::from_static(&[0xff, 0xfe, 0, 1]), None);
        assert!(matches!(binary, Err(SignalError::Layout { .. })));
        for damaged in [&b"PAR1"[..], b"PAR1....PAR1", &[0x1f, 0x8b, 8, 0, 1]] {
            assert!(read_signals(Bytes::from_static(damaged), None).is_err());
        }
    }

    #[test]
    fn times_without_a_zone_take_the_one_that_is_given() {
        let zone = TimeZoneName::new("America/New_York").unwrap();
        let text = "time,signal\n2024-01-02 10:15:00,1\n";
        let column = read_signals(Bytes::from_static(text.as_bytes()), Some(&zone));
        assert_eq!(shown(column), "1704208500000:1");
    }

    #[test]
    fn the_hour_that_a_clock_shows_twice_goes_on() {
        let zone = TimeZoneName::new("America/New_York").unwrap();
        let text = "time,signal\n2024-11-03 01:00,1\n2024-11-03 01:00,0\n2024-11-03 02:00,-1\n";
        let column = read_signals(Bytes::from_static(text.as_bytes()), Some(&zone));
        assert_eq!(shown(column), "1730610000000:1 1730613600000:0 1730617200000:-1");
    }

    /// A Parquet file of `schema` whose columns `write` fills.
    fn parquet(
        schema: &str,
        write: impl FnOnce(&mut parquet::file::writer::SerializedRowGroupWriter<'_, Vec<u8>>),
    ) -> Result<SignalColumn, SignalError> {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        write(&mut group);
        group.close().unwrap();
        read_signals(file.into_inner().unwrap().into(), None)
    }

    macro_rules! column {
        ($group:expr, $kind:ty, $values:expr, $levels:expr) => {
            let mut column = $group.next_column().unwrap().unwrap();
            column.typed::<$kind>().write_batch($values, $levels, None).unwrap();
            column.close().unwrap();
        };
    }

    #[test]
    fn parquet_columns_of_any_usual_kind_are_read() {
        for (unit, times) in [
            ("MILLIS", [0_i64, 60_000]),
            ("MICROS", [0, 60_000_000]),
            ("NANOS", [0, 60_000_000_000]),
        ] {
            let schema = format!(
                "message m {{ required double close; required int64 timestamp (TIMESTAMP({unit},true)); required double signal; }}"
            );
            let read = parquet(&schema, |group| {
                column!(group, DoubleType, &[5.0, 6.0], None);
                column!(group, Int64Type, &times, None);
                column!(group, DoubleType, &[1.0, -1.0], None);
            });
            assert_eq!(shown(read), "0:1 60000:-1", "{unit}");
        }
        let read = parquet(
            "message m { required binary time (UTF8); required int32 signal (INT_8); }",
            |group| {
                let times = ["1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z"].map(ByteArray::from);
                column!(group, ByteArrayType, &times, None);
                column!(group, Int32Type, &[0, 1], None);
            },
        );
        assert_eq!(shown(read), "0:0 60000:1");
        let read = parquet("message m { required int64 t; required int64 signal; }", |group| {
            column!(group, Int64Type, &[1_704_067_200, 1_704_067_260], None);
            column!(group, Int64Type, &[0, 1], None);
        });
        assert_eq!(shown(read), "1704067200000:0 1704067260000:1");
    }

    #[test]
    fn a_null_in_parquet_is_refused_by_its_row() {
        let read = parquet("message m { required int64 t; optional double signal; }", |group| {
            column!(group, Int64Type, &[1_704_067_200, 1_704_067_260], None);
            column!(group, DoubleType, &[1.0], Some(&[1, 0]));
        });
        assert_eq!(shown(read), "row 2 of the signal file: its signal is not -1, 0 or 1");
        let read = parquet("message m { required boolean t; required double signal; }", |group| {
            column!(group, parquet::data_type::BoolType, &[true], None);
            column!(group, DoubleType, &[1.0], None);
        });
        assert_eq!(shown(read), "row 1 of the signal file: its time cannot be read");
    }
}
