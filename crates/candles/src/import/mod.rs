//! Importers: files of candles into the Parquet store.
//!
//! CSV of any usual layout (plain, gzipped), Binance's archive (CSV or ZIP), JSON arrays, Arrow
//! (Feather) and Parquet. A file is read row by row: to see what it is, to check every row, and,
//! where it is too long to be kept, to store it. So memory is bounded, and a file with a bad row
//! changes nothing.

mod arrow;
mod checksum;
mod columns;
mod flatbuffer;
mod form;
mod json;
mod layout;
mod lines;
mod manifest;
mod name;
mod options;
mod parquet_rows;
mod plan;
mod report;
mod row;
mod signals;
mod table;
mod time;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Candles, FundingRate, FundingRates};

pub use self::options::{ColumnMap, ColumnMapError, ImportOptions, Label};
pub use self::report::ImportReport;
pub use self::signals::{RowFault as SignalRowFault, SignalError, read_signals};

use self::form::Form;
use self::layout::Wanted;
use self::manifest::Listed;
use self::name::Content;
use self::plan::Plan;
use self::time::Clockwork;
use crate::{Error, FundingReport, Merged, ParquetStore, import_funding};

/// Between ticker and month in the names of Binance's archive of funding rates.
const BINANCE_RATES: &str = "-fundingRate-";

/// What became of one file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Imported {
    /// It is in the store.
    Stored(Box<ImportReport>),
    /// It holds funding rates, as its name says; they are in the store, apart from candles.
    Funding(Box<FundingReport>),
    /// It holds something else than candles, as its name says: mark prices.
    Skipped(PathBuf),
    /// It is not, and has changed nothing.
    Failed(PathBuf, Error),
}

/// Imports files, directories and patterns; fails with the first failure, in the given order.
///
/// `done` hears of each file that was stored. Blocks.
pub fn import(
    store: &ParquetStore,
    paths: &[PathBuf],
    options: &ImportOptions,
    mut done: impl FnMut(&ImportReport) + Send,
) -> Result<Vec<ImportReport>, Error> {
    let heard = |imported: &Imported| {
        if let Imported::Stored(report) = imported {
            done(report);
        }
    };
    let mut reports = Vec::new();
    for imported in import_each(store, paths, options, heard)? {
        match imported {
            Imported::Stored(report) => reports.push(*report),
            Imported::Skipped(_) | Imported::Funding(_) => {}
            Imported::Failed(_, error) => return Err(error),
        }
    }
    Ok(reports)
}

/// Imports files, directories and patterns, as many as the machine has cores at a time; the files
/// of one series in order, so that the last one wins. One that fails keeps no other from it.
///
/// A directory with a `series.json` is imported as that says, else all candle files in it and in
/// the folders below. `*` and `?` in a name that does not exist are a pattern. Blocks.
pub fn import_each(
    store: &ParquetStore,
    paths: &[PathBuf],
    options: &ImportOptions,
    done: impl FnMut(&Imported) + Send,
) -> Result<Vec<Imported>, Error> {
    let files = manifest::list(paths, options)?;
    // Files of one name but for dates are of one series: only they have an order.
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, Listed { path, options, .. }) in files.iter().enumerate() {
        groups.entry(series_hint(path, options)).or_default().push(index);
    }
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(done);
    let results: Vec<Mutex<Option<Imported>>> = files.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            for index in group {
                let imported = import_listed(store, &files[*index]);
                done.lock().unwrap_or_else(PoisonError::into_inner)(&imported);
                *results[*index].lock().unwrap_or_else(PoisonError::into_inner) = Some(imported);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(groups.len());
    if threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    let results = results.into_iter();
    Ok(results
        .filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}

fn import_listed(store: &ParquetStore, listed: &Listed) -> Imported {
    match listed.content {
        Content::Candles => {}
        Content::Mark => return Imported::Skipped(listed.path.clone()),
        Content::Funding => return import_rates(store, listed),
    }
    match import_file(store, &listed.path, &listed.options) {
        Ok(report) => Imported::Stored(Box::new(report)),
        Err(error) => Imported::Failed(listed.path.clone(), error),
    }
}

/// Funding rates of a ticker that options or the file's name say.
fn import_rates(store: &ParquetStore, Listed { path, options, .. }: &Listed) -> Imported {
    let missing = |what, flag| Error::NotInferred { path: path.clone(), what, flag };
    let (exchange, ticker) = funding_of(path);
    let imported = options
        .exchange
        .clone()
        .or(exchange)
        .ok_or_else(|| missing("exchange", "--exchange"))
        .and_then(|exchange| {
            let ticker = options.ticker.clone().or(ticker);
            Ok((exchange, ticker.ok_or_else(|| missing("ticker", "--ticker"))?))
        })
        .and_then(|(exchange, ticker)| import_funding(store, path, (&exchange, &ticker)));
    match imported {
        Ok(report) => Imported::Funding(Box::new(report)),
        Err(error) => Imported::Failed(path.clone(), error),
    }
}

/// Exchange and ticker of a file of funding rates, as far as its name and folder say: those of
/// Binance's archive and of freqtrade.
pub fn funding_of(path: &Path) -> (Option<String>, Option<String>) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some((ticker, _)) = name.split_once(BINANCE_RATES) {
        return (Some("binance".to_owned()), Some(ticker.to_owned()));
    }
    let named = name::read(path);
    if named.content != Content::Funding {
        return (None, None);
    }
    let named = named.of_freqtrade(path);
    (named.exchange, named.ticker)
}

