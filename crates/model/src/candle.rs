//! Candles as columns: what a series is, and how equal data is recognised.
//!
//! A series is ascending by open time, on the grid of its timeframe, and has no duplicates. Prices
//! are finite and positive with `low <= open, close <= high`; importers refuse everything else, so no
//! later code checks again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Timeframe};

/// Which candles: exchange, ticker and timeframe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesId {
    /// The venue's name, as in the request (`binance`).
    pub exchange: String,
    /// The instrument's name, as in the request (`BTCUSDT`).
    pub ticker: String,
    /// Length of each candle.
    pub timeframe: Timeframe,
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.exchange, self.ticker, self.timeframe)
    }
}

/// One candle: open time in ms since 1970 UTC, prices in quote, volume in base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Open time, ms since 1970-01-01 UTC.
    pub open_time_ms: i64,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Volume, in base units; 0 where the source has none.
    pub volume: f64,
}

/// Borrowed columns of one series, all of one length, oldest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandleSlice<'a> {
    /// Open times, ms since 1970-01-01 UTC, strictly ascending.
    pub open_time_ms: &'a [i64],
    /// First price of each candle.
    pub open: &'a [f64],
    /// Highest price of each candle.
    pub high: &'a [f64],
    /// Lowest price of each candle.
    pub low: &'a [f64],
    /// Last price of each candle.
    pub close: &'a [f64],
    /// Volume of each candle, in base units.
    pub volume: &'a [f64],
}

impl<'a> CandleSlice<'a> {
    /// Number of candles.
    pub fn len(&self) -> usize {
        self.open_time_ms.len()
    }

    /// Whether there is no candle.
    pub fn is_empty(&self) -> bool {
        self.open_time_ms.is_empty()
    }

    /// The candles of `range` (row numbers).
    ///
    /// # Panics
    /// If the range is out of bounds.
    #[must_use]
    pub fn rows(&self, range: std::ops::Range<usize>) -> CandleSlice<'a> {
        CandleSlice {
            open_time_ms: &self.open_time_ms[range.clone()],
            open: &self.open[range.clone()],
            high: &self.high[range.clone()],
            low: &self.low[range.clone()],
            close: &self.close[range.clone()],
            volume: &self.volume[range],
        }
    }

    /// Row of the first candle that opens at or after `time_ms`; `len()` if none does.
    pub fn lower_bound(&self, time_ms: i64) -> usize {
        self.open_time_ms.partition_point(|open_time_ms| *open_time_ms < time_ms)
    }

    /// The candle in row `row`.
    ///
    /// # Panics
    /// If the row is out of bounds.
    #[inline]
    pub fn candle(&self, row: usize) -> Candle {
        Candle {
            open_time_ms: self.open_time_ms[row],
            open: self.open[row],
            high: self.high[row],
            low: self.low[row],
            close: self.close[row],
            volume: self.volume[row],
        }
    }

    /// Copies the columns.
    pub fn to_candles(&self) -> Candles {
        Candles {
            open_time_ms: self.open_time_ms.to_vec(),
            open: self.open.to_vec(),
            high: self.high.to_vec(),
            low: self.low.to_vec(),
            close: self.close.to_vec(),
            volume: self.volume.to_vec(),
        }
    }

    /// Series hash: equal data gives an equal hash whatever store or segment it came from.
    ///
    /// BLAKE3 of exchange, ticker, timeframe (each as length and text), the count, the open times
    /// and the bits of the five columns, -0 as 0, all little-endian.
    pub fn hash(&self, series: &SeriesId) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"backfleet.series.1\0");
        for text in [series.exchange.as_str(), &series.ticker, &series.timeframe.to_string()] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&(self.len() as u64).to_le_bytes());
        let mut buffer = Vec::with_capacity(HASH_CHUNK * 8);
        for chunk in self.open_time_ms.chunks(HASH_CHUNK) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|time| time.to_le_bytes()));
            hasher.update(&buffer);
        }
        for column in [self.open, self.high, self.low, self.close, self.volume] {
            for chunk in column.chunks(HASH_CHUNK) {
                buffer.clear();
                buffer.extend(chunk.iter().flat_map(|value| canonical_bits(*value).to_le_bytes()));
                hasher.update(&buffer);
            }
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

/// Values hashed at a time: the copy stays in the first-level cache.
const HASH_CHUNK: usize = 2_048;

/// Bits of `value` with -0 written as 0, so that equal numbers have equal bits.
pub(crate) fn canonical_bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// Owned columns of one series; same invariants as [`CandleSlice`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candles {
    /// Open times, ms since 1970-01-01 UTC.
    pub open_time_ms: Vec<i64>,
    /// First prices.
    pub open: Vec<f64>,
    /// Highest prices.
    pub high: Vec<f64>,
    /// Lowest prices.
    pub low: Vec<f64>,
    /// Last prices.
    pub close: Vec<f64>,
    /// Volumes, in base units.
    pub volume: Vec<f64>,
}

impl Candles {
    /// Room for `count` candles.
    pub fn with_capacity(count: usize) -> Candles {
        Candles {
            open_time_ms: Vec::with_capacity(count),
            open: Vec::with_capacity(count),
            high: Vec::with_capacity(count),
            low: Vec::with_capacity(count),
            close: Vec::with_capacity(count),
            volume: Vec::with_capacity(count),
        }
    }

    /// Number of candles.
    pub fn len(&self) -> usize {
        self.open_time_ms.len()
    }

    /// Whether there is no candle.
    pub fn is_empty(&self) -> bool {
        self.open_time_ms.is_empty()
    }

    /// Appends one candle; the caller keeps the order.
    pub fn push(&mut self, candle: Candle) {
        self.open_time_ms.push(candle.open_time_ms);
        self.open.push(candle.open);
        self.high.push(candle.high);
        self.low.push(candle.low);
        self.close.push(candle.close);
        self.volume.push(candle.volume);
    }

    /// Appends all of `other`; the caller keeps the order.
    pub fn extend_from(&mut self, other: CandleSlice<'_>) {
        self.open_time_ms.extend_from_slice(other.open_time_ms);
        self.open.extend_from_slice(other.open);
        self.high.extend_from_slice(other.high);
        self.low.extend_from_slice(other.low);
        self.close.extend_from_slice(other.close);
        self.volume.extend_from_slice(other.volume);
    }

    /// The columns, borrowed.
    pub fn as_slice(&self) -> CandleSlice<'_> {
        CandleSlice {
            open_time_ms: &self.open_time_ms,
            open: &self.open,
            high: &self.high,
            low: &self.low,
            close: &self.close,
            volume: &self.volume,
        }
    }
}

impl FromIterator<Candle> for Candles {
    fn from_iter<T: IntoIterator<Item = Candle>>(iter: T) -> Candles {
        let mut candles = Candles::default();
        for candle in iter {
            candles.push(candle);
        }
        candles
    }
}
