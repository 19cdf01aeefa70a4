//! Averages with a memory: each value moves the average by a share of its distance.
//!
//! A null in the input gives a null and resets the average: it is seeded again by the mean of the
//! next n values in a row, summed from left to right.

/// An average with a memory, fed one value a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recursive {
    n: usize,
    factor: f64,
    seen: usize,
    value: f64,
}

impl Recursive {
    /// Seeded with the mean of the first `n` values, then moved by `factor`, in (0, 1].
    pub(super) fn new(n: usize, factor: f64) -> Recursive {
        Recursive { n, factor, seen: 0, value: 0.0 }
    }

    /// The average after `value`; null until seeded.
    #[inline]
    pub(super) fn next(&mut self, value: f64) -> f64 {
        if value.is_nan() {
            *self = Recursive::new(self.n, self.factor);
            return f64::NAN;
        }
        if self.seen >= self.n {
            self.value = moved(self.value, value, self.factor);
            return self.value;
        }
        self.seen += 1;
        self.value += value;
        if self.seen < self.n {
            return f64::NAN;
        }
        self.value /= self.n as f64;
        self.value
    }

    /// The average after the latest value; `None` until seeded.
    pub(super) fn latest(&self) -> Option<f64> {
        (self.seen >= self.n).then_some(self.value)
    }

    /// One that is seeded like this one, with `latest` as its latest average.
    pub(super) fn at(self, latest: f64) -> Recursive {
        Recursive { seen: self.n, value: latest, ..self }
    }

    /// The share of the distance by which a value moves it.
    pub(super) fn factor(&self) -> f64 {
        self.factor
    }

    /// Values in a row that seed it.
    pub(super) fn rows_to_seed(&self) -> usize {
        self.n
    }

    /// The averages of a column.
    pub(super) fn over(mut self, values: &[f64]) -> Vec<f64> {
        let mut averages = Vec::with_capacity(values.len());
        for value in values {
            let average = self.next(*value);
            averages.push(average);
            if !average.is_nan() {
                break;
            }
        }
        let seeded = averages.len();
        let later = &values[seeded..];
        if let Some(stretches) = Stretches::of(later.len(), self.factor) {
            averages.resize(values.len(), 0.0);
            if stretches.fill(later, &mut averages[seeded..], self.value) {
                return averages;
            }
            averages.truncate(seeded);
        }
        averages.extend(later.iter().map(|value| self.next(*value)));
        averages
    }
}

/// `average` moved towards `value`.
#[inline]
pub(super) fn moved(average: f64, value: f64, factor: f64) -> f64 {
    average + factor * (value - average)
}

/// Stretches that are averaged at the same time.
pub(super) const LANES: usize = 8;
/// A stretch starts from any average this many times 1 / factor rows early: after 37 the influence
/// of the start is below the last bit, and in the others rounding makes the averages the same.
const LEAD: f64 = 64.0;

/// A column cut into equal stretches, so that the processor need not wait for one average after
/// the other.
///
/// Every stretch but the first is begun early from an average that is not the true one. Where it
/// has become the true one, all that follow are the same bits; where it has not, the stretch is
/// done again from the true one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretches {
    rows: usize,
    lead: usize,
    factor: f64,
}

impl Stretches {
    /// How to cut `rows` rows; `None` if the leads would cost more than is won.
    fn of(rows: usize, factor: f64) -> Option<Stretches> {
        // Not a multiple of a page, or all stretches would compete for the same lines of the cache.
        let rows = (rows / LANES).checked_sub(72)? / 512 * 512 + 72;
        Stretches::of_length(rows, factor)
    }

