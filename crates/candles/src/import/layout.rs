//! Where a delimited text has its columns: by its header, its field counts, or a map from outside.

use super::options::ColumnMap;
use super::time::Stamp;
use crate::validate::Rule;

/// Fields that a line may have.
pub(super) const MAX_FIELDS: usize = 64;
/// Fields that a line has at least: time, open, high, low, close.
const LEAST_FIELDS: usize = 5;
/// Fields of a line of Binance's archive.
const BINANCE_FIELDS: usize = 12;
/// Of these, the volume in base units where the usual column counts contracts (COIN-M).
const BINANCE_BASE_VOLUME: usize = 7;
/// Lines that tell the layout: three of a header, and a row.
pub(super) const SAMPLE: usize = 4;

const TIMES: [&str; 14] = [
    "timestamp",
    "open time",
    "opentime",
    "datetime",
    "date time",
    "time utc",
    "gmt time",
    "local time",
    "unix",
    "unix timestamp",
    "ts",
    "t",
    "open timestamp",
    "period start",
];
const DATES: [&str; 3] = ["date", "day", "dtyyyymmdd"];
const CLOCKS: [&str; 2] = ["time", "clock"];
const ADJUSTED: [&str; 4] = ["adj close", "adjclose", "adjusted close", "adjusted"];
/// Volumes, and counts of ticks that stand for them.
const VOLUMES: [&str; 4] = ["volume", "vol", "v", "base volume"];
const TICKS: [&str; 3] = ["tick volume", "tickvol", "tickvolume"];

/// Where the columns of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) delimiter: char,
    /// Whether numbers are written `1,5`: as the first row has it, for all rows.
    pub(super) decimal_comma: bool,
    pub(super) fields: usize,
    /// Column of the time; and that of the time of day, where the first is a date alone.
    pub(super) time: (usize, Option<usize>),
    pub(super) time_format: Option<String>,
    pub(super) prices: [usize; 4],
    pub(super) volume: Option<usize>,
    /// Column of the close that splits and dividends are taken out of, where one is there.
    pub(super) adjusted_close: Option<usize>,
    pub(super) header_lines: usize,
    /// The ticker that the header names.
    pub(super) ticker: Option<String>,
    pub(super) origin: Origin,
}

/// Which tool wrote a file, as far as its layout says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Binance,
    BinanceCoinMargined,
    Yfinance,
    MetaTrader,
    Backtrader,
    Mapped,
    Generic,
}

impl Origin {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Binance => "Binance archive",
            Self::BinanceCoinMargined => "Binance COIN-M archive, volume in base units",
            Self::Yfinance => "yfinance CSV",
            Self::MetaTrader => "MetaTrader text",
            Self::Backtrader => "CSV with date and time under one name",
            Self::Mapped => "CSV by --map",
            Self::Generic => "CSV",
        }
    }
}

/// What is asked of a layout from outside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) map: Option<&'a ColumnMap>,
    pub(super) time_format: Option<&'a str>,
    pub(super) ticker: Option<&'a str>,
    /// Whether the name is that of a coin-margined contract of Binance.
    pub(super) coin_margined: bool,
}

/// Why a file has no layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoLayout {
    /// Neither a header nor a row that can be understood.
    Unknown,
    /// The map names a column that is not there.
    NoColumn(String),
    /// The header names a column more than once that is read.
    Twice(String),
    /// The file holds several tickers.
    Tickers(Vec<String>),
}

type Sniffed = Result<Layout, NoLayout>;

impl Layout {
    /// The layout of a file that begins with `lines`.
    pub(super) fn sniff(lines: &[String], wanted: &Wanted<'_>) -> Sniffed {
        let first = lines.first().ok_or(NoLayout::Unknown)?;
        let delimiter = delimiter_of(first);
        let rows: Vec<Vec<&str>> = lines.iter().map(|line| split(line, delimiter)).collect();
        if rows.iter().any(|row| row.len() > MAX_FIELDS) {
            return Err(NoLayout::Unknown);
        }
        let mut layout = match wanted.map {
            Some(map) => Layout::mapped(delimiter, &rows, map, wanted),
            None => Layout::found(delimiter, &rows, wanted),
        }?;
        layout.time_format = wanted.time_format.map(str::to_owned);
        if let Some(row) = rows.get(layout.header_lines) {
            let mut prices = layout.prices.iter().filter_map(|index| row.get(*index));
            layout.decimal_comma = delimiter != ',' && prices.any(|price| price.contains(','));
        }
        Ok(layout)
    }

