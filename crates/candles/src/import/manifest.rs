//! Which files are meant: names, patterns, and directories with or without a `series.json`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use model::settings::Instrument;
use model::{Calendar, Timeframe};
use serde::Deserialize;

use super::ImportOptions;
use super::name::{self, Content};
use crate::Error;
use crate::series::InstrumentWire;

const NAME: &str = "series.json";
const ENDINGS: [&str; 12] = [
    ".csv", ".csv.gz", ".zip", ".tsv", ".tsv.gz", ".txt", ".json", ".json.gz", ".feather",
    ".arrow", ".parquet", ".pq",
];
/// Folders below a folder that are looked into.
const DEEPEST: usize = 8;

/// A file that is to be imported.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    pub(super) options: ImportOptions,
    /// What its name says that it holds. Only in folders and patterns: a file that is named by the
    /// user is opened, and refused with words.
    pub(super) content: Content,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    series: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Item {
    file: PathBuf,
    exchange: Option<String>,
    ticker: Option<String>,
    timeframe: Option<Timeframe>,
    calendar: Option<Calendar>,
    instrument: Option<InstrumentWire>,
}

/// The files that `paths` mean, in order.
pub(super) fn list(paths: &[PathBuf], options: &ImportOptions) -> Result<Vec<Listed>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(expand(path, options)?);
        } else if path.exists() || !is_pattern(path) {
            let (path, options) = (path.clone(), options.clone());
            files.push(Listed { path, options, content: Content::Candles });
        } else {
            files.extend(matching(path, options)?);
        }
    }
    Ok(files)
}

/// The files of a directory, and what is known about each; `options` go before the manifest.
fn expand(folder: &Path, options: &ImportOptions) -> Result<Vec<Listed>, Error> {
    let path = folder.join(NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return all(folder, options),
        Err(error) => return Err(Error::file("read", &path)(error)),
    };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(Error::file("read", &path))?;
    let files = manifest.series.into_iter().map(|item| {
        let known = ImportOptions {
            exchange: options.exchange.clone().or(item.exchange),
            ticker: options.ticker.clone().or(item.ticker),
            timeframe: options.timeframe.or(item.timeframe),
            calendar: options.calendar.clone().or(item.calendar),
            instrument: options.instrument.or(item.instrument.map(Instrument::from)),
            ..options.clone()
        };
        Listed { path: folder.join(item.file), options: known, content: Content::Candles }
    });
    Ok(files.collect())
}

/// All files with a known ending, by name, also those in folders below.
fn all(folder: &Path, options: &ImportOptions) -> Result<Vec<Listed>, Error> {
    let mut files = Vec::new();
    gather(folder, 0, &mut BTreeSet::new(), &mut files)?;
    if files.is_empty() {
        let reason = "it holds no file that ends in .csv, .csv.gz, .zip, .tsv, .txt, .json, \
                      .json.gz, .feather, .arrow or .parquet";
        return Err(Error::Unreadable { path: folder.to_owned(), reason: reason.to_owned() });
    }
    files.sort();
    Ok(listed(files, options))
}

fn listed(files: Vec<PathBuf>, options: &ImportOptions) -> Vec<Listed> {
    let listed = files.into_iter().map(|path| {
        let content = name::read(&path).content;
        Listed { path, options: options.clone(), content }
    });
    listed.collect()
}

/// Gathers the files of `folder` and of those below it; a folder that links lead to again is looked
/// into once.
fn gather(
    folder: &Path,
    depth: usize,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let real = folder.canonicalize().map_err(Error::file("list", folder))?;
    if !seen.insert(real) {
        return Ok(());
    }
    for path in crate::folder::list(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("").to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                gather(&path, depth + 1, seen, files)?;
            }
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            // A link to nowhere is listed: that it cannot be opened should be said.
            files.push(path);
        }
    }
    Ok(())
}

fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?']))
}

/// The files that a pattern means, by name. `*` and `?` may stand in any part of the path.
fn matching(pattern: &Path, options: &ImportOptions) -> Result<Vec<Listed>, Error> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let Some(part) = part.to_str() else { break };
        if !part.contains(['*', '?']) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let mut deeper = Vec::new();
        for folder in found {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            for path in crate::folder::list(here).unwrap_or_default() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                if !name.starts_with('.') && matches(part.as_bytes(), name.as_bytes()) {
                    deeper.push(folder.join(name));
                }
            }
        }
        found = deeper;
    }
    found.retain(|path| path.is_file());
    if found.is_empty() {
        let reason = "no file is called so".to_owned();
        return Err(Error::Unreadable { path: pattern.to_owned(), reason });
    }
    found.sort();
    Ok(listed(found, options))
}

/// Whether `name` is what `pattern` means. Linear but for the last star.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((star_at, from)) = star else { return false };
                star = Some((star_at, from + 1));
                at = star_at + 1;
                in_name = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.gz", false),
            ("BTC*-1m-????-??.zip", "BTCUSDT-1m-2024-01.zip", true),
            ("BTC*-1m-????-??.zip", "BTCUSDT-1m-2024-1.zip", false),
            ("**", "x", true),
            ("a*b*c", "aXbXbc", true),
            ("a", "ab", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
