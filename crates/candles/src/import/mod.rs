//! Importers: files of candles into the Parquet store.
//!
//! CSV of any usual layout (plain, gzipped) and Binance's archive (CSV or ZIP). A file is read
//! three times, row by row: to see what it is, to check every row, to store it. So memory is
//! bounded by one file of the store, and a file with a bad row changes nothing.

mod manifest;
mod name;
mod report;
mod signals;
mod table;
mod time;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use model::settings::Instrument;
use model::{
    Calendar, Candle, Candles, MINUTE_MS, SeriesId, TimeRange, TimeZoneName, Timeframe,
    missing_candles,
};

pub use self::report::ImportReport;
pub use self::signals::{RowFault as SignalRowFault, SignalError, read_signals};

use self::table::Table;
use crate::validate::{RowFault, Rule, broken_rule};
use crate::{Clock, Error, Merged, ParquetStore, Segment};

/// Rows that tell the timeframe.
const SAMPLE: u64 = 20_000;
/// Characters of a name that are shown where it is refused.
const MAX_SHOWN: usize = 80;
/// Exchange of files in the layout of Binance's archive.
const BINANCE: &str = "binance";

/// What is said about a file from outside; the rest is read from its name and content.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The exchange; else the first word of the file's name, or `binance` for its archive.
    pub exchange: Option<String>,
    /// The ticker; else from the file's name.
    pub ticker: Option<String>,
    /// The timeframe; else from the file's name, or the usual spacing of its rows.
    pub timeframe: Option<Timeframe>,
    /// The calendar; else what the store has for the series, or `24x7`.
    pub calendar: Option<Calendar>,
    /// Trading rules; else what the store has for the series.
    pub instrument: Option<Instrument>,
    /// Zone of times that are written without one. Dates alone mean 00:00 UTC.
    pub zone: Option<TimeZoneName>,
    /// What time it is; else the system's clock.
    pub clock: Option<Clock>,
}

/// Imports files and directories, in the given order; stops at the first that fails.
///
/// A directory with a `series.json` is imported as that says, else all its CSV, CSV.gz and ZIP
/// files. `done` hears of each file. Blocks.
pub fn import(
    store: &ParquetStore,
    paths: &[PathBuf],
    options: &ImportOptions,
    mut done: impl FnMut(&ImportReport),
) -> Result<Vec<ImportReport>, Error> {
    let mut reports = Vec::new();
    for path in paths {
        let files = if path.is_dir() {
            manifest::expand(path, options)?
        } else {
            vec![(path.clone(), options.clone())]
        };
        for (file, options) in files {
            let report = import_file(store, &file, &options)?;
            done(&report);
            reports.push(report);
        }
    }
    Ok(reports)
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
    let mut report = plan.check(path, calendar.clone())?;
    store.set_settings(&plan.series, calendar, instrument)?;
    let mut merged = Merged::default();
    let mut add = |candles: &Candles| -> Result<(), Error> {
        let part = store.merge(&plan.series, candles.as_slice())?;
        merged.added += part.added;
        merged.replaced += part.replaced;
        merged.unchanged += part.unchanged;
        Ok(())
    };
    plan.store(&mut add)?;
    report.added = merged.added;
    report.replaced = merged.replaced;
    report.unchanged = merged.unchanged;
    Ok(report)
}

/// Reads one file into memory, checked as an import is. Blocks.
pub fn read_file(path: &Path, options: &ImportOptions) -> Result<(ImportReport, Candles), Error> {
    let plan = Plan::of(path, options)?;
    let calendar = options.calendar.clone().unwrap_or_default();
    let report = plan.check(path, calendar)?;
    let mut all = Candles::default();
    plan.store(&mut |candles: &Candles| {
        all.extend_from(candles.as_slice());
        Ok(())
    })?;
    Ok((report, all))
}

/// A file and what it holds.
struct Plan {
    table: Table,
    series: SeriesId,
    modal_ms: Option<i64>,
    now_ms: i64,
}

impl Plan {
    fn of(path: &Path, options: &ImportOptions) -> Result<Plan, Error> {
        let zone = options.zone.as_ref().map(TimeZoneName::zone);
        let table = Table::open(path, zone)?;
        let named = name::read(path);
        let missing = |what, flag| Error::NotInferred { path: path.to_owned(), what, flag };
        let binance = || table.is_binance().then(|| BINANCE.to_owned());
        let exchange = options.exchange.clone().or(named.exchange).or_else(binance);
        let ticker = options.ticker.clone().or(named.ticker);
        let modal_ms = modal_spacing(&table)?;
        let by_spacing = || {
            let minutes = u16::try_from(modal_ms? / MINUTE_MS).ok()?;
            Timeframe::from_minutes(minutes).filter(|timeframe| Some(timeframe.ms()) == modal_ms)
        };
        let timeframe = options.timeframe.or(named.timeframe).or_else(by_spacing);
        let series = SeriesId {
            exchange: exchange.ok_or_else(|| missing("exchange", "--exchange"))?,
            ticker: ticker.ok_or_else(|| missing("ticker", "--ticker"))?,
            timeframe: timeframe.ok_or_else(|| missing("timeframe", "--timeframe"))?,
        };
        for name in [&series.exchange, &series.ticker] {
            if !model::is_symbol(name) {
                let name = name.escape_debug().take(MAX_SHOWN).collect();
                return Err(Error::BadName { name, reason: model::SYMBOL_RULE });
            }
        }
        let clock = options.clock.clone().unwrap_or_else(Clock::system);
        Ok(Plan { table, series, modal_ms, now_ms: clock.now_ms() })
    }

