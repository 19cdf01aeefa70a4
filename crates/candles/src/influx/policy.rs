//! Retention policies: how long a database keeps candles, and in what shards.

use super::dialect::Dialect;
use super::msgpack::Value;
use super::{Influx, text};
use crate::Error;
use crate::error::Cause;

const HOUR_MS: i64 = 3_600_000;
/// Shards shorter than this are many where candles reach back years.
const SHORT_SHARD_MS: i64 = 28 * 24 * HOUR_MS;
/// Candles of less time than this fit into few shards of any length.
const LONG_SERIES_MS: i64 = 365 * 24 * HOUR_MS;

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// How long points are kept, in ms; `None` for ever.
    pub duration_ms: Option<i64>,
    /// Span of a shard, in ms; `None` where the server has none.
    pub shard_ms: Option<i64>,
}

impl Policy {
    /// What deserves a warning where candles between these open times are kept by this policy.
    pub fn warnings(&self, first_ms: i64, last_ms: i64, now_ms: i64) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(duration_ms) = self.duration_ms {
            let kept = days(duration_ms);
            let name = &self.name;
            warnings.push(if first_ms < now_ms.saturating_sub(duration_ms) {
                format!(
                    "retention policy \"{name}\" keeps {kept} and drops the older candles silently: \
                     ALTER RETENTION POLICY \"{name}\" ON DATABASE DURATION INF"
                )
            } else {
                format!("retention policy \"{name}\" drops candles after {kept}")
            });
        }
        if let Some(shard_ms) = self.shard_ms
            && shard_ms < SHORT_SHARD_MS
            && last_ms.saturating_sub(first_ms) > LONG_SERIES_MS
        {
            warnings.push(format!(
                "retention policy \"{}\" has shards of {}, {} of them for these candles: \
                 SHARD DURATION 52w reads faster",
                self.name,
                days(shard_ms),
                (last_ms - first_ms) / shard_ms + 1,
            ));
        }
        warnings
    }
}

/// A duration in days or hours.
fn days(ms: i64) -> String {
    if ms % (24 * HOUR_MS) == 0 {
        format!("{} days", ms / (24 * HOUR_MS))
    } else {
        format!("{} hours", ms / HOUR_MS)
    }
}

impl Influx {
    /// The retention policy that candles are kept by; `None` where the server tells of none.
    pub async fn policy(&self) -> Result<Option<Policy>, Error> {
        let settings = &self.inner.settings;
        if self.dialect().await? == Dialect::V3 {
            return Ok(None);
        }
        let query = format!("SHOW RETENTION POLICIES ON {}", text::quote(&settings.database)?);
        for table in self.tables(query, 1).await? {
            let column = |name: &str| table.head.columns.iter().position(|column| column == name);
            for row in &table.rows {
                let text = |name: &str| match column(name).and_then(|index| row.get(index)) {
                    Some(Value::Text(text)) => Some(text.as_str()),
                    _ => None,
                };
                let is_default =
                    column("default").and_then(|index| row.get(index)) == Some(&Value::Flag(true));
                let Some(name) = text("name") else { continue };
                let wanted = settings.retention_policy.as_deref();
                if wanted.map_or(is_default, |wanted| wanted == name) {
                    return Ok(Some(Policy {
                        name: name.to_owned(),
                        duration_ms: text("duration").and_then(parse).filter(|ms| *ms > 0),
                        shard_ms: text("shardGroupDuration").and_then(parse).filter(|ms| *ms > 0),
                    }));
                }
            }
        }
        match &settings.retention_policy {
            Some(name) => {
                let text = format!("retention policy not found: {name}");
                Err(self.rejected(Cause::Query { text }))
            }
            None => Ok(None),
        }
    }
}

/// A duration as the server prints it, such as `168h0m0s`, in ms.
fn parse(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0_i64, String::new());
    for character in text.chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        let unit = match character {
            'w' => 168 * HOUR_MS,
            'd' => 24 * HOUR_MS,
            'h' => HOUR_MS,
            'm' => 60_000,
            's' => 1_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_server_prints_them() {
        for (text, expected) in [
            ("168h0m0s", Some(168 * HOUR_MS)),
            ("0s", Some(0)),
            ("1m30s", Some(90_000)),
            ("", Some(0)),
            ("5", None),
            ("1x", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn short_retention_and_short_shards_are_warned_of() {
        let day = 24 * HOUR_MS;
        let policy = |duration: Option<i64>, shard: i64| Policy {
            name: "p".to_owned(),
            duration_ms: duration.map(|days| days * day),
            shard_ms: Some(shard * day),
        };
        let warn = |policy: Policy| policy.warnings(0, 800 * day, 1_000 * day).join("; ");
        assert_eq!(warn(policy(None, 364)), "");
        assert!(warn(policy(Some(30), 364)).contains("keeps 30 days and drops the older"));
        assert!(warn(policy(Some(2_000), 364)).contains("drops candles after 2000 days"));
        assert!(warn(policy(None, 7)).contains("has shards of 7 days, 115 of them"));
    }
}
