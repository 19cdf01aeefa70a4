//! What a walk reads of a candle.

use model::CandleSlice;

/// Prices of one candle, in half a line of the cache: neighbours often share one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
pub(crate) struct Prices {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}

impl Prices {
    /// Those in `row` of `columns`.
    #[inline]
    pub(crate) fn of(columns: CandleSlice<'_>, row: usize) -> Prices {
        let CandleSlice { open, high, low, close, .. } = columns;
        Prices { open: open[row], high: high[row], low: low[row], close: close[row] }
    }
}
