//! `backfleet doctor`: what is wrong with a deployment, and how to mend it.

use std::time::{Duration, Instant};

use candles::CandleSource;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, line, thousands};
use crate::settings::Files;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    #[serde(rename = "check")]
    subject: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn ok(subject: &'static str, found: impl Into<String>) -> Check {
        Check { subject, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    fn bad(
        subject: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check { subject, verdict, found: found.into(), fix: Some(fix.into()) }
    }

    fn failed(subject: &'static str, failure: &Failure) -> Check {
        let fix = failure.hint.clone();
        Check { subject, verdict: Verdict::Fail, found: failure.message.clone(), fix }
    }
}

/// Checks everything the settings name; exit code 1 where something fails.
pub(crate) async fn run(args: &DoctorArgs, files: &Files) -> Result<(), Failure> {
    let mut checks = vec![machine(), listen(args).await];
    database(args, &mut checks).await;
    source(args, files, &mut checks).await;
    if args.json {
        line(&serde_json::json!({ "checks": checks }).to_string());
    } else {
        let mut table = Table::new(&["check", "verdict", "found", "fix"]);
        for check in &checks {
            let verdict = match check.verdict {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "fail",
            };
            table.row(vec![
                check.subject.to_owned(),
                verdict.to_owned(),
                check.found.clone(),
                check.fix.clone().unwrap_or_default(),
            ]);
        }
        table.print();
    }
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Fail).count();
    if failed == 0 {
        Ok(())
    } else {
        let checks = if failed == 1 { "check fails" } else { "checks fail" };
        Err(Failure::new(Exit::Failure, format!("{failed} {checks}")))
    }
}

fn machine() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Check::ok("cores", cores.to_string())
}

async fn listen(args: &DoctorArgs) -> Check {
    let address = args.serve.listen.listen;
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Check::ok("port", format!("{address} is free")),
        Err(error) => Check::bad(
            "port",
            Verdict::Warn,
            format!("{address}: {error}"),
            "a server may run there already; choose another with --listen",
        ),
    }
}

async fn database(args: &DoctorArgs, checks: &mut Vec<Check>) {
    let store = match open::store(&args.serve.database).await {
        Ok(store) => store,
        Err(failure) => return checks.push(Check::failed("database", &failure)),
    };
    match store.describe().await {
        Ok(text) => checks.push(Check::ok("database", text)),
        Err(error) => return checks.push(Check::failed("database", &error.into())),
    }
    let started = Instant::now();
    if let Err(error) = store.ping().await {
        return checks.push(Check::failed("latency", &error.into()));
    }
    let latency = started.elapsed();
    let found = format!("{:.1} ms", latency.as_secs_f64() * 1e3);
    checks.push(if latency.as_millis() < 50 {
        Check::ok("latency", found)
    } else {
        Check::bad("latency", Verdict::Warn, found, "put workers and API near the database")
    });
    match store.schema().await {
        Ok(schema) if schema.fits() => {
            checks.push(Check::ok("schema", format!("version {}", schema.found)));
        }
        Ok(schema) => {
            let found = format!("version {}, needed {}", schema.found, schema.needed);
            let fix = if schema.found < schema.needed {
                "backfleet migrate"
            } else {
                "this program is older than the database: run the newer version"
            };
            checks.push(Check::bad("schema", Verdict::Fail, found, fix));
            return;
        }
        Err(error) => return checks.push(Check::failed("schema", &error.into())),
    }
    let (depth, workers) = match (store.queue_depth().await, store.workers().await) {
        (Ok(depth), Ok(workers)) => (depth, workers),
        (Err(error), _) => return checks.push(Check::failed("queue", &error.into())),
        (_, Err(error)) => return checks.push(Check::failed("workers", &error.into())),
    };
    checks.push(queue_check(&depth, &workers));
    checks.push(worker_check(&depth, &workers));
    checks.push(snapshot_check(&depth, args.max_snapshot));
}

/// Jobs of workers whose lease is over are taken back by whoever runs: where they stay, nobody does.
fn queue_check(depth: &store::QueueDepth, workers: &[store::WorkerRow]) -> Check {
    let found = format!(
        "{} pending, {} running, {} on hold",
        thousands(depth.pending),
        thousands(depth.running),
        thousands(depth.on_hold)
    );
    let stuck: u64 = workers.iter().filter(|worker| worker.lost).map(|worker| worker.running).sum();
    if stuck == 0 {
        return Check::ok("queue", found);
    }
    let found = format!("{found}; {} running jobs belong to lost workers", thousands(stuck));
    let fix = "start a worker or a server, each takes such jobs back; if one runs, see its log";
    Check::bad("queue", Verdict::Fail, found, fix)
}

