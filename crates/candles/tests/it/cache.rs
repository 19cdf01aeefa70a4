//! The cache: damage, joins, age, size.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use candles::{
    Cache, CacheSettings, CandleSource, Error, Market, MemorySource, Segment, SeriesInfo,
};
use model::{Calendar, Candles, Digest, SeriesId, TimeRange};

use crate::support::{Hands, id, market, market_at, minutes, range};

/// A source that does not know its revisions, like InfluxDB.
struct Blind(MemorySource);

#[async_trait]
impl CandleSource for Blind {
    fn id(&self) -> &str {
        self.0.id()
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        self.0.list_series().await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        self.0.load(series, segment).await
    }

    async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
        Ok(None)
    }
}

const SERIES: &str = "b BTC 1m";

fn source(candles: Candles) -> MemorySource {
    let source = MemorySource::new("memory");
    source.insert(id(SERIES), Calendar::EveryDay, None, candles);
    source
}

fn january() -> TimeRange {
    range("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")
}

/// Files below `folder` whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_flipped_byte_a_cut_and_a_lost_file_are_fetched_again_and_never_used() {
    let candles = minutes(60 * 1_440, |_| false);
    let source = Arc::new(source(candles.clone()));
    let dir = tempfile::tempdir().unwrap();
    let both = range("2024-01-10T00:00:00Z", "2024-02-20T00:00:00Z");
    let open = || market(Arc::<MemorySource>::clone(&source), dir.path());
    let load =
        async |market: Market| market.load(&id(SERIES), both, 256).await.unwrap().series_hash();
    // A process that has used the files before looks as closely as one that has not.
    let kept = open();
    let expected = load(kept.clone()).await;
    assert_eq!(files(dir.path(), ".cndl").len(), 3, "two months and their join");
    assert_eq!(load(open()).await, expected);
    assert_eq!(source.loads(), 2);
    for damage in [
        |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::remove_file(path).unwrap();
            fs::write(path, bytes).unwrap();
        },
        |path: &Path| {
            let bytes = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 64]).unwrap();
        },
        |path: &Path| fs::remove_file(path).unwrap(),
    ] {
        for market in [kept.clone(), open()] {
            let loads = source.loads();
            for path in files(dir.path(), ".cndl") {
                damage(&path);
            }
            assert_eq!(load(market).await, expected);
            assert_eq!(source.loads(), loads + 2);
        }
    }
    assert!(files(&dir.path().join("tmp"), "").is_empty());
}

#[tokio::test]
async fn a_range_inside_a_join_uses_it() {
    let source = Arc::new(source(minutes(150 * 1_440, |_| false)));
    let dir = tempfile::tempdir().unwrap();
    let market = market(source, dir.path());
    for (start, end) in [
        ("2024-01-05T00:00:00Z", "2024-05-05T00:00:00Z"),
        ("2024-02-05T00:00:00Z", "2024-04-05T00:00:00Z"),
        ("2024-01-10T00:00:00Z", "2024-02-05T00:00:00Z"),
    ] {
        market.load(&id(SERIES), range(start, end), 256).await.unwrap();
    }
    let joins = files(&dir.path().join("series"), ".json")
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("joined-"))
        .count();
    assert_eq!(joins, 1);
}

#[tokio::test]
async fn without_revisions_a_closed_segment_is_kept_and_an_open_one_grows_old() {
    let source = Arc::new(Blind(source(minutes(40 * 1_440, |_| false))));
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::at("2024-02-10T00:00:00Z");
    let all = range("2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z");
    let loads = async |expected: u64| {
        let market = market_at(Arc::<Blind>::clone(&source), dir.path(), &hands);
        market.load(&id(SERIES), all, 0).await.unwrap();
        assert_eq!(source.0.loads(), expected);
    };
    loads(2).await;
    loads(2).await;
    hands.advance(61_000);
    loads(3).await;
}

#[tokio::test]
async fn without_revisions_a_closed_segment_is_fetched_again_when_the_series_ends_elsewhere() {
    let blind = |count| Arc::new(Blind(source(minutes(count, |_| false))));
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::at("2025-01-01T00:00:00Z");
    let mut lens = Vec::new();
    for count in [100, 200, 200, 40 * 1_440] {
        let market = market_at(blind(count), dir.path(), &hands);
        hands.advance(3_600_000);
        lens.push(market.load(&id(SERIES), january(), 0).await.unwrap().as_slice().len());
    }
    assert_eq!(lens, [100, 200, 200, 31 * 1_440]);
}

