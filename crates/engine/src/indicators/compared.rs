//! How averages of one column compare, without a column of any of them.
//!
//! Rows are compared as they are made, a word of 64 at a time, in the stretches of
//! [`super::recursive`]: what is alive fits into the first-level cache. Where stretches do not give
//! the bytes of one row after the other, nothing is returned and columns have to be compared.

use std::ops::Range;

use super::recursive::{LANES, Recursive, Stretches, moved};
use crate::order::{Order, OrderWords, ROWS};

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The column itself.
    Plain,
    /// An average of it.
    Average(Recursive),
}

/// How two sides made of `values` compare; `None` if it takes their columns to know.
pub(crate) fn order(values: &[f64], sides: [Side; 2]) -> Option<Order> {
    match sides {
        [Side::Average(left), Side::Average(right)] => {
            Tiled { values, averages: [left, right], sides: [Some(0), Some(1)] }.order()
        }
        [Side::Average(left), Side::Plain] => {
            Tiled { values, averages: [left], sides: [Some(0), None] }.order()
        }
        [Side::Plain, Side::Average(right)] => {
            Tiled { values, averages: [right], sides: [None, Some(0)] }.order()
        }
        [Side::Plain, Side::Plain] => None,
    }
}

/// A row of a word of each stretch, of which there are [`LANES`].
type Tile = [[f64; ROWS]; LANES];

/// A comparison on the way.
struct Tiled<'v, const N: usize> {
    values: &'v [f64],
    /// As they are after the rows done one by one.
    averages: [Recursive; N],
    /// Which of the averages each side is; `None`: the values.
    sides: [Option<usize>; 2],
}

impl<const N: usize> Tiled<'_, N> {
    fn order(mut self) -> Option<Order> {
        let seeds = self.averages.iter().map(Recursive::rows_to_seed).max()?;
        let head = seeds.next_multiple_of(ROWS);
        let words = self.values.len().checked_sub(head)? / ROWS;
        // Eight words are a page: stretches of whole pages would compete for the same lines of the
        // cache.
        let rows = ((words / LANES).checked_sub(1)? / 8 * 8 + 1) * ROWS;
        let mut order = OrderWords::of_rows(self.values.len());
        self.one_by_one(0..head, &mut order);
        self.side_by_side(head, rows, &mut order)?;
        self.one_by_one(head + rows * LANES..self.values.len(), &mut order);
        Some(order.finish())
    }

    /// Compares `rows`, which start with a word, one after the other.
    fn one_by_one(&mut self, rows: Range<usize>, order: &mut OrderWords) {
        for start in rows.clone().step_by(ROWS) {
            let values = &self.values[start..rows.end.min(start + ROWS)];
            // Beyond the end every row is null.
            let mut plain = [f64::NAN; ROWS];
            plain[..values.len()].copy_from_slice(values);
            let mut tiles = [[f64::NAN; ROWS]; N];
            for (average, tile) in self.averages.iter_mut().zip(&mut tiles) {
                for (value, place) in values.iter().zip(tile) {
                    *place = average.next(*value);
                }
            }
            let [left, right] = self.sides.map(|side| side.map_or(&plain, |at| &tiles[at]));
            order.compare(start / ROWS, left, right);
        }
    }

    /// Compares a stretch of `rows` rows in each lane, the first from row `first` on; `None` if an
    /// average is not seeded, meets a null or did not become the true one.
    fn side_by_side(&mut self, first: usize, rows: usize, order: &mut OrderWords) -> Option<()> {
        let values = &self.values[first..];
        let mut starts = [[0.0; LANES]; N];
        for (starts, average) in starts.iter_mut().zip(&self.averages) {
            let stretches = Stretches::of_length(rows, average.factor())?;
            *starts = stretches.starts(values, average.latest()?);
        }
        let mut states = starts;
        let factors = self.averages.map(|average| average.factor());
        let lanes: [_; LANES] =
            std::array::from_fn(|lane| values[lane * rows..][..rows].as_chunks::<ROWS>().0);
        let mut tiles: [Tile; N] = [[[0.0; ROWS]; LANES]; N];
        let words = rows / ROWS;
        for word in 0..words {
            let values = lanes.each_ref().map(|rows| &rows[word]);
            advance(&values, &factors, &mut states, &mut tiles);
            for lane in 0..LANES {
                let side = |side: Option<usize>| side.map_or(values[lane], |at| &tiles[at][lane]);
                let [left, right] = self.sides.map(side);
                order.compare(first / ROWS + lane * words + word, left, right);
            }
        }
        let pairs = starts.iter().zip(&states);
        for (average, (starts, ends)) in self.averages.iter_mut().zip(pairs) {
            let joins = |lane: usize| ends[lane - 1].to_bits() == starts[lane].to_bits();
            if ends.iter().any(|end| end.is_nan()) || !(1..LANES).all(joins) {
                return None;
            }
            *average = average.at(ends[LANES - 1]);
        }
        Some(())
    }
}

