//! `backfleet workers`.

use bytes::Bytes;

use super::{connect, count, list, number, text};
use crate::cli::{ServerArgs, WorkersArgs, WorkersCommand};
use crate::failure::Failure;
use crate::output::{self, Table, per_second, thousands};

/// Lists the workers, or asks one to stop.
pub(crate) async fn run(args: &WorkersArgs) -> Result<(), Failure> {
    match &args.command {
        None => show(&args.server).await,
        Some(WorkersCommand::Drain { id, server }) => {
            let path = format!("/api/workers/{id}/drain");
            connect(server)?.post(&path, Bytes::new(), &[]).await?;
            if server.json {
                output::line(&serde_json::json!({"id": id, "status": "draining"}).to_string());
            } else {
                output::note(&format!("worker {id} ends what it holds, then stops"));
            }
            Ok(())
        }
    }
}

async fn show(server: &ServerArgs) -> Result<(), Failure> {
    let page = connect(server)?.get("/api/workers").await?.json()?;
    if server.json {
        output::line(&page.to_string());
        return Ok(());
    }
    let mut table = Table::new(&[
        "worker",
        "status",
        "host",
        "version",
        "slots",
        "running",
        "finished",
        "speed",
        "last beat",
    ]);
    for worker in list(&page, "items") {
        let speed = number(worker, "candlesPerSecond").unwrap_or_default();
        table.row(vec![
            worker["id"].to_string(),
            text(worker, "status").to_owned(),
            text(worker, "host").to_owned(),
            text(worker, "version").to_owned(),
            thousands(count(worker, "slots")),
            thousands(count(worker, "running")),
            thousands(count(worker, "finished")),
            per_second(speed, "candles"),
            text(worker, "lastBeatAt").to_owned(),
        ]);
    }
    table.print();
    Ok(())
}
