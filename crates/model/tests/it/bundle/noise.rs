//! Damaged requests: an answer within the limits, never a panic.

use model::strategy::{MAX_WARMUP, MIN_WARMUP};
use model::{Bundle, Limits};
use proptest::prelude::*;

use super::request;

/// Reads `bytes`; what is taken keeps the limits.
fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let limits = Limits { jobs: 1_000, ..Limits::default() };
    let Ok(bundle) = Bundle::from_json(bytes, &limits) else { return Ok(()) };
    prop_assert!(bundle.total_product() <= limits.jobs);
    for seq in bundle.jobs().take(3) {
        let job = bundle.job(seq).expect("it is one of the jobs");
        prop_assert!((MIN_WARMUP..=MAX_WARMUP).contains(&job.warmup));
        prop_assert!(job.other_series().len() <= model::strategy::MAX_TICKERS);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes)?;
    }

    #[test]
    fn a_request_with_changed_bytes_is_an_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut bytes = request().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes)?;
    }

    #[test]
    fn deep_nesting_is_an_answer(depth in 1_usize..5_000, open in prop::sample::select(vec!["[", "{\"not\":", "{\"abs\":"])) {
        let long = open.repeat(depth);
        read(long.as_bytes())?;
        let text = request().to_string().replace("{\"crossUp\":[\"f\",\"s\"]}", &long);
        read(text.as_bytes())?;
        let parens = format!("\"{}close\"", "(".repeat(depth));
        let text = request().to_string().replace("{\"crossUp\":[\"f\",\"s\"]}", &parens);
        read(text.as_bytes())?;
    }
}
