//! Any bytes as the answer of an InfluxDB: candles and tables.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| backfleet_fuzz::answered(bytes));
