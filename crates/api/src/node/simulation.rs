//! Nodes, a database and a network that lie still in one thread: time is a number, chance is a seed.
//!
//! Messages are late or lost, nodes are cut off, frozen and restarted, and their clocks differ by
//! minutes. What must hold whatever happens: of what is written under a key the epochs only rise; two
//! nodes believe in one lease at once only if one of them was frozen; when it is quiet again each
//! key is held once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use store::{Lease, LeaseKey, NodeTimes};

use super::step::{Effect, Event, Holder};

const TIMES: NodeTimes =
    NodeTimes { beat: Duration::from_millis(200), ttl: Duration::from_secs(1) };
/// Milliseconds between two writes of a holder.
const WRITE: u64 = 70;
/// Milliseconds of trouble, then of quiet.
const TROUBLE: u64 = 20_000;
const QUIET: u64 = 3_000;
const NODES: usize = 3;
const KEYS: usize = 5;

/// A seeded source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % end
    }
}

/// A row of the table of leases.
#[derive(Clone, Copy)]
struct Row {
    owner: (usize, u64),
    epoch: i64,
    expires: u64,
}

enum Request {
    Beat,
    Claim(LeaseKey),
    Write(Lease),
}

enum Reply {
    Held(Vec<Lease>),
    Claimed(Option<Lease>),
    Written(Lease, bool),
}

/// What happens next to a node.
enum Message {
    /// Its timer.
    Wake,
    /// An answer to the request of this number.
    Answer(u64, Reply),
    /// The wait for the answer of this number is over.
    Timeout(u64),
}

struct Node {
    holder: Holder,
    /// Milliseconds that its clock is ahead.
    ahead: u64,
    generation: u64,
    running: BTreeSet<Lease>,
    effects: Vec<Effect>,
    /// The request that is waited for: its number, and its time by the node's clock.
    waiting: Option<(u64, Duration)>,
    due: u64,
    frozen_until: u64,
    was_frozen: bool,
}

struct World {
    now: u64,
    chance: Chance,
    table: BTreeMap<LeaseKey, Row>,
    nodes: Vec<Node>,
    /// Node, its generation then, and what happens, by time and order.
    agenda: BTreeMap<(u64, u64), (usize, u64, Message)>,
    next: u64,
    cut_until: [u64; NODES],
    /// Whether nodes are frozen at all.
    freezes: bool,
    written: BTreeMap<LeaseKey, Vec<i64>>,
    refused: usize,
}

fn keys() -> Vec<LeaseKey> {
    (0..KEYS).map(|key| LeaseKey::new("k", key.to_string())).collect()
}

impl World {
    fn new(seed: u64, freezes: bool) -> World {
        let mut chance = Chance(seed);
        let nodes = (0..NODES).map(|_| Node {
            holder: Holder::new(TIMES, keys()),
            ahead: chance.below(1_200_000),
            generation: 0,
            running: BTreeSet::new(),
            effects: Vec::new(),
            waiting: None,
            due: 0,
            frozen_until: 0,
            was_frozen: false,
        });
        let nodes = nodes.collect();
        let mut world = World {
            now: 0,
            chance,
            table: BTreeMap::new(),
            nodes,
            agenda: BTreeMap::new(),
            next: 0,
            cut_until: [0; NODES],
            freezes,
            written: BTreeMap::new(),
            refused: 0,
        };
        for node in 0..NODES {
            world.plan(node, 0, Message::Wake);
        }
        world
    }

    fn plan(&mut self, node: usize, wait: u64, message: Message) {
        self.next += 1;
        let generation = self.nodes[node].generation;
        self.agenda.insert((self.now + wait, self.next), (node, generation, message));
    }

