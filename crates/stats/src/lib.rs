//! Numbers about fills, equity curves and whole sweeps.
//!
//! Pure functions: no I/O, no clock, no randomness. Only + - * / and square roots of std, the rest
//! from `libm`, every sum in a fixed order: the same bits on every machine.
//! Fills -> [`trades`], [`equity_curve`], [`equity_summary`]; marks -> [`daily_returns`]; these ->
//! [`metrics`] and [`profile`]; the returns of many variants -> [`luck_bar`], [`judge`], [`pbo`].
//! **Invariant:** an undefined number is absent and has a reason; it is never 0, NaN or infinite.

mod catalogue;
mod curve;
mod daily;
mod document;
mod guard;
mod honesty;
mod luck;
mod metrics;
mod moments;
mod normal;
mod path;
mod pbo;
mod plateau;
mod profile;
mod reason;
mod thin;
mod trade_metrics;
mod trades;
mod verdict;
mod water;

#[cfg(test)]
mod golden;

pub use catalogue::{CATALOGUE, Metric, Unit, reference_markdown};
pub use curve::{EquitySummary, Excursions, equity_curve, equity_summary};
pub use daily::{
    MonthlyReturn, YearlyReturn, benchmark_returns, daily_returns, monthly_returns, yearly_returns,
};
pub use document::{Number, profile_document};
pub use guard::{GuardInput, GuardRail, Severity, guard_rails};
pub use honesty::{Honesty, SweepInput, honesty};
pub use luck::{
    LuckBar, SharpeSample, deflated_benchmark, effective_variants, expected_max_z, luck_bar,
    luck_quantile_z, mean_correlation, min_backtest_years, sharpe_deviation,
};
pub use metrics::{MetricInput, Metrics, metrics, risk_free_per_period};
pub use normal::{normal_cdf, normal_quantile};
pub use path::PricePath;
pub use pbo::{LogitHistogram, Pbo, default_blocks, pbo};
pub use plateau::{Plateau, plateau};
pub use profile::{CandleEquity, Profile, UnknownProfile, profile};
pub use reason::Undefined;
pub use thin::{thin, thin_candles};
pub use trades::{OpenTrade, Trade, open_trade, trades};
pub use verdict::{Judgement, SentenceInput, Variant, Verdict, judge, sentence, winner};

/// Version of the definitions; stored beside every set of metrics.
pub const STATS_VERSION: &str = "1";
