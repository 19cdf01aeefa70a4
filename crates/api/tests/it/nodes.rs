//! Nodes over one PostgreSQL: beats, leases, hints, and what happens when one is cut off.

use std::time::{Duration, Instant};

use api::Config;
use serde_json::{Value, json};
use store::postgres::{Postgres, PostgresOptions};
use store::{Fenced, NodeBeat, NodeId, NodeTimes, Store, Sweep};
use testkit::proxy::Proxy;
use testkit::wait::until_async;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{Api, completed, sample};
use crate::store::Guarded;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const TIMES: NodeTimes =
    NodeTimes { beat: Duration::from_millis(200), ttl: Duration::from_millis(1_500) };

/// A node that runs, on a runtime of its own: its API, and how to end it.
struct Node {
    api: Api,
    stop: CancellationToken,
    task: JoinHandle<()>,
    runtime: Runtime,
}

/// A node by this name over the database of `url`.
async fn start(name: &str, url: &str) -> Node {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let config = Config {
        node_id: name.to_owned(),
        node: TIMES,
        sweep_period: Duration::from_millis(100),
        version_sweep: Duration::from_secs(1),
        drain: Duration::from_secs(1),
        ..Config::new("test")
    };
    let (url, stop) = (url.to_owned(), CancellationToken::new());
    let token = stop.clone();
    let (send, receive) = tokio::sync::oneshot::channel();
    let task = runtime.spawn(async move {
        let options = PostgresOptions { max_connections: 4, ..PostgresOptions::default() };
        let store = Postgres::connect(&url, &options).await.unwrap();
        let api = Api::on(Guarded::new(store), config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = api.app.clone();
        send.send(api).ok().unwrap();
        api::serve(listener, app, token).await.unwrap();
    });
    Node { api: receive.await.unwrap(), stop, task, runtime }
}

impl Node {
    /// Ends it in order.
    async fn leave(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.runtime.shutdown_background();
    }

    /// As if it were killed: nothing of it runs any more, and nobody signs off.
    fn die(self) {
        self.runtime.shutdown_background();
    }
}

async fn database() -> String {
    let url = tokio::task::spawn_blocking(testkit::postgres::database).await.unwrap();
    let store = Postgres::connect(&url, &PostgresOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    url
}

async fn query(url: &str, sql: &str) -> String {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    tokio::task::spawn_blocking(move || testkit::postgres::query(&url, &sql)).await.unwrap()
}

/// Waits until `name` holds every sweeper's lease.
async fn holds_all(url: &str, name: &str) {
    let sql = format!("SELECT count(*) FROM lease WHERE owner = '{name}' AND expires_at > now()");
    let holds = || async { query(url, &sql).await == Sweep::ALL.len().to_string() };
    until_async(PATIENCE, &format!("{name} to hold the leases"), holds).await;
}

/// The check called `name` of `/readyz`.
async fn check(node: &Node, name: &str) -> (u16, Value) {
    let answer = node.api.get("/readyz").await;
    let body = answer.json();
    let checks = body["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name).unwrap();
    (answer.status.as_u16(), found["ok"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_cut_off_stops_first_says_so_and_heals() {
    let url = database().await;
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::start(port);
    let cut = start("cut", &proxy.url(&url)).await;
    holds_all(&url, "cut").await;
    let other = start("other", &url).await;
    let is_ready = || async { check(&cut, "lease").await == (200, json!(true)) };
    until_async(PATIENCE, "the node to be ready", is_ready).await;
    let before = query(&url, "SELECT epoch FROM lease ORDER BY key").await;

    let proxy = tokio::task::spawn_blocking(move || {
        proxy.blackhole();
        proxy
    });
    let (proxy, since) = (proxy.await.unwrap(), Instant::now());
    let is_fenced = || async { check(&cut, "lease").await == (503, json!(false)) };
    until_async(PATIENCE, "the node to say that it cannot renew", is_fenced).await;
    // A probe waits 2 s for a database that says nothing, twice; its verdict is in force before.
    assert!(since.elapsed() < TIMES.ttl + Duration::from_secs(8), "{:?}", since.elapsed());
    holds_all(&url, "other").await;
    let after = query(&url, "SELECT epoch FROM lease ORDER BY key").await;
    assert_ne!(before, after, "each takeover has an epoch of its own");

    tokio::task::spawn_blocking(move || {
        proxy.pass();
        proxy
    })
    .await
    .map(std::mem::forget)
    .unwrap();
    until_async(PATIENCE, "the node to heal without a restart", is_ready).await;
    // What it held is another's now, and stays so.
    holds_all(&url, "other").await;
    let old = NodeId { id: "cut".to_owned(), generation: 1 };
    for (sweep, epoch) in Sweep::ALL.into_iter().zip(before.lines()) {
        let lease = store::Lease { key: sweep.lease(), epoch: epoch.parse().unwrap() };
        let late = store::Nodes::sweep(&*other.api.store, &old, &lease, sweep, TIMES.ttl).await;
        assert_eq!(late.unwrap(), Fenced::Lost);
    }
    cut.leave().await;
    other.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_move_at_once_from_a_node_that_leaves_and_within_a_lease_from_one_that_dies() {
    let url = database().await;
    let first = start("first", &url).await;
    holds_all(&url, "first").await;
    let second = start("second", &url).await;
    first.leave().await;
    holds_all(&url, "second").await;
    second.die();
    let died = Instant::now();
    let third = start("third", &url).await;
    holds_all(&url, "third").await;
    let limit = TIMES.ttl + Duration::from_secs(8);
    assert!(died.elapsed() < limit, "{:?}", died.elapsed());
    // A process that starts in the place of a dead one needs not wait for its time.
    third.die();
    let again = start("third", &url).await;
    let generations = "SELECT DISTINCT generation FROM lease WHERE expires_at > now()";
    let is_next = || async { query(&url, generations).await == "2" };
    until_async(PATIENCE, "the next process to hold the leases", is_next).await;
    again.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_hundred_leases_of_a_dead_holder_move_within_its_time_and_two_seconds() {
    let url = database().await;
    let connect = async || Postgres::connect(&url, &PostgresOptions::default()).await.unwrap();
    let (dead, heir) = (connect().await, connect().await);
    let ttl = Duration::from_secs(2);
    let [a, b] = ["a", "b"];
    let dead_node = dead.enter_node(a, "", "1").await.unwrap();
    let heir_node = heir.enter_node(b, "", "1").await.unwrap();
    let keys: Vec<_> = (0..100).map(|key| store::LeaseKey::new("k", key.to_string())).collect();
    for key in &keys {
        assert!(dead.claim_lease(&dead_node, key, ttl).await.unwrap().is_some());
    }
    let NodeBeat::Alive { held, .. } = dead.beat_node(&dead_node, ttl).await.unwrap() else {
        panic!("it is not superseded")
    };
    let (died, mut moved) = (Instant::now(), 0);
    while moved < keys.len() {
        for key in &keys {
            let lease = heir.claim_lease(&heir_node, key, PATIENCE).await.unwrap();
            if let Some(lease) = lease {
                assert_eq!(lease.epoch, 2);
                moved += 1;
            }
        }
        assert!(died.elapsed() < PATIENCE, "{moved} of {} moved", keys.len());
    }
    // By the database's own clock: nothing moved before its time, all of it within two seconds more.
    let late = query(
        &url,
        "SELECT count(*) FROM lease, api_node n
         WHERE n.id = 'a' AND expires_at - interval '30 s' NOT BETWEEN
             n.last_seen + interval '1.9 s' AND n.last_seen + interval '4 s'",
    );
    assert_eq!(late.await, "0");
    for lease in held {
        let write = dead.wake_lease(&dead_node, &lease, ttl).await.unwrap();
        assert_eq!(write, Fenced::Lost, "the zombie writes nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_polls_of_a_quiet_bundle_cost_no_selects_and_a_change_is_seen_on_each_node() {
    let url = database().await;
    let (a, b) = (start("a", &url).await, start("b", &url).await);
    for node in [&a, &b] {
        let listens = || async {
            let sql = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name LIKE '%changes' AND datname = current_database()";
            node.api.get("/healthz").await.status == 200 && query(&url, sql).await == "2"
        };
        until_async(PATIENCE, "the node to listen", listens).await;
    }
    let id = a.api.submit(&sample()).await;
    let path = format!("/api/backtest/bundle/{id}/status");
    for node in [&a, &b] {
        node.api.json(&path).await;
        let reads = node.api.store.status_reads();
        for _ in 0..10_000 {
            assert_eq!(node.api.get(&path).await.status, 200);
        }
        assert!(node.api.store.status_reads() <= reads + 2, "polls cost SELECTs");
    }
    let worker = a.api.worker().await;
    let claims = a.api.store.claim(worker.worker(), 8).await.unwrap();
    assert_eq!(claims.len(), 8);
    for node in [&a, &b] {
        let running = || async { node.api.json(&path).await["running"] == 8 };
        until_async(PATIENCE, "the claim to be seen", running).await;
    }
    worker.leave().await.unwrap();
    a.api.finish_all(|_| completed(Some(1.0), 3)).await;
    for node in [&a, &b] {
        node.api.until_final(&id).await;
    }
    a.leave().await;
    b.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_hint_was_lost_is_found_by_comparing_versions() {
    let url = database().await;
    let node = start("a", &url).await;
    let id = node.api.submit(&sample()).await;
    let path = format!("/api/backtest/bundle/{id}/status");
    node.api.json(&path).await;
    // Written past every process: nobody tells.
    query(&url, "UPDATE bundle SET name = 'renamed', revision = revision + 1").await;
    let seen = || async { node.api.json(&path).await["name"] == "renamed" };
    until_async(PATIENCE, "the change to be found", seen).await;
    node.leave().await;
}
