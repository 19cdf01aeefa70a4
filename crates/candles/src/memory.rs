//! A source in memory, for tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::settings::Instrument;
use model::{Calendar, CandleSlice, Candles, Digest, FundingRates, SeriesId, TimeRange};

use crate::{CandleSource, Error, Segment, SeriesInfo};

/// Series held in memory; counts its loads.
#[derive(Debug)]
pub struct MemorySource {
    id: String,
    series: Mutex<BTreeMap<SeriesId, Held>>,
    /// By exchange and ticker.
    funding: Mutex<BTreeMap<(String, String), FundingRates>>,
    loads: AtomicU64,
}

#[derive(Debug)]
struct Held {
    calendar: Calendar,
    instrument: Option<Instrument>,
    candles: Candles,
}

impl MemorySource {
    /// An empty source called `id`.
    pub fn new(id: &str) -> MemorySource {
        MemorySource {
            id: id.to_owned(),
            series: Mutex::new(BTreeMap::new()),
            funding: Mutex::new(BTreeMap::new()),
            loads: AtomicU64::new(0),
        }
    }

    /// Sets a series, replacing what it held before; `candles` keep the rules of a series.
    pub fn insert(
        &self,
        series: SeriesId,
        calendar: Calendar,
        instrument: Option<Instrument>,
        candles: Candles,
    ) {
        self.lock().insert(series, Held { calendar, instrument, candles });
    }

    /// Sets the funding rates of a ticker, replacing what it had before.
    pub fn insert_funding(&self, exchange: &str, ticker: &str, rates: FundingRates) {
        let mut funding = self.funding.lock().unwrap_or_else(PoisonError::into_inner);
        funding.insert((exchange.to_owned(), ticker.to_owned()), rates);
    }

    /// Segments loaded so far.
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SeriesId, Held>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of `segment`.
fn slice(candles: &Candles, segment: Segment) -> CandleSlice<'_> {
    let columns = candles.as_slice();
    let range = segment.range();
    columns.rows(columns.lower_bound(range.start_ms)..columns.lower_bound(range.end_ms))
}

#[async_trait]
impl CandleSource for MemorySource {
    fn id(&self) -> &str {
        &self.id
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        let series = self.lock();
        let infos = series.iter().filter_map(|(id, held)| {
            Some(SeriesInfo {
                id: id.clone(),
                calendar: held.calendar.clone(),
                instrument: held.instrument,
                first_ms: *held.candles.open_time_ms.first()?,
                last_ms: *held.candles.open_time_ms.last()?,
                count: held.candles.len() as u64,
            })
        });
        Ok(infos.collect())
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let held = self.lock();
        let candles = held.get(series).map(|held| slice(&held.candles, segment).to_candles());
        Ok(candles.unwrap_or_default())
    }

    async fn revision(&self, series: &SeriesId, segment: Segment) -> Result<Option<Digest>, Error> {
        let held = self.lock();
        Ok(held.get(series).map(|held| slice(&held.candles, segment).hash(series)))
    }

    async fn funding(
        &self,
        exchange: &str,
        ticker: &str,
        range: TimeRange,
    ) -> Result<FundingRates, Error> {
        let funding = self.funding.lock().unwrap_or_else(PoisonError::into_inner);
        let rates = funding.get(&(exchange.to_owned(), ticker.to_owned()));
        Ok(rates.map(|rates| rates.as_slice().within(range).to_rates()).unwrap_or_default())
    }
}
