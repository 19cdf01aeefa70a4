//! Reading lists, page by page.

use std::collections::BTreeMap;

use model::{BundleStatus, Digest, JobStatus};
use serde_json::json;
use store::{
    BundleFilter, Claim, Ending, Finish, JobCursor, JobFilter, JobRow, MetricSort, NewResult,
};
use uuid::Uuid;

use crate::fixture::{Fixture, bundle, completed, ended, failed, key, result};

async fn listed(fixture: &Fixture, filter: BundleFilter, limit: u32) -> Vec<Uuid> {
    let rows = fixture.store.bundles(&filter, limit).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

pub(crate) async fn bundles_are_listed_newest_first_in_pages(fixture: &Fixture) {
    let mut ids = Vec::new();
    for jobs in 0..5 {
        ids.push(fixture.submit(bundle(jobs)).await);
    }
    ids.reverse();
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = listed(fixture, BundleFilter { before, ..BundleFilter::default() }, 2).await;
        let Some(last) = page.last() else { break };
        before = Some(*last);
        pages.push(page);
    }
    assert_eq!(pages, ids.chunks(2).map(<[Uuid]>::to_vec).collect::<Vec<_>>());
    let rows = fixture.store.bundles(&BundleFilter::default(), 9).await.unwrap();
    for row in &rows {
        assert_eq!(*row, fixture.bundle(row.id).await);
    }
    assert_eq!(rows.iter().map(|row| row.total).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
}

pub(crate) async fn bundles_are_found_by_owner_status_name_and_tag(fixture: &Fixture) {
    let mut plain = bundle(1);
    "EMA cross, Ärger 100%".clone_into(&mut plain.name);
    let mut tagged = bundle(1);
    tagged.tags = BTreeMap::from([("desk".to_owned(), "a\"b'c".to_owned())]);
    "desk-2".clone_into(&mut tagged.owner);
    let plain = fixture.submit(plain).await;
    let tagged = fixture.submit(tagged).await;
    let empty = fixture.submit(bundle(0)).await;
    let all = BundleFilter::default;
    let owner = |owner: &str| BundleFilter { owner: Some(owner.to_owned()), ..all() };
    let name = |name: &str| BundleFilter { name: Some(name.to_owned()), ..all() };
    let status = |status| BundleFilter { status: Some(status), ..all() };
    let tag = |key: &str, value: &str| BundleFilter {
        tag: Some((key.to_owned(), value.to_owned())),
        ..all()
    };
    for (filter, expected) in [
        (all(), vec![empty, tagged, plain]),
        (owner("desk-2"), vec![tagged]),
        (owner("nobody"), vec![]),
        (name("cross, äRGER"), vec![plain]),
        (name("100%"), vec![plain]),
        (name("%"), vec![plain]),
        (name("a_b"), vec![]),
        (status(BundleStatus::Queued), vec![tagged, plain]),
        (status(BundleStatus::Completed), vec![empty]),
        (tag("desk", "a\"b'c"), vec![tagged]),
        (tag("desk", "a"), vec![]),
        (tag("other", "a\"b'c"), vec![]),
        (BundleFilter { before: Some(tagged), ..name("EMA") }, vec![plain]),
    ] {
        let text = format!("{filter:?}");
        assert_eq!(listed(fixture, filter, 9).await, expected, "{text}");
    }
    let worker = fixture.worker().await;
    fixture.claim(worker.worker(), 1).await;
    assert_eq!(listed(fixture, status(BundleStatus::Running), 9).await, [plain]);
}

/// All pages of a list of jobs, two a page.
async fn paged(fixture: &Fixture, bundle: Uuid, filter: &JobFilter) -> Vec<JobRow> {
    let mut all = Vec::new();
    let mut filter = filter.clone();
    loop {
        let page = fixture.store.jobs(bundle, &filter, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { return all };
        let value = filter.sort.as_ref().and_then(|sort| {
            last.result.as_ref().and_then(|result| result.metrics[&sort.metric].as_f64())
        });
        filter.after = Some(JobCursor { value, seq: last.seq });
        all.extend(page);
    }
}

async fn seqs(fixture: &Fixture, bundle: Uuid, filter: JobFilter) -> Vec<u32> {
    paged(fixture, bundle, &filter).await.into_iter().map(|job| job.seq).collect()
}

pub(crate) async fn jobs_are_listed_by_seq_in_pages(fixture: &Fixture) {
    let mut new = bundle(7);
    new.jobs[6].seq = 1_000_000;
    let id = fixture.submit(new).await;
    fixture.submit(bundle(3)).await;
    assert_eq!(seqs(fixture, id, JobFilter::default()).await, [0, 1, 2, 3, 4, 5, 1_000_000]);
    assert_eq!(paged(fixture, id, &JobFilter::default()).await, fixture.all_jobs(id).await);
    assert!(fixture.all_jobs(Uuid::now_v7()).await.is_empty());
}

/// A completion with these metrics.
fn with_metrics(claim: &Claim, metrics: serde_json::Value) -> Finish {
    let result = NewResult { metrics: metrics.into(), ..result(claim) };
    ended(claim, Ending::Completed(Box::new(result)))
}

pub(crate) async fn jobs_are_listed_by_metric_with_missing_ones_last(fixture: &Fixture) {
    let id = fixture.submit(bundle(9)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 8).await;
    let metrics = [
        json!({"sharpe": 1.5}),
        json!({"sharpe": -2}),
        json!({"trades": 4}),
        json!({"sharpe": 1.5}),
        json!({"sharpe": 1.500_000_000_000_000_2}),
        json!({"sharpe": null}),
        json!({"sharpe": "text"}),
    ];
    let mut finishes: Vec<_> =
        claims.iter().zip(metrics).map(|(claim, metrics)| with_metrics(claim, metrics)).collect();
    finishes.push(failed(&claims[7], "no_candles"));
    fixture.finish(worker.worker(), &finishes).await;
    let sort = |metric: &str, descending| JobFilter {
        sort: Some(MetricSort { metric: metric.to_owned(), descending }),
        ..JobFilter::default()
    };
    let up = seqs(fixture, id, sort("sharpe", false)).await;
    assert_eq!(up, [1, 0, 3, 4, 2, 5, 6, 7, 8]);
    let down = seqs(fixture, id, sort("sharpe", true)).await;
    assert_eq!(down, [4, 0, 3, 1, 2, 5, 6, 7, 8]);
    let unknown = seqs(fixture, id, sort("x' OR \"y", true)).await;
    assert_eq!(unknown, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let completed = JobFilter { status: Some(JobStatus::Completed), ..sort("trades", false) };
    assert_eq!(seqs(fixture, id, completed).await, [2, 0, 1, 3, 4, 5, 6]);
}

pub(crate) async fn jobs_are_found_by_status_code_and_seq(fixture: &Fixture) {
    let id = fixture.submit(bundle(6)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 5).await;
    let finishes = [
        completed(&claims[0]),
        failed(&claims[1], "no_candles"),
        failed(&claims[2], "incomplete_candles"),
        failed(&claims[3], "no_candles"),
    ];
    fixture.finish(worker.worker(), &finishes).await;
    let status = |status| JobFilter { status: Some(status), ..JobFilter::default() };
    let code = |code: &str| JobFilter { error_code: Some(code.to_owned()), ..JobFilter::default() };
    let some = |seqs: &[u32]| JobFilter { seqs: Some(seqs.to_vec()), ..JobFilter::default() };
    for (filter, expected) in [
        (status(JobStatus::Completed), vec![0]),
        (status(JobStatus::Failed), vec![1, 2, 3]),
        (status(JobStatus::Running), vec![4]),
        (status(JobStatus::Pending), vec![5]),
        (status(JobStatus::Cancelled), vec![]),
        (code("no_candles"), vec![1, 3]),
        (some(&[0, 3, 5, 77]), vec![0, 3, 5]),
        (some(&[]), vec![]),
        (JobFilter { seqs: Some(vec![1, 4]), ..code("no_candles") }, vec![1]),
    ] {
        let text = format!("{filter:?}");
        assert_eq!(seqs(fixture, id, filter).await, expected, "{text}");
    }
}

pub(crate) async fn points_show_status_and_one_metric(fixture: &Fixture) {
    let id = fixture.submit(bundle(5)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let finishes = [
        with_metrics(&claims[0], json!({"sharpe": 1.5, "trades": 3})),
        with_metrics(&claims[1], json!({"sharpe": null, "trades": 4})),
        failed(&claims[2], "no_candles"),
    ];
    fixture.finish(worker.worker(), &finishes).await;
    let points = async |metric: &str, after| {
        let points = fixture.store.points(id, metric, after, 3).await.unwrap();
        points.iter().map(|it| (it.seq, it.status, it.value)).collect::<Vec<_>>()
    };
    let first = [
        (0, JobStatus::Completed, Some(1.5)),
        (1, JobStatus::Completed, None),
        (2, JobStatus::Failed, None),
    ];
    assert_eq!(points("sharpe", None).await, first);
    let rest = [(3, JobStatus::Running, None), (4, JobStatus::Pending, None)];
    assert_eq!(points("sharpe", Some(2)).await, rest);
    assert_eq!(points("trades", Some(0)).await[0], (1, JobStatus::Completed, Some(4.0)));
    assert!(fixture.store.points(Uuid::now_v7(), "sharpe", None, 9).await.unwrap().is_empty());
}

pub(crate) async fn returns_are_read_in_pages(fixture: &Fixture) {
    let id = fixture.submit(bundle(4)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let settings = json!({"calendar": "24x7", "periodsPerYear": 365.0});
    let mut finishes = vec![failed(&claims[1], "no_candles")];
    for (claim, value) in [(&claims[0], 0.1), (&claims[2], -0.0), (&claims[3], f64::MIN_POSITIVE)] {
        let daily_returns = vec![value; 3];
        let summary = json!({"settings": settings, "candles": 7}).into();
        let result = NewResult { daily_returns, summary, ..result(claim) };
        finishes.push(ended(claim, Ending::Completed(Box::new(result))));
    }
    fixture.finish(worker.worker(), &finishes).await;
    let first = fixture.store.returns(id, None, 2).await.unwrap();
    let rest = fixture.store.returns(id, Some(2), 2).await.unwrap();
    let rows: Vec<_> = first.iter().chain(&rest).collect();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!((rows[1].key, &rows[1].settings), (key(id, 2), &settings));
    let bits = |row: &store::JobReturns| row.daily_returns[2].to_bits();
    let expected = [0.1_f64, -0.0, f64::MIN_POSITIVE].map(f64::to_bits);
    assert_eq!(rows.into_iter().map(bits).collect::<Vec<_>>(), expected);
}

pub(crate) async fn failures_are_counted_by_code(fixture: &Fixture) {
    let id = fixture.submit(bundle(4)).await;
    assert_eq!(fixture.store.failures(id).await.unwrap(), BTreeMap::new());
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 4).await;
    let codes = ["b", "a", "b"];
    let mut finishes: Vec<_> =
        claims.iter().zip(codes).map(|(claim, code)| failed(claim, code)).collect();
    finishes.push(completed(&claims[3]));
    fixture.finish(worker.worker(), &finishes).await;
    let expected = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(fixture.store.failures(id).await.unwrap(), expected);
}

pub(crate) async fn standing_results_are_found(fixture: &Fixture) {
    let id = fixture.submit(bundle(3)).await;
    let worker = fixture.worker().await;
    let claims = fixture.claim(worker.worker(), 2).await;
    let finishes: Vec<_> = claims.iter().map(completed).collect();
    fixture.finish(worker.worker(), &finishes).await;
    let asked = [key(id, 1), key(id, 2), Digest::of(b"nobody"), key(id, 0)];
    let found = fixture.store.standing_results(&asked).await.unwrap();
    let expected = [0, 1].map(|seq| (key(id, seq), result(&claims[seq as usize]).outcome_hash));
    assert_eq!(found, BTreeMap::from(expected));
    assert!(fixture.store.standing_results(&[]).await.unwrap().is_empty());
}

pub(crate) async fn the_queue_is_measured(fixture: &Fixture) {
    let empty = fixture.store.queue_depth().await.unwrap();
    assert_eq!((empty.pending, empty.on_hold, empty.running), (0, 0, 0));
    assert_eq!(empty.oldest_pending_seconds.to_bits(), 0.0_f64.to_bits());
    fixture.submit(bundle(5)).await;
    fixture.query("UPDATE job SET hold = 1 WHERE seq = 4").await;
    let worker = fixture.worker().await;
    fixture.claim(worker.worker(), 1).await;
    let depth = fixture.store.queue_depth().await.unwrap();
    assert_eq!((depth.pending, depth.on_hold, depth.running), (3, 1, 1));
    assert!((0.0..60.0).contains(&depth.oldest_pending_seconds));
    assert!(!fixture.store.describe().await.unwrap().is_empty());
    fixture.store.ping().await.unwrap();
}
