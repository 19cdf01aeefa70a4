//! Integration tests of the crate `worker`: whole workers over a store in memory.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod data;
mod fleet;
mod outages;
mod replays;
mod running;
mod stopping;