    fn run(&mut self) {
        while let Some(((at, _), (node, generation, message))) = self.agenda.pop_first() {
            if at > TROUBLE + QUIET {
                return;
            }
            self.now = at;
            if at < TROUBLE && self.chance.below(400) == 0 {
                self.strike();
            }
            let frozen_until = self.nodes[node].frozen_until;
            if frozen_until > self.now {
                self.plan(node, frozen_until - self.now, message);
            } else if self.nodes[node].generation == generation {
                self.happen(node, message);
            }
            self.check_beliefs();
        }
    }

    /// Something bad happens to some node.
    fn strike(&mut self) {
        let node = usize::try_from(self.chance.below(NODES as u64)).unwrap();
        let until = self.now + self.chance.below(3_000);
        match self.chance.below(3) {
            0 => self.cut_until[node] = until,
            1 if self.freezes => {
                self.nodes[node].frozen_until = until;
                self.nodes[node].was_frozen = true;
            }
            _ => {
                let old = &mut self.nodes[node];
                old.generation += 1;
                old.holder = Holder::new(TIMES, keys());
                (old.running, old.effects, old.waiting) = (BTreeSet::new(), Vec::new(), None);
                (old.due, old.was_frozen) = (0, false);
                self.plan(node, 50, Message::Wake);
            }
        }
    }

    fn local(&self, node: usize) -> Duration {
        Duration::from_millis(self.now + self.nodes[node].ahead)
    }

    fn happen(&mut self, node: usize, message: Message) {
        let local = self.local(node);
        match message {
            Message::Wake => {
                self.plan(node, WRITE, Message::Wake);
                for lease in self.nodes[node].running.clone() {
                    self.send(node, Request::Write(lease), 0);
                }
                let overdue = self.nodes[node].holder.deadline().is_some_and(|at| at <= local);
                let state = &mut self.nodes[node];
                if overdue {
                    // No wait for an answer goes beyond the end of a lease.
                    (state.effects, state.waiting) = (Vec::new(), None);
                }
                let idle = state.effects.is_empty() && state.waiting.is_none();
                if overdue || idle && self.now >= state.due {
                    state.due = self.now + 200;
                    self.step(node, Event::Tick);
                }
            }
            Message::Answer(_, Reply::Written(lease, ok)) => {
                if !ok {
                    self.refused += 1;
                    self.step(node, Event::Refused(lease));
                }
            }
            Message::Answer(number, reply) => {
                let waiting = self.nodes[node].waiting;
                let Some((_, sent)) = waiting.filter(|(waited, _)| *waited == number) else {
                    return;
                };
                self.nodes[node].waiting = None;
                match reply {
                    Reply::Held(held) => self.step(node, Event::Beaten { sent, held }),
                    Reply::Claimed(Some(lease)) => self.step(node, Event::Claimed { sent, lease }),
                    Reply::Claimed(None) | Reply::Written(..) => self.go_on(node),
                }
            }
            Message::Timeout(number) => {
                if self.nodes[node].waiting.is_some_and(|(waited, _)| waited == number) {
                    self.nodes[node].waiting = None;
                    self.go_on(node);
                }
            }
        }
    }

    fn step(&mut self, node: usize, event: Event) {
        let local = self.local(node);
        let effects = self.nodes[node].holder.step(local, event);
        for effect in effects {
            match effect {
                Effect::Start(lease) => {
                    assert!(self.nodes[node].running.insert(lease), "started twice");
                }
                Effect::Stop(lease) => {
                    assert!(self.nodes[node].running.remove(&lease), "stopped twice");
                }
                ask @ (Effect::Beat | Effect::Claim(_) | Effect::Enter) => {
                    self.nodes[node].effects.push(ask);
                }
            }
        }
        self.go_on(node);
    }

    /// One request at a time, as the node's runner does.
    fn go_on(&mut self, node: usize) {
        if self.nodes[node].waiting.is_some() || self.nodes[node].effects.is_empty() {
            return;
        }
        let request = match self.nodes[node].effects.remove(0) {
            Effect::Claim(key) => Request::Claim(key),
            Effect::Beat | Effect::Start(_) | Effect::Stop(_) | Effect::Enter => Request::Beat,
        };
        self.next += 1;
        let number = self.next;
        self.nodes[node].waiting = Some((number, self.local(node)));
        self.plan(node, 200, Message::Timeout(number));
        self.send(node, request, number);
    }

