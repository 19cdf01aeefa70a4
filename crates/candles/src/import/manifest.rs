//! A directory of candle files, with or without a `series.json` that says what each one is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use model::settings::Instrument;
use model::{Calendar, Timeframe};
use serde::Deserialize;

use super::ImportOptions;
use crate::Error;
use crate::series::InstrumentWire;

const NAME: &str = "series.json";
const ENDINGS: [&str; 5] = [".csv", ".csv.gz", ".zip", ".tsv", ".txt"];

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

/// The files of a directory, and what is known about each; `options` go before the manifest.
pub(super) fn expand(
    folder: &Path,
    options: &ImportOptions,
) -> Result<Vec<(PathBuf, ImportOptions)>, Error> {
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
            zone: options.zone.clone(),
            clock: options.clock.clone(),
        };
        (folder.join(item.file), known)
    });
    Ok(files.collect())
}

/// All files with a known ending, by name.
fn all(folder: &Path, options: &ImportOptions) -> Result<Vec<(PathBuf, ImportOptions)>, Error> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = item.map_err(Error::file("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("").to_lowercase();
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let reason = "it holds no file that ends in .csv, .csv.gz, .zip, .tsv or .txt";
        return Err(Error::Unreadable { path: folder.to_owned(), reason: reason.to_owned() });
    }
    files.sort();
    Ok(files.into_iter().map(|path| (path, options.clone())).collect())
}
