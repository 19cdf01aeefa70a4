//! Candles ready for the engine.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use model::settings::Instrument;
use model::{Calendar, CandleSlice, Candles, DAY_MS, Digest, SeriesId, TimeRange, missing_candles};

use super::SegmentState;
use crate::SeriesInfo;
use crate::cache::Mapped;

/// Ends of a range may be this far from candles where weekends and holidays are no gaps.
const HOLIDAYS_MS: i64 = 4 * DAY_MS;

/// Columns in memory or in a mapped file.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    Mapped(Arc<Mapped>),
    Owned(Arc<Candles>),
}

impl Columns {
    pub(super) fn as_slice(&self) -> CandleSlice<'_> {
        match self {
            Self::Mapped(mapped) => mapped.as_slice(),
            Self::Owned(candles) => candles.as_slice(),
        }
    }
}

/// What is wanted of a series before a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum History {
    /// At most so many existing candles.
    Candles(u32),
    /// Those that open at or after this time, ms since 1970-01-01 UTC.
    Since(i64),
}

/// Candles of one series: warm-up, then a range. Shared by all who loaded the same.
#[derive(Debug)]
pub struct Loaded {
    columns: Columns,
    rows: Range<usize>,
    start_row: usize,
    series: SeriesId,
    stored: Arc<SeriesInfo>,
    missing: u64,
    covered: bool,
    segments: Vec<SegmentState>,
    hash: OnceLock<Digest>,
}

impl Loaded {
    /// Slices `columns`; `None` if no candle opens inside `range`.
    pub(super) fn new(
        columns: Columns,
        series: SeriesId,
        stored: Arc<SeriesInfo>,
        range: TimeRange,
        history: History,
    ) -> Option<Loaded> {
        let all = columns.as_slice();
        let start = all.lower_bound(range.start_ms);
        let end = all.lower_bound(range.end_ms);
        let times = all.open_time_ms.get(start..end)?;
        let (first_ms, last_ms) = (*times.first()?, *times.last()?);
        let timeframe = series.timeframe;
        let slack_ms = match stored.calendar {
            Calendar::EveryDay => timeframe.ms(),
            Calendar::Weekdays | Calendar::Session(_) => timeframe.ms().max(HOLIDAYS_MS),
        };
        let covered = first_ms <= range.start_ms.saturating_add(slack_ms)
            && last_ms + timeframe.ms() >= range.end_ms.saturating_sub(slack_ms);
        let missing = missing_candles(times, timeframe, &stored.calendar, range);
        let from = match history {
            History::Candles(warmup) => start.saturating_sub(warmup as usize),
            History::Since(time_ms) => all.lower_bound(time_ms).min(start),
        };
        Some(Loaded {
            rows: from..end,
            start_row: start - from,
            columns,
            series,
            stored,
            missing,
            covered,
            segments: Vec::new(),
            hash: OnceLock::new(),
        })
    }

    /// Names the stored segments that it was made of.
    pub(super) fn with_segments(self, segments: Vec<SegmentState>) -> Loaded {
        Loaded { segments, ..self }
    }

    /// The stored segments that it was made of, ascending; empty for candles held in memory.
    pub fn segments(&self) -> &[SegmentState] {
        &self.segments
    }

    /// The candles: at most W finished ones before the start of the range, then the range.
    pub fn as_slice(&self) -> CandleSlice<'_> {
        self.columns.as_slice().rows(self.rows.clone())
    }

    /// Row of the first candle of the range; also how many candles of warm-up there are.
    pub fn start_row(&self) -> usize {
        self.start_row
    }

    /// What was asked for.
    pub fn series(&self) -> &SeriesId {
        &self.series
    }

    /// What it was read from: the same series, or the finer one that it was resampled from.
    pub fn stored(&self) -> &SeriesInfo {
        &self.stored
    }

    /// Which days the series has.
    pub fn calendar(&self) -> &Calendar {
        &self.stored.calendar
    }

    /// Trading rules, where the source has them.
    pub fn instrument(&self) -> Option<Instrument> {
        self.stored.instrument
    }

    /// The series hash of exactly [`Loaded::as_slice`]. Reads all of it the first time.
    pub fn series_hash(&self) -> Digest {
        *self.hash.get_or_init(|| self.as_slice().hash(&self.series))
    }

    /// Candles missing between the first and the last of the range, by the calendar's rules.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether candles reach both ends of the range.
    ///
    /// The first candle may open, and the last close, one timeframe off, or four days where the
    /// calendar knows weekends and holidays.
    pub fn covered(&self) -> bool {
        self.covered
    }
}
