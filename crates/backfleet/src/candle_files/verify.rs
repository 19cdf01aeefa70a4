//! `backfleet candles verify`.

use candles::{CandleSource, Clock, Findings, SeriesInfo};
use serde_json::{Value, json};

use super::findings;
use super::named::{self, series_id};
use crate::cli::VerifyArgs;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::line;
use crate::settings::Files;

pub(super) async fn run(args: &VerifyArgs, settings: &Files) -> Result<(), Failure> {
    let influx = open::influx(&args.influx, settings)?;
    let fix = args.judge.fix.unwrap_or_default();
    let parquet = if influx.is_none() { Some(open::parquet(&args.data.data)?) } else { None };
    let source: Box<dyn CandleSource> = match (&influx, &parquet) {
        (Some(influx), _) if fix.is_any() => {
            return Err(Failure::usage(format!("\"{}\" cannot be mended from here", influx.id()))
                .hint("correct the files, import them and push them again"));
        }
        (Some(influx), _) => Box::new(influx.clone()),
        (None, Some(parquet)) => Box::new(parquet.clone()),
        (None, None) => return Err(Failure::usage("there is no source of candles")),
    };
    let wanted = args.series.as_deref().map(series_id).transpose()?;
    let mut all = source.list_series().await?;
    all.retain(|info| wanted.as_ref().is_none_or(|id| *id == info.id));
    if let (true, Some(id)) = (all.is_empty(), &wanted) {
        return Err(named::missing(id));
    }
    let clock = Clock::system();
    let mut found: Vec<(SeriesInfo, Findings)> = Vec::new();
    for info in all {
        let findings = match &parquet {
            Some(parquet) if fix.is_any() => {
                let (parquet, id, clock) = (parquet.clone(), info.id.clone(), clock.clone());
                let mend = tokio::task::spawn_blocking(move || parquet.mend(&id, fix, &clock));
                mend.await.map_err(anyhow::Error::from)??
            }
            _ => candles::verify(&*source, &info, &clock, |_| {}).await?,
        };
        found.push((info, findings));
    }
    if args.json {
        let items: Vec<Value> = found.iter().map(document).collect();
        line(&json!({ "items": items }).to_string());
    } else {
        findings::show(found.iter().map(|(info, findings)| (info.id.to_string(), findings)));
    }
    let is_bad = |findings: &Findings| {
        findings.bad() > 0 || (args.judge.strict && !findings.warnings().is_empty())
    };
    let bad = found.iter().filter(|(_, findings)| is_bad(findings)).count();
    if bad == 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::VerifyMismatch, format!("{bad} of {} series are at fault", found.len()))
        .hint("--fix drop, keep-last or fill mends files; `backfleet candles verify --help`"))
}

fn document((info, findings): &(SeriesInfo, Findings)) -> Value {
    let mut document = json!(findings);
    document["series"] = json!(info.id);
    document["calendar"] = json!(info.calendar);
    document["warnings"] = json!(findings.warnings());
    document
}
