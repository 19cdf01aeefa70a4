//! The bundle parser on any bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Bundle, Limits};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { jobs: 1_000, ..Limits::default() };
    if let Ok(bundle) = Bundle::from_json(bytes, &limits) {
        let first = bundle.jobs().next().and_then(|seq| bundle.job(seq));
        assert!(first.is_some());
    }
});