fn worker_check(depth: &store::QueueDepth, workers: &[store::WorkerRow]) -> Check {
    let live: Vec<_> = workers.iter().filter(|worker| !worker.lost).collect();
    let slots: u32 = live.iter().map(|worker| worker.slots).sum();
    let found = format!("{} live with {slots} slots", live.len());
    if live.is_empty() {
        let (verdict, found) = match depth.pending {
            0 => (Verdict::Warn, found),
            jobs => (Verdict::Fail, format!("{found}, and {} jobs wait", thousands(jobs))),
        };
        return Check::bad("workers", verdict, found, "backfleet worker --database-url ...");
    }
    if live.iter().any(|worker| !worker.presence) {
        return Check::bad(
            "workers",
            Verdict::Warn,
            format!("{found}, some without a presence lock"),
            "a transaction pooler is in between: give workers a direct --database-url",
        );
    }
    Check::ok("workers", found)
}

/// What an open transaction could still see cannot be vacuumed away.
fn snapshot_check(depth: &store::QueueDepth, limit: Duration) -> Check {
    let age = depth.oldest_snapshot_seconds;
    let found = format!(
        "the oldest is {age:.0} s old, {} dead rows in the queue",
        thousands(depth.dead_rows)
    );
    if age <= limit.as_secs_f64() {
        return Check::ok("snapshots", found);
    }
    let fix =
        "find it in pg_stat_activity by xact_start and end it; see to replicas that are behind";
    Check::bad("snapshots", Verdict::Warn, found, fix)
}

async fn source(args: &DoctorArgs, files: &Files, checks: &mut Vec<Check>) {
    let influx = match open::influx(&args.serve.influx, files) {
        Ok(influx) => influx,
        Err(failure) => return checks.push(Check::failed("candles", &failure)),
    };
    let listed = match &influx {
        Some(influx) => {
            if !server(influx, checks).await {
                return;
            }
            influx.list_series().await
        }
        None => match open::parquet(&args.serve.database.data.data) {
            Ok(folder) => folder.list_series().await,
            Err(failure) => return checks.push(Check::failed("candles", &failure)),
        },
    };
    match listed {
        Ok(series) if series.is_empty() => checks.push(Check::bad(
            "candles",
            Verdict::Warn,
            "no series",
            "backfleet candles import FILE..., then push where InfluxDB is used",
        )),
        Ok(series) => {
            let candles: u64 = series.iter().map(|info| info.count).sum();
            let found = format!("{} series, {} candles", series.len(), thousands(candles));
            checks.push(Check::ok("candles", found));
            if let Some(influx) = &influx {
                retention(influx, &series, checks).await;
            }
        }
        Err(error) => checks.push(Check::failed("candles", &error.into())),
    }
}

/// Which InfluxDB it is; false where it does not answer, and nothing more can be asked.
async fn server(influx: &candles::Influx, checks: &mut Vec<Check>) -> bool {
    match influx.server().await {
        Ok(server) => {
            let version = server.version.as_deref().unwrap_or("that names no version");
            let found = format!("InfluxDB {version}, spoken to as {}", server.dialect);
            checks.push(if server.dialect == candles::Dialect::V3 {
                let fix =
                    "raise --query-file-limit and --gen1-duration of 3 Core, or use 1.x or 2.x";
                Check::bad("influxdb", Verdict::Warn, found, fix)
            } else {
                Check::ok("influxdb", found)
            });
            true
        }
        Err(error) => {
            checks.push(Check::failed("influxdb", &error.into()));
            false
        }
    }
}

/// Whether the database keeps what it holds.
async fn retention(
    influx: &candles::Influx,
    series: &[candles::SeriesInfo],
    checks: &mut Vec<Check>,
) {
    let policy = match influx.policy().await {
        Ok(Some(policy)) => policy,
        Ok(None) => return,
        Err(error) => return checks.push(Check::failed("retention", &error.into())),
    };
    let first_ms = series.iter().map(|info| info.first_ms).min().unwrap_or(0);
    let last_ms = series.iter().map(|info| info.last_ms).max().unwrap_or(0);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let warnings = policy.warnings(first_ms, last_ms, now_ms);
    checks.push(if warnings.is_empty() {
        Check::ok("retention", format!("policy {} keeps candles for ever", policy.name))
    } else {
        Check::bad(
            "retention",
            Verdict::Warn,
            warnings.join("; "),
            "a policy of DURATION INF SHARD DURATION 52w keeps and reads years of candles",
        )
    });
}
