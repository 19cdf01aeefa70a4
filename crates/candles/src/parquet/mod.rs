//! Candles as Parquet files in a data directory: the embedded store, and what users may bring.
//!
//! `exchange=binance/symbol=BTCUSDT/timeframe=1m/2024-05.parquet`: a file holds a month of 1m
//! candles or a year of larger ones; files of the other kind are read as well. `_series.json`
//! beside them holds calendar and instrument. Funding rates are in `funding/rates.parquet` beside
//! the timeframes of a symbol. Files are replaced whole, under a lock per series.

mod file;
mod funding;
mod mend;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::settings::Instrument;
use model::{Calendar, CandleSlice, Candles, Digest, FundingRates, SeriesId, TimeRange, Timeframe};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::file::Writer;

use self::file::Extent;
use crate::cache::blocking;
use crate::folder::list;
use crate::series::Settings;
use crate::{CandleSource, Error, FileCause, Segment, SeriesInfo, names, temporary};

const SETTINGS: &str = "_series.json";
/// Checksums of the archives that candles came from, by file name.
const SOURCES: &str = "_sources.json";
const LOCK: &str = ".lock";
const EXTENSION: &str = "parquet";

/// Candles in a directory of Parquet files. Clones share it.
#[derive(Clone, Debug)]
pub struct ParquetStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    root: PathBuf,
    /// Extents by path, each valid for one state of its file.
    extents: Mutex<BTreeMap<PathBuf, (Digest, Option<Extent>)>>,
}

/// What a merge changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Candles that were not there.
    pub added: u64,
    /// Candles that were there with other values.
    pub replaced: u64,
    /// Candles that were there as they are.
    pub unchanged: u64,
}

impl ParquetStore {
    /// The store in `root`, which is created if it is missing.
    pub fn open(root: &Path) -> Result<ParquetStore, Error> {
        fs::create_dir_all(root).map_err(Error::file("create", root))?;
        let root = root.canonicalize().map_err(Error::file("open", root))?;
        let id = format!("parquet:{}", root.display());
        let inner = Inner { id, root, extents: Mutex::new(BTreeMap::new()) };
        Ok(ParquetStore { inner: Arc::new(inner) })
    }

    /// Adds `candles` to a series; where a time is there already, the new candle replaces it.
    ///
    /// Merging the same candles twice changes no file. Blocks.
    pub fn merge(&self, series: &SeriesId, candles: CandleSlice<'_>) -> Result<Merged, Error> {
        let folder = self.inner.folder(series);
        let _lock = lock(&folder)?;
        file::remove_unfinished(&folder)?;
        let mut merged = Merged::default();
        let mut from = 0;
        while from < candles.len() {
            let target = target(&folder, series.timeframe, candles.open_time_ms[from])?;
            let to = candles.lower_bound(target.range().end_ms);
            let path = path(&folder, target);
            let old = read_if_there(&path, ALL)?;
            let (new, counts) = merge(old.as_slice(), candles.rows(from..to));
            if counts.added + counts.replaced > 0 {
                file::write(&path, new.as_slice())?;
            }
            merged.added += counts.added;
            merged.replaced += counts.replaced;
            merged.unchanged += counts.unchanged;
            from = to;
        }
        Ok(merged)
    }

    /// Sets calendar and instrument of a series. Blocks.
    pub fn set_settings(
        &self,
        series: &SeriesId,
        calendar: Calendar,
        instrument: Option<Instrument>,
    ) -> Result<(), Error> {
        let folder = self.inner.folder(series);
        let _lock = lock(&folder)?;
        let settings = Settings { calendar, instrument: instrument.map(Into::into) };
        if read_settings(&folder)?.as_ref() == Some(&settings) {
            return Ok(());
        }
        write_json(&folder, SETTINGS, &settings)
    }

    /// Notes the checksum of an archive that candles of `series` came from; returns the one noted
    /// before under this name. Blocks.
    pub fn note_source(
        &self,
        series: &SeriesId,
        file_name: &str,
        sha256: &str,
    ) -> Result<Option<String>, Error> {
        let folder = self.inner.folder(series);
        let _lock = lock(&folder)?;
        let mut sources: BTreeMap<String, String> =
            read_json(&folder, SOURCES)?.unwrap_or_default();
        let before = sources.insert(file_name.to_owned(), sha256.to_owned());
        if before.as_deref() != Some(sha256) {
            write_json(&folder, SOURCES, &sources)?;
        }
        Ok(before)
    }

