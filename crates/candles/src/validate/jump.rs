//! Prices that leap: a close far from the one before, measured by what is usual just before it.

/// Moves that tell what is usual.
const WINDOW: usize = 256;
/// Moves after which the usual one is measured again.
const STRIDE: u32 = 32;
/// Moves before which nothing is judged.
const LEAST: usize = 64;
/// A leap is this many times the median absolute deviation of the moves before it ...
const TIMES: f64 = 30.0;
/// ... and at least this share of the price, for series that stand still most of the time.
const LEAST_MOVE: f64 = 0.02;

/// Finds leaps in a run of closes.
#[derive(Debug)]
pub(crate) struct Jumps {
    before: Option<f64>,
    moves: Vec<f64>,
    at: usize,
    fresh: u32,
    deviation: f64,
    scratch: Vec<f64>,
}

impl Jumps {
    pub(crate) fn new() -> Jumps {
        Jumps {
            before: None,
            moves: Vec::with_capacity(WINDOW),
            at: 0,
            fresh: 0,
            deviation: 0.0,
            scratch: Vec::with_capacity(WINDOW),
        }
    }

    /// Whether `close` (finite, above 0) leaps from the one before. Linear in total.
    pub(crate) fn look(&mut self, close: f64) -> bool {
        let Some(before) = self.before.replace(close) else { return false };
        let by = close / before - 1.0;
        if self.moves.len() >= LEAST && self.fresh.is_multiple_of(STRIDE) {
            self.deviation = self.measure();
        }
        let limit = (TIMES * self.deviation).max(LEAST_MOVE);
        let leaps = self.moves.len() >= LEAST && by.abs() > limit;
        self.fresh = self.fresh.wrapping_add(1);
        if self.moves.len() < WINDOW {
            self.moves.push(by);
        } else {
            self.moves[self.at] = by;
            self.at = (self.at + 1) % WINDOW;
        }
        leaps
    }

    /// Median absolute deviation of the moves in the window.
    fn measure(&mut self) -> f64 {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.moves);
        let middle = self.scratch.len() / 2;
        let (_, median, _) = self.scratch.select_nth_unstable_by(middle, f64::total_cmp);
        let median = *median;
        for value in &mut self.scratch {
            *value = (*value - median).abs();
        }
        let (_, deviation, _) = self.scratch.select_nth_unstable_by(middle, f64::total_cmp);
        *deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_is_found_on_the_way_there_and_back_and_usual_moves_are_not() {
        let mut jumps = Jumps::new();
        let mut found = Vec::new();
        for row in 0..2_000_u32 {
            let wave = f64::from(row % 7) * 0.05 - f64::from(row % 3) * 0.04;
            let close = if row == 1_500 { 1_000.0 } else { 100.0 + wave };
            if jumps.look(close) {
                found.push(row);
            }
        }
        assert_eq!(found, [1_500, 1_501]);
    }

    #[test]
    fn a_series_that_stands_still_leaps_by_percents_only() {
        let mut jumps = Jumps::new();
        let leaps = |jumps: &mut Jumps, close| jumps.look(close);
        assert!(!(0..300).any(|_| leaps(&mut jumps, 100.0)));
        assert!(!leaps(&mut jumps, 101.9));
        assert!(leaps(&mut jumps, 110.0));
    }
}
