//! Averages that only one comparison reads.
//!
//! A column of a value a row is what a node costs most in a single backtest: it is written to memory
//! and read back. An average that nothing but one comparison reads is compared as it is made
//! ([`crate::indicators::compared`]), with the same bytes.

use crate::graph::{Graph, Node, NodeId};
use crate::indicators::{Recursive, as_average};

/// An average that nothing but comparisons with one other number reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lone {
    pub(crate) average: Recursive,
    /// What it is the average of.
    pub(crate) of: NodeId,
}

/// What reads a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    Nothing,
    /// Comparisons and crosses of these two.
    Pair(NodeId, NodeId),
    /// More than one pair, or something else.
    Others,
}

/// For each node of `graph` the average that it is, if it is a lone one.
///
/// A plan may read a node beside the graph (as the price of a level): that costs a column, which is
/// made when it is asked for.
pub(crate) fn lone_averages(graph: &Graph) -> Vec<Option<Lone>> {
    let mut readers = vec![Readers::Nothing; graph.len()];
    for id in graph.ids() {
        let (_, node) = graph.node(id);
        let reader =
            if let Node::Compare { left, right, .. } | Node::Cross { left, right, .. } = node {
                Readers::Pair(*left, *right)
            } else {
                Readers::Others
            };
        node.inputs(|input| {
            let known = &mut readers[input.index()];
            let is_first = *known == Readers::Nothing;
            *known = if is_first || *known == reader { reader } else { Readers::Others };
        });
    }
    let lone = |id: NodeId| match readers[id.index()] {
        Readers::Pair(..) => average(graph, id),
        Readers::Nothing | Readers::Others => None,
    };
    graph.ids().map(lone).collect()
}

/// The average that node `id` is.
fn average(graph: &Graph, id: NodeId) -> Option<Lone> {
    let (_, Node::Output { call, .. }) = graph.node(id) else { return None };
    let (_, Node::Call { kind, of: Some(of), args }) = graph.node(*call) else { return None };
    // An average of prices cannot overflow; a column of anything else is looked through for it.
    if !matches!(graph.node(*of).1, Node::Price(_)) {
        return None;
    }
    let args: Vec<f64> = args.iter().map(|bits| f64::from_bits(*bits)).collect();
    Some(Lone { average: as_average(*kind, &args)?, of: *of })
}

#[cfg(test)]
mod tests {
    use model::strategy::{Arg, Cond, Expr, IndicatorCall, IndicatorKind, Price};

    use super::*;
    use crate::graph::FrameId;

    fn average(kind: IndicatorKind, n: f64) -> Expr {
        let of = Some(Expr::Price(Price::Close));
        let call = IndicatorCall { kind, of, args: vec![Arg::Number(n)], output: 0 };
        Expr::Indicator(Box::new(call))
    }

    /// Counts lone averages of crosses of the pairs, each upwards and downwards.
    #[track_caller]
    fn check(pairs: &[(Expr, Expr)], expected: usize) {
        let mut graph = Graph::default();
        for (left, right) in pairs {
            let (left, right) = (left.clone(), right.clone());
            let up = Cond::CrossUp { left: left.clone(), right: right.clone() };
            graph.cond(FrameId::BASE, &up);
            graph.cond(FrameId::BASE, &Cond::CrossDown { left, right });
        }
        let found = lone_averages(&graph).into_iter().flatten().count();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_average_is_lone_while_comparisons_of_one_pair_read_it() {
        use IndicatorKind::{Ema, Rma, Sma};
        let ema = |n: f64| average(Ema, n);
        check(&[(ema(12.0), ema(26.0))], 2);
        check(&[(Expr::Price(Price::Close), average(Rma, 14.0))], 1);
        check(&[(ema(12.0), average(Sma, 26.0))], 1);
        check(&[(ema(12.0), ema(26.0)), (ema(12.0), ema(50.0))], 2);
        check(&[(ema(12.0), ema(26.0)), (ema(12.0), ema(50.0)), (ema(50.0), ema(26.0))], 0);
    }
}
