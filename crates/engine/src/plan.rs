//! A strategy taken apart for the walk: which nodes it reads and how its conditions are put
//! together.
//!
//! A plan is made of node numbers first ([`Draft`]) and of their values when its turn comes
//! ([`Plan`]). Conditions that read the state of the position become "any of (a stateless
//! condition and guards)"; the guards are run only where the stateless part holds.

use std::rc::Rc;

use model::settings::{EntryOrder, LevelForm, ThenStop};
use model::strategy::{CompareOp, Cond, Expr, PositionField};
use model::{FillReason, JobSpec, settings};

use crate::bits::Bits;
use crate::frame::Column;
use crate::graph::{FrameId, Graph, NodeId};

/// A plan whose values are not computed yet.
pub(crate) type Draft = Parts<NodeId, NodeId>;
/// A plan with its values.
pub(crate) type Plan<'a> = Parts<Column<'a>, Rc<Bits>>;

/// What a strategy reads; `N` stands for numbers, `T` for conditions.
#[derive(Clone, Debug)]
pub(crate) struct Parts<N, T> {
    pub(crate) long: Rule<N, T>,
    pub(crate) short: Rule<N, T>,
    pub(crate) exit_long: Rule<N, T>,
    pub(crate) exit_short: Rule<N, T>,
    pub(crate) stop: Option<Level<N>>,
    pub(crate) target: Option<Level<N>>,
    pub(crate) trail: Option<Trail<N>>,
    pub(crate) exits: Vec<PartialExit<N>>,
    pub(crate) pending: Option<PendingEntry<N, T>>,
}

/// A condition: any of its clauses.
#[derive(Clone, Debug)]
pub(crate) struct Rule<N, T> {
    /// All clauses without guards in one.
    pub(crate) plain: T,
    pub(crate) guarded: Vec<Clause<N, T>>,
}

/// A stateless condition and guards that must all hold.
#[derive(Clone, Debug)]
pub(crate) struct Clause<N, T> {
    pub(crate) stateless: T,
    pub(crate) guards: Vec<Guard<N>>,
}

/// A question about the account.
#[derive(Clone, Debug)]
pub(crate) enum Guard<N> {
    /// A state compared with a number; false where either is null.
    Compare { field: PositionField, op: CompareOp, number: N },
    /// Whether the last trade ended so; false both ways before the first.
    LastExit { reason: FillReason, negated: bool },
}

/// How a stop or target is computed.
#[derive(Clone, Debug)]
pub(crate) struct Level<N> {
    pub(crate) form: Form<N>,
    pub(crate) follow: bool,
}

/// See [`LevelForm`].
#[derive(Clone, Debug)]
pub(crate) enum Form<N> {
    Pct(f64),
    Distance(N),
    Price(N),
    /// The entry price.
    Entry,
}

/// See [`settings::Trail`].
#[derive(Clone, Debug)]
pub(crate) struct Trail<N> {
    pub(crate) form: Form<N>,
    pub(crate) follow: bool,
    pub(crate) activation_pct: Option<f64>,
}

/// See [`settings::PartialExit`].
#[derive(Clone, Debug)]
pub(crate) struct PartialExit<N> {
    pub(crate) target: Level<N>,
    pub(crate) close_pct: f64,
    pub(crate) then_stop: Option<Level<N>>,
}

/// See [`settings::PendingEntry`].
#[derive(Clone, Debug)]
pub(crate) struct PendingEntry<N, T> {
    pub(crate) is_stop: bool,
    pub(crate) price: N,
    pub(crate) expire_candles: Option<usize>,
    pub(crate) cancel_if: Option<T>,
}

/// Takes `spec` apart; its nodes are added to `graph`.
pub(crate) fn draft(graph: &mut Graph, spec: &JobSpec) -> Draft {
    let money = &spec.money_management;
    let signals = &spec.signals;
    let [long, short, exit_long, exit_short] = if spec.signal_column.is_some() {
        uploaded(graph)
    } else {
        [&signals.long, &signals.short, &signals.exit_long, &signals.exit_short]
            .map(|cond| rule(graph, cond.as_ref().unwrap_or(&NEVER)))
    };
    Parts {
        long,
        short,
        exit_long,
        exit_short,
        stop: money.stop.as_ref().map(|stop| level(graph, stop)),
        target: money.target.as_ref().map(|target| level(graph, target)),
        trail: money.trail.as_ref().map(|trail| Trail {
            form: form(graph, &trail.form),
            follow: trail.follow,
            activation_pct: trail.activation_pct,
        }),
        exits: money.exits.iter().map(|exit| partial(graph, exit)).collect(),
        pending: pending(graph, &spec.risk.entry_order),
    }
}

