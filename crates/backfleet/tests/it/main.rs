//! The real binary: command line, embedded store, and a fleet over private servers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod command_line;
mod deploy;
mod dev;
mod docs;
mod doctor;
mod fleet;
mod keys;
mod known;
mod page;
mod reference;
mod replay;
mod sources;
mod support;
