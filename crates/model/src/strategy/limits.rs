//! Limits of a strategy: no request can cost more than these allow.

/// Numbers and conditions of one strategy, after names and named signals are inlined.
pub const MAX_NODES: usize = 2_000;

/// Levels of nesting, as written and as inlined.
pub const MAX_DEPTH: usize = 64;

/// Bytes of one text.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Nodes as written, arguments and unused `indicators` included. An inlined node is written with
/// fewer than 8 of them, so the canonical form of a strategy within [`MAX_NODES`] always parses.
/// Also the numbers and conditions of all entries of `indicators` together, inlined.
pub const MAX_WRITTEN_NODES: usize = 8 * MAX_NODES;

/// Entries of `indicators`, of `params`, of `constraints`, and elements of a scenario.
pub const MAX_ENTRIES: usize = 256;

/// Characters of a name of an indicator or parameter, and of a strategy's name.
pub const MAX_NAME_CHARS: usize = 64;

/// Other tickers that one job reads.
pub const MAX_TICKERS: usize = 16;
