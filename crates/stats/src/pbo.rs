//! PBO by CSCV: how often the best variant in one half of the time is below the middle in the other.
//!
//! Bailey, Borwein, Lopez de Prado, Zhu 2017. The rows (days) are cut into S equal blocks, the
//! T mod S *last* rows dropped; every choice of S/2 blocks is in-sample once, the rest of the rows
//! out-of-sample. Sharpe ratios come from sums of r and r^2 per block, never from rows again.

use serde::Serialize;

use crate::moments::slope;
use crate::reason::Undefined;

/// Most blocks: 12,870 splits.
const MOST_BLOCKS: usize = 16;
/// With fewer rows per block 8 blocks are used instead of 16.
const ROWS_PER_BLOCK: usize = 20;
/// A sum of squared deviations below this share of the sum of squares is rounding: no variance.
const ROUNDING: f64 = 1e-11;
/// Bars of the histogram of logits.
const BARS: usize = 24;

/// What CSCV finds about a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pbo {
    /// Share of splits whose in-sample winner ranks in the lower half out of sample.
    pub pbo: f64,
    /// S, the number of blocks.
    pub blocks: usize,
    /// Rows (days) that were used: the first ones.
    pub rows: usize,
    /// Splits: S over S/2.
    pub splits: usize,
    /// Share of splits whose in-sample winner has an out-of-sample Sharpe ratio below 0.
    pub oos_negative_share: f64,
    /// Slope of the winners' out-of-sample on their in-sample Sharpe ratios, by least squares;
    /// `None` when the latter do not vary.
    pub slope: Option<f64>,
    /// Logits of the winners' relative ranks out of sample.
    pub logits: LogitHistogram,
}

/// Counts of logits in bars of equal width over (-limit, limit]; a bar includes its upper end, so
/// the lower half of the bars holds exactly the splits that count for PBO.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogitHistogram {
    /// ln(variants), the largest possible logit.
    pub limit: f64,
    /// Splits per bar, lowest logits first.
    pub counts: Vec<u32>,
}

/// Number of blocks for `rows` daily returns: 16, or 8 when 16 would leave fewer than 20 rows each.
pub fn default_blocks(rows: usize) -> usize {
    if rows / MOST_BLOCKS < ROWS_PER_BLOCK { MOST_BLOCKS / 2 } else { MOST_BLOCKS }
}

/// PBO of `columns` (daily returns of one variant each, equally long, same days) with `blocks` S.
///
/// A flat sub-sample has a Sharpe ratio of 0; the winner is the lowest index on ties; ranks out of
/// sample average over ties; PBO counts logits <= 0. `too_few_variants` below 2 columns,
/// `too_few_returns` below 2 S rows. At S = 16 takes 4 kB per column while it runs.
///
/// # Panics
/// If `blocks` is odd, 0 or over 16, or the columns differ in length.
pub fn pbo(columns: &[&[f64]], blocks: usize) -> Result<Pbo, Undefined> {
    assert!(blocks.is_multiple_of(2) && (2..=MOST_BLOCKS).contains(&blocks), "blocks out of range");
    if columns.len() < 2 {
        return Err(Undefined::TooFewVariants);
    }
    let rows = columns[0].len();
    assert!(columns.iter().all(|column| column.len() == rows), "columns of different length");
    if rows < 2 * blocks {
        return Err(Undefined::TooFewReturns);
    }
    Ok(Cscv::new(columns, blocks, rows / blocks).run())
}

/// Sums of r and of r^2 over some blocks, for every variant.
#[derive(Clone)]
struct Sums {
    returns: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn zero(variants: usize) -> Sums {
        Sums { returns: vec![0.0; variants], squares: vec![0.0; variants] }
    }

    fn add(&mut self, other: &Sums) {
        add_each(&mut self.returns, &other.returns);
        add_each(&mut self.squares, &other.squares);
    }
}

