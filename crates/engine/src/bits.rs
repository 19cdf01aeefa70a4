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
        let mut words = vec![if value { u64::MAX } else { 0 }; len.div_ceil(64)];
        clear_beyond(&mut words, len);
        Bits { words, len }
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

    /// `len` rows from their words; bits beyond `len` must be 0.
    pub(crate) fn from_words(words: Vec<u64>, len: usize) -> Bits {
        debug_assert_eq!(words.len(), len.div_ceil(64));
        Bits { words, len }
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
        clear_beyond(&mut words, self.len);
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

/// Clears the bits of `words` at and beyond `len`.
fn clear_beyond(words: &mut [u64], len: usize) {
    if let Some(last) = words.last_mut()
        && !len.is_multiple_of(64)
    {
        *last &= !(u64::MAX << (len % 64));
    }
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
    fn rows_before_reach_across_words() {
        let bits = Bits::from_fn(130, |row| row >= 63);
        let later = bits.a_row_later();
        assert_eq!((later.count(), later.next(0), later.get(130)), (66, Some(64), false));
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
