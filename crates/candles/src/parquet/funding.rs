//! One Parquet file of all funding rates of a ticker.
//!
//! `timestamp` (ms, UTC), `rate`, `mark` (doubles; NaN where there is no mark price), all required.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{FundingRate, FundingRates, TimeRange};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::file::{UNFINISHED, doubles, general};
use super::{ALL, Merged, ParquetStore, lock, state};
use crate::{Error, temporary};

/// Folder of the rates, beside those of the timeframes.
pub(super) const FOLDER: &str = "funding";
const FILE: &str = "rates.parquet";
const SCHEMA: &str = "message funding {
    required int64 timestamp (TIMESTAMP(MILLIS, true));
    required double rate;
    required double mark;
}";

impl ParquetStore {
    /// Adds funding rates of a ticker; where a time is there already, the new rate replaces it.
    ///
    /// Merging the same rates twice changes no file. Blocks.
    pub fn merge_funding(
        &self,
        exchange: &str,
        ticker: &str,
        rates: &FundingRates,
    ) -> Result<Merged, Error> {
        let folder = self.inner.funding_folder(exchange, ticker);
        let _lock = lock(&folder)?;
        super::file::remove_unfinished(&folder)?;
        let old = read_if_there(&folder, ALL)?;
        let (new, merged) = merge(&old, rates);
        if merged.added + merged.replaced > 0 {
            write(&folder.join(FILE), &new)?;
        }
        Ok(merged)
    }
}

/// Merges two series; at equal times `new` wins.
fn merge(old: &FundingRates, new: &FundingRates) -> (FundingRates, Merged) {
    let (old, new) = (old.as_slice(), new.as_slice());
    let mut rates = FundingRates::default();
    let mut merged = Merged::default();
    let mut push = |rate| rates.push(rate).expect("both are ascending and sound");
    let mut row = 0;
    for index in 0..new.len() {
        let rate = new.get(index);
        while row < old.len() && old.time_ms[row] < rate.time_ms {
            push(old.get(row));
            row += 1;
        }
        if old.time_ms.get(row) == Some(&rate.time_ms) {
            let same = old.get(row) == rate;
            merged.unchanged += u64::from(same);
            merged.replaced += u64::from(!same);
            row += 1;
        } else {
            merged.added += 1;
        }
        push(rate);
    }
    (row..old.len()).for_each(|row| push(old.get(row)));
    (rates, merged)
}

fn write(path: &Path, rates: &FundingRates) -> Result<(), Error> {
    let folder = super::file::folder(path);
    let file = temporary::file_in(folder, UNFINISHED).map_err(Error::file("write", path))?;
    let (file, temporary) = file.into_parts();
    let put = || -> ParquetResult<File> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(false);
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let mut groups = SerializedFileWriter::new(file, schema, Arc::new(properties.build()))?;
        let rows = rates.as_slice();
        let mut group = groups.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(rows.time_ms, None, None)?;
            column.close()?;
        }
        for values in [rows.rate, rows.mark] {
            if let Some(mut column) = group.next_column()? {
                column.typed::<DoubleType>().write_batch(values, None, None)?;
                column.close()?;
            }
        }
        group.close()?;
        groups.finish()?;
        Ok(groups.inner().try_clone()?)
    };
    let file = put().map_err(Error::file("write", path))?;
    file.sync_all().map_err(Error::file("write", path))?;
    temporary.persist(path).map_err(|error| Error::file("write", path)(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file("sync", folder))
}

/// The rates of `range`; none without a file.
pub(super) fn read_if_there(folder: &Path, range: TimeRange) -> Result<FundingRates, Error> {
    let path: PathBuf = folder.join(FILE);
    if state(&path)?.is_none() {
        return Ok(FundingRates::default());
    }
    let file = File::open(&path).map_err(Error::file("open", &path))?;
    let all = read(file).map_err(Error::file("read", &path))?;
    Ok(all.as_slice().within(range).to_rates())
}

fn read(file: File) -> ParquetResult<FundingRates> {
    let reader = SerializedFileReader::new(file)?;
    let mut rates = FundingRates::default();
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| general("a row group has a negative length"))?;
        if group.num_columns() != 3 {
            return Err(general("it has not the columns timestamp, rate, mark"));
        }
        let times = times(group.as_ref(), rows)?;
        let (values, marks) =
            (doubles(group.as_ref(), 1, rows)?, doubles(group.as_ref(), 2, rows)?);
        if times.len() != rows || values.len() != rows || marks.len() != rows {
            return Err(general("a value is missing (null)"));
        }
        for (time_ms, (rate, mark)) in times.into_iter().zip(values.into_iter().zip(marks)) {
            let mark = (!mark.is_nan()).then_some(mark);
            rates
                .push(FundingRate { time_ms, rate, mark })
                .map_err(|fault| general(&format!("a payment {fault}")))?;
        }
    }
    Ok(rates)
}

fn times(group: &dyn RowGroupReader, rows: usize) -> ParquetResult<Vec<i64>> {
    let ColumnReader::Int64ColumnReader(mut reader) = group.get_column_reader(0)? else {
        return Err(general("the column \"timestamp\" is no 64-bit integer"));
    };
    let mut times = Vec::with_capacity(rows);
    let mut levels = Vec::new();
    reader.read_records(rows, Some(&mut levels), None, &mut times)?;
    Ok(times)
}
