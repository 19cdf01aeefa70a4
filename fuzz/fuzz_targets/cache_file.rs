//! A column file and an index entry of the cache replaced by any bytes: fetched again, never used.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| backfleet_fuzz::cached(bytes));
