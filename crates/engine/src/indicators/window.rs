//! Numbers over the last n rows.
//!
//! All are made by doubling: a window of 2k rows joins two of k rows, and a window of n rows joins
//! those of the binary digits of n. So a value depends on the rows of its window alone, wherever
//! the column starts; there is no drift and no cancellation, a flat window has its own value as
//! mean and exactly 0 as deviation, and a null makes exactly the windows null that contain it.
//! Costs about log2(n) passes over the column.

/// Joins windows of `n` rows: `merge(older, older_rows, newer, newer_rows)`.
pub(super) fn windows<T: Copy>(
    mut power: Vec<T>,
    null: T,
    n: usize,
    merge: impl Fn(T, f64, T, f64) -> T,
) -> Vec<T> {
    let mut result: Option<Vec<T>> = None;
    let (mut rows, mut joined) = (1, 0);
    loop {
        if n & rows != 0 {
            let next = match &result {
                None => power.clone(),
                Some(newer) => shifted(&power, newer, joined, null, |left, right| {
                    merge(left, rows as f64, right, joined as f64)
                }),
            };
            result = Some(next);
            joined += rows;
        }
        if joined == n {
            return result.unwrap_or(power);
        }
        let count = rows as f64;
        power = shifted(&power, &power, rows, null, |left, right| merge(left, count, right, count));
        rows *= 2;
    }
}

/// `merge(older[t - by], newer[t])`, null in the first `by` rows.
fn shifted<T: Copy>(
    older: &[T],
    newer: &[T],
    by: usize,
    null: T,
    merge: impl Fn(T, T) -> T,
) -> Vec<T> {
    let by = by.min(newer.len());
    let mut merged = vec![null; by];
    merged.extend(older.iter().zip(&newer[by..]).map(|(left, right)| merge(*left, *right)));
    merged
}

/// Sum of the last `n`.
pub(crate) fn sum(values: &[f64], n: usize) -> Vec<f64> {
    windows(values.to_vec(), f64::NAN, n, |older, _, newer, _| older + newer)
}

/// Mean of the last `n`.
pub(crate) fn mean(values: &[f64], n: usize) -> Vec<f64> {
    windows(values.to_vec(), f64::NAN, n, |older, older_rows, newer, newer_rows| {
        older + (newer - older) * (newer_rows / (older_rows + newer_rows))
    })
}

/// Mean and population deviation of the last `n`.
///
/// The parts of a window are joined by the formula of Chan, Golub and `LeVeque` (1979).
pub(crate) fn mean_and_deviation(values: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let single = values.iter().map(|value| (*value, value.abs() * 0.0)).collect();
    let null = (f64::NAN, f64::NAN);
    let joined =
        windows(single, null, n, |(older, older_squares), a, (newer, newer_squares), b| {
            let delta = newer - older;
            let share = b / (a + b);
            (older + delta * share, older_squares + newer_squares + delta * delta * a * share)
        });
    joined.into_iter().map(|(mean, squares)| (mean, (squares / n as f64).sqrt())).unzip()
}

/// Mean of the last `n` with weights 1 to n, the newest the heaviest.
pub(crate) fn weighted_mean(values: &[f64], n: usize) -> Vec<f64> {
    let weight = |rows: f64| rows * (rows + 1.0) / 2.0;
    let single = values.iter().map(|value| (*value, *value)).collect();
    let joined = windows(single, (f64::NAN, f64::NAN), n, |(older, old), a, (newer, new), b| {
        let change = a * b * (newer - old) + weight(b) * (new - old);
        (older + (newer - older) * (b / (a + b)), old + change / weight(a + b))
    });
    joined.into_iter().map(|(_, weighted)| weighted).collect()
}

/// Least squares line through the last `n`: its slope a row, and its value on the newest row.
///
/// The slope is null for one row.
pub(crate) fn line(values: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let single = values.iter().map(|value| (*value, value.abs() * 0.0)).collect();
    let joined = windows(single, (f64::NAN, f64::NAN), n, |(older, old), a, (newer, new), b| {
        let delta = newer - older;
        (older + delta * (b / (a + b)), old + new + delta * (a * b / 2.0))
    });
    let rows = n as f64;
    let scale = rows * (rows * rows - 1.0) / 12.0;
    let fit = |(mean, product): (f64, f64)| {
        let slope = super::ratio(product, scale);
        (slope, mean + slope * ((rows - 1.0) / 2.0))
    };
    joined.into_iter().map(fit).unzip()
}

/// Greatest of the last `n`.
pub(crate) fn highest(values: &[f64], n: usize) -> Vec<f64> {
    extreme(values, n, |left, right| if left > right || left.is_nan() { left } else { right })
}

/// Least of the last `n`.
pub(crate) fn lowest(values: &[f64], n: usize) -> Vec<f64> {
    extreme(values, n, |left, right| if left < right || left.is_nan() { left } else { right })
}

