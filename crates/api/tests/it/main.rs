//! The API over a real SQLite store and candles in memory.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod bundles;
mod charts;
mod commands;
mod errors;
mod events;
mod fleet;
mod harness;
mod heatmaps;
mod honesty;
mod jobs;
mod keys;
mod nodes;
mod openapi;
mod replica;
mod server;
mod signals;
mod status;
mod store;
mod submit;
