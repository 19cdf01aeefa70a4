//! What a backtest reads beside its own candles.

use std::collections::BTreeSet;

use crate::{JobSpec, SeriesId};

use super::expressions::other_tickers;

impl JobSpec {
    /// The series of other tickers that its expressions read, sorted; its own is none of them.
    ///
    /// They are of the job's exchange and timeframe.
    pub fn other_series(&self) -> Vec<SeriesId> {
        let tickers: BTreeSet<String> =
            other_tickers(&self.signals, &self.money_management, &self.risk);
        let others = tickers.into_iter().filter(|ticker| *ticker != self.series.ticker);
        others.map(|ticker| SeriesId { ticker, ..self.series.clone() }).collect()
    }
}
