//! Series as people write them.

use candles::{CandleSource, SeriesInfo};
use model::SeriesId;

use crate::failure::{Exit, Failure};

/// `exchange/ticker/timeframe`; the ticker may have slashes of its own.
pub(super) fn series_id(text: &str) -> Result<SeriesId, Failure> {
    let wrong = || {
        Failure::usage(format!("\"{text}\" is not a series"))
            .hint("write exchange/ticker/timeframe, such as binance/BTCUSDT/1m")
    };
    let (rest, timeframe) = text.rsplit_once('/').ok_or_else(wrong)?;
    let (exchange, ticker) = rest.split_once('/').ok_or_else(wrong)?;
    let timeframe = timeframe.parse().map_err(|_| wrong())?;
    Ok(SeriesId { exchange: exchange.to_owned(), ticker: ticker.to_owned(), timeframe })
}

pub(super) fn missing(id: &SeriesId) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no series {id}"))
        .hint("`backfleet candles list` shows what there is")
}

/// The series that is stored under `text`.
pub(super) async fn stored(source: &dyn CandleSource, text: &str) -> Result<SeriesInfo, Failure> {
    let id = series_id(text)?;
    let all = source.list_series().await?;
    all.into_iter().find(|info| info.id == id).ok_or_else(|| missing(&id))
}
