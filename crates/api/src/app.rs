//! What every handler shares: the store, the market, the configuration and a few caches.
//!
//! **Invariant:** nothing here is state. Any process may be killed and any other answers the same.

use std::sync::Arc;
use std::time::Duration;

use candles::{Market, SeriesInfo};
use metrics_exporter_prometheus::PrometheusHandle;
use store::{QueueDepth, Store, WorkerRow};
use tokio_util::sync::CancellationToken;

use crate::auth::Guard;
use crate::code::Code;
use crate::config::Config;
use crate::derived::DerivedCache;
use crate::facts::FactsCache;
use crate::flight::Flight;
use crate::job_sizes::JobSizes;
use crate::limits::Limits;
use crate::live::Live;
use crate::node::NodeState;
use crate::points::PointsCache;
use crate::problem::Problem;
use crate::replica::Replica;
use crate::status_cache::StatusCache;

/// Time between two passes that evict what nobody reads.
const SWEEP_PERIOD: Duration = Duration::from_secs(5);
/// How old numbers about the whole fleet may be.
const FLEET_AGE: Duration = Duration::from_secs(1);

/// One API process. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    market: Arc<Market>,
    config: Config,
    metrics: PrometheusHandle,
    draining: CancellationToken,
    guard: Guard,
    limits: Limits,
    node: NodeState,
    replica: Option<Replica>,
    live: Live,
    statuses: StatusCache,
    facts: FactsCache,
    job_sizes: JobSizes,
    derived: DerivedCache,
    points: PointsCache,
    series: Flight<Arc<Vec<SeriesInfo>>>,
    queue: Flight<QueueDepth>,
    workers: Flight<Arc<[WorkerRow]>>,
}

impl App {
    /// An API over `store` and `market`; `metrics` renders what `/metrics` answers.
    pub fn new(
        store: Arc<dyn Store>,
        market: Arc<Market>,
        config: Config,
        metrics: PrometheusHandle,
    ) -> App {
        App::with_replica(store, None, market, config, metrics)
    }

    /// Like [`App::new`], with a streaming replica of the store to read from.
    pub fn with_replica(
        store: Arc<dyn Store>,
        replica: Option<Arc<dyn Store>>,
        market: Arc<Market>,
        config: Config,
        metrics: PrometheusHandle,
    ) -> App {
        App(Arc::new(Inner {
            limits: Limits::new(config.jobs_per_minute),
            store,
            market,
            config,
            metrics,
            draining: CancellationToken::new(),
            guard: Guard::default(),
            node: NodeState::default(),
            replica: replica.map(Replica::new),
            live: Live::default(),
            statuses: StatusCache::default(),
            facts: FactsCache::default(),
            job_sizes: JobSizes::default(),
            derived: DerivedCache::default(),
            points: PointsCache::default(),
            series: Flight::default(),
            queue: Flight::default(),
            workers: Flight::default(),
        }))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn market(&self) -> &Market {
        &self.0.market
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn metrics(&self) -> &PrometheusHandle {
        &self.0.metrics
    }

    pub(crate) fn statuses(&self) -> &StatusCache {
        &self.0.statuses
    }

    pub(crate) fn facts(&self) -> &FactsCache {
        &self.0.facts
    }

    pub(crate) fn job_sizes(&self) -> &JobSizes {
        &self.0.job_sizes
    }

    pub(crate) fn derived(&self) -> &DerivedCache {
        &self.0.derived
    }

    /// Jobs with one metric, as they were asked for lately.
    pub(crate) fn points_cache(&self) -> &PointsCache {
        &self.0.points
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    pub(crate) fn quotas(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn node_state(&self) -> &NodeState {
        &self.0.node
    }

    pub(crate) fn replica(&self) -> Option<&Replica> {
        self.0.replica.as_ref()
    }

    /// Readiness is refused from now on, so that no new client is sent here; event streams end, so
    /// that their clients go to another process.
    pub(crate) fn begin_drain(&self) {
        self.0.draining.cancel();
    }

    /// Cancelled once this process is to stop.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    /// The series that the candle source holds, some seconds old at most, ascending by id.
    pub(crate) async fn series(&self) -> Result<Arc<Vec<SeriesInfo>>, Problem> {
        let load = || async {
            let listed = self.0.market.series();
            match tokio::time::timeout(self.0.config.series_timeout, listed).await {
                Ok(Ok(series)) => Ok(series),
                Ok(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "the candle source cannot list series");
                    Err(source_away())
                }
                Err(_elapsed) => {
                    tracing::warn!("the candle source does not answer in time");
                    Err(source_away())
                }
            }
        };
        self.0.series.get(|_| FLEET_AGE, load).await
    }

    /// The queue in numbers, at most a second old.
    pub(crate) async fn queue(&self) -> Result<QueueDepth, Problem> {
        let load = || async { Ok(self.store().queue_depth().await?) };
        self.0.queue.get(|_| FLEET_AGE, load).await
    }

    /// The workers, newest first, at most a second old.
    pub(crate) async fn workers(&self) -> Result<Arc<[WorkerRow]>, Problem> {
        let load = || async { Ok(self.store().workers().await?.into()) };
        self.0.workers.get(|_| FLEET_AGE, load).await
    }

    /// Evicts what nobody reads, again and again. Never ends by itself.
    pub(crate) async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_PERIOD).await;
            self.0.statuses.evict(self.0.config.idle);
            self.0.facts.evict(self.0.config.idle);
            self.0.derived.evict(self.0.config.idle);
            self.0.points.evict(self.0.config.idle);
            self.0.limits.evict();
            self.forget_keys(self.0.config.idle);
            metrics::gauge!("backfleet_remembered_bundles").set(self.0.statuses.len() as f64);
            self.0.metrics.run_upkeep();
        }
    }
}

fn source_away() -> Problem {
    let detail = "the candle source does not answer; try again";
    Problem::new(Code::SourceUnavailable, detail)
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
