//! `backfleet bundle ...`.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use super::watch::{Status, Until, watch};
use super::{Server, results};
use crate::cli::{BundleCommand, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::{self, Table, human_seconds, thousands};
use crate::run_files;

/// Runs one `bundle` command.
pub(crate) async fn run(command: BundleCommand) -> Result<(), Failure> {
    match command {
        BundleCommand::Estimate { file, server } => estimate(&file, &server).await,
        BundleCommand::Submit {
            file,
            signals,
            watch: follow,
            idempotency_key,
            timeout,
            server,
        } => {
            let api = connect(&server)?;
            let mut body = read_request(&file)?;
            if let Some(signals) = signals {
                let column = run_files::signals(&signals, None)?;
                body = run_files::with_signals(&body, column.as_slice().hash())?.into();
                super::signals::put(&api, &column).await?;
            }
            let answer = submit_to(&api, body, idempotency_key.as_deref()).await?;
            let id = text(&answer, "bundleRequestId").to_owned();
            if !follow {
                submitted(&answer, &id, &server);
                return Ok(());
            }
            output::note(&format!("bundle {id}: {} jobs", thousands(count(&answer, "total"))));
            let status = watch(&api, &id, Until { timeout, json: server.json }).await?;
            status.verdict()
        }
        BundleCommand::List { status, limit, server } => list(status, limit, &server).await,
        BundleCommand::Status { id, server } => {
            let status = Status::of(&connect(&server)?, &id).await?;
            show_status(&status, server.json);
            Ok(())
        }
        BundleCommand::Watch { id, timeout, server } => {
            let api = connect(&server)?;
            let status = watch(&api, &id, Until { timeout, json: server.json }).await?;
            if !server.json {
                show_status(&status, false);
            }
            status.verdict()
        }
        BundleCommand::Results { id, top, sort, rules, output: form, server } => {
            let query = results::Query { top, sort, rules };
            let form = if server.json { crate::cli::ResultsForm::Json } else { form };
            results::run(&connect(&server)?, &id, &query, form).await
        }
        BundleCommand::Cancel { id, server } => cancel(&id, &server).await,
    }
}

pub(super) fn connect(server: &ServerArgs) -> Result<Server, Failure> {
    Server::new(&server.server, server.api_key_file.as_deref())
}

/// The text of a request file; `-` is stdin.
pub(crate) fn read_request(file: &Path) -> Result<Bytes, Failure> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text.into());
    }
    std::fs::read(file).map(Bytes::from).map_err(|error| {
        let is_absent = error.kind() == std::io::ErrorKind::NotFound;
        let exit = if is_absent { Exit::NotFound } else { Exit::Failure };
        Failure::new(exit, format!("cannot read {}: {error}", file.display()))
    })
}

/// Submits a request; the answer has `bundleRequestId` and the counts.
pub(crate) async fn submit_to(
    server: &Server,
    body: Bytes,
    idempotency_key: Option<&str>,
) -> Result<Value, Failure> {
    let headers: Vec<(&'static str, &str)> =
        idempotency_key.map(|key| ("idempotency-key", key)).into_iter().collect();
    server.post("/api/backtest/bundle", body, &headers).await?.json()
}

fn submitted(answer: &Value, id: &str, server: &ServerArgs) {
    if server.json {
        output::line(&answer.to_string());
        return;
    }
    output::line(id);
    output::note(&format!("{} jobs are queued", thousands(count(answer, "total"))));
    let dropped = count(answer, "dropped");
    if dropped > 0 {
        output::note(&format!("constraints dropped {} points", thousands(dropped)));
    }
    output::note(&format!("hint: backfleet bundle watch {id} --server {}", server.server));
}

async fn estimate(file: &Path, server: &ServerArgs) -> Result<(), Failure> {
    let api = connect(server)?;
    let body = read_request(file)?;
    let answer = api.post("/api/backtest/bundle/estimate", body, &[]).await?.json()?;
    if server.json {
        output::line(&answer.to_string());
        return Ok(());
    }
    let mut table = Table::new(&["what", "value"]);
    flatten(&mut table, "", &answer);
    table.print();
    Ok(())
}

/// One row a leaf of the document.
fn flatten(table: &mut Table, prefix: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(table, &name, value);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(table, &format!("{prefix}[{index}]"), value);
            }
        }
        Value::String(text) => table.row(vec![prefix.to_owned(), text.clone()]),
        Value::Null => table.row(vec![prefix.to_owned(), "unknown".to_owned()]),
        Value::Bool(_) | Value::Number(_) => table.row(vec![prefix.to_owned(), value.to_string()]),
    }
}

async fn list(status: Option<String>, limit: u32, server: &ServerArgs) -> Result<(), Failure> {
    let api = connect(server)?;
    let mut path = format!("/api/backtest/bundle?limit={limit}");
    if let Some(status) = status {
        path.push_str("&status=");
        path.push_str(&output::query_escaped(&status));
    }
    let page = api.get(&path).await?.json()?;
    if server.json {
        output::line(&page.to_string());
        return Ok(());
    }
    let mut table =
        Table::new(&["bundle", "name", "status", "progress", "done", "failed", "total", "created"]);
    for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
        table.row(vec![
            text(item, "bundleRequestId").to_owned(),
            text(item, "name").to_owned(),
            text(item, "status").to_owned(),
            item.get("progress").and_then(Value::as_f64).map_or(String::new(), percent),
            thousands(count(item, "completed")),
            thousands(count(item, "failed")),
            thousands(count(item, "total")),
            text(item, "createdAt").to_owned(),
        ]);
    }
    table.print();
    Ok(())
}

fn show_status(status: &Status, json: bool) {
    if json {
        output::line(&status.document.to_string());
        return;
    }
    let mut table = Table::new(&[
        "bundle", "status", "progress", "done", "failed", "cached", "running", "pending", "total",
        "speed", "left",
    ]);
    let speed = status.number("candlesPerSecond").filter(|speed| *speed > 0.0);
    table.row(vec![
        status.text("bundleRequestId").to_owned(),
        status.text("status").to_owned(),
        status.number("progress").map_or(String::new(), percent),
        thousands(status.count("completed")),
        thousands(status.count("failed")),
        thousands(status.count("cached")),
        thousands(status.count("running")),
        thousands(status.count("pending")),
        thousands(status.count("total")),
        speed.map_or(String::new(), |speed| output::per_second(speed, "candles")),
        status.number("etaSeconds").map_or(String::new(), human_seconds),
    ]);
    table.print();
}

async fn cancel(id: &str, server: &ServerArgs) -> Result<(), Failure> {
    let api = connect(server)?;
    let path = format!("/api/backtest/bundle/{id}/cancel");
    let answer = api.post(&path, Bytes::new(), &[]).await?.json()?;
    if server.json {
        output::line(&answer.to_string());
    } else {
        output::note(&format!("bundle {id} is called off; running jobs stop at their next beat"));
    }
    Ok(())
}

fn percent(progress: f64) -> String {
    format!("{progress:.1} %")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}
