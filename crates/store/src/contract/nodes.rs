//! API nodes and the leases they hold: one holder a key, fenced by an epoch.
//!
//! A lease is a row. A claim is one statement that takes over a row whose time is over and adds 1 to
//! its epoch; each later write of the holder begins with a check of that epoch in the same
//! transaction, so what a holder writes after it lost the lease changes nothing. Only the database's
//! clock is read; a holder measures its own time from before it asked, so it stops first.

use std::time::Duration;

use async_trait::async_trait;

use super::{DatabaseTime, Error};

/// Kind of the leases that the sweepers hold.
pub const SWEEPER: &str = "sweeper";

/// Times of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeTimes {
    /// Time between two beats.
    pub beat: Duration,
    /// A node that has not beaten for this long has lost its leases.
    pub ttl: Duration,
}

impl NodeTimes {
    /// A node that could not renew for this long stops what it holds: before others may take it.
    pub fn fence_after(self) -> Duration {
        self.ttl * 2 / 3
    }
}

impl Default for NodeTimes {
    fn default() -> NodeTimes {
        NodeTimes { beat: Duration::from_secs(2), ttl: Duration::from_secs(10) }
    }
}

/// A process of a node: its id and how many processes came before under that id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// The same for each process at one address of one host.
    pub id: String,
    /// One more at each start: a process that finds a greater one is not this node any more.
    pub generation: i64,
}

/// What a lease is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseKey {
    /// What kind of thing is activated.
    pub kind: String,
    /// Which one.
    pub key: String,
}

impl LeaseKey {
    /// The lease of `key` among those of `kind`.
    pub fn new(kind: impl Into<String>, key: impl Into<String>) -> LeaseKey {
        LeaseKey { kind: kind.into(), key: key.into() }
    }
}

/// A lease as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// What it is about.
    pub key: LeaseKey,
    /// Its fencing number, greater at each takeover.
    pub epoch: i64,
}

/// Answer to a beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeBeat {
    /// The node lives.
    Alive {
        /// Time of this beat as it is stored.
        seen_at: DatabaseTime,
        /// What it holds, renewed. Anything else it believed its own is lost.
        held: Vec<Lease>,
    },
    /// A later process has taken the id: stop.
    Superseded,
}

/// One node as seen by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its process.
    pub node: NodeId,
    /// Where it listens.
    pub url: String,
    /// Program version.
    pub version: String,
    /// Signed off, or not seen for a lease.
    pub lost: bool,
    /// When it started.
    pub started_at: DatabaseTime,
    /// Last beat.
    pub last_seen: DatabaseTime,
    /// Leases it holds.
    pub leases: u64,
}

/// What is swept under a lease of kind [`SWEEPER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sweep {
    /// Ends backoffs: jobs whose `not_before` has passed may be claimed again.
    Backoffs,
    /// Makes bundles final whose jobs all are: two last finishers do not see each other.
    Bundles,
}

impl Sweep {
    /// Every sweep.
    pub const ALL: [Sweep; 2] = [Sweep::Backoffs, Sweep::Bundles];

    /// The lease under which it runs.
    pub fn lease(self) -> LeaseKey {
        let key = match self {
            Sweep::Backoffs => "backoffs",
            Sweep::Bundles => "bundles",
        };
        LeaseKey::new(SWEEPER, key)
    }
}

/// What became of a write under a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// Written; how many rows it changed.
    Done(u64),
    /// The lease is another's, or its time is over: nothing was written.
    Lost,
}

/// The nodes of a store, and what they hold.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Enters a process under a node's id.
    async fn enter_node(&self, id: &str, url: &str, version: &str) -> Result<NodeId, Error>;

    /// Says that a node lives and renews all it holds for `ttl`.
    async fn beat_node(&self, node: &NodeId, ttl: Duration) -> Result<NodeBeat, Error>;

    /// Signs a node off: its leases end at once.
    async fn leave_node(&self, node: &NodeId) -> Result<(), Error>;

    /// Nodes seen within a day, newest first; `ttl` decides which of them are lost.
    async fn nodes(&self, ttl: Duration) -> Result<Vec<NodeRow>, Error>;

    /// When this node was last seen, by the copy of the table that is asked.
    async fn node_seen(&self, node: &NodeId) -> Result<Option<DatabaseTime>, Error>;

    /// Takes a lease that nobody holds, for `ttl`; `None` where another holds it.
    async fn claim_lease(
        &self,
        node: &NodeId,
        key: &LeaseKey,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error>;

    /// Gives up a lease; one that is held no longer is left alone.
    async fn release_lease(&self, node: &NodeId, lease: &Lease) -> Result<(), Error>;

    /// Notes when the holder wants to be woken next: the least that a holder writes.
    async fn wake_lease(
        &self,
        node: &NodeId,
        lease: &Lease,
        next: Duration,
    ) -> Result<Fenced, Error>;

    /// Runs one sweep under its lease, in one transaction with the check of its epoch.
    async fn sweep(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Sweep,
        next: Duration,
    ) -> Result<Fenced, Error>;
}
