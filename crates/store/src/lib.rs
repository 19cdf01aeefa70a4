//! Bundles, jobs, results, workers and keys on PostgreSQL or SQLite.
//!
//! **Invariant:** the only SQL of the project; no transaction stays open during a backtest.

mod contract;
mod failure;
mod key_rows;
mod noted;
mod payload;
pub mod postgres;
mod rows;
mod settled;
pub mod sqlite;

pub use contract::*;
