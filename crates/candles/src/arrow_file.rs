//! Writes candles as an Arrow IPC file (Feather v2), uncompressed, so that other tools can map it.
//!
//! Columns `timestamp` (ms, UTC), `open`, `high`, `low`, `close`, `volume`, no nulls; one record
//! batch a call. The flatbuffers that describe them are laid out here (Arrow's `Message.fbs`,
//! `Schema.fbs` and `File.fbs`): parents before children, every value aligned to its size.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use model::CandleSlice;

const MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// Precedes the length of a message.
const CONTINUES: [u8; 4] = [0xff; 4];
/// Columns and messages begin at multiples of this.
const ALIGN: usize = 64;
const VERSION_5: i16 = 4;
const SCHEMA: u8 = 1;
const RECORD_BATCH: u8 = 3;
const FLOATING_POINT: u8 = 3;
const TIMESTAMP: u8 = 10;
const DOUBLE: i16 = 2;
const MILLISECOND: i16 = 1;
const PRICES: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// A file that is being written.
pub(crate) struct ArrowFile {
    file: BufWriter<File>,
    at: usize,
    /// Offset, bytes of metadata and bytes of body of each batch.
    blocks: Vec<(usize, usize, usize)>,
}

impl ArrowFile {
    /// Writes what precedes the batches.
    pub(crate) fn new(file: File) -> io::Result<ArrowFile> {
        let mut arrow = ArrowFile { file: BufWriter::new(file), at: 0, blocks: Vec::new() };
        arrow.put(MAGIC)?;
        arrow.message(SCHEMA, schema(), 0)?;
        Ok(arrow)
    }

    /// Writes `candles` as one record batch.
    pub(crate) fn push(&mut self, candles: CandleSlice<'_>) -> io::Result<()> {
        if candles.is_empty() {
            return Ok(());
        }
        let rows = candles.len();
        let stride = (rows * 8).next_multiple_of(ALIGN);
        let (mut nodes, mut buffers) = (Vec::new(), Vec::new());
        for column in 0..=PRICES.len() {
            push_i64s(&mut nodes, &[rows, 0]);
            // No column has nulls, so none has a bitmap.
            push_i64s(&mut buffers, &[column * stride, 0, column * stride, rows * 8]);
        }
        let batch = Part::Table(vec![
            int64(rows),
            child(Part::Structs(nodes, 16)),
            child(Part::Structs(buffers, 16)),
        ]);
        let body = stride * (1 + PRICES.len());
        let from = self.at;
        self.message(RECORD_BATCH, batch, body)?;
        self.blocks.push((from, self.at - from, body));
        let times = candles.open_time_ms.iter().flat_map(|time| time.to_le_bytes()).collect();
        self.column(times, stride)?;
        for column in [candles.open, candles.high, candles.low, candles.close, candles.volume] {
            self.column(column.iter().flat_map(|value| value.to_le_bytes()).collect(), stride)?;
        }
        Ok(())
    }

    /// Writes the footer, and syncs.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.put(&CONTINUES)?;
        self.put(&[0; 4])?;
        let mut blocks = Vec::new();
        for (offset, metadata, body) in &self.blocks {
            push_i64s(&mut blocks, &[*offset, *metadata, *body]);
        }
        let footer = Part::Table(vec![
            Slot::Value(VERSION_5.to_le_bytes().into()),
            child(schema()),
            child(Part::Structs(Vec::new(), 24)),
            child(Part::Structs(blocks, 24)),
        ]);
        let footer = flatbuffer(&footer);
        self.put(&footer)?;
        let length = i32::try_from(footer.len()).map_err(io::Error::other)?;
        self.put(&length.to_le_bytes())?;
        self.put(&MAGIC[..6])?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }

    fn column(&mut self, mut bytes: Vec<u8>, stride: usize) -> io::Result<()> {
        bytes.resize(stride, 0);
        self.put(&bytes)
    }

    /// Writes a message up to its body, which begins at a multiple of [`ALIGN`].
    fn message(&mut self, kind: u8, header: Part, body: usize) -> io::Result<()> {
        let message = Part::Table(vec![
            Slot::Value(VERSION_5.to_le_bytes().into()),
            Slot::Value(vec![kind]),
            child(header),
            int64(body),
        ]);
        let mut metadata = flatbuffer(&message);
        let body_at = (self.at + 8 + metadata.len()).next_multiple_of(ALIGN);
        metadata.resize(body_at - self.at - 8, 0);
        self.put(&CONTINUES)?;
        let length = i32::try_from(metadata.len()).map_err(io::Error::other)?;
        self.put(&length.to_le_bytes())?;
        self.put(&metadata)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        self.file.write_all(bytes)
    }
}

