//! Looking after a cache: how full it is, whether its files are whole, forgetting.
//!
//! Safe beside running processes: what they have mapped stays theirs, and what is gone is fetched
//! anew.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Digest, SeriesId};
use serde::Serialize;

use super::{Cache, evict, index, object};
use crate::Error;
use crate::folder::list;

/// How full a cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStats {
    /// Column files.
    pub objects: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Bytes they may take.
    pub max_bytes: u64,
    /// Series that have entries.
    pub series: u64,
    /// Segments that are held.
    pub segments: u64,
    /// Runs of several segments that are held in one piece.
    pub joined: u64,
}

/// What a check of all files found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheCheck {
    /// Column files looked at.
    pub objects: u64,
    /// Files whose content was not what their name says; they are gone now.
    pub damaged: Vec<PathBuf>,
    /// Entries that named no usable file; they are gone now.
    pub entries_removed: u64,
}

impl Cache {
    /// How full the cache is. Reads folders, no candles.
    pub fn stats(&self) -> Result<CacheStats, Error> {
        let mut stats =
            CacheStats { max_bytes: self.inner.settings.max_bytes, ..CacheStats::default() };
        for path in self.inner.objects()? {
            stats.objects += 1;
            stats.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
        }
        for folder in list(&self.inner.root.join("series"))? {
            let mut any = false;
            for path in list(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                let count = if name.starts_with(super::JOINED) {
                    &mut stats.joined
                } else {
                    &mut stats.segments
                };
                *count += 1;
                any = true;
            }
            stats.series += u64::from(any);
        }
        Ok(stats)
    }

    /// Forgets `series` of every source, and what was resampled to its timeframe. Its files go when
    /// space is needed. Returns the number of folders that knew it.
    pub fn purge_series(&self, series: &SeriesId) -> Result<u64, Error> {
        let prefix = index::readable(series);
        let mut count = 0;
        for folder in list(&self.inner.root.join("series"))? {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if name.starts_with(&prefix) {
                remove_all(&folder)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Forgets everything and removes all files. Returns the bytes that are free now.
    pub fn purge_all(&self) -> Result<u64, Error> {
        let bytes = self.stats()?.bytes;
        for folder in ["series", "objects"] {
            for path in list(&self.inner.root.join(folder))? {
                remove_all(&path)?;
            }
        }
        Ok(bytes)
    }

    /// Reads every column file and compares it with its name; removes those that differ, and
    /// entries that name a file that is gone.
    pub fn check(&self) -> Result<CacheCheck, Error> {
        let mut check = CacheCheck::default();
        let objects = self.inner.root.join("objects");
        for path in self.inner.objects()? {
            check.objects += 1;
            let intact = match hash_of(&path).map(|hash| (hash, object::open(&objects, hash))) {
                Some((hash, opened)) => {
                    matches!(opened?, object::Opened::Intact(mapped) if mapped.is_named(hash))
                }
                None => false,
            };
            if !intact {
                evict::remove(&path)?;
                check.damaged.push(path);
            }
        }
        for folder in list(&self.inner.root.join("series"))? {
            for path in list(&folder)? {
                let entry = index::read(&path)?;
                if entry.is_none_or(|entry| !object::path(&objects, entry.hash).exists()) {
                    index::remove(&path)?;
                    check.entries_removed += 1;
                }
            }
        }
        Ok(check)
    }

    /// Removes the files that were used longest ago until the rest takes `max_bytes` at most;
    /// files of the last minute stay. Returns the bytes that remain.
    pub fn shrink(&self, max_bytes: u64) -> Result<u64, Error> {
        let Cache { inner } = self;
        let (objects, temporary) = (inner.root.join("objects"), inner.root.join("tmp"));
        evict::evict(&objects, &temporary, max_bytes, inner.now())
    }
}

impl super::Inner {
    /// All column files, in no order.
    fn objects(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = Vec::new();
        for folder in list(&self.root.join("objects"))? {
            let files = list(&folder)?.into_iter();
            found.extend(files.filter(|path| {
                path.extension().is_some_and(|extension| extension == object::SUFFIX)
            }));
        }
        Ok(found)
    }
}

fn hash_of(path: &Path) -> Option<Digest> {
    format!("b3:{}", path.file_stem()?.to_str()?).parse().ok()
}

fn remove_all(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", folder)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
