//! One file on its way into a store: what it holds, whether it may, and then its candles.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use model::{Calendar, Candle, Candles, MINUTE_MS, SeriesId, TimeZoneName, Timeframe};

use super::checksum;
use super::form::Form;
use super::layout::Wanted;
use super::lines::unreadable;
use super::name::{self, Content};
use super::options::{ImportOptions, Label};
use super::report::ImportReport;
use super::row::Row;
use super::time::{Clockwork, Stamp, Unit};
use crate::validate::{Expected, Findings, Fix, Inspector, MOST_ROWS, Mender, Rule, Spacing};
use crate::{Clock, Error, Segment};

/// Rows that tell the timeframe.
const SAMPLE: u64 = 20_000;
/// Candles of a file that are kept in memory between checking and storing them; longer files are
/// read once more.
const KEPT: usize = 1 << 20;
/// Characters of a name that are shown where it is refused.
const MAX_SHOWN: usize = 80;
/// Exchange of files in the layout of Binance's archive.
const BINANCE: &str = "binance";

/// A file and what it holds.
pub(super) struct Plan {
    path: PathBuf,
    form: Form,
    pub(super) series: SeriesId,
    clockwork: Clockwork,
    now_ms: i64,
    fix: Fix,
    strict: bool,
    sha256: Option<String>,
}

/// A file that was checked, and its candles where they are few enough.
pub(super) struct Checked {
    pub(super) report: ImportReport,
    kept: Option<Candles>,
}

impl Plan {
    /// Looks at the beginning of a file.
    pub(super) fn of(path: &Path, options: &ImportOptions) -> Result<Plan, Error> {
        let mut named = name::read(path);
        let kind = match named.content {
            Content::Candles => None,
            Content::Mark => Some("mark prices"),
            Content::Funding => Some("funding rates"),
        };
        if let Some(kind) = kind {
            return Err(unreadable(
                path,
                &format!("its name says that it holds {kind}, no candles"),
            ));
        }
        let sha256 = checksum::verified(path)?;
        let wanted = Wanted {
            map: options.columns.as_ref(),
            time_format: options.time_format.as_deref(),
            ticker: options.ticker.as_deref(),
            coin_margined: named.ticker.as_deref().is_some_and(name::is_coin_margined),
        };
        let form = Form::open(path, &wanted, options.adjusted)?;
        if form.may_be_freqtrade() {
            named = named.of_freqtrade(path);
        }
        let missing = |what, flag| Error::NotInferred { path: path.to_owned(), what, flag };
        let zone = options.zone.as_ref().map(TimeZoneName::zone);
        let binance = || form.is_binance().then(|| BINANCE.to_owned());
        let exchange = options.exchange.clone().or(named.exchange).or_else(binance);
        let own_ticker = form.ticker().map(str::to_owned);
        let ticker = options.ticker.clone().or(own_ticker).or(named.ticker);
        let stated = options.timeframe.or(named.timeframe);
        if let (None, Some(other)) = (stated, &named.other_timeframe) {
            let reason = format!(
                "its name says candles of {other}: a timeframe is whole minutes that divide a day, \
                 or 1w"
            );
            return Err(unreadable(path, &reason));
        }
        let timeframe = match stated {
            Some(timeframe) => Some(timeframe),
            None => by_spacing(&form, zone.clone())?,
        };
        let daily = |timeframe: Timeframe| timeframe.ms() >= model::DAY_MS;
        // A daily candle's midnight is a date, whatever the zone.
        let is_date = timeframe.is_some_and(daily) && form.begins_at_midnight()?;
        if form.needs_zone() && zone.is_none() && !is_date {
            return Err(missing("time zone", "--tz"));
        }
        let series = SeriesId {
            exchange: exchange.ok_or_else(|| missing("exchange", "--exchange"))?,
            ticker: ticker.ok_or_else(|| missing("ticker", "--ticker"))?,
            timeframe: timeframe.ok_or_else(|| missing("timeframe", "--timeframe"))?,
        };
        for name in [&series.exchange, &series.ticker] {
            if !model::is_symbol(name) {
                let name = name.escape_debug().take(MAX_SHOWN).collect();
                return Err(Error::BadName { name, reason: model::SYMBOL_RULE });
            }
        }
        let shift_ms = match options.label {
            Label::Open => 0,
            Label::Close => series.timeframe.ms(),
        };
        let clock = options.clock.clone().unwrap_or_else(Clock::system);
        Ok(Plan {
            path: path.to_owned(),
            form,
            clockwork: Clockwork::new(zone, daily(series.timeframe), shift_ms),
            series,
            now_ms: clock.now_ms(),
            fix: options.fix,
            strict: options.strict,
            sha256,
        })
    }

