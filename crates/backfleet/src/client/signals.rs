//! `backfleet signals ...`.

use bytes::Bytes;
use model::{SignalColumn, TimeRange};
use serde_json::{Value, json};

use super::Server;
use super::bundle::connect;
use crate::cli::SignalsCommand;
use crate::failure::Failure;
use crate::output::{line, note, thousands};
use crate::run_files;

/// Runs one `signals` command.
pub(crate) async fn run(command: SignalsCommand) -> Result<(), Failure> {
    match command {
        SignalsCommand::Put { file, tz, server } => {
            // Read here, so that any form and time zone of a file gives the same column, and the
            // same hash, wherever it is read.
            let column = run_files::signals(&file, tz.as_ref())?;
            let api = connect(&server)?;
            let answer = put(&api, &column).await?;
            show(&answer, &column, server.json);
        }
        SignalsCommand::Hash { file, tz, json } => {
            let column = run_files::signals(&file, tz.as_ref())?;
            let rows = column.as_slice();
            let answer = json!({"hash": rows.hash(), "rows": rows.len()});
            show(&answer, &column, json);
        }
    }
    Ok(())
}

/// Uploads a column; the answer describes it.
pub(super) async fn put(api: &Server, column: &SignalColumn) -> Result<Value, Failure> {
    api.put("/api/signals", Bytes::from(text_of(column)), "text/csv").await?.json()
}

/// The column as CSV with times in RFC 3339: a number could be taken for another unit.
fn text_of(column: &SignalColumn) -> String {
    let rows = column.as_slice();
    let mut text = String::from("open_time,signal\n");
    for (time_ms, value) in rows.open_time_ms.iter().zip(rows.values) {
        text.push_str(&TimeRange { start_ms: *time_ms, end_ms: *time_ms }.start_text());
        text.push(',');
        text.push_str(&value.to_string());
        text.push('\n');
    }
    text
}

fn show(answer: &Value, column: &SignalColumn, json: bool) {
    if json {
        line(&answer.to_string());
        return;
    }
    line(answer["hash"].as_str().unwrap_or_default());
    let rows = column.as_slice();
    let count =
        |wanted: i8| thousands(rows.values.iter().filter(|value| **value == wanted).count() as u64);
    let ends = rows.open_time_ms.first().zip(rows.open_time_ms.last());
    let span = ends.map(|(first, last)| TimeRange { start_ms: *first, end_ms: *last });
    let span = span
        .map_or_else(String::new, |span| format!(", {} to {}", span.start_text(), span.end_text()));
    note(&format!("{} long, {} short, {} flat{span}", count(1), count(-1), count(0)));
}
