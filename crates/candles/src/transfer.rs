//! Copies series: to InfluxDB, and to files that other tools open.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::{CandleSlice, SeriesId, TimeRange};

use crate::cache::blocking;
use crate::error::Cause;
use crate::parquet::Writer as ParquetWriter;
use crate::{CandleSource, Error, Influx, Segment, SeriesInfo, temporary};

/// The year 2255: later than any payment, and a time that every store can write.
const FAR_MS: i64 = 9_000_000_000_000;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Candles copied.
    pub done: u64,
    /// Candles to copy, as the source listed them.
    pub total: u64,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Candles written.
    pub rows: u64,
    /// Candles that the server counts between the first and the last of them.
    pub counted: u64,
    /// Requests.
    pub batches: u64,
    /// Bytes sent.
    pub bytes: u64,
}

/// Copies all candles of a series to `to`, its calendar and instrument, and the funding rates of
/// its ticker, then has the server count: fewer candles there than were written is an error. A push
/// can be repeated.
pub async fn push(
    from: &dyn CandleSource,
    series: &SeriesInfo,
    to: &Influx,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<PushReport, Error> {
    let mut report = PushReport::default();
    let range = TimeRange { start_ms: series.first_ms, end_ms: series.last_ms + 1 };
    for segment in Segment::covering(series.id.timeframe, range) {
        let candles = from.load(&series.id, segment).await?;
        let mut done = report.rows;
        let written = to
            .write(&series.id, candles.as_slice(), |rows| {
                done += rows;
                progress(Progress { done, total: series.count });
            })
            .await?;
        report.rows += written.rows;
        report.batches += written.batches;
        report.bytes += written.bytes;
    }
    to.write_settings(&series.id, &series.calendar, series.instrument).await?;
    let SeriesId { exchange, ticker, .. } = &series.id;
    let all = TimeRange { start_ms: 0, end_ms: FAR_MS };
    let rates = from.funding(exchange, ticker, all).await?;
    to.write_funding(exchange, ticker, &rates).await?;
    report.counted = to.count(&series.id, range).await?;
    if report.counted < report.rows {
        let source_id = Arc::from(to.id());
        let cause = Cause::RowCount { got: report.rows, counted: report.counted };
        return Err(Error::Unavailable { source_id, cause });
    }
    Ok(report)
}

/// Layout of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet, as the store writes it.
    Parquet,
    /// CSV with the header `timestamp,open,high,low,close,volume`, times in ms.
    Csv,
    /// The same, gzipped.
    CsvGz,
}

impl Format {
    /// The format that the ending of `path` names.
    pub fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let endings =
            [(".parquet", Format::Parquet), (".csv", Format::Csv), (".csv.gz", Format::CsvGz)];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

/// Copies the candles of a series that open in `range` to the file `path`; returns their number.
///
/// Holds one segment in memory. The file appears only when it is whole.
pub async fn export(
    from: &dyn CandleSource,
    series: &SeriesInfo,
    range: TimeRange,
    path: &Path,
    format: Format,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<u64, Error> {
    let held = TimeRange {
        start_ms: range.start_ms.max(series.first_ms),
        end_ms: range.end_ms.min(series.last_ms + 1),
    };
    let mut writer = Writer::create(path, format)?;
    let mut done = 0;
    for segment in Segment::covering(series.id.timeframe, held) {
        let candles = from.load(&series.id, segment).await?;
        let target = path.to_owned();
        let rows;
        (writer, rows) = blocking(move || {
            let columns = candles.as_slice();
            let start = columns.lower_bound(held.start_ms);
            let columns = columns.rows(start..columns.lower_bound(held.end_ms));
            writer.push(&target, columns)?;
            Ok((writer, columns.len() as u64))
        })
        .await?;
        done += rows;
        progress(Progress { done, total: series.count });
    }
    if done == 0 {
        return Err(Error::NoCandles { series: series.id.clone(), range });
    }
    let target = path.to_owned();
    blocking(move || writer.finish(&target)).await?;
    Ok(done)
}

/// A file that is being written under a temporary name.
enum Writer {
    Parquet(Box<ParquetWriter>),
    Csv(BufWriter<File>, tempfile::TempPath),
    CsvGz(GzEncoder<BufWriter<File>>, tempfile::TempPath),
}

impl Writer {
    fn create(path: &Path, format: Format) -> Result<Writer, Error> {
        if format == Format::Parquet {
            return Ok(Writer::Parquet(Box::new(ParquetWriter::create(path)?)));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = temporary::file_in(folder.unwrap_or(Path::new(".")), ".writing-")
            .map_err(Error::file("write", path))?;
        let (file, temporary) = file.into_parts();
        let file = BufWriter::new(file);
        let mut writer = match format {
            Format::CsvGz => Writer::CsvGz(GzEncoder::new(file, Compression::default()), temporary),
            Format::Csv | Format::Parquet => Writer::Csv(file, temporary),
        };
        writer
            .text(b"timestamp,open,high,low,close,volume\n")
            .map_err(Error::file("write", path))?;
        Ok(writer)
    }

    fn push(&mut self, path: &Path, candles: CandleSlice<'_>) -> Result<(), Error> {
        if let Self::Parquet(writer) = self {
            return writer.push(path, candles);
        }
        let mut rows = Vec::with_capacity(candles.len() * 64);
        let format = |rows: &mut Vec<u8>| -> io::Result<()> {
            for row in 0..candles.len() {
                let c = candles.candle(row);
                let (time, open, high) = (c.open_time_ms, c.open, c.high);
                writeln!(rows, "{time},{open},{high},{},{},{}", c.low, c.close, c.volume)?;
            }
            Ok(())
        };
        format(&mut rows).and_then(|()| self.text(&rows)).map_err(Error::file("write", path))
    }

    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Parquet(_) => Ok(()),
            Self::Csv(file, _) => file.write_all(bytes),
            Self::CsvGz(file, _) => file.write_all(bytes),
        }
    }

    fn finish(self, path: &Path) -> Result<(), Error> {
        let (file, temporary) = match self {
            Self::Parquet(writer) => return writer.finish(path),
            Self::Csv(file, temporary) => (file, temporary),
            Self::CsvGz(file, temporary) => {
                (file.finish().map_err(Error::file("write", path))?, temporary)
            }
        };
        let file = file
            .into_inner()
            .map_err(|error| Error::file("write", path)(io::Error::other(error.into_error())))?;
        file.sync_all().map_err(Error::file("write", path))?;
        temporary.persist(path).map_err(|error| Error::file("write", path)(error.error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_the_ending() {
        for (name, expected) in [
            ("a.parquet", Some(Format::Parquet)),
            ("a.CSV", Some(Format::Csv)),
            ("a.csv.gz", Some(Format::CsvGz)),
            ("a.feather", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), expected);
        }
    }
}
