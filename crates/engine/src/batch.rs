//! Running many variants over one series.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::settings::BothTouched;
use model::{CandleSlice, FillReason, JobSpec, OpenTimes, Outcome, SkipReason, Warmup};

use crate::ahead::Ahead;
use crate::beside::Beside;
use crate::bits::Bits;
use crate::evaluate::Evaluator;
use crate::frame::Column;
use crate::graph::{Graph, NodeId};
use crate::input::Seeded;
use crate::marks::{DayGrid, Ledger};
use crate::plan::{Draft, Exchange, Plan, draft};
use crate::sensitivity::{Sensitivity, Way};
use crate::walk::{Close, Journal, Observer, Position, Shared, Track, Walked, most_fills, walk};
use crate::{Error, Input};

/// Candles of a variant between two calls of its [`Monitor`].
pub const PROGRESS_STRIDE: usize = 8_192;

/// One variant run to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What is hashed and kept.
    pub outcome: Outcome,
    /// History asked for and found.
    pub warmup: Warmup,
    /// Candles in the range.
    pub candles: u64,
    /// Cash and position at the last close, in quote.
    pub final_equity: f64,
    /// Whether nothing was left to trade with.
    pub ruined: bool,
    /// Both ways through ambiguous candles, if `fill.sensitivity` asks for them; in no hash.
    pub sensitivity: Option<Sensitivity>,
}

/// What a monitor wants of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// End this variant with [`Error::Stopped`]; the others of the batch go on.
    Stop,
}

/// Is told how far a batch is.
pub trait Monitor {
    /// Variant `variant` (its index in the batch) has done `candles_done` candles of its range.
    ///
    /// Called every [`PROGRESS_STRIDE`] candles, not at the end; it should return at once.
    fn progress(&self, variant: usize, candles_done: usize) -> Control;
}

/// Runs every one of `specs` over `input`; results are in their order.
///
/// Equal parts of their strategies are computed once. A result depends on its spec and the candles
/// alone: it has the same bytes whatever else is in the batch.
pub fn run_batch(
    input: &Input<'_>,
    specs: &[&JobSpec],
    monitor: &impl Monitor,
) -> Vec<Result<Run, Error>> {
    let mut results: Vec<Option<Result<Run, Error>>> = specs.iter().map(|_| None).collect();
    run_each(input, specs, monitor, |index, result| results[index] = Some(result));
    results.into_iter().map(|result| result.expect("each variant was refused or run")).collect()
}

/// As [`run_batch`], but hands each result over as soon as it is there, with its index in `specs`.
///
/// The order is the engine's own. What is done with a result finds it in the cache, and the batch
/// never holds more than one.
pub fn run_each(
    input: &Input<'_>,
    specs: &[&JobSpec],
    monitor: &impl Monitor,
    done: impl FnMut(usize, Result<Run, Error>),
) {
    run_groups(input, specs, monitor, &mut Unobserved, done);
}

/// Runs `spec` candle by candle, skipping none: the plain walk that [`run_batch`] must equal.
///
/// Several times slower; for checks of the engine itself.
pub fn run_plain(input: &Input<'_>, spec: &JobSpec) -> Result<Run, Error> {
    let mut run = Err(Error::NoCandles);
    run_groups(input, &[spec], &Unmonitored, &mut EveryCandle, |_, result| run = result);
    run
}

