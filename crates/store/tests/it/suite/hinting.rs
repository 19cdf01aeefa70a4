//! Hints that bundles have changed, and the versions that make up for lost ones.

use std::collections::BTreeSet;

use store::{Change, HintFeed, Progress, Release};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::{Fixture, PATIENCE, bundle, completed, held};

/// Waits until a change of `id` is told.
async fn told(feed: &mut dyn HintFeed, id: Uuid) {
    let heard = async { while !feed.next().await.unwrap().contains(&id) {} };
    timeout(PATIENCE, heard).await.expect("the change is told");
}

pub(crate) async fn every_step_of_a_job_is_hinted(fixture: &Fixture) {
    let mut feed = fixture.store.listen().await.unwrap();
    let feed = &mut *feed;
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 3).await;
    told(feed, id).await;
    let progress = [Progress { held: held(&claims[0]), fraction: 0.5 }];
    fixture.store.progress(worker.worker(), &progress, 1.0).await.unwrap();
    told(feed, id).await;
    fixture.store.release(worker.worker(), &[held(&claims[2])], &Release::Drain).await.unwrap();
    told(feed, id).await;
    fixture.finish(worker.worker(), &[completed(&claims[0])]).await;
    told(feed, id).await;
    fixture.store.change(id, &Change::Pause, None).await.unwrap();
    told(feed, id).await;
}

pub(crate) async fn versions_of_many_bundles_are_read_at_once(fixture: &Fixture) {
    let (one, two) = (fixture.submit(bundle(1)).await, fixture.submit(bundle(2)).await);
    let worker = fixture.worker().await;
    fixture.claim(worker.worker(), 1).await;
    let unknown = Uuid::now_v7();
    let found = fixture.store.versions(&[one, unknown, two]).await.unwrap();
    let found: BTreeSet<_> = found.into_iter().collect();
    let mut expected = BTreeSet::new();
    for id in [one, two] {
        expected.insert((id, fixture.bundle(id).await.version));
    }
    assert_eq!(found, expected);
    assert_eq!(fixture.store.versions(&[]).await.unwrap(), []);
}
