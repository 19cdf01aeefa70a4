//! How two columns compare: lower, equal or higher on each row, or none of them where one is null.

use std::ops::Range;

use crate::bits::Bits;

/// Words that are compared in one pair after the other: 4 kB of a column.
const TILE: usize = 8;

/// On which rows the left column is below, equal to and above the right one.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) below: Bits,
    pub(crate) equal: Bits,
    pub(crate) above: Bits,
}

impl Order {
    /// Both columns are of one length.
    pub(crate) fn of(left: &[f64], right: &[f64]) -> Order {
        let mut words = OrderWords::of_rows(left.len());
        words.compare_columns(0..words.below.len(), left, right);
        words.finish()
    }

    /// The order of each of `pairs`, whose columns are of one length.
    ///
    /// A column should be in more than one of them: each part of it is compared in all of its pairs
    /// while it is in the cache.
    pub(crate) fn of_each(pairs: &[(&[f64], &[f64])]) -> Vec<Order> {
        let orders = pairs.iter().map(|(left, _)| OrderWords::of_rows(left.len()));
        let mut orders: Vec<OrderWords> = orders.collect();
        let most = orders.iter().map(|order| order.below.len()).max().unwrap_or(0);
        for start in (0..most).step_by(TILE) {
            let longer = orders.iter_mut().zip(pairs).filter(|(it, _)| it.below.len() > start);
            for (order, (left, right)) in longer {
                let end = order.below.len().min(start + TILE);
                order.compare_columns(start..end, left, right);
            }
        }
        orders.into_iter().map(OrderWords::finish).collect()
    }

    /// On which rows both columns are no nulls.
    pub(crate) fn defined(&self) -> Bits {
        self.below.or(&self.equal).or(&self.above)
    }
}

/// An [`Order`] that is made word by word, in any sequence.
#[derive(Debug)]
pub(crate) struct OrderWords {
    rows: usize,
    below: Vec<u64>,
    equal: Vec<u64>,
    above: Vec<u64>,
}

impl OrderWords {
    /// No row of `rows` is compared yet.
    pub(crate) fn of_rows(rows: usize) -> OrderWords {
        let words = || vec![0; rows.div_ceil(ROWS)];
        OrderWords { rows, below: words(), equal: words(), above: words() }
    }

    /// Compares the rows of `words` of two columns of one length.
    fn compare_columns(&mut self, words: Range<usize>, left: &[f64], right: &[f64]) {
        debug_assert_eq!(left.len(), right.len());
        let rows = words.start * ROWS..self.rows.min(words.end * ROWS);
        let (left_words, left_rest) = left[rows.clone()].as_chunks::<ROWS>();
        let (right_words, right_rest) = right[rows].as_chunks::<ROWS>();
        for (at, (left, right)) in (words.start..).zip(left_words.iter().zip(right_words)) {
            self.compare(at, left, right);
        }
        if !left_rest.is_empty() {
            // Beyond the end every row is null.
            let mut last = [[f64::NAN; ROWS]; 2];
            last[0][..left_rest.len()].copy_from_slice(left_rest);
            last[1][..right_rest.len()].copy_from_slice(right_rest);
            self.compare(words.end - 1, &last[0], &last[1]);
        }
    }

    /// Compares the rows of word `at`; those beyond the end must be null.
    #[inline]
    pub(crate) fn compare(&mut self, at: usize, left: &[f64; ROWS], right: &[f64; ROWS]) {
        let word = word(left, right);
        self.below[at] = word.below;
        self.equal[at] = word.equal;
        self.above[at] = word.above;
    }

    /// The order of all rows.
    pub(crate) fn finish(self) -> Order {
        let bits = |words| Bits::from_words(words, self.rows);
        Order { below: bits(self.below), equal: bits(self.equal), above: bits(self.above) }
    }
}

/// Rows of a word of [`Bits`].
pub(crate) const ROWS: usize = 64;

/// The order of 64 rows, the first row lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    below: u64,
    equal: u64,
    above: u64,
}

