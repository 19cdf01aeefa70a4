//! What one spec reads beside its candles: funding payments and finer candles.

use model::settings::Funding;
use model::{CandleSlice, FundingRates, FundingSlice, JobSpec, TimeRange};

use crate::walk::Detail;
use crate::{Error, Input};

/// Milliseconds in an hour.
const HOUR_MS: i64 = 3_600_000;

/// What the walk of one spec reads beside the candles.
#[derive(Clone, Debug)]
pub(crate) struct Beside<'a> {
    rates: Rates<'a>,
    pub(crate) detail: Option<Detail<'a>>,
}

/// Funding rates, given or made.
#[derive(Clone, Debug)]
enum Rates<'a> {
    Given(FundingSlice<'a>),
    Made(FundingRates),
}

impl<'a> Beside<'a> {
    /// What `spec` reads; `traded` are the candles of the range, of which there is one at least.
    pub(crate) fn new(
        input: &Input<'a>,
        spec: &JobSpec,
        traded: CandleSlice<'_>,
    ) -> Result<Beside<'a>, Error> {
        let times = traded.open_time_ms;
        let (first_ms, last_ms) = (times[0], times[times.len() - 1]);
        // Nothing is held at the first open and nothing is paid at the last close.
        let span = TimeRange { start_ms: first_ms, end_ms: last_ms + input.timeframe.ms() };
        let rates = match spec.costs.funding {
            Funding::None => Rates::Given(FundingSlice::default()),
            Funding::FromData => {
                Rates::Given(input.extras.funding.ok_or(Error::NoFunding)?.within(span))
            }
            Funding::Constant { rate_pct, every_hours } => {
                let every_ms = i64::from(every_hours.get()) * HOUR_MS;
                Rates::Made(FundingRates::constant(rate_pct / 100.0, every_ms, span))
            }
        };
        let detail = match spec.overrides.detail_timeframe {
            None => None,
            Some(finer) => {
                let candles = input.extras.detail.ok_or(Error::NoDetail)?;
                Some(Detail::new(candles, finer, input.timeframe))
            }
        };
        Ok(Beside { rates, detail })
    }

    /// Payments due from the first open to before the last close.
    pub(crate) fn funding(&self) -> FundingSlice<'_> {
        match &self.rates {
            Rates::Given(rates) => *rates,
            Rates::Made(rates) => rates.as_slice(),
        }
    }
}
