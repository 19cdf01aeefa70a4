//! `backfleet indicator`: values of any number of a strategy over a candle file, at full precision.

use std::fmt::Write;

use candles::import::{ImportOptions, read_file};
use model::strategy::{Arg, Expr, Strategy};
use model::{Faults, TimeRange};
use serde_json::{Value, json};

use crate::cli::{IndicatorArgs, IndicatorForm};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::replay::fault_line;

/// Prints `row,time,value`; a value that is not defined is empty (CSV) or null (JSON).
pub(crate) fn run(args: &IndicatorArgs) -> Result<(), Failure> {
    let expr = parse(&args.expression)?;
    let options = ImportOptions {
        exchange: Some("file".to_owned()),
        ticker: Some("FILE".to_owned()),
        calendar: args.calendar.clone(),
        timeframe: args.timeframe,
        zone: args.tz.clone(),
        ..ImportOptions::default()
    };
    let (report, candles) = read_file(&args.candles, &options)?;
    let timeframe = report.series.timeframe;
    let values = engine::indicator(candles.as_slice(), timeframe, &report.calendar, &expr)
        .map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let rows = candles.open_time_ms.iter().zip(&values).enumerate();
    let form = if args.json { IndicatorForm::Json } else { args.output };
    match form {
        IndicatorForm::Csv => {
            let mut text = String::from("row,time,value\n");
            for (row, (time_ms, value)) in rows {
                let value = if value.is_nan() { String::new() } else { value.to_string() };
                let _ = writeln!(text, "{row},{},{value}", time(*time_ms));
            }
            output::raw(text.as_bytes())
        }
        IndicatorForm::Json => {
            let items: Vec<Value> = rows
                .map(|(row, (time_ms, value))| {
                    let value = (!value.is_nan()).then_some(value);
                    json!({"row": row, "time": time(*time_ms), "value": value})
                })
                .collect();
            output::line(&json!({ "items": items }).to_string());
            Ok(())
        }
    }
}

fn time(time_ms: i64) -> String {
    TimeRange { start_ms: time_ms, end_ms: time_ms }.start_text()
}

/// A number as JSON tree or text; a condition counts as 1 and 0.
fn parse(text: &str) -> Result<Expr, Failure> {
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) if !text.trim_start().starts_with('{') => Value::from(text),
        Err(error) => return Err(Failure::usage(format!("the indicator is no JSON: {error}"))),
    };
    let context = json!({"signals": {"long": "close > 0"}});
    let context = Strategy::parse(&context, "", &mut Faults::default())
        .expect("the constant strategy is valid");
    let mut faults = Faults::default();
    if let Some(expr) = context.parse_expr(&value, "", &mut faults) {
        return Ok(expr);
    }
    if let Some(cond) = context.parse_cond(&value, "", &mut Faults::default()) {
        let number = |value| Box::new(Expr::Number(Arg::Number(value)));
        let (then, otherwise) = (number(1.0), number(0.0));
        return Ok(Expr::If { condition: Box::new(cond), then, otherwise });
    }
    let lines: Vec<String> = faults.0.iter().map(fault_line).collect();
    Err(Failure::usage(format!("the indicator is wrong:\n  {}", lines.join("\n  ")))
        .hint("write {\"ema\": {\"of\": \"close\", \"n\": 12}} or ema(close, 12)"))
}
