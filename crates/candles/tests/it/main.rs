//! Integration tests of the crate `candles`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod cache;
mod conformance;
mod dialects;
mod faults;
mod forms;
mod funding;
mod import;
mod mapping;
mod market;
mod mock;
mod mutations;
mod probe;
mod processes;
mod push;
mod shared;
mod support;
