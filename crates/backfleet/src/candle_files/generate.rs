//! `backfleet candles generate`.

use candles::Generator;
use model::is_symbol;
use serde_json::json;

use super::named::series_id;
use super::time;
use crate::cli::{GenerateArgs, Movement};
use crate::failure::Failure;
use crate::open;
use crate::output::{line, note, thousands};

pub(super) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let id = series_id(&args.series)?;
    for name in [&id.exchange, &id.ticker] {
        if !is_symbol(name) {
            return Err(Failure::usage(format!("\"{}\" is no name", name.escape_debug()))
                .hint(model::SYMBOL_RULE));
        }
    }
    let positive = |value: f64| value.is_finite() && value > 0.0;
    if !positive(args.price) || !positive(args.volatility) || !(0.0..=0.9).contains(&args.gaps) {
        return Err(Failure::usage("these candles cannot be made")
            .hint("--price and --volatility are above 0, --gaps is from 0 to 0.9"));
    }
    let generator = Generator {
        seed: args.seed,
        timeframe: id.timeframe,
        start_ms: args.start.as_millisecond(),
        count: args.count,
        price: args.price,
        volatility: args.volatility / 100.0,
        regimes: args.movement == Movement::Regimes,
        gaps: args.gaps,
        calendar: args.calendar.clone(),
    };
    let candles = generator.candles();
    let store = open::parquet(&args.data.data)?;
    store.set_settings(&id, args.calendar.clone(), None)?;
    store.merge(&id, candles.as_slice())?;
    let ends = candles.open_time_ms.first().zip(candles.open_time_ms.last());
    let (first, last) = ends.ok_or_else(|| Failure::usage("--count must be above 0"))?;
    if args.json {
        let model::SeriesId { exchange, ticker, timeframe } = &id;
        line(
            &json!({
                "exchange": exchange, "ticker": ticker, "timeframe": timeframe.to_string(),
                "candles": candles.len(), "first": time(*first), "last": time(*last),
            })
            .to_string(),
        );
        return Ok(());
    }
    let count = thousands(candles.len() as u64);
    note(&format!("{count} made-up candles of {id}, {} to {}", time(*first), time(*last)));
    Ok(())
}
