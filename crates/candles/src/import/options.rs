//! What is said about a file from outside.

use std::str::FromStr;

use model::settings::Instrument;
use model::{Calendar, TimeZoneName, Timeframe};

use crate::Clock;
use crate::validate::Fix;

/// What is said about a file from outside; the rest is read from its name and content.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The exchange; else the first word of the file's name, the folder of a freqtrade file, or
    /// `binance` for its archive.
    pub exchange: Option<String>,
    /// The ticker; else what the file or its name says. It also chooses among several tickers.
    pub ticker: Option<String>,
    /// The timeframe; else from the file's name, or the usual spacing of its rows.
    pub timeframe: Option<Timeframe>,
    /// The calendar; else what the store has for the series, or `24x7`.
    pub calendar: Option<Calendar>,
    /// Trading rules; else what the store has for the series.
    pub instrument: Option<Instrument>,
    /// Zone of times that are written without one. Dates alone mean 00:00 UTC.
    pub zone: Option<TimeZoneName>,
    /// Which columns hold what, where their names do not say.
    pub columns: Option<ColumnMap>,
    /// `strptime` format of the times.
    pub time_format: Option<String>,
    /// Which end of a candle its time is.
    pub label: Label,
    /// Whether prices are scaled by adjusted close / close.
    pub adjusted: bool,
    /// Whether what only deserves a look stops the import too.
    pub strict: bool,
    /// Which faults are mended.
    pub fix: Fix,
    /// What time it is; else the system's clock.
    pub clock: Option<Clock>,
}

/// Which end of a candle its time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// Its open, as everywhere in this product.
    #[default]
    Open,
    /// Its close: times are moved back by one timeframe.
    Close,
}

/// Columns by name, or by number from 1 where a file has no header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMap {
    pub(super) time: Option<String>,
    pub(super) clock: Option<String>,
    pub(super) open: Option<String>,
    pub(super) high: Option<String>,
    pub(super) low: Option<String>,
    pub(super) close: Option<String>,
    pub(super) volume: Option<String>,
}

/// The text is no map of columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no map of columns: write time=Date,open=O with time, clock, open, high, low, \
     close, volume on the left and the file's names (or numbers from 1) on the right"
)]
pub struct ColumnMapError {
    text: String,
}

impl FromStr for ColumnMap {
    type Err = ColumnMapError;

    fn from_str(text: &str) -> Result<ColumnMap, ColumnMapError> {
        let wrong = || ColumnMapError { text: text.to_owned() };
        let mut map = ColumnMap::default();
        for pair in text.split(',') {
            let (what, column) = pair.split_once('=').ok_or_else(wrong)?;
            let slot = match what.trim() {
                "time" => &mut map.time,
                "clock" => &mut map.clock,
                "open" => &mut map.open,
                "high" => &mut map.high,
                "low" => &mut map.low,
                "close" => &mut map.close,
                "volume" => &mut map.volume,
                _ => return Err(wrong()),
            };
            let column = column.trim();
            if column.is_empty() || slot.replace(column.to_owned()).is_some() {
                return Err(wrong());
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_names_each_column_once() {
        let map: ColumnMap = "time=Date, open=O,volume=7".parse().unwrap();
        assert_eq!((map.time.as_deref(), map.volume.as_deref()), (Some("Date"), Some("7")));
        for text in ["", "time", "time=", "price=Close", "time=a,time=b"] {
            assert!(text.parse::<ColumnMap>().is_err(), "{text}");
        }
    }
}
