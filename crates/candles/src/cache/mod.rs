//! The host's cache of candles: content-addressed column files, mapped, shared by all processes.
//!
//! `objects/ab/<hash>.cndl` are the files, `series/<series>/<segment>.json` says which one holds a
//! segment, `locks/` keeps two processes from fetching the same one. Publishing is atomic and a
//! published file never changes, so readers take no lock. Everything here can be deleted at any
//! time; nothing but this module may write into the folder.
//! Not here: where candles come from and when an entry is still good (`market`).

mod evict;
mod index;
mod lock;
mod object;
mod upkeep;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::{CandleSlice, Candles, Digest, SeriesId, Timeframe};

pub(crate) use self::index::{Entry, folder};
pub(crate) use self::object::Mapped;
pub use self::upkeep::{CacheCheck, CacheStats};
use crate::flight::Flights;
use crate::{Clock, Error};

/// Names of entries of joined segments begin with this.
const JOINED: &str = "joined-";
/// After this share of the cap was written, the cache is measured again.
const MEASURE_SHARE: u64 = 50;

/// How the cache keeps candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Size that the column files may take, in bytes; the least recently used ones go first.
    pub max_bytes: u64,
    /// A segment that ended longer ago than this is closed: it is not asked for again.
    pub closed_after: Duration,
    /// How long the answer for a segment that is not closed is used.
    pub open_ttl: Duration,
    /// How often a closed segment of a source without revisions is compared with the source's
    /// count and sums of it.
    pub probe_every: Duration,
    /// How long to wait for another process that fetches the same segment.
    pub lock_timeout: Duration,
}

impl Default for CacheSettings {
    /// 10 GB; closed after 2 days; open segments for 60 s; a probe every 10 minutes; 60 s for
    /// another process.
    fn default() -> CacheSettings {
        CacheSettings {
            max_bytes: 10_000_000_000,
            closed_after: Duration::from_hours(48),
            open_ttl: Duration::from_mins(1),
            probe_every: Duration::from_mins(10),
            lock_timeout: Duration::from_mins(1),
        }
    }
}

/// The cache in one folder. Clones share it.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    settings: CacheSettings,
    clock: Clock,
    flights: Flights<(String, String), Entry>,
    maps: Flights<Digest, Option<Arc<Mapped>>>,
    /// What this process has mapped.
    mapped: Mutex<BTreeMap<Digest, Weak<Mapped>>>,
    /// Until when no source is probed, because one did not answer.
    quiet_until_ms: AtomicI64,
    /// Bytes written since the cache was measured; starts at the cap, so that the first does it.
    unmeasured: AtomicU64,
}

/// The candles of an object that is to be published.
pub(crate) enum Content {
    /// As they were fetched or resampled.
    Candles(Candles),
    /// Those of other objects, one after the other.
    Joined(Vec<Arc<Mapped>>),
}

impl Content {
    fn pieces(&self) -> Vec<CandleSlice<'_>> {
        match self {
            Self::Candles(candles) => vec![candles.as_slice()],
            Self::Joined(objects) => objects.iter().map(|object| object.as_slice()).collect(),
        }
    }
}

/// What is to be published.
pub(crate) struct Made {
    pub(crate) content: Content,
    pub(crate) timeframe: Timeframe,
    pub(crate) fetched_at_ms: i64,
    pub(crate) revision: Option<Digest>,
    pub(crate) reach: (i64, i64),
    pub(crate) complete: bool,
    pub(crate) parts: Vec<Digest>,
    pub(crate) corrected: u64,
}

impl Cache {
    /// Opens the cache in `root`, creating the folder.
    pub fn open(root: &Path, settings: CacheSettings, clock: Clock) -> Result<Cache, Error> {
        for folder in ["objects", "series", "locks", "tmp"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        }
        let inner = Inner {
            root: root.to_owned(),
            settings,
            clock,
            flights: Flights::new(),
            maps: Flights::new(),
            mapped: Mutex::default(),
            quiet_until_ms: AtomicI64::new(i64::MIN),
            unmeasured: AtomicU64::new(settings.max_bytes),
        };
        Ok(Cache { inner: Arc::new(inner) })
    }

