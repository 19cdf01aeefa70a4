//! Reading from a streaming replica: never older than what was told, and never needed.

use std::sync::Arc;
use std::time::Duration;

use api::Config;
use serde_json::{Value, json};
use store::NodeTimes;
use store::postgres::{Postgres as PostgresStore, PostgresOptions};
use testkit::postgres::Postgres;
use testkit::replica::Replica;
use testkit::wait::until_async;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::{Api, completed, recorder, sample};
use crate::store::Guarded;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const LIST: &str = "/api/backtest/bundle";

async fn connect(url: &str, replica: bool) -> Arc<Guarded> {
    let options = PostgresOptions { replica, ..PostgresOptions::default() };
    Guarded::new(PostgresStore::connect(url, &options).await.unwrap())
}

/// Reads answered by `from` so far.
fn reads(from: &str) -> u64 {
    let line = format!("backfleet_reads_total{{from=\"{from}\"}} ");
    let text = recorder().render();
    text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

/// Whether `work` is answered by the replica.
async fn is_from_replica<T>(work: impl Future<Output = T>) -> bool {
    let (replica, primary) = (reads("replica"), reads("primary"));
    work.await;
    reads("replica") > replica && reads("primary") == primary
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_answers_while_it_is_near_and_the_primary_when_it_is_not() {
    let (primary, url) = blocking(|| {
        let primary = Postgres::start();
        let url = primary.database();
        (primary, url)
    })
    .await;
    let store = connect(&url, false).await;
    store::Store::migrate(&*store).await.unwrap();
    let (primary, replica) = blocking(move || {
        let replica = Replica::start(&primary);
        (primary, replica)
    })
    .await;
    let copy = connect(&replica.url(&url), true).await;
    let config = Config {
        node: NodeTimes { beat: Duration::from_millis(100), ttl: Duration::from_secs(2) },
        replica_lag: Duration::from_secs(2),
        ..Config::new("test")
    };
    let api = Api::with_replica(Arc::clone(&store), Arc::clone(&copy), config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let (app, token) = (api.app.clone(), stop.clone());
    let served = async move { api::serve(listener, app, token).await.unwrap() };
    let task = TaskTracker::new().spawn(served);

    let near = || async { is_from_replica(api.get(LIST)).await };
    until_async(PATIENCE, "the replica to answer", near).await;
    let id = api.submit(&sample()).await;
    let status = format!("{LIST}/{id}/status");
    assert_eq!(api.json(&status).await["total"], 8, "one's own submit is seen at once");
    api.finish_all(|_| completed(Some(1.0), 3)).await;
    api.until_final(&id).await;
    let jobs = format!("{LIST}/{id}/jobs");
    let near = || async { is_from_replica(api.json(&jobs)).await };
    until_async(PATIENCE, "the jobs to be read from the replica", near).await;
    assert_eq!(api.json(&jobs).await["items"].as_array().unwrap().len(), 8);
    for path in ["results", "heatmap?x=ticker", "honesty"] {
        assert_eq!(api.get(&format!("{LIST}/{id}/{path}")).await.status, 200, "{path}");
    }

    // It stands still: what is told never goes back, and what it lacks comes from the primary.
    let replica = blocking(move || {
        replica.freeze();
        replica
    })
    .await;
    let late = api.submit(&sample()).await;
    let late_status = format!("{LIST}/{late}/status");
    let told = api.json(&late_status).await;
    assert_eq!((&told["status"], &told["total"]), (&json!("Queued"), &json!(8)));
    api.finish_all(|_| completed(Some(2.0), 3)).await;
    api.until_final(&late).await;
    let version = |status: &Value| status["version"].as_u64().unwrap();
    let end = api.json(&late_status).await;
    assert!(version(&end) > version(&told));
    let rows = api.json(&format!("{LIST}/{late}/jobs")).await;
    assert!(rows["items"].as_array().unwrap().iter().all(|row| row["status"] == "Completed"));
    let whole = || async { api.json(LIST).await["items"].as_array().unwrap().len() == 2 };
    until_async(PATIENCE, "a list from the primary, the replica being too old", whole).await;
    assert!(!is_from_replica(api.get(LIST)).await);

    // It is gone: everything is answered all the same.
    let mut replica = blocking(move || {
        let mut replica = replica;
        replica.stop();
        replica
    })
    .await;
    for path in [LIST, &status, &jobs] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    replica = blocking(move || {
        replica.start_again();
        replica.thaw();
        replica
    })
    .await;
    let near = || async { is_from_replica(api.get(LIST)).await };
    until_async(PATIENCE, "the replica to answer again", near).await;
    assert_eq!(api.json(LIST).await["items"].as_array().unwrap().len(), 2);
    assert_eq!(version(&api.json(&late_status).await), version(&end));
    stop.cancel();
    task.await.unwrap();
    drop((replica, primary));
}
