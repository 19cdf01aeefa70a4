//! Text that goes to the server: `InfluxQL`, its parameters, and line protocol.
//!
//! Values of tags travel as bind parameters, names are quoted. What cannot be quoted safely is
//! refused before it is sent.

use std::fmt::Write as _;

use model::{CandleSlice, SeriesId, TimeRange};

use super::schema::Tag;
use super::settings::Mapping;
use crate::Error;

/// A quoted `InfluxQL` identifier.
pub(super) fn quote(name: &str) -> Result<String, Error> {
    check_name(name)?;
    Ok(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What neither `InfluxQL` nor line protocol can carry without doubt.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let bad = |reason| Err(Error::BadName { name: name.to_owned(), reason });
    if name.is_empty() {
        return bad("it is empty");
    }
    if name.chars().any(char::is_control) {
        return bad("it has a control character");
    }
    if name.ends_with('\\') {
        return bad("it ends with a backslash");
    }
    Ok(())
}

/// `FROM .. WHERE ..` for the candles of one series in `range`, both ends bound.
///
/// Its parameters are those of [`parameters`].
pub(super) fn from_where(
    mapping: &Mapping,
    series: &SeriesId,
    range: TimeRange,
) -> Result<String, Error> {
    let range = mapping.stored_range(series.timeframe, range);
    let mut text = format!("FROM {} WHERE ", quote(&mapping.measurement_of(series.timeframe))?);
    text.push_str(&tagged(&mapping.tags(series))?);
    let _ = write!(text, " AND time >= {}ms AND time < {}ms", range.start_ms, range.end_ms);
    Ok(text)
}

/// `"a" = $a AND "b" = $b` for these tags, bound by [`bound`].
pub(super) fn tagged(tags: &[Tag<'_>]) -> Result<String, Error> {
    let mut text = String::new();
    for (index, tag) in tags.iter().enumerate() {
        let and = if index == 0 { "" } else { " AND " };
        let _ = write!(text, "{and}{} = ${}", quote(tag.name)?, tag.parameter);
    }
    Ok(text)
}

/// Bind parameters for these tags, as JSON.
pub(super) fn bound(tags: &[Tag<'_>]) -> String {
    let values: serde_json::Map<String, serde_json::Value> = tags
        .iter()
        .map(|tag| (tag.parameter.to_owned(), serde_json::Value::from(tag.value.as_str())))
        .collect();
    serde_json::Value::Object(values).to_string()
}

/// Bind parameters that pick one series, as JSON.
pub(super) fn parameters(mapping: &Mapping, series: &SeriesId) -> String {
    bound(&mapping.tags(series))
}

/// The candles of a segment, then the server's count of them.
pub(super) fn select(
    mapping: &Mapping,
    series: &SeriesId,
    range: TimeRange,
) -> Result<String, Error> {
    let fields: Vec<String> =
        mapping.fields().iter().map(|field| quote(field)).collect::<Result<_, _>>()?;
    let rest = from_where(mapping, series, range)?;
    Ok(format!("SELECT {} {rest}; {}", fields.join(","), count(mapping, series, range)?))
}

/// The server's count of candles.
pub(super) fn count(
    mapping: &Mapping,
    series: &SeriesId,
    range: TimeRange,
) -> Result<String, Error> {
    let close = quote(&mapping.close_field)?;
    Ok(format!("SELECT count({close}) {}", from_where(mapping, series, range)?))
}

/// `a=b&c=d`, percent-encoded.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        encode(&mut text, key);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

fn encode(text: &mut String, raw: &str) {
    for byte in raw.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// Count, sums of the five fields, highest high and lowest low.
pub(super) fn probe(
    mapping: &Mapping,
    series: &SeriesId,
    range: TimeRange,
) -> Result<String, Error> {
    let [open, high, low, close, volume] = mapping.fields().map(quote);
    let (open, high, low, close, volume) = (open?, high?, low?, close?, volume?);
    let rest = from_where(mapping, series, range)?;
    Ok(format!(
        "SELECT count({close}),sum({open}),sum({high}),sum({low}),sum({close}),sum({volume}),\
         max({high}),min({low}) {rest}"
    ))
}

/// Measurement and tags, as a line begins.
pub(super) fn line_key(measurement: &str, tags: &[Tag<'_>]) -> Result<String, Error> {
    check_name(measurement)?;
    let mut key = escape(measurement, &[',', ' ']);
    for tag in tags {
        check_name(tag.name)?;
        check_name(&tag.value)?;
        let special = [',', '=', ' '];
        let _ = write!(key, ",{}={}", escape(tag.name, &special), escape(&tag.value, &special));
    }
    Ok(key)
}

pub(super) fn escape(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// One line per candle: always all five fields, as floats in their shortest exact form.
///
/// `shift_ms` is added to the open times.
pub(super) fn lines(
    key: &str,
    mapping: &Mapping,
    candles: CandleSlice<'_>,
    shift_ms: i64,
) -> String {
    let names = mapping.fields().map(|field| escape(field, &[',', '=', ' ']));
    let mut text = String::with_capacity(candles.len() * (key.len() + 96));
    for row in 0..candles.len() {
        let candle = candles.candle(row);
        text.push_str(key);
        let values = [candle.open, candle.high, candle.low, candle.close, candle.volume];
        for (index, (name, value)) in names.iter().zip(values).enumerate() {
            let separator = if index == 0 { ' ' } else { ',' };
            let _ = write!(text, "{separator}{name}={value}");
        }
        let _ = writeln!(text, " {}", candle.open_time_ms + shift_ms);
    }
    text
}

/// A string field's value.
pub(super) fn string_value(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles, Timeframe};

    use super::*;

    fn series(ticker: &str) -> SeriesId {
        SeriesId {
            exchange: "x".to_owned(),
            ticker: ticker.to_owned(),
            timeframe: Timeframe::MINUTE,
        }
    }

    #[test]
    fn values_never_become_part_of_a_query() {
        let hostile = "a' OR 1=1; DROP DATABASE \"market\" --";
        let range = TimeRange { start_ms: 0, end_ms: 60_000 };
        let query = select(&Mapping::default(), &series(hostile), range).unwrap();
        assert!(!query.contains("DROP"), "{query}");
        let bound = parameters(&Mapping::default(), &series(hostile));
        let bound: serde_json::Value = serde_json::from_str(&bound).unwrap();
        assert_eq!(bound["symbol"], hostile);
        assert_eq!(
            query,
            "SELECT \"open\",\"high\",\"low\",\"close\",\"volume\" FROM \"candles\" WHERE \
             \"exchange\" = $exchange AND \"symbol\" = $symbol AND \"timeframe\" = $timeframe AND \
             time >= 0ms AND time < 60000ms; SELECT count(\"close\") FROM \"candles\" WHERE \
             \"exchange\" = $exchange AND \"symbol\" = $symbol AND \"timeframe\" = $timeframe AND \
             time >= 0ms AND time < 60000ms"
        );
    }

    #[test]
    fn names_are_quoted_or_refused() {
        assert_eq!(quote("a\"b").unwrap(), "\"a\\\"b\"");
        assert_eq!(quote("a\"; DROP DATABASE x; --").unwrap(), "\"a\\\"; DROP DATABASE x; --\"");
        assert_eq!(quote("a\\\"b").unwrap(), "\"a\\\\\\\"b\"");
        for name in ["", "a\nb", "a\0", "a\\"] {
            assert!(matches!(quote(name), Err(Error::BadName { .. })), "{name:?}");
        }
    }

    #[test]
    fn lines_escape_tags_and_write_whole_numbers_as_floats() {
        let candle = Candle {
            open_time_ms: 60_000,
            open: 1.0,
            high: 1e21,
            low: 0.1,
            close: 110.272_120_000_000_02,
            volume: 0.0,
        };
        let candles: Candles = [candle].into_iter().collect();
        let mapping = Mapping::default();
        let key = line_key("candles", &mapping.tags(&series("a b,c=d"))).unwrap();
        assert_eq!(
            lines(&key, &mapping, candles.as_slice(), 0),
            "candles,exchange=x,symbol=a\\ b\\,c\\=d,timeframe=1m open=1,\
             high=1000000000000000000000,low=0.1,close=110.27212000000002,volume=0 60000\n"
        );
        assert!(line_key("candles", &mapping.tags(&series("a\nb"))).is_err());
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form(&[("q", "a b&c=d"), ("db", "é")]), "q=a%20b%26c%3Dd&db=%C3%A9");
    }
}
