//! Integration tests of the crate `candles`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod cache;
mod conformance;
mod faults;
mod forms;
mod funding;
mod import;
mod market;
mod processes;
mod support;
