//! The daily returns of a bundle's completed jobs, gathered into panels of equal days.
//!
//! Rows come ascending by seq and are put in one at a time. Equal results count once. Where all
//! returns would not fit into memory, every n-th variant is kept, and the best one always.

use std::collections::{BTreeMap, BTreeSet};

use model::{Bundle, Digest};
use serde_json::Value;
use stats::SharpeSample;
use store::JobReturns;

/// Most returns that are held for one bundle: 192 MB.
const MAX_RETURNS: u64 = 24_000_000;

/// Panels by date range, settings and number of days.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// One of so many variants is kept.
    stride: u64,
    results: BTreeSet<Digest>,
    /// Completed jobs, ascending.
    pub(crate) completed: Vec<u32>,
    groups: BTreeMap<(u32, Settings, usize), Panel>,
}

/// What the series of a panel decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Settings {
    /// Which days there are.
    pub(crate) calendar: String,
    /// P, as bits.
    periods: u64,
    /// Risk-free rate in percent a year, as bits.
    risk_free: u64,
}

/// Variants over the same days.
#[derive(Debug, Default)]
pub(crate) struct Panel {
    /// Variants that were put in.
    pub(crate) variants: u64,
    /// The columns that are kept, ascending by seq.
    pub(crate) columns: Vec<(u32, Vec<f64>)>,
    /// Sharpe ratio, annual, of every variant that has one, ascending by seq.
    pub(crate) sharpes: Vec<(u32, f64)>,
    /// The variant with the highest Sharpe ratio per day, the first of equal ones.
    best: Option<(f64, u32, Vec<f64>)>,
}

impl Settings {
    fn of(settings: &Value) -> Settings {
        let number = |name: &str, default: f64| settings[name].as_f64().unwrap_or(default);
        Settings {
            calendar: settings["calendar"].as_str().unwrap_or("24x7").to_owned(),
            periods: number("periodsPerYear", 365.0).to_bits(),
            risk_free: number("riskFreePct", 0.0).to_bits(),
        }
    }

    /// P: days in a year.
    pub(crate) fn periods_per_year(&self) -> f64 {
        f64::from_bits(self.periods)
    }

    /// Risk-free rate, percent a year.
    pub(crate) fn risk_free_pct(&self) -> f64 {
        f64::from_bits(self.risk_free)
    }
}

impl Sweep {
    /// An empty sweep of about `variants` with `days` returns each.
    pub(crate) fn new(variants: u64, days: usize) -> Sweep {
        let returns = variants.saturating_mul(days as u64);
        Sweep {
            stride: returns.div_ceil(MAX_RETURNS).max(1),
            results: BTreeSet::new(),
            completed: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Puts a completed job of `bundle` in.
    pub(crate) fn add(&mut self, row: JobReturns, bundle: &Bundle) {
        let Some(position) = bundle.position(row.seq) else { return };
        self.completed.push(row.seq);
        if !self.results.insert(row.key) {
            return;
        }
        let settings = Settings::of(&row.settings);
        let periods = settings.periods_per_year();
        let risk_free = stats::risk_free_per_period(settings.risk_free_pct(), periods);
        let sample = SharpeSample::of(&row.daily_returns, risk_free);
        let group = (position.range, settings, row.daily_returns.len());
        self.groups.entry(group).or_default().add(row, sample.ok(), periods, self.stride);
    }

    /// Different results.
    pub(crate) fn results(&self) -> u64 {
        self.results.len() as u64
    }

    /// The panels with their date range, settings and days.
    pub(crate) fn take_panels(&mut self) -> Vec<((u32, Settings, usize), Panel)> {
        let mut panels: Vec<_> = std::mem::take(&mut self.groups).into_iter().collect();
        for (_, panel) in &mut panels {
            panel.keep_best();
        }
        panels
    }
}

impl Panel {
    fn add(&mut self, row: JobReturns, sample: Option<SharpeSample>, periods: f64, stride: u64) {
        if let Some(sample) = sample {
            self.sharpes.push((row.seq, sample.sharpe * periods.sqrt()));
            if self.best.as_ref().is_none_or(|(best, ..)| sample.sharpe > *best) {
                self.best = Some((sample.sharpe, row.seq, row.daily_returns.clone()));
            }
        }
        if self.variants.is_multiple_of(stride) {
            self.columns.push((row.seq, row.daily_returns));
        }
        self.variants += 1;
    }

    /// The seq of the best variant.
    pub(crate) fn winner(&self) -> Option<u32> {
        self.best.as_ref().map(|(_, seq, _)| *seq)
    }

    fn keep_best(&mut self) {
        let Some((_, seq, returns)) = &mut self.best else { return };
        if let Err(place) = self.columns.binary_search_by_key(seq, |(seq, _)| *seq) {
            self.columns.insert(place, (*seq, std::mem::take(returns)));
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Limits;
    use serde_json::json;

    use super::*;

    fn bundle() -> Bundle {
        let request = json!({
            "universalConfig": {
                "exchange": "x", "ticker": "T", "timeframe": "1h", "balance": 1000,
                "strategy": {
                    "signals": {"long": "crossUp(close, ema(close, $n))"},
                    "params": {"n": {"int": [1, 50, 1], "default": 12}},
                },
            },
            "dateTimeRanges": [
                {"start": "2024-01-01T00:00:00Z", "end": "2024-02-01T00:00:00Z"},
                {"start": "2024-02-01T00:00:00Z", "end": "2024-03-01T00:00:00Z"},
            ],
            "parameterVariants": {"n": {"from": 1, "to": 10, "step": 1}},
        });
        Bundle::parse(&request, &Limits::default()).unwrap()
    }

    fn row(seq: u32, key: u32, calendar: &str, drift: f64) -> JobReturns {
        let daily_returns = (0..10).map(|day| drift + f64::from(day % 3) * 0.01).collect();
        let settings = json!({"calendar": calendar, "periodsPerYear": 365.0, "riskFreePct": 0.0});
        JobReturns { seq, key: Digest::of(&key.to_le_bytes()), settings, daily_returns }
    }

    #[test]
    fn panels_are_of_one_range_and_calendar_and_equal_results_count_once() {
        let mut sweep = Sweep::new(20, 10);
        for (seq, key, calendar) in
            [(0, 0, "24x7"), (1, 1, "24x7"), (2, 1, "24x7"), (3, 3, "24x5"), (10, 10, "24x7")]
        {
            sweep.add(row(seq, key, calendar, 0.0), &bundle());
        }
        assert_eq!((sweep.results(), sweep.completed.len()), (4, 5));
        let found: Vec<_> = sweep
            .take_panels()
            .into_iter()
            .map(|((range, settings, days), panel)| {
                (range, settings.calendar, days, panel.variants)
            })
            .collect();
        let expected = [
            (0, "24x5".to_owned(), 10, 1),
            (0, "24x7".to_owned(), 10, 2),
            (1, "24x7".to_owned(), 10, 1),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_panel_too_large_is_thinned_and_keeps_its_best() {
        let mut sweep = Sweep::new(10 * MAX_RETURNS, 1);
        sweep.stride = 4;
        for seq in 0..10 {
            let drift = if seq == 5 { 0.1 } else { 0.0 };
            sweep.add(row(seq, seq, "24x7", drift), &bundle());
        }
        let (_, panel) = sweep.take_panels().pop().unwrap();
        let kept: Vec<u32> = panel.columns.iter().map(|(seq, _)| *seq).collect();
        assert_eq!((kept, panel.winner(), panel.variants), (vec![0, 4, 5, 8], Some(5), 10));
        assert_eq!(panel.sharpes.len(), 10);
    }
}