/// Two windows of the greatest power of two up to `n`, which may overlap.
fn extreme(values: &[f64], n: usize, pick: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut power = values.to_vec();
    let mut rows = 1;
    while rows * 2 <= n {
        power = shifted(&power, &power, rows, f64::NAN, &pick);
        rows *= 2;
    }
    shifted(&power, &power, n - rows, f64::NAN, pick)
}

/// Percent of the `n` values before each that are less than or equal to it. Costs n a row.
pub(crate) fn percent_rank(values: &[f64], n: usize) -> Vec<f64> {
    let rank = |row: usize| {
        let Some(first) = row.checked_sub(n) else { return f64::NAN };
        let (before, value) = (&values[first..row], values[row]);
        if value.is_nan() || before.iter().any(|earlier| earlier.is_nan()) {
            return f64::NAN;
        }
        let count = before.iter().filter(|earlier| **earlier <= value).count();
        100.0 * (count as f64 / n as f64)
    };
    (0..values.len()).map(rank).collect()
}

/// `merge(values[t - n], values[t])`, null in the first `n` rows.
pub(crate) fn with_earlier(values: &[f64], n: usize, merge: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    shifted(values, values, n, f64::NAN, merge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Null as NaN has no equality: compares bits of the printed values instead.
    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(format!("{actual:?}"), format!("{expected:?}"));
    }

    const NULL: f64 = f64::NAN;

    #[test]
    fn a_window_needs_all_of_its_rows() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        check(&mean(&values, 3), &[NULL, NULL, 2.0, 3.0, 4.0]);
        check(&sum(&values, 5), &[NULL, NULL, NULL, NULL, 15.0]);
        check(&sum(&values, 6), &[NULL; 5]);
        check(&highest(&values, 1), &values);
        check(&lowest(&values, 4), &[NULL, NULL, NULL, 1.0, 2.0]);
    }

    #[test]
    fn a_null_spoils_the_windows_that_contain_it_and_no_other() {
        let values = [1.0, NULL, 3.0, 4.0, 5.0];
        check(&sum(&values, 2), &[NULL, NULL, NULL, 7.0, 9.0]);
        check(&highest(&values, 2), &[NULL, NULL, NULL, 4.0, 5.0]);
        check(&lowest(&values, 3), &[NULL, NULL, NULL, NULL, 3.0]);
        check(&mean_and_deviation(&values, 2).1, &[NULL, NULL, NULL, 0.5, 0.5]);
    }

    #[test]
    fn the_newest_value_weighs_the_most() {
        check(&weighted_mean(&[1.0, 2.0, 6.0], 3), &[NULL, NULL, (1.0 + 4.0 + 18.0) / 6.0]);
        check(&weighted_mean(&[0.1; 5], 5)[4..], &[0.1]);
    }

    #[test]
    fn a_line_has_a_slope_and_an_end() {
        let (slope, end) = line(&[1.0, 3.0, 5.0, 5.0], 3);
        check(&slope, &[NULL, NULL, 2.0, 1.0]);
        check(&end, &[NULL, NULL, 5.0, 13.0 / 3.0 + 1.0]);
        check(&line(&[1.0, 2.0], 1).0, &[NULL, NULL]);
    }

    #[test]
    fn the_rank_counts_the_rows_before() {
        check(&percent_rank(&[1.0, 2.0, 3.0, 2.0], 2), &[NULL, NULL, 100.0, 50.0]);
        check(&percent_rank(&[1.0, NULL, 3.0, 2.0, 1.0], 2), &[NULL, NULL, NULL, NULL, 0.0]);
    }

    #[test]
    fn a_flat_window_has_its_value_as_mean_and_no_deviation() {
        let values = [0.1; 30];
        for n in 1..=30 {
            let (mean, deviation) = mean_and_deviation(&values, n);
            check(&mean[n - 1..], &vec![0.1; 31 - n]);
            check(&deviation[n - 1..], &vec![0.0; 31 - n]);
        }
    }

    proptest! {
        #[test]
        fn windows_agree_with_their_definition(
            values in prop::collection::vec(-1e6_f64..1e6, 1..80),
            n in 1_usize..40,
        ) {
            let (means, deviations) = mean_and_deviation(&values, n);
            let (sums, highs, lows) = (sum(&values, n), highest(&values, n), lowest(&values, n));
            for row in n - 1..values.len().max(n - 1) {
                let window = &values[row + 1 - n..=row];
                let total: f64 = window.iter().sum();
                let mean = total / n as f64;
                let squares: f64 = window.iter().map(|x| (x - mean) * (x - mean)).sum();
                prop_assert!((sums[row] - total).abs() < 1e-7);
                prop_assert!((means[row] - mean).abs() < 1e-8);
                prop_assert!((deviations[row] - (squares / n as f64).sqrt()).abs() < 1e-6);
                prop_assert!(window.iter().all(|x| *x <= highs[row] && *x >= lows[row]));
                prop_assert!(window.contains(&highs[row]) && window.contains(&lows[row]));
            }
        }
    }
}
