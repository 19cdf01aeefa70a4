//! The sample candles and bundles that travel inside the binary.

use std::path::Path;

use crate::failure::Failure;

/// One sample bundle.
pub(crate) struct Sample {
    /// Column text in the result table.
    pub(crate) name: &'static str,
    /// The request.
    pub(crate) request: &'static str,
}

/// One bundle per market and period of the sample candles.
pub(crate) const BUNDLES: [Sample; 6] = [
    Sample {
        name: "BTC dual EMA",
        request: include_str!("../../../../examples/btc-dual-ema.json"),
    },
    Sample {
        name: "BTC SuperTrend",
        request: include_str!("../../../../examples/btc-nine-years.json"),
    },
    Sample {
        name: "minutes MACD",
        request: include_str!("../../../../examples/crypto-minutes-macd.json"),
    },
    Sample {
        name: "EURUSD bands",
        request: include_str!("../../../../examples/eurusd-bollinger.json"),
    },
    Sample {
        name: "equities trend",
        request: include_str!("../../../../examples/us-equities-trend.json"),
    },
    Sample { name: "SPY scenario", request: include_str!("../../../../examples/scenario.json") },
];

macro_rules! sample_files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../examples/candles/", $name)).as_slice())),+]
    };
}

/// The candle files and the manifest that names their series.
static CANDLES: [(&str, &[u8]); 10] = sample_files![
    "series.json",
    "bitstamp_BTCUSD-1m.csv.gz",
    "coinbase_BTCEUR-1m.csv.gz",
    "coinbase_BTCUSD-4h.csv.gz",
    "coinbase_ETHUSD-1m.csv.gz",
    "fxcm_EURUSD-bid-1m.csv.gz",
    "us_AAPL-1d-adjusted.csv.gz",
    "us_GOOG-1d.csv.gz",
    "us_MSFT-1d-adjusted.csv.gz",
    "us_SPY-1d.csv.gz",
];

/// Writes the sample candle files into `folder`.
pub(crate) fn unpack(folder: &Path) -> Result<(), Failure> {
    for (name, bytes) in CANDLES {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
