//! Arrow IPC files (Feather v2), as freqtrade and pandas write them: LZ4, zstd or plain.
//!
//! Reads the columns it needs of one record batch at a time. Our own reader: a file from outside
//! must not be able to panic or to ask for memory that it does not fill (docs/adr).

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::columns::{Column, Kind, Named, Role, pick, rows};
use super::flatbuffer::Fields;
use super::lines::unreadable;
use super::row::Each;
use super::time::Unit;
use crate::Error;

pub(super) const MAGIC: &[u8; 6] = b"ARROW1";
/// Bytes that a footer, a batch or a column may have: 2^27 rows of 8 bytes.
const MOST_BYTES: u64 = 1 << 30;
/// Rows that a batch may have.
const MOST_ROWS: i64 = 1 << 27;
const SCHEMA_FIELDS: usize = 1;
const RECORD_BATCH: u8 = 3;

/// An Arrow file whose columns are known.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    path: PathBuf,
    batches: Vec<Block>,
    columns: Named<Place>,
    fields: Vec<Field>,
}

/// Where a record batch is in the file.
#[derive(Clone, Copy, Debug)]
struct Block {
    offset: u64,
    metadata: u64,
    body: u64,
}

/// A column of the schema.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: Option<Kind>,
    /// Buffers that it has in a batch; `None` for what has children.
    buffers: Option<usize>,
}

/// Which field, and what its values are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    field: usize,
    kind: Kind,
}

/// Part of a batch that holds values.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    length: u64,
}

fn le_i64(bytes: &[u8]) -> Option<i64> {
    bytes.get(..8)?.try_into().ok().map(i64::from_le_bytes)
}

fn le_i32(bytes: &[u8]) -> Option<i32> {
    bytes.get(..4)?.try_into().ok().map(i32::from_le_bytes)
}

impl Arrow {
    /// Reads the footer.
    pub(super) fn open(path: &Path) -> Result<Arrow, Error> {
        let bad = || unreadable(path, "it is no whole Arrow file");
        let mut file = File::open(path).map_err(Error::file("open", path))?;
        let length = file.metadata().map_err(Error::file("open", path))?.len();
        let tail = length.checked_sub(10).ok_or_else(bad)?;
        let end = read_at(&mut file, path, tail, 10)?;
        let footer_length = le_i32(&end).and_then(|n| u64::try_from(n).ok()).ok_or_else(bad)?;
        let footer_at = tail.checked_sub(footer_length).ok_or_else(bad)?;
        if &end[4..] != MAGIC {
            return Err(bad());
        }
        let footer = read_at(&mut file, path, footer_at, footer_length)?;
        let (fields, batches) = parse_footer(&footer, length).ok_or_else(bad)?;
        let places = |index: usize| {
            let field: &Field = &fields[index];
            field.kind.map(|kind| Place { field: index, kind })
        };
        let names = fields.iter().map(|field| field.name.as_str());
        let columns = pick(names, places).map_err(|unknown| unknown.of(path))?;
        let last = [columns.time, columns.open, columns.high, columns.low, columns.close];
        let last = last.iter().chain(&columns.volume).map(|place| place.field).max().unwrap_or(0);
        if fields[..=last].iter().any(|field| field.buffers.is_none()) {
            return Err(unreadable(path, "it has nested columns before those of a candle"));
        }
        Ok(Arrow { path: path.to_owned(), batches, columns, fields })
    }

    /// Whether times need a zone from outside.
    pub(super) fn needs_zone(&self) -> bool {
        matches!(self.columns.time.kind, Kind::Time { utc: false, .. })
    }

