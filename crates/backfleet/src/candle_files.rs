//! `backfleet candles ...`: import, list, push, export.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candles::import::{ImportOptions, ImportReport, import};
use candles::{CandleSource, Format, SeriesInfo};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::{SeriesId, TimeRange};
use serde_json::{Value, json};

use crate::cli::{CandlesCommand, DataArgs, ImportNames, InfluxArgs};
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, human_seconds, line, note, per_second, thousands};
use crate::settings::Files;

/// Runs one `candles` command.
pub(crate) async fn run(command: CandlesCommand, settings: &Files) -> Result<(), Failure> {
    match command {
        CandlesCommand::Import { files, names, data, json } => {
            import_files(&files, &names, &data, json)
        }
        CandlesCommand::Funding(args) => crate::funding_files::run(&args),
        CandlesCommand::List { data, influx, json } => list(&data, &influx, settings, json).await,
        CandlesCommand::Push { series, data, influx, json } => {
            let request = Push { series, json };
            push(&request, &data, &influx, settings).await
        }
        CandlesCommand::Export { series, output, data, influx } => {
            export(&series, &output, &data, &influx, settings).await
        }
    }
}

fn import_files(
    files: &[PathBuf],
    names: &ImportNames,
    data: &DataArgs,
    json: bool,
) -> Result<(), Failure> {
    let folder = open::parquet(&data.data)?;
    let options = ImportOptions {
        exchange: names.exchange.clone(),
        ticker: names.ticker.clone(),
        timeframe: names.timeframe,
        calendar: names.calendar.clone(),
        zone: names.tz.clone(),
        ..ImportOptions::default()
    };
    let started = Instant::now();
    let reports = import(&folder, files, &options, |report| {
        if !json {
            note(&format!("{}: {} rows", report.file.display(), thousands(report.rows)));
        }
    })?;
    if json {
        line(&json!({ "files": reports }).to_string());
        return Ok(());
    }
    let mut table = Table::new(&["file", "series", "rows", "new", "missing", "first", "last"]);
    for report in &reports {
        table.row(row_of(report));
    }
    table.print();
    let rows: u64 = reports.iter().map(|report| report.rows).sum();
    let seconds = started.elapsed().as_secs_f64();
    note(&format!(
        "{} candles in {} ({})",
        thousands(rows),
        human_seconds(seconds),
        per_second(rows as f64 / seconds.max(1e-3), "candles")
    ));
    Ok(())
}

fn row_of(report: &ImportReport) -> Vec<String> {
    vec![
        report.file.display().to_string(),
        report.series.to_string(),
        thousands(report.rows),
        thousands(report.added),
        thousands(report.missing),
        report.first_ms.map_or_else(String::new, time),
        report.last_ms.map_or_else(String::new, time),
    ]
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

async fn list(
    data: &DataArgs,
    influx: &InfluxArgs,
    settings: &Files,
    json: bool,
) -> Result<(), Failure> {
    let series = source(data, influx, settings)?.list_series().await?;
    if json {
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

fn document(info: &SeriesInfo) -> Value {
    json!({
        "exchange": info.id.exchange, "ticker": info.id.ticker, "timeframe": info.id.timeframe,
        "calendar": info.calendar, "first": time(info.first_ms), "last": time(info.last_ms),
        "count": info.count,
    })
}

struct Push {
    series: Option<String>,
    json: bool,
}

async fn push(
    request: &Push,
    data: &DataArgs,
    influx: &InfluxArgs,
    settings: &Files,
) -> Result<(), Failure> {
    let Some(target) = open::influx(influx, settings)? else {
        return Err(Failure::usage("no InfluxDB to push to").hint("pass --influx-url"));
    };
    target.ensure_database().await?;
    let folder = open::parquet(&data.data)?;
    let wanted = request.series.as_deref().map(series_id).transpose()?;
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
    let mut pushed = Vec::new();
    for info in &all {
        bar.set_message(info.id.to_string());
        let before = bar.position();
        let report = candles::push(&folder, info, &target, |progress| {
            bar.set_position(before + progress.done);
        })
        .await?;
        pushed.push(json!({"series": info.id, "written": report.rows, "counted": report.counted}));
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    if request.json {
        line(&json!({"series": pushed, "candles": total, "seconds": seconds}).to_string());
    } else {
        note(&format!(
            "{} candles of {} series in {} ({}), counted afterwards",
            thousands(total),
            all.len(),
            human_seconds(seconds),
            per_second(total as f64 / seconds.max(1e-3), "candles")
        ));
    }
    note(
        "warning: a host that cached a month before it was corrected keeps it; after a correction \
         delete the cache folder in its --data",
    );
    Ok(())
}

async fn export(
    series: &str,
    output: &Path,
    data: &DataArgs,
    influx: &InfluxArgs,
    settings: &Files,
) -> Result<(), Failure> {
    let id = series_id(series)?;
    let Some(format) = Format::of(output) else {
        let text = format!("\"{}\" names no form of candle file", output.display());
        return Err(Failure::usage(text).hint("end it in .parquet, .csv or .csv.gz"));
    };
    let source = source(data, influx, settings)?;
    let all = source.list_series().await?;
    let Some(info) = all.iter().find(|info| info.id == id) else {
        return Err(Failure::new(Exit::NotFound, format!("there is no series {id}"))
            .hint("`backfleet candles list` shows what there is"));
    };
    let range = TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 1 };
    let rows = candles::export(&*source, info, range, output, format, |_| {}).await?;
    note(&format!("{} candles of {id} in {}", thousands(rows), output.display()));
    Ok(())
}

fn series_id(text: &str) -> Result<SeriesId, Failure> {
    let wrong = || {
        Failure::usage(format!("\"{text}\" is not a series"))
            .hint("write exchange/ticker/timeframe, such as binance/BTCUSDT/1m")
    };
    let (rest, timeframe) = text.rsplit_once('/').ok_or_else(wrong)?;
    let (exchange, ticker) = rest.split_once('/').ok_or_else(wrong)?;
    let timeframe = timeframe.parse().map_err(|_| wrong())?;
    Ok(SeriesId { exchange: exchange.to_owned(), ticker: ticker.to_owned(), timeframe })
}
