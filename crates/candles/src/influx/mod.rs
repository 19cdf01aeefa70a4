//! Candles in InfluxDB, over its 1.x-compatible `/query` and `/write`.
//!
//! Answers are msgpack, chunked, and decoded as they arrive. One request asks for one segment and
//! for the server's own count of it; an answer that is cut off, carries an `error`, disagrees with
//! the count or breaks a rule of candles is an error, so that it can never be cached. Every await
//! on the network has a time-out.

mod dialect;
mod funding;
mod http;
mod listing;
mod msgpack;
mod policy;
mod probe;
mod schema;
mod server;
mod settings;
mod text;
mod write;

use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Candles, Digest, FundingRates, SeriesId, TimeRange};
use tokio::sync::OnceCell;

pub use self::dialect::{Dialect, Server};
pub use self::policy::Policy;
pub use self::settings::{Auth, InfluxSettings, Mapping, Secret, Stamp};

pub use self::write::WriteReport;

use self::http::{Body, Http, Pieces};
use self::listing::Counts;
use self::msgpack::{Table, Value};
use crate::error::Cause;
use crate::{CandleSource, Error, Probe, Segment, SeriesInfo, validate};

const MSGPACK: &str = "application/x-msgpack";
const FORM: &str = "application/x-www-form-urlencoded";
/// Names of sources that are an InfluxDB begin with this.
const PREFIX: &str = "influx:";
/// First pause before another try; it doubles, and a random share of it is added.
const FIRST_PAUSE_MS: u64 = 100;

/// An InfluxDB database. Clones share its connections.
#[derive(Clone)]
pub struct Influx {
    inner: Arc<Inner>,
}

struct Inner {
    id: Arc<str>,
    settings: InfluxSettings,
    http: Http,
    counts: Mutex<Counts>,
    server: OnceCell<Server>,
}

/// Refuses an address that holds more than the way to a server: the address is shown in messages
/// and names the source, so no secret may be in it.
fn check_url(url: &str) -> Result<(), Error> {
    let refuse = |reason: &str| {
        let cause = Cause::Settings { reason: reason.to_owned() };
        Err(Error::Rejected { source_id: Arc::from("influx"), cause })
    };
    if url.contains('@') {
        return refuse(
            "the URL must not hold credentials: write them to a file for --influx-token-file",
        );
    }
    if url.contains(['?', '#']) {
        return refuse("the URL must end before \"?\": credentials belong in --influx-token-file");
    }
    Ok(())
}

impl Influx {
    /// A client for `settings`; connects when it is first used.
    ///
    /// Fails only if the settings cannot work whatever the server does.
    pub fn new(settings: InfluxSettings) -> Result<Influx, Error> {
        check_url(&settings.url)?;
        let policy = settings.retention_policy.as_deref().unwrap_or("");
        let mapping = Digest::of(format!("{:?}", settings.mapping).as_bytes());
        let id: Arc<str> = format!(
            "{PREFIX}{}/{}/{policy}#{}",
            settings.url.trim_end_matches('/'),
            settings.database,
            &mapping.to_string()["b3:".len()..][..16],
        )
        .into();
        text::check_name(&settings.database)?;
        settings.mapping.check()?;
        let http = Http::new(&settings, Arc::clone(&id))?;
        let counts = Mutex::new(Counts::new());
        let inner = Inner { id, settings, http, counts, server: OnceCell::new() };
        Ok(Influx { inner: Arc::new(inner) })
    }

    /// Whether `source_id` names this database at any address, with any policy and mapping: the
    /// same candles, perhaps, as somebody else reaches them.
    pub fn may_be(&self, source_id: &str) -> bool {
        if source_id == self.id() {
            return true;
        }
        let Some(rest) = source_id.strip_prefix(PREFIX) else { return false };
        let Some((place, _mapping)) = rest.rsplit_once('#') else { return false };
        let Some((place, _policy)) = place.rsplit_once('/') else { return false };
        place
            .strip_suffix(self.inner.settings.database.as_str())
            .is_some_and(|url| url.ends_with('/'))
    }

    /// The server's own count of the candles of `series` in `range`.
    pub async fn count(&self, series: &SeriesId, range: TimeRange) -> Result<u64, Error> {
        if !self.mapping().can_hold(&series.exchange) {
            return Ok(0);
        }
        let query = text::count(self.mapping(), series, range)?;
        let tables = self
            .query(query, text::parameters(self.mapping(), series), |p| msgpack::tables(p, 1))
            .await?;
        match tables.first().and_then(|table| table.rows.first()?.get(1)) {
            None => Ok(0),
            Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
            Some(_) => Err(self.rejected(Cause::Malformed { reason: "a count is no integer" })),
        }
    }

    /// Candles as they are stored, whole or not: a missing price is NaN.
    async fn stored(&self, series: &SeriesId, range: TimeRange) -> Result<Candles, Error> {
        let query = text::select(self.mapping(), series, range)?;
        let most = most_rows(series, range);
        let shift_ms = self.mapping().shift_ms(series.timeframe);
        let parameters = text::parameters(self.mapping(), series);
        let decode = move |pieces: &mut Pieces| msgpack::candles(pieces, most, shift_ms);
        self.query(query, parameters, decode).await.map(|counted| counted.candles)
    }

