//! Which kind of file it is, by its first bytes.

use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use super::arrow::{self, Arrow};
use super::json::Arrays;
use super::layout::Wanted;
use super::lines::{self, Packing, unreadable};
use super::parquet_rows::{self, ParquetRows};
use super::row::Each;
use super::table::Table;
use super::time::Stamp;
use crate::Error;

/// Bytes that tell what a text is.
const LOOK: u64 = 4_096;
/// Feather of the first kind, and HDF5.
const OLD_FEATHER: &[u8; 4] = b"FEA1";
const HDF5: &[u8; 4] = b"\x89HDF";

/// A file of candles, ready to be read any number of times.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Table(Table),
    Arrays(Arrays),
    Arrow(Arrow),
    Parquet(ParquetRows),
}

impl Form {
    /// Looks at the beginning of `path`.
    pub(super) fn open(path: &Path, wanted: &Wanted<'_>, adjusted: bool) -> Result<Form, Error> {
        let kind = path.metadata().map_err(Error::file("open", path))?;
        if !kind.is_file() {
            // A pipe can be read once, and this reads three times.
            return Err(unreadable(path, "it is not a regular file"));
        }
        let mut magic = Vec::new();
        let file = File::open(path).map_err(Error::file("open", path))?;
        file.take(8).read_to_end(&mut magic).map_err(Error::file("read", path))?;
        let packing = match magic.as_slice() {
            magic if magic.starts_with(arrow::MAGIC) => return Arrow::open(path).map(Form::Arrow),
            magic if magic.starts_with(parquet_rows::MAGIC) => {
                return ParquetRows::open(path).map(Form::Parquet);
            }
            magic if magic.starts_with(OLD_FEATHER) => {
                return Err(unreadable(path, "it is Feather of version 1: write version 2"));
            }
            magic if magic.starts_with(HDF5) => {
                let reason = "it is HDF5: convert it, for instance to feather with freqtrade \
                              convert-data --format-to feather";
                return Err(unreadable(path, reason));
            }
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Packing::Zip,
            _ => Packing::Plain,
        };
        let is_json = lines::unpacked(path, packing, |reader| {
            let mut start = Vec::new();
            reader.take(LOOK).read_to_end(&mut start).map_err(Error::file("read", path))?;
            Ok(Arrays::begin_with(&start))
        })?;
        if is_json {
            return Ok(Form::Arrays(Arrays::new(path, packing)));
        }
        Table::open(path, packing, wanted, adjusted).map(Form::Table)
    }

    /// What the file was taken for, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Table(table) => table.words(),
            Self::Arrays(arrays) => arrays.words(),
            Self::Arrow(_) => "Arrow (Feather)".to_owned(),
            Self::Parquet(_) => "Parquet".to_owned(),
        }
    }

    /// Whether its times are local ones, whose zone has to be said.
    pub(super) fn needs_zone(&self) -> bool {
        match self {
            Self::Table(table) => table.first().is_some_and(Stamp::needs_zone),
            Self::Arrays(_) => false,
            Self::Arrow(arrow) => arrow.needs_zone(),
            Self::Parquet(parquet) => parquet.needs_zone(),
        }
    }

    /// Whether the first row's time is a midnight, in whatever zone.
    pub(super) fn begins_at_midnight(&self) -> Result<bool, Error> {
        let mut midnight = false;
        self.for_each(&mut |_, row| {
            midnight = row.is_ok_and(|row| match row.stamp {
                Stamp::Naive(time) => time.time() == jiff::civil::Time::midnight(),
                Stamp::Number(..) | Stamp::Date(_) | Stamp::Local(..) => false,
            });
            ControlFlow::Break(())
        })?;
        Ok(midnight)
    }

    pub(super) fn is_binance(&self) -> bool {
        matches!(self, Self::Table(table) if table.is_binance())
    }

    /// Whether names are those of freqtrade: a `_` stands for what a file name cannot have.
    pub(super) fn may_be_freqtrade(&self) -> bool {
        !matches!(self, Self::Table(_))
    }

    /// The ticker that the file itself names.
    pub(super) fn ticker(&self) -> Option<&str> {
        match self {
            Self::Table(table) => table.ticker(),
            Self::Arrays(_) | Self::Arrow(_) | Self::Parquet(_) => None,
        }
    }

    /// Calls `each` with every row, until it breaks.
    pub(super) fn for_each(&self, each: &mut Each<'_>) -> Result<(), Error> {
        match self {
            Self::Table(table) => table.for_each(each),
            Self::Arrays(arrays) => arrays.for_each(each),
            Self::Arrow(arrow) => arrow.for_each(each),
            Self::Parquet(parquet) => parquet.for_each(each),
        }
    }
}
