//! Values of nodes: each node is computed once over all rows, when it is first asked for.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::strategy::{CompareOp, MathOp, Price, WindowOp};
use model::{Calendar, DAY_MS, SignalSlice, Timeframe};

use crate::ahead::Pair;
use crate::bits::Bits;
use crate::clock;
use crate::frame::{Column, Frame};
use crate::graph::{Direction, FrameId, Graph, Node, NodeId, Origin};
use crate::indicators;
use crate::indicators::compared::{self, Side};
use crate::indicators::window;
use crate::input::Seeded;
use crate::lone::{Lone, lone_averages};
use crate::order::Order;

/// What a node is over all rows of its frame.
#[derive(Clone, Debug)]
enum Value<'a> {
    Number(Column<'a>),
    Truth(Rc<Bits>),
    Outputs(Vec<Column<'a>>),
}

/// Candles of all frames and the values computed so far.
#[derive(Debug)]
pub(crate) struct Evaluator<'a, 'g> {
    graph: &'g Graph,
    frames: Vec<Frame<'a>>,
    /// For the rows of a frame, how many candles of another had closed: by (other, frame).
    closed: BTreeMap<(FrameId, FrameId), Rc<Vec<usize>>>,
    signals: Option<SignalSlice<'a>>,
    calendar: &'a Calendar,
    values: Vec<Option<Value<'a>>>,
    /// The averages that need no column of their own.
    lone: Vec<Option<Lone>>,
    /// How numbers compare that were compared ahead.
    orders: BTreeMap<Pair, Rc<Order>>,
    /// How the two numbers that were compared last compare.
    latest_order: Option<(Pair, Rc<Order>)>,
}

impl<'a, 'g> Evaluator<'a, 'g> {
    /// Nothing is computed yet.
    ///
    /// # Panics
    /// If a node reads a ticker that `ground` lacks; [`crate::batch::refuse`] keeps them out.
    pub(crate) fn new(graph: &'g Graph, ground: &Seeded<'a>) -> Evaluator<'a, 'g> {
        let Seeded { candles, others, signals, timeframe, calendar } = ground;
        let mut frames = vec![Frame::of_series(*candles, *timeframe)];
        let end_ms = frames[0].end_ms();
        let days = day_cut(calendar, *timeframe);
        for origin in graph.frames() {
            frames.push(match origin {
                Origin::Folded(of, tf) => frames[of.index()].folded(*tf, days, end_ms),
                Origin::Ticker(ticker) => {
                    let other = others.iter().find(|(name, _)| name == ticker);
                    let (_, candles) = other.expect("a spec that reads other candles was refused");
                    Frame::of_series(*candles, *timeframe)
                }
            });
        }
        let count = graph.len();
        Evaluator {
            graph,
            frames,
            closed: BTreeMap::new(),
            signals: *signals,
            calendar,
            values: vec![None; count],
            lone: lone_averages(graph),
            orders: BTreeMap::new(),
            latest_order: None,
        }
    }

    /// The row of the last frame of `path` that can be read at the close of `row` of the job's
    /// candles, each frame of it being carried onto the one before.
    pub(crate) fn readable_row(&mut self, path: &[FrameId], row: usize) -> Option<usize> {
        let mut outer = FrameId::BASE;
        let mut readable = row;
        for frame in path {
            readable = self.closed(*frame, outer)[readable].checked_sub(1)?;
            outer = *frame;
        }
        Some(readable)
    }

    fn closed(&mut self, frame: FrameId, outer: FrameId) -> Rc<Vec<usize>> {
        let closed = self.closed.entry((frame, outer)).or_insert_with(|| {
            Rc::new(self.frames[frame.index()].closed_by(&self.frames[outer.index()]))
        });
        Rc::clone(closed)
    }

    /// Values of a number.
    pub(crate) fn number(&mut self, id: NodeId) -> Column<'a> {
        match self.value(id) {
            Value::Number(column) => column,
            Value::Truth(_) | Value::Outputs(_) => unreachable!("the tree is typed"),
        }
    }

    /// Values of a condition.
    pub(crate) fn truth(&mut self, id: NodeId) -> Rc<Bits> {
        match self.value(id) {
            Value::Truth(bits) => bits,
            Value::Number(_) | Value::Outputs(_) => unreachable!("the tree is typed"),
        }
    }

    /// Gives the memory of a node back; it is computed again if it is asked for.
    pub(crate) fn forget(&mut self, id: NodeId) {
        self.values[id.index()] = None;
    }

    fn value(&mut self, id: NodeId) -> Value<'a> {
        if let Some(value) = &self.values[id.index()] {
            return value.clone();
        }
        let (frame, node) = self.graph.node(id);
        let value = self.compute(frame, node);
        self.values[id.index()] = Some(value.clone());
        value
    }

    fn compute(&mut self, frame: FrameId, node: &Node) -> Value<'a> {
        let rows = self.frames[frame.index()].len();
        let column = match node {
            Node::Number(bits) => vec![f64::from_bits(*bits); rows].into(),
            Node::Price(price) => self.price(frame, *price),
            Node::Clock { field, tz } => {
                let times_ms = &self.frames[frame.index()].open_time_ms;
                clock::column(times_ms, *field, tz.as_deref()).into()
            }
            Node::Call { kind, of, args } => {
                let source_column = of.map(|of| self.number(of));
                let args: Vec<f64> = args.iter().map(|bits| f64::from_bits(*bits)).collect();
                let source = indicators::Source {
                    candles: self.frames[frame.index()].candles(),
                    of: source_column.as_deref().unwrap_or(&[]),
                    calendar: self.calendar,
                };
                let mut outputs = indicators::compute(*kind, &args, source);
                // Prices are too small to overflow; what a strategy makes of them may.
                if of.is_some_and(|of| !self.is_price(of)) {
                    for output in &mut outputs {
                        without_infinity(output);
                    }
                }
                return Value::Outputs(outputs.into_iter().map(Column::from).collect());
            }
            Node::Output { call, output } => match self.value(*call) {
                Value::Outputs(outputs) => outputs[*output].clone(),
                Value::Number(_) | Value::Truth(_) => unreachable!("a call has outputs"),
            },
            Node::Math { op, args } => self.math(*op, args).into(),
            Node::Abs(of) => {
                self.number(*of).iter().map(|value| value.abs()).collect::<Vec<_>>().into()
            }
            Node::If { condition, then, otherwise } => {
                let condition = self.truth(*condition);
                let (then, otherwise) = (self.number(*then), self.number(*otherwise));
                let pick = |row| if condition.get(row) { then[row] } else { otherwise[row] };
                (0..rows).map(pick).collect::<Vec<_>>().into()
            }
            Node::Window { op: WindowOp::Sum, of, n } => {
                let mut sums = window::sum(&self.number(*of), *n);
                without_infinity(&mut sums);
                sums.into()
            }
            Node::Window { op: WindowOp::PercentRank, of, n } => {
                window::percent_rank(&self.number(*of), *n).into()
            }
            Node::Prev { of, n } => {
                window::with_earlier(&self.number(*of), *n, |earlier, _| earlier).into()
            }
            Node::BarsSince(condition) => {
                bars_since(&self.truth(*condition)).collect::<Vec<_>>().into()
            }
            Node::ValueWhen { condition, of } => {
                let (condition, of) = (self.truth(*condition), self.number(*of));
                value_when(&condition, &of).into()
            }
            Node::CountTrue { condition, n } => count_true(&self.truth(*condition), *n).into(),
            Node::Carry(of) => self.carried(frame, *of).into(),
            Node::Uploaded => self.uploaded(frame).into(),
            Node::Constant(_)
            | Node::Compare { .. }
            | Node::Cross { .. }
            | Node::Flag { .. }
            | Node::All(_)
            | Node::Any(_)
            | Node::Within(..)
            | Node::Held(..)
            | Node::Steps { .. }
            | Node::CarryBits(_) => return Value::Truth(Rc::new(self.condition(frame, node))),
        };
        Value::Number(column)
    }

    /// Whether a node is a price or a volume as the candles have it.
    fn is_price(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).1, Node::Price(_))
    }

    fn condition(&mut self, frame: FrameId, node: &Node) -> Bits {
        let rows = self.frames[frame.index()].len();
        match node {
            Node::Constant(value) => Bits::constant(rows, *value),
            Node::Compare { op, left, right } => self.compare(*op, *left, *right),
            Node::Cross { direction, left, right, negated } => {
                self.cross(*direction, *left, *right, *negated)
            }
            Node::Flag { of, negated } => {
                let of = self.number(*of);
                Bits::from_fn(rows, |row| if *negated { of[row] == 0.0 } else { of[row] > 0.0 })
            }
            Node::All(nodes) => self.fold(nodes, rows, true),
            Node::Any(nodes) => self.fold(nodes, rows, false),
            Node::Within(of, n) => self.truth(*of).within(*n),
            Node::Held(of, n) => self.truth(*of).held(*n),
            Node::Steps { direction, of, n, negated } => {
                let of = self.number(*of);
                match direction {
                    Direction::Up => steps(&of, *n, *negated, |from, to| to > from),
                    Direction::Down => steps(&of, *n, *negated, |from, to| to < from),
                }
            }
            Node::CarryBits(of) => {
                let bits = self.truth(*of);
                let closed = self.closed(self.graph.node(*of).0, frame);
                let readable = |row: usize| closed[row].checked_sub(1);
                Bits::from_fn(rows, |row| readable(row).is_some_and(|row| bits.get(row)))
            }
            Node::Number(_)
            | Node::Price(_)
            | Node::Clock { .. }
            | Node::Call { .. }
            | Node::Output { .. }
            | Node::Math { .. }
            | Node::Abs(_)
            | Node::If { .. }
            | Node::Window { .. }
            | Node::Prev { .. }
            | Node::BarsSince(_)
            | Node::ValueWhen { .. }
            | Node::CountTrue { .. }
            | Node::Carry(_)
            | Node::Uploaded => unreachable!("a number is no condition"),
        }
    }

    /// A comparison of two numbers, false where one is null.
    fn compare(&mut self, op: CompareOp, left: NodeId, right: NodeId) -> Bits {
        let order = self.order(left, right);
        match op {
            CompareOp::Lt => order.below.clone(),
            CompareOp::Le => order.below.or(&order.equal),
            CompareOp::Gt => order.above.clone(),
            CompareOp::Ge => order.above.or(&order.equal),
            CompareOp::Eq => order.equal.clone(),
            CompareOp::Ne => order.below.or(&order.above),
        }
    }

    /// `left` was not yet on that side of `right` and now is; `negated`: all four numbers are there
    /// and it is not so.
    fn cross(&mut self, direction: Direction, left: NodeId, right: NodeId, negated: bool) -> Bits {
        let order = self.order(left, right);
        let (from, to) = match direction {
            Direction::Up => (&order.below, &order.above),
            Direction::Down => (&order.above, &order.below),
        };
        let crossed = to.and(&from.or(&order.equal).a_row_later());
        if !negated {
            return crossed;
        }
        let defined = order.defined();
        defined.and(&defined.a_row_later()).and_not(&crossed)
    }

    /// Compares the numbers of `pairs`, for the conditions about them to come.
    pub(crate) fn compare_ahead(&mut self, pairs: impl Iterator<Item = Pair>) {
        let pairs: Vec<Pair> = pairs.collect();
        if pairs.is_empty() {
            return;
        }
        let columns = pairs.iter().map(|(left, right)| (self.number(*left), self.number(*right)));
        let columns: Vec<_> = columns.collect();
        let columns: Vec<_> = columns.iter().map(|(left, right)| (&**left, &**right)).collect();
        let orders = Order::of_each(&columns).into_iter().map(Rc::new);
        self.orders = pairs.into_iter().zip(orders).collect();
    }

    /// How two numbers compare; kept for the next condition about the same two.
    fn order(&mut self, left: NodeId, right: NodeId) -> Rc<Order> {
        let pair = (left, right);
        let latest = self.latest_order.iter().find(|(latest, _)| *latest == pair);
        if let Some(order) = self.orders.get(&pair).or(latest.map(|(_, order)| order)) {
            return Rc::clone(order);
        }
        let order = self.order_of_averages(left, right);
        let order = order.unwrap_or_else(|| Order::of(&self.number(left), &self.number(right)));
        let order = Rc::new(order);
        self.latest_order = Some((pair, Rc::clone(&order)));
        order
    }

    /// How two numbers compare of which nothing else reads the average that one or both are.
    fn order_of_averages(&mut self, left: NodeId, right: NodeId) -> Option<Order> {
        let lone = |id: NodeId| self.lone[id.index()].filter(|_| self.values[id.index()].is_none());
        let (of, sides) = match (lone(left), lone(right)) {
            (Some(left), Some(right)) if left.of == right.of => {
                (left.of, [Side::Average(left.average), Side::Average(right.average)])
            }
            (Some(left), None) if left.of == right => {
                (right, [Side::Average(left.average), Side::Plain])
            }
            (None, Some(right)) if right.of == left => {
                (left, [Side::Plain, Side::Average(right.average)])
            }
            _ => return None,
        };
        compared::order(&self.number(of), sides)
    }

    /// Values of the last candle of another frame that had closed, null before the first.
    fn carried(&mut self, frame: FrameId, of: NodeId) -> Vec<f64> {
        let values = self.number(of);
        let closed = self.closed(self.graph.node(of).0, frame);
        let readable = closed.iter().map(|count| count.checked_sub(1));
        readable.map(|row| row.map_or(f64::NAN, |row| values[row])).collect()
    }

    /// The uploaded signal of each row, 0 where there is none.
    fn uploaded(&self, frame: FrameId) -> Vec<f64> {
        let signals = self.signals.expect("a spec that reads uploaded signals was refused");
        let times_ms = &self.frames[frame.index()].open_time_ms;
        signals.aligned(times_ms).map(f64::from).collect()
    }

    fn fold(&mut self, nodes: &[NodeId], rows: usize, all: bool) -> Bits {
        let mut folded = Bits::constant(rows, all);
        for node in nodes {
            let bits = self.truth(*node);
            folded = if all { folded.and(&bits) } else { folded.or(&bits) };
        }
        folded
    }

    fn price(&self, frame: FrameId, price: Price) -> Column<'a> {
        let frame = &self.frames[frame.index()];
        let mean = |columns: &[&Column<'a>]| -> Column<'a> {
            let row = |row: usize| columns.iter().map(|column| column[row]).sum::<f64>();
            (0..frame.len()).map(|at| row(at) / columns.len() as f64).collect::<Vec<_>>().into()
        };
        match price {
            Price::Open => frame.open.clone(),
            Price::High => frame.high.clone(),
            Price::Low => frame.low.clone(),
            Price::Close => frame.close.clone(),
            Price::Volume => frame.volume.clone(),
            Price::Hl2 => mean(&[&frame.high, &frame.low]),
            Price::Hlc3 => mean(&[&frame.high, &frame.low, &frame.close]),
            Price::Ohlc4 => mean(&[&frame.open, &frame.high, &frame.low, &frame.close]),
        }
    }

    /// Arithmetic from left to right.
    fn math(&mut self, op: MathOp, args: &[NodeId]) -> Vec<f64> {
        let Some((first, rest)) = args.split_first() else { return Vec::new() };
        let mut result = self.number(*first).to_vec();
        for arg in rest {
            let arg = self.number(*arg);
            let apply: fn(f64, f64) -> f64 = match op {
                MathOp::Add => |left, right| left + right,
                MathOp::Sub => |left, right| left - right,
                MathOp::Mul => |left, right| left * right,
                MathOp::Div => indicators::range::ratio,
                MathOp::Min => {
                    |left, right| if left < right || left.is_nan() { left } else { right }
                }
                MathOp::Max => {
                    |left, right| if left > right || left.is_nan() { left } else { right }
                }
            };
            result
                .iter_mut()
                .zip(&*arg)
                .for_each(|(left, right)| *left = finite(apply(*left, *right)));
        }
        result
    }
}