    /// Forgets all cached segments of `series` from the source `source_id`: they are fetched anew.
    /// The files go when space is needed.
    pub fn purge(&self, source_id: &str, series: &SeriesId) -> Result<(), Error> {
        let folder = self.inner.root.join("series").join(folder(source_id, series));
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &folder)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn settings(&self) -> &CacheSettings {
        &self.inner.settings
    }

    /// Whether what ended at `end_ms` ended so long ago that nothing more of it will come.
    pub(crate) fn is_closed(&self, end_ms: i64) -> bool {
        let lag_ms = i64::try_from(self.settings().closed_after.as_millis()).unwrap_or(i64::MAX);
        end_ms.saturating_add(lag_ms) <= self.clock().now_ms()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The entry `name` of a series' folder, made if there is none that `is_valid`.
    ///
    /// Callers at once, in this process and in others, make it once. Who waits too long for
    /// another process makes it without indexing it.
    pub(crate) async fn fill(
        &self,
        folder: &str,
        name: &str,
        is_valid: impl Fn(&Entry) -> bool + Send + Sync + 'static,
        make: impl FnOnce() -> BoxFuture<'static, Result<Made, Error>> + Send + 'static,
    ) -> Result<Entry, Error> {
        if let Some(entry) = self.lookup(folder, name).await?.filter(&is_valid) {
            return Ok(entry);
        }
        let cache = self.clone();
        let key = (folder.to_owned(), name.to_owned());
        let (folder, name) = key.clone();
        let fill = async move {
            let lock_path = cache.inner.root.join("locks").join(format!("{folder}~{name}"));
            let lock = lock::acquire(&lock_path, cache.inner.settings.lock_timeout).await?;
            if let Some(entry) = cache.lookup(&folder, &name).await?.filter(&is_valid) {
                return Ok(entry);
            }
            let made = make().await?;
            let index = lock.is_some().then_some((folder, name));
            let entry = blocking(move || cache.inner.publish(&made, index)).await;
            drop(lock);
            entry
        };
        self.inner.flights.run(key, || fill.boxed()).await
    }

    /// Whether an entry should be compared with its source again.
    pub(crate) fn probe_is_due(&self, entry: &Entry) -> bool {
        let now_ms = self.inner.clock.now_ms();
        let age_ms = now_ms.saturating_sub(entry.probed_at_ms.max(entry.fetched_at_ms));
        i128::from(age_ms) > self.inner.settings.probe_every.as_millis().cast_signed()
            && now_ms >= self.inner.quiet_until_ms.load(Ordering::Relaxed)
    }

    /// Leaves sources alone for a while: one that is away would slow every load.
    pub(crate) fn be_quiet(&self) {
        let pause_ms = i64::try_from(self.inner.settings.open_ttl.as_millis()).unwrap_or(i64::MAX);
        let until_ms = self.inner.clock.now_ms().saturating_add(pause_ms);
        self.inner.quiet_until_ms.store(until_ms, Ordering::Relaxed);
    }

    /// Remembers that an entry agreed with its source just now.
    pub(crate) async fn agreed(
        &self,
        folder: &str,
        name: &str,
        entry: &Entry,
    ) -> Result<(), Error> {
        let entry = Entry { probed_at_ms: self.inner.clock.now_ms(), ..entry.clone() };
        let path = self.inner.entry_path(folder, name);
        let temporary = self.inner.root.join("tmp");
        blocking(move || index::write(&path, &temporary, &entry)).await
    }

    async fn lookup(&self, folder: &str, name: &str) -> Result<Option<Entry>, Error> {
        let path = self.inner.entry_path(folder, name);
        blocking(move || index::read(&path)).await
    }

    /// Maps the object of an entry; `None` if it is gone or damaged, and then the entry is gone
    /// too. The first time in a process the whole object is read and compared with its name.
    pub(crate) async fn map(
        &self,
        folder: &str,
        name: &str,
        hash: Digest,
    ) -> Result<Option<Arc<Mapped>>, Error> {
        let mapped = self.map_object(hash).await?;
        if mapped.is_none() {
            tracing::warn!(object = %hash, "cached candles are gone or damaged: fetching again");
            let entry_path = self.inner.entry_path(folder, name);
            blocking(move || index::remove(&entry_path)).await?;
        }
        Ok(mapped)
    }

    /// Maps an object; callers at once read and hash it once.
    async fn map_object(&self, hash: Digest) -> Result<Option<Arc<Mapped>>, Error> {
        let inner = Arc::clone(&self.inner);
        let map = || async move { blocking(move || inner.map(hash)).await };
        self.inner.maps.run(hash, || map().boxed()).await
    }

    /// A joined object of the series that holds `parts`, one after the other, in any company.
    pub(crate) async fn find_joined(
        &self,
        folder: &str,
        parts: &[Digest],
    ) -> Result<Option<Arc<Mapped>>, Error> {
        let folder = self.inner.root.join("series").join(folder);
        let entries = blocking(move || index::joined(&folder)).await?;
        for (path, entry) in entries {
            if !entry.parts.windows(parts.len()).any(|window| window == parts) {
                continue;
            }
            match self.map_object(entry.hash).await? {
                Some(mapped) => return Ok(Some(mapped)),
                None => blocking(move || index::remove(&path)).await?,
            }
        }
        Ok(None)
    }

    /// Name of the entry that joins the segments `first` to `last`.
    pub(crate) fn joined_name(first: &str, last: &str) -> String {
        format!("{JOINED}{first}_{last}")
    }
}

impl Inner {
    fn entry_path(&self, folder: &str, name: &str) -> PathBuf {
        self.root.join("series").join(folder).join(format!("{name}.json"))
    }

