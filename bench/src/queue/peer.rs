//! graphile-worker in its fastest mode on the same server: no-op jobs, which it only deletes.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use testkit::postgres::Postgres;

/// What npm installs.
const PACKAGE: &str = "graphile-worker@0.17.3";
/// The program that drives it.
const PROGRAM: &str = include_str!("graphile.mjs");

/// Enqueues and drains `jobs` jobs; returns jobs a second of the drain.
pub(crate) fn run(server: &Postgres, jobs: u32) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("graphile.mjs"), PROGRAM)?;
    std::fs::write(folder.path().join("package.json"), r#"{"private": true}"#)?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--silent", PACKAGE]);
    let status = install.current_dir(folder.path()).status().context("npm is needed for --peer")?;
    ensure!(status.success(), "npm install {PACKAGE}: {status}");
    let mut program = Command::new("node");
    program.arg("graphile.mjs").current_dir(folder.path()).env("NO_LOG_SUCCESS", "1");
    program.env("DATABASE_URL", server.database()).env("JOBS", jobs.to_string());
    let output = program.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "graphile-worker: {errors}");
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().context("a line of figures")?;
    let figures: Value = serde_json::from_str(line)?;
    let rate = |key: &str| {
        let seconds = figures[key].as_f64().context("seconds")?;
        anyhow::Ok(f64::from(jobs) / seconds)
    };
    let (enqueue, drain) = (rate("enqueue")?, rate("drain")?);
    println!(
        "graphile-worker {jobs} no-op jobs: enqueue {enqueue:.0}/s, drain {drain:.0}/s ({PACKAGE}, \
         local queue of 500, completions in batches, concurrency 24)"
    );
    Ok(drain)
}