    /// Calendar and instrument of a series, `None` where nobody has set them. Blocks.
    pub fn settings(
        &self,
        series: &SeriesId,
    ) -> Result<Option<(Calendar, Option<Instrument>)>, Error> {
        let settings = read_settings(&self.inner.folder(series))?;
        Ok(settings.map(|settings| (settings.calendar, settings.instrument.map(Into::into))))
    }
}

const ALL: TimeRange = TimeRange { start_ms: i64::MIN, end_ms: i64::MAX };

impl Inner {
    fn folder(&self, series: &SeriesId) -> PathBuf {
        self.root
            .join(format!("exchange={}", names::encode(&series.exchange)))
            .join(format!("symbol={}", names::encode(&series.ticker)))
            .join(format!("timeframe={}", series.timeframe))
    }

    fn funding_folder(&self, exchange: &str, ticker: &str) -> PathBuf {
        self.root
            .join(format!("exchange={}", names::encode(exchange)))
            .join(format!("symbol={}", names::encode(ticker)))
            .join(funding::FOLDER)
    }

    fn list(&self) -> Result<Vec<SeriesInfo>, Error> {
        let mut series = Vec::new();
        for (exchange, folder) in values(&self.root, "exchange=")? {
            for (ticker, folder) in values(&folder, "symbol=")? {
                for (timeframe, folder) in values(&folder, "timeframe=")? {
                    let Ok(timeframe) = timeframe.parse() else { continue };
                    let (exchange, ticker) = (exchange.clone(), ticker.clone());
                    let id = SeriesId { exchange, ticker, timeframe };
                    series.extend(self.look_at(id, &folder)?);
                }
            }
        }
        series.sort_by(|left, right| left.id.cmp(&right.id));
        Ok(series)
    }

    /// What is known of a series; `None` if it has no candle.
    fn look_at(&self, id: SeriesId, folder: &Path) -> Result<Option<SeriesInfo>, Error> {
        let mut whole: Option<Extent> = None;
        for segment in files(folder)? {
            let Some(extent) = self.extent(&path(folder, segment), segment)? else { continue };
            let so_far = whole.unwrap_or(Extent { count: 0, ..extent });
            whole = Some(Extent {
                first_ms: so_far.first_ms.min(extent.first_ms),
                last_ms: so_far.last_ms.max(extent.last_ms),
                count: so_far.count + extent.count,
            });
        }
        let Some(Extent { first_ms, last_ms, count }) = whole else { return Ok(None) };
        let Settings { calendar, instrument } = read_settings(folder)?.unwrap_or_default();
        let instrument = instrument.map(Into::into);
        Ok(Some(SeriesInfo { id, calendar, instrument, first_ms, last_ms, count }))
    }

    /// What the file of `segment` holds. A damaged one has the extent of its name and no candle:
    /// whoever needs them hears of the damage, and other series are not kept from anyone.
    fn extent(&self, path: &Path, segment: Segment) -> Result<Option<Extent>, Error> {
        let Some(state) = state(path)? else { return Ok(None) };
        let known = |extents: &BTreeMap<PathBuf, (Digest, Option<Extent>)>| {
            extents.get(path).filter(|(at, _)| *at == state).map(|(_, extent)| *extent)
        };
        if let Some(extent) = known(&self.extents.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(extent);
        }
        let extent = match file::extent(path) {
            Err(error @ Error::File { cause: FileCause::Parquet(_), .. }) => {
                tracing::warn!(error = %error.chain(), "a candle file is damaged");
                let TimeRange { start_ms, end_ms } = segment.range();
                Some(Extent { first_ms: start_ms, last_ms: end_ms - 1, count: 0 })
            }
            other => other?,
        };
        let mut extents = self.extents.lock().unwrap_or_else(PoisonError::into_inner);
        extents.insert(path.to_owned(), (state, extent));
        Ok(extent)
    }

    fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        let folder = self.folder(series);
        let mut candles = Candles::default();
        for file in overlapping(&folder, segment.range())? {
            let part = read_if_there(&path(&folder, file), segment.range())?;
            candles.extend_from(part.as_slice());
        }
        Ok(candles)
    }

    /// Hash of the states of all files that hold candles of `segment`.
    fn revision(&self, series: &SeriesId, segment: Segment) -> Result<Digest, Error> {
        let folder = self.folder(series);
        let mut hasher = blake3::Hasher::new();
        for file in overlapping(&folder, segment.range())? {
            if let Some(state) = state(&path(&folder, file))? {
                hasher.update(&state.0);
            }
        }
        Ok(Digest(*hasher.finalize().as_bytes()))
    }
}

#[async_trait]
impl CandleSource for ParquetStore {
    fn id(&self) -> &str {
        &self.inner.id
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.list()).await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        let (inner, series) = (Arc::clone(&self.inner), series.clone());
        blocking(move || inner.load(&series, segment)).await
    }

    async fn revision(&self, series: &SeriesId, segment: Segment) -> Result<Option<Digest>, Error> {
        let (inner, series) = (Arc::clone(&self.inner), series.clone());
        blocking(move || inner.revision(&series, segment)).await.map(Some)
    }

    async fn funding(
        &self,
        exchange: &str,
        ticker: &str,
        range: TimeRange,
    ) -> Result<FundingRates, Error> {
        let folder = self.inner.funding_folder(exchange, ticker);
        blocking(move || funding::read_if_there(&folder, range)).await
    }
}

/// Merges two ascending runs; at equal times `new` wins.
fn merge(old: CandleSlice<'_>, new: CandleSlice<'_>) -> (Candles, Merged) {
    let mut candles = Candles::with_capacity(old.len() + new.len());
    let mut merged = Merged::default();
    if old.open_time_ms.last() < new.open_time_ms.first() {
        candles.extend_from(old);
        candles.extend_from(new);
        merged.added = new.len() as u64;
        return (candles, merged);
    }
    let mut row = 0;
    for index in 0..new.len() {
        let candle = new.candle(index);
        let end = old.lower_bound(candle.open_time_ms).max(row);
        candles.extend_from(old.rows(row..end));
        row = end;
        if old.open_time_ms.get(row) == Some(&candle.open_time_ms) {
            let same = old.candle(row) == candle;
            merged.unchanged += u64::from(same);
            merged.replaced += u64::from(!same);
            row += 1;
        } else {
            merged.added += 1;
        }
        candles.push(candle);
    }
    candles.extend_from(old.rows(row..old.len()));
    (candles, merged)
}

/// The file that the candle at `time_ms` is or will be in.
fn target(folder: &Path, timeframe: Timeframe, time_ms: i64) -> Result<Segment, Error> {
    let inside = TimeRange { start_ms: time_ms, end_ms: time_ms + 1 };
    let there = overlapping(folder, inside)?.first().copied();
    let new = if timeframe == Timeframe::MINUTE {
        Segment::month_of(time_ms)
    } else {
        Segment::year_of(time_ms)
    };
    Ok(there.unwrap_or(new))
}

fn path(folder: &Path, segment: Segment) -> PathBuf {
    folder.join(format!("{segment}.{EXTENSION}"))
}

/// The files of a series, ascending by the time they begin.
fn files(folder: &Path) -> Result<Vec<Segment>, Error> {
    let mut segments: Vec<Segment> = list(folder)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| Segment::parse(path.file_stem()?.to_str()?))
        .collect();
    segments.sort_by_key(|segment| segment.range().start_ms);
    Ok(segments)
}

fn overlapping(folder: &Path, range: TimeRange) -> Result<Vec<Segment>, Error> {
    let mut segments = files(folder)?;
    segments.retain(|segment| {
        let file = segment.range();
        file.start_ms < range.end_ms && range.start_ms < file.end_ms
    });
    Ok(segments)
}

fn read_if_there(path: &Path, range: TimeRange) -> Result<Candles, Error> {
    if state(path)?.is_none() {
        return Ok(Candles::default());
    }
    file::read(path, range)
}

/// Names one state of a file: which inode, how long, changed when. `None` without a file.
fn state(path: &Path) -> Result<Option<Digest>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => {
            let text = format!(
                "{} {} {} {} {}",
                path.display(),
                metadata.ino(),
                metadata.len(),
                metadata.mtime(),
                metadata.mtime_nsec()
            );
            Ok(Some(Digest::of(text.as_bytes())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("look at", path)(error)),
    }
}

