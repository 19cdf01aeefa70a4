//! `backfleet demo`: the whole way on real candles, with nothing installed.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use candles::import::{ImportOptions, import};
use clap::Parser;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::samples::{self, BUNDLES};
use super::{bind, dev, shutdown_signal};
use crate::cli::{Cli, Command, DemoArgs, DevArgs};
use crate::client::{Progress, Server, Status, show_top, submit_to};
use crate::failure::{Exit, Failure};
use crate::output::{Table, human_seconds, line, note, per_second, thousands};
use crate::settings::Files;
use crate::{client, open};

/// Imports the samples, runs the sample bundles, shows what came out.
pub(crate) async fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let temporary = tempfile::tempdir()?;
    let data = args.data.as_deref().unwrap_or(temporary.path());
    import_samples(data)?;

    let settings = dev_settings(data, args)?;
    let store = open::sqlite(data).await?;
    store.migrate().await?;
    let market = open::market(data, &settings.serve.influx, &Files::default())?;
    let listener = bind(args.listen).await?;
    let address = listener.local_addr()?;
    let shutdown = shutdown_signal()?;
    let tasks = TaskTracker::new();
    let stop = shutdown.clone();
    let running =
        tasks.spawn(async move { dev::run(store, market, listener, &settings, stop).await });
    tasks.close();

    let shown = show(&format!("http://{address}"), args.json, &shutdown).await;
    if shown.is_ok() {
        if args.serve {
            note(&format!("the page is at http://{address}/ until Ctrl-C"));
            shutdown.cancelled().await;
        } else {
            note("hint: backfleet demo --serve keeps the page and the API up");
        }
    }
    shutdown.cancel();
    running.await.map_err(anyhow::Error::from)??;
    shown
}

fn import_samples(data: &Path) -> Result<(), Failure> {
    let files = tempfile::tempdir()?;
    samples::unpack(files.path())?;
    let started = Instant::now();
    let reports = import(
        &open::parquet(data)?,
        &[files.path().to_owned()],
        &ImportOptions::default(),
        |_| {},
    )?;
    let rows: u64 = reports.iter().map(|report| report.findings.rows).sum();
    note(&format!(
        "imported {} real candles of {} series in {}",
        thousands(rows),
        reports.len(),
        human_seconds(started.elapsed().as_secs_f64())
    ));
    Ok(())
}

/// The settings that `backfleet dev --data DIR` would have.
fn dev_settings(data: &Path, args: &DemoArgs) -> Result<DevArgs, Failure> {
    let listen = args.listen.to_string();
    let words = ["backfleet", "dev", "--listen", &listen, "--data"].map(std::ffi::OsString::from);
    let words = words.into_iter().chain([data.as_os_str().to_owned()]);
    match Cli::try_parse_from(words).map(|cli| cli.command) {
        Ok(Command::Dev(mut dev)) => {
            dev.serve.influx.influx_url = None;
            Ok(dev)
        }
        _ => Err(Failure::new(Exit::Failure, "the demonstration's settings do not parse")),
    }
}

async fn show(address: &str, json: bool, shutdown: &CancellationToken) -> Result<(), Failure> {
    let server = Server::new(address, None)?;
    let mut ids = Vec::new();
    let started = Instant::now();
    for sample in &BUNDLES {
        let answer =
            submit_to(&server, Bytes::from_static(sample.request.as_bytes()), None).await?;
        let id = answer.get("bundleRequestId").and_then(Value::as_str).unwrap_or_default();
        ids.push(id.to_owned());
    }
    let statuses = follow(&server, &ids, shutdown).await?;
    let elapsed = started.elapsed();
    if json {
        let documents: Vec<&Value> = statuses.iter().map(|status| &status.document).collect();
        line(&json!({"server": address, "bundles": documents}).to_string());
    } else {
        let mut columns = vec!["bundle"];
        columns.extend(client::RESULT_COLUMNS);
        let mut table = Table::new(&columns);
        for (sample, id) in BUNDLES.iter().zip(&ids) {
            show_top(&server, id, sample.name, 2, &mut table).await?;
        }
        table.print();
        note(client::STAR);
        judge(&server, &ids).await?.print();
        summary(&statuses, elapsed);
    }
    statuses.iter().try_for_each(Status::verdict)
}

/// What each bundle's best is worth, in one sentence each.
async fn judge(server: &Server, ids: &[String]) -> Result<Table, Failure> {
    let mut table = Table::new(&["bundle", "does its best beat luck?"]);
    for (sample, id) in BUNDLES.iter().zip(ids) {
        let honesty = server.get(&format!("/api/backtest/bundle/{id}/honesty")).await?.json()?;
        let sentence = honesty.get("sentence").and_then(Value::as_str).unwrap_or_default();
        table.row(vec![sample.name.to_owned(), sentence.to_owned()]);
    }
    Ok(table)
}

/// Follows all bundles under one bar.
async fn follow(
    server: &Server,
    ids: &[String],
    shutdown: &CancellationToken,
) -> Result<Vec<Status>, Failure> {
    let mut progress = Progress::start();
    loop {
        let mut statuses = Vec::with_capacity(ids.len());
        for id in ids {
            statuses.push(Status::of(server, id).await?);
        }
        progress.show(&statuses);
        if statuses.iter().all(Status::is_final) {
            progress.end();
            return Ok(statuses);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            () = shutdown.cancelled() => {
                return Err(Failure::new(Exit::Interrupted, "interrupted"));
            }
        }
    }
}

fn summary(statuses: &[Status], elapsed: Duration) {
    let jobs: u64 = statuses.iter().map(|status| status.count("total")).sum();
    let seconds = elapsed.as_secs_f64().max(1e-3);
    note(&format!(
        "{} backtests over HTTP, queue and store in {} ({})",
        thousands(jobs),
        human_seconds(seconds),
        per_second(jobs as f64 / seconds, "backtests")
    ));
}
