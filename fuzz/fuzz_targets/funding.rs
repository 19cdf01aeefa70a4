//! The reader of funding rates on any bytes.

#![no_main]

use backfleet_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| with_file("rates", bytes, |path| {
    if let Ok(rates) = candles::read_funding(path) {
        let rows = rates.as_slice();
        assert!(rows.time_ms.is_sorted_by(|a, b| a < b));
        assert!(rows.rate.iter().all(|rate| (-1.0..=1.0).contains(rate)));
    }
}));
