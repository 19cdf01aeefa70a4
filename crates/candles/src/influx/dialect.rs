//! Which InfluxDB a server is, and what differs between them.
//!
//! All read by `InfluxQL` on `/query`. They differ in the scheme of a token, in where lines are
//! written, in how a database comes to be, and in what their refusals mean.

use std::fmt;

use hyper::Response;
use hyper::header::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::settings::InfluxSettings;
use super::text::form;
use crate::error::Cause;

/// A major version of InfluxDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Dialect {
    /// 1.x: `/write`.
    #[serde(rename = "1")]
    V1,
    /// 2.x: buckets, reached by a database mapping (DBRP) or `/api/v2/write`.
    #[serde(rename = "2")]
    V2,
    /// 3: `/api/v3/write_lp`.
    #[serde(rename = "3")]
    V3,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::V1 => "1.x",
            Dialect::V2 => "2.x",
            Dialect::V3 => "3",
        })
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its dialect: the configured one, else by its version.
    pub dialect: Dialect,
    /// Its version, such as `1.6.7`, where it tells.
    pub version: Option<String>,
}

/// The version that an answer to `/ping` or `/health` names.
pub(super) fn version(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = headers.get("x-influxdb-version").and_then(|value| value.to_str().ok());
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let member = json.as_ref().and_then(|json| json.get("version")?.as_str());
    let text = header.or(member)?.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.to_owned())
}

/// The dialect of a version: what is newer than all known speaks that of 3.
pub(super) fn of_version(version: &str) -> Option<Dialect> {
    match version.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()? {
        0 | 1 => Some(Dialect::V1),
        2 => Some(Dialect::V2),
        _ => Some(Dialect::V3),
    }
}

/// Whether an answer without a version is that of InfluxDB 3: it names a build of its own (1.x and
/// 2.x name `OSS` or `ENT`), or its `/health` says `OK`.
pub(super) fn is_3<T>(path: &str, response: &Response<T>, body: &[u8]) -> bool {
    let build = response.headers().get("x-influxdb-build").map(HeaderValue::as_bytes);
    let names_3 = build.is_some_and(|build| matches!(build, b"Core" | b"Enterprise"));
    let is_ok = response.status().is_success() && body.trim_ascii() == b"OK";
    names_3 || (path == "/health" && is_ok)
}

impl Dialect {
    /// The scheme of a token.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Dialect::V1 | Dialect::V2 => "Token",
            Dialect::V3 => "Bearer",
        }
    }

    /// Path and query of writes; times are in ms.
    pub(super) fn write_path(self, settings: &InfluxSettings) -> String {
        let database = settings.database.as_str();
        let policy = settings.retention_policy.as_deref();
        match (self, &settings.org) {
            (Dialect::V2, Some(org)) => {
                let named = policy.map(|policy| format!("{database}/{policy}"));
                let bucket = settings.bucket.clone().or(named);
                let bucket = bucket.as_deref().unwrap_or(database);
                let pairs = [("org", org.as_str()), ("bucket", bucket), ("precision", "ms")];
                format!("/api/v2/write?{}", form(&pairs))
            }
            (Dialect::V3, _) => {
                let pairs = [("db", database), ("precision", "millisecond")];
                format!("/api/v3/write_lp?{}", form(&pairs))
            }
            (Dialect::V1 | Dialect::V2, _) => {
                let mut pairs = vec![("db", database), ("precision", "ms")];
                pairs.extend(policy.map(|policy| ("rp", policy)));
                format!("/write?{}", form(&pairs))
            }
        }
    }
}

/// Puts advice to words of the server that are hard to act upon.
pub(super) fn advise(cause: &mut Cause, dialect: Option<Dialect>) {
    let (Cause::Query { text } | Cause::Status { text, .. }) = cause else { return };
    let text = std::mem::take(text);
    let lower = text.to_lowercase();
    let lost = ["database not found", "dbrp", "retention policy not found"];
    if lower.contains("file limit") {
        *cause = Cause::FileLimit { text };
    } else if dialect == Some(Dialect::V2) && lost.iter().any(|words| lower.contains(words)) {
        *cause = Cause::NotMapped { text };
    } else if let Cause::Query { text: kept } | Cause::Status { text: kept, .. } = cause {
        *kept = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_headers_and_bodies() {
        let mut headers = HeaderMap::new();
        let json = br#"{"version":"3.9.6","revision":"a","process_id":"b"}"#;
        assert_eq!(version(&headers, json).as_deref(), Some("3.9.6"));
        assert_eq!(version(&headers, b"").as_deref(), None);
        headers.insert("x-influxdb-version", "v2.7.1".parse().unwrap());
        assert_eq!(version(&headers, b"").as_deref(), Some("2.7.1"));
        headers.insert("x-influxdb-version", "unknown".parse().unwrap());
        assert_eq!(version(&headers, b"").as_deref(), None);
        for (text, expected) in [
            ("1.6.7~rc0", Some(Dialect::V1)),
            ("2.9.1", Some(Dialect::V2)),
            ("3.10-nightly", Some(Dialect::V3)),
            ("x", None),
        ] {
            assert_eq!(of_version(text), expected, "{text}");
        }
    }

    #[test]
    fn writes_go_where_the_dialect_takes_them() {
        let plain = InfluxSettings { database: "m k".to_owned(), ..InfluxSettings::default() };
        let policy = InfluxSettings { retention_policy: Some("long".to_owned()), ..plain.clone() };
        let org = InfluxSettings { org: Some("o&p".to_owned()), ..plain.clone() };
        let bucket = InfluxSettings { bucket: Some("b".to_owned()), ..org.clone() };
        let both = InfluxSettings { org: org.org.clone(), ..policy.clone() };
        for (dialect, settings, expected) in [
            (Dialect::V1, &plain, "/write?db=m%20k&precision=ms"),
            (Dialect::V1, &both, "/write?db=m%20k&precision=ms&rp=long"),
            (Dialect::V2, &policy, "/write?db=m%20k&precision=ms&rp=long"),
            (Dialect::V2, &org, "/api/v2/write?org=o%26p&bucket=m%20k&precision=ms"),
            (Dialect::V2, &bucket, "/api/v2/write?org=o%26p&bucket=b&precision=ms"),
            (Dialect::V2, &both, "/api/v2/write?org=o%26p&bucket=m%20k%2Flong&precision=ms"),
            (Dialect::V3, &both, "/api/v3/write_lp?db=m%20k&precision=millisecond"),
        ] {
            assert_eq!(dialect.write_path(settings), expected);
        }
    }
}
