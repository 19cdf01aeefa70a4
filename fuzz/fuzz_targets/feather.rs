//! The importer of Feather (Arrow IPC), as freqtrade writes it, on any bytes.

#![no_main]

use backfleet_fuzz::candles_of;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| candles_of("x_X-1m.feather", bytes));
