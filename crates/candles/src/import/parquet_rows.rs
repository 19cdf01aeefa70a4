//! Parquet files of any tool: columns by name, times and numbers of any type that can mean them.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::columns::{Column, Kind, Named, Role, decimal, pick, rows};
use super::lines::unreadable;
use super::row::Each;
use super::time::Unit;
use crate::Error;

pub(super) const MAGIC: &[u8; 4] = b"PAR1";
/// Rows decoded at a time.
const BATCH: usize = 65_536;

/// A Parquet file whose columns are known.
#[derive(Clone, Debug)]
pub(super) struct ParquetRows {
    path: PathBuf,
    columns: Named<Place>,
}

/// Which column, and what its values are.
#[derive(Clone, Copy, Debug)]
struct Place {
    column: usize,
    /// What integers mean.
    whole: Kind,
    scale: Option<i32>,
}

impl ParquetRows {
    /// Reads the footer.
    pub(super) fn open(path: &Path) -> Result<ParquetRows, Error> {
        let reader = guarded(path, || open(path))?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        // A nested column is none of a candle's, whatever its last name is.
        let name = |column: &ColumnDescriptor| match column.path().parts() {
            [name] => name.clone(),
            _ => String::new(),
        };
        let names: Vec<String> = schema.columns().iter().map(|column| name(column)).collect();
        let names = names.iter().map(String::as_str);
        let columns = pick(names, |column| Place::of(column, &schema.column(column)));
        let columns = columns.map_err(|unknown| unknown.of(path))?;
        Ok(ParquetRows { path: path.to_owned(), columns })
    }

    /// Whether times need a zone from outside.
    pub(super) fn needs_zone(&self) -> bool {
        matches!(self.columns.time.whole, Kind::Time { utc: false, .. })
    }