/// Goes through a word of each stretch with every average.
#[inline]
fn advance<const N: usize>(
    values: &[&[f64; ROWS]; LANES],
    factors: &[f64; N],
    states: &mut [[f64; LANES]; N],
    tiles: &mut [Tile; N],
) {
    let mut now = *states;
    for row in 0..ROWS {
        let values: [f64; LANES] = std::array::from_fn(|lane| values[lane][row]);
        for average in 0..N {
            for lane in 0..LANES {
                now[average][lane] = moved(now[average][lane], values[lane], factors[average]);
                tiles[average][lane][row] = now[average][lane];
            }
        }
    }
    *states = now;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::average;

    /// The same order as that of the columns; whether it took none to know.
    #[track_caller]
    fn check(values: &[f64], left: usize, right: usize) -> bool {
        let columns = [average::ema(values, left), average::rma(values, right)];
        let [left, right] = [average::exponential(left), average::wilders(right)];
        let sides = [Side::Plain, Side::Average(left), Side::Average(right)];
        let columns = [values, &columns[0], &columns[1]];
        let mut found = 0;
        for (a, b) in [(0, 1), (2, 0), (1, 2), (2, 1)] {
            let Some(order) = order(values, [sides[a], sides[b]]) else { continue };
            let expected = Order::of(columns[a], columns[b]);
            assert_eq!(order.below, expected.below, "{a} and {b}");
            assert_eq!(order.equal, expected.equal, "{a} and {b}");
            assert_eq!(order.above, expected.above, "{a} and {b}");
            found += 1;
        }
        assert!(found == 0 || found == 4, "all of them or none");
        found == 4
    }

    fn walk(seed: u64, rows: usize) -> Vec<f64> {
        let (mut state, mut price) = (seed, 100.0);
        let values = (0..rows).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            price *= 1.0 + 0.01 * ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5);
            // Coarse prices meet their averages now and then.
            (price * 4.0_f64).round() / 4.0
        });
        values.collect()
    }

    #[test]
    fn averages_compare_as_their_columns_do() {
        for (seed, left, right) in [(1, 1, 2), (2, 12, 13), (3, 3, 1), (4, 50, 20), (5, 45, 27)] {
            for rows in [60_000, 60_001, 65_535] {
                assert!(check(&walk(seed, rows), left, right), "{left} and {right}");
            }
        }
    }

    #[test]
    fn what_takes_columns_is_left_to_them() {
        for rows in [0, 1, 63, 64, 600, 5_000] {
            assert!(!check(&walk(6, rows), 12, 26));
        }
        for row in [0, 700, 30_000, 59_999] {
            let mut values = walk(7, 60_000);
            values[row] = f64::NAN;
            check(&values, 12, 26);
        }
        let stairs: Vec<f64> = (0..60_000).map(|row| f64::from(row / 5_000)).collect();
        check(&stairs, 20, 3);
        check(&vec![f64::NAN; 60_000], 12, 26);
    }
}
