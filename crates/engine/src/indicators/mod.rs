//! The formulas of the catalogue, each over whole columns.
//!
//! An indicator takes candles or one column and returns one column for each of its outputs, in the
//! order of the catalogue; null is NaN. Its documentation names formula, source and first row. A
//! null inside a column makes the windows that contain it null and starts averages again.

mod average;
pub(crate) mod compared;
mod oscillator;
mod pivot;
pub(crate) mod range;
mod recursive;
mod trend;
mod volume;
pub(crate) mod window;

use model::strategy::IndicatorKind;
use model::{Calendar, CandleSlice};

use pivot::Span;
use range::ratio;
pub(crate) use recursive::Recursive;

/// What indicators run over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) candles: CandleSlice<'a>,
    /// Says where the day of `vwap` begins.
    pub(crate) calendar: &'a Calendar,
    /// The column of those that run over one; empty for the others.
    pub(crate) of: &'a [f64],
}

/// All outputs of an indicator; `args` are in the order of the catalogue.
pub(crate) fn compute(kind: IndicatorKind, args: &[f64], source: Source<'_>) -> Vec<Vec<f64>> {
    let Source { candles, calendar, of } = source;
    let n = |index: usize| rows(args[index]);
    match kind {
        IndicatorKind::Sma => vec![window::mean(of, n(0))],
        IndicatorKind::Ema => vec![average::ema(of, n(0))],
        IndicatorKind::EmaFirst => vec![average::ema_from_the_first(of, n(0))],
        IndicatorKind::Wma => vec![window::weighted_mean(of, n(0))],
        IndicatorKind::Hma => vec![average::hma(of, n(0))],
        IndicatorKind::Dema => vec![average::dema(of, n(0))],
        IndicatorKind::Tema => vec![average::tema(of, n(0))],
        IndicatorKind::Vwma => vec![average::vwma(of, candles.volume, n(0))],
        IndicatorKind::Rma => vec![average::rma(of, n(0))],
        IndicatorKind::Macd => average::macd(of, n(0), n(1), n(2)),
        IndicatorKind::Rsi => vec![average::rsi(of, n(0))],
        IndicatorKind::Stoch => oscillator::stoch(candles, n(0), n(1), n(2)),
        IndicatorKind::StochRsi => oscillator::stoch_rsi(of, [n(0), n(1), n(2), n(3)]),
        IndicatorKind::Atr => vec![range::atr(candles, n(0))],
        IndicatorKind::Adx => trend::adx(candles, n(0)),
        IndicatorKind::Bollinger => range::bollinger(of, n(0), args[1]),
        IndicatorKind::Keltner => range::keltner(candles, n(0), args[1], n(2)),
        IndicatorKind::Donchian => range::donchian(candles, n(0)),
        IndicatorKind::Supertrend => trend::supertrend(candles, n(0), args[1]),
        IndicatorKind::Chandelier => trend::chandelier(candles, n(0), args[1]),
        IndicatorKind::Psar => trend::psar(candles, args[0], args[1]),
        IndicatorKind::Ichimoku => trend::ichimoku(candles, n(0), n(1), n(2)),
        IndicatorKind::StcSingle => vec![oscillator::stc_single(of, n(0), n(1), n(2))],
        IndicatorKind::StcSchaff => vec![oscillator::stc_schaff(of, n(0), [n(1), n(2)], args[3])],
        IndicatorKind::Cci => vec![oscillator::cci(candles, n(0))],
        IndicatorKind::Mfi => vec![oscillator::mfi(candles, n(0))],
        IndicatorKind::Obv => vec![volume::obv(candles)],
        IndicatorKind::Roc => vec![oscillator::roc(of, n(0))],
        IndicatorKind::Mom => vec![oscillator::mom(of, n(0))],
        IndicatorKind::WilliamsR => vec![oscillator::williams_r(candles, n(0))],
        IndicatorKind::Aroon => oscillator::aroon(candles, n(0)),
        IndicatorKind::Vwap => vec![volume::vwap(candles, calendar)],
        IndicatorKind::Zscore => vec![oscillator::zscore(of, n(0))],
        IndicatorKind::Stdev => vec![window::mean_and_deviation(of, n(0)).1],
        IndicatorKind::Linreg => {
            let (slope, value) = window::line(of, n(0));
            vec![slope, value]
        }
        IndicatorKind::Highest => vec![window::highest(of, n(0))],
        IndicatorKind::Lowest => vec![window::lowest(of, n(0))],
        IndicatorKind::Pivots => pivot::pivots(candles, Span { left: n(0), right: n(1) }),
        IndicatorKind::HeikinAshi => trend::heikin_ashi(candles),
        IndicatorKind::RsiDivergence => {
            pivot::rsi_divergence(candles, n(0), Span { left: n(1), right: n(2) }, n(3))
        }
    }
}

/// The indicator as an average with a memory of one column, if it is no more than that.
pub(crate) fn as_average(kind: IndicatorKind, args: &[f64]) -> Option<Recursive> {
    if kind == IndicatorKind::Ema {
        Some(average::exponential(rows(args[0])))
    } else if kind == IndicatorKind::EmaFirst {
        Some(average::exponential_from_the_first(rows(args[0])))
    } else if kind == IndicatorKind::Rma {
        Some(average::wilders(rows(args[0])))
    } else {
        None
    }
}

/// A count of rows; the model checked that it is whole and within its limits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and in 1..=10000; a cast of anything else saturates"
)]
fn rows(arg: f64) -> usize {
    (arg as usize).max(1)
}

#[cfg(test)]
pub(crate) mod tests {
    use model::{Candle, Candles};

    use super::*;

    /// Candles of one minute drawn as text: "open high low close | ...", volume 1.
    pub(crate) fn candles(text: &str) -> Candles {
        let rows = text.split('|').zip(0..).map(|(text, row)| {
            let words = text.split_whitespace();
            let prices: Vec<f64> = words.map(|price| price.parse().unwrap()).collect();
            let [open, high, low, close] = prices[..] else { panic!("four prices in {text:?}") };
            Candle { open_time_ms: row * 60_000, open, high, low, close, volume: 1.0 }
        });
        rows.collect()
    }

    #[test]
    fn every_indicator_of_the_catalogue_has_its_outputs_for_any_number_of_candles() {
        for kind in IndicatorKind::ALL {
            let info = kind.info();
            let args: Vec<f64> = info.args.iter().map(|arg| arg.default.unwrap_or(3.0)).collect();
            for count in [0, 1, 2, 3, 400] {
                let text = ["9 11 8 10", "10 12 9 11", "11 11 7 8"].repeat(200)[..count].join("|");
                let candles = if count == 0 { Candles::default() } else { candles(&text) };
                let source = Source {
                    candles: candles.as_slice(),
                    calendar: &Calendar::EveryDay,
                    of: &candles.close,
                };
                let outputs = compute(kind, &args, source);
                assert_eq!(outputs.len(), info.outputs.len(), "{}", info.name);
                for (output, column) in info.outputs.iter().zip(&outputs) {
                    let what = format!("{}.{} of {count}", info.name, output.name);
                    assert_eq!(column.len(), count, "{what}");
                    assert!(column.iter().all(|value| !value.is_infinite()), "{what}");
                    let is_defined = column.last().is_some_and(|value| !value.is_nan());
                    // The drawing repeats: its highs and lows have equals and are no pivots, and
                    // its closes never leave the chandelier's lines.
                    let may_be_null =
                        matches!(kind, IndicatorKind::Pivots | IndicatorKind::Chandelier);
                    assert!(count < 400 || is_defined || may_be_null, "{what}");
                }
            }
        }
    }
}