    /// Calls `each` with every row, until it breaks.
    pub(super) fn for_each(&self, each: &mut Each<'_>) -> Result<(), Error> {
        let mut file = File::open(&self.path).map_err(Error::file("open", &self.path))?;
        let mut done = 0;
        for block in &self.batches {
            let bad = || unreadable(&self.path, "a record batch of it is damaged");
            let head = read_at(&mut file, &self.path, block.offset, block.metadata)?;
            let batch = Batch::parse(&head, &self.fields).ok_or_else(bad)?;
            let body_at = block.offset.checked_add(block.metadata).ok_or_else(bad)?;
            let mut load = |place: &Place, role: Role| -> Result<Column, Error> {
                let (start, nulls) = batch.place(&self.fields, place.field).ok_or_else(bad)?;
                let mut buffer = |index: usize| -> Result<Vec<u8>, Error> {
                    let span = batch.spans.get(index).ok_or_else(bad)?;
                    let end = span.offset.checked_add(span.length).ok_or_else(bad)?;
                    if end > block.body {
                        return Err(bad());
                    }
                    let at = body_at.checked_add(span.offset).ok_or_else(bad)?;
                    let raw = read_at(&mut file, &self.path, at, span.length)?;
                    let most = batch.rows.saturating_mul(16).saturating_add(64);
                    unpack(raw, batch.codec, most).ok_or_else(bad)
                };
                let valid = if nulls == 0 { Vec::new() } else { buffer(start)? };
                let values = buffer(start + 1)?;
                let valid = (nulls > 0).then_some(valid.as_slice());
                Column::from_arrow(place.kind, role, &values, valid, batch.rows).ok_or_else(bad)
            };
            let columns = self.columns.try_map(&mut load)?;
            if rows(&columns, batch.rows, done, each).is_break() {
                return Ok(());
            }
            done += batch.rows as u64;
        }
        Ok(())
    }
}

/// Bytes of a file; fails where it does not have them.
fn read_at(file: &mut File, path: &Path, at: u64, length: u64) -> Result<Vec<u8>, Error> {
    if length > MOST_BYTES {
        return Err(unreadable(path, "a part of it is too long"));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(Error::file("read", path))?;
    file.take(length).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(unreadable(path, "it is cut off")) }
}

fn parse_footer(footer: &[u8], length: u64) -> Option<(Vec<Field>, Vec<Block>)> {
    let root = Fields::root(footer)?;
    let schema = root.table(SCHEMA_FIELDS)?;
    // Bytes of the other order are not read: no tool writes them.
    if schema.i16(0).unwrap_or(0) != 0 {
        return None;
    }
    let fields: Option<Vec<Field>> = schema.tables(1)?.map(|field| field.map(field_of)).collect();
    let blocks: Option<Vec<Block>> = root
        .structs::<24>(3)
        .unwrap_or_default()
        .iter()
        .map(|bytes| block_of(bytes, length))
        .collect();
    Some((fields?, blocks?))
}

fn block_of(bytes: &[u8; 24], length: u64) -> Option<Block> {
    let block = Block {
        offset: u64::try_from(le_i64(bytes)?).ok()?,
        metadata: u64::try_from(le_i32(&bytes[8..])?).ok()?,
        body: u64::try_from(le_i64(&bytes[16..])?).ok()?,
    };
    let end = block.offset.checked_add(block.metadata)?.checked_add(block.body)?;
    (end <= length).then_some(block)
}

fn field_of(field: Fields<'_>) -> Field {
    let name = field.text(0).unwrap_or("").to_owned();
    let is_dictionary = field.table(4).is_some();
    let has_children = field.tables(5).is_some_and(|mut children| children.next().is_some());
    let of = field.table(3);
    let number = |index| of.and_then(|of| of.i32(index));
    let short = |index| of.and_then(|of| of.i16(index)).unwrap_or(0);
    let (kind, buffers) = match field.u8(2).unwrap_or(0) {
        1 => (None, Some(0)),
        2 => {
            let signed = of.and_then(|of| of.u8(1)).unwrap_or(0) != 0;
            (Kind::integer(number(0).unwrap_or(0), signed), Some(2))
        }
        3 => (Kind::float(short(0)), Some(2)),
        // Binary and text, short and long.
        4 | 5 | 19 | 20 => (None, Some(3)),
        6 | 9 | 11 | 15 | 18 => (None, Some(2)),
        7 => {
            let width = of.and_then(|of| of.i32(2)).unwrap_or(128);
            let scale = number(1).unwrap_or(0);
            (if width == 128 { Kind::decimal(scale) } else { None }, Some(2))
        }
        8 => {
            // Without a value the unit is milliseconds.
            let days = of.and_then(|of| of.i16(0)).is_some_and(|unit| unit == 0);
            (
                Some(if days { Kind::Days } else { Kind::Time { unit: Unit::Millis, utc: true } }),
                Some(2),
            )
        }
        10 => {
            let unit = match short(0) {
                0 => Unit::Seconds,
                1 => Unit::Millis,
                2 => Unit::Micros,
                _ => Unit::Nanos,
            };
            let utc = of.and_then(|of| of.text(1)).is_some_and(|zone| !zone.is_empty());
            (Some(Kind::Time { unit, utc }), Some(2))
        }
        _ => (None, None),
    };
    let buffers = if has_children { None } else { buffers };
    Field { name, kind: if is_dictionary { None } else { kind }, buffers }
}

