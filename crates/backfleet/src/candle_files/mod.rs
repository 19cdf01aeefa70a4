//! `backfleet candles ...`: import, list, verify, export, generate, push, cache.

mod cache;
mod findings;
mod generate;
mod import;
mod named;
mod verify;

use std::path::Path;
use std::time::Instant;

use candles::{CandleSource, Format, SeriesInfo};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::TimeRange;
use serde_json::{Value, json};

use self::named::series_id;
use crate::cli::{CandlesCommand, DataArgs, InfluxArgs, ListArgs, PushArgs};
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, human_seconds, line, note, per_second, thousands};
use crate::settings::Files;

/// Runs one `candles` command.
pub(crate) async fn run(command: CandlesCommand, settings: &Files) -> Result<(), Failure> {
    match command {
        CandlesCommand::Import(args) => import::run(&args),
        CandlesCommand::Funding(args) => crate::funding_files::run(&args),
        CandlesCommand::List(args) => list(&args, settings).await,
        CandlesCommand::Verify(args) => verify::run(&args, settings).await,
        CandlesCommand::Push(args) => push(&args, settings).await,
        CandlesCommand::Cache(command) => cache::run(&command),
        CandlesCommand::Generate(args) => generate::run(&args),
        CandlesCommand::Export(args) => {
            export(&args.series, &args.output, &args.data, &args.influx, settings).await
        }
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

async fn push(args: &PushArgs, settings: &Files) -> Result<(), Failure> {
    let Some(target) = open::influx(&args.influx, settings)? else {
        return Err(Failure::usage("no InfluxDB to push to").hint("pass --influx-url"));
    };
    target.ensure_database().await?;
    let folder = open::parquet(&args.data.data)?;
    let wanted = args.series.as_deref().map(series_id).transpose()?;
    let mut all = folder.list_series().await?;
    all.retain(|info| wanted.as_ref().is_none_or(|id| *id == info.id));
    if all.is_empty() {
        return Err(Failure::new(Exit::NotFound, "there is no such series to push")
            .hint("`backfleet candles list` shows what there is"));
    }
    let total: u64 = all.iter().map(|info| info.count).sum();
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(
        "{bar:32} {percent:>3} %  {human_pos} of {human_len} candles  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    let started = Instant::now();
    let policy = target.policy().await?;
    let mut pushed = Vec::new();
    let mut warnings = Vec::new();
    let (mut sent, mut kept) = (0, 0);
    for info in &all {
        bar.set_message(info.id.to_string());
        if let Some(policy) = &policy {
            let now_ms = jiff::Timestamp::now().as_millisecond();
            warnings.extend(policy.warnings(info.first_ms, info.last_ms, now_ms));
        }
        let before = bar.position();
        let report = candles::push(&folder, info, &target, args.again, |progress| {
            bar.set_position(before + progress.done);
        })
        .await?;
        sent += report.rows;
        kept += report.kept;
        pushed.push(json!({
            "series": info.id, "written": report.rows, "kept": report.kept,
            "counted": report.counted,
        }));
    }
    bar.finish_and_clear();
    warnings.sort();
    warnings.dedup();
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let document = json!({
            "series": pushed, "candles": total, "written": sent, "kept": kept, "seconds": seconds,
            "warnings": warnings,
        });
        line(&document.to_string());
    } else {
        note(&format!(
            "{} candles of {} series in {} ({}); {} were there already; count, sums and extremes \
             agree",
            thousands(sent),
            all.len(),
            human_seconds(seconds),
            per_second(sent as f64 / seconds.max(1e-3), "candles"),
            thousands(kept),
        ));
    }
    for warning in warnings {
        note(&format!("warning: {warning}"));
    }
    if sent > 0 {
        note(
            "hosts that cached these months compare them every ten minutes; `backfleet candles \
             cache purge` on a host does it at once",
        );
    }
    Ok(())
}

async fn export(
    series: &str,
    output: &Path,
    data: &DataArgs,
    influx: &InfluxArgs,
    settings: &Files,
) -> Result<(), Failure> {
    let Some(format) = Format::of(output) else {
        let text = format!("\"{}\" names no form of candle file", output.display());
        return Err(
            Failure::usage(text).hint("end it in .parquet, .arrow, .feather, .csv or .csv.gz")
        );
    };
    let source = source(data, influx, settings)?;
    let info = named::stored(&*source, series).await?;
    let range = TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 };
    let rows = candles::export(&*source, &info, range, output, format, |_| {}).await?;
    note(&format!("{} candles of {} in {}", thousands(rows), info.id, output.display()));
    Ok(())
}
