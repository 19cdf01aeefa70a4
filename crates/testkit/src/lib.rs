//! What tests of other crates stand on: private servers, faults, processes, candles, waiting.
//!
//! Everything here panics with a message instead of returning errors: a test has nobody to return
//! them to. Nothing outlives the process that started it, however that process ends.
//!
//! **Invariant:** servers and proxies listen on 127.0.0.1 only, on ports outside the range that the
//! kernel hands out, so a port stays free for its server while that server is away.
//!
//! Not here: tests of what is tested with it. A dev-dependency, and a dependency of `bench` alone.

pub mod candles;
mod guard;
pub mod http;
pub mod influx;
pub mod pgbouncer;
pub mod port;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod replica;
pub mod wait;

pub use rustix::process::Signal;