/// The description of one record batch.
struct Batch {
    rows: usize,
    nulls: Vec<i64>,
    spans: Vec<Span>,
    codec: Codec,
}

#[derive(Clone, Copy)]
enum Codec {
    Plain,
    Lz4,
    Zstd,
}

impl Batch {
    fn parse(head: &[u8], fields: &[Field]) -> Option<Batch> {
        // A marker and a length go before the message; files of old versions have only the length.
        let at = if head.starts_with(&[0xff; 4]) { 8 } else { 4 };
        let message = Fields::root(head.get(at..)?)?;
        if message.u8(1)? != RECORD_BATCH {
            return None;
        }
        let batch = message.table(2)?;
        let rows = batch.i64(0).unwrap_or(0);
        let rows = (0..=MOST_ROWS).contains(&rows).then(|| usize::try_from(rows).ok())??;
        let nodes = batch.structs::<16>(1).unwrap_or_default();
        let nulls: Option<Vec<i64>> = nodes.iter().map(|node| le_i64(&node[8..])).collect();
        let span = |bytes: &[u8; 16]| {
            Some(Span {
                offset: u64::try_from(le_i64(bytes)?).ok()?,
                length: u64::try_from(le_i64(&bytes[8..])?).ok()?,
            })
        };
        let spans: Option<Vec<Span>> =
            batch.structs::<16>(2).unwrap_or_default().iter().map(span).collect();
        let codec = match batch.table(3) {
            None => Codec::Plain,
            Some(compression) => match compression.u8(0).unwrap_or(0) {
                0 => Codec::Lz4,
                1 => Codec::Zstd,
                _ => return None,
            },
        };
        let (nulls, spans) = (nulls?, spans?);
        (nulls.len() >= fields.len()).then_some(Batch { rows, nulls, spans, codec })
    }

    /// The first buffer of a field, and how many of its values are null.
    fn place(&self, fields: &[Field], field: usize) -> Option<(usize, i64)> {
        let before: Option<usize> = fields.get(..field)?.iter().map(|field| field.buffers).sum();
        Some((before?, *self.nulls.get(field)?))
    }
}

/// The bytes of a buffer: each packed one says its own length first, -1 for one left as it was.
fn unpack(raw: Vec<u8>, codec: Codec, most: usize) -> Option<Vec<u8>> {
    if matches!(codec, Codec::Plain) || raw.is_empty() {
        return Some(raw);
    }
    let length = le_i64(&raw)?;
    let packed = raw.get(8..)?;
    if length == -1 {
        return Some(packed.to_vec());
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= most)?;
    let mut bytes = Vec::new();
    let limit = length as u64 + 1;
    match codec {
        Codec::Lz4 => {
            lz4_flex::frame::FrameDecoder::new(packed).take(limit).read_to_end(&mut bytes).ok()?
        }
        Codec::Zstd => zstd::Decoder::new(packed).ok()?.take(limit).read_to_end(&mut bytes).ok()?,
        Codec::Plain => 0,
    };
    (bytes.len() == length).then_some(bytes)
}