    fn found(delimiter: char, rows: &[Vec<&str>], wanted: &Wanted<'_>) -> Sniffed {
        if let Some(layout) = Layout::yfinance(delimiter, rows, wanted)? {
            return Ok(layout);
        }
        let stamp = rows[0].first().and_then(|field| read(field, wanted));
        if stamp.is_some() || read_two(&rows[0], wanted).is_some() {
            return Layout::without_header(delimiter, &rows[0], wanted);
        }
        let second = rows.get(1).map_or(&[][..], Vec::as_slice);
        Layout::with_header(delimiter, &rows[0], second, wanted)
    }

    fn without_header(delimiter: char, fields: &[&str], wanted: &Wanted<'_>) -> Sniffed {
        let two = read_two(fields, wanted).is_some();
        let open = if two { 2 } else { 1 };
        if fields.len() < open + 4 {
            return Err(NoLayout::Unknown);
        }
        let mut layout = Layout {
            time: (0, two.then_some(1)),
            volume: (fields.len() > open + 4).then_some(open + 4),
            ..Layout::at(delimiter, fields.len(), [open, open + 1, open + 2, open + 3])
        };
        if fields.len() == BINANCE_FIELDS && !two {
            layout.name_binance(wanted);
        } else if two && fields[0].as_bytes().get(4) == Some(&b'.') {
            layout.origin = Origin::MetaTrader;
        }
        Ok(layout)
    }

    fn with_header(
        delimiter: char,
        fields: &[&str],
        second: &[&str],
        wanted: &Wanted<'_>,
    ) -> Sniffed {
        let names: Vec<String> = fields.iter().map(|field| plain(field)).collect();
        let find = |known: &[&str]| {
            known.iter().find_map(|name| names.iter().position(|field| field == name))
        };
        let time = find(&TIMES);
        let date = find(&DATES);
        let clock = find(&CLOCKS);
        let unnamed = names.first().filter(|name| name.is_empty()).map(|_| 0);
        let time = match (time, date, clock) {
            (Some(time), _, _) => (time, None),
            (None, Some(date), Some(clock)) if both(second, date, clock, wanted) => {
                (date, Some(clock))
            }
            (None, Some(only), _) | (None, None, Some(only)) => (only, None),
            (None, None, None) => (unnamed.ok_or(NoLayout::Unknown)?, None),
        };
        let price = |known: &[&str]| find(known).ok_or(NoLayout::Unknown);
        let prices = [
            price(&["open", "o", "open price"])?,
            price(&["high", "h", "high price"])?,
            price(&["low", "l", "low price"])?,
            price(&["close", "c", "close price", "last"])?,
        ];
        let volume = find(&VOLUMES)
            .filter(|index| {
                // MetaTrader writes a column of zeros where only ticks are counted.
                find(&TICKS).is_none() || second.get(*index).is_none_or(|text| *text != "0")
            })
            .or_else(|| find(&TICKS))
            .or_else(|| names.iter().position(|name| name.starts_with("volume")));
        let mapped = |role: fn(&ColumnMap) -> &Option<String>| {
            wanted.map.is_some_and(|map| role(map).is_some())
        };
        let chosen = [
            (Some(time.0), mapped(|map| &map.time)),
            (time.1, mapped(|map| &map.time)),
            (Some(prices[0]), mapped(|map| &map.open)),
            (Some(prices[1]), mapped(|map| &map.high)),
            (Some(prices[2]), mapped(|map| &map.low)),
            (Some(prices[3]), mapped(|map| &map.close)),
            (volume, mapped(|map| &map.volume)),
        ];
        for index in chosen.iter().filter(|(_, mapped)| !mapped).filter_map(|(index, _)| *index) {
            if names.iter().filter(|name| **name == names[index]).count() > 1 {
                return Err(NoLayout::Twice(fields[index].to_owned()));
            }
        }
        let mut layout = Layout {
            time,
            volume,
            adjusted_close: find(&ADJUSTED),
            header_lines: 1,
            ..Layout::at(delimiter, fields.len(), prices)
        };
        if fields.len() == BINANCE_FIELDS && find(&["taker buy volume", "ignore"]).is_some() {
            layout.name_binance(wanted);
        } else if layout.adjusted_close.is_some() {
            layout.origin = Origin::Yfinance;
        } else if fields[0].starts_with('<') {
            layout.origin = Origin::MetaTrader;
        }
        // backtrader's minute files have a time of day that their header does not name.
        if second.len() == fields.len() + 1
            && time.1.is_none()
            && both(second, time.0, time.0 + 1, wanted)
        {
            let shift = |index: usize| index + usize::from(index > time.0);
            layout.fields = second.len();
            layout.time = (time.0, Some(time.0 + 1));
            layout.prices = layout.prices.map(shift);
            layout.volume = layout.volume.map(shift);
            layout.adjusted_close = layout.adjusted_close.map(shift);
            layout.origin = Origin::Backtrader;
        }
        Ok(layout)
    }

