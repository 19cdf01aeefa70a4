//! `backfleet run`: one backtest here, without a server.

use std::sync::Arc;

use candles::Market;
use model::settings::Funding;
use model::{Bundle, Digest, JobSpec, Limits, SeriesId, SignalColumn, TimeRange};
use serde_json::Value;
use worker::Inputs;

use crate::cli::RunArgs;
use crate::client::read_request;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, line};
use crate::run_files::{self, CandleFiles};
use crate::settings::Files;

/// Runs one job of a bundle request and prints its outcome, or explains one candle of it.
pub(crate) async fn run(args: &RunArgs, files: &Files) -> Result<(), Failure> {
    let mut body = read_request(&args.file)?.to_vec();
    let mut column = match &args.signals {
        Some(file) => Some(run_files::signals(file, args.tz.as_ref())?),
        None => None,
    };
    if let Some(column) = &column {
        body = run_files::with_signals(&body, column.as_slice().hash())?;
    }
    let (market, spec) = if args.candles.is_empty() {
        let market = open::market(&args.data.data, &args.influx, files)?;
        (market, job(&parse(&body, &Limits::of_stored())?, args.seq)?)
    } else {
        from_files(&body, args)?
    };
    if let (Some(hash), None) = (spec.signal_column, &column) {
        column = Some(stored_signals(args, hash).await?);
    }
    let inputs = Inputs::load(&market, &spec, column).await?;
    if let Some(time) = &args.explain {
        return explain(args, &inputs, spec, time);
    }
    let replay = worker::replay(&inputs, spec, args.profile).map_err(failed)?;
    if args.json {
        line(&replay.document.to_string());
    } else {
        show(&replay.document);
    }
    Ok(())
}

/// The signal column that was put into the data folder's store.
async fn stored_signals(args: &RunArgs, hash: Digest) -> Result<Arc<SignalColumn>, Failure> {
    let absent = || {
        Failure::new(Exit::NotFound, format!("the signal column {hash} is not at hand"))
            .hint("pass its file: --signals FILE")
    };
    if !args.data.data.join("backfleet.sqlite").is_file() {
        return Err(absent());
    }
    let store = open::sqlite(&args.data.data).await?;
    let packed = store.signals(hash).await?.ok_or_else(absent)?;
    Ok(Arc::new(packed.unpack()?))
}

/// The files are the series that the request names, and the length of the job's own is the range if
/// none is given.
fn from_files(body: &[u8], args: &RunArgs) -> Result<(Market, JobSpec), Failure> {
    let seq = args.seq;
    let any = TimeRange { start_ms: 0, end_ms: model::DAY_MS };
    let named = job(&parse(body, &with_range(any))?, seq)?;
    let files =
        CandleFiles::read(&args.candles, &named.series, &named.other_series(), args.tz.as_ref())?;
    let (first_ms, last_ms) = files.ends;
    let whole = TimeRange { start_ms: first_ms, end_ms: last_ms + files.own.series.timeframe.ms() };
    let mut spec = job(&parse(body, &with_range(whole))?, seq)?;
    if let Some(file) = &args.funding {
        if spec.costs.funding != Funding::FromData {
            let text = "the request does not take funding rates from data";
            return Err(Failure::new(Exit::Usage, text).hint(
                "set universalConfig.costs.funding to \"fromData\", or leave out --funding",
            ));
        }
        let SeriesId { exchange, ticker, .. } = &spec.series;
        files.market.set_funding(exchange, ticker, candles::read_funding(file)?);
    }
    // The files are all there is: what they do not cover is a warning, not an error.
    spec.data_policy.allow_uncovered_ends = true;
    Ok((files.market, spec))
}

fn with_range(range: TimeRange) -> Limits {
    Limits { default_range: Some(range), ..Limits::of_stored() }
}

fn parse(body: &[u8], limits: &Limits) -> Result<Bundle, Failure> {
    Bundle::from_json(body, limits).map_err(|faults| {
        let lines: Vec<String> = faults.0.iter().map(fault_line).collect();
        let code = match faults.0.as_slice() {
            [only] => only.code,
            _ => "invalid_bundle",
        };
        Failure::new(
            Exit::Failure,
            format!("the bundle request is wrong:\n  {}", lines.join("\n  ")),
        )
        .hint(format!("`backfleet explain {code}` tells more"))
    })
}

