//! How to reach an InfluxDB, and how its schema maps to series.

use std::collections::BTreeMap;
use std::fmt;

use model::{Calendar, Timeframe};
use serde::Deserialize;

/// Placeholder of a measurement's name.
const TIMEFRAME: &str = "{timeframe}";

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
    /// `Authorization: Token`, as 2.x and 3 have it.
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

/// Which measurement, tags and fields hold candles.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Measurement; `{timeframe}` in it stands for the timeframe (`candles_{timeframe}`).
    pub measurement: String,
    /// Tag of the exchange.
    pub exchange_tag: String,
    /// Tag of the ticker.
    pub symbol_tag: String,
    /// Tag of the timeframe; not used where the measurement names it.
    pub timeframe_tag: String,
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
            symbol_tag: text("symbol"),
            timeframe_tag: text("timeframe"),
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

impl Mapping {
    /// Whether each timeframe has its own measurement.
    pub(super) fn is_per_timeframe(&self) -> bool {
        self.measurement.contains(TIMEFRAME)
    }

    /// The measurement with candles of `timeframe`.
    pub(super) fn measurement_of(&self, timeframe: Timeframe) -> String {
        self.measurement.replace(TIMEFRAME, &timeframe.to_string())
    }

    /// The timeframe whose measurement is called `name`.
    pub(super) fn timeframe_of(&self, name: &str) -> Option<Timeframe> {
        let (before, after) = self.measurement.split_once(TIMEFRAME)?;
        name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
    }

    /// The five value fields, in the order of a candle.
    pub(super) fn fields(&self) -> [&str; 5] {
        [&self.open_field, &self.high_field, &self.low_field, &self.close_field, &self.volume_field]
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

    #[test]
    fn a_measurement_may_name_its_timeframe() {
        let mapping = Mapping { measurement: "c_{timeframe}_v2".to_owned(), ..Mapping::default() };
        let hour: Timeframe = "1h".parse().unwrap();
        assert_eq!(mapping.measurement_of(hour), "c_1h_v2");
        assert_eq!(mapping.timeframe_of("c_1h_v2"), Some(hour));
        assert_eq!(mapping.timeframe_of("c_x_v2"), None);
        assert_eq!(Mapping::default().measurement_of(hour), "candles");
    }
}
