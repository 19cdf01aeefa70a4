//! The index of the cache: which object holds which segment of which series.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use model::{Digest, SeriesId};
use serde::{Deserialize, Serialize};

use crate::{Error, names, temporary};

/// One indexed object.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Name of the object.
    pub(crate) hash: Digest,
    /// Its rows.
    pub(crate) rows: u64,
    /// Open time of its first row; 0 without rows.
    pub(crate) first_ms: i64,
    /// Open time of its last row; 0 without rows.
    pub(crate) last_ms: i64,
    /// When it was asked from the source.
    pub(crate) fetched_at_ms: i64,
    /// When the source's count and sums were last found to agree with it.
    #[serde(default)]
    pub(crate) probed_at_ms: i64,
    /// What the source said its revision was, before it was read.
    pub(crate) revision: Option<Digest>,
    /// The part of the segment that the series spanned then, open times of its ends.
    #[serde(default)]
    pub(crate) reach: (i64, i64),
    /// Whether no later candle can belong to it.
    pub(crate) complete: bool,
    /// Objects it was joined from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Digest>,
    /// Corrections that were known when it was fetched.
    #[serde(default)]
    pub(crate) corrected: u64,
}

/// Characters of a name that are kept in a folder's name, for the eye only.
const SHOWN: usize = 48;

/// Folder of one series of one source below `series`.
///
/// Readable, and unique by 128 bits of the hash of all that names the series.
pub(crate) fn folder(source_id: &str, series: &SeriesId) -> String {
    let mut hasher = blake3::Hasher::new();
    let timeframe = series.timeframe.to_string();
    for text in [source_id, &series.exchange, &series.ticker, &timeframe] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut folder = readable(series);
    for byte in &hasher.finalize().as_bytes()[..16] {
        let _ = write!(folder, "{byte:02x}");
    }
    folder
}

/// The part of a folder's name that people read: two series may share it.
pub(super) fn readable(series: &SeriesId) -> String {
    let mut name = String::new();
    for text in [&series.exchange, &series.ticker, &series.timeframe.to_string()] {
        let encoded = names::encode(text);
        name.push_str(encoded.get(..SHOWN).unwrap_or(&encoded));
        name.push('~');
    }
    name
}

/// Reads an entry; `None` if there is none or it is damaged.
pub(super) fn read(path: &Path) -> Result<Option<Entry>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// Writes an entry, whole or not at all.
pub(super) fn write(path: &Path, temporary_files: &Path, entry: &Entry) -> Result<(), Error> {
    let folder = path.parent().expect("an entry lies in a folder");
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let bytes = serde_json::to_vec(entry).map_err(Error::file("write", path))?;
    let replace = || -> io::Result<()> {
        fs::create_dir_all(temporary_files)?;
        let mut file = temporary::file_in(temporary_files, "entry-")?;
        file.write_all(&bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(Error::file("write", path))
}

/// Removes an entry if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Entries of joined objects in a series' folder.
pub(super) fn joined(folder: &Path) -> Result<Vec<(PathBuf, Entry)>, Error> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("list", folder)(error)),
    };
    let mut entries = Vec::new();
    for item in listing {
        let path = item.map_err(Error::file("list", folder))?.path();
        let is_joined = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(super::JOINED));
        if is_joined && let Some(entry) = read(&path)? {
            entries.push((path, entry));
        }
    }
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_readable_safe_and_unique() {
        let id = |ticker: &str| SeriesId {
            exchange: "okx".to_owned(),
            ticker: ticker.to_owned(),
            timeframe: model::Timeframe::MINUTE,
        };
        let name = folder("a", &id("BTC/USDT:USDT"));
        assert!(name.starts_with("okx~BTC%2FUSDT%3AUSDT~1m~"), "{name}");
        assert_ne!(folder("b", &id("BTC/USDT:USDT")), name);
        assert!(folder("a", &id(&"/".repeat(1_000))).len() < 200);
    }
}