/// Part of a flatbuffer.
enum Part {
    Table(Vec<Slot>),
    Text(&'static str),
    Tables(Vec<Part>),
    /// Structs of so many bytes, all aligned to 8.
    Structs(Vec<u8>, usize),
}

/// A field of a table.
enum Slot {
    /// A number of 1, 2, 4 or 8 bytes.
    Value(Vec<u8>),
    Child(Box<Part>),
}

fn child(part: Part) -> Slot {
    Slot::Child(Box::new(part))
}

fn int64(value: usize) -> Slot {
    Slot::Value((value as u64).to_le_bytes().into())
}

fn push_i64s(bytes: &mut Vec<u8>, values: &[usize]) {
    bytes.extend(values.iter().flat_map(|value| (*value as u64).to_le_bytes()));
}

fn schema() -> Part {
    let field = |name, kind: u8, kind_table: Vec<Slot>| {
        // The missing dictionary is slot 4: an absent field has no value and no child.
        Part::Table(vec![
            child(Part::Text(name)),
            Slot::Value(vec![0]),
            Slot::Value(vec![kind]),
            child(Part::Table(kind_table)),
            Slot::Value(Vec::new()),
            child(Part::Tables(Vec::new())),
        ])
    };
    let unit = Slot::Value(MILLISECOND.to_le_bytes().into());
    let time = field("timestamp", TIMESTAMP, vec![unit, child(Part::Text("UTC"))]);
    let price = |name| field(name, FLOATING_POINT, vec![Slot::Value(DOUBLE.to_le_bytes().into())]);
    let fields = std::iter::once(time).chain(PRICES.into_iter().map(price)).collect();
    let little_endian = Slot::Value(vec![0, 0]);
    Part::Table(vec![little_endian, child(Part::Tables(fields))])
}

/// The flatbuffer of `root`, its length a multiple of 8.
fn flatbuffer(root: &Part) -> Vec<u8> {
    let mut out = vec![0; 4];
    lay(&mut out, root, 0);
    pad(&mut out, 8);
    out
}

fn pad(out: &mut Vec<u8>, align: usize) {
    out.resize(out.len().next_multiple_of(align), 0);
}

/// Flatbuffers of ours are some hundred bytes, and one of blocks some megabytes at most.
fn length(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("a flatbuffer of ours is below 4 GB").to_le_bytes()
}

/// Appends `part`, and writes the way to it at `from`.
fn lay(out: &mut Vec<u8>, part: &Part, from: usize) {
    let start = match part {
        Part::Text(text) => {
            pad(out, 4);
            let start = out.len();
            out.extend(length(text.len()));
            out.extend(text.as_bytes());
            out.push(0);
            start
        }
        Part::Structs(bytes, size) => {
            // The structs are aligned, not the count before them.
            out.resize((out.len() + 4).next_multiple_of(8) - 4, 0);
            let start = out.len();
            out.extend(length(bytes.len() / size));
            out.extend(bytes);
            start
        }
        Part::Tables(parts) => {
            pad(out, 4);
            let start = out.len();
            out.extend(length(parts.len()));
            out.resize(out.len() + 4 * parts.len(), 0);
            for (index, part) in parts.iter().enumerate() {
                lay(out, part, start + 4 + 4 * index);
            }
            start
        }
        Part::Table(slots) => table(out, slots),
    };
    out[from..from + 4].copy_from_slice(&length(start - from));
}

/// Appends a table after the list of its fields' places; returns where it begins.
fn table(out: &mut Vec<u8>, slots: &[Slot]) -> usize {
    let mut places = Vec::with_capacity(slots.len());
    let mut size: usize = 4;
    for slot in slots {
        let bytes = match slot {
            Slot::Value(bytes) => bytes.len(),
            Slot::Child(_) => 4,
        };
        if bytes == 0 {
            places.push(0);
            continue;
        }
        size = size.next_multiple_of(bytes);
        places.push(size);
        size += bytes;
    }
    let list = 4 + 2 * slots.len();
    let start = (out.len() + list).next_multiple_of(8);
    out.resize(start - list, 0);
    for value in [list, size].into_iter().chain(places.iter().copied()) {
        let value = u16::try_from(value).expect("tables of ours are below 64 kB");
        out.extend(value.to_le_bytes());
    }
    out.extend(length(list));
    out.resize(start + size, 0);
    for (slot, place) in slots.iter().zip(&places) {
        if let Slot::Value(bytes) = slot
            && !bytes.is_empty()
        {
            out[start + place..start + place + bytes.len()].copy_from_slice(bytes);
        }
    }
    for (slot, place) in slots.iter().zip(&places) {
        if let Slot::Child(part) = slot {
            lay(out, part, start + place);
        }
    }
    start
}
