//! What the name of a file says about its series: `bitstamp_BTCUSD-1m.csv.gz`.

use std::path::Path;

use model::Timeframe;

/// Qualifiers between ticker and timeframe that name the usual side of a quote.
const USUAL_SIDE: &str = "bid";
/// Endings that say how a file is written, outermost first.
const EXTENSIONS: [&str; 11] = [
    ".gz", ".zip", ".csv", ".tsv", ".txt", ".json", ".feather", ".arrow", ".parquet", ".pq", ".ipc",
];
/// Timeframes that archives have and this product does not.
const OTHER_TIMEFRAMES: [&str; 6] = ["1s", "3d", "1mo", "1M", "1Mo", "1y"];
/// Exchanges whose name a folder may be, as freqtrade and CCXT call them.
const EXCHANGES: [&str; 36] = [
    "ascendex",
    "binance",
    "binancecoinm",
    "binanceus",
    "binanceusdm",
    "bingx",
    "bitfinex",
    "bitget",
    "bithumb",
    "bitmart",
    "bitmex",
    "bitpanda",
    "bitstamp",
    "bittrex",
    "bitvavo",
    "bybit",
    "bybiteu",
    "coinbase",
    "coinbasepro",
    "coinex",
    "cryptocom",
    "deribit",
    "gate",
    "gateio",
    "gemini",
    "htx",
    "huobi",
    "hyperliquid",
    "kraken",
    "krakenfutures",
    "kucoin",
    "mexc",
    "okex",
    "okx",
    "phemex",
    "poloniex",
];

/// What a file holds, as far as its name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    #[default]
    Candles,
    /// freqtrade's `-mark`: prices that nobody traded at.
    Mark,
    /// freqtrade's `-funding_rate`.
    Funding,
}

/// What a file name says; what it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) exchange: Option<String>,
    pub(super) ticker: Option<String>,
    pub(super) timeframe: Option<Timeframe>,
    /// A timeframe that candles cannot have here.
    pub(super) other_timeframe: Option<String>,
    pub(super) content: Content,
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
    for extension in EXTENSIONS {
        stem = stem.strip_suffix(extension).unwrap_or(stem);
    }
    let words: Vec<&str> = stem.split('-').collect();
    let known = |word: &&str| word.parse::<Timeframe>().is_ok() || OTHER_TIMEFRAMES.contains(word);
    let at = words.iter().skip(1).position(known);
    let (ticker_words, word) = match at {
        Some(at) => (&words[..=at], Some(words[at + 1])),
        None => (&words[..1], None),
    };
    let content = match words.last() {
        Some(&"mark") => Content::Mark,
        Some(&"funding_rate") => Content::Funding,
        _ => Content::Candles,
    };
    let kept: Vec<&str> = ticker_words.iter().copied().filter(|word| *word != USUAL_SIDE).collect();
    let joined = kept.join("-");
    let (exchange, ticker) = match joined.split_once('_') {
        Some((exchange, ticker)) if is_exchange(exchange) => (Some(exchange), ticker),
        Some(_) | None => (None, joined.as_str()),
    };
    let timeframe: Option<Timeframe> = word.and_then(|word| word.parse().ok());
    Named {
        exchange: exchange.map(str::to_owned),
        ticker: Some(ticker.to_owned()).filter(|ticker| !ticker.is_empty()),
        timeframe,
        other_timeframe: word.filter(|_| timeframe.is_none()).map(str::to_owned),
        content,
    }
}

impl Named {
    /// The same with freqtrade's ways: its folders name the exchange, and in its file names `_`
    /// stands for `/` and `:` (`BTC_USDT` is BTC/USDT, `BTC_USDT_USDT` the future BTC/USDT:USDT).
    pub(super) fn of_freqtrade(mut self, path: &Path) -> Named {
        self.exchange = self.exchange.or_else(|| exchange_of_folder(path));
        let ticker = self.ticker.take();
        self.ticker = ticker.map(|ticker| match ticker.split('_').collect::<Vec<_>>().as_slice() {
            [base, quote] if is_coin(base) && is_coin(quote) => format!("{base}/{quote}"),
            [base, quote, settle]
                if [base, quote, settle].into_iter().all(|coin| is_coin(coin)) =>
            {
                format!("{base}/{quote}:{settle}")
            }
            _ => ticker,
        });
        self
    }
}

/// Whether a ticker is that of a coin-margined contract of Binance: `BTCUSD_PERP`, `BTCUSD_240329`.
pub(super) fn is_coin_margined(ticker: &str) -> bool {
    ticker.split_once('_').is_some_and(|(pair, term)| {
        let delivery = term.len() == 6 && term.bytes().all(|byte| byte.is_ascii_digit());
        pair.ends_with("USD") && (term == "PERP" || delivery)
    })
}

fn exchange_of_folder(path: &Path) -> Option<String> {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut folders = whole.ancestors().skip(1).filter_map(|folder| folder.file_name()?.to_str());
    let mut folder = folders.next()?;
    if folder == "futures" {
        folder = folders.next()?;
    }
    let known =
        EXCHANGES.contains(&folder) || (folders.next() == Some("data") && is_exchange(folder));
    known.then(|| folder.to_owned())
}

fn is_coin(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
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

    #[test]
    fn timeframes_that_cannot_be_stored_are_known_as_such() {
        for name in ["BTCUSDT-3d-2024-01.zip", "BTC_USDT-1Mo.feather", "BTCUSDT-1mo-2024-01.zip"] {
            assert!(read(Path::new(name)).other_timeframe.is_some(), "{name}");
        }
        assert_eq!(read(Path::new("BTCUSDT-1m-2024-01.zip")).other_timeframe, None);
    }

    #[test]
    fn freqtrade_names_pairs_exchanges_and_contents() {
        let check = |path: &str, exchange: Option<&str>, ticker: &str, content: Content| {
            let path = Path::new(path);
            let named = read(path).of_freqtrade(path);
            assert_eq!(named.exchange.as_deref(), exchange, "{path:?}");
            assert_eq!((named.ticker.as_deref(), named.content), (Some(ticker), content));
        };
        let futures = "/x/data/kraken/futures/BTC_USDT_USDT-1h";
        check(
            "/x/user_data/data/binance/BTC_USDT-5m.feather",
            Some("binance"),
            "BTC/USDT",
            Content::Candles,
        );
        check(
            &format!("{futures}-futures.feather"),
            Some("kraken"),
            "BTC/USDT:USDT",
            Content::Candles,
        );
        check(&format!("{futures}-mark.feather"), Some("kraken"), "BTC/USDT:USDT", Content::Mark);
        check(
            &format!("{futures}-funding_rate.feather"),
            Some("kraken"),
            "BTC/USDT:USDT",
            Content::Funding,
        );
        check(
            "/x/raw/freqtrade_XRP_ETH-1m.feather",
            Some("freqtrade"),
            "XRP/ETH",
            Content::Candles,
        );
        check("/x/raw/BTC_USDT-1h.json", None, "BTC/USDT", Content::Candles);
    }

    #[test]
    fn coin_margined_contracts_are_known_by_their_names() {
        for (ticker, expected) in [
            ("BTCUSD_PERP", true),
            ("BTCUSD_240329", true),
            ("BTC_USDT", false),
            ("BTCUSDT", false),
        ] {
            assert_eq!(is_coin_margined(ticker), expected, "{ticker}");
        }
    }
}
