//! `backfleet candles push`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use candles::{CandleSource, Influx, Push, Segment};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use store::{CorrectedSegment, Store};

use super::named::series_id;
use crate::cli::PushArgs;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{human_seconds, line, note, per_second, thousands};
use crate::settings::Files;

pub(super) async fn run(args: &PushArgs, settings: &Files) -> Result<(), Failure> {
    let Some(target) = open::influx(&args.influx, settings)? else {
        return Err(Failure::usage("no InfluxDB to push to").hint("pass --influx-url"));
    };
    // Before anything is written: who cannot be told of it later should say so now.
    let fleet = match args.database_url.as_deref() {
        Some(url) => Some(Hosts::of(open::postgres(url).await?, &target).await?),
        None => None,
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
    let bar = bar(total);
    let started = Instant::now();
    let policy = target.policy().await?;
    let push = Push { from: &folder, to: &target, again: args.again };
    let mut pushed = Vec::new();
    let mut warnings = Vec::new();
    let (mut sent, mut kept, mut repeated) = (0, 0, 0);
    for info in &all {
        bar.set_message(info.id.to_string());
        if let Some(policy) = &policy {
            let now_ms = jiff::Timestamp::now().as_millisecond();
            warnings.extend(policy.warnings(info.first_ms, info.last_ms, now_ms));
        }
        let before = bar.position();
        let series = info.id.to_string();
        let tell = async |segment| {
            if let Some(hosts) = &fleet {
                hosts.tell(&series, segment).await;
            }
        };
        let progress = |it: candles::Progress| bar.set_position(before + it.done);
        let report = push.run(info, progress, tell).await?;
        sent += report.rows;
        kept += report.kept;
        repeated += report.repeated;
        pushed.push(json!({
            "series": info.id, "written": report.rows, "kept": report.kept,
            "counted": report.counted,
        }));
    }
    bar.finish_and_clear();
    if repeated > 0 {
        warnings.push(format!(
            "{} candles had to be sent again: the server did not show them after the first time",
            thousands(repeated)
        ));
    }
    warnings.sort();
    warnings.dedup();
    let seconds = started.elapsed().as_secs_f64();
    let untold = match &fleet {
        Some(hosts) => hosts.tell_again().await,
        None => None,
    };
    if args.json {
        let document = json!({
            "series": pushed, "candles": total, "written": sent, "kept": kept, "seconds": seconds,
            "warnings": warnings, "told": fleet.as_ref().map(|_| untold.is_none()),
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
    match (untold, fleet) {
        (Some(failure), _) => Err(failure),
        (None, Some(hosts)) if sent > 0 => {
            note(&hosts.words());
            Ok(())
        }
        (None, None) if sent > 0 => {
            note(
                "hosts that cached these months compare them every ten minutes; with \
                 --database-url they hear of it at once",
            );
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(
        "{bar:32} {percent:>3} %  {human_pos} of {human_len} candles  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    bar
}

/// The hosts of a fleet, which hear through its database that candles were written.
struct Hosts {
    store: Arc<dyn Store>,
    /// What the fleet calls this InfluxDB: hosts may reach it at other addresses.
    sources: Vec<String>,
    /// What could not be told yet, and the last reason.
    untold: Mutex<(Vec<CorrectedSegment>, Option<store::Error>)>,
}

impl Hosts {
    async fn of(store: Arc<dyn Store>, target: &Influx) -> Result<Hosts, Failure> {
        let mut sources = store.sources().await?;
        sources.retain(|source| target.may_be(source));
        if !sources.iter().any(|source| source == target.id()) {
            sources.push(target.id().to_owned());
        }
        Ok(Hosts { store, sources, untold: Mutex::default() })
    }

    /// Tells of a segment; what cannot be told is kept for [`Hosts::tell_again`].
    async fn tell(&self, series: &str, segment: Segment) {
        let model::TimeRange { start_ms: start, end_ms: end } = segment.range();
        let segment = CorrectedSegment { series: series.to_owned(), start, end };
        let segments = vec![segment];
        if let Err(error) = self.correct(&segments).await {
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            untold.0.extend(segments);
            untold.1 = Some(error);
        }
    }

    /// Tells what could not be told before; why that fails again.
    async fn tell_again(&self) -> Option<Failure> {
        let (segments, _) = {
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *untold)
        };
        if segments.is_empty() {
            return None;
        }
        let failure = Failure::from(self.correct(&segments).await.err()?);
        let text = format!(
            "the candles are written, but {} months or years of them were not made known to the \
             fleet: {}",
            segments.len(),
            failure.message
        );
        Some(Failure::new(failure.exit, text).hint(
            "its hosts compare what they cached every ten minutes; the same push with --again \
             makes it known at once",
        ))
    }

    async fn correct(&self, segments: &[CorrectedSegment]) -> Result<(), store::Error> {
        for source in &self.sources {
            self.store.correct(source, segments).await?;
        }
        Ok(())
    }

    fn words(&self) -> String {
        let words = "the hosts of this database fetch these months anew";
        match self.sources.len() - 1 {
            0 => words.to_owned(),
            1 => format!("{words}, also those that reach InfluxDB at another address"),
            more => format!("{words}, also those that reach InfluxDB at {more} other addresses"),
        }
    }
}
