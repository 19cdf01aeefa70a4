//! A condition over all rows as a set of bits, 64 rows a word.

/// One bit a row. Bits at and beyond `len` are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// `len` rows, all `value`.
    pub(crate) fn constant(len: usize, value: bool) -> Bits {
        Bits::from_fn(len, |_| value)
    }

    /// `len` rows, each as `holds` says; called for the rows in order.
    #[inline]
    pub(crate) fn from_fn(len: usize, mut holds: impl FnMut(usize) -> bool) -> Bits {
        let mut words = Vec::with_capacity(len.div_ceil(64));
        for start in (0..len).step_by(64) {
            let mut word = 0;
            for offset in 0..64.min(len - start) {
                word |= u64::from(holds(start + offset)) << offset;
            }
            words.push(word);
        }
        Bits { words, len }
    }

    /// Where `left` is below `right`; both of one length. Says nothing of rows where one is null.
    pub(crate) fn below(left: &[f64], right: &[f64]) -> Bits {
        let ((left_words, left_rest), (right_words, right_rest)) =
            (left.as_chunks::<64>(), right.as_chunks::<64>());
        let mut words = Vec::with_capacity(left.len().div_ceil(64));
        words.extend(left_words.iter().zip(right_words).map(|(left, right)| word(left, right)));
        if !left_rest.is_empty() {
            let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
            left[..left_rest.len()].copy_from_slice(left_rest);
            right[..right_rest.len()].copy_from_slice(right_rest);
            words.push(word(&left, &right));
        }
        Bits { words, len: left.len() }
    }

    /// Where `values` are no nulls.
    pub(crate) fn defined(values: &[f64]) -> Bits {
        Bits::from_fn(values.len(), |row| !values[row].is_nan())
    }

    /// True where `self` holds on the row before; false on the first row.
    #[must_use]
    pub(crate) fn a_row_later(&self) -> Bits {
        let mut carry = 0;
        let shifted = self.words.iter().map(|word| {
            let shifted = word << 1 | carry;
            carry = word >> 63;
            shifted
        });
        let mut words: Vec<u64> = shifted.collect();
        if let Some(last) = words.last_mut()
            && !self.len.is_multiple_of(64)
        {
            *last &= !(u64::MAX << (self.len % 64));
        }
        Bits { words, len: self.len }
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether the condition holds on `row`; false beyond the end.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The first row from `row` on where it holds.
    #[inline]
    pub(crate) fn next(&self, row: usize) -> Option<usize> {
        let rest = self.words.get(row / 64..)?;
        let (first, later) = rest.split_first()?;
        let first = first & (u64::MAX << (row % 64));
        if first != 0 {
            return Some(row / 64 * 64 + first.trailing_zeros() as usize);
        }
        let skipped = later.iter().position(|word| *word != 0)?;
        Some((row / 64 + 1 + skipped) * 64 + later[skipped].trailing_zeros() as usize)
    }

    /// As [`Bits::next`], but looks no farther than the 64 rows of `row`; their end if there is none.
    #[inline]
    pub(crate) fn next_in_word(&self, row: usize) -> usize {
        let word = self.words[row / 64] & (u64::MAX << (row % 64));
        row / 64 * 64 + word.trailing_zeros() as usize
    }

    /// On how many rows it holds.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// `self` and `other`, row by row; both of one length.
    #[must_use]
    pub(crate) fn and(&self, other: &Bits) -> Bits {
        self.zip(other, |left, right| left & right)
    }

    /// `self` or `other`, row by row; both of one length.
    #[must_use]
    pub(crate) fn or(&self, other: &Bits) -> Bits {
        self.zip(other, |left, right| left | right)
    }

    /// `self` and not `other`, row by row; both of one length.
    #[must_use]
    pub(crate) fn and_not(&self, other: &Bits) -> Bits {
        self.zip(other, |left, right| left & !right)
    }

    fn zip(&self, other: &Bits, op: impl Fn(u64, u64) -> u64) -> Bits {
        debug_assert_eq!(self.len, other.len);
        let words = self.words.iter().zip(&other.words).map(|(left, right)| op(*left, *right));
        Bits { words: words.collect(), len: self.len }
    }

    /// True where `self` holds on any of the last `n` rows, this one included.
    pub(crate) fn within(&self, n: usize) -> Bits {
        let mut since = usize::MAX;
        Bits::from_fn(self.len, |row| {
            since = if self.get(row) { 0 } else { since.saturating_add(1) };
            since < n
        })
    }

    /// True where `self` holds on all of the last `n` rows, this one included.
    pub(crate) fn held(&self, n: usize) -> Bits {
        let mut run = 0_usize;
        Bits::from_fn(self.len, |row| {
            run = if self.get(row) { run + 1 } else { 0 };
            run >= n
        })
    }
}

