//! The column file of the cache: written once, named by its content, read by mapping it.
//!
//! Layout, little-endian: a header of 64 bytes (magic, version, minutes of the timeframe, count,
//! first and last open time, BLAKE3), then the open times as `i64` and five columns of `f64`
//! (open, high, low, close, volume), each starting at a multiple of 64 bytes, and a checksum.
//!
//! The hash covers the first 32 bytes of the header and the columns; it is the file's name. The
//! checksum, XXH3 of 128 bits, covers everything before it and is compared whenever the file is
//! mapped: four times as fast as BLAKE3, it makes a check of every load affordable.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use model::{CandleSlice, Digest, Timeframe};
use twox_hash::XxHash3_128;
use twox_hash::xxhash3_128::Hasher;

use crate::{Error, temporary};

const _: () = assert!(cfg!(target_endian = "little"), "column files are mapped as they are");

const MAGIC: [u8; 4] = *b"CNDL";
const VERSION: u16 = 2;
const HEADER: usize = 64;
/// Bytes of the header that the hash covers; the hash follows them.
const HASHED_HEADER: usize = 32;
const ALIGN: usize = 64;
const CHECKSUM: usize = 16;
const COLUMNS: usize = 6;
/// Ends of the names of column files.
pub(super) const SUFFIX: &str = "cndl";

/// Bytes of a column file of `count` rows.
fn file_len(count: usize) -> Option<usize> {
    column_len(count)?.checked_mul(COLUMNS)?.checked_add(HEADER + CHECKSUM)
}

/// Bytes from the start of one column to that of the next.
fn column_len(count: usize) -> Option<usize> {
    count.checked_mul(8)?.checked_next_multiple_of(ALIGN)
}

/// Where the object called `hash` is kept under `objects`.
pub(super) fn path(objects: &Path, hash: Digest) -> PathBuf {
    let name = hash.to_string();
    let hex = name.trim_start_matches("b3:");
    objects.join(&hex[..2]).join(format!("{hex}.{SUFFIX}"))
}

/// A mapped column file; its pages are shared by all who map it.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Mmap,
    count: usize,
}

impl Mapped {
    /// The columns.
    pub(crate) fn as_slice(&self) -> CandleSlice<'_> {
        let stride = column_len(self.count).expect("the length was checked when it was mapped");
        let column = |index: usize| {
            let start = HEADER + index * stride;
            &self.map[start..start + self.count * 8]
        };
        CandleSlice {
            open_time_ms: bytemuck::cast_slice(column(0)),
            open: bytemuck::cast_slice(column(1)),
            high: bytemuck::cast_slice(column(2)),
            low: bytemuck::cast_slice(column(3)),
            close: bytemuck::cast_slice(column(4)),
            volume: bytemuck::cast_slice(column(5)),
        }
    }

    /// Whether the content has the hash that names it, and not only its checksum.
    pub(super) fn is_named(&self, hash: Digest) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.map[..HASHED_HEADER]);
        hasher.update(&self.map[HEADER..self.map.len() - CHECKSUM]);
        hasher.finalize() == blake3::Hash::from_bytes(hash.0)
    }
}

/// What mapping a file found.
pub(super) enum Opened {
    /// The file, usable.
    Intact(Mapped),
    /// No file, one of another version, or a damaged one.
    Unusable,
}

/// Maps the object `hash`; reads all of it to compare its checksum.
pub(super) fn open(objects: &Path, hash: Digest) -> Result<Opened, Error> {
    let path = path(objects, hash);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Unusable),
        Err(error) => return Err(Error::file("open", &path)(error)),
    };
    let map = map(&file).map_err(Error::file("map", &path))?;
    let Some(count) = header_count(&map, hash) else { return Ok(Opened::Unusable) };
    let (content, checksum) = map.split_at(map.len() - CHECKSUM);
    if checksum != XxHash3_128::oneshot(content).to_le_bytes() {
        return Ok(Opened::Unusable);
    }
    Ok(Opened::Intact(Mapped { map, count }))
}

#[expect(
    unsafe_code,
    reason = "mapping is what makes a warm load free; no safe crate offers it, because a file may \
              change under the map"
)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: a map is unsound if the file changes while it is mapped. Column files are written
    // under a temporary name, renamed into place and never written again; eviction unlinks them,
    // which leaves existing maps whole. Writing into the cache's folder from outside is excluded
    // by its description; damage that happened before is found by the checksum.
    unsafe { Mmap::map(file) }
}

/// Row count of a well-formed header that names `hash`, if the file has the length for it.
fn header_count(bytes: &[u8], hash: Digest) -> Option<usize> {
    let header = bytes.get(..HEADER)?;
    let well_formed = header[..4] == MAGIC
        && header[4..6] == VERSION.to_le_bytes()
        && header[HASHED_HEADER..HEADER] == hash.0;
    let count = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let count = usize::try_from(count).ok()?;
    (well_formed && file_len(count)? == bytes.len()).then_some(count)
}

