//! This process as a node: beats, leases, and what runs under them.
//!
//! `step` decides; here its effects are carried out, one request at a time, each with a limit that
//! ends before the leases do. What runs under a lease is one supervised task, which ends with the
//! lease. A node that cannot renew for two thirds of a lease stops its tasks first, then says on
//! `/readyz` that no client should come here; it goes on beating, so that it heals by itself.

#[cfg(test)]
mod simulation;
mod step;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::{DatabaseTime, Fenced, Lease, NodeBeat, NodeId, Sweep};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use step::{Effect, Event, Holder};

/// Beats that are remembered, to tell how far a replica is behind.
const BEATS: usize = 64;
/// Longest wait for a sign-off.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the other parts of the process may know of the node.
#[derive(Default)]
pub(crate) struct NodeState(Mutex<Known>);

#[derive(Default)]
struct Known {
    node: Option<NodeId>,
    /// When the beat that holds now was sent; `None` where none does.
    beaten: Option<Instant>,
    /// Stored times of the last beats and when they were sent.
    beats: Vec<(DatabaseTime, Instant)>,
    runs: bool,
}

/// Whether the node can renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// No node runs in this process.
    Off,
    /// It renewed lately.
    Live,
    /// It could not renew for too long, and holds nothing.
    Fenced,
}

impl NodeState {
    /// Whether the node can renew.
    pub(crate) fn liveness(&self, fence_after: Duration) -> Liveness {
        let known = self.lock();
        match known.beaten {
            _ if !known.runs => Liveness::Off,
            Some(beaten) if beaten.elapsed() < fence_after => Liveness::Live,
            Some(_) | None => Liveness::Fenced,
        }
    }

    /// The node.
    pub(crate) fn id(&self) -> Option<NodeId> {
        self.lock().node.clone()
    }

    /// How old a copy of the database is at most that last saw this node at `seen_at`.
    pub(crate) fn age_of(&self, seen_at: DatabaseTime) -> Option<Duration> {
        let known = self.lock();
        let newest = known.beats.iter().rev().find(|(beat, _)| *beat <= seen_at)?;
        Some(newest.1.elapsed())
    }

    fn entered(&self, node: &NodeId) {
        let mut known = self.lock();
        *known = Known { node: Some(node.clone()), runs: true, ..Known::default() };
    }

