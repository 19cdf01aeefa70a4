//! How much a result depends on what came first inside candles that cannot tell.

/// The same backtest with the stop first and with the target first in every ambiguous candle.
///
/// One way may meet other ambiguous candles than the other: once a trade ends elsewhere, what
/// follows differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    /// The stop first.
    pub stop_first: Way,
    /// The target first.
    pub target_first: Way,
}

/// What one of the two ways ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// Cash and position at the last close, in quote.
    pub final_equity: f64,
    /// Candles in which stop and target were both touched.
    pub ambiguous: u64,
    /// Trades entered.
    pub trades: u64,
}
