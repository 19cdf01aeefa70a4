//! Checks a bundle's exchange, tickers and timeframes against the series that exist, those of other
//! tickers that its strategy reads as well.

use std::collections::BTreeSet;

use candles::SeriesInfo;
use model::{Bundle, Faults, SeriesId, fault};
use serde_json::Value;

use crate::demand::serving;

/// Names shown in a hint.
const SHOWN: usize = 5;

/// Every exchange, ticker and timeframe of `bundle` for which nothing is stored.
///
/// `request` is the JSON that `bundle` was read from: it tells which field names a value. `stored`
/// is a fresh list of all series. A timeframe is fine where a stored one divides it.
pub(crate) fn unknown_series(bundle: &Bundle, request: &Value, stored: &[SeriesInfo]) -> Faults {
    let mut faults = Faults::default();
    let series = bundle.series();
    let Some(exchange) = series.first().map(|id| id.exchange.as_str()) else { return faults };
    let exchanges: BTreeSet<&str> = stored.iter().map(|info| info.id.exchange.as_str()).collect();
    if !exchanges.contains(exchange) {
        let message = format!("no candles of the exchange \"{exchange}\" are stored");
        faults.add_with_hint(
            "/universalConfig/exchange",
            "unknown_exchange",
            message,
            hint(exchange, &exchanges),
        );
        return faults;
    }
    let of_exchange = || stored.iter().filter(|info| info.id.exchange == exchange);
    let tickers: BTreeSet<&str> = of_exchange().map(|info| info.id.ticker.as_str()).collect();
    for (pointer, ticker) in places(request, "tickerVariants", "ticker") {
        if !tickers.contains(ticker) {
            let message = format!("no candles of \"{ticker}\" are stored for \"{exchange}\"");
            faults.add_with_hint(&pointer, "unknown_ticker", message, hint(ticker, &tickers));
        }
    }
    for (pointer, ticker) in bundle.other_tickers() {
        let timeframes = series.iter().map(|id| id.timeframe);
        let of_other = |timeframe| SeriesId {
            exchange: exchange.to_owned(),
            ticker: ticker.clone(),
            timeframe,
        };
        if !tickers.contains(ticker.as_str()) {
            let message = format!("no candles of \"{ticker}\" are stored for \"{exchange}\"");
            faults.add_with_hint(&pointer, "unknown_ticker", message, hint(&ticker, &tickers));
        } else if let Some(timeframe) =
            timeframes.into_iter().find(|it| serving(&of_other(*it), stored).is_none())
        {
            let message = format!("candles of {timeframe} cannot be made for \"{ticker}\"");
            faults.add(&pointer, "unknown_timeframe", message);
        }
    }
    let unserved: Vec<&SeriesId> = series
        .iter()
        .filter(|id| tickers.contains(id.ticker.as_str()) && serving(id, stored).is_none())
        .collect();
    for (pointer, text) in places(request, "timeframeVariants", "timeframe") {
        let Ok(timeframe) = text.parse() else { continue };
        if let Some(id) = unserved.iter().find(|id| id.timeframe == timeframe) {
            let message = format!("candles of {timeframe} cannot be made for \"{}\"", id.ticker);
            let known: Vec<String> = of_exchange()
                .filter(|info| info.id.ticker == id.ticker)
                .map(|info| info.id.timeframe.to_string())
                .collect();
            let hint = format!("stored: {}; their multiples can be made", known.join(", "));
            faults.add_with_hint(&pointer, "unknown_timeframe", message, hint);
        }
    }
    faults
}

/// The places of an axis in the request, with the text that stands there.
fn places<'a>(request: &'a Value, variants: &str, base: &str) -> Vec<(String, &'a str)> {
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    match request.get(variants).and_then(Value::as_array) {
        Some(items) if !items.is_empty() => {
            let place = |(index, value)| (format!("/{variants}/{index}"), text(value));
            items.iter().enumerate().map(place).collect()
        }
        _ => vec![(format!("/universalConfig/{base}"), text(&request["universalConfig"][base]))],
    }
}

/// Names what is stored, the nearest to `text` first.
fn hint(text: &str, stored: &BTreeSet<&str>) -> String {
    if stored.is_empty() {
        return "nothing is stored yet; import a file with `backfleet candles import`".to_owned();
    }
    let mut rest = stored.clone();
    let mut shown = Vec::new();
    while shown.len() < SHOWN
        && let Some(near) = fault::nearest(text, rest.iter().copied())
    {
        rest.remove(near);
        shown.push(near);
    }
    shown.extend(rest.iter().take(SHOWN - shown.len()));
    let more = stored.len() - shown.len();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("stored: {}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_nearest_first_and_counts_the_rest() {
        let stored = BTreeSet::from(["ADAUSDT", "BTCUSDT", "BTCUSDC", "ETHUSDT", "SOL", "XRP"]);
        assert_eq!(
            hint("BTCUSD", &stored),
            "stored: BTCUSDC, BTCUSDT, ADAUSDT, ETHUSDT, SOL and 1 more"
        );
        assert_eq!(hint("A", &BTreeSet::from(["B"])), "stored: B");
    }
}
