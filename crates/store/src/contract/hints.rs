//! Hints that bundles have changed: what lets a node answer from memory.
//!
//! A hint is sent beside what it is about, never within: it may be lost, late or doubled, so whoever
//! trusts hints compares versions now and then.

use async_trait::async_trait;
use uuid::Uuid;

use super::Error;

/// Changes of bundles as they happen, on any process.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Starts to listen.
    async fn listen(&self) -> Result<Box<dyn HintFeed>, Error>;

    /// Versions of those of `bundles` that exist, in one statement.
    async fn versions(&self, bundles: &[Uuid]) -> Result<Vec<(Uuid, u64)>, Error>;
}

/// One listener. Dropping it ends its session.
#[async_trait]
pub trait HintFeed: Send {
    /// The bundles that changed since the last call; waits for one.
    ///
    /// After an error hints were lost: whatever is remembered may be old. Listen anew.
    async fn next(&mut self) -> Result<Vec<Uuid>, Error>;
}
