//! Following bundles to their end: a bar on a terminal, a line every ten seconds elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::Server;
use crate::failure::{Exit, Failure};
use crate::output::{self, human_seconds};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Time between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// Where a bundle stands, as its status says.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) document: Value,
}

impl Status {
    pub(crate) async fn of(server: &Server, id: &str) -> Result<Status, Failure> {
        let answer = server.get(&format!("/api/backtest/bundle/{id}/status")).await?;
        Ok(Status { document: answer.json()? })
    }

    pub(crate) fn count(&self, key: &str) -> u64 {
        self.document.get(key).and_then(Value::as_u64).unwrap_or(0)
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.document.get(key).and_then(Value::as_f64)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.document.get(key).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.text("status"), "Completed" | "Failed" | "Cancelled")
    }

    /// The exit code of a bundle that has come to its end.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        let failed = self.count("failed");
        if failed == 0 && self.text("status") != "Failed" {
            return Ok(());
        }
        let id = self.text("bundleRequestId");
        let text = format!("{failed} of {} jobs failed", self.count("total"));
        Err(Failure::new(Exit::FailedJobs, text)
            .hint(format!("backfleet bundle results {id} --json lists each job's error")))
    }
}

/// A progress bar over one or more bundles.
pub(crate) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    last_line: Option<Instant>,
}

impl Progress {
    pub(crate) fn start() -> Progress {
        let is_terminal = std::io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        Progress { bar, is_terminal, last_line: None }
    }

    /// Shows the sum of `statuses`.
    pub(crate) fn show(&mut self, statuses: &[Status]) {
        let sum = |key: &str| statuses.iter().map(|status| status.count(key)).sum::<u64>();
        let total = sum("total");
        let done = sum("completed") + sum("failed") + sum("cancelled");
        let speed: f64 =
            statuses.iter().filter_map(|status| status.number("candlesPerSecond")).sum();
        let eta = statuses
            .iter()
            .filter_map(|status| status.number("etaSeconds"))
            .fold(None, |most: Option<f64>, eta| Some(most.map_or(eta, |most| most.max(eta))));
        let mut text = format!("{} of {} jobs", output::thousands(done), output::thousands(total));
        for (key, word) in [("failed", "failed"), ("cached", "cached"), ("cancelled", "cancelled")]
        {
            let count = sum(key);
            if count > 0 {
                let _ = write!(text, ", {} {word}", output::thousands(count));
            }
        }
        if done < total {
            if speed > 0.0 {
                let _ = write!(text, "  {}", output::per_second(speed, "candles"));
            }
            if let Some(eta) = eta {
                let _ = write!(text, "  {} left", human_seconds(eta));
            }
        }
        self.bar.set_length(total.max(1));
        self.bar.set_position(done);
        self.bar.set_message(text.clone());
        let is_due = self.last_line.is_none_or(|last| last.elapsed() >= LINE);
        if !self.is_terminal && (is_due || done == total) {
            self.last_line = Some(Instant::now());
            output::note(&text);
        }
    }

    pub(crate) fn end(self) {
        self.bar.finish();
        if self.is_terminal {
            output::note("");
        }
    }
}

/// What ends a watch before the bundle does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub(crate) timeout: Option<Duration>,
    pub(crate) json: bool,
}

/// Follows one bundle to its end. Ctrl-C detaches and says how to come back.
pub(crate) async fn watch(server: &Server, id: &str, until: Until) -> Result<Status, Failure> {
    let started = Instant::now();
    let mut progress = (!until.json).then(Progress::start);
    let mut version = None;
    loop {
        let status = Status::of(server, id).await?;
        if until.json && version != Some(status.document.get("version").cloned()) {
            output::line(&status.document.to_string());
            version = Some(status.document.get("version").cloned());
        }
        if let Some(progress) = &mut progress {
            progress.show(std::slice::from_ref(&status));
        }
        if status.is_final() {
            if let Some(progress) = progress {
                progress.end();
            }
            return Ok(status);
        }
        if until.timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
            let text = format!("bundle {id} is still {}", status.text("status"));
            return Err(Failure::new(Exit::StillRunning, text).hint(again(server, id)));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => {
                let text = format!("stopped watching; bundle {id} goes on");
                return Err(Failure::new(Exit::Interrupted, text).hint(again(server, id)));
            }
        }
    }
}

fn again(server: &Server, id: &str) -> String {
    format!("backfleet bundle watch {id} --server {}", server.base())
}
