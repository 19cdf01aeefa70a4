//! Made-up candles: a seeded random walk, for tests and measurements.
//!
//! Equal settings give equal bits on every machine: only + - x / are used, and our own generator.

use model::{Calendar, Candle, Candles, Timeframe};

/// Steps that a candle's prices are drawn from.
const STEPS: usize = 4;
/// Candles that a regime lasts on average.
const REGIME: u64 = 2_000;
/// Candles that a gap has at most.
const LONGEST_GAP: u64 = 30;
/// Prices and volumes have this many digits behind the point.
const DIGITS: f64 = 1e6;

/// What a made-up series is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// Equal seeds give equal candles.
    pub seed: u64,
    /// Length of a candle.
    pub timeframe: Timeframe,
    /// Open time of the first candle, ms; moved to the grid.
    pub start_ms: i64,
    /// Candles.
    pub count: u32,
    /// First price.
    pub price: f64,
    /// Usual move of a candle, as a share of the price.
    pub volatility: f64,
    /// Whether rising, falling, quiet and wild times take turns.
    pub regimes: bool,
    /// Share of the candles that are missing, below 1.
    pub gaps: f64,
    /// Days that have candles; weekends have none but under [`Calendar::EveryDay`].
    pub calendar: Calendar,
}

impl Default for Generator {
    /// 100,000 candles of a minute from 2024-01-01, at 100, moving 0.1 %, without gaps.
    fn default() -> Generator {
        Generator {
            seed: 1,
            timeframe: Timeframe::MINUTE,
            start_ms: 1_704_067_200_000,
            count: 100_000,
            price: 100.0,
            volatility: 0.001,
            regimes: false,
            gaps: 0.0,
            calendar: Calendar::EveryDay,
        }
    }
}

impl Generator {
    /// The candles: ascending, every rule kept.
    pub fn candles(&self) -> Candles {
        let mut random = Random(self.seed);
        let mut candles = Candles::with_capacity(self.count as usize);
        let mut price = self.price.max(1.0 / DIGITS);
        let mut time_ms = self.timeframe.floor(self.start_ms);
        let mut regime = Regime { drift: 0.0, scale: 1.0, left: 0 };
        while candles.len() < self.count as usize {
            if self.is_closed(time_ms) {
                time_ms += self.timeframe.ms();
                continue;
            }
            if self.regimes && regime.left == 0 {
                regime = Regime::draw(&mut random);
            }
            regime.left = regime.left.saturating_sub(1);
            let candle = self.draw(&mut random, &regime, price, time_ms);
            price = candle.close;
            candles.push(candle);
            time_ms += self.timeframe.ms() * (1 + self.gap(&mut random));
        }
        candles
    }

    fn is_closed(&self, time_ms: i64) -> bool {
        let week = self.timeframe.ms() > model::DAY_MS;
        // Day 0 was a Thursday.
        let weekend = matches!(time_ms.div_euclid(model::DAY_MS).rem_euclid(7), 2 | 3);
        self.calendar != Calendar::EveryDay && weekend && !week
    }

    /// Candles that are missing after this one.
    fn gap(&self, random: &mut Random) -> i64 {
        let share = self.gaps.clamp(0.0, 0.9);
        if share <= 0.0 {
            return 0;
        }
        // Gaps are (1 + LONGEST) / 2 long on average.
        let usual = f64::midpoint(1.0, LONGEST_GAP as f64);
        let begins = share / (usual * (1.0 - share));
        if random.unit() >= begins {
            return 0;
        }
        i64::try_from(1 + random.next() % LONGEST_GAP).unwrap_or(1)
    }

    fn draw(&self, random: &mut Random, regime: &Regime, open: f64, open_time_ms: i64) -> Candle {
        let step = self.volatility * regime.scale / 2.0;
        let (mut price, mut high, mut low) = (open, open, open);
        for _ in 0..STEPS {
            // A price never falls by more than half a step's nine tenths: it stays above 0.
            let by = (step * (random.normal() + regime.drift)).clamp(-0.5, 0.5);
            price = round(price * (1.0 + by)).max(1.0 / DIGITS);
            high = high.max(price);
            low = low.min(price);
        }
        let volume = round(100.0 * regime.scale * (0.05 + random.unit() * random.unit()));
        Candle { open_time_ms, open, high, low, close: price, volume }
    }
}

fn round(value: f64) -> f64 {
    (value * DIGITS).round() / DIGITS
}

struct Regime {
    /// Added to every move, in usual moves.
    drift: f64,
    scale: f64,
    left: u64,
}

impl Regime {
    fn draw(random: &mut Random) -> Regime {
        let (drift, scale) = match random.next() % 4 {
            0 => (0.05, 1.0),
            1 => (-0.05, 1.2),
            2 => (0.0, 0.3),
            _ => (0.0, 3.0),
        };
        Regime { drift, scale, left: REGIME / 2 + random.next() % REGIME }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// At least 0, below 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, mean 0, deviation 1: the sum of four uniform numbers.
    fn normal(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 1.732_050_807_568_877_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{Expected, Inspector};

    fn found(generator: &Generator) -> crate::Findings {
        let candles = generator.candles();
        let expected = Expected {
            timeframe: generator.timeframe,
            calendar: generator.calendar.clone(),
            now_ms: i64::MAX,
        };
        let mut inspector = Inspector::new(&expected);
        crate::verify::look(&mut inspector, candles.as_slice(), 0);
        inspector.finish()
    }

    #[test]
    fn candles_keep_the_rules_and_equal_seeds_give_equal_bits() {
        let plain = Generator { count: 20_000, ..Generator::default() };
        assert_eq!(found(&plain).warnings(), Vec::<String>::new());
        assert_eq!(found(&plain).bad(), 0);
        assert_eq!(plain.candles(), plain.candles());
        let other = Generator { seed: 2, ..plain.clone() };
        assert_ne!(plain.candles().close, other.candles().close);
        let series = model::SeriesId {
            exchange: "x".to_owned(),
            ticker: "Y".to_owned(),
            timeframe: plain.timeframe,
        };
        let hash = plain.candles().as_slice().hash(&series).to_string();
        assert_eq!(&hash[..19], "b3:1d2e195262588089", "the bits of a seed are a promise");
    }

    #[test]
    fn gaps_have_the_share_that_was_asked_for_and_weekends_stay_empty() {
        let gappy = Generator { count: 50_000, gaps: 0.1, regimes: true, ..Generator::default() };
        let found_gaps = found(&gappy);
        let share = found_gaps.missing as f64 / (50_000 + found_gaps.missing) as f64;
        assert!((0.07..0.13).contains(&share), "{share}");
        let calendar = Calendar::Weekdays;
        let weekdays = Generator { count: 20_000, calendar, ..Generator::default() };
        assert_eq!((found(&weekdays).bad(), found(&weekdays).missing), (0, 0));
        let wild = Generator { count: 20_000, volatility: 5.0, ..Generator::default() };
        assert_eq!(found(&wild).bad(), 0);
    }
}