    fn publish(&self, made: &Made, index: Option<(String, String)>) -> Result<Entry, Error> {
        let objects = self.root.join("objects");
        let temporary = self.root.join("tmp");
        let pieces = made.content.pieces();
        let (hash, size) = object::publish(&objects, &temporary, made.timeframe, &pieces)?;
        let first_ms = pieces.iter().find_map(|piece| piece.open_time_ms.first()).copied();
        let last_ms = pieces.iter().rev().find_map(|piece| piece.open_time_ms.last()).copied();
        let entry = Entry {
            hash,
            rows: pieces.iter().map(|piece| piece.len() as u64).sum(),
            first_ms: first_ms.unwrap_or(0),
            last_ms: last_ms.unwrap_or(0),
            fetched_at_ms: made.fetched_at_ms,
            probed_at_ms: made.fetched_at_ms,
            revision: made.revision,
            reach: made.reach,
            complete: made.complete,
            parts: made.parts.clone(),
            corrected: made.corrected,
        };
        if let Some((folder, name)) = index {
            index::write(&self.entry_path(&folder, &name), &temporary, &entry)?;
        }
        let unmeasured = self.unmeasured.fetch_add(size, Ordering::Relaxed) + size;
        if unmeasured > self.settings.max_bytes / MEASURE_SHARE {
            self.unmeasured.store(0, Ordering::Relaxed);
            evict::evict(&objects, &temporary, self.settings.max_bytes, self.now())?;
        }
        Ok(entry)
    }

    fn map(&self, hash: Digest) -> Result<Option<Arc<Mapped>>, Error> {
        if let Some(mapped) = self.lock().get(&hash).and_then(Weak::upgrade) {
            return Ok(Some(mapped));
        }
        let folder = self.root.join("objects");
        let object::Opened::Intact(mapped) = object::open(&folder, hash)? else {
            return Ok(None);
        };
        let mapped = Arc::new(mapped);
        let mut all = self.lock();
        all.retain(|_, weak| weak.strong_count() > 0);
        all.insert(hash, Arc::downgrade(&mapped));
        evict::touch(&object::path(&folder, hash), self.now());
        Ok(Some(mapped))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Weak<Mapped>>> {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
    }
}

/// Runs file work off the async threads; a panic in it goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
