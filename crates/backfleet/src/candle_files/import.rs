//! `backfleet candles import`.

use std::time::Instant;

use candles::import::{ImportOptions, ImportReport, Imported, import_each};
use serde_json::{Value, json};

use super::findings;
use super::time;
use crate::cli::ImportArgs;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, human_seconds, line, note, per_second, thousands};

pub(super) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let folder = open::parquet(&args.data.data)?;
    let options = ImportOptions {
        exchange: args.exchange.clone(),
        ticker: args.ticker.clone(),
        timeframe: args.timeframe,
        calendar: args.calendar.clone(),
        zone: args.tz.clone(),
        columns: args.map.clone(),
        time_format: args.time_format.clone(),
        label: args.label.into(),
        adjusted: args.adjusted,
        strict: args.judge.strict,
        fix: args.judge.fix.unwrap_or_default(),
        ..ImportOptions::default()
    };
    let started = Instant::now();
    let imported = import_each(&folder, &args.files, &options, |imported| {
        // Of the one file that was named, the error at the end says it all.
        let is_all = matches!(imported, Imported::Failed(file, _) if args.files == [file.clone()]);
        if !args.json && !is_all {
            say(imported);
        }
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let mut reports = Vec::new();
    let mut failures = Vec::new();
    let (mut skipped, mut funding) = (Vec::new(), Vec::new());
    for imported in imported {
        match imported {
            Imported::Stored(report) => reports.push(*report),
            Imported::Failed(file, error) => failures.push((file, error)),
            Imported::Skipped(file) => skipped.push(file),
            Imported::Funding(report) => funding.push(json!({
                "file": report.path, "payments": report.rows, "added": report.merged.added,
                "replaced": report.merged.replaced, "unchanged": report.merged.unchanged,
            })),
            _ => {}
        }
    }
    if args.json {
        let failed: Vec<Value> = failures.iter().map(|(file, error)| failed(file, error)).collect();
        line(
            &json!({ "files": reports, "failed": failed, "skipped": skipped, "funding": funding })
                .to_string(),
        );
    } else if !reports.is_empty() {
        show(&reports, args.report, seconds);
    }
    let count = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((_, error)) if count == 1 && reports.is_empty() => Err(error.into()),
        Some((_, error)) => {
            let first = Failure::from(error);
            let stored = reports.len();
            let text = format!(
                "{count} of {} files were not imported; the first: {}",
                stored + count,
                first.message
            );
            let failure = Failure::new(Exit::Failure, text);
            Err(match first.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

fn say(imported: &Imported) {
    match imported {
        Imported::Stored(report) => {
            let rows = thousands(report.findings.rows);
            note(&format!("{}: {rows} rows, {}", report.file.display(), report.form));
            if report.reissued {
                note("  it was imported before with another checksum: the archive was re-issued");
            }
        }
        Imported::Failed(file, error) => {
            note(&format!("{}: not imported: {}", file.display(), error.chain()));
        }
        Imported::Funding(report) => {
            let rows = thousands(report.rows);
            note(&format!("{}: {rows} funding payments", report.path.display()));
        }
        Imported::Skipped(file) => {
            note(&format!("{}: skipped, its name says that it holds no candles", file.display()));
        }
        _ => {}
    }
}

fn failed(file: &std::path::Path, error: &candles::Error) -> Value {
    let mut document = json!({ "file": file, "code": error.code(), "message": error.chain() });
    if let candles::Error::Refused(report) = error {
        document["report"] = json!(report);
    }
    document
}

fn show(reports: &[ImportReport], all: bool, seconds: f64) {
    let mut table = Table::new(&["file", "series", "rows", "new", "missing", "first", "last"]);
    for report in reports {
        table.row(row_of(report));
    }
    table.print();
    findings::show(
        reports
            .iter()
            .filter(|report| all || findings::deserves_a_look(&report.findings))
            .map(|report| (report.file.display().to_string(), &report.findings)),
    );
    let rows: u64 = reports.iter().map(|report| report.findings.rows).sum();
    note(&format!(
        "{} candles in {} ({})",
        thousands(rows),
        human_seconds(seconds),
        per_second(rows as f64 / seconds.max(1e-3), "candles")
    ));
}

fn row_of(report: &ImportReport) -> Vec<String> {
    let found = &report.findings;
    vec![
        report.file.display().to_string(),
        report.series.to_string(),
        thousands(found.rows),
        thousands(report.added),
        thousands(found.missing),
        found.first_ms.map_or_else(String::new, time),
        found.last_ms.map_or_else(String::new, time),
    ]
}
