//! Integration tests of `model`: only its public interface.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bundle;
mod compact;
mod strategy;
