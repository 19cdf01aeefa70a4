//! What a backtest reads beside its own candles.

use std::collections::BTreeSet;

use crate::{JobSpec, SeriesId};

use super::Bundle;
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

impl Bundle {
    /// Every ticker that the strategy or a level reads beside a job's own, each with the JSON Pointer
    /// to what reads it; a ticker once, where it is first read. It may be one of the tickers that
    /// jobs run on.
    pub fn other_tickers(&self) -> Vec<(String, String)> {
        let money = crate::settings::MoneyManagement::default();
        let mut found: Vec<(String, String)> = Vec::new();
        let mut add = |pointer: &str, tickers: BTreeSet<String>| {
            for ticker in tickers {
                if !found.iter().any(|(_, known)| *known == ticker) {
                    found.push((pointer.to_owned(), ticker));
                }
            }
        };
        let signals = &self.strategy.signals;
        let none = crate::settings::Risk::default();
        add("/universalConfig/strategy", other_tickers(signals, &money, &none));
        add("/universalConfig/risk/entryOrder", other_tickers(signals, &money, &self.risk));
        for (index, variant) in (0..).zip(&self.money.values) {
            let pointer = self.money.pointer(index);
            add(&pointer, other_tickers(signals, &variant.settings, &none));
        }
        found
    }
}
