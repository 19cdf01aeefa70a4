//! `backfleet candles ...`: import, list, verify, export, generate, push, cache.

mod cache;
mod findings;
mod generate;
mod import;
mod named;
mod push;
mod verify;

use candles::{CandleSource, Format, SeriesInfo};
use model::TimeRange;
use serde_json::{Value, json};

use crate::cli::{CandlesCommand, DataArgs, ExportArgs, InfluxArgs, ListArgs};
use crate::failure::Failure;
use crate::open;
use crate::output::{Table, line, note, thousands};
use crate::settings::Files;

/// Runs one `candles` command.
pub(crate) async fn run(command: CandlesCommand, settings: &Files) -> Result<(), Failure> {
    match command {
        CandlesCommand::Import(args) => import::run(&args),
        CandlesCommand::Funding(args) => crate::funding_files::run(&args),
        CandlesCommand::List(args) => list(&args, settings).await,
        CandlesCommand::Verify(args) => verify::run(&args, settings).await,
        CandlesCommand::Push(args) => push::run(&args, settings).await,
        CandlesCommand::Cache(command) => cache::run(&command),
        CandlesCommand::Generate(args) => generate::run(&args),
        CandlesCommand::Export(args) => export(&args, settings).await,
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// The source that the settings name.
fn source(
    data: &DataArgs,
    influx: &InfluxArgs,
    settings: &Files,
) -> Result<Box<dyn CandleSource>, Failure> {
    Ok(match open::influx(influx, settings)? {
        Some(source) => Box::new(source),
        None => Box::new(open::parquet(&data.data)?),
    })
}

async fn list(args: &ListArgs, settings: &Files) -> Result<(), Failure> {
    if args.coverage {
        return coverage(args, settings).await;
    }
    let series = source(&args.data, &args.influx, settings)?.list_series().await?;
    if args.json {
        let items: Vec<Value> = series.iter().map(document).collect();
        line(&json!({ "items": items }).to_string());
        return Ok(());
    }
    if series.is_empty() {
        note("no candles yet");
        note("hint: backfleet candles import FILE..., or examples/candles for real samples");
        return Ok(());
    }
    let mut table =
        Table::new(&["exchange", "ticker", "timeframe", "calendar", "first", "last", "candles"]);
    for info in &series {
        table.row(vec![
            info.id.exchange.clone(),
            info.id.ticker.clone(),
            info.id.timeframe.to_string(),
            info.calendar.to_string(),
            time(info.first_ms),
            time(info.last_ms),
            thousands(info.count),
        ]);
    }
    table.print();
    Ok(())
}

/// Every series in full, through the cache: what is missing, and the hash of its candles.
async fn coverage(args: &ListArgs, settings: &Files) -> Result<(), Failure> {
    let market = open::market(&args.data.data, &args.influx, settings)?;
    let mut items: Vec<Value> = Vec::new();
    let mut table = Table::new(&[
        "exchange",
        "ticker",
        "timeframe",
        "first",
        "last",
        "candles",
        "missing",
        "hash",
    ]);
    for info in market.series().await?.iter() {
        let range = TimeRange {
            start_ms: info.first_ms,
            end_ms: info.last_ms.saturating_add(info.id.timeframe.ms()),
        };
        let loaded = market.load(&info.id, range, 0).await?;
        let work = tokio::task::spawn_blocking(move || {
            (loaded.as_slice().len(), loaded.missing(), loaded.series_hash())
        });
        let (count, missing, hash) = work.await.map_err(anyhow::Error::from)?;
        let mut item = document(info);
        item["count"] = json!(count);
        item["missing"] = json!(missing);
        item["dataHash"] = json!(hash);
        items.push(item);
        table.row(vec![
            info.id.exchange.clone(),
            info.id.ticker.clone(),
            info.id.timeframe.to_string(),
            time(info.first_ms),
            time(info.last_ms),
            thousands(count as u64),
            thousands(missing),
            hash.to_string(),
        ]);
    }
    if args.json {
        line(&json!({ "items": items }).to_string());
    } else {
        table.print();
    }
    Ok(())
}

fn document(info: &SeriesInfo) -> Value {
    json!({
        "exchange": info.id.exchange, "ticker": info.id.ticker, "timeframe": info.id.timeframe,
        "calendar": info.calendar, "first": time(info.first_ms), "last": time(info.last_ms),
        "count": info.count,
    })
}

async fn export(args: &ExportArgs, settings: &Files) -> Result<(), Failure> {
    let output = args.output.as_path();
    let Some(format) = Format::of(output) else {
        let text = format!("\"{}\" names no form of candle file", output.display());
        return Err(
            Failure::usage(text).hint("end it in .parquet, .arrow, .feather, .csv or .csv.gz")
        );
    };
    let source = source(&args.data, &args.influx, settings)?;
    let info = named::stored(&*source, &args.series).await?;
    let range = TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 };
    let rows = candles::export(&*source, &info, range, output, format, |_| {}).await?;
    if args.json {
        let mut written = document(&info);
        written["candles"] = rows.into();
        written["file"] = output.display().to_string().into();
        line(&written.to_string());
        return Ok(());
    }
    note(&format!("{} candles of {} in {}", thousands(rows), info.id, output.display()));
    Ok(())
}