/// Payments in a Feather or Parquet file as freqtrade writes them: time, and the rate in the column
/// `open`; `None` for a file of text.
pub(crate) fn rates_of_columns(path: &Path) -> Result<Option<FundingRates>, Error> {
    let mut magic = Vec::new();
    let file = File::open(path).map_err(Error::file("open", path))?;
    file.take(8).read_to_end(&mut magic).map_err(Error::file("read", path))?;
    if !magic.starts_with(arrow::MAGIC) && !magic.starts_with(parquet_rows::MAGIC) {
        return Ok(None);
    }
    let unreadable = |reason| Error::UnreadableFunding { path: path.to_owned(), reason };
    let form = match Form::open(path, &Wanted::default(), false) {
        Err(Error::Unreadable { reason, .. }) => return Err(unreadable(reason)),
        form => form?,
    };
    // Venues pay in UTC.
    let clockwork = Clockwork::new(Some(jiff::tz::TimeZone::UTC), false, 0);
    let mut rates = FundingRates::default();
    let mut wrong = None;
    form.for_each(&mut |number, row| {
        let payment = row.map_err(|rule| rule.text().to_owned()).and_then(|row| {
            let time_ms = clockwork.ms(row.stamp).ok_or("it has no time")?;
            let rate = FundingRate { time_ms, rate: row.values[0], mark: None };
            rates.push(rate).map_err(|fault| format!("the payment {fault}"))
        });
        match payment {
            Ok(()) => ControlFlow::Continue(()),
            Err(reason) => {
                wrong = Some(format!("row {number}: {reason}"));
                ControlFlow::Break(())
            }
        }
    })?;
    wrong.map_or(Ok(Some(rates)), |reason| Err(unreadable(reason)))
}

/// What all files of one series have in common before they are opened.
fn series_hint(path: &Path, options: &ImportOptions) -> String {
    let named = name::read(path);
    let or = |stated: &Option<String>, named: Option<String>| stated.clone().or(named);
    format!(
        "{:?}/{:?}/{:?}",
        or(&options.exchange, named.exchange),
        or(&options.ticker, named.ticker).map(|t| t.replace(['/', ':'], "_")),
        options.timeframe.or(named.timeframe)
    )
}

/// Imports one file. Importing it again changes nothing. Blocks.
///
/// Fails with [`Error::Refused`] if a row breaks a rule; nothing is stored then.
pub fn import_file(
    store: &ParquetStore,
    path: &Path,
    options: &ImportOptions,
) -> Result<ImportReport, Error> {
    let plan = Plan::of(path, options)?;
    let stored = store.settings(&plan.series)?;
    let (calendar, instrument) = match stored {
        Some((calendar, instrument)) => {
            (options.calendar.clone().unwrap_or(calendar), options.instrument.or(instrument))
        }
        None => (options.calendar.clone().unwrap_or_default(), options.instrument),
    };
    let checked = plan.check(calendar.clone())?;
    store.set_settings(&plan.series, calendar, instrument)?;
    let mut merged = Merged::default();
    plan.store(&checked, &mut |candles: &Candles| {
        let part = store.merge(&plan.series, candles.as_slice())?;
        merged.added += part.added;
        merged.replaced += part.replaced;
        merged.unchanged += part.unchanged;
        Ok(())
    })?;
    let mut report = checked.report;
    report.added = merged.added;
    report.replaced = merged.replaced;
    report.unchanged = merged.unchanged;
    if let (Some(sha256), Some(name)) = (&report.sha256, path.file_name()) {
        let name = name.to_string_lossy();
        let before = store.note_source(&plan.series, &name, sha256)?;
        report.reissued = before.is_some_and(|before| before != *sha256);
    }
    Ok(report)
}

/// Reads one file into memory, checked as an import is. Blocks.
pub fn read_file(path: &Path, options: &ImportOptions) -> Result<(ImportReport, Candles), Error> {
    let plan = Plan::of(path, options)?;
    let checked = plan.check(options.calendar.clone().unwrap_or_default())?;
    let mut all = Candles::default();
    plan.store(&checked, &mut |candles: &Candles| {
        all.extend_from(candles.as_slice());
        Ok(())
    })?;
    Ok((checked.report, all))
}
