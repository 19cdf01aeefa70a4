//! Servers start, keep what they acknowledged, and never outlive their test.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testkit::influx::{self, Database, Influx};
use testkit::postgres::{self, Postgres};
use testkit::process::Backfleet;
use testkit::{Signal, http, wait};

const DEADLINE: Duration = Duration::from_secs(30);

fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn write_point(database: &Database, value: u32) {
    let url = format!("{}/write?db={}", database.url, database.name);
    let answer = http::send("POST", &url, &[], format!("m v={value}i 1").as_bytes()).unwrap();
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn read_point(database: &Database) -> String {
    let select = "SELECT%20v%20FROM%20m";
    let url = format!("{}/query?db={}&q={select}&epoch=ns", database.url, database.name);
    http::get(&url).unwrap().body
}

#[test]
fn databases_of_the_shared_server_are_empty_and_apart() {
    let [one, two] = [postgres::database(), postgres::database()];
    assert_ne!(one, two);
    postgres::query(&one, "CREATE TABLE t AS SELECT 7 AS x, 'a|b' AS y");
    assert_eq!(postgres::query(&one, "SELECT * FROM t"), "7|a|b");
    assert_eq!(postgres::query(&two, "SELECT count(*) FROM pg_tables WHERE tablename = 't'"), "0");

    let [one, two] = [influx::database(), influx::database()];
    write_point(&one, 42);
    assert!(read_point(&one).contains("[1,42]"), "{}", read_point(&one));
    assert!(!read_point(&two).contains("series"), "{}", read_point(&two));
}

#[test]
fn a_killed_postgres_keeps_what_it_acknowledged_and_its_port() {
    let server = Postgres::start();
    let url = server.database();
    postgres::query(&url, "CREATE TABLE kept (x int); CREATE UNLOGGED TABLE emptied (x int)");
    postgres::query(&url, "INSERT INTO kept VALUES (1)");
    postgres::query(&url, "INSERT INTO emptied VALUES (1)");
    server.stop_immediate();
    assert!(!answers(server.port()));
    server.start_again();
    let counts = "SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM emptied)";
    assert_eq!(postgres::query(&url, counts), "1|0");
}

#[test]
fn a_restarted_postgres_is_away_as_long_as_asked() {
    let server = Postgres::start();
    let started = Instant::now();
    server.restart(Duration::from_millis(300));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(postgres::query(&server.url(), "SELECT 1"), "1");
}

#[test]
fn a_signal_reaches_the_server() {
    let server = Postgres::start();
    server.signal(Signal::STOP);
    thread::scope(|scope| {
        let query = scope.spawn(|| postgres::query(&server.url(), "SELECT 1"));
        // The kernel accepts the connection; nobody answers it until the server goes on.
        assert!(answers(server.port()));
        assert!(!query.is_finished());
        server.signal(Signal::CONT);
        assert_eq!(query.join().unwrap(), "1");
    });
}

#[test]
fn an_influx_that_was_stopped_has_its_data_and_its_port() {
    let server = Influx::start();
    let database = server.database();
    write_point(&database, 5);
    server.stop();
    assert!(!answers(server.port()));
    server.start_again();
    assert!(read_point(&database).contains("[1,5]"), "{}", read_point(&database));
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Postgres::start();
    let port = server.port();
    let data = postgres::query(&server.url(), "SHOW data_directory");
    assert!(Path::new(&data).exists());
    drop(server);
    assert!(!answers(port));
    assert!(!Path::new(&data).exists());
}

/// Runs a shell script under `with-servers`; the script prints both URLs first.
fn with_servers(script: &str) -> Backfleet {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-servers"));
    let urls = "echo $BACKFLEET_TEST_POSTGRES; echo $BACKFLEET_TEST_INFLUX";
    command.args(["sh", "-c", &format!("{urls}; {script}")]);
    Backfleet::spawn(command)
}

/// Both URLs, once printed.
fn urls(child: &Backfleet) -> (String, String) {
    wait::some(DEADLINE, "two urls", || {
        let stdout = child.stdout();
        let mut lines = stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        Some((lines.next()?.to_owned(), lines.next()?.to_owned()))
    })
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn servers_of_a_command_end_with_it_and_its_status_is_passed_on() {
    let mut child = with_servers("exit 7");
    let (postgres, influx) = urls(&child);
    assert_eq!(child.wait(DEADLINE).code(), Some(7));
    assert!(!answers(port(&postgres)) && !answers(port(&influx)));
}

#[test]
fn servers_of_a_command_end_when_it_is_terminated_and_when_it_is_killed() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut child = with_servers("exec sleep 60");
        let (postgres, influx) = urls(&child);
        let data = postgres::query(&format!("{postgres}/postgres"), "SHOW data_directory");
        child.signal(signal);
        child.wait(DEADLINE);
        wait::until(DEADLINE, "the end of both servers and of their files", || {
            !answers(port(&postgres)) && !answers(port(&influx)) && !Path::new(&data).exists()
        });
    }
}

#[test]
fn a_process_is_watched_signalled_and_its_output_kept() {
    let mut command = Backfleet::command("sh");
    command.args(["-c", "trap 'echo drained; exit 3' TERM; echo up; echo no >&2; read -r x; while :; do sleep 0.01; done"]);
    let mut child = Backfleet::spawn(command);
    wait::until(DEADLINE, "output", || child.stdout() == "up\n" && child.stderr() == "no\n");
    assert_eq!(child.try_wait(), None);
    child.signal(Signal::TERM);
    assert_eq!(child.wait(DEADLINE).code(), Some(3));
    assert_eq!(child.wait(DEADLINE).code(), Some(3));
    assert_eq!(child.stdout(), "up\ndrained\n");
}

#[test]
fn a_process_is_ready_when_its_url_answers_200() {
    let server = Influx::start();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 60"]).stdin(Stdio::null());
    let mut child = Backfleet::spawn(command);
    let url = format!("{}/query?q=SHOW%20DATABASES", server.url());
    child.until_ready(&url, DEADLINE);
}