/// Written so that it is compiled to vector instructions. On most words each row is below or
/// above, so what is equal is only looked for where one is not.
#[inline]
fn word(left: &[f64; ROWS], right: &[f64; ROWS]) -> Word {
    let (mut is_below, mut is_above) = ([0; ROWS], [0; ROWS]);
    let (left_steps, _) = left.as_chunks::<STEP>();
    let (right_steps, _) = right.as_chunks::<STEP>();
    let (below_steps, _) = is_below.as_chunks_mut::<STEP>();
    let (above_steps, _) = is_above.as_chunks_mut::<STEP>();
    let steps = left_steps.iter().zip(right_steps).zip(below_steps.iter_mut().zip(above_steps));
    for ((left, right), (is_below, is_above)) in steps {
        for lane in 0..STEP {
            is_below[lane] = u8::from(left[lane] < right[lane]);
        }
        for lane in 0..STEP {
            is_above[lane] = u8::from(left[lane] > right[lane]);
        }
    }
    let (below, above) = (gathered(&is_below), gathered(&is_above));
    let equal = if below ^ above == u64::MAX { 0 } else { equal(left, right) };
    Word { below, equal, above }
}

/// Rows that are compared in one step.
const STEP: usize = 8;

/// One bit of each byte, which is 0 or 1; the first byte lowest.
#[inline]
fn gathered(bytes: &[u8; ROWS]) -> u64 {
    let (steps, _) = bytes.as_chunks::<STEP>();
    let bits = steps.iter().map(|step| {
        // The product brings bit 0 of byte i to bit 56 + i (Warren, Hacker's Delight).
        u64::from_le_bytes(*step).wrapping_mul(0x0102_0408_1020_4080) >> 56
    });
    bits.zip((0..).step_by(STEP)).fold(0, |word, (bits, row)| word | bits << row)
}

#[expect(clippy::float_cmp, reason = "comparisons of the language are exact")]
fn equal(left: &[f64; ROWS], right: &[f64; ROWS]) -> u64 {
    let mut word = 0;
    for row in 0..ROWS {
        word |= u64::from(left[row] == right[row]) << row;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of below, equal and above as text.
    #[track_caller]
    fn check(left: &[f64], right: &[f64]) {
        let order = Order::of(left, right);
        let defined = order.defined();
        for (row, (left, right)) in left.iter().zip(right).enumerate() {
            let found = [&order.below, &order.equal, &order.above].map(|bits| bits.get(row));
            let expected = match left.partial_cmp(right) {
                Some(ordering) => [ordering.is_lt(), ordering.is_eq(), ordering.is_gt()],
                None => [false; 3],
            };
            assert_eq!(found, expected, "{left} and {right} in row {row}");
            assert_eq!(defined.get(row), left.partial_cmp(right).is_some());
        }
        let bits = [&order.below, &order.equal, &order.above, &defined];
        assert!(bits.iter().all(|bits| bits.len() == left.len() && !bits.get(left.len())));
    }

    #[test]
    fn each_row_is_compared_in_its_own_place() {
        for rows in [0, 1, 63, 64, 65, 200] {
            let left: Vec<f64> = (0..rows).map(|row| f64::from(row * 7 % 11)).collect();
            let right: Vec<f64> = (0..rows).map(|row| f64::from(row * 5 % 13)).collect();
            check(&left, &right);
        }
    }

    #[test]
    fn many_pairs_compare_as_each_of_them_does() {
        let column = |rows: u32, step: u32| -> Vec<f64> {
            (0..rows).map(|row| f64::from(row * step % 13)).collect()
        };
        let columns = [0, 1, 64, 511, 512, 1_300].map(|rows| [column(rows, 7), column(rows, 5)]);
        let pairs: Vec<_> = columns.iter().map(|[left, right]| (&left[..], &right[..])).collect();
        for (found, (left, right)) in Order::of_each(&pairs).iter().zip(&pairs) {
            let expected = Order::of(left, right);
            assert_eq!(found.below, expected.below);
            assert_eq!(found.equal, expected.equal);
            assert_eq!(found.above, expected.above);
        }
        assert!(Order::of_each(&[]).is_empty());
    }

    #[test]
    fn a_null_is_in_no_order_and_zeros_are_equal() {
        let values = [f64::NAN, -0.0, 0.0, -1e-308, 5e-324, 1.0, f64::MAX, f64::MIN];
        for value in values {
            check(&values, &[value; 8]);
        }
    }
}
