//! Daily marks: equity at the end of each day of the calendar, from fills, funding and closes.

use model::{Calendar, CandleSlice, DAY_MS, DailyMark, Side, TimeRange, Timeframe};

use crate::walk::{Entry, Journal};

/// The days of a range, and the last candle of each.
///
/// Candles of a week: the Mondays of the range, whatever the calendar.
/// `24x7`: every UTC day the range touches. `24x5`: every Monday to Friday it touches and the
/// Monday of each weekend candle. `session`: the days that have a candle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayGrid {
    /// Ascending: the day, and the row of its last candle if it has one.
    days: Vec<(i64, Option<usize>)>,
    /// Length of a candle, ms.
    timeframe_ms: i64,
}

/// Cash and base held: what fills and payments add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ledger {
    cash: f64,
    /// Base held, negative if sold short.
    base: f64,
}

impl Ledger {
    /// An account with `cash` and no position.
    pub(crate) fn new(cash: f64) -> Ledger {
        Ledger { cash, base: 0.0 }
    }

    /// Books `entry`, in the order of operations of the walk.
    pub(crate) fn book(&mut self, entry: Entry<'_>) {
        let fill = match entry {
            Entry::Fill(fill) => fill,
            Entry::Funding(event) => {
                self.cash += event.amount;
                return;
            }
        };
        let base = match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        };
        self.cash = self.cash - base * fill.price - fill.fee;
        self.base += base;
    }

    /// Cash and position at `price`.
    pub(crate) fn equity(&self, price: f64) -> f64 {
        self.cash + self.base * price
    }
}

impl DayGrid {
    /// The days of `range`; `candles` from row `first` on are those inside it.
    pub(crate) fn new(
        calendar: &Calendar,
        timeframe: Timeframe,
        range: TimeRange,
        candles: CandleSlice<'_>,
        first: usize,
    ) -> DayGrid {
        if timeframe.is_week() {
            return DayGrid::of_weeks(timeframe, range, candles, first);
        }
        let mut with_candles = Vec::new();
        let (mut row, mut rows) = (first, 0);
        while row < candles.len() {
            let day = calendar.day_of(candles.open_time_ms[row]);
            rows = calendar.rows_to(&candles.open_time_ms[row..], day, rows);
            row += rows;
            with_candles.push((day, Some(row - 1)));
        }
        let mut days = Vec::new();
        let mut candle_days = with_candles.into_iter().peekable();
        for day in days_without_candles(calendar, range) {
            while let Some(earlier) = candle_days.next_if(|(candle_day, _)| *candle_day < day) {
                days.push(earlier);
            }
            let same = candle_days.next_if(|(candle_day, _)| *candle_day == day);
            days.push(same.unwrap_or((day, None)));
        }
        days.extend(candle_days);
        DayGrid { days, timeframe_ms: timeframe.ms() }
    }

    /// The weeks that open in `range`, each with its candle if there is one.
    fn of_weeks(
        timeframe: Timeframe,
        range: TimeRange,
        candles: CandleSlice<'_>,
        first: usize,
    ) -> DayGrid {
        let week_ms = timeframe.ms();
        let mut days = Vec::new();
        let mut monday = timeframe.floor(range.start_ms - 1) + week_ms;
        while monday < range.end_ms {
            let row = candles.lower_bound(monday + week_ms);
            let row = row.checked_sub(1).filter(|row| *row >= first);
            let row = row.filter(|row| candles.open_time_ms[*row] >= monday);
            days.push((monday, row));
            monday += week_ms;
        }
        DayGrid { days, timeframe_ms: timeframe.ms() }
    }

    /// Equity at the last close of each day, and the account after all that happened; a day without
    /// candles repeats the one before, and the first ones have the starting balance.
    pub(crate) fn marks(
        &self,
        balance: f64,
        journal: &Journal,
        candles: CandleSlice<'_>,
    ) -> (Vec<DailyMark>, Ledger) {
        let (mut ledger, mut equity) = (Ledger::new(balance), balance);
        let mut entries = journal.entries().peekable();
        let mut marks = Vec::with_capacity(self.days.len());
        for (day_ms, last_row) in &self.days {
            if let Some(row) = *last_row {
                let open_ms = candles.open_time_ms[row];
                let close_ms = open_ms + self.timeframe_ms;
                while let Some(entry) = entries.next_if(|entry| entry.is_by(open_ms, close_ms)) {
                    ledger.book(entry);
                }
                equity = ledger.equity(candles.close[row]);
            }
            marks.push(DailyMark { day_ms: *day_ms, equity });
        }
        entries.for_each(|entry| ledger.book(entry));
        (marks, ledger)
    }
}

