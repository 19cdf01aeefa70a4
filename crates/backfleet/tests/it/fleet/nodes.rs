//! API nodes that die, freeze and restart, in the middle of work.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Signal, http, wait};

use super::{Fleet, LATE, LONG_LEASE, Node, SHORT_LEASE, equities, terminate, two_thousand_jobs};
use crate::support::{SOON, finished, get, status, submit};

/// A request of 50,000 jobs over one range of candles.
fn fifty_thousand_jobs() -> String {
    let mut request = two_thousand_jobs();
    request["timeframeVariants"] = json!(["15m"]);
    request["moneyManagementVariants"] = json!([{}]);
    request["universalConfig"]["strategy"]["params"] = json!({
        "fast": {"int": [1, 250, 1], "default": 10}, "slow": {"int": [251, 450, 1], "default": 260}});
    request["parameterVariants"] = json!({
        "fast": {"from": 1, "to": 250, "step": 1}, "slow": {"from": 251, "to": 450, "step": 1}});
    request.to_string()
}

/// Sends a submit with an idempotency key; what was answered, if anything was.
fn submit_with(server: &str, key: &str, body: &str) -> Option<http::Response> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let url = format!("{server}/api/backtest/bundle");
    http::send("POST", &url, &headers, body.as_bytes()).ok()
}

fn id_of(answer: &http::Response) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["bundleRequestId"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

impl Fleet {
    /// Kills node a and starts it again at the same address.
    fn restart_a(&mut self, kill: bool) {
        if kill {
            self.node_a.process.signal(Signal::KILL);
            self.node_a.process.wait(SOON);
        } else {
            terminate(&mut self.node_a.process);
        }
        let listen = self.node_a.url.strip_prefix("http://").unwrap().to_owned();
        self.node_a = Node::start_at(&listen, &self.database, &self.candles, self.lease);
    }
}

#[test]
fn a_node_killed_in_the_middle_of_a_large_submit_stores_all_or_nothing_and_a_retry_one_bundle() {
    let mut fleet = Fleet::start(LONG_LEASE);
    let body = fifty_thousand_jobs();
    for round in 0..4_u64 {
        let key = format!("round-{round}");
        thread::scope(|scope| {
            let (url, key, body) = (fleet.node_a.url.clone(), key.clone(), &body);
            let sent = scope.spawn(move || submit_with(&url, &key, body));
            // At some point of parsing, storing or answering.
            let point = Instant::now() + Duration::from_millis(150 + round * 350);
            wait::until(SOON, "the moment to kill", || Instant::now() >= point);
            fleet.restart_a(true);
            _ = sent.join().unwrap();
        });
        let stored = "SELECT count(*), coalesce(max(jobs), 50000), coalesce(min(jobs), 50000) FROM (
            SELECT b.id, (SELECT count(*) FROM job WHERE bundle_id = b.id) AS jobs FROM bundle b) s";
        let after = fleet.sql(stored);
        assert!(after.ends_with("|50000|50000"), "{after}");
        let retried = submit_with(&fleet.node_b.url, &key, &body).unwrap();
        assert_eq!(retried.status, 202, "{}", retried.body);
        let again = submit_with(&fleet.node_a.url, &key, &body).unwrap();
        assert_eq!(id_of(&again), id_of(&retried));
        let bundles = i64::try_from(round + 1).unwrap();
        assert_eq!(fleet.count("SELECT count(*) FROM bundle"), bundles, "one bundle a key");
        assert_eq!(fleet.count("SELECT count(*) FROM job"), bundles * 50_000);
    }
    fleet.end([]);
}

