//! What a fill costs: slippage, fees, the instrument's steps.

use model::settings::{Costs, Instrument};
use model::{JobSpec, Side};

/// Costs and steps of one variant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Market {
    /// Share of price by which market fills are worse.
    slip: f64,
    /// Fee of market fills as a share of the notional.
    pub(super) taker_fee: f64,
    /// Fee of limit fills as a share of the notional.
    pub(super) maker_fee: f64,
    tick_size: f64,
    /// Quantity step, in base.
    lot_step: f64,
    /// Smallest quantity, in base.
    pub(super) min_quantity: f64,
    /// Smallest notional, in quote.
    pub(super) min_notional: f64,
}

impl Market {
    /// Steps and minimums of quantity count contracts.
    pub(super) fn new(spec: &JobSpec, instrument: &Instrument) -> Market {
        let Costs { slippage_bps, spread_bps, taker_fee_pct, maker_fee_pct, .. } = spec.costs;
        let multiplier = instrument.contract_multiplier;
        let contract = if multiplier > 0.0 { multiplier } else { 1.0 };
        Market {
            slip: (slippage_bps + spread_bps / 2.0) / 10_000.0,
            taker_fee: taker_fee_pct / 100.0,
            maker_fee: maker_fee_pct / 100.0,
            tick_size: instrument.tick_size,
            lot_step: instrument.lot_step * contract,
            min_quantity: instrument.min_quantity * contract,
            min_notional: instrument.min_notional,
        }
    }

    /// The price of a market fill: worse by slippage and half of the spread, in whole ticks.
    pub(super) fn market_price(&self, price: f64, side: Side) -> f64 {
        let slipped = match side {
            Side::Buy => price * (1.0 + self.slip),
            Side::Sell => price * (1.0 - self.slip),
        };
        self.exact_price(slipped, side)
    }

    /// `price` rounded to whole ticks against the trader.
    pub(super) fn exact_price(&self, price: f64, side: Side) -> f64 {
        match side {
            Side::Buy => round(price, self.tick_size, f64::ceil),
            Side::Sell => round(price, self.tick_size, f64::floor),
        }
    }

    /// `quantity` rounded down to whole steps.
    pub(super) fn round_quantity(&self, quantity: f64) -> f64 {
        round(quantity, self.lot_step, f64::floor)
    }
}

/// Share of a count of steps that is rounding: a few thousand last bits of an `f64`.
const ROUNDING: f64 = 1e-12;

/// `value` in whole steps; one that is a whole count of steps but for rounding stays as it is, and so
/// does one of more steps than there are numbers.
fn round(value: f64, step: f64, towards: impl Fn(f64) -> f64) -> f64 {
    if step <= 0.0 {
        return value;
    }
    let steps = value / step;
    if !steps.is_finite() {
        return value;
    }
    let nearest = steps.round();
    if nearest != 0.0 && (steps - nearest).abs() <= ROUNDING * nearest.abs() {
        return value;
    }
    towards(steps) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "what is on the grid must stay as it is")]
    fn what_is_on_the_grid_stays_and_the_rest_goes_the_given_way() {
        assert_eq!(round(104.1, 0.1, f64::floor), 104.1);
        assert_eq!(round(104.17, 0.5, f64::floor), 104.0);
        assert_eq!(round(104.17, 0.5, f64::ceil), 104.5);
        assert_eq!(round(0.3, 0.1, f64::floor), 0.3);
        assert_eq!(round(0.04, 0.1, f64::floor), 0.0);
        assert_eq!(round(7.3, 0.0, f64::floor), 7.3);
        assert_eq!(round(183.336_999_976, 0.001, f64::floor), 183_336.0 * 0.001);
        assert_eq!(round(1e13, 1e-300, f64::floor), 1e13);
        assert_eq!(round(1e-90, 0.5, f64::floor), 0.0);
        assert_eq!(round(1e-90, 0.5, f64::ceil), 0.5);
    }
}
