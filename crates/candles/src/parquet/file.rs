//! One Parquet file of candles.
//!
//! Written: `timestamp` (ms, UTC), `open`, `high`, `low`, `close`, `volume` (doubles), all
//! required; zstd 3, times delta-packed, prices byte-stream-split, row groups of 131,072. Read:
//! columns by name, the time in ms, us or ns, nullable columns without nulls, as other tools write
//! them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use model::{CandleSlice, Candles, TimeRange};
use parquet::basic::{Compression, Encoding, LogicalType, TimeUnit, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use tempfile::TempPath;

use crate::{Error, temporary};

const SCHEMA: &str = "message candles {
    required int64 timestamp (TIMESTAMP(MILLIS, true));
    required double open;
    required double high;
    required double low;
    required double close;
    required double volume;
}";
const TIME: &str = "timestamp";
const PRICES: [&str; 5] = ["open", "high", "low", "close", "volume"];
const ROW_GROUP: usize = 131_072;
const ZSTD: i32 = 3;
/// Begins the names of files that are not whole yet.
pub(super) const UNFINISHED: &str = ".writing-";

/// Extent of a file, from its footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    pub(super) count: u64,
}

/// Writes `candles` to `path`; the file appears whole or not at all, and survives a crash.
pub(super) fn write(path: &Path, candles: CandleSlice<'_>) -> Result<(), Error> {
    let mut writer = Writer::create(path)?;
    writer.push(path, candles)?;
    writer.finish(path)
}

/// A file that is written bit by bit, under a temporary name until it is whole.
pub(crate) struct Writer {
    groups: SerializedFileWriter<File>,
    temporary: TempPath,
    /// Rows that do not fill a row group yet.
    waiting: Candles,
}

impl Writer {
    /// Begins the file that will be `path`.
    pub(crate) fn create(path: &Path) -> Result<Writer, Error> {
        let file =
            temporary::file_in(folder(path), UNFINISHED).map_err(Error::file("write", path))?;
        let (file, temporary) = file.into_parts();
        let begin = || -> ParquetResult<SerializedFileWriter<File>> {
            let mut properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD)?))
                .set_dictionary_enabled(false)
                .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED);
            for name in PRICES {
                let column = ColumnPath::from(name);
                properties = properties.set_column_encoding(column, Encoding::BYTE_STREAM_SPLIT);
            }
            let schema = Arc::new(parse_message_type(SCHEMA)?);
            SerializedFileWriter::new(file, schema, Arc::new(properties.build()))
        };
        let groups = begin().map_err(Error::file("write", path))?;
        Ok(Writer { groups, temporary, waiting: Candles::default() })
    }

    /// Appends `candles`, which follow those before.
    pub(crate) fn push(&mut self, path: &Path, candles: CandleSlice<'_>) -> Result<(), Error> {
        self.waiting.extend_from(candles);
        while self.waiting.len() >= ROW_GROUP {
            self.flush(ROW_GROUP).map_err(Error::file("write", path))?;
        }
        Ok(())
    }

    /// Ends the file and makes it `path`.
    pub(crate) fn finish(mut self, path: &Path) -> Result<(), Error> {
        let mut end = || -> ParquetResult<File> {
            if !self.waiting.is_empty() {
                self.flush(self.waiting.len())?;
            }
            self.groups.finish()?;
            Ok(self.groups.inner().try_clone()?)
        };
        let file = end().map_err(Error::file("write", path))?;
        file.sync_all().map_err(Error::file("write", path))?;
        self.temporary.persist(path).map_err(|error| Error::file("write", path)(error.error))?;
        let folder = folder(path);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file("sync", folder))
    }

    /// Writes the first `count` waiting rows as a row group.
    fn flush(&mut self, count: usize) -> ParquetResult<()> {
        let rows = self.waiting.as_slice();
        let later = rows.rows(count..rows.len()).to_candles();
        let rows = rows.rows(0..count);
        let mut group = self.groups.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(rows.open_time_ms, None, None)?;
            column.close()?;
        }
        for values in [rows.open, rows.high, rows.low, rows.close, rows.volume] {
            if let Some(mut column) = group.next_column()? {
                column.typed::<DoubleType>().write_batch(values, None, None)?;
                column.close()?;
            }
        }
        group.close()?;
        self.waiting = later;
        Ok(())
    }
}

/// Folder of a file that is written.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads the candles of `range`, ascending as stored.
pub(super) fn read(path: &Path, range: TimeRange) -> Result<Candles, Error> {
    let file = File::open(path).map_err(Error::file("open", path))?;
    read_from(file, range).map_err(Error::file("read", path))
}

fn read_from(file: File, range: TimeRange) -> ParquetResult<Candles> {
    let reader = SerializedFileReader::new(file)?;
    let columns = Columns::of(&reader)?;
    let mut candles = Candles::default();
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index)?;
        if let Some((first_ms, last_ms)) = columns.extent(group.metadata())
            && (last_ms < range.start_ms || first_ms >= range.end_ms)
        {
            continue;
        }
        let rows = columns.read(group.as_ref())?;
        let all = rows.as_slice();
        if all.open_time_ms.is_sorted() {
            let from = all.lower_bound(range.start_ms);
            candles.extend_from(all.rows(from..all.lower_bound(range.end_ms)));
        } else {
            candles.extend_from(all);
        }
    }
    Ok(candles)
}