/// The sign of a number.
const SIGN: u64 = 1 << 63;

/// Where `left` is below `right`, the first row lowest: the sign of their difference.
///
/// Written so that it is compiled to vector instructions: row 8 x step + lane is bit `step` of the
/// highest byte of its lane.
#[inline]
fn word(left: &[f64; 64], right: &[f64; 64]) -> u64 {
    let mut lanes = [0_u64; 8];
    let (left_steps, _) = left.as_chunks::<8>();
    let (right_steps, _) = right.as_chunks::<8>();
    for (left, right) in left_steps.iter().zip(right_steps) {
        for lane in 0..8 {
            // The sum makes the 0 of -0 - 0 positive.
            let sign = (left[lane] - right[lane] + 0.0).to_bits() & SIGN;
            lanes[lane] = lanes[lane] >> 1 | sign;
        }
    }
    let bytes = lanes.iter().rev().fold(0, |bytes, lane| bytes << 8 | lane >> 56);
    transposed(bytes)
}

/// A matrix of 8 x 8 bits with rows and columns exchanged (Warren, Hacker's Delight 7-3).
fn transposed(matrix: u64) -> u64 {
    let swapped = |matrix: u64, shift: u32, mask: u64| {
        let different = (matrix ^ (matrix >> shift)) & mask;
        matrix ^ different ^ (different << shift)
    };
    let pairs = swapped(matrix, 7, 0x00AA_00AA_00AA_00AA);
    let quads = swapped(pairs, 14, 0x0000_CCCC_0000_CCCC);
    swapped(quads, 28, 0x0000_0000_F0F0_F0F0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bits: &Bits, expected: &str) {
        let text: String =
            (0..bits.len()).map(|row| if bits.get(row) { '1' } else { '.' }).collect();
        assert_eq!(text, expected);
    }

    fn bits(text: &str) -> Bits {
        let text = text.as_bytes();
        Bits::from_fn(text.len(), |row| text[row] == b'1')
    }

    #[test]
    fn within_looks_back_n_rows_with_the_current_one() {
        check(&bits("1....1..").within(3), "111..111");
        check(&bits("1....1..").within(1), "1....1..");
    }

    #[test]
    fn held_needs_n_rows_that_exist() {
        check(&bits("1111.11.").held(2), ".111..1.");
        check(&bits("1111").held(5), "....");
    }

    #[test]
    fn pairs_and_rows_before_reach_across_words() {
        let left: Vec<f64> = (0..130).map(f64::from).collect();
        let right = vec![63.0; 130];
        let below = Bits::below(&right, &left);
        assert_eq!((below.count(), below.next(0)), (66, Some(64)));
        let later = below.a_row_later();
        assert_eq!((later.count(), later.next(0), later.get(130)), (65, Some(65), false));
        assert_eq!(Bits::below(&[], &[]), Bits::constant(0, true));
    }

    #[test]
    fn each_row_is_compared_in_its_own_place() {
        let left: Vec<f64> = (0..200).map(|row| f64::from(row * 7 % 11)).collect();
        let right: Vec<f64> = (0..200).map(|row| f64::from(row * 5 % 13)).collect();
        let expected = Bits::from_fn(200, |row| left[row] < right[row]);
        assert_eq!(Bits::below(&left, &right), expected);
        assert_eq!(Bits::below(&[-0.0, 0.0, -1e-308], &[0.0, -0.0, 0.0]).count(), 1);
    }

    #[test]
    fn the_next_row_is_found_across_words() {
        let bits = Bits::from_fn(200, |row| row == 3 || row == 64 || row == 190);
        let next = |row| bits.next(row);
        assert_eq!([next(0), next(3), next(4), next(65)], [Some(3), Some(3), Some(64), Some(190)]);
        assert_eq!([next(191), next(200), next(1_000)], [None; 3]);
        let in_word = |row| bits.next_in_word(row);
        assert_eq!([in_word(0), in_word(4), in_word(64), in_word(65)], [3, 64, 64, 128]);
    }

    #[test]
    fn words_are_joined_and_nothing_lies_beyond_the_end() {
        let all = Bits::constant(130, true);
        assert_eq!(all.count(), 130);
        assert!(!all.get(130) && !all.get(192) && all.get(129));
        let even = Bits::from_fn(130, |row| row % 2 == 0);
        assert_eq!(all.and(&even).count(), 65);
        assert_eq!(all.and(&even), even);
        assert_eq!(even.or(&all), all);
    }
}
