//! How to reach an InfluxDB, and how its schema maps to series.

use std::collections::BTreeMap;
use std::fmt;

use model::{Calendar, Timeframe};
use serde::Deserialize;

use super::dialect::Dialect;

/// Placeholder of the ticker in `symbol_format`.
pub(super) const SYMBOL: &str = "{symbol}";

/// How to reach an InfluxDB with the 1.x query path (1.x itself, or 2.x and 3 with it).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfluxSettings {
    /// `http://host:port`, with a path if it is behind a proxy.
    pub url: String,
    /// Database name.
    pub database: String,
    /// Retention policy; else the database's default.
    pub retention_policy: Option<String>,
    /// Which InfluxDB it is; else it is asked at the first request.
    pub dialect: Option<Dialect>,
    /// Organisation of a 2.x bucket; where it is named, candles are written to the bucket itself
    /// and not through its database mapping.
    pub org: Option<String>,
    /// Bucket of 2.x; else `database`, or `database/policy` where a retention policy is named.
    pub bucket: Option<String>,
    /// Credentials.
    pub auth: Auth,
    /// Longest silence of the server, connecting included, in ms.
    pub timeout_ms: u64,
    /// Further tries of a request that was cut off or could not be made.
    pub retries: u32,
    /// Rows in a chunk of an answer.
    pub chunk_size: u32,
    /// Whether written lines are packed; only worth it on a slow network.
    pub gzip: bool,
    /// Where candles are.
    pub mapping: Mapping,
}

impl Default for InfluxSettings {
    /// `http://127.0.0.1:8086`, database `market`, no credentials, 30 s, 2 further tries.
    fn default() -> InfluxSettings {
        InfluxSettings {
            url: "http://127.0.0.1:8086".to_owned(),
            database: "market".to_owned(),
            retention_policy: None,
            dialect: None,
            org: None,
            bucket: None,
            auth: Auth::None,
            timeout_ms: 30_000,
            retries: 4,
            chunk_size: 10_000,
            gzip: false,
            mapping: Mapping::default(),
        }
    }
}

/// Credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `Authorization: Basic`, as 1.x has it.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// `Authorization: Token`, of 3 `Bearer`.
    Token(Secret),
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for the header that needs it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which end of a candle its time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stamp {
    /// The open, as everywhere in this product.
    #[default]
    Open,
    /// The close: a timeframe after the open.
    Close,
}

/// Which measurement, tags and fields hold candles.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Measurement; `{timeframe}` in it stands for the timeframe (`candles_{timeframe}`).
    pub measurement: String,
    /// Tag of the exchange; not used where `symbol_format` names the exchange or `exchange` is set.
    pub exchange_tag: String,
    /// The exchange of all series, where no tag says it.
    pub exchange: Option<String>,
    /// Tag of the ticker.
    pub symbol_tag: String,
    /// What the tag of the ticker holds: `{symbol}`, or `{symbol}.{exchange}` and the like.
    pub symbol_format: String,
    /// Tag of the timeframe; not used where the measurement names it.
    pub timeframe_tag: String,
    /// What timeframes are called there, where not as here: `{"1h": "60"}`.
    pub timeframes: BTreeMap<Timeframe, String>,
    /// Which end of a candle its time is.
    pub label: Stamp,
    /// Field of the open.
    pub open_field: String,
    /// Field of the high.
    pub high_field: String,
    /// Field of the low.
    pub low_field: String,
    /// Field of the close.
    pub close_field: String,
    /// Field of the volume; where it is absent the volume is 0.
    pub volume_field: String,
    /// Measurement that keeps calendar and instrument of each series.
    pub series_measurement: String,
    /// Measurement of funding rates, with the tags of exchange and ticker.
    pub funding_measurement: String,
    /// Field of the funding rate, a fraction.
    pub rate_field: String,
    /// Field of the mark price; may be absent.
    pub mark_field: String,
    /// Calendars by exchange; they go before what the series say.
    pub calendars: BTreeMap<String, Calendar>,
}

impl Default for Mapping {
    /// Measurement `candles`, tags `exchange symbol timeframe`, fields `open .. volume`.
    fn default() -> Mapping {
        let text = str::to_owned;
        Mapping {
            measurement: text("candles"),
            exchange_tag: text("exchange"),
            exchange: None,
            symbol_tag: text("symbol"),
            symbol_format: text(SYMBOL),
            timeframe_tag: text("timeframe"),
            timeframes: BTreeMap::new(),
            label: Stamp::Open,
            open_field: text("open"),
            high_field: text("high"),
            low_field: text("low"),
            close_field: text("close"),
            volume_field: text("volume"),
            series_measurement: text("candle_series"),
            funding_measurement: text("funding"),
            rate_field: text("rate"),
            mark_field: text("mark"),
            calendars: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed_and_unknown_keys_are_refused() {
        let json = r#"{"auth": {"token": "hunter2"}, "mapping": {"calendars": {"fxcm": "24x5"}}}"#;
        let settings: InfluxSettings = serde_json::from_str(json).unwrap();
        assert_eq!(settings.auth, Auth::Token(Secret::new("hunter2")));
        assert_eq!(settings.mapping.calendars["fxcm"], Calendar::Weekdays);
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(serde_json::from_str::<InfluxSettings>(r#"{"host": "x"}"#).is_err());
    }
}
