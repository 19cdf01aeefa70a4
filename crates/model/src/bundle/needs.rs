//! What the jobs of a bundle read: so much of each spec as decides which data it is run on.

use std::collections::BTreeSet;

use crate::{Digest, JobSpec, canonical};

use super::Bundle;
use super::expressions::{Expressive as _, other_tickers, warmup};

impl Bundle {
    /// The warm-up of every job, ascending by `seq`; the same that [`Bundle::job`] gives.
    ///
    /// Costs one resolving of the strategy per parameter point, and four bytes a point.
    pub fn warmups(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut warmups = vec![0; self.total_product() as usize];
        let lengths = self.lengths;
        let inner = lengths.timeframes * lengths.money_management;
        for parameters in (0..lengths.parameters).filter(|it| self.survivors.contains(*it)) {
            let point = self.parameters.point(parameters);
            let signals = self.resolve(&point).signals;
            let risk = self.risk.resolved(&point);
            let mut at = Vec::with_capacity(inner as usize);
            for timeframe in &self.timeframes.values {
                for variant in &self.money.values {
                    let money = variant.settings.resolved(&point);
                    at.push(warmup(&signals, &money, &risk, *timeframe));
                }
            }
            for outer in 0..lengths.outer() {
                let seq = outer * lengths.parameters + parameters;
                warmups[seq as usize] = at[(outer % inner) as usize];
            }
        }
        (0..).zip(warmups).filter(|(seq, _)| self.has_job(*seq))
    }
}

impl JobSpec {
    /// Names everything that decides which data a backtest reads from `source`, and what its
    /// series imply: equal needs are met by equal data as long as the source does not change.
    ///
    /// Balance, costs and fill rules are in it, too: they only make equal needs rarer.
    pub fn need(&self, source: &str) -> Digest {
        let head = canonical::head(&canonical::Head {
            exchange: &self.series.exchange,
            balance: self.balance,
            costs: &self.costs,
            fill: &self.fill,
            overrides: &self.overrides,
        });
        let tail = canonical::tail(&self.overrides, self.signal_column);
        let numbers = format!(
            "{} {} {} {}",
            self.range.start_ms,
            self.range.end_ms,
            self.warmup,
            self.overrides.periods_per_year.map_or(0, f64::to_bits),
        );
        let timeframe = self.series.timeframe.to_string();
        let others: BTreeSet<String> =
            other_tickers(&self.signals, &self.money_management, &self.risk);
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"backfleet.need.1\0");
        let own = [source, &head, &tail, &numbers, &self.series.ticker, &timeframe];
        for text in own.into_iter().chain(others.iter().map(String::as_str)) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Digest(*hasher.finalize().as_bytes())
    }
}