    /// Calls `each` with every row, until it breaks.
    pub(super) fn for_each(&self, each: &mut Each<'_>) -> Result<(), Error> {
        let reader = guarded(&self.path, || open(&self.path))?;
        let mut done = 0;
        for index in 0..reader.num_row_groups() {
            let mut readers = guarded(&self.path, || {
                let group = reader.get_row_group(index)?;
                self.columns.try_map(&mut |place: &Place, role| {
                    Ok(Open { reader: group.get_column_reader(place.column)?, place: *place, role })
                })
            })?;
            loop {
                let mut lengths = Vec::new();
                let columns = guarded(&self.path, || {
                    readers.try_map_mut(&mut |open| {
                        let column = open.next()?;
                        lengths.push(column.len());
                        Ok(column)
                    })
                })?;
                let count = lengths.first().copied().unwrap_or(0);
                if lengths.iter().any(|length| *length != count) {
                    return Err(unreadable(&self.path, "its columns are not of one length"));
                }
                if count == 0 {
                    break;
                }
                if rows(&columns, count, done, each).is_break() {
                    return Ok(());
                }
                done += count as u64;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> ParquetResult<SerializedFileReader<File>> {
    SerializedFileReader::new(File::open(path)?)
}

/// Runs the library on bytes from outside: what it panics at is a damaged file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> ParquetResult<T>) -> Result<T, Error> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Error::file("read", path)),
        Err(_) => Err(unreadable(path, "it is a damaged Parquet file")),
    }
}

impl Place {
    /// What the values of a column mean; `None` for a type that is not read.
    fn of(column: usize, described: &ColumnDescriptor) -> Option<Place> {
        let plain = |bytes| Kind::Int { bytes, signed: true };
        let by_type = match described.physical_type() {
            Type::INT32 => plain(4),
            Type::INT64 => plain(8),
            Type::INT96 => Kind::Time { unit: Unit::Millis, utc: true },
            Type::FLOAT => Kind::Float,
            Type::DOUBLE => Kind::Double,
            Type::FIXED_LEN_BYTE_ARRAY | Type::BYTE_ARRAY => Kind::Decimal { scale: 0 },
            Type::BOOLEAN => return None,
        };
        let mut place = Place { column, whole: by_type, scale: None };
        let bytes = matches!(by_type, Kind::Decimal { .. });
        match (described.logical_type_ref(), described.converted_type()) {
            (Some(LogicalType::Timestamp(timestamp)), _) => {
                let unit = match timestamp.unit {
                    TimeUnit::MILLIS => Unit::Millis,
                    TimeUnit::MICROS => Unit::Micros,
                    TimeUnit::NANOS => Unit::Nanos,
                };
                place.whole = Kind::Time { unit, utc: timestamp.is_adjusted_to_u_t_c };
            }
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => place.whole = Kind::Days,
            (None, ConvertedType::TIMESTAMP_MILLIS) => {
                place.whole = Kind::Time { unit: Unit::Millis, utc: true };
            }
            (None, ConvertedType::TIMESTAMP_MICROS) => {
                place.whole = Kind::Time { unit: Unit::Micros, utc: true };
            }
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => {
                place.scale = Some(described.type_scale());
            }
            _ if bytes => return None,
            _ => {}
        }
        Some(place)
    }
}

/// A column that is being read.
struct Open {
    reader: ColumnReader,
    place: Place,
    role: Role,
}

impl Named<Open> {
    fn try_map_mut<U>(
        &mut self,
        map: &mut impl FnMut(&mut Open) -> ParquetResult<U>,
    ) -> ParquetResult<Named<U>> {
        Ok(Named {
            time: map(&mut self.time)?,
            open: map(&mut self.open)?,
            high: map(&mut self.high)?,
            low: map(&mut self.low)?,
            close: map(&mut self.close)?,
            volume: self.volume.as_mut().map(map).transpose()?,
        })
    }
}

impl Open {
    /// The next values; none at the end of the row group.
    fn next(&mut self) -> ParquetResult<Column> {
        let Place { whole, scale, .. } = self.place;
        let role = self.role;
        let integers = |values: Vec<Option<i64>>| match scale {
            None => Column::from_integers(whole, role, values.into_iter()),
            Some(scale) => Some(Column::Numbers(
                values
                    .into_iter()
                    .map(|v| v.map_or(f64::NAN, |v| decimal(v.into(), scale)))
                    .collect(),
            )),
        };
        let column = match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => integers(batch(reader, |v| i64::from(*v))?),
            ColumnReader::Int64ColumnReader(reader) => integers(batch(reader, |v| *v)?),
            ColumnReader::Int96ColumnReader(reader) => {
                integers(batch(reader, parquet::data_type::Int96::to_millis)?)
            }
            ColumnReader::FloatColumnReader(reader) => {
                Some(numbers(batch(reader, |v| f64::from(*v))?))
            }
            ColumnReader::DoubleColumnReader(reader) => Some(numbers(batch(reader, |v| *v)?)),
            ColumnReader::ByteArrayColumnReader(reader) => {
                Some(numbers(batch(reader, |v| of_bytes(v.data(), scale))?))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                Some(numbers(batch(reader, |v| of_bytes(v.data(), scale))?))
            }
            ColumnReader::BoolColumnReader(_) => None,
        };
        column.ok_or_else(|| {
            let text = "a price column holds times".to_owned();
            parquet::errors::ParquetError::General(text)
        })
    }
}

fn numbers(values: Vec<Option<f64>>) -> Column {
    Column::Numbers(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// A big-endian integer as a decimal.
fn of_bytes(bytes: &[u8], scale: Option<i32>) -> f64 {
    let (Some(scale), 1..=16) = (scale, bytes.len()) else { return f64::NAN };
    let negative = bytes[0] & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    decimal(i128::from_be_bytes(wide), scale)
}

/// The next values of a column, nulls in their places.
fn batch<T: DataType, V: Clone>(
    reader: &mut ColumnReaderImpl<T>,
    value: impl Fn(&T::T) -> V,
) -> ParquetResult<Vec<Option<V>>> {
    let (mut levels, mut raw) = (Vec::new(), Vec::new());
    let (records, _, _) = reader.read_records(BATCH, Some(&mut levels), None, &mut raw)?;
    if levels.is_empty() {
        return Ok(raw.iter().map(|raw| Some(value(raw))).collect());
    }
    let mut values = raw.iter();
    let placed = levels
        .iter()
        .take(records)
        .map(|level| if *level > 0 { values.next().map(&value) } else { None });
    Ok(placed.collect())
}
