//! Candles and strategies that are measured.

use std::sync::Arc;

use anyhow::Context;
use model::{Bundle, Candle, Candles, JobSpec, Limits, MINUTE_MS, TimeRange};
use serde_json::{Value, json};
use testkit::candles::Lcg;

/// Starting cash, in quote.
pub(crate) const BALANCE: f64 = 10_000.0;
/// Fee as a share of the notional.
pub(crate) const FEE: f64 = 0.1 / 100.0;
/// Distance of the stop as a share of the price.
pub(crate) const STOP: f64 = 2.0 / 100.0;
/// Distance of the target as a share of the price.
pub(crate) const TARGET: f64 = 4.0 / 100.0;

/// Candles before the range: as many as the slowest average asks for.
pub(crate) const WARMUP: usize = 2_048;
/// 2024-01-01T00:00:00Z.
const START_MS: i64 = 1_704_067_200_000;

/// Standard deviation of a minute's change, about that of a liquid coin.
const STEP: f64 = 0.001;
/// Drift of a minute while a trend lasts. Without trends the fees of a strategy that crosses every
/// half an hour ruin it within a year, and a ruined account is fast.
const DRIFT: f64 = 0.000_125;
/// One in so many candles starts another trend.
const TREND: u64 = 120;

/// `count` candles of a minute to trade, with their warm-up before them: a geometric random walk
/// in trends, the same in every run.
pub(crate) fn candles(seed: u64, count: usize) -> Candles {
    let mut lcg = Lcg::new(seed);
    let mut candles = Candles::with_capacity(count + WARMUP);
    let mut open_time_ms = 2 * START_MS - range(WARMUP).end_ms;
    let (mut open, mut trend) = (100.0_f64, 1.0);
    for _ in 0..count + WARMUP {
        if lcg.below(TREND) == 0 {
            trend = -trend;
        }
        // A pull towards the start keeps long walks finite.
        let pull = (100.0 - open) / open.max(100.0) * DRIFT;
        let close = open * (1.0 + trend * DRIFT + pull + lcg.bell() * STEP / 0.577);
        let high = open.max(close) * (1.0 + lcg.uniform() * STEP);
        let low = open.min(close) * (1.0 - lcg.uniform() * STEP);
        let volume = 1.0 + lcg.uniform() * 1_000.0;
        candles.push(Candle { open_time_ms, open, high, low, close, volume });
        open_time_ms += MINUTE_MS;
        open = close;
    }
    candles
}

/// What is traded of [`candles()`].
pub(crate) fn range(count: usize) -> TimeRange {
    let candles = i64::try_from(count).expect("fewer candles than 2^63");
    TimeRange { start_ms: START_MS, end_ms: START_MS + candles * MINUTE_MS }
}

/// The backtests of all pairs of averages, the fast one slowest, under the rules of `profile`.
pub(crate) fn specs(
    count: usize,
    (fasts, slows): (&[usize], &[usize]),
    profile: Option<&str>,
) -> anyhow::Result<Vec<Arc<JobSpec>>> {
    let request = request(count, (fasts, slows), profile);
    let bundle = Bundle::parse(&request, &Limits::default())?;
    let spec = |seq| bundle.job(seq).map(Arc::new).context("a seq of the bundle is a job");
    bundle.jobs().map(spec).collect()
}

/// The bundle of all pairs of averages.
fn request(count: usize, (fasts, slows): (&[usize], &[usize]), profile: Option<&str>) -> Value {
    let range = range(count);
    let fill = profile.map_or(json!({}), |profile| json!({"profile": profile}));
    json!({
        "universalConfig": {
            "exchange": "bench", "ticker": "WALK", "timeframe": "1m", "balance": BALANCE,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))"},
                "params": {
                    "fast": {"int": [2, 500, 1], "default": 12},
                    "slow": {"int": [2, 500, 1], "default": 26}}},
            "moneyManagement": {"stopLossPct": 2, "takeProfitPct": 4},
            "costs": {"feePct": 0.1},
            "fill": fill},
        "dateTimeRanges": [{"start": range.start_text(), "end": range.end_text()}],
        "parameterVariants": {"fast": fasts, "slow": slows}
    })
}