/// One fault of a request, for people.
pub(crate) fn fault_line(fault: &model::Fault) -> String {
    let place = if fault.pointer.is_empty() { "/" } else { &fault.pointer };
    match &fault.hint {
        Some(hint) => format!("{place}: {} ({hint})", fault.message),
        None => format!("{place}: {}", fault.message),
    }
}

fn job(bundle: &Bundle, seq: Option<u32>) -> Result<JobSpec, Failure> {
    let seqs: Vec<u32> = bundle.jobs().take(2).collect();
    let seq = match (seq, seqs.as_slice()) {
        (Some(seq), _) => seq,
        (None, [only]) => *only,
        (None, []) => {
            return Err(Failure::new(Exit::Failure, "the constraints drop every job"));
        }
        (None, _) => {
            let total = bundle.total();
            return Err(Failure::usage(format!("the bundle has {total} jobs"))
                .hint("choose one with --seq N, or run them all with `backfleet bundle submit`"));
        }
    };
    bundle.job(seq).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("the bundle has no job {seq}"))
            .hint(format!("seq goes from 0 to {}", bundle.total_product() - 1))
    })
}

fn failed(error: worker::ReplayError) -> Failure {
    let exit = if error.code == "no_candles" { Exit::NotFound } else { Exit::Failure };
    let hint = format!("`backfleet explain {}` tells more", error.code);
    Failure::new(exit, error.message).hint(hint)
}

fn explain(args: &RunArgs, inputs: &Inputs, spec: JobSpec, time: &str) -> Result<(), Failure> {
    let time_ms = time
        .parse::<jiff::Timestamp>()
        .map_err(|_| {
            Failure::usage(format!("\"{time}\" is not a time"))
                .hint("write the candle's open time as 2024-01-03T10:15:00Z")
        })?
        .as_millisecond();
    let loaded = inputs.candles();
    let times = &loaded.as_slice().open_time_ms[loaded.start_row()..];
    if times.binary_search(&time_ms).is_err() {
        let at = |ms: i64| TimeRange { start_ms: ms, end_ms: ms }.start_text();
        let before = times.partition_point(|open_ms| *open_ms < time_ms).saturating_sub(1);
        let near = times.get(before).copied().unwrap_or(time_ms);
        let text = format!("no candle of {} opens at {} in the range", spec.series, at(time_ms));
        return Err(Failure::new(Exit::NotFound, text)
            .hint(format!("the nearest one: --explain {}", at(near))));
    }
    let explanation = worker::explain(inputs, spec, time_ms).map_err(failed)?;
    if args.json {
        line(&serde_json::to_string(&explanation).map_err(anyhow::Error::from)?);
    } else {
        line(&explanation.to_string());
    }
    Ok(())
}

/// Metrics, trades and hashes as tables.
fn show(document: &Value) {
    let mut trades =
        Table::new(&["side", "entry", "price", "exit", "price", "pnl", "return %", "reason"]);
    for trade in document.get("trades").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| trade.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let number = |key: &str| trade.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        trades.row(vec![
            text("side"),
            text("entryTime"),
            number("entryPrice").to_string(),
            text("exitTime"),
            number("exitPrice").to_string(),
            format!("{:.2}", number("pnl")),
            format!("{:.3}", number("returnPct")),
            text("exitReason"),
        ]);
    }
    trades.print();
    let mut table = Table::new(&["metric", "value"]);
    let group = |name: &str| document.get(name).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in group("metrics").filter(|(_, value)| !value.is_null()) {
        table.row(vec![key.clone(), plain(value)]);
    }
    for (key, reason) in group("undefined") {
        table.row(vec![key.clone(), plain(reason)]);
    }
    for (peer, numbers) in group("profile") {
        for (key, value) in numbers.as_object().into_iter().flatten() {
            table.row(vec![format!("{peer} {key}"), plain(value)]);
        }
    }
    for key in ["candles", "warmup", "counts", "equity", "outcomeHash", "dataHash"] {
        if let Some(value) = document.get(key) {
            table.row(vec![key.to_owned(), plain(value)]);
        }
    }
    table.print();
    for warning in document.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        crate::output::note(&format!("warning: {}", warning.as_str().unwrap_or_default()));
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
