//! The distinct nodes of all strategies of a batch.
//!
//! Strategies are taken apart into nodes that name their inputs by number, so equal subtrees of
//! any variant are one node. `not` is pushed to the leaves on the way: a comparison with a null is
//! false in both senses. Inputs have smaller numbers than the nodes that read them.

use std::collections::BTreeMap;

use model::HigherTimeframe;
use model::strategy::{
    Arg, ClockField, CompareOp, Cond, Expr, IndicatorCall, IndicatorKind, MathOp, Price, WindowOp,
};

/// Number of a node in its [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// Position in lists with one element a node.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Number of a set of candles: the job's own, another ticker's, or longer ones made of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameId(u32);

impl FrameId {
    /// The job's own candles.
    pub(crate) const BASE: FrameId = FrameId(0);

    /// Position in lists with one element a frame.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the candles of a frame beside the job's own are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Those of another frame folded into a longer timeframe.
    Folded(FrameId, HigherTimeframe),
    /// Those of another ticker.
    Ticker(String),
}

/// Which way [`Node::Steps`] go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// A node; numbers are kept as their bits, so that nodes can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    /// The same number on all rows.
    Number(u64),
    /// A price column.
    Price(Price),
    /// Time of day.
    Clock { field: ClockField, tz: Option<String> },
    /// All outputs of an indicator.
    Call { kind: IndicatorKind, of: Option<NodeId>, args: Vec<u64> },
    /// One output of a call.
    Output { call: NodeId, output: usize },
    /// Arithmetic.
    Math { op: MathOp, args: Vec<NodeId> },
    /// Absolute value.
    Abs(NodeId),
    /// One of two numbers.
    If { condition: NodeId, then: NodeId, otherwise: NodeId },
    /// A number over a window.
    Window { op: WindowOp, of: NodeId, n: usize },
    /// The value some rows before.
    Prev { of: NodeId, n: usize },
    /// Rows since a condition held.
    BarsSince(NodeId),
    /// Value when a condition last held.
    ValueWhen { condition: NodeId, of: NodeId },
    /// On how many of the last rows a condition held.
    CountTrue { condition: NodeId, n: usize },
    /// A number of another frame, carried forward.
    Carry(NodeId),
    /// The uploaded signal: 1, -1 or 0.
    Uploaded,
    /// The same truth on all rows.
    Constant(bool),
    /// Comparison of two numbers.
    Compare { op: CompareOp, left: NodeId, right: NodeId },
    /// A cross of two numbers, or, if `negated`, four defined numbers without one.
    Cross { direction: Direction, left: NodeId, right: NodeId, negated: bool },
    /// A boolean column, or where it is defined and false.
    Flag { of: NodeId, negated: bool },
    /// All hold.
    All(Vec<NodeId>),
    /// At least one holds.
    Any(Vec<NodeId>),
    /// Held on any of the last rows.
    Within(NodeId, usize),
    /// Held on all of the last rows.
    Held(NodeId, usize),
    /// The last `n` steps all go one way, or are defined and do not.
    Steps { direction: Direction, of: NodeId, n: usize, negated: bool },
    /// A condition of another frame, carried forward.
    CarryBits(NodeId),
}

impl Node {
    /// Calls `visit` with each node that this one reads.
    pub(crate) fn inputs(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Node::Number(_)
            | Node::Price(_)
            | Node::Clock { .. }
            | Node::Constant(_)
            | Node::Uploaded => {}
            Node::Call { of, .. } => of.iter().copied().for_each(visit),
            Node::Output { call: of, .. }
            | Node::Abs(of)
            | Node::Window { of, .. }
            | Node::Prev { of, .. }
            | Node::BarsSince(of)
            | Node::CountTrue { condition: of, .. }
            | Node::Carry(of)
            | Node::Flag { of, .. }
            | Node::Within(of, _)
            | Node::Held(of, _)
            | Node::Steps { of, .. }
            | Node::CarryBits(of) => visit(*of),
            Node::Math { args, .. } | Node::All(args) | Node::Any(args) => {
                args.iter().copied().for_each(visit);
            }
            Node::If { condition, then, otherwise } => {
                [*condition, *then, *otherwise].into_iter().for_each(visit);
            }
            Node::ValueWhen { condition, of } => [*condition, *of].into_iter().for_each(visit),
            Node::Compare { left, right, .. } | Node::Cross { left, right, .. } => {
                [*left, *right].into_iter().for_each(visit);
            }
        }
    }
}

