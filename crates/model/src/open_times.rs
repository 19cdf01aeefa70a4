//! Open times of candles, and which row a time belongs to.

use crate::Timeframe;

/// Open times of candles of one length, ascending, of which some may be missing.
///
/// Where none is, a time follows from its row and a row from its time: no memory is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenTimes<'a> {
    open_ms: &'a [i64],
    /// Length of a candle, ms.
    step_ms: i64,
    /// Whether it is known that no candle is missing.
    is_whole: bool,
}

impl<'a> OpenTimes<'a> {
    /// The times of candles of `timeframe`, ms since 1970-01-01 UTC.
    ///
    /// No two of them are closer than that length, so the first and the last say whether one is
    /// missing.
    pub fn new(open_ms: &'a [i64], timeframe: Timeframe) -> OpenTimes<'a> {
        let step_ms = timeframe.ms();
        let is_whole = match open_ms {
            [first, .., last] => usize::try_from((last - first) / step_ms) == Ok(open_ms.len() - 1),
            rows => rows.len() == 1,
        };
        debug_assert!(open_ms.is_sorted_by(|earlier, later| later - earlier >= step_ms));
        OpenTimes { open_ms, step_ms, is_whole }
    }

    /// Candles there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.open_ms.len()
    }

    /// Whether there is no candle.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.open_ms.is_empty()
    }

    /// When the candle in `row` opens, ms.
    ///
    /// # Panics
    /// If the row is out of bounds and a candle is missing.
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "fewer rows than 2^63")]
    pub fn open_ms(&self, row: usize) -> i64 {
        if self.is_whole { self.open_ms[0] + row as i64 * self.step_ms } else { self.open_ms[row] }
    }

    /// When the candle in `row` closes, ms.
    ///
    /// # Panics
    /// If the row is out of bounds and a candle is missing.
    #[inline]
    pub fn close_ms(&self, row: usize) -> i64 {
        self.open_ms(row) + self.step_ms
    }

    /// When the candle after the one in `row` opens, ms; the end of time after the last one.
    #[inline]
    pub fn next_open_ms(&self, row: usize) -> i64 {
        if row + 1 < self.len() { self.open_ms(row + 1) } else { i64::MAX }
    }

    /// When the last of the first `rows` candles closes, ms; when the first one opens if that is
    /// none of them.
    #[inline]
    pub fn end_ms(&self, rows: usize) -> i64 {
        rows.checked_sub(1).map_or_else(|| self.open_ms(0), |row| self.close_ms(row))
    }

    /// Row of the last candle that opens at or before `time_ms`, at least `from`.
    #[inline]
    pub fn row_at(&self, from: usize, time_ms: i64) -> usize {
        let Some(first_ms) = self.open_ms.first().filter(|_| self.is_whole) else {
            return row_at(self.open_ms, from, time_ms);
        };
        let row = time_ms.saturating_sub(*first_ms).div_euclid(self.step_ms);
        usize::try_from(row).unwrap_or(0).min(self.len() - 1).max(from)
    }
}

/// Row of the last candle that opens at or before `time_ms`, at least `from`.
///
/// First looks where it is when no candle is missing, then near `from`: a miss costs the logarithm
/// of the distance.
fn row_at(times: &[i64], from: usize, time_ms: i64) -> usize {
    if let [first, second, ..] = times[from.min(times.len())..] {
        let guess =
            from + usize::try_from((time_ms - first) / (second - first).max(1)).unwrap_or(0);
        if times.get(guess) == Some(&time_ms) {
            return guess;
        }
    }
    let mut step = 1;
    let mut low = from;
    while low + step < times.len() && times[low + step] <= time_ms {
        low += step;
        step *= 2;
    }
    let high = times.len().min(low + step);
    low + times[low..high].partition_point(|time| *time <= time_ms).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_a_time_is_that_of_the_last_open_before_it() {
        let times: Vec<i64> = (0..500).map(|row| row * 10 + i64::from(row > 250) * 1_000).collect();
        for (from, first_ms) in [(0, 0), (3, 30), (249, 2_490)] {
            for time in (first_ms..7_000).step_by(7) {
                let expected = times.partition_point(|open| *open <= time) - 1;
                assert_eq!(row_at(&times, from, time), expected);
            }
        }
        assert_eq!(row_at(&times, 0, -5), 0);
        assert_eq!(row_at(&[], 0, 5), 0);
    }

    #[test]
    fn rows_and_times_follow_from_each_other_wherever_a_candle_is_missing() {
        for (off_ms, hole) in [(0, None), (17, None), (0, Some(40)), (17, Some(99))] {
            let opens: Vec<i64> = (0..100_i64)
                .map(|row| off_ms + (row + i64::from(hole.is_some_and(|at| row >= at))) * 60_000)
                .collect();
            let times = OpenTimes::new(&opens, Timeframe::MINUTE);
            assert_eq!(times.is_whole, hole.is_none());
            for (row, open) in opens.iter().enumerate() {
                assert_eq!(times.open_ms(row), *open);
                assert_eq!(times.close_ms(row), open + 60_000);
                assert_eq!(times.row_at(0, *open), row);
                assert_eq!(times.row_at(0, open + 59_999), row);
                assert_eq!(times.end_ms(row + 1), open + 60_000);
            }
            assert_eq!((times.row_at(3, -1), times.row_at(0, i64::MAX)), (3, 99));
            assert_eq!((times.end_ms(0), times.next_open_ms(99)), (off_ms, i64::MAX));
            assert_eq!(times.next_open_ms(3), opens[4]);
        }
    }

    #[test]
    fn one_candle_is_whole_and_none_is_empty() {
        let one = OpenTimes::new(&[5], Timeframe::MINUTE);
        assert_eq!((one.is_whole, one.len(), one.row_at(0, 100), one.open_ms(0)), (true, 1, 0, 5));
        let none = OpenTimes::new(&[], Timeframe::MINUTE);
        assert!(none.is_empty() && none.row_at(0, 1) == 0);
    }
}
