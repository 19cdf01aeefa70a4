//! The embedded store over the lives of its process.

use model::JobStatus;
use store::Error;
use store::sqlite::Sqlite;

use crate::fixture::{Engine, Fixture, bundle, completed};

#[tokio::test]
async fn a_restarted_process_frees_what_the_dead_one_held() {
    let mut fixture = Fixture::sqlite().await;
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    let Engine::Sqlite { path, .. } = &fixture.engine else { unreachable!("it is SQLite") };
    let path = path.clone();

    let second = Sqlite::open(&path).await.err().unwrap();
    assert!(matches!(second, Error::Unavailable { .. }), "{second:?}");
    let reason = "the database does not answer: another process has the database open";
    assert_eq!(second.to_string(), reason);

    drop(worker);
    fixture.store = Sqlite::in_memory().await.unwrap();
    fixture.store = Sqlite::open(&path).await.unwrap();
    let row = fixture.bundle(id).await;
    assert_eq!((row.completed, row.running, row.total), (1, 0, 3));
    assert_eq!(fixture.attempts(id, 1).await, ["worker_lost"]);
    let job = fixture.job(id, 1).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Pending, 1));
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 9).await;
    let suspects: Vec<_> = claims.iter().map(|claim| (claim.seq, claim.suspect)).collect();
    assert_eq!(suspects, [(1, true), (2, false)]);
    fixture.check_books().await;
}

#[tokio::test]
async fn a_store_in_memory_is_a_whole_store() {
    let store = Sqlite::in_memory().await.unwrap();
    let error = store.queue_depth().await.unwrap_err();
    assert!(matches!(error, Error::WrongSchema { found: 0, needed: 4 }), "{error:?}");
    store.migrate().await.unwrap();
    store.submit(bundle(10)).await.unwrap();
    assert_eq!(store.queue_depth().await.unwrap().pending, 10);
    assert!(store.describe().await.unwrap().starts_with("SQLite 3."));
}
