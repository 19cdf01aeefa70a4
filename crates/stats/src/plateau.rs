//! Whether a good cell of a grid of parameters has good neighbours.
//!
//! Ours, not from the literature. The neighbours of a cell differ from it by at most one step on
//! each axis (8 of them inside a plane). The score of a cell is the median of its neighbours' values
//! / its own, kept within 0..=1: 1 on a plateau, near 0 on a spike.

use crate::moments::median;
use crate::reason::Undefined;

/// A cell needs this many neighbours with a value.
const LEAST_NEIGHBOURS: usize = 3;

/// Scores of a grid, in the order of its cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Plateau {
    /// Score of each cell, 0 to 1, or why it has none.
    pub scores: Vec<Result<f64, Undefined>>,
    /// Median of each cell's neighbours, in units of the metric.
    pub medians: Vec<Result<f64, Undefined>>,
    /// Best by plateau: the cell with a value whose neighbours have the highest median; the first
    /// one on ties.
    pub best: Option<usize>,
}

/// Scores the cells of a grid with `axes` steps on each axis, first axis slowest.
///
/// `values` holds the metric of each cell, `None` where there is none; higher is better. Axes should
/// be ordered (a period, a percent), not names.
///
/// # Panics
/// If the axes do not multiply to the number of values.
pub fn plateau(axes: &[usize], values: &[Option<f64>]) -> Plateau {
    assert_eq!(axes.iter().product::<usize>(), values.len(), "axes and values differ");
    let mut found = Vec::new();
    let mut medians = Vec::with_capacity(values.len());
    for cell in 0..values.len() {
        found.clear();
        visit_neighbours(axes, cell, &mut |near| {
            found.extend(values[near].filter(|value| near != cell && value.is_finite()));
        });
        medians.push(if found.len() < LEAST_NEIGHBOURS {
            Err(Undefined::TooFewNeighbours)
        } else {
            Ok(median(&mut found))
        });
    }
    let scores = values.iter().zip(&medians).map(|(value, median)| score(*value, *median));
    let mut best: Option<(usize, f64)> = None;
    for (cell, median) in medians.iter().enumerate() {
        let Ok(median) = *median else { continue };
        if values[cell].is_some() && best.is_none_or(|(_, highest)| median > highest) {
            best = Some((cell, median));
        }
    }
    Plateau { scores: scores.collect(), best: best.map(|(cell, _)| cell), medians }
}

fn score(value: Option<f64>, median: Result<f64, Undefined>) -> Result<f64, Undefined> {
    let median = median?;
    match value {
        Some(value) if value > 0.0 => Ok((median / value).clamp(0.0, 1.0)),
        Some(_) => Err(Undefined::NotPositive),
        None => Err(Undefined::NoVariance),
    }
}

/// Calls `visit` for `cell` and every cell at most one step away on each axis.
fn visit_neighbours(axes: &[usize], cell: usize, visit: &mut dyn FnMut(usize)) {
    let Some((length, rest)) = axes.split_first() else { return visit(0) };
    let stride: usize = rest.iter().product();
    let (place, within) = (cell / stride, cell % stride);
    for near in place.saturating_sub(1)..=(place + 1).min(length - 1) {
        visit_neighbours(rest, within, &mut |cell| visit(near * stride + cell));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        axes: &[usize],
        values: &[Option<f64>],
        cell: usize,
        expected: Result<f64, Undefined>,
    ) {
        let found = plateau(axes, values);
        assert_eq!(found.scores[cell], expected);
        assert_eq!(found.scores.len(), values.len());
    }

    #[test]
    fn a_plateau_scores_one_and_a_spike_nothing() {
        let mut values = [Some(2.0); 9];
        check(&[3, 3], &values, 4, Ok(1.0));
        check(&[3, 3], &values, 0, Ok(1.0));
        values = [Some(0.1); 9];
        values[4] = Some(2.0);
        check(&[3, 3], &values, 4, Ok(0.05));
        values = [Some(-1.0); 9];
        values[4] = Some(2.0);
        check(&[3, 3], &values, 4, Ok(0.0));
        check(&[3, 3], &values, 0, Err(Undefined::NotPositive));
    }

    #[test]
    fn three_neighbours_are_needed() {
        let few = Err(Undefined::TooFewNeighbours);
        check(&[5], &[Some(1.0); 5], 2, few);
        check(&[2, 2], &[Some(1.0), Some(1.0), Some(1.0), None], 0, few);
        check(&[2, 2], &[Some(1.0); 4], 0, Ok(1.0));
        check(&[2, 2], &[None, Some(1.0), Some(1.0), Some(1.0)], 0, Err(Undefined::NoVariance));
        check(&[2, 2, 2], &[Some(1.0); 8], 7, Ok(1.0));
    }

    #[test]
    fn the_best_cell_is_inside_the_best_region_not_on_the_highest_point() {
        // A lonely 9 in the corner, a region of 3 at the other end.
        let row = [9.0, 0.0, 0.0, 3.0, 3.0, 3.0];
        let mut values: Vec<_> = (0..18).map(|cell| Some(row[cell % 6])).collect();
        values[6] = Some(0.0);
        values[12] = Some(0.0);
        assert_eq!(plateau(&[3, 6], &values).best, Some(3));
        assert_eq!(plateau(&[], &[Some(1.0)]).best, None);
        assert_eq!(plateau(&[0, 4], &[]).best, None);
    }
}
