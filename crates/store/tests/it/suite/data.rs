//! Which data stood where: records, corrections, pins.

use std::time::Duration;

use model::{Digest, SeriesId, Timeframe};
use store::{
    CorrectedSegment, Correction, DataPart, DataVersion, HeldSegment, Pin, Pinned, SegmentHash,
    Submitted,
};

use crate::fixture::{Fixture, bundle, completed};

const SOURCE: &str = "candles";
const SERIES: &str = "b BTC 1m";

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A version of the first 100 ms of the series.
fn version(need: &str, hash: &str, revision: u64) -> DataVersion {
    let asked = SeriesId {
        exchange: "b".to_owned(),
        ticker: "BTC".to_owned(),
        timeframe: Timeframe::MINUTE,
    };
    DataVersion {
        need: digest(need),
        source: SOURCE.to_owned(),
        parts: vec![DataPart { asked, stored: SERIES.to_owned(), from: i64::MIN, to: 100 }],
        hash: digest(hash),
        revision,
        closed: true,
        covered: true,
        missing: 3,
        fingerprint: digest("fingerprint"),
        segments: vec![segment(0, hash)],
    }
}

/// The segment of 50 ms that begins at `start`.
fn segment(start: i64, hash: &str) -> SegmentHash {
    SegmentHash { series: SERIES.to_owned(), start, end: start + 50, hash: digest(hash) }
}

fn held(start: i64, hash: &str, revision: u64) -> HeldSegment {
    HeldSegment { segment: segment(start, hash), revision }
}

async fn correct(fixture: &Fixture, start: i64) {
    let corrected = CorrectedSegment { series: SERIES.to_owned(), start, end: start + 50 };
    fixture.store.correct(SOURCE, &[corrected]).await.unwrap();
}

async fn known(fixture: &Fixture, need: &str) -> Option<DataVersion> {
    let found = fixture.store.known_data(&[digest(need), digest("unheard of")]).await.unwrap();
    assert!(found.len() <= 1);
    let known = found.into_values().next()?;
    assert!(known.age < Duration::from_mins(5), "{:?}", known.age);
    Some(known.version)
}

async fn revision(fixture: &Fixture, start: i64) -> u64 {
    let corrections = fixture.store.corrections(SOURCE, SERIES).await.unwrap();
    corrections.iter().find(|it| it.start == start).map_or(0, |it| it.revision)
}

