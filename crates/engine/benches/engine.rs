//! `cargo bench -p engine`: time of the parts of a backtest, per candle.
//!
//! Medians of 11 runs on a generated walk: single indicators, one backtest of 1,000,000 candles and a
//! sweep over 100,000, beside the plain walk that looks at every candle. `bench/engine` has the whole
//! comparison with a loop written by hand.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use engine::{Control, Extras, Input, Monitor, indicator, run_batch, run_plain};
use model::settings::Instrument;
use model::strategy::Strategy;
use model::{
    Bundle, Calendar, Candle, Candles, Faults, JobSpec, Limits, MINUTE_MS, TimeRange, Timeframe,
};
use serde_json::{Value, json};

const RUNS: usize = 11;
const LONG: usize = 1_000_000;
const SWEEP: usize = 100_000;
/// Candles before the range.
const HISTORY: usize = 2_048;

const INDICATORS: [&str; 9] = [
    "sma(close, 20)",
    "ema(close, 20)",
    "rsi(close, 14)",
    "atr(14)",
    "bollinger(close, 20).percentB",
    "macd(close).line",
    "supertrend(10, 3).direction",
    "stochRsi(close).k",
    "ema(close, 20, tf: 1h)",
];

/// Nobody looks.
struct Unwatched;

impl Monitor for Unwatched {
    fn progress(&self, _: usize, _: usize) -> Control {
        Control::Continue
    }
}

fn main() {
    let candles = walk(LONG + HISTORY);
    let print = |name: &str, nanos: f64, unit: &str| println!("{name:<44} {nanos:>9.2} {unit}");
    let calendar = Calendar::EveryDay;
    for text in INDICATORS {
        let rows = candles.as_slice().rows(0..SWEEP);
        let expr = number(text);
        let time = median(|| indicator(rows, Timeframe::MINUTE, &calendar, &expr));
        print(text, per(time, SWEEP), "ns a candle");
    }
    let plain = json!({"stopLossPct": 2, "takeProfitPct": 4});
    let trailing = json!({"stopLossPct": 2, "trailingStopPct": 1});
    let parts = json!({
        "stopLossPct": 2,
        "exits": [{"target": {"pct": 1}, "closePct": 50, "thenStop": "entry"}]
    });
    for (name, money) in [("stop and target", &plain), ("trail", &trailing), ("part", &parts)] {
        let spec = &specs(money, &json!({}), LONG)[0];
        let input = input(&candles, LONG, &calendar);
        let time = median(|| run_batch(&input, &[spec], &Unwatched));
        print(&format!("one backtest, {name}"), per(time, LONG), "ns a candle");
        let time = median(|| run_plain(&input, spec));
        print(&format!("  every candle walked, {name}"), per(time, LONG), "ns a candle");
    }
    let axes = json!({"fast": {"from": 5, "to": 12, "step": 1}, "slow": {"from": 50, "to": 64, "step": 2}});
    let specs = specs(&plain, &axes, SWEEP);
    let refs: Vec<&JobSpec> = specs.iter().collect();
    let input = input(&candles, SWEEP, &calendar);
    let time = median(|| run_batch(&input, &refs, &Unwatched));
    let name = format!("sweep of {} variants, outcomes", refs.len());
    print(&name, per(time, SWEEP * refs.len()), "ns a candle and variant");
}

fn per(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}

fn median<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

/// A walk of minutes whose steps are up to 0.1 % of the price.
fn walk(count: usize) -> Candles {
    let (mut state, mut close) = (42_u64, 100.0);
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let rows = (0_i64..).take(count).map(|minute| {
        let open: f64 = close;
        close = open * (1.0 + 0.002 * (uniform() - 0.5));
        Candle {
            open_time_ms: minute * MINUTE_MS,
            open,
            high: open.max(close) * (1.0 + 0.000_5 * uniform()),
            low: open.min(close) * (1.0 - 0.000_5 * uniform()),
            close,
            volume: 1.0 + uniform(),
        }
    });
    rows.collect()
}

/// The first `count` minutes after the history.
fn range(count: usize) -> TimeRange {
    let time_ms = |minute: usize| i64::try_from(minute).expect("few minutes") * MINUTE_MS;
    TimeRange { start_ms: time_ms(HISTORY), end_ms: time_ms(HISTORY + count) }
}

fn input<'a>(candles: &'a Candles, count: usize, calendar: &'a Calendar) -> Input<'a> {
    Input {
        candles: candles.as_slice(),
        timeframe: Timeframe::MINUTE,
        range: range(count),
        calendar,
        instrument: Instrument::default(),
        missing: 0,
        extras: Extras::default(),
    }
}

fn number(text: &str) -> model::strategy::Expr {
    let mut faults = Faults::default();
    let strategy = Strategy::parse(&json!({"signals": {"long": "close > 0"}}), "", &mut faults);
    let expr = strategy.and_then(|it| it.parse_expr(&json!(text), "", &mut faults));
    expr.unwrap_or_else(|| panic!("{text}: {faults}"))
}

/// A cross of two averages with `money`, one job for each point of `axes`.
fn specs(money: &Value, axes: &Value, count: usize) -> Vec<JobSpec> {
    let TimeRange { start_ms, end_ms } = range(count);
    let time = |ms: i64| jiff::Timestamp::from_millisecond(ms).expect("a time").to_string();
    let request = json!({
        "name": "cross",
        "universalConfig": {
            "exchange": "bench", "ticker": "WALK", "timeframe": "1m", "balance": 10_000,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))"
                },
                "params": {
                    "fast": {"int": [2, 100, 1], "default": 12},
                    "slow": {"int": [2, 200, 1], "default": 26}
                }
            },
            "moneyManagement": money
        },
        "dateTimeRanges": [{"start": time(start_ms), "end": time(end_ms)}],
        "parameterVariants": axes
    });
    let bundle = Bundle::parse(&request, &Limits::default());
    let bundle = bundle.unwrap_or_else(|faults| panic!("{faults}"));
    (0..).map_while(|seq| bundle.job(seq)).collect()
}
