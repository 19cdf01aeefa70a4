//! Columns of values, and the candles that a part of a strategy runs on.

use std::ops::Deref;
use std::rc::Rc;

use model::{Calendar, CandleSlice, HigherTimeframe, Timeframe};

/// One value a row, null as NaN; shared, never copied.
#[derive(Clone, Debug)]
pub(crate) enum Column<'a, T = f64> {
    /// A column of the series.
    Series(&'a [T]),
    /// A computed one.
    Computed(Rc<Vec<T>>),
}

impl<T> Deref for Column<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Column::Series(values) => values,
            Column::Computed(values) => values,
        }
    }
}

impl<T> From<Vec<T>> for Column<'_, T> {
    fn from(values: Vec<T>) -> Self {
        Column::Computed(Rc::new(values))
    }
}

/// When candles close.
#[derive(Clone, Debug)]
enum Closes {
    /// So many ms after they open.
    After(i64),
    /// At these times, ms.
    At(Rc<Vec<i64>>),
}

/// Candles as columns that can be shared.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    closes: Closes,
    /// Open times, ms.
    pub(crate) open_time_ms: Column<'a, i64>,
    /// First prices.
    pub(crate) open: Column<'a>,
    /// Highest prices.
    pub(crate) high: Column<'a>,
    /// Lowest prices.
    pub(crate) low: Column<'a>,
    /// Last prices.
    pub(crate) close: Column<'a>,
    /// Volumes.
    pub(crate) volume: Column<'a>,
}

impl<'a> Frame<'a> {
    /// The candles of a series.
    pub(crate) fn of_series(candles: CandleSlice<'a>, timeframe: Timeframe) -> Frame<'a> {
        Frame {
            closes: Closes::After(timeframe.ms()),
            open_time_ms: Column::Series(candles.open_time_ms),
            open: Column::Series(candles.open),
            high: Column::Series(candles.high),
            low: Column::Series(candles.low),
            close: Column::Series(candles.close),
            volume: Column::Series(candles.volume),
        }
    }

    /// These candles folded into longer ones of `calendar` that end at or before `end_ms`.
    pub(crate) fn folded(
        &self,
        tf: HigherTimeframe,
        calendar: &Calendar,
        end_ms: i64,
    ) -> Frame<'a> {
        let folded = model::fold_by_calendar(self.candles(), tf, calendar, end_ms);
        let candles = folded.candles;
        Frame {
            closes: Closes::At(Rc::new(folded.end_ms)),
            open_time_ms: candles.open_time_ms.into(),
            open: candles.open.into(),
            high: candles.high.into(),
            low: candles.low.into(),
            close: candles.close.into(),
            volume: candles.volume.into(),
        }
    }

    /// For each row of `outer`, how many of these candles had closed by its close.
    ///
    /// The candle [T, T + H) can be read on a row that closes at or after T + H, by the clock: rows
    /// that are missing in either change nothing. H is what the calendar makes of it.
    pub(crate) fn closed_by(&self, outer: &Frame<'_>) -> Vec<usize> {
        let mut count = 0;
        let closed = (0..outer.len()).map(|row| {
            let by_ms = outer.close_ms(row);
            count += (count..self.len()).take_while(|row| self.close_ms(*row) <= by_ms).count();
            count
        });
        closed.collect()
    }

    /// When the candle in `row` closes, ms.
    fn close_ms(&self, row: usize) -> i64 {
        match &self.closes {
            Closes::After(length_ms) => self.open_time_ms[row] + length_ms,
            Closes::At(times_ms) => times_ms[row],
        }
    }

    /// When the last candle closes, ms; 0 where there is none.
    pub(crate) fn end_ms(&self) -> i64 {
        self.len().checked_sub(1).map_or(0, |row| self.close_ms(row))
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.open_time_ms.len()
    }

    /// The columns, borrowed.
    pub(crate) fn candles(&self) -> CandleSlice<'_> {
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
