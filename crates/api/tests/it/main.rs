//! The API over a real SQLite store and candles in memory.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod bundles;
mod errors;
mod fleet;
mod harness;
mod heatmaps;
mod jobs;
mod openapi;
mod server;
mod status;
mod store;
mod submit;