/// The columns in the order of the file.
fn bytes_of<'a>(candles: &CandleSlice<'a>) -> [&'a [u8]; COLUMNS] {
    [
        bytemuck::cast_slice(candles.open_time_ms),
        bytemuck::cast_slice(candles.open),
        bytemuck::cast_slice(candles.high),
        bytemuck::cast_slice(candles.low),
        bytemuck::cast_slice(candles.close),
        bytemuck::cast_slice(candles.volume),
    ]
}

/// Writes `pieces`, one after the other, below `objects`; returns the object's name, and its size
/// in bytes.
///
/// Copies nothing, so that a join of any length needs no memory of its own. The file appears whole
/// or not at all. Writing what is there already changes nothing.
pub(super) fn publish(
    objects: &Path,
    temporary_files: &Path,
    timeframe: Timeframe,
    pieces: &[CandleSlice<'_>],
) -> Result<(Digest, u64), Error> {
    let count: usize = pieces.iter().map(CandleSlice::len).sum();
    let first_ms = pieces.iter().find_map(|piece| piece.open_time_ms.first()).copied();
    let last_ms = pieces.iter().rev().find_map(|piece| piece.open_time_ms.last()).copied();
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&VERSION.to_le_bytes());
    header[6..8].copy_from_slice(&timeframe.minutes().to_le_bytes());
    header[8..16].copy_from_slice(&(count as u64).to_le_bytes());
    header[16..24].copy_from_slice(&first_ms.unwrap_or(0).to_le_bytes());
    header[24..32].copy_from_slice(&last_ms.unwrap_or(0).to_le_bytes());

    let stride = column_len(count).expect("columns in memory fit into the address space");
    let padding = [0; ALIGN];
    let mut parts: Vec<&[u8]> = Vec::with_capacity(COLUMNS * (pieces.len() + 1));
    for column in 0..COLUMNS {
        parts.extend(pieces.iter().map(|piece| bytes_of(piece)[column]));
        parts.push(&padding[..stride - count * 8]);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header[..HASHED_HEADER]);
    for part in &parts {
        hasher.update(part);
    }
    let hash = Digest(*hasher.finalize().as_bytes());
    header[HASHED_HEADER..].copy_from_slice(&hash.0);
    let mut checksum = Hasher::new();
    checksum.write(&header);
    for part in &parts {
        checksum.write(part);
    }
    let checksum = checksum.finish_128().to_le_bytes();

    let path = path(objects, hash);
    let size = (HEADER + COLUMNS * stride + CHECKSUM) as u64;
    // A file of the same name and another content is damaged: it is replaced.
    if matches!(open(objects, hash)?, Opened::Intact(_)) {
        return Ok((hash, size));
    }
    let folder = path.parent().expect("an object lies in a folder");
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let write = || -> io::Result<()> {
        // The folder of temporary files may have been deleted with the whole cache.
        fs::create_dir_all(temporary_files)?;
        let mut file = temporary::file_in(temporary_files, "object-")?;
        file.write_all(&header)?;
        for part in &parts {
            file.write_all(part)?;
        }
        file.write_all(&checksum)?;
        // Not synced: what a power cut takes away is found by its checksum and fetched again.
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(Error::file("write", &path))?;
    Ok((hash, size))
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles};

    use super::*;

    fn some(count: i64) -> Candles {
        (0..count)
            .map(|row| Candle {
                open_time_ms: row * 60_000,
                open: 1.5 + row as f64,
                high: 2.5 + row as f64,
                low: 0.5 + row as f64,
                close: 1.25 + row as f64,
                volume: 0.1 * row as f64,
            })
            .collect()
    }

    #[track_caller]
    fn check(count: i64) {
        let dir = tempfile::tempdir().unwrap();
        let candles = some(count);
        let (hash, size) =
            publish(dir.path(), dir.path(), Timeframe::MINUTE, &[candles.as_slice()]).unwrap();
        let Opened::Intact(mapped) = open(dir.path(), hash).unwrap() else {
            panic!("the file is whole")
        };
        assert_eq!(mapped.as_slice(), candles.as_slice());
        assert!(mapped.is_named(hash));
        assert_eq!(fs::metadata(path(dir.path(), hash)).unwrap().len(), size);
        // In pieces it is the same file.
        let (all, middle) = (candles.as_slice(), candles.len() / 3);
        let pieces = [all.rows(0..middle), all.rows(middle..middle), all.rows(middle..all.len())];
        let joined = publish(dir.path(), dir.path(), Timeframe::MINUTE, &pieces).unwrap();
        assert_eq!(joined, (hash, size));
    }

    #[test]
    fn what_is_published_is_mapped_back() {
        for count in [0, 1, 8, 9, 1_000] {
            check(count);
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let candles = some(3);
        let (hash, _) =
            publish(dir.path(), dir.path(), Timeframe::MINUTE, &[candles.as_slice()]).unwrap();
        let path = path(dir.path(), hash);
        let bytes = fs::read(&path).unwrap();
        let unusable = || matches!(open(dir.path(), hash).unwrap(), Opened::Unusable);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(unusable(), "byte {at}");
        }
        for length in [0, 10, HEADER, HEADER + CHECKSUM, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(unusable(), "length {length}");
        }
    }
}
