//! The pages behind `/errors/{code}`: `docs/errors/*.md`, compiled in.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::code::Code;
use crate::problem::Problem;

macro_rules! pages {
    ($($code:literal)*) => {
        [$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),*]
    };
}

/// Codes of problems, ascending.
const PROBLEMS: &[(&str, &str)] = &pages! {
    "body_too_large" "body_unreadable" "bundle_cancelling" "bundle_final" "bundle_not_found"
    "cross_site_request" "forbidden" "idempotency_key_busy" "idempotency_key_reused" "internal"
    "invalid_bundle" "invalid_cursor" "invalid_idempotency_key" "invalid_json" "invalid_query"
    "invalid_signals" "job_not_completed" "job_not_found" "method_not_allowed" "not_acceptable"
    "not_found" "precondition_failed" "rate_limited" "schema_mismatch" "series_not_found"
    "signals_not_found" "source_unavailable" "store_conflict" "store_unavailable" "strategy_not_found"
    "timeout" "unauthorized" "unsupported_encoding" "unsupported_media_type"
    "worker_not_found"
};

/// Codes of single faults in a body, ascending.
const FAULTS: &[(&str, &str)] = &pages! {
    "axis_too_long" "bad_name" "bad_text" "conflict" "duplicate_key" "empty_axis"
    "invalid_text" "invalid_time" "invalid_timeframe" "missing_field" "no_jobs" "not_here"
    "out_of_range" "reversed_range" "too_deep" "too_large" "too_long" "too_many_jobs"
    "unknown_exchange" "unknown_field" "unknown_name" "unknown_signals" "unknown_ticker"
    "unknown_timeframe"
    "unknown_value" "unsupported" "wrong_type"
};

/// Codes of failed jobs and imports that are not among the others, ascending.
const JOBS: &[(&str, &str)] = &pages! {
    "bad_candles" "data_changed" "determinism_fault" "engine_panic" "file" "import_refused"
    "incomplete_candles" "invalid_spec" "no_candles" "no_funding" "no_signals" "not_inferred"
    "result_refused" "source_rejected" "unknown_series" "unreadable_file" "worker_lost"
};

/// Every code that has a page, in three lists: problems, faults of a body, failures of a job.
fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROBLEMS.iter().chain(FAULTS).chain(JOBS).copied()
}

/// Every code that has a page, ascending.
pub fn error_codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = pages().map(|(code, _)| code).collect();
    codes.sort_unstable();
    codes
}

/// The page of a code: its cause and its cure.
pub(crate) async fn get_page(Path(code): Path<String>) -> Result<Response, Problem> {
    let page = pages().find(|(known, _)| *known == code);
    let (_, text) = page.ok_or_else(|| {
        let code: String = code.chars().take(64).collect();
        Problem::new(Code::NotFound, format!("there is no error code \"{code}\""))
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn docs() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
    }

    /// Sources of a crate, tests aside.
    fn sources(of: &str) -> String {
        let mut text = String::new();
        let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut left = vec![crates.join(of).join("src")];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|it| it == "rs") {
                let file = std::fs::read_to_string(path).unwrap();
                text.push_str(file.split("#[cfg(test)]").next().unwrap_or_default());
            }
        }
        text
    }

    /// The first text like a code in each statement that contains `before`.
    fn codes_after(text: &str, before: &str) -> BTreeSet<String> {
        let is_code = |word: &&str| {
            word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let statements = text.match_indices(before).map(|(at, _)| &text[at + before.len()..]);
        let codes = statements.filter_map(|rest| {
            rest.split(';').next()?.split('"').skip(1).step_by(2).find(is_code).map(str::to_owned)
        });
        codes.collect()
    }

    #[test]
    fn codes_that_other_crates_make_have_a_page() {
        let known: BTreeSet<String> = error_codes().into_iter().map(str::to_owned).collect();
        let calls = [
            ("model", "add("),
            ("model", "add_with_hint("),
            ("model", "fault("),
            ("model", "code: "),
            ("worker", "code: "),
            ("candles", "=> \"source_unavailable\","),
        ];
        for (of, before) in calls {
            let found = codes_after(&sources(of), before);
            let unknown: Vec<&String> = found.difference(&known).collect();
            assert_eq!(unknown, Vec::<&String>::new(), "{of}: {before}");
        }
    }

    #[test]
    fn each_code_has_a_page_with_cause_and_cure_and_each_page_a_code() {
        let codes = error_codes();
        let unique: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(unique.len(), codes.len(), "a code is listed twice");
        let mut files: Vec<String> = std::fs::read_dir(docs())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|it| it == "md"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "README")
            .collect();
        files.sort_unstable();
        assert_eq!(files, codes);
        for (code, page) in pages() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            assert!(page.contains("\n## Cause\n") && page.contains("\n## Cure\n"), "{code}");
        }
    }

    #[test]
    fn problems_are_the_codes_of_the_enum() {
        let mut codes = Code::ALL.map(Code::as_str).to_vec();
        codes.sort_unstable();
        let pages: Vec<&str> = PROBLEMS.iter().map(|(code, _)| *code).collect();
        assert_eq!(pages, codes);
    }
}
