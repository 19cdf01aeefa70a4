//! `backfleet explain`: what a name in an answer, a table or a strategy means.
//!
//! Every text is one that the binary has for another reason: the pages of the error codes, the
//! catalogue of metrics, the tables of the strategy language.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::ExplainArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Table, line, raw};

/// Prints what is known of a name, or every name in a line.
pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let entries = entries();
    let Some(name) = &args.name else {
        list(&entries, args.json);
        return Ok(());
    };
    let is_exact = |entry: &&Entry| entry.name == *name;
    let is_alike = |entry: &&Entry| entry.name.eq_ignore_ascii_case(name);
    let found = entries.iter().find(is_exact).or_else(|| entries.iter().find(is_alike));
    let entry = found.ok_or_else(|| unknown(name, &entries))?;
    if args.json {
        line(&entry.body.to_string());
        return Ok(());
    }
    raw(entry.page.as_bytes())
}

/// One name.
struct Entry {
    name: String,
    /// What it is the name of.
    what: &'static str,
    /// In a line.
    summary: String,
    /// In full, for people.
    page: String,
    /// In full, as JSON.
    body: Value,
}

/// Everything that has a name. A reason for having no metric that is also an error code is the code.
fn entries() -> Vec<Entry> {
    let codes: Vec<&str> = api::error_codes();
    let reasons =
        stats::Undefined::ALL.into_iter().filter(|reason| !codes.contains(&reason.code()));
    let errors = codes.iter().filter_map(|code| Some(error(code, api::error_page(code)?)));
    errors
        .chain(stats::CATALOGUE.iter().map(metric))
        .chain(reasons.map(reason))
        .chain(api::strategy_words().into_iter().map(|(what, body)| word(what, body)))
        .collect()
}

fn list(entries: &[Entry], json: bool) {
    if json {
        let all: Vec<&Value> = entries.iter().map(|entry| &entry.body).collect();
        line(&json!({ "items": all }).to_string());
        return;
    }
    let mut table = Table::new(&["name", "what", "meaning"]);
    for Entry { name, what, summary, .. } in entries {
        let summary = summary.trim_end_matches('.').to_owned();
        table.row(vec![name.clone(), (*what).to_owned(), summary]);
    }
    table.print();
}

/// The parts of a page: `# CODE`, a line, `## Cause`, `## Cure`.
fn error(code: &str, page: &str) -> Entry {
    let (head, cure) = page.split_once("\n## Cure\n").unwrap_or((page, ""));
    let (_, cause) = head.split_once("\n## Cause\n").unwrap_or((head, ""));
    let met_as = page.lines().nth(2).unwrap_or_default();
    Entry {
        name: code.to_owned(),
        what: "error code",
        summary: met_as.to_owned(),
        page: page.to_owned(),
        body: json!({
            "what": "error code", "code": code, "metAs": met_as, "cause": cause.trim(),
            "cure": cure.trim(),
        }),
    }
}

fn metric(metric: &stats::Metric) -> Entry {
    let stats::Metric { id, label, unit, definition, annualised, undefined } = *metric;
    let unit = unit.word();
    let mut page = format!("# {id}\n\nA metric: {label}, in {unit}.\n\n{definition}\n");
    if annualised {
        page.push_str(
            "\nIt is scaled to a year: with fewer than 30 returns the warning `fewReturns` says not \
             to trust it.\n",
        );
    }
    if !undefined.is_empty() {
        page.push_str("\n## Null when\n\n");
        for reason in undefined {
            written(writeln!(page, "- `{}`: {}", reason.code(), reason.meaning()));
        }
    }
    // The paragraph of the reference that says what the letters of the formulas stand for.
    let reference = stats::reference_markdown();
    if let Some(letters) = reference.split("\n\n").find(|part| part.starts_with("Equity is")) {
        written(writeln!(page, "\n## Letters\n\n{letters}"));
    }
    let codes: Vec<&str> = undefined.iter().map(|reason| reason.code()).collect();
    Entry {
        name: id.to_owned(),
        what: "metric",
        summary: definition.to_owned(),
        page,
        body: json!({
            "what": "metric", "id": id, "label": label, "unit": unit, "definition": definition,
            "annualised": annualised, "undefined": codes,
        }),
    }
}

