//! Into InfluxDB, out of it beside the bare transfer, and out of the cache.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use candles::{
    Cache, CacheSettings, CandleSource, Clock, Dialect, Influx, InfluxSettings, Market, Push,
};
use model::Candles;
use testkit::influx;

use crate::table::{Table, median, words};
use crate::{Load, bare, series};

/// A database that holds the candles.
pub(crate) struct Database {
    pub(crate) influx: Influx,
    pub(crate) url: String,
    pub(crate) name: String,
}

/// What a client of the bench is told.
pub(crate) fn client(url: &str, name: &str) -> anyhow::Result<Influx> {
    let settings = InfluxSettings {
        url: url.to_owned(),
        database: name.to_owned(),
        dialect: Some(Dialect::V1),
        ..InfluxSettings::default()
    };
    Ok(Influx::new(settings)?)
}

/// A market over `source` with its cache in `folder`.
pub(crate) fn market(source: Arc<dyn CandleSource>, folder: &Path) -> anyhow::Result<Market> {
    let cache = Cache::open(folder, CacheSettings::default(), Clock::system())?;
    Ok(Market::new(source, cache))
}

/// Pushes the candles, and again where they are all there already.
pub(crate) async fn push(
    load: &Load,
    server: &influx::Influx,
    table: &mut Table,
) -> anyhow::Result<Database> {
    // A name of its own: `push` then makes it with shards of a year.
    let (url, name) = (server.url(), "bench".to_owned());
    let influx = client(&url, &name)?;
    influx.ensure_database().await?;
    let info = load.source.list_series().await?.remove(0);
    let push = Push { from: &load.source, to: &influx, again: false };
    let nobody = |_| std::future::ready(());
    let started = Instant::now();
    let report = push.run(&info, |_| {}, nobody).await?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(report.counted == info.count, "{report:?}");
    let rate = report.rows as f64 / seconds;
    table.target(
        "push, every month compared",
        format!(
            "{rate:.0} candles/s ({seconds:.2} s, {:.0} MB, {} again)",
            report.bytes as f64 / 1e6,
            report.repeated
        ),
        ">= 100,000/s",
        rate >= 1e5,
    );
    let started = Instant::now();
    let report = push.run(&info, |_| {}, nobody).await?;
    ensure!(report.kept == info.count, "{report:?}");
    table.row("push of what is there", words(&[started.elapsed()]));
    Ok(Database { influx, url, name })
}

/// The whole series from InfluxDB into an empty cache, in turn with the bare transfer.
pub(crate) async fn cold(
    load: &Load,
    database: &Database,
    work: &Path,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let query = format!(
        "SELECT \"open\",\"high\",\"low\",\"close\",\"volume\" FROM \"candles\" WHERE \
         \"exchange\"='{}' AND \"symbol\"='{}' AND \"timeframe\"='{}' AND time >= {}ms AND time < {}ms",
        load.series.exchange,
        load.series.ticker,
        load.series.timeframe,
        load.range.start_ms,
        load.range.end_ms,
    );
    let address = database.url.trim_start_matches("http://").to_owned();
    let (mut bares, mut loads) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (address, name, query) = (address.clone(), database.name.clone(), query.clone());
        let started = Instant::now();
        let bare: Candles =
            tokio::task::spawn_blocking(move || bare::read(&address, &name, &query)).await??;
        let bare_time = started.elapsed();

        let cache = work.join(format!("cold-{round}"));
        let started = Instant::now();
        let market = market(Arc::new(database.influx.clone()), &cache)?;
        let loaded = market.load(&series(), load.range, 0).await?;
        let load_time = started.elapsed();
        ensure!(bare.as_slice() == loaded.as_slice(), "both have the same candles");
        ensure!(bare.len() == load.count, "{} candles", bare.len());
        if round > 0 {
            bares.push(bare_time);
            loads.push(load_time);
        }
        drop((market, loaded));
        std::fs::remove_dir_all(&cache)?;
    }
    let ratio = median(&loads).as_secs_f64() / median(&bares).as_secs_f64();
    table.row("bare transfer and decode", words(&bares));
    table.target(
        "cold load into the cache",
        format!("{}, x {ratio:.2} of the bare one", words(&loads)),
        "<= x 1.3",
        ratio <= 1.3,
    );
    Ok(())
}

/// The whole series from the cache into a new process, the pages of the file in memory.
pub(crate) async fn warm(
    load: &Load,
    database: &Database,
    work: &Path,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let cache = work.join("cache");
    let source: Arc<dyn CandleSource> = Arc::new(database.influx.clone());
    let mut loads = Vec::new();
    for _ in 0..=rounds {
        // As a process that has just started: it knows no file yet. The listing is InfluxDB's time.
        let fresh = market(Arc::clone(&source), &cache)?;
        fresh.series().await?;
        let started = Instant::now();
        let loaded = fresh.load(&series(), load.range, 0).await?;
        loads.push(started.elapsed());
        ensure!(loaded.as_slice().len() == load.count, "{} candles", loaded.as_slice().len());
    }
    let met = median(&loads[1..]).as_secs_f64() <= 0.010;
    table.target("warm load", words(&loads[1..]), "<= 10 ms", met);
    Ok(())
}
