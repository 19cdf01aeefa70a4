//! `backfleet candles funding`: funding rates into the data folder.

use std::path::Path;

use candles::import::funding_of;
use candles::{FundingReport, import_funding};
use model::TimeRange;
use serde_json::{Value, json};

use crate::cli::FundingArgs;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, line};

/// Imports every file, in order; stops at the first that fails.
pub(crate) fn run(args: &FundingArgs) -> Result<(), Failure> {
    let folder = open::parquet(&args.data.data)?;
    let mut table =
        Table::new(&["file", "exchange", "ticker", "payments", "marks", "new", "first", "last"]);
    let mut documents = Vec::new();
    for file in &args.files {
        let (named_exchange, named_ticker) = funding_of(file);
        let exchange = args.exchange.as_deref().or(named_exchange.as_deref());
        let exchange = exchange.ok_or_else(|| not_said(file, "exchange", "--exchange"))?;
        let ticker = args.ticker.as_deref().or(named_ticker.as_deref());
        let ticker = ticker.ok_or_else(|| not_said(file, "ticker", "--ticker"))?;
        let report = import_funding(&folder, file, (exchange, ticker))?;
        documents.push(document(&report, exchange, ticker));
        let (first, last) = span(&report);
        table.row(vec![
            file.display().to_string(),
            exchange.to_owned(),
            ticker.to_owned(),
            report.rows.to_string(),
            report.marks.to_string(),
            (report.merged.added + report.merged.replaced).to_string(),
            first,
            last,
        ]);
    }
    if args.json {
        line(&json!({ "files": documents }).to_string());
    } else {
        table.print();
    }
    Ok(())
}

fn not_said(file: &Path, what: &str, flag: &str) -> Failure {
    let text = format!("cannot tell the {what} of \"{}\"", file.display());
    Failure::new(Exit::Usage, text).hint(format!("pass {flag}"))
}

fn span(report: &FundingReport) -> (String, String) {
    let (start_ms, end_ms) = report.span_ms;
    let span = TimeRange { start_ms, end_ms };
    (span.start_text(), span.end_text())
}

fn document(report: &FundingReport, exchange: &str, ticker: &str) -> Value {
    let (first, last) = span(report);
    json!({
        "file": report.path,
        "exchange": exchange,
        "ticker": ticker,
        "payments": report.rows,
        "marks": report.marks,
        "added": report.merged.added,
        "replaced": report.merged.replaced,
        "unchanged": report.merged.unchanged,
        "first": first,
        "last": last,
    })
}
