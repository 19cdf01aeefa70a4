//! Tests of the test kit itself, and of rules that hold for the whole workspace.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like the tests")]

mod faults;
mod servers;
mod workspace;