fn add_each(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

struct Cscv {
    variants: usize,
    /// S / 2.
    half: usize,
    rows_per_block: usize,
    blocks: Vec<Sums>,
    is_sharpes: Vec<f64>,
    oos_sharpes: Vec<f64>,
    lower_half: usize,
    oos_negative: usize,
    logits: LogitHistogram,
}

impl Cscv {
    fn new(columns: &[&[f64]], blocks: usize, rows_per_block: usize) -> Cscv {
        let variants = columns.len();
        let mut sums = vec![Sums::zero(variants); blocks];
        for (variant, column) in columns.iter().enumerate() {
            for (block, rows) in sums.iter_mut().zip(column.chunks_exact(rows_per_block)) {
                block.returns[variant] = rows.iter().sum();
                block.squares[variant] = rows.iter().map(|value| value * value).sum();
            }
        }
        Cscv {
            variants,
            half: blocks / 2,
            rows_per_block,
            blocks: sums,
            is_sharpes: Vec::new(),
            oos_sharpes: Vec::new(),
            lower_half: 0,
            oos_negative: 0,
            logits: LogitHistogram { limit: libm::log(variants as f64), counts: vec![0; BARS] },
        }
    }

    /// A choice of blocks is a pair of bit masks, one of the first S/2 blocks and one of the others.
    /// Its complement is in-sample once as well, so both are done from the same two lists of ratios.
    fn run(mut self) -> Pbo {
        let all = (1_usize << self.half) - 1;
        let late: Vec<Sums> = (0..=all).map(|mask| self.sum_of(mask, self.half)).collect();
        let (mut inside, mut outside) = (vec![0.0; self.variants], vec![0.0; self.variants]);
        for early_mask in 0..=all / 2 {
            let early = self.sum_of(early_mask, 0);
            let early_rest = self.sum_of(all - early_mask, 0);
            let missing = self.half - early_mask.count_ones() as usize;
            for late_mask in (0..=all).filter(|mask| mask.count_ones() as usize == missing) {
                self.sharpes(&early, &late[late_mask], &mut inside);
                self.sharpes(&early_rest, &late[all - late_mask], &mut outside);
                self.split(&inside, &outside);
                self.split(&outside, &inside);
            }
        }
        let splits = self.is_sharpes.len();
        Pbo {
            pbo: self.lower_half as f64 / splits as f64,
            blocks: self.half * 2,
            rows: self.half * 2 * self.rows_per_block,
            splits,
            oos_negative_share: self.oos_negative as f64 / splits as f64,
            slope: slope(&self.is_sharpes, &self.oos_sharpes),
            logits: self.logits,
        }
    }

    /// Sums over the blocks of `mask`, counted from block `first`.
    fn sum_of(&self, mask: usize, first: usize) -> Sums {
        let mut sums = Sums::zero(self.variants);
        for block in (0..self.half).filter(|block| mask >> block & 1 == 1) {
            sums.add(&self.blocks[first + block]);
        }
        sums
    }

    /// Sharpe ratios per period over the blocks of `early` and `late` together.
    fn sharpes(&self, early: &Sums, late: &Sums, sharpes: &mut [f64]) {
        let count = (self.half * self.rows_per_block) as f64;
        let returns = early.returns.iter().zip(&late.returns);
        let squares = early.squares.iter().zip(&late.squares);
        for ((sharpe, returns), squares) in sharpes.iter_mut().zip(returns).zip(squares) {
            let (sum, squares) = (returns.0 + returns.1, squares.0 + squares.1);
            let mean = sum / count;
            let deviations = squares - sum * mean;
            let ratio = mean / (deviations / (count - 1.0)).sqrt();
            *sharpe = if deviations > ROUNDING * squares { ratio } else { 0.0 };
        }
    }

    /// Counts one split.
    fn split(&mut self, inside: &[f64], outside: &[f64]) {
        let best =
            inside.iter().fold(f64::NEG_INFINITY, |best, x| if *x > best { *x } else { best });
        let winner = inside.iter().position(|sharpe| *sharpe >= best).unwrap_or(0);
        let value = outside[winner];
        let below: usize = outside.iter().map(|sharpe| usize::from(*sharpe < value)).sum();
        let above: usize = outside.iter().map(|sharpe| usize::from(*sharpe > value)).sum();
        // Twice the average rank from 1 at the lowest; ties share the mean of their places.
        let rank = self.variants + 1 + below - above;
        self.lower_half += usize::from(rank <= self.variants + 1);
        self.oos_negative += usize::from(value < 0.0);
        self.is_sharpes.push(best);
        self.oos_sharpes.push(value);
        self.count_logit(rank);
    }

    /// The relative rank is w = rank / 2 / (variants + 1), its logit ln(w / (1 - w)).
    fn count_logit(&mut self, twice_rank: usize) {
        let rest = 2 * (self.variants + 1) - twice_rank;
        let logit = libm::log(twice_rank as f64 / rest as f64);
        let place = (logit / self.logits.limit + 1.0) * (BARS / 2) as f64;
        // The upper end belongs to the bar; the middle is decided by the ranks, not by rounding.
        let bar = (0..BARS).find(|bar| place <= (bar + 1) as f64 + 1e-9).unwrap_or(BARS - 1);
        self.logits.counts[bar] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{assert_close, panel_b};

    #[track_caller]
    fn check(panel: &[Vec<f64>], first_row: usize, blocks: usize, expected: f64) -> Pbo {
        let columns: Vec<_> = panel.iter().map(|column| &column[first_row..]).collect();
        let found = pbo(&columns, blocks).unwrap();
        assert_eq!(found.pbo.to_bits(), expected.to_bits(), "{}", found.pbo);
        let low: u32 = found.logits.counts[..BARS / 2].iter().sum();
        assert_close(f64::from(low) / found.splits as f64, expected);
        found
    }

    #[test]
    fn panel_b_gives_the_golden_values_exactly() {
        let panel = panel_b();
        let found = check(&panel, 0, 16, 0.549_417_249_417_249_5);
        assert_eq!((found.splits, found.rows), (12_870, 1_088));
        assert_eq!(found.oos_negative_share.to_bits(), 0.412_432_012_432_012_43_f64.to_bits());
        check(&panel, 7, 16, 0.500_466_200_466_200_5);
        check(&panel, 0, 8, 0.571_428_571_428_571_4);
    }

    #[test]
    fn blocks_follow_the_rows() {
        for (rows, expected) in [(1_095, 16), (320, 16), (319, 8), (0, 8)] {
            assert_eq!(default_blocks(rows), expected);
        }
    }

    #[test]
    fn too_little_is_null_with_its_reason() {
        let column = vec![0.1; 31];
        assert_eq!(pbo(&[&column], 8), Err(Undefined::TooFewVariants));
        assert_eq!(pbo(&[&column, &column], 16), Err(Undefined::TooFewReturns));
        assert!(pbo(&[&column, &column], 8).is_ok());
    }

    #[test]
    fn flat_columns_have_a_ratio_of_zero_and_share_the_middle_rank() {
        let flat = vec![vec![0.001; 64]; 3];
        let found = check(&flat, 0, 8, 1.0);
        assert_eq!((found.oos_negative_share.to_bits(), found.slope), (0.0_f64.to_bits(), None));
    }

    #[test]
    fn a_column_that_always_wins_is_never_overfit() {
        let up: Vec<f64> = (0..64).map(|row| 0.01 + f64::from(row % 2) * 0.001).collect();
        let down: Vec<f64> = up.iter().map(|value| -value).collect();
        check(&[down, up], 0, 8, 0.0);
    }
}