#[tokio::test]
async fn a_correction_in_a_source_with_revisions_is_seen_at_once() {
    let source = Arc::new(source(minutes(1_440, |_| false)));
    let dir = tempfile::tempdir().unwrap();
    let hash = async || {
        let market = market(Arc::<MemorySource>::clone(&source), dir.path());
        market.load(&id(SERIES), january(), 0).await.unwrap().series_hash()
    };
    let before = hash().await;
    let mut corrected = minutes(1_440, |_| false);
    corrected.volume[5] += 1.0;
    source.insert(id(SERIES), Calendar::EveryDay, None, corrected);
    let after = hash().await;
    assert_ne!(before, after);
    assert_eq!(hash().await, after);
}

#[tokio::test]
async fn a_purged_series_is_fetched_again() {
    let source = Arc::new(Blind(source(minutes(1_440, |_| false))));
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::at("2026-01-01T00:00:00Z");
    let cache = Cache::open(dir.path(), CacheSettings::default(), hands.clock()).unwrap();
    for _ in 0..2 {
        let market = Market::new(Arc::<Blind>::clone(&source), cache.clone());
        market.load(&id(SERIES), january(), 0).await.unwrap();
        cache.purge("memory", &id(SERIES)).unwrap();
        cache.purge("memory", &id("b NONE 1m")).unwrap();
    }
    assert_eq!(source.0.loads(), 2);
}

#[tokio::test]
async fn a_full_cache_drops_what_was_used_longest_ago() {
    let source = Arc::new(source(minutes(330 * 1_440, |_| false)));
    let dir = tempfile::tempdir().unwrap();
    let hands = Hands::at("2026-01-01T00:00:00Z");
    // Room for about three months of minutes.
    let settings = CacheSettings { max_bytes: 7_000_000, ..CacheSettings::default() };
    let cache = Cache::open(dir.path(), settings, hands.clock()).unwrap();
    let market = Market::new(source, cache);
    for month in 1..=10 {
        let day = format!("2024-{month:02}-10T00:00:00Z");
        let end = format!("2024-{month:02}-20T00:00:00Z");
        let loaded = market.load(&id(SERIES), range(&day, &end), 256).await.unwrap();
        assert_eq!(loaded.as_slice().len(), 256 + 14_400);
        hands.advance(600_000);
    }
    let bytes: u64 =
        files(dir.path(), ".cndl").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes <= 7_000_000, "{bytes}");
}

#[tokio::test]
async fn a_cache_that_is_deleted_while_it_is_in_use_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cache");
    let market = market(Arc::new(source(minutes(100_000, |_| false))), &root);
    let before = market.load(&id(SERIES), january(), 10).await.unwrap().series_hash();
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(market.load(&id(SERIES), january(), 10).await.unwrap().series_hash(), before);
    fs::remove_dir_all(&root).unwrap();
    let march = range("2024-01-15T00:00:00Z", "2024-03-01T00:00:00Z");
    assert!(market.load(&id(SERIES), march, 10).await.is_ok());
}

#[tokio::test]
async fn a_cache_tells_how_full_it_is_finds_damage_and_forgets() {
    let source = Arc::new(source(minutes(40 * 1_440, |_| false)));
    let dir = tempfile::tempdir().unwrap();
    let both = range("2024-01-10T00:00:00Z", "2024-02-05T00:00:00Z");
    let hands = Hands::at("2026-01-01T00:00:00Z");
    let cache = Cache::open(dir.path(), CacheSettings::default(), hands.clock()).unwrap();
    let load = async || {
        let market = Market::new(Arc::<MemorySource>::clone(&source), cache.clone());
        market.load(&id(SERIES), both, 0).await.unwrap().series_hash()
    };
    let hash = load().await;
    let stats = cache.stats().unwrap();
    assert_eq!((stats.objects, stats.series, stats.segments, stats.joined), (3, 1, 2, 1));
    let sizes: u64 =
        files(dir.path(), ".cndl").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert_eq!(stats.bytes, sizes);

    let path = files(dir.path(), ".cndl").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let check = cache.check().unwrap();
    assert_eq!((check.objects, check.damaged, check.entries_removed), (3, vec![path], 1));
    assert_eq!(load().await, hash);
    assert_eq!(cache.check().unwrap().damaged, Vec::<PathBuf>::new());

    assert_eq!(cache.purge_series(&id("b BTC 5m")).unwrap(), 0);
    assert_eq!(cache.purge_series(&id(SERIES)).unwrap(), 1);
    assert!(cache.purge_all().unwrap() > 0);
    assert_eq!(cache.stats().unwrap().objects, 0);
    assert_eq!(load().await, hash);
    hands.advance(3_600_000);
    assert_eq!(cache.shrink(0).unwrap(), 0);
    assert_eq!(load().await, hash);
}