#[test]
fn five_hundred_equal_submits_over_two_nodes_store_one_bundle() {
    let fleet = Fleet::start(LONG_LEASE);
    let body = equities(&["SPY"], 11, 0).to_string();
    let answers: Vec<http::Response> = thread::scope(|scope| {
        let senders = (0..50).map(|sender| {
            let (nodes, body) = ([&fleet.node_a.url, &fleet.node_b.url], &body);
            scope.spawn(move || {
                let send = |turn: usize| submit_with(nodes[(sender + turn) % 2], "same", body);
                (0..10).map(|turn| send(turn).unwrap()).collect::<Vec<_>>()
            })
        });
        let senders: Vec<_> = senders.collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(answers.len(), 500);
    let mut ids: Vec<String> = Vec::new();
    for answer in &answers {
        match answer.status {
            202 => ids.push(id_of(answer)),
            409 => assert!(answer.body.contains("idempotency_key_busy"), "{}", answer.body),
            other => panic!("{other}: {}", answer.body),
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(fleet.count("SELECT count(*) FROM bundle"), 1);
    fleet.end([]);
}

/// The node that holds the sweepers' leases, and its epochs.
fn holder(fleet: &Fleet) -> Option<(String, String)> {
    let rows = fleet.sql(
        "SELECT max(owner), string_agg(epoch::text, ',' ORDER BY key) FROM lease
         WHERE kind = 'sweeper' AND expires_at > now() HAVING count(*) = 2
             AND count(DISTINCT owner) = 1",
    );
    let (owner, epochs) = rows.split_once('|')?;
    Some((owner.to_owned(), epochs.to_owned()))
}

#[test]
fn leases_leave_a_frozen_and_a_killed_node_and_a_zombie_gets_none_back() {
    let mut fleet = Fleet::start(SHORT_LEASE);
    let port = |node: &Node| node.url.rsplit_once(':').unwrap().1.to_owned();
    let (port_a, port_b) = (port(&fleet.node_a), port(&fleet.node_b));
    let (owner, before) = wait::some(SOON, "one node to hold both leases", || holder(&fleet));
    // Which of the two entered first is chance: the frozen one is the holder.
    let a_holds = owner.ends_with(&port_a);
    let frozen = if a_holds { &fleet.node_a } else { &fleet.node_b };
    let (frozen_port, other_port) = if a_holds { (port_a, port_b) } else { (port_b, port_a) };
    frozen.process.signal(Signal::STOP);
    let moved = |to: &str| holder(&fleet).filter(|(owner, _)| owner.ends_with(to));
    let (_, after) = wait::some(SOON, "the other node to take over", || moved(&other_port));
    assert_ne!(before, after, "each takeover has an epoch of its own");
    frozen.process.signal(Signal::CONT);
    let url = frozen.url.clone();
    wait::until(SOON, "the zombie to be ready again", || {
        http::get(&format!("{url}/readyz")).is_ok_and(|answer| answer.status == 200)
    });
    let (owner, epochs) = wait::some(SOON, "the leases to be held", || holder(&fleet));
    assert!(owner.ends_with(&other_port), "what a zombie lost it does not get back");
    assert_eq!(epochs, after);
    // Now the holder is killed.
    let killed = if a_holds { &mut fleet.node_b } else { &mut fleet.node_a };
    killed.process.signal(Signal::KILL);
    killed.process.wait(SOON);
    let moved = |to: &str| holder(&fleet).filter(|(owner, _)| owner.ends_with(to));
    wait::some(SOON, "the leases to move again", || moved(&frozen_port));
}

/// Polls a status on `server` until `stop`; nothing but 200 and 503 with `Retry-After` may come, and
/// no version may go back. Counts what came.
fn poll(server: &str, id: &str, stop: &AtomicBool, counts: &[AtomicU64; 2]) {
    let mut last = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = http::get(&format!("{server}/api/backtest/bundle/{id}/status"));
        // A node that starts again refuses connections; a client that retries comes back.
        let Ok(answer) = answer else { continue };
        match answer.status {
            200 => {
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                let version = body["version"].as_u64().unwrap();
                assert!(version >= last, "version {last} went back to {version}");
                last = version;
                counts[0].fetch_add(1, Ordering::Relaxed);
            }
            503 => {
                assert!(answer.header("retry-after").is_some(), "{}", answer.body);
                counts[1].fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
}

#[test]
fn a_database_that_restarts_under_load_is_503_and_versions_never_go_back() {
    let fleet = Fleet::start(LONG_LEASE);
    let worker = fleet.worker(400_000);
    let id = submit(&fleet.node_a.url, &two_thousand_jobs().to_string());
    let (stop, counts) = (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)]);
    let last = thread::scope(|scope| {
        for server in [&fleet.node_a.url, &fleet.node_b.url].repeat(4) {
            let (id, stop, counts) = (&id, &stop, &counts);
            scope.spawn(move || poll(server, id, stop, counts));
        }
        let served = || counts[0].load(Ordering::Relaxed);
        wait::until(SOON, "polls to be answered", || served() > 50);
        fleet.postgres.restart(Duration::from_secs(1));
        let last = finished(&fleet.node_b.url, &id, LATE);
        stop.store(true, Ordering::Relaxed);
        last
    });
    assert_eq!(last["status"], "Completed", "{last}");
    assert!(counts[1].load(Ordering::Relaxed) > 0, "the outage was seen as 503");
    fleet.check_books(&id, 2_000, 0);
    fleet.end([worker]);
}

/// Follows a bundle's events until they end; the last id, and how many ends were seen.
fn follow(server: &str, id: &str, last: &mut Option<u64>) -> u32 {
    let address = server.strip_prefix("http://").unwrap();
    let Ok(mut stream) = TcpStream::connect(address) else { return 0 };
    stream.set_read_timeout(Some(LATE)).unwrap();
    let resume = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
    let head =
        format!("GET /api/backtest/bundle/{id}/events HTTP/1.1\r\nhost: {address}\r\n{resume}\r\n");
    if stream.write_all(head.as_bytes()).is_err() {
        return 0;
    }
    let (mut ends, mut named_end) = (0, false);
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if let Some(id) = line.strip_prefix("id: ") {
            let id: u64 = id.parse().unwrap();
            assert!(last.is_none_or(|last| id > last), "an event came twice");
            *last = Some(id);
        }
        if let Some(name) = line.strip_prefix("event: ") {
            named_end = name == "end";
        }
        if named_end && line.starts_with("data: ") {
            ends += 1;
            break;
        }
    }
    ends
}

#[test]
fn watchers_whose_node_is_killed_see_the_end_once_on_another() {
    let mut fleet = Fleet::start(LONG_LEASE);
    let worker = fleet.worker(600_000);
    let id = submit(&fleet.node_a.url, &two_thousand_jobs().to_string());
    let ends = thread::scope(|scope| {
        let watchers: Vec<_> = (0..200)
            .map(|_| {
                let (a, b, id) = (fleet.node_a.url.clone(), fleet.node_b.url.clone(), &id);
                scope.spawn(move || {
                    let mut last = None;
                    let first = follow(&a, id, &mut last);
                    let started = Instant::now();
                    let mut ends = first;
                    while ends == 0 && started.elapsed() < LATE {
                        ends += follow(&b, id, &mut last);
                    }
                    ends
                })
            })
            .collect();
        let metrics = || http::get(&format!("{}/metrics", fleet.node_a.url)).unwrap().body;
        wait::until(SOON, "200 watchers", || metrics().contains("backfleet_watchers 200"));
        let completed = || status(&fleet.node_b.url, &id)["completed"].as_u64().unwrap();
        wait::until(SOON, "jobs to complete", || completed() >= 50);
        assert!(completed() < 2_000, "the node dies in the middle");
        fleet.node_a.process.signal(Signal::KILL);
        watchers.into_iter().map(|watcher| watcher.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(ends.iter().all(|ends| *ends == 1), "{ends:?}");
    fleet.node_a.process.wait(SOON);
    let last = finished(&fleet.node_b.url, &id, LATE);
    assert_eq!(last["status"], "Completed");
    let listen = fleet.node_a.url.strip_prefix("http://").unwrap().to_owned();
    fleet.node_a = Node::start_at(&listen, &fleet.database, &fleet.candles, fleet.lease);
    fleet.end([worker]);
}

#[test]
fn a_rolling_restart_fails_no_request_of_a_client_that_retries() {
    let mut fleet = Fleet::start(LONG_LEASE);
    let id = submit(&fleet.node_a.url, &equities(&["SPY"], 11, 0).to_string());
    let servers = [fleet.node_a.url.clone(), fleet.node_b.url.clone()];
    let (stop, served) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for client in 0..8 {
            let (servers, id, stop, served) = (&servers, &id, &stop, &served);
            scope.spawn(move || {
                let mut turn = client;
                while !stop.load(Ordering::Relaxed) {
                    // One retry on the other node is all that a client needs.
                    let tries = [turn, turn + 1].map(|turn| {
                        let server = &servers[turn % 2];
                        http::get(&format!("{server}/api/backtest/bundle/{id}/status"))
                            .is_ok_and(|answer| answer.status == 200)
                    });
                    assert!(tries.contains(&true), "neither node answered");
                    served.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            });
        }
        let more = |than: u64| {
            wait::until(SOON, "requests", || served.load(Ordering::Relaxed) > than + 20);
        };
        more(0);
        let started = Instant::now();
        fleet.restart_a(false);
        more(served.load(Ordering::Relaxed));
        let listen = fleet.node_b.url.strip_prefix("http://").unwrap().to_owned();
        terminate(&mut fleet.node_b.process);
        fleet.node_b = Node::start_at(&listen, &fleet.database, &fleet.candles, fleet.lease);
        more(served.load(Ordering::Relaxed));
        assert!(started.elapsed() < SOON, "drains are short");
        stop.store(true, Ordering::Relaxed);
    });
    fleet.end([]);
}

#[test]
fn commands_that_race_over_two_nodes_fit_one_order() {
    let fleet = Fleet::start(LONG_LEASE);
    let id = submit(&fleet.node_a.url, &equities(&["SPY"], 61, 0).to_string());
    let answers: Vec<(&str, u16)> = thread::scope(|scope| {
        let racers: Vec<_> = (0..20)
            .map(|racer| {
                let (fleet, id) = (&fleet, &id);
                scope.spawn(move || {
                    let names = ["pause", "resume", "retry", "cancel"];
                    let one = |turn: usize| {
                        let name = names[(racer + turn) % 4];
                        let nodes = [&fleet.node_a.url, &fleet.node_b.url];
                        let server = nodes[(racer / 4 + turn) % 2];
                        let url = format!("{server}/api/backtest/bundle/{id}/{name}");
                        (name, http::post_json(&url, "").unwrap().status)
                    };
                    (0..10).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    let mut tally: BTreeMap<(&str, u16), u32> = BTreeMap::new();
    for (name, status) in answers {
        let fits = matches!(
            (name, status),
            ("cancel" | "retry", 202 | 409) | ("pause" | "resume", 200 | 409)
        );
        assert!(fits, "{name} is {status}");
        *tally.entry((name, status)).or_default() += 1;
    }
    // Nothing runs, so a bundle that was cancelled is final at once, and only a retry opens it.
    let counted = fleet.sql(&format!(
        "SELECT sum(completed), sum(failed), sum(running) FROM bundle_slot WHERE bundle_id = '{id}'"
    ));
    assert_eq!(counted, "0|0|0", "{tally:?}");
    let statuses =
        fleet.count(&format!("SELECT count(DISTINCT status) FROM job WHERE bundle_id = '{id}'"));
    assert_eq!(statuses, 1, "all jobs are pending or all are cancelled");
    let answer =
        http::post_json(&format!("{}/api/backtest/bundle/{id}/cancel", fleet.node_a.url), "");
    assert!(matches!(answer.unwrap().status, 202 | 409));
    let last = get(&format!("{}/api/backtest/bundle/{id}/status", fleet.node_a.url));
    assert_eq!((&last["status"], &last["cancelled"]), (&json!("Cancelled"), &json!(60)));
    fleet.end([]);
}

#[test]
fn a_node_serves_on_a_schema_of_the_next_release() {
    let fleet = Fleet::start(LONG_LEASE);
    fleet.sql("ALTER TABLE bundle ADD COLUMN of_the_next_release text");
    fleet.sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the next release', true, '\\x00', 0)",
    );
    for node in [&fleet.node_a, &fleet.node_b] {
        let ready = get(&format!("{}/readyz", node.url));
        assert_eq!(ready["ready"], true, "{ready}");
    }
    let third = Node::start(&fleet.database, &fleet.candles, fleet.lease);
    let id = submit(&third.url, &equities(&["SPY"], 11, 0).to_string());
    assert_eq!(status(&fleet.node_a.url, &id)["total"], 10);
    fleet.end([]);
}