fn reason(reason: stats::Undefined) -> Entry {
    let (code, meaning) = (reason.code(), reason.meaning());
    Entry {
        name: code.to_owned(),
        what: "reason",
        summary: meaning.to_owned(),
        page: format!("# {code}\n\nWhy a metric is null.\n\n{meaning}\n"),
        body: json!({"what": "reason", "code": code, "meaning": meaning}),
    }
}

/// A word of the strategy language, from the body that the API has for it.
fn word(what: &'static str, mut body: Value) -> Entry {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (name, summary) = (text("name"), text("summary"));
    let article = if what == "signal" { "A named" } else { "An" };
    let mut page = format!("# {name}\n\n{article} {what}: {}.\n", summary.trim_end_matches('.'));
    match what {
        "operator" => {
            let gives = text("gives");
            written(write!(page, "\nIt gives a {gives}: `{}`\n", text("example")));
        }
        "signal" => {
            written(write!(page, "\nIn a scenario: {}. As JSON: `{}`\n", text("kind"), {
                &body["example"]
            }));
        }
        _ => {
            let of = match body["input"].as_str() {
                Some("column") => "a column: the argument `of`, `close` where it is left out",
                _ => "whole candles",
            };
            written(write!(page, "\nIt reads {of}.\n"));
        }
    }
    section(&mut page, "Arguments", &body["parameters"], argument);
    section(&mut page, "Outputs", &body["outputs"], |output| {
        format!("`.{}`: a {}", bare(&output["name"]), bare(&output["kind"]))
    });
    section(&mut page, "Stands for", &body["forms"], |form| {
        let [case, long, short] = ["case", "long", "short"].map(|name| bare(&form[name]));
        format!("{case}\n  - long: `{long}`\n  - short: `{short}`")
    });
    body["what"] = what.into();
    Entry { name, what, summary, page, body }
}

/// A heading and a line for each of `items`, unless there are none.
fn section(page: &mut String, title: &str, items: &Value, show: impl Fn(&Value) -> String) {
    let Some(items) = items.as_array().filter(|items| !items.is_empty()) else { return };
    written(write!(page, "\n## {title}\n\n"));
    for item in items {
        written(writeln!(page, "- {}", show(item)));
    }
}

fn argument(argument: &Value) -> String {
    let kind = bare(&argument["kind"]);
    let values = match (argument["choices"].as_array(), &argument["min"], &argument["max"]) {
        (Some(words), ..) => {
            format!("one of {}", words.iter().map(bare).collect::<Vec<_>>().join(", "))
        }
        (None, min, max) => format!("{kind}, {} to {}", bare(min), bare(max)),
    };
    let default = if argument["required"] == true {
        "must be given".to_owned()
    } else if argument["default"].is_null() {
        "off where it is left out".to_owned()
    } else {
        format!("default {}", bare(&argument["default"]))
    };
    format!("`{}`: {values}; {default}", bare(&argument["name"]))
}

/// A text without its quotes, a number without a point that it does not need.
fn bare(value: &Value) -> String {
    match (value.as_str(), value.as_f64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => value.to_string(),
    }
}

fn written(answer: std::fmt::Result) {
    answer.expect("a string takes every write");
}

fn unknown(name: &str, entries: &[Entry]) -> Failure {
    let shown: String = name.chars().take(80).collect();
    let failure = Failure::new(
        Exit::NotFound,
        format!("there is no error code, metric, indicator, signal or operator \"{shown}\""),
    );
    match model::fault::nearest(name, entries.iter().map(|entry| entry.name.as_str())) {
        Some(near) => failure.hint(format!("did you mean \"{near}\"?")),
        None => failure.hint("`backfleet explain` lists all of them"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_means_one_thing_and_says_it() {
        let entries = entries();
        // `supertrend` and `SuperTrend` are two: an indicator, and the signal made of it.
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), entries.len());
        for Entry { name, summary, page, body, what } in &entries {
            assert!(page.starts_with(&format!("# {name}\n\n")) && page.len() > 40, "{page}");
            assert!(!summary.is_empty() && body["what"] == *what, "{body}");
            assert!(!page.contains("null to null"), "{page}");
            assert_eq!(page.contains("## Letters"), *what == "metric", "{page}");
        }
    }
}
