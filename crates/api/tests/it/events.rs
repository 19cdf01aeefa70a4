//! Event streams over two nodes of one store.

use std::time::Duration;

use api::Config;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use store::Store;
use testkit::wait::until_async;
use tower::ServiceExt;

use crate::harness::{Api, completed, sample};

/// Longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(20);

fn quick() -> Config {
    Config {
        watch_period: Duration::from_millis(10),
        status_age: Duration::from_millis(5),
        ..Config::new("test")
    }
}

/// One event.
#[derive(Debug)]
struct Event {
    id: u64,
    name: String,
    data: Map<String, Value>,
}

/// One client of a stream.
struct Client {
    body: Body,
    text: String,
    beats: u32,
}

impl Client {
    /// Follows a bundle; what the answer is where it is no stream.
    async fn follow(api: &Api, id: &str, last: Option<u64>) -> Result<Client, u16> {
        let mut request = Request::get(format!("/api/backtest/bundle/{id}/events"))
            .header("accept-encoding", "gzip");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.body(Body::empty()).unwrap();
        let response = api.router.clone().oneshot(request).await.unwrap();
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().get("content-encoding").is_none());
        Ok(Client { body: response.into_body(), text: String::new(), beats: 0 })
    }

    /// The next block of lines; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap()?;
            self.text += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
        }
    }

    /// The next event.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if block.starts_with("retry: ") {
                continue;
            }
            if block.starts_with(": ") {
                self.beats += 1;
                continue;
            }
            let mut lines = block.lines().map(|line| line.split_once(": ").unwrap().1);
            let id = lines.next().unwrap().parse().unwrap();
            let name = lines.next().unwrap().to_owned();
            let data = serde_json::from_str(lines.next().unwrap()).unwrap();
            return Some(Event { id, name, data });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_then_deltas_then_one_end_add_up_to_the_status_on_every_node() {
    let api = Api::with_config(quick()).await;
    let other = api.node(quick());
    let id = api.submit(&sample()).await;
    let mut clients = Vec::new();
    for node in [&api, &other, &other] {
        clients.push(Client::follow(node, &id, None).await.unwrap());
    }
    let mut statuses = Vec::new();
    for client in &mut clients {
        let event = client.next().await.unwrap();
        assert_eq!(event.name, "snapshot");
        statuses.push((event.id, event.data));
    }
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    for (client, (version, status)) in clients.iter_mut().zip(&mut statuses) {
        let mut ends = 0;
        while let Some(event) = client.next().await {
            assert!(event.id > *version, "versions only grow");
            assert_eq!(event.data["version"], event.id);
            *version = event.id;
            ends += u32::from(event.name == "end");
            status.extend(event.data);
        }
        assert_eq!(ends, 1);
        assert_eq!(status["status"], "Completed");
    }
    let status = other.json(&format!("/api/backtest/bundle/{id}/status")).await;
    for (_, found) in statuses {
        assert_eq!(Value::Object(found), status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_resumes_on_another_node_and_sees_the_end_once() {
    let api = Api::with_config(quick()).await;
    let other = api.node(quick());
    let id = api.submit(&sample()).await;
    let mut client = Client::follow(&api, &id, None).await.unwrap();
    let last = client.next().await.unwrap().id;
    drop(client);
    // Nothing happened: there is no second snapshot, only what comes after.
    let mut client = Client::follow(&other, &id, Some(last)).await.unwrap();
    let worker = api.worker().await;
    api.store.claim(worker.worker(), 1).await.unwrap();
    let event = client.next().await.unwrap();
    assert!(event.id > last);
    worker.leave().await.unwrap();
    drop(client);
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    // What was missed comes as a whole; the end once.
    let mut client = Client::follow(&api, &id, Some(event.id)).await.unwrap();
    let mut end = None;
    while let Some(event) = client.next().await {
        assert!(end.is_none(), "nothing follows the end");
        end = Some(event).filter(|event| event.name == "end");
    }
    let end = end.unwrap();
    assert_eq!(end.data["status"], "Completed");
    for node in [&api, &other] {
        node.until_final(&id).await;
        assert_eq!(Client::follow(node, &id, Some(end.id)).await.err(), Some(204));
    }
    let mut late = Client::follow(&other, &id, None).await.unwrap();
    let mut names = Vec::new();
    while let Some(event) = late.next().await {
        names.push(event.name);
    }
    assert_eq!(names.iter().filter(|name| *name == "end").count(), 1, "{names:?}");
    assert_eq!(names.last().unwrap(), "end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_followers_cost_the_reads_of_one_and_none_when_they_are_gone() {
    let config = Config { watch_period: Duration::from_millis(20), ..Config::new("test") };
    let api = Api::with_config(config).await;
    let id = api.submit(&sample()).await;
    let started = std::time::Instant::now();
    let before = api.store.status_reads();
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Client::follow(&api, &id, None).await.unwrap());
    }
    for client in &mut clients {
        client.next().await.unwrap();
    }
    let has_looked = || async { api.store.status_reads() >= before + 4 };
    until_async(PATIENCE, "the feed to look again", has_looked).await;
    let reads = api.store.status_reads() - before;
    let allowed = started.elapsed().as_millis() / 100 + 1;
    assert!(u128::from(reads) <= allowed, "{reads} reads, at most {allowed}");
    drop(clients);
    // A feed that goes on reads every 100 ms: two quiet periods in a row mean that it ended.
    let quiet = || async {
        let reads = api.store.status_reads();
        tokio::time::sleep(Duration::from_millis(200)).await;
        api.store.status_reads() == reads
    };
    until_async(PATIENCE, "the feed to end with its last follower", quiet).await;
}

#[tokio::test]
async fn a_silent_stream_beats_and_outlives_a_database_that_is_away() {
    let config = Config { heartbeat: Duration::from_millis(30), ..quick() };
    let api = Api::with_config(config).await;
    let id = api.submit(&sample()).await;
    let mut client = Client::follow(&api, &id, None).await.unwrap();
    let last = client.next().await.unwrap().id;
    api.store.set_away(true);
    while client.beats < 5 {
        let block = client.block().await.unwrap();
        assert_eq!(block, ": beat");
        client.beats += 1;
    }
    api.store.set_away(false);
    let worker = api.worker().await;
    api.store.claim(worker.worker(), 1).await.unwrap();
    assert!(client.next().await.unwrap().id > last);
}

#[tokio::test]
async fn unknown_bundles_have_no_events() {
    let api = Api::new().await;
    let path = format!("/api/backtest/bundle/{}/events", uuid::Uuid::now_v7());
    assert!(api.get(&path).await.problem().starts_with("404 bundle_not_found"));
}
