//! The golden series of the statistics contract: generated, so no file is needed.

use model::{DAY_MS, DailyMark};

/// Periods per year of the golden series.
pub(crate) const PERIODS: f64 = 365.0;
/// Length of the golden series, in days.
pub(crate) const DAYS: usize = 1_095;
/// Results of the trades of vector C, in quote.
pub(crate) const TRADES_C: [f64; 10] =
    [100.0, -50.0, 200.0, -80.0, 60.0, -40.0, 150.0, -120.0, 90.0, 30.0];

/// Daily returns mu + scale x (u1 + u2 + u3 + u4 - 2) of a 64-bit linear congruential generator.
pub(crate) fn returns(seed: u64, count: usize, mu: f64, scale: f64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(|_| mu + scale * (uniform() + uniform() + uniform() + uniform() - 2.0)).collect()
}

/// Series A.
pub(crate) fn series_a() -> Vec<f64> {
    returns(42, DAYS, 0.0008, 0.04)
}

/// Panel B: 20 columns.
pub(crate) fn panel_b() -> Vec<Vec<f64>> {
    (0..20).map(|k| returns(1_000 + k, DAYS, 0.0002 + 0.00004 * k as f64, 0.04)).collect()
}

/// Marks on successive days whose daily returns are `returns`.
pub(crate) fn marks(initial: f64, returns: &[f64]) -> Vec<DailyMark> {
    let mut equity = initial;
    let days = (0_i64..).zip(returns).map(|(day, value)| {
        equity *= 1.0 + value;
        DailyMark { day_ms: day * DAY_MS, equity }
    });
    days.collect()
}

/// Fails unless `found` is within 1e-12 of `expected`, relative.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64) {
    assert_within(found, expected, 1e-12);
}

/// Fails unless `found` is within `tolerance` of `expected`, relative.
#[track_caller]
pub(crate) fn assert_within(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(error <= tolerance, "{found:?} is not {expected:?}: relative error {error:e}");
}
