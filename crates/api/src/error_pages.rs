//! The pages behind `/errors/{code}`: `docs/errors/*.md`, compiled in.

use axum::extract::Path;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::code::Code;
use crate::pages;
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
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROBLEMS.iter().chain(FAULTS).chain(JOBS).copied()
}

/// Every code that has a page, ascending.
pub fn error_codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = all().map(|(code, _)| code).collect();
    codes.sort_unstable();
    codes
}

/// The page of a code, as Markdown: its cause and its cure.
pub fn error_page(code: &str) -> Option<&'static str> {
    all().find(|(known, _)| *known == code).map(|(_, text)| text)
}

/// The page of a code: drawn for a browser, as it is written for everyone else.
pub(crate) async fn get_page(
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let text = error_page(&code).ok_or_else(|| {
        let code: String = code.chars().take(64).collect();
        Problem::new(Code::NotFound, format!("there is no error code \"{code}\""))
    })?;
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut answer = if accept.contains("text/html") {
        pages::page(drawn(&code, text))
    } else {
        ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
    };
    answer.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

/// A page as HTML. The pages have headings, paragraphs and code, and a test says that this is all.
fn drawn(code: &str, text: &str) -> String {
    let mut body = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let (tag, block) = match block.trim_start_matches('#') {
            rest if rest.len() + 2 == block.len() => ("h2", rest),
            rest if rest.len() + 1 == block.len() => ("h1", rest),
            rest => ("p", rest),
        };
        for part in ["  <", tag, ">", &inline(block.trim()), "</", tag, ">\n"] {
            body.push_str(part);
        }
    }
    include_str!("pages/error.html").replace("{code}", code).replace("{body}", &body)
}

/// Escapes a paragraph and marks what stands between backticks as code.
fn inline(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        html.push_str(if index % 2 == 0 { "<code>" } else { "</code>" });
        html.push_str(part);
    }
    html
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
        for (code, page) in all() {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            assert!(page.contains("\n## Cause\n") && page.contains("\n## Cure\n"), "{code}");
            assert!(page.matches('`').count().is_multiple_of(2), "{code}: code without an end");
            for sign in ["\n- ", "\n1. ", "\n|", "\n### ", "**", "](", "```"] {
                assert!(!page.contains(sign), "{code}: the page cannot be drawn with {sign:?}");
            }
        }
    }

    #[test]
    fn a_page_is_drawn_with_its_code_and_nothing_of_it_is_markup() {
        let html = drawn("x", "# x\n\n## Cure\n\nRun `a <b>`\nor & then\n");
        assert!(html.contains("  <h1>x</h1>\n  <h2>Cure</h2>\n"), "{html}");
        assert!(html.contains("<p>Run <code>a &lt;b&gt;</code>\nor &amp; then</p>"), "{html}");
    }

    #[test]
    fn problems_are_the_codes_of_the_enum() {
        let mut codes = Code::ALL.map(Code::as_str).to_vec();
        codes.sort_unstable();
        let pages: Vec<&str> = PROBLEMS.iter().map(|(code, _)| *code).collect();
        assert_eq!(pages, codes);
    }
}