    /// Two or three header lines: names, tickers, and perhaps a line that names the index.
    fn yfinance(
        delimiter: char,
        rows: &[Vec<&str>],
        wanted: &Wanted<'_>,
    ) -> Result<Option<Layout>, NoLayout> {
        let [first, second, rest @ ..] = rows else { return Ok(None) };
        let label = |row: &[&str]| row.first().map(|field| plain(field)).unwrap_or_default();
        let third = rest.first().map(|row| label(row)).unwrap_or_default();
        let index_line = DATES.contains(&third.as_str()) || TIMES.contains(&third.as_str());
        let blank = label(first).is_empty() && label(second).is_empty() && index_line;
        let (names, tickers) = match (label(first).as_str(), label(second).as_str()) {
            ("price", "ticker") => (first, second),
            ("ticker", "price") => (second, first),
            _ if blank && first.iter().any(|field| plain(field) == "close") => (first, second),
            _ if blank => (second, first),
            _ => return Ok(None),
        };
        let mut known: Vec<String> =
            tickers.iter().skip(1).map(|t| (*t).to_owned()).filter(|t| !t.is_empty()).collect();
        known.sort();
        known.dedup();
        let ticker = match (wanted.ticker, known.as_slice()) {
            (_, [only]) => only.clone(),
            (Some(ticker), several) if several.iter().any(|one| one == ticker) => ticker.to_owned(),
            (_, several) => return Err(NoLayout::Tickers(several.to_vec())),
        };
        let find = |name: &str| {
            (1..names.len()).find(|index| {
                plain(names[*index]) == name && tickers.get(*index) == Some(&ticker.as_str())
            })
        };
        let column = |name: &str| find(name).ok_or_else(|| NoLayout::NoColumn(name.to_owned()));
        let prices = [column("open")?, column("high")?, column("low")?, column("close")?];
        Ok(Some(Layout {
            volume: find("volume"),
            adjusted_close: find("adj close"),
            header_lines: if index_line { 3 } else { 2 },
            ticker: Some(ticker),
            origin: Origin::Yfinance,
            ..Layout::at(delimiter, names.len(), prices)
        }))
    }

    fn mapped(
        delimiter: char,
        rows: &[Vec<&str>],
        map: &ColumnMap,
        wanted: &Wanted<'_>,
    ) -> Sniffed {
        let first = &rows[0];
        let missing = |name: &str| NoLayout::NoColumn(name.to_owned());
        let find = |name: &str| {
            // Numbers count columns from 1: a file without a header has values where names would be.
            if let Ok(number) = name.parse::<usize>() {
                let index = (1..=first.len()).contains(&number).then(|| number - 1);
                return index.ok_or_else(|| missing(name));
            }
            let mut named = (0..first.len()).filter(|at| first[*at].eq_ignore_ascii_case(name));
            match (named.next(), named.next()) {
                (Some(index), None) => Ok(index),
                (None, _) => Err(missing(name)),
                (Some(_), Some(_)) => Err(NoLayout::Twice(name.to_owned())),
            }
        };
        let usual = match Layout::found(delimiter, rows, wanted) {
            Err(NoLayout::Twice(name)) => return Err(NoLayout::Twice(name)),
            usual => usual.ok(),
        };
        let column = |name: &Option<String>, usual: Option<usize>, what: &str| match name {
            Some(name) => find(name),
            None => usual.ok_or_else(|| missing(what)),
        };
        let usual = usual.as_ref();
        let time = column(&map.time, usual.map(|layout| layout.time.0), "time")?;
        let clock = map.clock.as_deref().map(find).transpose()?;
        let price = |index: usize, name: &Option<String>, what: &str| {
            column(name, usual.map(|layout| layout.prices[index]), what)
        };
        let prices = [
            price(0, &map.open, "open")?,
            price(1, &map.high, "high")?,
            price(2, &map.low, "low")?,
            price(3, &map.close, "close")?,
        ];
        let volume = match &map.volume {
            Some(name) => Some(find(name)?),
            None => usual.and_then(|layout| layout.volume),
        };
        let usual_clock = usual.and_then(|l| l.time.1).filter(|_| map.time.is_none());
        let is_row = first.get(time).is_some_and(|field| read(field, wanted).is_some());
        Ok(Layout {
            time: (time, clock.or(usual_clock)),
            volume,
            adjusted_close: usual.and_then(|layout| layout.adjusted_close),
            header_lines: usize::from(!is_row),
            origin: Origin::Mapped,
            ..Layout::at(delimiter, rows.get(1).map_or(first.len(), Vec::len), prices)
        })
    }