    /// Stretches of `rows` rows each; `None` if the leads would cost more than is won.
    pub(super) fn of_length(rows: usize, factor: f64) -> Option<Stretches> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 64..2^20")]
        let lead = (LEAD / factor).min(1e6) as usize;
        (rows > 4 * lead).then_some(Stretches { rows, lead, factor })
    }

    /// Averages of `values`, the one before them is `start`; false if there is a null among them.
    fn fill(&self, values: &[f64], averages: &mut [f64], start: f64) -> bool {
        let starts = self.starts(values, start);
        let mut ends = starts;
        let (whole, rest) = averages.split_at_mut(self.rows * LANES);
        self.all(values, whole, &mut ends);
        if ends.iter().any(|end| end.is_nan()) {
            return false;
        }
        let mut end = ends[0];
        for lane in 1..LANES {
            if end.to_bits() == starts[lane].to_bits() {
                end = ends[lane];
            } else {
                let rows = lane * self.rows..(lane + 1) * self.rows;
                end = self.again(&values[rows.clone()], &mut whole[rows], end);
            }
        }
        for (average, value) in rest.iter_mut().zip(&values[self.rows * LANES..]) {
            end = moved(end, *value, self.factor);
            *average = end;
        }
        !end.is_nan()
    }

    /// The average before each stretch, after the lead.
    pub(super) fn starts(&self, values: &[f64], start: f64) -> [f64; LANES] {
        let mut starts = [start; LANES];
        let leads: [&[f64]; LANES] = std::array::from_fn(|lane| {
            let first = (lane * self.rows).saturating_sub(self.lead);
            &values[first..first + self.lead]
        });
        for lane in 1..LANES {
            starts[lane] = leads[lane][0];
        }
        (0..self.lead).for_each(|row| {
            for lane in 1..LANES {
                starts[lane] = moved(starts[lane], leads[lane][row], self.factor);
            }
        });
        starts
    }

    /// Goes through all stretches at the same time.
    fn all(&self, values: &[f64], averages: &mut [f64], ends: &mut [f64; LANES]) {
        let mut stretches = averages.chunks_exact_mut(self.rows);
        let averages: [&mut [f64]; LANES] =
            std::array::from_fn(|_| stretches.next().unwrap_or_default());
        let values: [&[f64]; LANES] =
            std::array::from_fn(|lane| &values[lane * self.rows..][..self.rows]);
        let mut states = *ends;
        for row in 0..self.rows {
            for lane in 0..LANES {
                states[lane] = moved(states[lane], values[lane][row], self.factor);
                averages[lane][row] = states[lane];
            }
        }
        *ends = states;
    }

    /// Does a stretch again from the true average before it, until nothing changes any more;
    /// returns its last average.
    fn again(&self, values: &[f64], averages: &mut [f64], start: f64) -> f64 {
        let mut state = start;
        for (average, value) in averages.iter_mut().zip(values) {
            state = moved(state, *value, self.factor);
            if average.to_bits() == state.to_bits() {
                break;
            }
            *average = state;
        }
        averages.last().copied().unwrap_or(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same bits as row by row.
    #[track_caller]
    fn check(values: &[f64], n: usize, factor: f64) {
        let mut average = Recursive::new(n, factor);
        let expected: Vec<u64> =
            values.iter().map(|value| average.next(*value).to_bits()).collect();
        let found = Recursive::new(n, factor).over(values);
        let found: Vec<u64> = found.iter().map(|value| value.to_bits()).collect();
        assert!(found == expected, "n {n}, factor {factor}, {} rows", values.len());
    }

    fn walk(seed: u64, rows: usize, step: f64) -> Vec<f64> {
        let (mut state, mut price) = (seed, 100.0);
        let values = (0..rows).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            price *= 1.0 + step * ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5);
            price
        });
        values.collect()
    }

    #[test]
    fn stretches_give_the_bits_of_one_row_after_the_other() {
        for (seed, n) in [(1, 2), (2, 5), (3, 12), (4, 50), (5, 200), (6, 1_000)] {
            let values = walk(seed, 60_000 + 37 * n, 0.01);
            check(&values, n, 2.0 / (n as f64 + 1.0));
            check(&values, n, 1.0 / n as f64);
        }
    }

    #[test]
    fn a_stretch_that_did_not_become_the_true_one_is_done_again() {
        let mut values = vec![100.0; 40_000];
        values[0] = 1e300;
        check(&values, 1, 0.1);
        let stairs: Vec<f64> = (0..40_000).map(|row| f64::from(row / 5_000)).collect();
        check(&stairs, 3, 0.05);
        let stretches = Stretches::of(values.len() - 1, 0.1).unwrap();
        let mut averages = vec![0.0; values.len() - 1];
        assert!(stretches.fill(&values[1..], &mut averages, 1e300));
    }

    #[test]
    fn nulls_and_short_columns_are_done_row_by_row() {
        for row in [0, 1, 7, 5_000, 39_999] {
            let mut values = walk(7, 40_000, 0.01);
            values[row] = f64::NAN;
            check(&values, 5, 0.3);
        }
        for rows in [0, 1, 2, 4, 5, 6, 600, 1_000] {
            check(&walk(8, rows, 0.01), 5, 0.3);
        }
        check(&vec![f64::NAN; 70_000], 5, 0.3);
    }
}
