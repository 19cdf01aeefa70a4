//! `backfleet explain`: what an error code means and how to mend it.

use serde_json::{Value, json};

use crate::cli::ExplainArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Table, line, raw};

/// Prints the page of a code, or every code with where it is met.
pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let Some(code) = &args.code else {
        list(args.json);
        return Ok(());
    };
    let page = api::error_page(code).ok_or_else(|| unknown(code))?;
    if args.json {
        line(&describe(code, page).to_string());
        return Ok(());
    }
    raw(page.as_bytes())
}

fn list(json: bool) {
    let pages = api::error_codes().into_iter().filter_map(|code| {
        let page = api::error_page(code)?;
        Some((code, page))
    });
    if json {
        let codes: Vec<Value> = pages.map(|(code, page)| describe(code, page)).collect();
        line(&json!({ "codes": codes }).to_string());
        return;
    }
    let mut table = Table::new(&["code", "met as"]);
    for (code, page) in pages {
        table.row(vec![code.to_owned(), met_as(page).trim_end_matches('.').to_owned()]);
    }
    table.print();
}

/// The parts of a page: `# CODE`, a line, `## Cause`, `## Cure`.
fn describe(code: &str, page: &str) -> Value {
    let (head, cure) = page.split_once("\n## Cure\n").unwrap_or((page, ""));
    let (_, cause) = head.split_once("\n## Cause\n").unwrap_or((head, ""));
    json!({"code": code, "metAs": met_as(page), "cause": cause.trim(), "cure": cure.trim()})
}

fn met_as(page: &str) -> &str {
    page.lines().nth(2).unwrap_or_default()
}

fn unknown(code: &str) -> Failure {
    let shown: String = code.chars().take(80).collect();
    let failure = Failure::new(Exit::NotFound, format!("there is no error code \"{shown}\""));
    match model::fault::nearest(code, api::error_codes()) {
        Some(near) => failure.hint(format!("did you mean \"{near}\"?")),
        None => failure.hint("`backfleet explain` lists all of them"),
    }
}
