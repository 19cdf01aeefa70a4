//! Synthetic candles: the same seed gives the same candles on every machine.

use model::{Candle, Candles, Timeframe};

/// Standard deviation of a step, about that of a liquid market's minutes to hours.
const STEP: f64 = 0.004;
/// First price, in quote.
const START_PRICE: f64 = 100.0;

/// A linear congruential generator: no dependency, no platform in the result.
#[derive(Clone, Debug)]
pub struct Lcg(u64);

impl Lcg {
    /// A generator that repeats itself for the same `seed`.
    pub fn new(seed: u64) -> Lcg {
        Lcg(seed)
    }

    /// The next 64 bits; the low ones are poor.
    pub fn next_u64(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    /// Uniform in `0..1`, of 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..below`; `below` must not be 0.
    pub fn below(&mut self, below: u64) -> u64 {
        (self.next_u64() >> 11) % below
    }

    /// About normal: the sum of four uniforms around 0, standard deviation 0.577.
    pub fn bell(&mut self) -> f64 {
        self.uniform() + self.uniform() + self.uniform() + self.uniform() - 2.0
    }
}

/// `count` candles without gaps: a geometric random walk of `seed` from the candle that contains
/// `start_ms`. Each opens at the close before it; all hold what the crate `candles` validates.
///
/// The prefix of a longer series of the same seed is the shorter series.
pub fn random_walk(seed: u64, timeframe: Timeframe, start_ms: i64, count: usize) -> Candles {
    let mut lcg = Lcg::new(seed);
    let mut candles = Candles::with_capacity(count);
    let mut open_time_ms = timeframe.floor(start_ms);
    let mut open = START_PRICE;
    for _ in 0..count {
        // A bounded step and a pull towards the start keep long walks finite and positive.
        let pull = (START_PRICE - open) / START_PRICE * STEP * 0.01;
        let close = open * (1.0 + pull.max(-STEP) + lcg.bell() * STEP);
        let high = open.max(close) * (1.0 + lcg.uniform() * STEP);
        let low = open.min(close) * (1.0 - lcg.uniform() * STEP);
        let volume = 1.0 + lcg.uniform() * 1_000.0;
        candles.push(Candle { open_time_ms, open, high, low, close, volume });
        open_time_ms += timeframe.ms();
        open = close;
    }
    candles
}