const NEVER: Cond = Cond::Constant(false);

fn level(graph: &mut Graph, level: &settings::Level) -> Level<NodeId> {
    Level { form: form(graph, &level.form), follow: level.follow }
}

fn form(graph: &mut Graph, form: &LevelForm) -> Form<NodeId> {
    match form {
        LevelForm::Pct(pct) => Form::Pct(*pct),
        LevelForm::Distance(expr) => Form::Distance(graph.expr(FrameId::BASE, expr)),
        LevelForm::Price(expr) => Form::Price(graph.expr(FrameId::BASE, expr)),
    }
}

fn partial(graph: &mut Graph, exit: &settings::PartialExit) -> PartialExit<NodeId> {
    PartialExit {
        target: level(graph, &exit.target),
        close_pct: exit.close_pct,
        then_stop: exit.then_stop.as_ref().map(|stop| match stop {
            ThenStop::Entry => Level { form: Form::Entry, follow: false },
            ThenStop::Level(stop) => level(graph, stop),
        }),
    }
}

fn pending(graph: &mut Graph, order: &EntryOrder) -> Option<PendingEntry<NodeId, NodeId>> {
    let (is_stop, entry) = match order {
        EntryOrder::Market => return None,
        EntryOrder::Limit(entry) => (false, entry),
        EntryOrder::Stop(entry) => (true, entry),
    };
    Some(PendingEntry {
        is_stop,
        price: graph.expr(FrameId::BASE, &entry.price),
        expire_candles: entry.expire_candles.map(|candles| candles.get() as usize),
        cancel_if: entry.cancel_if.as_ref().map(|cond| graph.cond(FrameId::BASE, cond)),
    })
}

/// The four conditions of an uploaded column, which says what is wanted: long (1), short (-1) or
/// neither (0). A position that is not wanted is left.
fn uploaded(graph: &mut Graph) -> [Rule<NodeId, NodeId>; 4] {
    let conditions =
        [(CompareOp::Eq, 1.0), (CompareOp::Eq, -1.0), (CompareOp::Ne, 1.0), (CompareOp::Ne, -1.0)];
    conditions
        .map(|(op, wanted)| Rule { plain: graph.uploaded_is(op, wanted), guarded: Vec::new() })
}

/// `cond` as any of clauses. A strategy has at most as many as [`model::support`] lets pass.
fn rule(graph: &mut Graph, cond: &Cond) -> Rule<NodeId, NodeId> {
    let (mut plain, mut guarded) = (Vec::new(), Vec::new());
    for clause in clauses(graph, cond, false) {
        let stateless = graph.all(clause.stateless);
        if clause.guards.is_empty() {
            plain.push(stateless);
        } else {
            guarded.push(Clause { stateless, guards: clause.guards });
        }
    }
    Rule { plain: graph.any(plain), guarded }
}

/// A clause on the way: all of the nodes and guards hold.
type OpenClause = Clause<NodeId, Vec<NodeId>>;

fn clauses(graph: &mut Graph, cond: &Cond, negated: bool) -> Vec<OpenClause> {
    if !model::support::reads_position(cond) {
        let stateless = vec![graph.signed(FrameId::BASE, cond, negated)];
        return vec![Clause { stateless, guards: Vec::new() }];
    }
    let guard = match cond {
        Cond::Not(cond) => return clauses(graph, cond, !negated),
        Cond::All(conds) | Cond::Any(conds) => {
            let parts: Vec<_> = conds.iter().map(|cond| clauses(graph, cond, negated)).collect();
            let any = matches!(cond, Cond::Any(_)) != negated;
            return if any { parts.concat() } else { product(&parts) };
        }
        Cond::LastExitIs(reason) => Guard::LastExit { reason: *reason, negated },
        Cond::Compare { op, left, right } => {
            let op = if negated { op.complement() } else { *op };
            match (left, right) {
                (Expr::Position(field), number) => {
                    Guard::Compare { field: *field, op, number: graph.expr(FrameId::BASE, number) }
                }
                (number, Expr::Position(field)) => {
                    let number = graph.expr(FrameId::BASE, number);
                    Guard::Compare { field: *field, op: mirrored(op), number }
                }
                _ => unreachable!("the state of the position inside a number is refused"),
            }
        }
        Cond::Constant(_)
        | Cond::CrossUp { .. }
        | Cond::CrossDown { .. }
        | Cond::Is(_)
        | Cond::Within(..)
        | Cond::Held(..)
        | Cond::Rising(..)
        | Cond::Falling(..)
        | Cond::Scope { .. } => unreachable!("the state of the position is refused there"),
    };
    vec![Clause { stateless: Vec::new(), guards: vec![guard] }]
}

