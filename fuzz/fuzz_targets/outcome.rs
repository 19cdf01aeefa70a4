//! The reader of stored outcomes on any bytes: a cut decides what is text and what is noise.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Outcome;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let (text, noise) = bytes.split_at(bytes.len() * usize::from(*cut) / 255);
    if let Ok(outcome) = Outcome::from_compact(text, noise) {
        let again = outcome.to_compact();
        let again = Outcome::from_compact(&again.text, &again.noise).expect("it was just written");
        assert_eq!(again.to_bytes(), outcome.to_bytes());
    }
});
