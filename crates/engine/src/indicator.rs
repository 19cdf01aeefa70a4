//! One number of a strategy over a whole series.

use model::strategy::{Expr, Signals, misfit};
use model::support::unsupported_number;
use model::{Calendar, CandleSlice, Timeframe};

use crate::Error;
use crate::evaluate::Evaluator;
use crate::graph::{FrameId, Graph};
use crate::input::Seeded;

/// Values of `expr` on every candle of a series of `timeframe`, null as NaN.
///
/// It is computed as in a backtest whose warm-up starts at row 0. `calendar` says where the days of
/// a session average start. Boolean outputs are 1 and 0.
/// Refused: the state of a position, other tickers, and a `tf` that is no multiple of the candles.
///
/// # Panics
/// If `expr` has a parameter left.
pub fn indicator(
    candles: CandleSlice<'_>,
    timeframe: Timeframe,
    calendar: &Calendar,
    expr: &Expr,
) -> Result<Vec<f64>, Error> {
    let mut features = unsupported_number(expr);
    if let Some((tf, around)) = misfit(&Signals::default(), &[expr], timeframe) {
        features.push(format!("candles of {tf} are not made of whole candles of {around}"));
    }
    if !features.is_empty() {
        return Err(Error::Unsupported { features });
    }
    let mut graph = Graph::default();
    let node = graph.expr(FrameId::BASE, expr);
    let ground = Seeded { candles, others: Vec::new(), signals: None, timeframe, calendar };
    Ok(Evaluator::new(&graph, &ground).number(node).to_vec())
}
