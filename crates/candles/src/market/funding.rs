//! Funding rates of a market: read for a range, and shared while somebody holds them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use model::{FundingRates, SeriesId, TimeRange};
use tokio::time::Instant;

use super::{Backing, Market};
use crate::flight::Flights;
use crate::{Error, Funding};

/// How long rates that somebody holds are given to others.
const TTL: Duration = Duration::from_mins(1);

/// Exchange, ticker and range.
type RatesKey = (String, String, TimeRange);

/// What was read lately, and what was set.
pub(super) struct Rates {
    flights: Flights<RatesKey, Arc<Funding>>,
    recent: Mutex<BTreeMap<RatesKey, (Instant, Weak<Funding>)>>,
    /// Of a market without a source, by exchange and ticker.
    set: Mutex<BTreeMap<(String, String), Arc<FundingRates>>>,
}

impl Rates {
    pub(super) fn new() -> Rates {
        Rates {
            flights: Flights::new(),
            recent: Mutex::new(BTreeMap::new()),
            set: Mutex::new(BTreeMap::new()),
        }
    }

    fn recent(&self, key: &RatesKey) -> Option<Arc<Funding>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, funding) = recent.get(key)?;
        if at.elapsed() < TTL { funding.upgrade() } else { None }
    }

    fn remember(&self, key: RatesKey, at: Instant, funding: &Arc<Funding>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (_, funding)| funding.strong_count() > 0);
        recent.insert(key, (at, Arc::downgrade(funding)));
    }
}

impl Market {
    /// The funding rates of `series` (whatever its timeframe) in `range` and around it.
    ///
    /// One request, never cached on disk: rates are few. Without any, the answer is empty; whether
    /// they cover the range is for the caller to judge ([`Funding::holes`]).
    pub async fn funding(
        &self,
        series: &SeriesId,
        range: TimeRange,
    ) -> Result<Arc<Funding>, Error> {
        let SeriesId { exchange, ticker, .. } = series;
        let key = (exchange.clone(), ticker.clone(), range);
        if let Some(funding) = self.inner.rates.recent(&key) {
            return Ok(funding);
        }
        let inner = Arc::clone(&self.inner);
        let read = {
            let key = key.clone();
            async move {
                let started = Instant::now();
                let (exchange, ticker, range) = &key;
                let around = Funding::around(*range);
                let rates = match &inner.backing {
                    Backing::Source { source, .. } => {
                        source.funding(exchange, ticker, around).await?
                    }
                    Backing::Whole { .. } => {
                        let set = inner.rates.set.lock().unwrap_or_else(PoisonError::into_inner);
                        let rates = set.get(&(exchange.clone(), ticker.clone()));
                        rates
                            .map(|rates| rates.as_slice().within(around).to_rates())
                            .unwrap_or_default()
                    }
                };
                let funding = Arc::new(Funding::new(exchange, ticker, rates));
                inner.rates.remember(key, started, &funding);
                Ok(funding)
            }
        };
        self.inner.rates.flights.run(key, || read.boxed()).await
    }

    /// Sets the funding rates of a ticker in a market whose candles are in memory.
    pub fn set_funding(&self, exchange: &str, ticker: &str, rates: FundingRates) {
        let mut set = self.inner.rates.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.insert((exchange.to_owned(), ticker.to_owned()), Arc::new(rates));
    }
}