    fn mapping(&self) -> &Mapping {
        &self.inner.settings.mapping
    }

    fn counts(&self) -> Counts {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember_counts(&self, counts: Counts) {
        *self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    fn rejected(&self, cause: Cause) -> Error {
        self.inner.http.rejected(cause)
    }

    /// The answer to `statements` statements without parameters.
    async fn tables(&self, query: String, statements: u64) -> Result<Vec<Table>, Error> {
        let decode = move |pieces: &mut Pieces| msgpack::tables(pieces, statements);
        self.query(query, "{}".to_owned(), decode).await
    }

    /// Sends a query and decodes its answer, again if it was cut off.
    async fn query<T: Send + 'static>(
        &self,
        query: String,
        parameters: String,
        decode: impl Fn(&mut Pieces) -> Result<T, Cause> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let Inner { settings, http, .. } = &*self.inner;
        let chunk_size = settings.chunk_size.to_string();
        let mut pairs = vec![
            ("db", settings.database.as_str()),
            ("epoch", "ms"),
            ("chunked", "true"),
            ("chunk_size", &chunk_size),
        ];
        if let Some(policy) = &settings.retention_policy {
            pairs.push(("rp", policy));
        }
        let path = format!("/query?{}", text::form(&pairs));
        let form = text::form(&[("q", &query), ("params", &parameters)]);
        let body = Body { bytes: Bytes::from(form), content_type: FORM, gzip: false };
        let dialect = self.dialect().await?;
        let answer = self.again(async || {
            let response = http.send(dialect, &path, MSGPACK, &body).await?;
            http.read(response, decode.clone()).await
        });
        answer.await.map_err(|mut error| {
            if let Error::Rejected { cause, .. } = &mut error {
                dialect::advise(cause, Some(dialect));
            }
            error
        })
    }

    /// Repeats `attempt` while it fails in a way that may pass soon.
    async fn again<T, F: Future<Output = Result<T, Error>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut pause_ms = FIRST_PAUSE_MS;
        for _ in 0..self.inner.settings.retries {
            match attempt().await {
                Err(error) if passes_soon(&error) => {
                    tracing::debug!(source.id = %self.inner.id, %error, "asking InfluxDB again");
                    let share = std::hash::RandomState::new().build_hasher().finish() % pause_ms;
                    tokio::time::sleep(Duration::from_millis(pause_ms + share)).await;
                    pause_ms *= 2;
                }
                result => return result,
            }
        }
        attempt().await
    }
}

/// Candles that `range` can hold.
fn most_rows(series: &SeriesId, range: TimeRange) -> usize {
    let most = (range.end_ms - range.start_ms) / series.timeframe.ms() + 1;
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Whether it is worth to ask again at once: not after a time-out, which took its time already.
fn passes_soon(error: &Error) -> bool {
    matches!(error, Error::Unavailable { cause, .. } if !matches!(cause, Cause::Timeout { .. }))
}

#[async_trait]
impl CandleSource for Influx {
    fn id(&self) -> &str {
        &self.inner.id
    }

    async fn list_series(&self) -> Result<Vec<SeriesInfo>, Error> {
        listing::list(self).await
    }

    async fn load(&self, series: &SeriesId, segment: Segment) -> Result<Candles, Error> {
        let range = segment.range();
        if !self.mapping().can_hold(&series.exchange) {
            return Ok(Candles::default());
        }
        let query = text::select(self.mapping(), series, range)?;
        let shift_ms = self.mapping().shift_ms(series.timeframe);
        let most = most_rows(series, range);
        let id = Arc::clone(&self.inner.id);
        let timeframe = series.timeframe;
        let decode = move |pieces: &mut Pieces| {
            let msgpack::Counted { candles, counted } = msgpack::candles(pieces, most, shift_ms)?;
            // Rows that break a rule are reported as such, not as a wrong count.
            let fault = validate::first_fault(candles.as_slice(), timeframe);
            let got = candles.len() as u64;
            if fault.is_none() && got != counted {
                return Err(Cause::RowCount { got, counted });
            }
            Ok((candles, fault))
        };
        let (candles, fault) =
            self.query(query, text::parameters(self.mapping(), series), decode).await?;
        match fault {
            None => Ok(candles),
            Some(fault) => Err(Error::BadCandles { source_id: id, series: series.clone(), fault }),
        }
    }

    /// InfluxDB has no revisions: points are overwritten without a trace.
    async fn revision(&self, _: &SeriesId, _: Segment) -> Result<Option<Digest>, Error> {
        Ok(None)
    }

    async fn probe(&self, series: &SeriesId, segment: Segment) -> Result<Option<Probe>, Error> {
        probe::read(self, series, segment.range()).await.map(Some)
    }

    async fn funding(
        &self,
        exchange: &str,
        ticker: &str,
        range: TimeRange,
    ) -> Result<FundingRates, Error> {
        funding::read(self, (exchange, ticker), range).await
    }
}
