//! Where candles come from.

use async_trait::async_trait;
use model::{Candles, Digest, FundingRates, SeriesId, TimeRange};

use crate::{Error, Probe, Segment, SeriesInfo};

/// A store of candle series.
///
/// Every implementation passes the same conformance suite: equal candles give equal answers.
#[async_trait]
pub trait CandleSource: Send + Sync + 'static {
    /// Names the store in cache keys and messages: equal ids promise equal candles.
    fn id(&self) -> &str;

    /// All series that hold at least one candle, ascending by id.
    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error>;

    /// The stored candles of `segment`, ascending; empty where there are none, also for a series
    /// that does not exist. The last one may be unfinished.
    ///
    /// An answer that is cut off, incomplete or breaks the rules of a series is an error.
    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error>;

    /// Changes whenever the stored candles of `segment` change; cheap.
    ///
    /// `None` where the store cannot tell: a cached segment is then trusted by its age.
    async fn revision(&self, series: &SeriesId, segment: Segment) -> Result<Option<Digest>, Error>;

    /// Count and sums of the stored candles of `segment`, where the store can tell them more
    /// cheaply than the candles: a store without revisions is asked for them now and then.
    async fn probe(&self, series: &SeriesId, segment: Segment) -> Result<Option<Probe>, Error> {
        let _ = (series, segment);
        Ok(None)
    }

    /// Funding rates of a ticker due in `range`, ascending; empty where there are none, as in a
    /// source that keeps none.
    async fn funding(
        &self,
        exchange: &str,
        ticker: &str,
        range: TimeRange,
    ) -> Result<FundingRates, Error> {
        let _ = (exchange, ticker, range);
        Ok(FundingRates::default())
    }
}
