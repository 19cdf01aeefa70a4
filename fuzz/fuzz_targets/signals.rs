//! The reader of uploaded signal columns on any bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(column) = candles::import::read_signals(bytes.to_vec().into(), None) {
        assert!(!column.as_slice().is_empty());
    }
});