    /// Reads every row and checks it; nothing is stored.
    pub(super) fn check(&self, calendar: Calendar) -> Result<Checked, Error> {
        let timeframe = self.series.timeframe;
        let expected = Expected { timeframe, calendar, now_ms: self.now_ms };
        let units = RefCell::new(BTreeSet::new());
        let (mut findings, kept) = if self.fix.is_any() {
            let (findings, candles) = self.mend(&expected, &units)?;
            (findings, Some(candles))
        } else {
            self.inspect(&expected, &units)?
        };
        let units = units.into_inner();
        if units.len() > 1 {
            findings.mixed_units = units.into_iter().map(Unit::name).collect();
        }
        let report = ImportReport {
            file: self.path.clone(),
            form: self.form.words(),
            series: self.series.clone(),
            calendar: expected.calendar,
            findings,
            added: 0,
            replaced: 0,
            unchanged: 0,
            sha256: self.sha256.clone(),
            reissued: false,
            strict: self.strict,
        };
        if report.is_refused() {
            return Err(Error::Refused(Box::new(report)));
        }
        if report.findings.first_ms.is_none() {
            return Err(unreadable(&self.path, "it holds no finished candle"));
        }
        Ok(Checked { report, kept })
    }

    /// Calls `each` with every row as a candle, until it breaks.
    fn for_each(
        &self,
        units: &RefCell<BTreeSet<Unit>>,
        each: &mut dyn FnMut(u64, Result<Candle, Rule>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut last_unit = None;
        self.form.for_each(&mut |row, read| {
            if let Ok(Row { stamp: Stamp::Number(_, unit), .. }) = read
                && last_unit.replace(unit) != Some(unit)
            {
                units.borrow_mut().insert(unit);
            }
            each(row, read.and_then(|read| self.candle(read)))
        })
    }

    fn candle(&self, row: Row) -> Result<Candle, Rule> {
        let open_time_ms = self.clockwork.ms(row.stamp).ok_or(Rule::Unreadable)?;
        let [open, high, low, close, volume] = row.values;
        Ok(Candle { open_time_ms, open, high, low, close, volume })
    }

    fn inspect(
        &self,
        expected: &Expected,
        units: &RefCell<BTreeSet<Unit>>,
    ) -> Result<(Findings, Option<Candles>), Error> {
        let mut inspector = Inspector::new(expected);
        let mut kept = Some(Candles::default());
        self.for_each(units, &mut |row, candle| {
            if inspector.look(row, candle)
                && let (Some(candles), Ok(candle)) = (&mut kept, candle)
            {
                if candles.len() < KEPT {
                    candles.push(candle);
                } else {
                    kept = None;
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok((inspector.finish(), kept))
    }

    fn mend(
        &self,
        expected: &Expected,
        units: &RefCell<BTreeSet<Unit>>,
    ) -> Result<(Findings, Candles), Error> {
        let many =
            || unreadable(&self.path, &format!("more than {MOST_ROWS} rows cannot be mended"));
        let mut mender = Mender::new(expected, self.fix);
        let mut fits = true;
        self.for_each(units, &mut |row, candle| {
            fits = mender.push(row, candle);
            if fits { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !fits {
            return Err(many());
        }
        let (rows, mended) = mender.finish().ok_or_else(many)?;
        let mut inspector = Inspector::new(expected);
        let mut candles = Candles::default();
        for (row, candle) in rows {
            if inspector.look(row, candle)
                && let Ok(candle) = candle
            {
                candles.push(candle);
            }
        }
        let mut findings = inspector.finish();
        findings.mended = Some(mended);
        Ok((findings, candles))
    }

    /// Hands the finished candles on, in pieces that begin a new file of the store.
    pub(super) fn store(
        &self,
        checked: &Checked,
        add: &mut dyn FnMut(&Candles) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut pieces = Pieces {
            timeframe: self.series.timeframe,
            piece: Candles::default(),
            end_ms: i64::MIN,
        };
        if let Some(kept) = &checked.kept {
            let rows = kept.as_slice();
            for row in 0..rows.len() {
                pieces.push(rows.candle(row), add)?;
            }
            return pieces.finish(add);
        }
        let expected = Expected {
            timeframe: self.series.timeframe,
            calendar: checked.report.calendar.clone(),
            now_ms: self.now_ms,
        };
        let mut before = None;
        let mut failure = None;
        self.for_each(&RefCell::default(), &mut |_, candle| {
            let candle = candle
                .ok()
                .filter(|candle| expected.broken_rule(candle, before.as_ref()).is_none());
            let Some(candle) = candle else {
                failure = Some(unreadable(&self.path, "it changed while it was read"));
                return ControlFlow::Break(());
            };
            before = Some(candle);
            if !expected.is_finished(&candle) {
                return ControlFlow::Break(());
            }
            match pieces.push(candle, add) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or_else(|| pieces.finish(add), Err)
    }
}

/// Candles of one file of the store, until the next one begins.
struct Pieces {
    timeframe: Timeframe,
    piece: Candles,
    end_ms: i64,
}

impl Pieces {
    fn push(
        &mut self,
        candle: Candle,
        add: &mut dyn FnMut(&Candles) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if candle.open_time_ms >= self.end_ms {
            self.hand_on(add)?;
            self.end_ms = match self.timeframe {
                Timeframe::MINUTE => Segment::month_of(candle.open_time_ms),
                _ => Segment::year_of(candle.open_time_ms),
            }
            .range()
            .end_ms;
        }
        self.piece.push(candle);
        Ok(())
    }

    fn hand_on(&mut self, add: &mut dyn FnMut(&Candles) -> Result<(), Error>) -> Result<(), Error> {
        if self.piece.is_empty() { Ok(()) } else { add(&std::mem::take(&mut self.piece)) }
    }

    fn finish(mut self, add: &mut dyn FnMut(&Candles) -> Result<(), Error>) -> Result<(), Error> {
        self.hand_on(add)
    }
}

/// The timeframe that most neighbouring rows are apart.
fn by_spacing(form: &Form, zone: Option<jiff::tz::TimeZone>) -> Result<Option<Timeframe>, Error> {
    // Distances are the same in every zone but for two hours of a year.
    let clockwork = Clockwork::new(zone.or(Some(jiff::tz::TimeZone::UTC)), false, 0);
    let mut spacing = Spacing::default();
    let mut before: Option<i64> = None;
    let mut rows = 0;
    form.for_each(&mut |_, row| {
        rows += 1;
        if let Some(time_ms) = row.ok().and_then(|row| clockwork.ms(row.stamp)) {
            if let Some(before) = before
                && time_ms > before
            {
                spacing.count(time_ms - before);
            }
            before = Some(time_ms);
        }
        if rows < SAMPLE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let Some(modal_ms) = spacing.modal() else { return Ok(None) };
    let minutes = u16::try_from(modal_ms / MINUTE_MS).ok();
    let timeframe = minutes.and_then(Timeframe::from_minutes);
    Ok(timeframe.filter(|timeframe| timeframe.ms() == modal_ms))
}
