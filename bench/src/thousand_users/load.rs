//! What the users ask for: the same series and bundles in every run.

use std::ops::Range;

use anyhow::ensure;
use candles::MemorySource;
use model::{Bundle, Calendar, Limits, SeriesId, Timeframe};
use serde_json::{Value, json};

/// Series.
pub(crate) const SERIES: usize = 8;
/// Candles of each series, and of each backtest.
pub(crate) const CANDLES: usize = 50_000;
/// Values of the fast average in each bundle.
pub(crate) const JOBS_PER_BUNDLE: usize = 10;

/// Bundles of the whole run.
const BUNDLES: usize = 1_000;
/// Users after those of the whole run, who ask for an estimate first.
const ASKING: usize = 100;
/// 2024-01-01T00:00:00Z.
const START_MS: i64 = 1_704_067_200_000;
/// Exchange of every series.
const EXCHANGE: &str = "bench";

/// Series and bundles.
pub(crate) struct Load {
    pub(crate) source: MemorySource,
    pub(crate) bundles: Vec<Request>,
    /// More of the same, by users who ask for an estimate first.
    pub(crate) asking: Vec<Request>,
}

/// One user's bundle.
pub(crate) struct Request {
    pub(crate) text: String,
    pub(crate) bundle: Bundle,
}

impl Load {
    /// `scale` of the bundles over all series.
    pub(crate) fn new(scale: f64) -> anyhow::Result<Load> {
        ensure!(scale > 0.0 && scale <= 1.0, "--scale is above 0 and at most 1");
        let timeframe: Timeframe = "15m".parse()?;
        let source = MemorySource::new("bench");
        for series in 0..SERIES {
            let id = SeriesId { exchange: EXCHANGE.to_owned(), ticker: ticker(series), timeframe };
            let candles =
                testkit::candles::random_walk(series as u64, timeframe, START_MS, CANDLES);
            source.insert(id, Calendar::EveryDay, None, candles);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 1,000"
        )]
        let count = ((BUNDLES as f64 * scale).round() as usize).max(1);
        let end_ms = START_MS + timeframe.ms() * i64::try_from(CANDLES)?;
        let requests = |users: Range<usize>| {
            let requests = users.map(|user| {
                let request = request(user, end_ms);
                let bundle = Bundle::parse(&request, &Limits::default())?;
                Ok(Request { text: request.to_string(), bundle })
            });
            requests.collect::<anyhow::Result<Vec<_>>>()
        };
        let asking = requests(BUNDLES..BUNDLES + ASKING)?;
        Ok(Load { source, bundles: requests(0..count)?, asking })
    }

    /// Backtests in all.
    pub(crate) fn jobs(&self) -> usize {
        self.bundles.len() * JOBS_PER_BUNDLE
    }

    /// Candles of all backtests.
    pub(crate) fn candles(&self) -> usize {
        self.jobs() * CANDLES
    }
}

fn ticker(series: usize) -> String {
    format!("WALK{series}")
}

/// No two users ask for an equal backtest: each has a slow average of its own on its series.
fn request(user: usize, end_ms: i64) -> Value {
    let range = model::TimeRange { start_ms: START_MS, end_ms };
    json!({
        "name": format!("user {user}"),
        "universalConfig": {
            "exchange": EXCHANGE, "ticker": ticker(user % SERIES), "timeframe": "15m", "balance": 10_000,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))"},
                "params": {
                    "fast": {"int": [5, 50, 1], "default": 5},
                    "slow": {"int": [50, 200, 1], "default": 50}}},
            "moneyManagement": {"stopLossPct": 2, "takeProfitPct": 4},
            "costs": {"feePct": 0.1, "slippageBps": 1}},
        "dateTimeRanges": [{"start": range.start_text(), "end": range.end_text()}],
        "parameterVariants": {
            "fast": {"from": 5, "to": 3 + 2 * JOBS_PER_BUNDLE, "step": 2},
            "slow": [50 + user / SERIES]}
    })
}
