//! How series, timeframes and times are written in a schema that this product did not make.

use std::collections::BTreeMap;

use model::{SeriesId, TimeRange, Timeframe};

use super::settings::{Mapping, SYMBOL, Stamp};
use crate::Error;

/// Placeholder of a measurement's name.
const TIMEFRAME: &str = "{timeframe}";
/// Placeholder of the exchange in `symbol_format`.
const EXCHANGE: &str = "{exchange}";

/// A tag of a series: the parameter that binds it, its name, and its value.
pub(super) struct Tag<'a> {
    pub(super) parameter: &'static str,
    pub(super) name: &'a str,
    pub(super) value: String,
}

impl Mapping {
    /// Refuses what no series could be read by.
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |reason| Err(Error::BadName { name: self.symbol_format.clone(), reason });
        let Some((before, after)) = self.symbol_format.split_once(SYMBOL) else {
            return bad("a symbol_format holds {symbol}");
        };
        if after.contains(SYMBOL) || self.symbol_format.matches(EXCHANGE).count() > 1 {
            return bad("a symbol_format holds each name once");
        }
        let joined = (before.ends_with(EXCHANGE) && before.len() == EXCHANGE.len())
            || after.starts_with(EXCHANGE);
        if joined && (after.is_empty() || after.starts_with(EXCHANGE)) {
            return bad("a symbol_format keeps {symbol} and {exchange} apart");
        }
        Ok(())
    }

    /// Whether each timeframe has its own measurement.
    pub(super) fn is_per_timeframe(&self) -> bool {
        self.measurement.contains(TIMEFRAME)
    }

    /// Whether the exchange has a tag of its own.
    fn has_exchange_tag(&self) -> bool {
        self.exchange.is_none() && !self.symbol_format.contains(EXCHANGE)
    }

    /// What `timeframe` is called.
    pub(super) fn timeframe_name(&self, timeframe: Timeframe) -> String {
        self.timeframes.get(&timeframe).cloned().unwrap_or_else(|| timeframe.to_string())
    }

    /// The timeframe that is called `name`.
    ///
    /// Names are compared in queries, so only the form that queries use is one.
    fn timeframe_named(&self, name: &str) -> Option<Timeframe> {
        let named = self.timeframes.iter().find(|(_, text)| *text == name);
        let parsed = || name.parse().ok().filter(|parsed| self.timeframe_name(*parsed) == name);
        named.map(|(timeframe, _)| *timeframe).or_else(parsed)
    }

    /// The measurement with candles of `timeframe`.
    pub(super) fn measurement_of(&self, timeframe: Timeframe) -> String {
        self.measurement.replace(TIMEFRAME, &self.timeframe_name(timeframe))
    }

    /// The timeframe whose measurement is called `name`.
    pub(super) fn timeframe_of(&self, name: &str) -> Option<Timeframe> {
        let (before, after) = self.measurement.split_once(TIMEFRAME)?;
        self.timeframe_named(name.strip_prefix(before)?.strip_suffix(after)?)
    }

    /// The five value fields, in the order of a candle.
    pub(super) fn fields(&self) -> [&str; 5] {
        [&self.open_field, &self.high_field, &self.low_field, &self.close_field, &self.volume_field]
    }

    /// Names of the tags that exchange and ticker are kept in.
    pub(super) fn ticker_tag_names(&self) -> Vec<&str> {
        let exchange = self.has_exchange_tag().then_some(self.exchange_tag.as_str());
        exchange.into_iter().chain([self.symbol_tag.as_str()]).collect()
    }

    /// The tags of a ticker.
    pub(super) fn ticker_tags(&self, exchange: &str, ticker: &str) -> Vec<Tag<'_>> {
        let (before, after) = self.symbol_format.split_once(SYMBOL).unwrap_or_default();
        let [before, after] = [before, after].map(|text| text.replace(EXCHANGE, exchange));
        let symbol = format!("{before}{ticker}{after}");
        let own = self.has_exchange_tag().then(|| Tag {
            parameter: "exchange",
            name: &self.exchange_tag,
            value: exchange.to_owned(),
        });
        let symbol = Tag { parameter: "symbol", name: &self.symbol_tag, value: symbol };
        own.into_iter().chain([symbol]).collect()
    }

    /// The tags of a series' candles.
    pub(super) fn tags(&self, series: &SeriesId) -> Vec<Tag<'_>> {
        let mut tags = self.ticker_tags(&series.exchange, &series.ticker);
        if !self.is_per_timeframe() {
            tags.push(self.timeframe_tag_of(series.timeframe));
        }
        tags
    }

    /// The tag of a timeframe.
    pub(super) fn timeframe_tag_of(&self, timeframe: Timeframe) -> Tag<'_> {
        let value = self.timeframe_name(timeframe);
        Tag { parameter: "timeframe", name: &self.timeframe_tag, value }
    }

    /// Whether queries can reach `series`: of a fixed exchange there is no other.
    pub(super) fn can_hold(&self, exchange: &str) -> bool {
        self.exchange.as_deref().is_none_or(|fixed| fixed == exchange)
    }

    /// The series of a measurement and its tags; `None` if they name none that there can be.
    pub(super) fn series_of(
        &self,
        measurement: &str,
        tags: &BTreeMap<String, String>,
    ) -> Option<SeriesId> {
        let timeframe = if self.is_per_timeframe() {
            self.timeframe_of(measurement)?
        } else {
            self.timeframe_named(tags.get(&self.timeframe_tag)?)?
        };
        let (exchange, ticker) = self.ticker_of(tags)?;
        Some(SeriesId { exchange, ticker, timeframe })
    }

    /// The series whose settings have these tags.
    pub(super) fn settings_of(&self, tags: &BTreeMap<String, String>) -> Option<SeriesId> {
        let timeframe = self.timeframe_named(tags.get(&self.timeframe_tag)?)?;
        let (exchange, ticker) = self.ticker_of(tags)?;
        Some(SeriesId { exchange, ticker, timeframe })
    }

    fn ticker_of(&self, tags: &BTreeMap<String, String>) -> Option<(String, String)> {
        let tag = |name: &str| tags.get(name).filter(|value| !value.is_empty()).cloned();
        let symbol = tag(&self.symbol_tag)?;
        let (before, after) = self.symbol_format.split_once(SYMBOL)?;
        let (exchange, ticker) = if let Some((lead, gap)) = before.split_once(EXCHANGE) {
            // `{exchange}:{symbol}`: the exchange ends at the first separator.
            let rest = symbol.strip_prefix(lead)?.strip_suffix(after)?;
            let (exchange, ticker) = rest.split_once(gap)?;
            (Some(exchange.to_owned()), ticker.to_owned())
        } else if let Some((gap, tail)) = after.split_once(EXCHANGE) {
            // `{symbol}.{exchange}`: the exchange begins after the last separator.
            let rest = symbol.strip_prefix(before)?.strip_suffix(tail)?;
            let (ticker, exchange) = rest.rsplit_once(gap)?;
            (Some(exchange.to_owned()), ticker.to_owned())
        } else {
            (None, symbol.strip_prefix(before)?.strip_suffix(after)?.to_owned())
        };
        let exchange = match (&self.exchange, exchange) {
            (Some(fixed), Some(found)) if *fixed != found => return None,
            (Some(fixed), _) => fixed.clone(),
            (None, Some(found)) => found,
            (None, None) => tag(&self.exchange_tag)?,
        };
        let named = !exchange.is_empty() && !ticker.is_empty();
        // What is not written the same way again could not be asked for.
        let again = self.ticker_tags(&exchange, &ticker).pop().map(|tag| tag.value);
        (named && again.as_ref() == Some(&symbol)).then_some((exchange, ticker))
    }

    /// What is added to an open time to give the stored one, in ms.
    pub(super) fn shift_ms(&self, timeframe: Timeframe) -> i64 {
        match self.label {
            Stamp::Open => 0,
            Stamp::Close => timeframe.ms(),
        }
    }

    /// The stored times of candles that open in `range`.
    pub(super) fn stored_range(&self, timeframe: Timeframe, range: TimeRange) -> TimeRange {
        let shift = self.shift_ms(timeframe);
        TimeRange {
            start_ms: range.start_ms.saturating_add(shift),
            end_ms: range.end_ms.saturating_add(shift),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_may_name_its_timeframe() {
        let mapping = Mapping { measurement: "c_{timeframe}_v2".to_owned(), ..Mapping::default() };
        let hour: Timeframe = "1h".parse().unwrap();
        assert_eq!(mapping.measurement_of(hour), "c_1h_v2");
        assert_eq!(mapping.timeframe_of("c_1h_v2"), Some(hour));
        assert_eq!(mapping.timeframe_of("c_x_v2"), None);
        assert_eq!(Mapping::default().measurement_of(hour), "candles");
        let timeframes = BTreeMap::from([(hour, "60".to_owned())]);
        let mapping = Mapping { timeframes, ..mapping };
        assert_eq!(mapping.measurement_of(hour), "c_60_v2");
        assert_eq!(mapping.timeframe_of("c_60_v2"), Some(hour));
        assert_eq!(mapping.timeframe_of("c_1h_v2"), None);
    }

    fn named(format: &str, exchange: Option<&str>, symbol: &str) -> Option<(String, String)> {
        let mapping = Mapping {
            symbol_format: format.to_owned(),
            exchange: exchange.map(str::to_owned),
            ..Mapping::default()
        };
        mapping.check().unwrap();
        let tags = [("symbol", symbol), ("exchange", "tagged")];
        let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        mapping.ticker_of(&tags)
    }

    #[test]
    fn a_symbol_may_hold_the_exchange_in_any_order() {
        for (format, exchange, symbol, expected) in [
            ("{symbol}", None, "BTC", Some(("tagged", "BTC"))),
            ("{symbol}", Some("okx"), "BTC", Some(("okx", "BTC"))),
            ("{symbol}.{exchange}", None, "BRK.B.NYSE", Some(("NYSE", "BRK.B"))),
            ("{exchange}:{symbol}", None, "okx:BTC/USDT:USDT", Some(("okx", "BTC/USDT:USDT"))),
            ("v_{symbol}", None, "v_BTC", Some(("tagged", "BTC"))),
            ("v_{symbol}", None, "BTC", None),
            ("{symbol}.{exchange}", None, "BTC", None),
            ("{symbol}.{exchange}", Some("a"), "BTC.b", None),
        ] {
            let expected = expected.map(|(e, t)| (e.to_owned(), t.to_owned()));
            assert_eq!(named(format, exchange, symbol), expected, "{format} {symbol}");
        }
    }

    #[test]
    fn a_format_without_a_symbol_or_a_gap_is_refused() {
        for format in ["", "x", "{exchange}", "{symbol}{symbol}", "{symbol}{exchange}"] {
            let mapping = Mapping { symbol_format: format.to_owned(), ..Mapping::default() };
            assert!(mapping.check().is_err(), "{format}");
        }
        let mapping =
            Mapping { symbol_format: "{exchange}{symbol}".to_owned(), ..Mapping::default() };
        assert!(mapping.check().is_err());
    }
}
