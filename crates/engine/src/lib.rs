//! The engine: candles and a resolved strategy in, an outcome out, the same bytes everywhere.
//!
//! A batch of variants over one series is run by [`run_batch`]: each distinct node of their
//! expressions is computed once, column by column, conditions become bitsets, and every variant is
//! then walked candle by candle with its account in registers. [`explain`] shows one candle of one
//! variant: every node, signal, level and event.
//!
//! **Invariant:** pure. No I/O, clock or thread; only + - * / sqrt and `libm`; no panic on data.
//! A variant's outcome depends on its spec and the candles from W before the range to its end, not
//! on the other variants of the batch.

mod ahead;
mod batch;
mod beside;
mod bits;
mod clock;
mod error;
mod evaluate;
mod explain;
mod frame;
mod graph;
mod indicator;
mod indicators;
mod input;
mod lone;
mod marks;
mod order;
mod plan;
mod sensitivity;
mod walk;

pub use batch::{Control, Monitor, PROGRESS_STRIDE, Run, run_batch, run_each, run_plain};
pub use error::Error;
pub use explain::{Account, Event, Explanation, Held, Holding, NodeValue, explain};
pub use indicator::indicator;
pub use input::{Extras, Input};
pub use sensitivity::{Sensitivity, Way};