    /// Reads every row and checks it.
    fn check(&self, path: &Path, calendar: Calendar) -> Result<ImportReport, Error> {
        let timeframe = self.series.timeframe;
        let mut report = ImportReport::new(path.to_owned(), self.series.clone(), calendar);
        report.spacing_differs = self.modal_ms.is_some_and(|ms| ms != timeframe.ms());
        let mut before: Option<Candle> = None;
        self.table.for_each(|line, row| {
            report.rows += 1;
            let time_ms = row.as_ref().ok().map(|candle| candle.open_time_ms);
            let broken = match &row {
                Ok(candle) => self.broken_rule(candle, before.as_ref()),
                Err(rule) => Some(*rule),
            };
            match (broken, row) {
                (None, Ok(candle)) => {
                    self.count(&mut report, &candle, before.as_ref());
                    before = Some(candle);
                }
                (Some(rule), _) | (None, Err(rule)) => {
                    report.add_fault(RowFault { row: line, rule, time_ms });
                }
            }
            ControlFlow::Continue(())
        })?;
        if !report.faults.is_empty() {
            return Err(Error::Refused(Box::new(report)));
        }
        if report.first_ms.is_none() {
            let reason = "it holds no finished candle".to_owned();
            return Err(Error::Unreadable { path: path.to_owned(), reason });
        }
        Ok(report)
    }

    fn broken_rule(&self, candle: &Candle, before: Option<&Candle>) -> Option<Rule> {
        let rule = broken_rule(candle, before, self.series.timeframe);
        rule.or_else(|| (candle.open_time_ms > self.now_ms).then_some(Rule::Future))
    }

    fn is_finished(&self, candle: &Candle) -> bool {
        candle.open_time_ms + self.series.timeframe.ms() <= self.now_ms
    }

    fn count(&self, report: &mut ImportReport, candle: &Candle, before: Option<&Candle>) {
        if !self.is_finished(candle) {
            report.unfinished = true;
            return;
        }
        let time_ms = candle.open_time_ms;
        if let Some(before) = before {
            let range = TimeRange { start_ms: before.open_time_ms, end_ms: time_ms + 1 };
            let pair = [before.open_time_ms, time_ms];
            let timeframe = self.series.timeframe;
            report.missing += missing_candles(&pair, timeframe, &report.calendar, range);
        }
        report.first_ms.get_or_insert(time_ms);
        report.last_ms = Some(time_ms);
        report.zero_volume += u64::from(candle.volume <= 0.0);
    }

    /// Hands the finished candles on, in pieces that begin a new file of the store.
    fn store(&self, add: &mut dyn FnMut(&Candles) -> Result<(), Error>) -> Result<(), Error> {
        let segment_of = |time_ms| match self.series.timeframe {
            Timeframe::MINUTE => Segment::month_of(time_ms),
            _ => Segment::year_of(time_ms),
        };
        let mut piece = Candles::default();
        let mut end_ms = i64::MIN;
        let mut failure = None;
        self.table.for_each(|_, row| {
            let Ok(candle) = row else { return ControlFlow::Break(()) };
            if !self.is_finished(&candle) {
                return ControlFlow::Break(());
            }
            if candle.open_time_ms >= end_ms {
                if !piece.is_empty()
                    && let Err(error) = add(&piece)
                {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
                piece = Candles::default();
                end_ms = segment_of(candle.open_time_ms).range().end_ms;
            }
            piece.push(candle);
            ControlFlow::Continue(())
        })?;
        match failure {
            Some(error) => Err(error),
            None if piece.is_empty() => Ok(()),
            None => add(&piece),
        }
    }
}

/// The most common distance of two rows, ms; the smaller one of equals.
fn modal_spacing(table: &Table) -> Result<Option<i64>, Error> {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    let mut before: Option<i64> = None;
    let mut rows = 0;
    table.for_each(|_, row| {
        rows += 1;
        if let Ok(candle) = row {
            if let Some(before) = before
                && candle.open_time_ms > before
            {
                *counts.entry(candle.open_time_ms - before).or_default() += 1;
            }
            before = Some(candle.open_time_ms);
        }
        if rows < SAMPLE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let most = counts.iter().max_by_key(|(spacing_ms, count)| (**count, -**spacing_ms));
    Ok(most.map(|(spacing_ms, _)| *spacing_ms))
}