/// Days that count whether they have candles or not, ascending.
fn days_without_candles(calendar: &Calendar, range: TimeRange) -> impl Iterator<Item = i64> {
    let first = range.start_ms.div_euclid(DAY_MS);
    let end = match calendar {
        Calendar::EveryDay | Calendar::Weekdays => (range.end_ms - 1).div_euclid(DAY_MS) + 1,
        Calendar::Session(_) => first,
    };
    let days = (first..end).map(|day| day * DAY_MS);
    days.filter(|day| calendar.day_of(*day) == *day || matches!(calendar, Calendar::Session(_)))
}

#[cfg(test)]
mod tests {
    use model::{Candle, Candles, Fill, FillReason};

    use super::*;

    const HOUR_MS: i64 = DAY_MS / 24;
    /// 1970-01-01 was a Thursday.
    const FRIDAY: i64 = DAY_MS;

    /// Marks of an account that bought 1 at 10 with 100 at the first candle; closes are the hour.
    #[track_caller]
    fn check(calendar: &str, range: (i64, i64), hours: &[i64], expected: &[(i64, f64)]) {
        check_on("1h", calendar, range, hours, expected);
    }

    #[track_caller]
    fn check_on(
        timeframe: &str,
        calendar: &str,
        range: (i64, i64),
        hours: &[i64],
        expected: &[(i64, f64)],
    ) {
        let candles: Candles = hours
            .iter()
            .map(|hour| {
                let close = *hour as f64;
                let open_time_ms = hour * HOUR_MS;
                Candle { open_time_ms, open: close, high: close, low: close, close, volume: 0.0 }
            })
            .collect();
        let buy = candles.open_time_ms.first().map(|time_ms| Fill {
            time_ms: *time_ms,
            side: Side::Buy,
            quantity: 1.0,
            price: 10.0,
            fee: 0.0,
            reason: FillReason::Entry,
            trade_id: 0,
        });
        let range = TimeRange { start_ms: range.0 * HOUR_MS, end_ms: range.1 * HOUR_MS };
        let calendar = calendar.parse().unwrap();
        let timeframe = timeframe.parse().unwrap();
        let grid = DayGrid::new(&calendar, timeframe, range, candles.as_slice(), 0);
        let fills: Vec<Fill> = buy.into_iter().collect();
        let journal = Journal::of_fills(fills);
        let (marks, _) = grid.marks(100.0, &journal, candles.as_slice());
        let marks: Vec<_> = marks.iter().map(|mark| (mark.day_ms / DAY_MS, mark.equity)).collect();
        assert_eq!(marks, expected);
    }

    #[test]
    fn every_day_the_range_touches_has_a_mark_and_gaps_repeat_the_last_one() {
        let expected = [(0, 100.0), (1, 115.0), (2, 115.0), (3, 163.0)];
        check("24x7", (23, 73), &[24, 25, 72, 73], &expected);
    }

    #[test]
    fn a_range_that_ends_at_midnight_does_not_touch_the_next_day() {
        check("24x7", (0, 24), &[0, 23], &[(0, 113.0)]);
    }

    #[test]
    fn weekend_candles_mark_the_monday_even_beyond_the_range() {
        let sunday = FRIDAY / HOUR_MS + 48;
        check("24x5", (24, 96), &[24, sunday], &[(1, 114.0), (4, 90.0 + sunday as f64)]);
    }

    #[test]
    fn weekdays_without_candles_count_and_weekends_do_not() {
        let monday = 4 * 24;
        let expected = [(1, 114.0), (4, 114.0), (5, 90.0 + (monday + 24) as f64)];
        check("24x5", (24, monday + 48), &[24, monday + 24], &expected);
    }

    #[test]
    fn candles_of_a_week_are_marked_once_a_week_and_missing_weeks_repeat_the_last_mark() {
        let week = 7 * 24;
        let monday = 4 * 24;
        let expected = [
            (4, 90.0 + monday as f64),
            (11, 90.0 + monday as f64),
            (18, 90.0 + (monday + 2 * week) as f64),
        ];
        for calendar in ["24x7", "24x5", "session"] {
            let range = (monday - 24, monday + 2 * week + 30);
            check_on("1w", calendar, range, &[monday, monday + 2 * week], &expected);
        }
    }

    #[test]
    fn a_session_has_only_the_days_with_a_candle_in_its_time_zone() {
        check("session", (0, 96), &[0, 50], &[(0, 90.0), (2, 140.0)]);
        check("session:America/New_York", (0, 96), &[0, 50], &[(-1, 90.0), (1, 140.0)]);
    }
}