/// The calendar whose days longer candles are cut by: one of a day or a week stands for its UTC date,
/// which no time zone moves to the day before.
fn day_cut(calendar: &Calendar, timeframe: Timeframe) -> &Calendar {
    match calendar {
        Calendar::Session(_) if timeframe.ms() >= DAY_MS => &Calendar::EveryDay,
        Calendar::EveryDay | Calendar::Weekdays | Calendar::Session(_) => calendar,
    }
}

/// A number that overflowed is null: infinity must not reach a price or a size.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// The same of a column.
fn without_infinity(values: &mut [f64]) {
    for value in values {
        *value = finite(*value);
    }
}

/// The last `n` steps all go one way; `negated`: all are defined and at least one does not.
fn steps(values: &[f64], n: usize, negated: bool, goes: impl Fn(f64, f64) -> bool) -> Bits {
    let (mut defined, mut run) = (0_usize, 0_usize);
    Bits::from_fn(values.len(), |row| {
        let Some(before) = row.checked_sub(1) else { return false };
        let (from, to) = (values[before], values[row]);
        defined = if from.is_nan() || to.is_nan() { 0 } else { defined + 1 };
        run = if goes(from, to) { run + 1 } else { 0 };
        if negated { defined >= n && run < n } else { run >= n }
    })
}

/// Rows since the condition held, null before it first does.
fn bars_since(condition: &Bits) -> impl Iterator<Item = f64> {
    let mut since = f64::NAN;
    (0..condition.len()).map(move |row| {
        since = if condition.get(row) { 0.0 } else { since + 1.0 };
        since
    })
}

/// The value when the condition last held, null before it first does.
fn value_when(condition: &Bits, values: &[f64]) -> Vec<f64> {
    let mut kept = f64::NAN;
    let latest = values.iter().enumerate().map(|(row, value)| {
        kept = if condition.get(row) { *value } else { kept };
        kept
    });
    latest.collect()
}

/// On how many of the last `n` rows the condition held; null where there are fewer rows.
fn count_true(condition: &Bits, n: usize) -> Vec<f64> {
    let mut count = 0_usize;
    let counts = (0..condition.len()).map(|row| {
        count += usize::from(condition.get(row));
        if let Some(gone) = row.checked_sub(n) {
            count -= usize::from(condition.get(gone));
        }
        if row + 1 >= n { count as f64 } else { f64::NAN }
    });
    counts.collect()
}