pub(crate) async fn recorded_data_is_known_until_a_part_of_it_is_corrected(fixture: &Fixture) {
    let first = version("need", "a", 0);
    fixture.store.record_data(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(known(fixture, "need").await, Some(first));
    // What lies outside the stretch that was read does not matter.
    correct(fixture, 100).await;
    assert!(known(fixture, "need").await.is_some());
    correct(fixture, 50).await;
    assert_eq!(known(fixture, "need").await, None);
    let again = version("need", "b", 1);
    fixture.store.record_data(std::slice::from_ref(&again)).await.unwrap();
    assert_eq!(known(fixture, "need").await, Some(again));
    correct(fixture, 50).await;
    correct(fixture, -50).await;
    assert_eq!(known(fixture, "need").await, None);
    let mut corrections = fixture.store.corrections(SOURCE, SERIES).await.unwrap();
    corrections.sort_by_key(|it| it.start);
    let of = |(start, revision)| Correction { start, end: start + 50, revision };
    assert_eq!(corrections, [(-50, 1), (50, 2), (100, 1)].map(of));
    assert_eq!(fixture.store.corrections("elsewhere", SERIES).await.unwrap(), []);
    let elsewhere = CorrectedSegment { series: SERIES.to_owned(), start: 0, end: 50 };
    fixture.store.correct("elsewhere", &[elsewhere]).await.unwrap();
    let mut expected = vec!["elsewhere".to_owned(), SOURCE.to_owned()];
    expected.sort();
    assert_eq!(fixture.store.sources().await.unwrap(), expected);
}

pub(crate) async fn a_look_at_older_candles_does_not_replace_a_newer_one(fixture: &Fixture) {
    correct(fixture, 0).await;
    let newer = version("need", "b", 1);
    fixture.store.record_data(std::slice::from_ref(&newer)).await.unwrap();
    fixture.store.record_data(&[version("need", "a", 0)]).await.unwrap();
    assert_eq!(known(fixture, "need").await, Some(newer));
}

pub(crate) async fn a_bundle_is_held_to_the_segments_it_first_loaded(fixture: &Fixture) {
    let first = fixture.submit(bundle(1)).await;
    let second = fixture.submit(bundle(1)).await;
    let store = &fixture.store;
    let both = [held(0, "a", 0), held(50, "b", 0)];
    assert_eq!(store.pin(first, SOURCE, &both, false).await.unwrap(), Pinned::Same);
    assert_eq!(store.pin(first, SOURCE, &both[1..], false).await.unwrap(), Pinned::Same);
    // Another range adds its segments.
    let more = [held(50, "b", 0), held(100, "c", 0)];
    assert_eq!(store.pin(first, SOURCE, &more, false).await.unwrap(), Pinned::Same);
    correct(fixture, 50).await;
    let corrected = [held(0, "a", 0), held(50, "new", 1)];
    let answer = store.pin(first, SOURCE, &corrected, false).await.unwrap();
    assert_eq!(answer, Pinned::Changed(segment(50, "new")));
    // It is what the next bundle begins on.
    assert_eq!(store.pin(second, SOURCE, &corrected, false).await.unwrap(), Pinned::Same);
    assert_eq!(revision(fixture, 50).await, 1);
}

pub(crate) async fn a_bundle_that_follows_the_latest_is_held_to_the_last(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let store = &fixture.store;
    assert_eq!(store.pin(id, SOURCE, &[held(0, "a", 0)], true).await.unwrap(), Pinned::Same);
    correct(fixture, 0).await;
    assert_eq!(store.pin(id, SOURCE, &[held(0, "b", 1)], true).await.unwrap(), Pinned::Same);
    assert_eq!(store.pin(id, SOURCE, &[held(0, "b", 1)], false).await.unwrap(), Pinned::Same);
}

pub(crate) async fn candles_overwritten_behind_our_back_count_as_a_correction(fixture: &Fixture) {
    let first = fixture.submit(bundle(1)).await;
    let second = fixture.submit(bundle(1)).await;
    let store = &fixture.store;
    store.pin(first, SOURCE, &[held(0, "a", 0)], false).await.unwrap();
    store.record_data(&[version("need", "a", 0)]).await.unwrap();
    assert_eq!(store.pin(second, SOURCE, &[held(0, "b", 0)], false).await.unwrap(), Pinned::Same);
    assert_eq!(revision(fixture, 0).await, 1);
    assert_eq!(known(fixture, "need").await, None);
    // The host that still has the old candles is told to look again.
    let stale = store.pin(second, SOURCE, &[held(0, "a", 0)], false).await.unwrap();
    assert_eq!(stale, Pinned::Outdated);
    assert_eq!(revision(fixture, 0).await, 1);
}

pub(crate) async fn a_copy_older_than_a_correction_is_outdated(fixture: &Fixture) {
    let id = fixture.submit(bundle(1)).await;
    let store = &fixture.store;
    store.pin(id, SOURCE, &[held(0, "a", 0)], false).await.unwrap();
    correct(fixture, 0).await;
    for latest in [false, true] {
        let old = store.pin(id, SOURCE, &[held(0, "a", 0)], latest).await.unwrap();
        assert_eq!(old, Pinned::Outdated);
    }
    // A correction may change nothing.
    assert_eq!(store.pin(id, SOURCE, &[held(0, "a", 1)], false).await.unwrap(), Pinned::Same);
}

pub(crate) async fn a_partly_cached_bundle_is_held_to_what_its_results_were_computed_on(
    fixture: &Fixture,
) {
    let worker = fixture.worker().await;
    fixture.submit(bundle(1)).await;
    let claim = fixture.claim(worker.worker(), 1).await.remove(0);
    fixture.finish(worker.worker(), &[completed(&claim)]).await;
    let mut next = bundle(2);
    next.jobs[0].result_key = Some(claim.spec_key);
    next.pins = vec![Pin { source: SOURCE.to_owned(), segment: segment(0, "a") }];
    let id = next.id;
    let stored = fixture.store.submit(next).await.unwrap();
    assert_eq!(stored, Submitted::Stored { cached: 1 });
    let answer = fixture.store.pin(id, SOURCE, &[held(0, "b", 0)], false).await.unwrap();
    assert_eq!(answer, Pinned::Changed(segment(0, "b")));
}
