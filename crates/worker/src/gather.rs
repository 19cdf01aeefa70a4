//! Claimed jobs in the order of their claim, whatever they are put together by.

use std::collections::BTreeMap;

/// Items of equal keys together: keys in the order in which each came first, items in their own.
///
/// The order of a claim is that of priority and age, and neighbours share most of what they compute.
pub(crate) fn gathered<K: Ord + Clone, T>(items: impl Iterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut gathered: Vec<(K, Vec<T>)> = Vec::new();
    for (key, item) in items {
        let place = *places.entry(key.clone()).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some((_, items)) => items.push(item),
            None => gathered.push((key, vec![item])),
        }
    }
    gathered
}

/// `items` cut into batches of `size`, the last one of what is left.
pub(crate) fn batches<T>(items: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = items.into_iter().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        Some(rest.by_ref().take(size.max(1)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claimed jobs are numbered, their keys are letters.
    #[track_caller]
    fn check(claimed: &str, size: usize, expected: &[&[(char, &[usize])]]) {
        let gathered = gathered(claimed.chars().zip(0..));
        let batches: Vec<_> = batches(gathered, size).collect();
        let expected: Vec<Vec<_>> = expected
            .iter()
            .map(|batch| batch.iter().map(|(key, jobs)| (*key, jobs.to_vec())).collect())
            .collect();
        assert_eq!(batches, expected);
    }

    #[test]
    fn batches_follow_the_order_of_the_claim_and_equal_keys_run_with_the_first_of_them() {
        check(
            "zebra",
            2,
            &[&[('z', &[0]), ('e', &[1])], &[('b', &[2]), ('r', &[3])], &[('a', &[4])]],
        );
        check("cabac", 2, &[&[('c', &[0, 4]), ('a', &[1, 3])], &[('b', &[2])]]);
        check("ccc", 512, &[&[('c', &[0, 1, 2])]]);
        check("ab", 0, &[&[('a', &[0])], &[('b', &[1])]]);
        check("", 4, &[]);
    }
}