    fn at(delimiter: char, fields: usize, prices: [usize; 4]) -> Layout {
        Layout {
            delimiter,
            decimal_comma: false,
            fields,
            time: (0, None),
            time_format: None,
            prices,
            volume: None,
            adjusted_close: None,
            header_lines: 0,
            ticker: None,
            origin: Origin::Generic,
        }
    }

    fn name_binance(&mut self, wanted: &Wanted<'_>) {
        self.origin = Origin::Binance;
        if wanted.coin_margined {
            self.origin = Origin::BinanceCoinMargined;
            self.volume = Some(BINANCE_BASE_VOLUME);
        }
    }

    /// The time of a row.
    pub(super) fn time_of(&self, fields: &[&str]) -> Option<Stamp> {
        let first = fields.get(self.time.0)?;
        match (self.time.1, &self.time_format) {
            (None, None) => Stamp::parse(first),
            (Some(clock), None) => Stamp::parse_two(first, fields.get(clock)?),
            (None, Some(format)) => Stamp::parse_as(format, first),
            (Some(clock), Some(format)) => {
                Stamp::parse_as(format, &format!("{first} {}", fields.get(clock)?))
            }
        }
    }

    /// A number of a row: an empty one is not finite, a text is unreadable.
    pub(super) fn number(&self, field: &str) -> Result<f64, Rule> {
        if !self.decimal_comma {
            return number(field);
        }
        // A point beside decimal commas groups thousands, or the rows differ: not guessed at.
        if field.contains('.') {
            return Err(Rule::Unreadable);
        }
        number(&field.replacen(',', ".", 1))
    }
}

fn read(field: &str, wanted: &Wanted<'_>) -> Option<Stamp> {
    match wanted.time_format {
        Some(format) => Stamp::parse_as(format, field),
        None => Stamp::parse(field),
    }
}

fn read_two(row: &[&str], wanted: &Wanted<'_>) -> Option<Stamp> {
    let [date, clock, ..] = row else { return None };
    match wanted.time_format {
        Some(format) => Stamp::parse_as(format, &format!("{date} {clock}")),
        None => Stamp::parse_two(date, clock),
    }
}

/// Whether two columns of a row are a date and a time of day.
fn both(row: &[&str], date: usize, clock: usize, wanted: &Wanted<'_>) -> bool {
    let pair = row.get(date).copied().zip(row.get(clock).copied());
    pair.is_some_and(|(date, clock)| read_two(&[date, clock], wanted).is_some())
}

/// A column's name in lower case, without brackets, `_` as a space.
fn plain(field: &str) -> String {
    field.trim_matches(['<', '>']).to_lowercase().replace('_', " ").trim().to_owned()
}

/// What separates the fields of a line. A comma may also stand inside numbers and times, so any
/// other delimiter that gives a row's fields goes before it.
fn delimiter_of(line: &str) -> char {
    let separates = |delimiter: &char| line.matches(*delimiter).count() >= LEAST_FIELDS - 1;
    [';', '\t', '|'].into_iter().find(separates).unwrap_or(',')
}

fn split(line: &str, delimiter: char) -> Vec<&str> {
    let mut fields = [""; MAX_FIELDS];
    match fields_of(line, delimiter, &mut fields) {
        Some(count) => fields[..count].to_vec(),
        None => vec![""; MAX_FIELDS + 1],
    }
}

/// Splits a line; `None` if it has more fields than fit. A delimiter inside quotes is no delimiter.
pub(super) fn fields_of<'a>(
    line: &'a str,
    delimiter: char,
    fields: &mut [&'a str; MAX_FIELDS],
) -> Option<usize> {
    let mut count = 0;
    let mut rest = line;
    loop {
        let quoted = rest.starts_with('"').then(|| rest[1..].find('"')).flatten();
        let from = quoted.map_or(0, |end| end + 2);
        let at = rest.as_bytes()[from..].iter().position(|byte| char::from(*byte) == delimiter);
        let field = at.map_or(rest, |at| &rest[..from + at]);
        *fields.get_mut(count)? = clean(field);
        count += 1;
        match at {
            Some(at) => rest = &rest[from + at + 1..],
            None => return Some(count),
        }
    }
}

fn clean(field: &str) -> &str {
    let bytes = field.as_bytes();
    let bare = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_graphic() && *byte != b'"');
    if bare(bytes.first()) && bare(bytes.last()) {
        return field;
    }
    field.trim().trim_matches('"').trim()
}

/// A missing number is not finite; a text is unreadable.
fn number(field: &str) -> Result<f64, Rule> {
    if field.is_empty() {
        return Err(Rule::NotFinite);
    }
    field.parse().map_err(|_| match field.to_ascii_lowercase().as_str() {
        "null" | "none" | "na" | "n/a" | "-" => Rule::NotFinite,
        _ => Rule::Unreadable,
    })
}
