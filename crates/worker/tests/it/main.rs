//! Integration tests of the crate `worker`: whole workers over a store in memory.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod beside;
mod data;
mod fleet;
mod inputs;
mod outages;
mod replays;
mod running;
mod stopping;