/// The value of an argument.
///
/// # Panics
/// If it is still a parameter: a job's spec has none left.
pub(crate) fn number(arg: &Arg) -> f64 {
    match arg {
        Arg::Number(number) => *number,
        Arg::Param(name) => unreachable!("a job spec has no parameter left, but has \"{name}\""),
    }
}

/// A count of rows; the model checked that it is whole and within its limits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and in 1..=10000; a cast of anything else saturates"
)]
pub(crate) fn rows(arg: &Arg) -> usize {
    (number(arg) as usize).max(1)
}

/// Every distinct node, and the frames they live in.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<(FrameId, Node)>,
    ids: BTreeMap<(FrameId, Node), NodeId>,
    frames: Vec<Origin>,
    /// The ticker of the job's own candles.
    own: String,
}

impl Graph {
    /// No node yet; `own` is the ticker of the job's own candles.
    pub(crate) fn of(own: &str) -> Graph {
        Graph { own: own.to_owned(), ..Graph::default() }
    }

    /// Nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node `id` and its frame.
    pub(crate) fn node(&self, id: NodeId) -> (FrameId, &Node) {
        let (frame, node) = &self.nodes[id.index()];
        (*frame, node)
    }

    /// All nodes, inputs before their readers.
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).expect("fewer nodes than 2^32")).map(NodeId)
    }

    /// The frames beside the job's own candles, from number 1; each after the one it is made of.
    pub(crate) fn frames(&self) -> &[Origin] {
        &self.frames
    }

    /// The node of `expr` on the candles of `frame`.
    pub(crate) fn expr(&mut self, frame: FrameId, expr: &Expr) -> NodeId {
        let node = match expr {
            Expr::Number(arg) => Node::Number((number(arg) + 0.0).to_bits()),
            Expr::Price(price) => Node::Price(*price),
            Expr::Clock { field, tz } => Node::Clock { field: *field, tz: tz.clone() },
            Expr::Position(_) => unreachable!("the state of the position is refused or a guard"),
            Expr::Indicator(call) => self.output(frame, call),
            Expr::Math { op, args } => {
                let args = args.iter().map(|arg| self.expr(frame, arg)).collect();
                Node::Math { op: *op, args }
            }
            Expr::Abs(of) => Node::Abs(self.expr(frame, of)),
            Expr::If { condition, then, otherwise } => Node::If {
                condition: self.cond(frame, condition),
                then: self.expr(frame, then),
                otherwise: self.expr(frame, otherwise),
            },
            Expr::Window { op, of, n } => {
                Node::Window { op: *op, of: self.expr(frame, of), n: rows(n) }
            }
            Expr::Prev { of, n } => Node::Prev { of: self.expr(frame, of), n: rows(n) },
            Expr::BarsSince(condition) => Node::BarsSince(self.cond(frame, condition)),
            Expr::ValueWhen { condition, of } => {
                Node::ValueWhen { condition: self.cond(frame, condition), of: self.expr(frame, of) }
            }
            Expr::CountTrue { condition, n } => {
                Node::CountTrue { condition: self.cond(frame, condition), n: rows(n) }
            }
            Expr::Scope { tf, ticker, of } => {
                let inner = self.scope(frame, *tf, ticker.as_deref());
                if inner == frame {
                    return self.expr(frame, of);
                }
                Node::Carry(self.expr(inner, of))
            }
        };
        self.intern(frame, node)
    }

    /// The node of `cond` on the candles of `frame`.
    pub(crate) fn cond(&mut self, frame: FrameId, cond: &Cond) -> NodeId {
        self.signed(frame, cond, false)
    }

    /// The node of `cond`, or of its negation.
    pub(crate) fn signed(&mut self, frame: FrameId, cond: &Cond, negated: bool) -> NodeId {
        let node = match cond {
            Cond::Constant(value) => Node::Constant(*value != negated),
            Cond::Compare { op, left, right } => Node::Compare {
                op: if negated { op.complement() } else { *op },
                left: self.expr(frame, left),
                right: self.expr(frame, right),
            },
            Cond::CrossUp { left, right } => {
                self.cross(frame, Direction::Up, [left, right], negated)
            }
            Cond::CrossDown { left, right } => {
                self.cross(frame, Direction::Down, [left, right], negated)
            }
            Cond::Is(call) => {
                let output = self.output(frame, call);
                Node::Flag { of: self.intern(frame, output), negated }
            }
            Cond::LastExitIs(_) => unreachable!("the state of the position is refused or a guard"),
            Cond::All(conds) | Cond::Any(conds) => {
                let nodes = conds.iter().map(|cond| self.signed(frame, cond, negated)).collect();
                if matches!(cond, Cond::All(_)) == negated {
                    Node::Any(nodes)
                } else {
                    Node::All(nodes)
                }
            }
            Cond::Not(cond) => return self.signed(frame, cond, !negated),
            Cond::Within(of, n) | Cond::Held(of, n) => {
                let node = self.signed(frame, of, negated);
                if matches!(cond, Cond::Within(..)) == negated {
                    Node::Held(node, rows(n))
                } else {
                    Node::Within(node, rows(n))
                }
            }
            Cond::Rising(of, n) => self.steps(frame, Direction::Up, (of, n), negated),
            Cond::Falling(of, n) => self.steps(frame, Direction::Down, (of, n), negated),
            Cond::Scope { tf, ticker, of } => {
                let inner = self.scope(frame, *tf, ticker.as_deref());
                if inner == frame {
                    return self.signed(frame, of, negated);
                }
                Node::CarryBits(self.signed(inner, of, negated))
            }
        };
        self.intern(frame, node)
    }

    /// The uploaded signal.
    pub(crate) fn uploaded(&mut self) -> NodeId {
        self.intern(FrameId::BASE, Node::Uploaded)
    }

    /// Where the uploaded signal is (`Eq`) or is not (`Ne`) `wanted`.
    pub(crate) fn uploaded_is(&mut self, op: CompareOp, wanted: f64) -> NodeId {
        let left = self.uploaded();
        let right = self.intern(FrameId::BASE, Node::Number(wanted.to_bits()));
        self.intern(FrameId::BASE, Node::Compare { op, left, right })
    }

    /// The node where all of `nodes` hold.
    pub(crate) fn all(&mut self, nodes: Vec<NodeId>) -> NodeId {
        match nodes[..] {
            [node] => node,
            _ => self.intern(FrameId::BASE, Node::All(nodes)),
        }
    }

    /// The node where any of `nodes` holds.
    pub(crate) fn any(&mut self, nodes: Vec<NodeId>) -> NodeId {
        match nodes[..] {
            [node] => node,
            _ => self.intern(FrameId::BASE, Node::Any(nodes)),
        }
    }

    fn cross(
        &mut self,
        frame: FrameId,
        direction: Direction,
        [left, right]: [&Expr; 2],
        negated: bool,
    ) -> Node {
        let (left, right) = (self.expr(frame, left), self.expr(frame, right));
        Node::Cross { direction, left, right, negated }
    }

    fn steps(
        &mut self,
        frame: FrameId,
        direction: Direction,
        (of, n): (&Expr, &Arg),
        negated: bool,
    ) -> Node {
        Node::Steps { direction, of: self.expr(frame, of), n: rows(n), negated }
    }

    fn output(&mut self, frame: FrameId, call: &IndicatorCall) -> Node {
        let of = call.of.as_ref().map(|of| self.expr(frame, of));
        let args = call.args.iter().map(|arg| (number(arg) + 0.0).to_bits()).collect();
        let node = self.intern(frame, Node::Call { kind: call.kind, of, args });
        Node::Output { call: node, output: call.output }
    }

    /// The candles that a scope inside `outer` runs on: those of `ticker`, folded as `outer` is,
    /// then folded into `tf`. `outer` itself where that is what it has.
    pub(crate) fn scope(
        &mut self,
        outer: FrameId,
        tf: Option<HigherTimeframe>,
        ticker: Option<&str>,
    ) -> FrameId {
        let frame = ticker.map_or(outer, |ticker| self.of_ticker(outer, ticker));
        tf.map_or(frame, |tf| self.frame(Origin::Folded(frame, tf)))
    }

    /// The frame that is to the candles of `ticker` what `like` is to its own.
    fn of_ticker(&mut self, like: FrameId, ticker: &str) -> FrameId {
        match self.origin(like).cloned() {
            Some(Origin::Folded(of, tf)) => {
                let of = self.of_ticker(of, ticker);
                self.frame(Origin::Folded(of, tf))
            }
            None | Some(Origin::Ticker(_)) if ticker == self.own => FrameId::BASE,
            None | Some(Origin::Ticker(_)) => self.frame(Origin::Ticker(ticker.to_owned())),
        }
    }

    /// What `frame` is made of; `None` for the job's own candles.
    fn origin(&self, frame: FrameId) -> Option<&Origin> {
        self.frames.get(frame.index().checked_sub(1)?)
    }

    fn frame(&mut self, origin: Origin) -> FrameId {
        let known = self.frames.iter().position(|frame| *frame == origin);
        let index = known.unwrap_or_else(|| {
            self.frames.push(origin);
            self.frames.len() - 1
        });
        FrameId(u32::try_from(index + 1).expect("fewer frames than 2^32"))
    }

    fn intern(&mut self, frame: FrameId, node: Node) -> NodeId {
        let key = (frame, node);
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer nodes than 2^32"));
        self.nodes.push(key.clone());
        self.ids.insert(key, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(price: Price, number: f64) -> Cond {
        Cond::Compare {
            op: CompareOp::Gt,
            left: Expr::Price(price),
            right: Expr::Number(Arg::Number(number)),
        }
    }

    #[test]
    fn equal_subtrees_of_different_strategies_are_one_node() {
        let mut graph = Graph::default();
        let first = graph.cond(FrameId::BASE, &above(Price::Close, 0.0));
        let second = graph.cond(FrameId::BASE, &above(Price::Close, -0.0));
        let third = graph.cond(FrameId::BASE, &above(Price::Open, 0.0));
        assert_eq!(first, second);
        assert_ne!(first, third);
        assert_eq!(graph.len(), 5);
    }

    #[test]
    fn a_negation_reaches_the_leaves() {
        let mut graph = Graph::default();
        let within = Cond::Within(Box::new(above(Price::Close, 1.0)), Arg::Number(3.0));
        let all = Cond::All(vec![within, Cond::Constant(true)]);
        let id = graph.cond(FrameId::BASE, &Cond::Not(Box::new(all)));
        let (_, Node::Any(nodes)) = graph.node(id) else { panic!("not(all) is any(not)") };
        let (_, Node::Held(leaf, 3)) = graph.node(nodes[0]) else { panic!("within turns held") };
        assert!(matches!(graph.node(*leaf).1, Node::Compare { op: CompareOp::Le, .. }));
        assert_eq!(graph.node(nodes[1]).1, &Node::Constant(false));
    }
}