fn read_settings(folder: &Path) -> Result<Option<Settings>, Error> {
    read_json(folder, SETTINGS)
}

/// Writes a small file, whole or not at all.
fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(value).map_err(Error::file("write", &path))?;
    let replace = || -> io::Result<()> {
        let mut file = temporary::file_in(folder, file::UNFINISHED)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(Error::file("write", &path))
}

fn read_json<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, Error> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(Error::file("read", &path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

/// Folders called `<prefix><value>`, with their decoded values.
fn values(folder: &Path, prefix: &str) -> Result<Vec<(String, PathBuf)>, Error> {
    let value = |path: PathBuf| {
        let value = names::decode(path.file_name()?.to_str()?.strip_prefix(prefix)?)?;
        Some((value, path))
    };
    Ok(list(folder)?.into_iter().filter_map(value).collect())
}

/// Creates the folder and waits until no other writer is in it.
fn lock(folder: &Path) -> Result<File, Error> {
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::file("open", &path))?;
    file.lock().map_err(Error::file("lock", &path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use model::{Candle, DAY_MS, MINUTE_MS};

    use super::*;

    fn candle(minute: i64, price: f64) -> Candle {
        Candle {
            open_time_ms: minute * MINUTE_MS,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0.1,
        }
    }

    fn series() -> SeriesId {
        SeriesId {
            exchange: "okx".to_owned(),
            ticker: "BTC/USDT:USDT".to_owned(),
            timeframe: Timeframe::MINUTE,
        }
    }

    #[tokio::test]
    async fn merging_is_idempotent_and_a_correction_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let store = ParquetStore::open(dir.path()).unwrap();
        // 40 days of every 7th hour: two months.
        let candles: Candles =
            (0..40 * 24).step_by(7).map(|hour| candle(hour * 60, 2.0 + hour as f64)).collect();
        let count = candles.len() as u64;
        let merged = store.merge(&series(), candles.as_slice()).unwrap();
        assert_eq!(merged, Merged { added: count, ..Merged::default() });
        let before = store.revision(&series(), Segment::month_of(0)).await.unwrap();
        let merged = store.merge(&series(), candles.as_slice()).unwrap();
        assert_eq!(merged, Merged { unchanged: count, ..Merged::default() });
        let unchanged = store.revision(&series(), Segment::month_of(0)).await.unwrap();
        assert_eq!(unchanged, before);
        let correction: Candles = [candle(0, 9.0), candle(1, 9.0)].into_iter().collect();
        let merged = store.merge(&series(), correction.as_slice()).unwrap();
        assert_eq!(merged, Merged { added: 1, replaced: 1, unchanged: 0 });
        assert_ne!(store.revision(&series(), Segment::month_of(0)).await.unwrap(), before);

        let list = store.list_series().await.unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].id.clone(), list[0].count), (series(), count + 1));
        assert_eq!((list[0].first_ms, list[0].last_ms), (0, candles.open_time_ms[137]));
        let first = store.load(&series(), Segment::month_of(0)).await.unwrap();
        assert_eq!(first.as_slice().candle(1), candle(1, 9.0));
        let second = store.load(&series(), Segment::month_of(31 * DAY_MS)).await.unwrap();
        assert_eq!(first.len() + second.len(), candles.len() + 1);
    }

    #[tokio::test]
    async fn a_year_file_in_a_folder_of_months_is_read_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = ParquetStore::open(dir.path()).unwrap();
        let folder = store.inner.folder(&series());
        fs::create_dir_all(&folder).unwrap();
        let candles: Candles = (0..400).map(|day| candle(day * 1_440, 5.0)).collect();
        let year = candles.as_slice().rows(0..365);
        file::write(&path(&folder, Segment::year_of(0)), year).unwrap();
        let merged = store.merge(&series(), candles.as_slice()).unwrap();
        assert_eq!(merged, Merged { added: 35, replaced: 0, unchanged: 365 });
        let february = store.load(&series(), Segment::month_of(31 * DAY_MS)).await.unwrap();
        assert_eq!(february.len(), 28);
        let names: Vec<String> = files(&folder).unwrap().iter().map(Segment::to_string).collect();
        assert_eq!(names, ["1970", "1971-01", "1971-02"]);
    }
}