    fn beaten(&self, seen_at: DatabaseTime, sent: Instant) {
        let mut known = self.lock();
        known.beaten = Some(sent);
        if known.beats.len() == BEATS {
            known.beats.remove(0);
        }
        known.beats.push((seen_at, sent));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node of a process.
struct Runner {
    app: App,
    started: Instant,
    node: NodeId,
    holder: Holder,
    running: BTreeMap<Lease, CancellationToken>,
    tasks: TaskTracker,
    refused: mpsc::UnboundedSender<Lease>,
}

impl App {
    /// Runs the node of this process until `stop`, then signs off.
    pub(crate) async fn run_node(&self, stop: CancellationToken) {
        self.node_state().lock().runs = true;
        let Some(Some(node)) = stop.run_until_cancelled(self.enter_node(false)).await else {
            return;
        };
        let wanted = Sweep::ALL.map(Sweep::lease).to_vec();
        let (refused, refusals) = mpsc::unbounded_channel();
        let mut runner = Runner {
            app: self.clone(),
            started: Instant::now(),
            node,
            holder: Holder::new(self.config().node, wanted),
            running: BTreeMap::new(),
            tasks: TaskTracker::new(),
            refused,
        };
        stop.run_until_cancelled(runner.run(refusals)).await;
        runner.leave().await;
    }

    /// Enters this process as a node, trying until it is entered.
    async fn enter_node(&self, fresh: bool) -> Option<NodeId> {
        let config = self.config();
        let id = if fresh {
            format!("{} {}", config.node_id, uuid::Uuid::now_v7())
        } else {
            config.node_id.clone()
        };
        loop {
            let enter = self.store().enter_node(&id, &config.node_url, &config.version);
            match tokio::time::timeout(config.node.beat, enter).await {
                Ok(Ok(node)) => {
                    tracing::info!(node.id = %node.id, node.generation = node.generation, "entered");
                    self.node_state().entered(&node);
                    return Some(node);
                }
                Ok(Err(error)) => tracing::warn!(%error, "the node cannot enter; trying again"),
                Err(_elapsed) => tracing::warn!("the node cannot enter in time; trying again"),
            }
            tokio::time::sleep(config.node.beat / 4).await;
        }
    }
}

impl Runner {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Beats and holds. Never ends by itself.
    async fn run(&mut self, mut refusals: mpsc::UnboundedReceiver<Lease>) {
        let mut due = self.now();
        loop {
            let now = self.now();
            if now >= due {
                due = now + self.app.config().node.beat;
                self.happen(Event::Tick).await;
            }
            let wake = self.holder.deadline().map_or(due, |deadline| deadline.min(due));
            let wait = wake.saturating_sub(self.now());
            tokio::select! {
                () = tokio::time::sleep(wait) => if self.holder.deadline().is_some_and(|at| at <= self.now()) {
                    // A lease is over: a beat at once may still save the others.
                    due = self.now();
                },
                Some(lease) = refusals.recv() => self.happen(Event::Refused(lease)).await,
            }
        }
    }

    /// Carries out what follows from `event`, and what follows from that.
    async fn happen(&mut self, event: Event) {
        // In the order in which they were answered: a beat says what was held before the claims after it.
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.holder.step(self.now(), event) {
                events.extend(self.carry_out(effect).await);
            }
            metrics::gauge!("backfleet_leases_held").set(self.holder.len() as f64);
            let live = self.holder.is_live(self.now());
            metrics::gauge!("backfleet_node_live").set(if live { 1.0 } else { 0.0 });
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Beat => self.beat().await,
            Effect::Claim(key) => {
                let sent = self.now();
                let ttl = self.app.config().node.ttl;
                let claim = self.app.store().claim_lease(&self.node, &key, ttl);
                match tokio::time::timeout(self.limit(), claim).await {
                    Ok(Ok(lease)) => Some(Event::Claimed { sent, lease: lease? }),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, lease.key = %key.key, "a lease could not be claimed");
                        None
                    }
                    Err(_elapsed) => {
                        tracing::warn!(lease.key = %key.key, "a lease could not be claimed in time");
                        None
                    }
                }
            }
            Effect::Start(lease) => {
                self.start(lease);
                None
            }
            Effect::Stop(lease) => {
                if let Some(stop) = self.running.remove(&lease) {
                    stop.cancel();
                }
                tracing::info!(lease.key = %lease.key.key, lease.epoch = lease.epoch, "lease over");
                None
            }
            Effect::Enter => {
                tracing::warn!(node.id = %self.node.id, "another process runs under this node's id");
                self.node = self.app.enter_node(true).await?;
                None
            }
        }
    }

    async fn beat(&mut self) -> Option<Event> {
        let (sent, at) = (self.now(), Instant::now());
        let ttl = self.app.config().node.ttl;
        let beat = self.app.store().beat_node(&self.node, ttl);
        match tokio::time::timeout(self.limit(), beat).await {
            Ok(Ok(NodeBeat::Alive { seen_at, held })) => {
                self.app.node_state().beaten(seen_at, at);
                Some(Event::Beaten { sent, held })
            }
            Ok(Ok(NodeBeat::Superseded)) => Some(Event::Superseded),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the node could not beat");
                None
            }
            Err(_elapsed) => {
                tracing::warn!("the node could not beat in time");
                None
            }
        }
    }

    /// Longest wait for an answer: less than a beat, and not beyond the end of a lease.
    fn limit(&self) -> Duration {
        let beat = self.app.config().node.beat;
        let left = self.holder.deadline().map(|deadline| deadline.saturating_sub(self.now()));
        left.map_or(beat, |left| left.clamp(Duration::from_millis(1), beat))
    }

    /// Runs what a lease is about until the lease is over.
    fn start(&mut self, lease: Lease) {
        let Some(sweep) = Sweep::ALL.into_iter().find(|sweep| sweep.lease() == lease.key) else {
            return;
        };
        tracing::info!(lease.key = %lease.key.key, lease.epoch = lease.epoch, "lease taken");
        let stop = CancellationToken::new();
        self.running.insert(lease.clone(), stop.clone());
        let (app, node, refused) = (self.app.clone(), self.node.clone(), self.refused.clone());
        self.tasks.spawn(async move {
            let work = app.keep_sweeping(node, lease.clone(), sweep);
            if stop.run_until_cancelled(work).await.is_some() {
                // The node may be gone.
                let _heard = refused.send(lease);
            }
        });
    }

    /// Stops what runs and signs off.
    async fn leave(&mut self) {
        self.holder.stop_all();
        for stop in std::mem::take(&mut self.running).into_values() {
            stop.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
        let leave = self.app.store().leave_node(&self.node);
        if !matches!(tokio::time::timeout(LEAVE_TIMEOUT, leave).await, Ok(Ok(()))) {
            tracing::info!("the node could not sign off: its leases end by themselves");
        }
    }
}

impl App {
    /// Sweeps again and again; ends when the lease is not ours any more.
    async fn keep_sweeping(&self, node: NodeId, lease: Lease, sweep: Sweep) {
        let period = self.config().sweep_period;
        loop {
            match self.store().sweep(&node, &lease, sweep, period).await {
                Ok(Fenced::Done(0)) => {}
                Ok(Fenced::Done(changed)) => {
                    let name = match sweep {
                        Sweep::Backoffs => "backfleet_backoffs_ended_total",
                        Sweep::Bundles => "backfleet_bundles_finished_by_sweep_total",
                    };
                    metrics::counter!(name).increment(changed);
                }
                Ok(Fenced::Lost) => {
                    metrics::counter!("backfleet_lease_writes_refused_total").increment(1);
                    return;
                }
                Err(error) => tracing::debug!(%error, ?sweep, "a sweep was skipped"),
            }
            tokio::time::sleep(period).await;
        }
    }
}
