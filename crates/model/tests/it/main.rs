//! Integration tests of `model`: only its public interface.

mod bundle;
mod strategy;
