//! `backfleet doctor` beside deployments that are sick in one way each.

use serde_json::Value;
use testkit::pgbouncer::PgBouncer;
use testkit::postgres::{self, Snapshot};
use testkit::{port, wait};

use crate::support::{SOON, backfleet, import_samples, transcript};

/// A migrated database and a folder with candles: nothing is wrong but that no worker runs.
struct Deployment {
    database: String,
    data: tempfile::TempDir,
}

/// What the doctor said, and how it ended.
struct Opinion {
    exit: i32,
    checks: Vec<Value>,
}

impl Deployment {
    fn new() -> Deployment {
        let deployment =
            Deployment { database: postgres::database(), data: tempfile::tempdir().unwrap() };
        import_samples(deployment.data.path());
        let output = backfleet(&["migrate", "--database-url", &deployment.database]);
        assert!(output.status.success(), "{}", transcript(&output));
        deployment
    }

    /// Asks the doctor, with more arguments.
    fn ask(&self, more: &[&str]) -> Opinion {
        self.ask_of(&self.database, more)
    }

    /// Asks the doctor about another database.
    fn ask_of(&self, database: &str, more: &[&str]) -> Opinion {
        let listen = format!("127.0.0.1:{}", port::free());
        let data = self.data.path().to_str().unwrap();
        let mut arguments = vec!["doctor", "--json", "--listen", &listen, "--data", data];
        arguments.extend(["--database-url", database]);
        arguments.extend(more);
        let output = backfleet(&arguments);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", transcript(&output)));
        let checks = answer["checks"].as_array().unwrap().clone();
        Opinion { exit: output.status.code().unwrap(), checks }
    }

    /// Enters a worker that beat `ago` (an SQL interval) and holds `jobs` jobs.
    fn enter_worker(&self, presence: bool, ago: &str, jobs: u32) {
        let sql = format!(
            "WITH w AS (
                INSERT INTO worker (host, version, slots, presence, lease_ms, beat_at)
                VALUES ('host', '0', 4, {presence}, 30000, now() - interval '{ago}') RETURNING id
            ), b AS (
                INSERT INTO bundle (id, owner, name, name_folded, request, tags, total, dropped, rank)
                VALUES (gen_random_uuid(), 'local', '', '', '{{}}', '{{}}', {jobs}, 0, 1000)
                RETURNING id
            )
            INSERT INTO job (bundle_id, created_at, seq, rank, status, worker_id, spec_key)
            SELECT b.id, now(), n, 1000, 1, w.id, sha256('') FROM w, b,
                generate_series(1, {jobs}) AS n"
        );
        postgres::query(&self.database, &sql);
    }
}

impl Opinion {
    /// The check of `subject`: its verdict, what was found and the fix.
    #[track_caller]
    fn of(&self, subject: &str) -> (&str, &str, &str) {
        let check = self.checks.iter().find(|check| check["check"] == subject);
        let check = check.unwrap_or_else(|| panic!("no \"{subject}\" in {:?}", self.checks));
        let text = |key: &str| check[key].as_str().unwrap_or_default();
        (text("verdict"), text("found"), text("fix"))
    }

    /// Checks one line and whether the command failed; every other line must be `ok`.
    #[track_caller]
    fn is(&self, subject: &str, verdict: &str, found: &str, fix: &str) {
        let line = self.of(subject);
        assert!(line.0 == verdict && line.1.contains(found) && line.2.contains(fix), "{line:?}");
        // How long an answer takes is the machine's affair.
        let others = self
            .checks
            .iter()
            .filter(|check| check["check"] != subject && check["check"] != "latency");
        let sick: Vec<_> = others.filter(|check| check["verdict"] != "ok").collect();
        assert!(sick.is_empty(), "{sick:?}");
        assert_eq!(self.exit, i32::from(verdict == "fail"));
    }
}

#[test]
fn a_healthy_deployment_is_told_so() {
    let deployment = Deployment::new();
    deployment.enter_worker(true, "0 s", 3);
    let opinion = deployment.ask(&[]);
    opinion.is("queue", "ok", "0 pending, 3 running, 0 on hold", "");
    opinion.is("workers", "ok", "1 live with 4 slots", "");
}

