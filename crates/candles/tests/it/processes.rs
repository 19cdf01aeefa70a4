//! Single flight across processes. The child processes are this test binary again.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use candles::{
    Cache, CacheSettings, CandleSource, Error, Market, MemorySource, Segment, SeriesInfo,
};
use model::{Calendar, Candles, Digest, SeriesId, TimeRange};

use crate::support::{Hands, id, minutes, range};

/// Tells a child its folder and how its source behaves.
const ROLE: &str = "BACKFLEET_TEST_CANDLES_CHILD";
const SERIES: &str = "b BTC 1m";
const PATIENCE: Duration = Duration::from_secs(30);

/// A source that writes every load into a file all processes share.
struct Logged {
    memory: MemorySource,
    log: PathBuf,
    hangs: bool,
}

#[async_trait]
impl CandleSource for Logged {
    fn id(&self) -> &str {
        self.memory.id()
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        self.memory.list_series().await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        let mut log = File::options().create(true).append(true).open(&self.log).unwrap();
        log.write_all(format!("{segment}\n").as_bytes()).unwrap();
        if self.hangs {
            std::future::pending::<()>().await;
        }
        // Long enough for the other processes to want the same.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.memory.load(series, segment).await
    }

    async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
        Ok(None)
    }
}

fn market(folder: &Path, hangs: bool, lock_timeout: Duration) -> Market {
    let memory = MemorySource::new("memory");
    memory.insert(id(SERIES), Calendar::EveryDay, None, minutes(3 * 31 * 1_440, |_| false));
    let log = folder.join("log");
    let settings = CacheSettings { lock_timeout, ..CacheSettings::default() };
    let clock = Hands::at("2026-01-01T00:00:00Z").clock();
    let cache = Cache::open(&folder.join("cache"), settings, clock).unwrap();
    Market::new(Arc::new(Logged { memory, log, hangs }), cache)
}

fn wanted() -> TimeRange {
    range("2024-01-05T00:00:00Z", "2024-03-20T00:00:00Z")
}

async fn load(folder: &Path, hangs: bool) -> Digest {
    let market = market(folder, hangs, PATIENCE);
    market.load(&id(SERIES), wanted(), 256).await.unwrap().series_hash()
}

/// Not a test of its own: what a child process does.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests have no configuration module")]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (behaviour, folder) = role.split_once(':').unwrap();
    let hash = load(Path::new(folder), behaviour == "hang").await;
    let name = format!("hash-{}", std::process::id());
    fs::write(Path::new(folder).join(name), hash.to_string()).unwrap();
}

fn spawn(folder: &Path, behaviour: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture"])
        .env(ROLE, format!("{behaviour}:{}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn log(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_want_the_same_segments_fetch_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..4).map(|_| spawn(dir.path(), "run")).collect();
    let expected = load(dir.path(), false).await.to_string();
    for mut child in children {
        let pid = child.id();
        assert!(child.wait().unwrap().success());
        let hash = fs::read_to_string(dir.path().join(format!("hash-{pid}"))).unwrap();
        assert_eq!(hash, expected);
    }
    assert_eq!(log(dir.path()), ["2024-01", "2024-02", "2024-03"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_holder_is_killed_is_free_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = spawn(dir.path(), "hang");
    let folder = dir.path().to_owned();
    testkit::wait::until(PATIENCE, "the child to hold its locks", || log(&folder).len() == 3);
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn({
        let folder = dir.path().to_owned();
        async move { load(&folder, false).await }
    });
    assert_eq!(log(dir.path()).len(), 3);
    assert!(waiting.try_join_next().is_none());
    holder.kill().unwrap();
    holder.wait().unwrap();
    waiting.join_next().await.unwrap().unwrap();
    assert_eq!(log(dir.path()).len(), 6, "each segment once more, by the one who waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_fetches_without_publishing() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = spawn(dir.path(), "hang");
    let folder = dir.path().to_owned();
    testkit::wait::until(PATIENCE, "the child to hold its locks", || log(&folder).len() == 3);
    for expected in [6, 9] {
        let market = market(dir.path(), false, Duration::from_millis(50));
        market.load(&id(SERIES), wanted(), 256).await.unwrap();
        assert_eq!(log(dir.path()).len(), expected);
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
}
