//! Copies series to files that other tools open.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::{CandleSlice, TimeRange};

use crate::arrow_file::ArrowFile;
use crate::cache::blocking;
use crate::parquet::Writer as ParquetWriter;
use crate::{CandleSource, Error, Segment, SeriesInfo, temporary};

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Candles copied.
    pub done: u64,
    /// Candles to copy, as the source listed them.
    pub total: u64,
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
    /// An Arrow IPC file (Feather v2), not packed.
    Arrow,
}

impl Format {
    /// The format that the ending of `path` names.
    pub fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let endings = [
            (".parquet", Format::Parquet),
            (".csv", Format::Csv),
            (".csv.gz", Format::CsvGz),
            (".arrow", Format::Arrow),
            (".feather", Format::Arrow),
        ];
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
    Arrow(Box<ArrowFile>, tempfile::TempPath),
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
        if format == Format::Arrow {
            let file = ArrowFile::new(file).map_err(Error::file("write", path))?;
            return Ok(Writer::Arrow(Box::new(file), temporary));
        }
        let file = BufWriter::new(file);
        let mut writer = match format {
            Format::CsvGz => Writer::CsvGz(GzEncoder::new(file, Compression::default()), temporary),
            Format::Csv | Format::Parquet | Format::Arrow => Writer::Csv(file, temporary),
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
        if let Self::Arrow(writer, _) = self {
            return writer.push(candles).map_err(Error::file("write", path));
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
            Self::Parquet(_) | Self::Arrow(..) => Ok(()),
            Self::Csv(file, _) => file.write_all(bytes),
            Self::CsvGz(file, _) => file.write_all(bytes),
        }
    }

    fn finish(self, path: &Path) -> Result<(), Error> {
        let (file, temporary) = match self {
            Self::Parquet(writer) => return writer.finish(path),
            Self::Arrow(writer, temporary) => {
                writer.finish().map_err(Error::file("write", path))?;
                let persisted = temporary.persist(path);
                return persisted.map_err(|error| Error::file("write", path)(error.error));
            }
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
            ("a.feather", Some(Format::Arrow)),
            ("a.arrow", Some(Format::Arrow)),
            ("a.xlsx", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), expected);
        }
    }
}
