//! Pushes to servers that do not show what was written, or not at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candles::{CandleSource as _, Error, Influx, InfluxSettings, MemorySource, Probe, SeriesInfo};
use model::{Calendar, Candles};
use rmp::encode;

use crate::mock::{Mock, Reply, chunk, count, row};
use crate::support::{id, minutes, push};

/// What `SELECT count(..), sum(..) ..` answers.
fn figures(probe: &Probe) -> Vec<u8> {
    row(0, &["count", "o", "h", "l", "c", "v", "max", "min"], |out| {
        encode::write_uint(out, probe.count).unwrap();
        for value in probe.sums.into_iter().chain([probe.highest, probe.lowest]) {
            encode::write_f64(out, value).unwrap();
        }
    })
}

/// A server whose figures are those of `figured` and whose rows are `rows`, both by the number of
/// writes so far; and how many lines each write had.
async fn server(
    figured: impl Fn(usize) -> Candles + Send + Sync + 'static,
    rows: impl Fn(usize) -> Candles + Send + Sync + 'static,
) -> Mock {
    let writes = AtomicUsize::new(0);
    Mock::serve(move |request, _| {
        if request.starts_with("POST /write") {
            writes.fetch_add(1, Ordering::Relaxed);
            return Reply::Whole(204, Vec::new());
        }
        let writes = writes.load(Ordering::Relaxed);
        if request.contains("sum%28") {
            Reply::Whole(200, figures(&Probe::of(figured(writes).as_slice())))
        } else {
            let rows = rows(writes);
            let counted = count(i64::try_from(rows.len()).unwrap());
            Reply::Whole(200, [chunk(&rows, false, None), counted].concat())
        }
    })
    .await
}

/// 30 minutes of candles and what is known of them.
async fn source() -> (MemorySource, SeriesInfo, Candles) {
    let source = MemorySource::new("memory");
    let candles = minutes(30, |_| false);
    source.insert(id("b BTC 1m"), Calendar::EveryDay, None, candles.clone());
    let info = source.list_series().await.unwrap().remove(0);
    (source, info, candles)
}

/// All but rows 10 to 14: what is left where a shard is not seen.
fn short(candles: &Candles) -> Candles {
    let all = candles.as_slice();
    (0..all.len()).filter(|row| !(10..15).contains(row)).map(|row| all.candle(row)).collect()
}

/// Candle lines of each write.
fn written(mock: &Mock) -> Vec<usize> {
    let writes = mock.requests().into_iter().filter(|request| request.starts_with("POST /write"));
    let lines = writes.map(|request| request.matches("candles,exchange=").count());
    lines.filter(|count| *count > 0).collect()
}

#[tokio::test]
async fn figures_that_leave_a_shard_out_are_overruled_by_the_rows() {
    let (source, info, candles) = source().await;
    let all = candles.clone();
    let mock = server(move |_| short(&candles), move |_| all.clone()).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let report = push(&source, &influx, false, &info).await.0.unwrap();
    assert_eq!((report.rows, report.repeated, report.counted), (30, 0, 30));
    assert_eq!(written(&mock), [30]);
}

#[tokio::test]
async fn rows_that_are_not_there_are_sent_again_and_looked_for_again() {
    let (source, info, candles) = source().await;
    let candles = Arc::new(candles);
    let after = |writes: usize, candles: &Candles| {
        if writes < 2 { short(candles) } else { candles.clone() }
    };
    let (figured, rows) = (Arc::clone(&candles), candles);
    let mock = server(move |n| after(n, &figured), move |n| after(n, &rows)).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let report = push(&source, &influx, false, &info).await.0.unwrap();
    assert_eq!((report.rows, report.repeated, report.counted), (30, 5, 30));
    assert_eq!(written(&mock), [30, 5], "only what was not there");
}

#[tokio::test]
async fn rows_that_never_arrive_fail_the_push_and_are_counted_and_dated() {
    let (source, info, candles) = source().await;
    let short = short(&candles);
    let also = short.clone();
    let mock = server(move |_| short.clone(), move |_| also.clone()).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let (failed, written_segments, _) = push(&source, &influx, false, &info).await;
    let error = failed.unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }));
    let text = error.chain();
    assert!(text.contains("candles of 2024-01 are not all stored"), "{text}");
    assert!(text.contains("5 of them are not there, the first of 2024-01-01T00:10:00Z"), "{text}");
    assert_eq!(written(&mock), [30, 5, 5, 5]);
    assert_eq!(written_segments.len(), 1, "who caches them is told all the same");
}

#[tokio::test]
async fn more_candles_than_were_sent_are_anothers_and_do_not_hide_a_loss() {
    let (source, info, candles) = source().await;
    let others = minutes(60, |_| false);
    let all = others.clone();
    let mock = server(move |_| others.clone(), move |_| all.clone()).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let report = push(&source, &influx, false, &info).await.0.unwrap();
    assert_eq!((report.rows, report.counted), (30, 60));
    let mut changed = minutes(60, |_| false);
    changed.close[3] = candles.close[4];
    let also = changed.clone();
    let mock = server(move |_| changed.clone(), move |_| also.clone()).await;
    let influx = Influx::new(mock.settings()).unwrap();
    let text = push(&source, &influx, false, &info).await.0.unwrap_err().chain();
    assert!(text.contains("1 of them are not there, the first of 2024-01-01T00:03:00Z"), "{text}");
}

#[test]
fn one_database_is_known_at_every_address_and_policy() {
    let of = |url: &str, database: &str, policy: Option<&str>| {
        let settings = InfluxSettings {
            url: url.to_owned(),
            database: database.to_owned(),
            retention_policy: policy.map(str::to_owned),
            ..InfluxSettings::default()
        };
        Influx::new(settings).unwrap()
    };
    let ours = of("http://127.0.0.1:8086", "market", None);
    for (url, database, policy, expected) in [
        ("http://127.0.0.1:8086", "market", None, true),
        ("http://influx:8086", "market", Some("autogen"), true),
        ("https://proxy/influx/", "market", None, true),
        ("http://127.0.0.1:8086", "other", None, false),
        ("http://127.0.0.1:8086", "supermarket", None, false),
    ] {
        assert_eq!(ours.may_be(of(url, database, policy).id()), expected, "{url} {database}");
    }
    assert!(!ours.may_be("parquet:/data/market/#x") && !ours.may_be("memory"));
}