/// All of `parts`, each any of clauses, as any of clauses.
fn product(parts: &[Vec<OpenClause>]) -> Vec<OpenClause> {
    let all = vec![Clause { stateless: Vec::new(), guards: Vec::new() }];
    parts.iter().fold(all, |joined, part| {
        let pairs = joined.iter().flat_map(|left| part.iter().map(move |right| (left, right)));
        let join = |(left, right): (&OpenClause, &OpenClause)| Clause {
            stateless: [left.stateless.as_slice(), &right.stateless].concat(),
            guards: left.guards.iter().chain(&right.guards).cloned().collect(),
        };
        pairs.map(join).collect()
    })
}

/// The comparison with its sides exchanged.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        CompareOp::Eq | CompareOp::Ne => op,
    }
}

impl<N, T> Parts<N, T> {
    /// The same plan with every number and condition exchanged for what `values` makes of it.
    pub(crate) fn map<N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> Parts<N2, T2> {
        Parts {
            long: self.long.map(values),
            short: self.short.map(values),
            exit_long: self.exit_long.map(values),
            exit_short: self.exit_short.map(values),
            stop: self.stop.as_ref().map(|stop| stop.map(values)),
            target: self.target.as_ref().map(|target| target.map(values)),
            trail: self.trail.as_ref().map(|trail| Trail {
                form: trail.form.map(values),
                follow: trail.follow,
                activation_pct: trail.activation_pct,
            }),
            exits: self.exits.iter().map(|exit| exit.map(values)).collect(),
            pending: self.pending.as_ref().map(|entry| PendingEntry {
                is_stop: entry.is_stop,
                price: values.number(&entry.price),
                expire_candles: entry.expire_candles,
                cancel_if: entry.cancel_if.as_ref().map(|cond| values.truth(cond)),
            }),
        }
    }
}

/// What [`Parts::map`] puts in the place of numbers and conditions.
pub(crate) trait Exchange<N, T, N2, T2> {
    /// In the place of a number.
    fn number(&mut self, number: &N) -> N2;
    /// In the place of a condition.
    fn truth(&mut self, truth: &T) -> T2;
}

impl<N, T> Rule<N, T> {
    fn map<N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> Rule<N2, T2> {
        Rule {
            plain: values.truth(&self.plain),
            guarded: self.guarded.iter().map(|clause| clause.map(values)).collect(),
        }
    }
}

impl<N, T> Clause<N, T> {
    fn map<N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> Clause<N2, T2> {
        let guards = self.guards.iter().map(|guard| match guard {
            Guard::Compare { field, op, number } => {
                Guard::Compare { field: *field, op: *op, number: values.number(number) }
            }
            Guard::LastExit { reason, negated } => {
                Guard::LastExit { reason: *reason, negated: *negated }
            }
        });
        let guards = guards.collect();
        Clause { stateless: values.truth(&self.stateless), guards }
    }
}

impl<N> Level<N> {
    fn map<T, N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> Level<N2> {
        Level { form: self.form.map(values), follow: self.follow }
    }
}

impl<N> Form<N> {
    fn map<T, N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> Form<N2> {
        match self {
            Form::Pct(pct) => Form::Pct(*pct),
            Form::Distance(number) => Form::Distance(values.number(number)),
            Form::Price(number) => Form::Price(values.number(number)),
            Form::Entry => Form::Entry,
        }
    }
}

impl<N> PartialExit<N> {
    fn map<T, N2, T2>(&self, values: &mut impl Exchange<N, T, N2, T2>) -> PartialExit<N2> {
        PartialExit {
            target: self.target.map(values),
            close_pct: self.close_pct,
            then_stop: self.then_stop.as_ref().map(|stop| stop.map(values)),
        }
    }
}