fn run_groups(
    input: &Input<'_>,
    specs: &[&JobSpec],
    monitor: &impl Monitor,
    observer: &mut impl Observer,
    mut done: impl FnMut(usize, Result<Run, Error>),
) {
    let first = input.candles.lower_bound(input.range.start_ms);
    let end = input.candles.lower_bound(input.range.end_ms);
    if first >= end {
        (0..specs.len()).for_each(|index| done(index, Err(Error::NoCandles)));
        return;
    }
    let candles = input.candles.rows(0..end);
    let grid = DayGrid::new(input.calendar, input.timeframe, input.range, candles, first);
    let mut groups: BTreeMap<u32, Vec<(usize, &JobSpec, Beside<'_>)>> = BTreeMap::new();
    for (index, spec) in specs.iter().enumerate() {
        let traded = candles.rows(first..end);
        match refuse(input, spec).and_then(|()| Beside::new(input, spec, traded)) {
            Err(error) => done(index, Err(error)),
            Ok(beside) => groups.entry(spec.warmup).or_default().push((index, spec, beside)),
        }
    }
    for members in groups.into_values() {
        let group = Group::new(input, (first, end), members);
        group.run(&grid, &mut done, monitor, observer);
    }
}

/// Refuses what this version of the engine does not run and what `input` does not hold.
pub(crate) fn refuse(input: &Input<'_>, spec: &JobSpec) -> Result<(), Error> {
    let features = model::support::unsupported(spec);
    if !features.is_empty() {
        return Err(Error::Unsupported { features });
    }
    let has = |ticker: &str| input.extras.others.iter().any(|(name, _)| *name == ticker);
    if let Some(series) = spec.other_series().into_iter().find(|it| !has(&it.ticker)) {
        return Err(Error::NoOtherCandles { series });
    }
    if spec.signal_column.is_some() && input.extras.signals.is_none() {
        return Err(Error::NoSignals);
    }
    Ok(())
}

/// Variants of one W: all their nodes are seeded at the same row.
struct Group<'a, 'i> {
    input: &'i Input<'a>,
    /// What nodes are computed from.
    ground: Seeded<'a>,
    /// What all walks over its candles share.
    shared: Shared,
    /// First row of the range among them.
    first: usize,
    graph: Graph,
    members: Vec<Member<'a, 'i>>,
}

struct Member<'a, 'i> {
    index: usize,
    spec: &'i JobSpec,
    draft: Draft,
    beside: Beside<'a>,
}

impl<'a, 'i> Group<'a, 'i> {
    fn new(
        input: &'i Input<'a>,
        (first, end): (usize, usize),
        members: Vec<(usize, &'i JobSpec, Beside<'a>)>,
    ) -> Group<'a, 'i> {
        let any = members.first().map(|(_, spec, _)| *spec);
        let (asked, ticker) = any.map_or((0, ""), |spec| (spec.warmup, &spec.series.ticker));
        let seed = first.saturating_sub(asked as usize);
        let mut graph = Graph::of(ticker);
        let members = members.into_iter().map(|(index, spec, beside)| {
            let draft = draft(&mut graph, spec);
            Member { index, spec, draft, beside }
        });
        let members: Vec<_> = members.collect();
        let ground = input.seeded(seed, end);
        let shared = Shared::by(members.len(), ground.candles);
        Group { input, ground, shared, first: first - seed, graph, members }
    }

    fn run(
        &self,
        grid: &DayGrid,
        done: &mut impl FnMut(usize, Result<Run, Error>),
        monitor: &impl Monitor,
        observer: &mut impl Observer,
    ) {
        let mut evaluator = Evaluator::new(&self.graph, &self.ground);
        let uses = self.uses();
        let mut ahead = Ahead::of(&self.graph, &uses.first, self.ground.candles.len());
        let mut journal = Journal::default();
        for (position, member) in self.members.iter().enumerate() {
            evaluator.compare_ahead(ahead.before(position));
            let plan = member.draft.map(&mut Values(&mut evaluator));
            let progress = |candles_done| monitor.progress(member.index, candles_done);
            let run = self.walk(member, member.spec, &plan, &mut journal, observer, progress);
            let is_last = position + 1 == self.members.len();
            let run = run.map(|walked| self.finish(member, grid, &mut journal, is_last, walked));
            let run = run.and_then(|mut run| {
                if member.spec.fill.sensitivity {
                    // Its candles are done: only whether to go on is asked.
                    let done = self.ground.candles.len() - self.first;
                    let progress = |_| monitor.progress(member.index, done);
                    let both =
                        self.both_ways(member, &plan, &run, &mut journal, observer, progress);
                    run.sensitivity = Some(both?);
                }
                Ok(run)
            });
            done(member.index, run);
            drop(plan);
            for id in self.graph.ids().filter(|id| uses.last[id.index()] == Some(position)) {
                evaluator.forget(id);
            }
        }
    }

    fn walk(
        &self,
        member: &Member<'_, '_>,
        spec: &JobSpec,
        plan: &Plan<'_>,
        journal: &mut Journal,
        observer: &mut impl Observer,
        progress: impl FnMut(usize) -> Control,
    ) -> Result<Walked, Error> {
        let candles = (self.ground.candles, &self.shared);
        let track = track(self.input, candles, self.first, spec, plan, &member.beside);
        journal.restart(most_fills(&track), track.beside.funding().len());
        walk(track, journal, observer, progress).map_err(|_| Error::Stopped)
    }

    /// Walks the ways through ambiguous candles that `run` did not take.
    fn both_ways(
        &self,
        member: &Member<'_, '_>,
        plan: &Plan<'_>,
        run: &Run,
        journal: &mut Journal,
        observer: &mut impl Observer,
        progress: impl Fn(usize) -> Control,
    ) -> Result<Sensitivity, Error> {
        let entries = |fills: &[model::Fill]| {
            fills.iter().filter(|fill| fill.reason == FillReason::Entry).count() as u64
        };
        let ambiguous = run.outcome.counts.ambiguous;
        let trades = entries(&run.outcome.fills);
        let taken = Way { final_equity: run.final_equity, ambiguous, trades };
        let mut way = |rule: BothTouched| {
            if ambiguous == 0 || member.spec.fill.both_touched == rule {
                return Ok(taken);
            }
            let mut spec = member.spec.clone();
            spec.fill.both_touched = rule;
            let walked = self.walk(member, &spec, plan, journal, observer, &progress)?;
            let final_equity = self.final_equity(&spec, journal);
            let trades = entries(&journal.fills);
            Ok(Way { final_equity, ambiguous: walked.counts.ambiguous, trades })
        };
        let stop_first = way(BothTouched::StopFirst)?;
        Ok(Sensitivity { stop_first, target_first: way(BothTouched::TargetFirst)? })
    }

    /// Cash and position at the last close.
    fn final_equity(&self, spec: &JobSpec, journal: &Journal) -> f64 {
        let mut ledger = Ledger::new(spec.balance);
        journal.entries().for_each(|entry| ledger.book(entry));
        self.equity_at_end(&ledger)
    }

    fn equity_at_end(&self, ledger: &Ledger) -> f64 {
        ledger.equity(self.ground.candles.close[self.ground.candles.len() - 1])
    }

    /// `is_last`: the fills of `journal` are handed over, not copied.
    fn finish(
        &self,
        member: &Member<'_, '_>,
        grid: &DayGrid,
        journal: &mut Journal,
        is_last: bool,
        walked: Walked,
    ) -> Run {
        let spec = member.spec;
        let mut counts = walked.counts;
        counts.missing = self.input.missing;
        let (daily_marks, ledger) = grid.marks(spec.balance, journal, self.input.candles);
        let outcome = Outcome {
            daily_marks,
            fills: if is_last { journal.take_fills() } else { journal.fills.clone() },
            funding: journal.funding.clone(),
            open_position: walked.open_position,
            counts,
        };
        Run {
            outcome,
            warmup: self.warmup(spec),
            candles: (self.ground.candles.len() - self.first) as u64,
            final_equity: self.equity_at_end(&ledger),
            ruined: walked.ruined,
            sensitivity: None,
        }
    }

    fn warmup(&self, spec: &JobSpec) -> Warmup {
        let got = u32::try_from(self.first).expect("no more than W, which is an u32");
        Warmup { asked: spec.warmup, got }
    }

    /// Who needs each node: itself, or to compute a node for the first time.
    fn uses(&self) -> Uses {
        let mut uses =
            Uses { first: vec![None; self.graph.len()], last: vec![None; self.graph.len()] };
        for (position, member) in self.members.iter().enumerate() {
            member.draft.map(&mut Roots(|id| uses.note(id, position)));
        }
        for id in self.graph.ids().rev() {
            if let Some(position) = uses.first[id.index()] {
                let (_, node) = self.graph.node(id);
                node.inputs(|input| uses.note(input, position));
            }
        }
        uses
    }
}

/// First and last member that needs each node.
struct Uses {
    first: Vec<Option<usize>>,
    last: Vec<Option<usize>>,
}

impl Uses {
    fn note(&mut self, id: NodeId, position: usize) {
        let first = &mut self.first[id.index()];
        *first = Some(first.map_or(position, |earlier| earlier.min(position)));
        let last = &mut self.last[id.index()];
        *last = Some(last.map_or(position, |later| later.max(position)));
    }
}

/// What a variant walks.
pub(crate) fn track<'t>(
    input: &'t Input<'_>,
    (candles, shared): (CandleSlice<'t>, &'t Shared),
    first: usize,
    spec: &'t JobSpec,
    plan: &'t Plan<'t>,
    beside: &'t Beside<'t>,
) -> Track<'t> {
    Track {
        candles,
        times: OpenTimes::new(candles.open_time_ms, input.timeframe),
        shared,
        first,
        timeframe_ms: input.timeframe.ms(),
        calendar: input.calendar,
        instrument: input.instrument,
        spec,
        plan,
        beside,
    }
}

