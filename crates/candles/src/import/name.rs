//! What the name of a file says about its series: `bitstamp_BTCUSD-1m.csv.gz`.

use std::path::Path;

use model::Timeframe;

/// Qualifiers between ticker and timeframe that name the usual side of a quote.
const USUAL_SIDE: &str = "bid";

/// What a file name says; what it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) exchange: Option<String>,
    pub(super) ticker: Option<String>,
    pub(super) timeframe: Option<Timeframe>,
}

/// Reads `exchange_TICKER-timeframe-anything`, the exchange being optional and in lower case.
///
/// Words in upper case before the timeframe belong to the ticker (`BTC-USD`), and so do lower ones
/// (`ADAUSDT-perp`) but for the usual side (`EURUSD-bid` is EURUSD). Without a timeframe among the
/// words only the first one is the ticker.
pub(super) fn read(path: &Path) -> Named {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Named::default();
    };
    let mut stem = name;
    for extension in [".gz", ".zip", ".csv", ".tsv", ".txt"] {
        stem = stem.strip_suffix(extension).unwrap_or(stem);
    }
    let words: Vec<&str> = stem.split('-').collect();
    let at = words.iter().skip(1).position(|word| word.parse::<Timeframe>().is_ok());
    let (ticker_words, timeframe) = match at {
        Some(at) => (&words[..=at], words[at + 1].parse().ok()),
        None => (&words[..1], None),
    };
    let kept: Vec<&str> = ticker_words.iter().copied().filter(|word| *word != USUAL_SIDE).collect();
    let joined = kept.join("-");
    let (exchange, ticker) = match joined.split_once('_') {
        Some((exchange, ticker)) if is_exchange(exchange) => (Some(exchange), ticker),
        Some(_) | None => (None, joined.as_str()),
    };
    Named {
        exchange: exchange.map(str::to_owned),
        ticker: Some(ticker.to_owned()).filter(|ticker| !ticker.is_empty()),
        timeframe,
    }
}

/// Exchanges are written in lower case, tickers are not: `BTC_USDT` names no exchange.
fn is_exchange(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, exchange: &str, ticker: &str, timeframe: &str) {
        let named = read(Path::new(name));
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        assert_eq!(named.exchange, some(exchange), "{name}");
        assert_eq!(named.ticker, some(ticker), "{name}");
        assert_eq!(named.timeframe.map(|t| t.to_string()), some(timeframe), "{name}");
    }

    #[test]
    fn names_say_exchange_ticker_and_timeframe() {
        check("/x/bitstamp_BTCUSD-1m.csv.gz", "bitstamp", "BTCUSD", "1m");
        check("fxcm_EURUSD-bid-1m.csv.gz", "fxcm", "EURUSD", "1m");
        check("us_AAPL-1d-adjusted.csv.gz", "us", "AAPL", "1d");
        check("coinbase_BTCUSD-4h.csv", "coinbase", "BTCUSD", "4h");
        check("BTCUSDT-1m-2024-01.zip", "", "BTCUSDT", "1m");
        check("coinbase_BTC-USD-1h.csv", "coinbase", "BTC-USD", "1h");
        check("binance_ADAUSDT-perp-1m.csv.gz", "binance", "ADAUSDT-perp", "1m");
        check("freqtrade_UNITTEST_BTC-30m.csv", "freqtrade", "UNITTEST_BTC", "30m");
        check("BTC_USDT-5m.csv", "", "BTC_USDT", "5m");
        check("prices.csv", "", "prices", "");
        check("GOOG.csv", "", "GOOG", "");
        check("BTCUSDT-3d-2024-01.zip", "", "BTCUSDT", "");
    }
}
