//! Comparisons of columns that many variants share, made for some variants ahead.
//!
//! Two columns are read for every comparison, and a batch has more of them than the cache holds.
//! Compared a few hundred rows at a time, pair after pair, a part of each column comes from memory
//! once for many pairs ([`crate::order::Order::of_each`]).

use std::collections::BTreeSet;

use crate::graph::{Graph, Node, NodeId};

/// Two numbers that are compared.
pub(crate) type Pair = (NodeId, NodeId);

/// Memory of the comparisons made at once, in bytes.
const AT_ONCE: usize = 4 << 20;
/// Bits of a comparison for each row.
const BITS: usize = 3;

/// What to compare before which variant.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Pairs of columns of which each is in another pair too, with the first variant that needs
    /// them; in the order of these.
    pairs: Vec<(usize, Pair)>,
    /// How many of them are done.
    done: usize,
    /// How many are done at once.
    at_once: usize,
}

impl Ahead {
    /// `first_use`: for each node of `graph` the first variant that needs it.
    pub(crate) fn of(graph: &Graph, first_use: &[Option<usize>], rows: usize) -> Ahead {
        let mut pairs = BTreeSet::new();
        for id in graph.ids() {
            let (_, node) = graph.node(id);
            if let Node::Compare { left, right, .. } | Node::Cross { left, right, .. } = node
                && let Some(first) = first_use[id.index()]
            {
                pairs.insert((first, (*left, *right)));
            }
        }
        let mut readers = vec![0; graph.len()];
        let distinct: BTreeSet<Pair> = pairs.iter().map(|(_, pair)| *pair).collect();
        for (left, right) in &distinct {
            readers[left.index()] += 1;
            readers[right.index()] += 1;
        }
        let is_shared = |id: NodeId| readers[id.index()] > 1;
        let shared =
            pairs.into_iter().filter(|(_, (left, right))| is_shared(*left) && is_shared(*right));
        let at_once = (AT_ONCE * 8 / BITS / rows.max(1)).max(1);
        Ahead { pairs: shared.collect(), done: 0, at_once }
    }

    /// The pairs to compare before variant `position`; none while those of it are done.
    pub(crate) fn before(&mut self, position: usize) -> impl Iterator<Item = Pair> {
        let waiting = &self.pairs[self.done..];
        let is_due = waiting.first().is_some_and(|(first, _)| *first <= position);
        let mut count = if is_due { self.at_once.min(waiting.len()) } else { 0 };
        // All pairs of a variant, or none.
        while let Some([last, next]) = waiting.get(count.wrapping_sub(1)..=count)
            && last.0 == next.0
        {
            count += 1;
        }
        self.done += count;
        waiting[..count].iter().map(|(_, pair)| *pair)
    }
}

#[cfg(test)]
mod tests {
    use model::strategy::{Arg, Cond, Expr, IndicatorCall, IndicatorKind, Price};

    use super::*;
    use crate::graph::FrameId;

    fn ema(n: f64) -> Expr {
        let (kind, of) = (IndicatorKind::Ema, Some(Expr::Price(Price::Close)));
        let call = IndicatorCall { kind, of, args: vec![Arg::Number(n)], output: 0 };
        Expr::Indicator(Box::new(call))
    }

    /// How many pairs are compared before each of the variants, which cross these averages.
    #[track_caller]
    fn check(rows: usize, variants: &[(f64, f64)], expected: &[usize]) {
        let mut graph = Graph::default();
        let mut first_use = Vec::new();
        for (variant, (fast, slow)) in variants.iter().enumerate() {
            let cross = Cond::CrossUp { left: ema(*fast), right: ema(*slow) };
            graph.cond(FrameId::BASE, &cross);
            first_use.resize(graph.len(), Some(variant));
        }
        let mut ahead = Ahead::of(&graph, &first_use, rows);
        let found: Vec<usize> =
            (0..variants.len()).map(|variant| ahead.before(variant).count()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn pairs_of_shared_columns_are_compared_as_many_at_once_as_memory_allows() {
        let grid = [(5.0, 50.0), (5.0, 60.0), (9.0, 50.0), (9.0, 60.0)];
        check(1_000, &grid, &[4, 0, 0, 0]);
        check(5_000_000, &grid, &[2, 0, 2, 0]);
        check(usize::MAX / 64, &grid, &[1, 1, 1, 1]);
    }

    #[test]
    fn a_pair_with_a_column_of_its_own_is_compared_when_it_is_needed() {
        check(1_000, &[(5.0, 50.0), (9.0, 60.0)], &[0, 0]);
        check(1_000, &[(5.0, 50.0), (5.0, 60.0), (9.0, 60.0)], &[0, 1, 0]);
    }
}