    /// The request reaches the database now or never, its answer soon, late or never.
    fn send(&mut self, node: usize, request: Request, number: u64) {
        let is_cut = self.cut_until[node] > self.now;
        let troubled = self.now < TROUBLE;
        if is_cut || troubled && self.chance.below(50) == 0 {
            return;
        }
        let reply = self.serve(node, request);
        if !troubled || self.chance.below(50) > 0 {
            let late = if troubled && self.chance.below(30) == 0 { 700 } else { 0 };
            let wait = 1 + self.chance.below(30) + late;
            self.plan(node, wait, Message::Answer(number, reply));
        }
    }

    /// What the statements of the store do, by the database's clock.
    fn serve(&mut self, node: usize, request: Request) -> Reply {
        let owner = (node, self.nodes[node].generation);
        let expires = self.now + 1_000;
        match request {
            Request::Beat => {
                let mut held = Vec::new();
                for (key, row) in &mut self.table {
                    if row.owner == owner && row.expires > self.now {
                        row.expires = expires;
                        held.push(Lease { key: key.clone(), epoch: row.epoch });
                    }
                }
                Reply::Held(held)
            }
            Request::Claim(key) => {
                let row = self.table.get(&key).copied();
                let is_mine = |row: Row| row.owner.0 == node && row.owner.1 < owner.1;
                if row.is_some_and(|row| row.expires > self.now && !is_mine(row)) {
                    return Reply::Claimed(None);
                }
                let epoch = row.map_or(1, |row| row.epoch + 1);
                self.table.insert(key.clone(), Row { owner, epoch, expires });
                Reply::Claimed(Some(Lease { key, epoch }))
            }
            Request::Write(lease) => {
                let row = self.table[&lease.key];
                let holds = row.owner == owner && row.epoch == lease.epoch;
                let ok = holds && row.expires > self.now;
                if ok {
                    self.written.entry(lease.key.clone()).or_default().push(lease.epoch);
                }
                Reply::Written(lease, ok)
            }
        }
    }

    /// Only a node that was frozen may believe in what is another's.
    fn check_beliefs(&self) {
        let mut believers = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.was_frozen) {
            let local = self.local(index);
            // A task is stopped at the deadline; here that is the next wake, so the time counts.
            let live = node.holder.deadline().is_some_and(|deadline| deadline > local);
            for lease in node.running.iter().filter(|_| live) {
                let other = believers.insert(&lease.key, index);
                assert_eq!(other, None, "{:?} is held twice at {}", lease.key, self.now);
            }
        }
    }

    fn check_end(&self) {
        for (key, epochs) in &self.written {
            assert!(epochs.is_sorted(), "{key:?} was written by an old epoch after a new one");
        }
        let mut held: Vec<&LeaseKey> =
            self.nodes.iter().flat_map(|node| &node.running).map(|lease| &lease.key).collect();
        held.sort();
        assert_eq!(held, keys().iter().collect::<Vec<_>>(), "each key is held once in the end");
    }
}

#[test]
fn whatever_is_lost_late_cut_or_restarted_a_lease_has_one_believer() {
    for seed in 0..150 {
        let mut world = World::new(seed, false);
        world.run();
        world.check_end();
        assert!(world.written.values().map(Vec::len).sum::<usize>() > 100, "seed {seed}");
    }
}

#[test]
fn a_frozen_holder_wakes_up_to_refused_writes() {
    let mut refused = 0;
    for seed in 1_000..1_150 {
        let mut world = World::new(seed, true);
        world.run();
        world.check_end();
        refused += world.refused;
    }
    assert!(refused > 100, "{refused} writes of frozen holders were refused");
}
