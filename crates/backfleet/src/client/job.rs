//! `backfleet job show|trades|verify`.

use serde_json::Value;

use super::verify::verify;
use super::{connect, decimal, list, number, text};
use crate::cli::{JobCommand, ServerArgs};
use crate::failure::Failure;
use crate::output::{self, Table};

/// Runs one `job` command.
pub(crate) async fn run(command: JobCommand) -> Result<(), Failure> {
    match command {
        JobCommand::Show { id, server } => show(&id, &server).await,
        JobCommand::Trades { id, server } => trades(&id, &server).await,
        JobCommand::Verify { id, timeout, server } => verify(&id, timeout, &server).await,
    }
}

async fn show(id: &str, server: &ServerArgs) -> Result<(), Failure> {
    let job = connect(server)?.get(&format!("/api/backtest/job/{id}")).await?.json()?;
    if server.json {
        output::line(&job.to_string());
        return Ok(());
    }
    let mut table = Table::new(&["what", "value"]);
    let variant = &job["variant"];
    for (name, value) in [
        ("job", text(&job, "jobId")),
        ("status", text(&job, "status")),
        ("ticker", text(variant, "ticker")),
        ("timeframe", text(variant, "timeframe")),
        ("start", text(variant, "start")),
        ("end", text(variant, "end")),
    ] {
        table.row(vec![name.to_owned(), value.to_owned()]);
    }
    for group in ["parameters", "moneyManagement"] {
        for (key, value) in variant[group].as_object().into_iter().flatten() {
            table.row(vec![format!("{group}.{key}"), plain(value)]);
        }
    }
    if let Some(error) = job["error"].as_object() {
        for key in ["code", "message"] {
            table.row(vec![format!("error.{key}"), error.get(key).map_or_else(String::new, plain)]);
        }
    }
    for key in ["attempt", "assignedWorkerId", "startedAt", "completedAt", "cached"] {
        table.row(vec![key.to_owned(), plain(&job[key])]);
    }
    for key in ["outcomeHash", "dataHash", "specKey", "resultKey", "engineVersion", "statsVersion"]
    {
        if !job[key].is_null() {
            table.row(vec![key.to_owned(), plain(&job[key])]);
        }
    }
    for (id, value) in job["metrics"].as_object().into_iter().flatten() {
        table.row(vec![id.clone(), plain(value)]);
    }
    for (id, reason) in job["undefined"].as_object().into_iter().flatten() {
        table.row(vec![id.clone(), format!("undefined: {}", plain(reason))]);
    }
    table.print();
    for attempt in list(&job, "attempts") {
        output::note(&format!(
            "attempt {} on worker {} ended at {}: {}",
            attempt["attempt"],
            plain(&attempt["workerId"]),
            text(attempt, "endedAt"),
            text(attempt, "endedBy").replace('_', " ")
        ));
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

async fn trades(id: &str, server: &ServerArgs) -> Result<(), Failure> {
    let page = connect(server)?.get(&format!("/api/backtest/job/{id}/trades")).await?.json()?;
    if server.json {
        output::line(&page.to_string());
        return Ok(());
    }
    let mut table = Table::new(&[
        "trade",
        "side",
        "entry",
        "entry price",
        "exit",
        "exit price",
        "quantity",
        "fees",
        "pnl",
        "return %",
        "exit by",
    ]);
    for (index, trade) in list(&page, "items").enumerate() {
        let price = |key: &str| number(trade, key).map_or_else(String::new, |it| it.to_string());
        table.row(vec![
            (index + 1).to_string(),
            text(trade, "side").to_owned(),
            text(trade, "entryTime").to_owned(),
            price("entryPrice"),
            text(trade, "exitTime").to_owned(),
            price("exitPrice"),
            price("quantity"),
            decimal(number(trade, "fees"), 2),
            decimal(number(trade, "pnl"), 2),
            decimal(number(trade, "returnPct"), 2),
            text(trade, "exitReason").replace('_', " "),
        ]);
    }
    table.print();
    let open = &page["openPosition"];
    if !open.is_null() {
        let pnl = decimal(number(open, "pnl"), 2);
        let (side, since) = (text(open, "side"), text(open, "entryTime"));
        output::note(&format!("still open at the end: {side} since {since}, result so far {pnl}"));
    }
    Ok(())
}
