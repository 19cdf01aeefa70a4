//! `backfleet bundle ...`.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use super::change::{self, Change};
use super::watch::{Status, Until, watch};
use super::{
    Server, connect, count, day, decimal, diff, honesty, list as items, number, report, results,
    text,
};
use crate::cli::{BundleCommand, BundleListArgs, ServerArgs};
use crate::failure::Failure;
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
        BundleCommand::List(args) => list(&args).await,
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
        BundleCommand::Honesty { id, server } => honesty::run(&id, &server).await,
        BundleCommand::Report { id, html, server } => report::run(&id, &html, &server).await,
        BundleCommand::Cancel { id, server } => change::run(Change::Cancel, &id, &server).await,
        BundleCommand::Retry { id, failed, server } => {
            change::run(Change::Retry { failed }, &id, &server).await
        }
        BundleCommand::Pause { id, server } => change::run(Change::Pause, &id, &server).await,
        BundleCommand::Resume { id, server } => change::run(Change::Resume, &id, &server).await,
        BundleCommand::Diff { first, second, top, server } => {
            diff::run([&first, &second], top, &server).await
        }
    }
}

/// The text of a request file; `-` is stdin.
pub(crate) fn read_request(file: &Path) -> Result<Bytes, Failure> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(without_mark(text));
    }
    std::fs::read(file).map(without_mark).map_err(|error| Failure::unreadable(file, &error))
}

/// A text without the byte order mark that some editors put before UTF-8.
fn without_mark(text: Vec<u8>) -> Bytes {
    let text = Bytes::from(text);
    if text.starts_with(b"\xef\xbb\xbf") { text.slice(3..) } else { text }
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
    estimated(&answer).print();
    Ok(())
}

/// What a bundle would be, in rows for people.
fn estimated(answer: &Value) -> Table {
    let mut table = Table::new(&["what", "value"]);
    let mut row = |what: String, value: String| table.row(vec![what, value]);
    let known = |key: &str| answer.get(key).and_then(Value::as_u64);
    let or_unknown = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), thousands);
    row("jobs".to_owned(), thousands(count(answer, "jobs")));
    row("dropped by constraints".to_owned(), thousands(count(answer, "dropped")));
    row("answered by results that exist".to_owned(), or_unknown(known("cached")));
    row("candles to run".to_owned(), thousands(count(answer, "candles")));
    row("candles to load".to_owned(), thousands(count(answer, "candlesNeeded")));
    row("candles missing".to_owned(), or_unknown(known("candlesMissing")));
    for need in items(answer, "series").filter(|need| count(need, "missing") > 0) {
        let (ticker, timeframe) = (text(need, "ticker"), text(need, "timeframe"));
        let (start, end) = (text(need, "start"), text(need, "end"));
        let what = format!("  of {ticker} {timeframe}, {start} to {end}");
        row(what, thousands(count(need, "missing")));
    }
    let time =
        number(answer, "seconds").map_or("unknown until a bundle has run".to_owned(), |seconds| {
            if seconds > 0.0 {
                format!("about {}", human_seconds(seconds))
            } else {
                "none: every result exists".to_owned()
            }
        });
    row("time".to_owned(), time);
    if let Some(ahead) = number(answer, "secondsAhead").filter(|seconds| *seconds > 0.0) {
        row("after what is ahead".to_owned(), format!("about {}", human_seconds(ahead)));
    }
    for luck in items(answer, "luckBar") {
        let (start, end) = (text(luck, "start"), text(luck, "end"));
        let lines = format!(
            "the best of {} without skill shows {} on average and passes {} in 5 % of cases",
            thousands(count(luck, "variants")),
            decimal(number(luck, "expectedBest"), 2),
            decimal(number(luck, "line95"), 2),
        );
        row(format!("Sharpe ratio by luck, {} to {}", day(start), day(end)), lines);
    }
    table
}

async fn list(args: &BundleListArgs) -> Result<(), Failure> {
    let BundleListArgs { status, name, tag, owner, limit, server } = args;
    let api = connect(server)?;
    let mut path = format!("/api/backtest/bundle?limit={limit}");
    for (filter, value) in [("status", status), ("name", name), ("tag", tag), ("owner", owner)] {
        if let Some(value) = value {
            path.push('&');
            path.push_str(filter);
            path.push('=');
            path.push_str(&output::query_escaped(value));
        }
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

fn percent(progress: f64) -> String {
    format!("{progress:.1} %")
}
