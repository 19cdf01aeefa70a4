#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods
)]
use candles::*;
use model::*;
use std::sync::Arc;
use std::time::Instant;
#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let id = SeriesId { exchange: "b".into(), ticker: "BTC".into(), timeframe: Timeframe::MINUTE };
    let mut x: u64 = 7;
    let mut r = || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 11) as f64 / (1u64 << 53) as f64
    };
    let start = 1_600_000_020_000i64;
    let mut p = 100.0;
    let c: Candles = (0..1_000_000i64)
        .map(|i| {
            let o = p;
            p *= 1.0 + (r() - 0.5) * 0.004;
            let h = o.max(p) * (1.0 + r() * 0.001);
            let l = o.min(p) * (1.0 - r() * 0.001);
            Candle {
                open_time_ms: start + i * 60_000,
                open: o,
                high: h,
                low: l,
                close: p,
                volume: r() * 100.0,
            }
        })
        .collect();
    let t = Instant::now();
    let store = ParquetStore::open(&dir.path().join("s")).unwrap();
    store.merge(&id, c.as_slice()).unwrap();
    println!("parquet merge 1M: {:?}", t.elapsed());
    let info = store.list_series().await.unwrap().remove(0);
    let csv = dir.path().join("b_BTC-1m.csv");
    let t = Instant::now();
    export(
        &store,
        &info,
        TimeRange { start_ms: i64::MIN / 4, end_ms: i64::MAX / 4 },
        &csv,
        Format::Csv,
        |_| (),
    )
    .await
    .unwrap();
    println!("export csv 1M: {:?}", t.elapsed());
    let t = Instant::now();
    let s2 = ParquetStore::open(&dir.path().join("s2")).unwrap();
    import::import_file(&s2, &csv, &Default::default()).unwrap();
    println!("import csv 1M: {:?}", t.elapsed());
    for gzip in [false, true] {
        let influx = Influx::new(InfluxSettings {
            url: url.clone(),
            database: format!("m{}{gzip}", std::process::id()),
            gzip,
            ..Default::default()
        })
        .unwrap();
        influx.ensure_database().await.unwrap();
        let t = Instant::now();
        let rep = push(&store, &info, &influx, |_| ()).await.unwrap();
        println!(
            "push gzip={gzip} 1M: {:?} {rep:?} {:.0}/s",
            t.elapsed(),
            1e6 / t.elapsed().as_secs_f64()
        );
        if gzip {
            break;
        }
        let t = Instant::now();
        let l = influx.list_series().await.unwrap();
        println!("list: {:?} {}", t.elapsed(), l.len());
        let t = Instant::now();
        influx.list_series().await.unwrap();
        println!("list again: {:?}", t.elapsed());
        let t = Instant::now();
        let mut n = 0;
        let mut s = Segment::containing(id.timeframe, info.first_ms);
        while s.range().start_ms <= info.last_ms {
            n += influx.load(&id, s).await.unwrap().len();
            s = s.next();
        }
        println!("influx load of all segments, one after the other, {n}: {:?}", t.elapsed());
        let cache = dir.path().join("cache");
        for round in 0..3 {
            let m = Market::new(
                Arc::new(influx.clone()),
                Cache::open(&cache, CacheSettings::default(), Clock::system()).unwrap(),
            );
            let all = TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 60_000 };
            m.series().await.unwrap();
            let t = Instant::now();
            let l = m.load(&id, all, 256).await.unwrap();
            let a = t.elapsed();
            let t = Instant::now();
            l.series_hash();
            let h = t.elapsed();
            let t = Instant::now();
            let l2 = m
                .load(&id, TimeRange { start_ms: all.start_ms + 600_000, ..all }, 0)
                .await
                .unwrap();
            let b = t.elapsed();
            println!(
                "round {round}: load {} {a:?}, series_hash {h:?}, other range in the same process {} {b:?}",
                l.as_slice().len(),
                l2.as_slice().len()
            );
            let t = Instant::now();
            let five = SeriesId { timeframe: "15m".parse().unwrap(), ..id.clone() };
            let r = m.load(&five, all, 256).await.unwrap();
            println!("  15m {} {:?}", r.as_slice().len(), t.elapsed());
        }
        let m = Market::new(
            Arc::new(store.clone()),
            Cache::open(&dir.path().join("c2"), CacheSettings::default(), Clock::system()).unwrap(),
        );
        let all = TimeRange { start_ms: info.first_ms, end_ms: info.last_ms + 60_000 };
        let t = Instant::now();
        m.load(&id, all, 256).await.unwrap();
        println!("parquet cold {:?}", t.elapsed());
    }
}