/// Puts values in the place of nodes.
pub(crate) struct Values<'e, 'a, 'g>(pub(crate) &'e mut Evaluator<'a, 'g>);

impl<'a> Exchange<NodeId, NodeId, Column<'a>, Rc<Bits>> for Values<'_, 'a, '_> {
    fn number(&mut self, number: &NodeId) -> Column<'a> {
        self.0.number(*number)
    }

    fn truth(&mut self, truth: &NodeId) -> Rc<Bits> {
        self.0.truth(*truth)
    }
}

/// Names the nodes that a plan reads.
struct Roots<F>(F);

impl<F: FnMut(NodeId)> Exchange<NodeId, NodeId, (), ()> for Roots<F> {
    fn number(&mut self, number: &NodeId) {
        (self.0)(*number);
    }

    fn truth(&mut self, truth: &NodeId) {
        (self.0)(*truth);
    }
}

/// Nobody looks, so candles may be skipped.
struct Unobserved;

impl Observer for Unobserved {
    const WATCHES: bool = false;
    fn inside(&mut self, _: usize, _: Option<&Position>) {}
    fn closed(&mut self, _: usize, _: &Close) {}
    fn skipped(&mut self, _: usize, _: SkipReason) {}
}

/// Nothing is done with what is seen, but every candle is walked.
struct EveryCandle;

impl Observer for EveryCandle {
    const WATCHES: bool = true;
    fn inside(&mut self, _: usize, _: Option<&Position>) {}
    fn closed(&mut self, _: usize, _: &Close) {}
    fn skipped(&mut self, _: usize, _: SkipReason) {}
}

/// Nobody asks how far a batch is.
struct Unmonitored;

impl Monitor for Unmonitored {
    fn progress(&self, _: usize, _: usize) -> Control {
        Control::Continue
    }
}
