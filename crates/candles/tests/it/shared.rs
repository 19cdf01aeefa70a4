//! All who load a series on one host hold one copy of it. The child processes are this test binary
//! again; what they hold is read from Linux's /proc.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use candles::{
    Cache, CacheSettings, CandleSource, Error, Loaded, Market, MemorySource, Segment, SeriesInfo,
};
use model::{Calendar, Candles, DAY_MS, Digest, SeriesId, TimeRange};

use crate::support::{Hands, START_MS, id, minutes};

/// Tells a child its folder.
const ROLE: &str = "BACKFLEET_TEST_SHARED_CHILD";
const SERIES: &str = "b BTC 1m";
const PATIENCE: Duration = Duration::from_mins(1);
/// Minutes of a year: 25 MB.
const COUNT: i64 = 366 * 1_440;
const THREADS: i64 = 20;

/// A source whose candles are all in the cache.
struct Listed(SeriesInfo);

#[async_trait]
impl CandleSource for Listed {
    fn id(&self) -> &'static str {
        "memory"
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        Ok(vec![self.0.clone()])
    }

    async fn load(&self, _: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        panic!("{segment} is in the cache")
    }

    async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
        Ok(None)
    }
}

fn market(source: Arc<dyn CandleSource>, folder: &Path) -> Market {
    let clock = Hands::at("2026-01-01T00:00:00Z").clock();
    let cache = Cache::open(&folder.join("cache"), CacheSettings::default(), clock).unwrap();
    Market::new(source, cache)
}

/// The year but for so many days at its start.
fn but_for(days: i64) -> TimeRange {
    TimeRange { start_ms: START_MS + days * DAY_MS, end_ms: START_MS + COUNT * 60_000 }
}

/// Reads a value of every page.
fn touch(loaded: &Loaded) -> f64 {
    let all = loaded.as_slice();
    let columns = [all.open, all.high, all.low, all.close, all.volume];
    let sums = columns.iter().flat_map(|column| column.iter().step_by(256)).sum::<f64>();
    sums + all.open_time_ms.iter().step_by(256).map(|time| *time as f64).sum::<f64>()
}

/// Not a test of its own: a process whose twenty threads load the series, until its input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 20)]
#[expect(clippy::disallowed_methods, reason = "tests have no configuration module")]
async fn child() {
    let Ok(folder) = std::env::var(ROLE) else { return };
    let folder = Path::new(&folder);
    let info = SeriesInfo {
        id: id(SERIES),
        calendar: Calendar::EveryDay,
        instrument: None,
        first_ms: START_MS,
        last_ms: START_MS + (COUNT - 1) * 60_000,
        count: u64::try_from(COUNT).unwrap(),
    };
    let market = market(Arc::new(Listed(info)), folder);
    let mut loads = tokio::task::JoinSet::new();
    for thread in 0..THREADS {
        let market = market.clone();
        loads.spawn(async move {
            let loaded = market.load(&id(SERIES), but_for(thread), 256).await.unwrap();
            assert!(touch(&loaded) > 0.0);
            loaded
        });
    }
    let held: Vec<Arc<Loaded>> = loads.join_all().await;
    fs::write(folder.join(format!("ready-{}", std::process::id())), "").unwrap();
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).unwrap();
    drop(held);
}

fn spawn(folder: &Path) -> (Child, ChildStdin) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shared::child", "--nocapture"])
        .env(ROLE, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

/// Mappings of column files in a process: how many, and kB of what is resident, its share of what
/// it shares, and what is its own.
#[derive(Debug, Default)]
struct Held {
    mappings: usize,
    resident: u64,
    share: u64,
    own: u64,
}

fn held(pid: u32) -> Held {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut held = Held::default();
    let mut is_ours = false;
    for line in smaps.lines() {
        let kb = || line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
        match line.split_whitespace().next().unwrap() {
            "Rss:" if is_ours => held.resident += kb(),
            "Pss:" if is_ours => held.share += kb(),
            "Anonymous:" if is_ours => held.own += kb(),
            word if word.ends_with(':') => {}
            _ => {
                is_ours = line.contains("/objects/");
                held.mappings += usize::from(is_ours);
            }
        }
    }
    held
}

/// kB of a process that no file stands behind.
fn anonymous(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Sizes of the column files below a folder, in kB.
fn sizes(folder: &Path) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let item = item.unwrap();
            if item.file_type().unwrap().is_dir() {
                folders.push(item.path());
            } else {
                sizes.push(item.metadata().unwrap().len() / 1_024);
            }
        }
    }
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_threads_of_two_processes_hold_one_copy_of_a_series() {
    let dir = tempfile::tempdir().unwrap();
    let source = MemorySource::new("memory");
    source.insert(id(SERIES), Calendar::EveryDay, None, minutes(COUNT, |_| false));
    // Whoever comes first joins the months; this process then holds nothing of them.
    drop(market(Arc::new(source), dir.path()).load(&id(SERIES), but_for(0), 0).await.unwrap());
    let whole = *sizes(&dir.path().join("cache/objects")).iter().max().unwrap();
    assert!(whole > 24_000, "{whole} kB");

    let children = [spawn(dir.path()), spawn(dir.path())];
    for (child, _) in &children {
        let ready = dir.path().join(format!("ready-{}", child.id()));
        testkit::wait::until(PATIENCE, "a child to load", || ready.exists());
    }
    let pids = children.each_ref().map(|(child, _)| child.id());
    let [first, second] = pids.map(held);
    for held in [&first, &second] {
        assert_eq!(held.mappings, 1, "twenty loads share one mapping: {held:?}");
        assert!(held.resident > whole / 2, "{held:?} of {whole} kB");
        assert_eq!(held.own, 0, "nothing was copied on write: {held:?}");
    }
    let share = first.share + second.share;
    assert!(share <= whole + whole / 20, "{share} kB of {whole} kB: {first:?} {second:?}");
    for pid in pids {
        let anonymous = anonymous(pid);
        assert!(anonymous < 2 * whole, "{anonymous} kB on the heap, a copy has {whole} kB");
    }
    for (mut child, input) in children {
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}