/// First and last open time and the count, from the footer alone where it has statistics.
pub(super) fn extent(path: &Path) -> Result<Option<Extent>, Error> {
    let file = File::open(path).map_err(Error::file("open", path))?;
    let look = || -> ParquetResult<Option<Extent>> {
        let reader = SerializedFileReader::new(file)?;
        let columns = Columns::of(&reader)?;
        let mut whole: Option<Extent> = None;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index)?;
            let count = u64::try_from(group.metadata().num_rows()).unwrap_or(0);
            let mut ends = columns.extent(group.metadata());
            if ends.is_none() {
                let times = columns.read(group.as_ref())?.open_time_ms;
                ends = times.first().copied().zip(times.last().copied());
            }
            let Some((first_ms, last_ms)) = ends else { continue };
            let so_far = whole.unwrap_or(Extent { first_ms, last_ms, count: 0 });
            whole = Some(Extent {
                first_ms: so_far.first_ms.min(first_ms),
                last_ms: so_far.last_ms.max(last_ms),
                count: so_far.count + count,
            });
        }
        Ok(whole)
    };
    look().map_err(Error::file("read", path))
}

/// Where a file has its columns, and what its times count.
struct Columns {
    time: usize,
    /// Units of the time column in a millisecond.
    per_ms: i64,
    prices: [usize; 5],
}

impl Columns {
    fn of(reader: &SerializedFileReader<File>) -> ParquetResult<Columns> {
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let find = |name: &str| {
            (0..schema.num_columns())
                .find(|index| schema.column(*index).name().eq_ignore_ascii_case(name))
                .ok_or_else(|| ParquetError::General(format!("there is no column \"{name}\"")))
        };
        let time = find(TIME)?;
        let per_ms = match schema.column(time).logical_type_ref() {
            Some(LogicalType::Timestamp(timestamp)) => match timestamp.unit {
                TimeUnit::MILLIS => 1,
                TimeUnit::MICROS => 1_000,
                TimeUnit::NANOS => 1_000_000,
            },
            _ => return Err(general("the column \"timestamp\" is no timestamp")),
        };
        let mut prices = [0; 5];
        for (slot, name) in prices.iter_mut().zip(PRICES) {
            *slot = find(name)?;
        }
        Ok(Columns { time, per_ms, prices })
    }

    /// First and last open time of a row group, ms, from its statistics.
    fn extent(&self, group: &RowGroupMetaData) -> Option<(i64, i64)> {
        let Statistics::Int64(values) = group.column(self.time).statistics()? else { return None };
        let [first, last] = [values.min_opt()?, values.max_opt()?];
        Some((first.div_euclid(self.per_ms), last.div_euclid(self.per_ms)))
    }

    fn read(&self, group: &dyn RowGroupReader) -> ParquetResult<Candles> {
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| general("a row group has a negative length"))?;
        let ColumnReader::Int64ColumnReader(mut reader) = group.get_column_reader(self.time)?
        else {
            return Err(general("the column \"timestamp\" is no 64-bit integer"));
        };
        let mut open_time_ms = Vec::with_capacity(rows);
        let mut levels = Vec::new();
        reader.read_records(rows, Some(&mut levels), None, &mut open_time_ms)?;
        if self.per_ms != 1 {
            for time in &mut open_time_ms {
                *time = time.div_euclid(self.per_ms);
            }
        }
        let [open, high, low, close, volume] = self.prices.map(|index| doubles(group, index, rows));
        let candles = Candles {
            open_time_ms,
            open: open?,
            high: high?,
            low: low?,
            close: close?,
            volume: volume?,
        };
        let whole = [&candles.open, &candles.high, &candles.low, &candles.close, &candles.volume]
            .iter()
            .all(|column| column.len() == rows);
        if candles.open_time_ms.len() != rows || !whole {
            return Err(general("a value is missing (null)"));
        }
        Ok(candles)
    }
}

pub(super) fn doubles(
    group: &dyn RowGroupReader,
    index: usize,
    rows: usize,
) -> ParquetResult<Vec<f64>> {
    let ColumnReader::DoubleColumnReader(mut reader) = group.get_column_reader(index)? else {
        return Err(general("a price column holds no 64-bit floats"));
    };
    let mut values = Vec::with_capacity(rows);
    let mut levels = Vec::new();
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    Ok(values)
}

pub(super) fn general(text: &str) -> ParquetError {
    ParquetError::General(text.to_owned())
}

/// Removes what a writer that died has left in `folder`.
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), Error> {
    let listing = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    for item in listing {
        let path = item.map_err(Error::file("list", folder))?.path();
        let unfinished = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(UNFINISHED));
        if unfinished {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}