#[test]
fn a_deployment_without_workers_is_warned_of_and_fails_once_jobs_wait() {
    let deployment = Deployment::new();
    deployment.ask(&[]).is("workers", "warn", "0 live", "backfleet worker");
    deployment.enter_worker(true, "1 h", 1);
    postgres::query(&deployment.database, "UPDATE job SET status = 0");
    deployment.ask(&[]).is("workers", "fail", "1 jobs wait", "backfleet worker");
}

#[test]
fn jobs_that_nobody_takes_back_from_a_lost_worker_are_found() {
    let deployment = Deployment::new();
    deployment.enter_worker(true, "0 s", 0);
    deployment.enter_worker(true, "1 h", 5);
    let found = "5 running jobs belong to lost workers";
    deployment.ask(&[]).is("queue", "fail", found, "takes such jobs back");
}

#[test]
fn workers_behind_a_transaction_pooler_are_found() {
    let deployment = Deployment::new();
    deployment.enter_worker(false, "0 s", 0);
    deployment.ask(&[]).is("workers", "warn", "without a presence lock", "direct --database-url");
    // Asked by way of a pooler that mixes clients up, it names the pooler.
    let pooler = PgBouncer::start(&deployment.database, 1);
    let opinion = deployment.ask_of(&pooler.url(&deployment.database), &[]);
    let failed = opinion.checks.iter().find(|check| check["verdict"] == "fail").unwrap();
    assert!(failed["found"].as_str().unwrap().contains("give a direct URL"), "{failed}");
    assert_eq!(opinion.exit, 1);
}

#[test]
fn an_old_snapshot_is_found() {
    let deployment = Deployment::new();
    deployment.enter_worker(true, "0 s", 0);
    let snapshot = Snapshot::hold(&deployment.database);
    wait::until(SOON, "the snapshot to be old", || {
        let opinion = deployment.ask(&["--max-snapshot", "100ms"]);
        opinion.of("snapshots").0 == "warn"
    });
    let opinion = deployment.ask(&["--max-snapshot", "100ms"]);
    opinion.is("snapshots", "warn", "the oldest is", "pg_stat_activity");
    drop(snapshot);
}

#[test]
fn a_database_that_is_away_fails_and_the_rest_is_checked() {
    let deployment = Deployment::new();
    let away = format!("postgres://postgres@127.0.0.1:{}/postgres", port::free());
    let opinion = deployment.ask_of(&away, &[]);
    opinion.is("database", "fail", "the database does not answer", "--database-url");
    assert_eq!(opinion.of("candles").0, "ok");
}

#[test]
fn a_schema_that_does_not_fit_fails_with_its_fix() {
    let deployment = Deployment::new();
    let empty = postgres::database();
    deployment.ask_of(&empty, &[]).is("schema", "fail", "version 0, needed", "backfleet migrate");
    let newer = "INSERT INTO _sqlx_migrations
        (version, description, success, checksum, execution_time)
        VALUES (9999, 'of a later release', true, '\\x00', 0);
        UPDATE schema_floor SET oldest = 9999";
    postgres::query(&deployment.database, newer);
    deployment.ask(&[]).is("schema", "fail", "version 9999, needed", "newer version");
}

#[test]
fn an_influxdb_that_is_away_fails_and_the_rest_is_checked() {
    let deployment = Deployment::new();
    deployment.enter_worker(true, "0 s", 0);
    let away = format!("http://127.0.0.1:{}", port::free());
    let opinion = deployment.ask(&["--influx-url", &away]);
    opinion.is("influxdb", "fail", "influx", "");
}

#[test]
fn a_port_that_is_taken_is_warned_of() {
    let deployment = Deployment::new();
    deployment.enter_worker(true, "0 s", 0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let data = deployment.data.path().to_str().unwrap();
    let url = &deployment.database;
    let output = backfleet(&[
        "doctor",
        "--json",
        "--listen",
        &listen,
        "--data",
        data,
        "--database-url",
        url,
    ]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = answer["checks"].as_array().unwrap().clone();
    Opinion { exit: output.status.code().unwrap(), checks }.is("port", "warn", &listen, "--listen");
}
