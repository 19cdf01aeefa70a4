//! The importer of Binance's archive: any bytes as a ZIP.

#![no_main]

use backfleet_fuzz::candles_of;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| candles_of("BTCUSDT-1m-2024-01.zip", bytes));
