//! One API process without a network: a router, its store, its candles, a worker by hand.

use std::sync::{Arc, OnceLock};

use api::{App, Config};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use candles::{
    Cache, CacheSettings, CandleSource, Clock, Influx, InfluxSettings, Market, MemorySource,
};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use model::keys::Role;
use model::settings::{Instrument, SeriesSettings};
use model::{
    Calendar, Candles, Digest, Fill, FillReason, JobSpec, OpenPosition, Outcome, PositionSide,
    SeriesId, Side,
};
use serde_json::{Value, json};
use store::{Ending, Finish, JsonText, LeaseTimes, NewResult, Packer, Presence, Store, WorkerInfo};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::store::Guarded;

/// 2024-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_704_067_200_000;
/// Candles of each sample series of 15 minutes: 50 days.
const CANDLES: usize = 50 * 96;

/// An API over its own store.
pub(crate) struct Api {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) store: Arc<Guarded>,
    _cache: TempDir,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `status code detail`, for a problem; checks what every problem has.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["requestId"], self.header("x-request-id"));
        let code = body["code"].as_str().unwrap();
        assert_eq!(body["type"], format!("/errors/{code}"));
        assert!(api::error_codes().contains(&code), "{code} has no page");
        format!("{} {code}: {}", self.status.as_u16(), body["detail"].as_str().unwrap())
    }
}

impl Api {
    pub(crate) async fn new() -> Api {
        Api::with_config(Config::new("test")).await
    }

    pub(crate) async fn with_config(config: Config) -> Api {
        let store = Guarded::new(store::sqlite::Sqlite::in_memory().await.unwrap());
        store.migrate().await.unwrap();
        Api::over(store, config, samples())
    }

    /// An API whose store has no schema.
    pub(crate) async fn unmigrated() -> Api {
        let store = Guarded::new(store::sqlite::Sqlite::in_memory().await.unwrap());
        Api::over(store, Config::new("test"), samples())
    }

    /// An API whose candle source does not answer.
    pub(crate) async fn without_source() -> Api {
        let store = Guarded::new(store::sqlite::Sqlite::in_memory().await.unwrap());
        store.migrate().await.unwrap();
        let port = testkit::port::free();
        let url = format!("http://127.0.0.1:{port}");
        let settings = InfluxSettings { url, retries: 0, ..InfluxSettings::default() };
        Api::over(store, Config::new("test"), Arc::new(Influx::new(settings).unwrap()))
    }

    fn over(store: Arc<Guarded>, config: Config, source: Arc<dyn CandleSource>) -> Api {
        Api::reading(store, None, config, source)
    }

    fn reading(
        store: Arc<Guarded>,
        replica: Option<Arc<Guarded>>,
        config: Config,
        source: Arc<dyn CandleSource>,
    ) -> Api {
        let cache = tempfile::tempdir().unwrap();
        let opened = Cache::open(cache.path(), CacheSettings::default(), Clock::system()).unwrap();
        let market = Market::new(source, opened);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let replica = replica.map(|replica| replica as Arc<dyn Store>);
        let market = Arc::new(market);
        let app = App::with_replica(shared, replica, market, config, recorder().clone());
        Api { router: api::router(app.clone()), app, store, _cache: cache }
    }

    /// An API over a store of the caller's.
    pub(crate) fn on(store: Arc<Guarded>, config: Config) -> Api {
        Api::over(store, config, samples())
    }

    /// An API over a store and its replica.
    pub(crate) fn with_replica(store: Arc<Guarded>, replica: Arc<Guarded>, config: Config) -> Api {
        Api::reading(store, Some(replica), config, samples())
    }

    /// Another node over the same store.
    pub(crate) fn node(&self, config: Config) -> Api {
        Api::over(Arc::clone(&self.store), config, samples())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// GET of a path that must answer 200 with JSON.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{caller}: {}", answer.body);
            answer.json()
        }
    }

    pub(crate) async fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        self.send(Request::get(path).header(name, value).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Submits `request`; its id.
    pub(crate) async fn submit(&self, request: &Value) -> String {
        let answer = self.post("/api/backtest/bundle", request.to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()["bundleRequestId"].as_str().unwrap().to_owned()
    }

    /// Waits until this process has seen the end of a bundle.
    pub(crate) async fn until_final(&self, id: &str) {
        let path = format!("/api/backtest/bundle/{id}/status");
        let has_ended = || async { !self.json(&path).await["completedAt"].is_null() };
        let deadline = std::time::Duration::from_secs(20);
        testkit::wait::until_async(deadline, "the bundle to end", has_ended).await;
    }

    /// Enters a worker of its own.
    pub(crate) async fn worker(&self) -> Box<dyn Presence> {
        let info = WorkerInfo { host: "host".into(), version: "1".into(), slots: 2 };
        self.store.enter(&info, LeaseTimes::default()).await.unwrap()
    }

    /// Claims every pending job and ends it as `ending` says.
    pub(crate) async fn finish_all(&self, mut ending: impl FnMut(u32) -> Ending) {
        let presence = self.worker().await;
        loop {
            let claims = self.store.claim(presence.worker(), 256).await.unwrap();
            if claims.is_empty() {
                break;
            }
            let finishes: Vec<Finish> = claims
                .iter()
                .map(|claim| Finish {
                    held: store::Held { job: claim.job, attempt: claim.attempt },
                    bundle: claim.bundle,
                    ending: ending(claim.seq),
                })
                .collect();
            self.store.finish(presence.worker(), &finishes).await.unwrap();
        }
        presence.leave().await.unwrap();
    }
}

/// The recorder of this test process.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// BTCUSDT and ETHUSDT of binance, 15 minutes, 50 days from 2024.
fn samples() -> Arc<dyn CandleSource> {
    let source = MemorySource::new("memory");
    for (seed, ticker) in (1..).zip(["BTCUSDT", "ETHUSDT"]) {
        let timeframe = "15m".parse().unwrap();
        let id = SeriesId { exchange: "binance".into(), ticker: ticker.into(), timeframe };
        let candles = walk(seed);
        source.insert(id, Calendar::EveryDay, None, candles);
    }
    Arc::new(source)
}

/// The candles of a sample series: 1 is BTCUSDT, 2 is ETHUSDT.
pub(crate) fn walk(seed: u64) -> Candles {
    testkit::candles::random_walk(seed, "15m".parse().unwrap(), START_MS, CANDLES)
}

/// Hash of the data that a job of BTCUSDT 15m runs on.
pub(crate) fn data_hash(spec: &JobSpec) -> Digest {
    let candles = walk(1);
    let all = candles.as_slice();
    let start = all.lower_bound(spec.range.start_ms).saturating_sub(spec.warmup as usize);
    let used = all.rows(start..all.lower_bound(spec.range.end_ms));
    let settings = SeriesSettings {
        calendar: Calendar::EveryDay,
        instrument: Instrument::default(),
        periods_per_year: Some(365.0),
    };
    model::keys::data_hash(&[(Role::Candles, used.hash(&spec.series))], &settings)
}

/// A request of 2 tickers x 2 timeframes x `fast` x `slow`, with `fast < slow`.
pub(crate) fn request(fast: &Value, slow: &Value) -> Value {
    json!({
        "name": "EMA cross",
        "universalConfig": {
            "exchange": "binance", "ticker": "BTCUSDT", "timeframe": "15m", "balance": 10000,
            "strategy": {
                "signals": {
                    "long": "crossUp(ema(close, $fast), ema(close, $slow))",
                    "short": "crossDown(ema(close, $fast), ema(close, $slow))",
                },
                "params": {
                    "fast": {"int": [1, 50, 1], "default": 12},
                    "slow": {"int": [1, 200, 1], "default": 26},
                },
                "constraints": ["fast < slow"],
            },
            "moneyManagement": {"stopLossPct": 2, "takeProfitPct": 4},
        },
        "dateTimeRanges": [{"start": "2024-01-05T00:00:00Z", "end": "2024-02-05T00:00:00Z"}],
        "tickerVariants": ["BTCUSDT", "ETHUSDT"],
        "timeframeVariants": ["15m", "1h"],
        "parameterVariants": {"fast": fast, "slow": slow},
        "tags": {"desk": "one"},
    })
}

/// The request most tests use: 2 x 2 x 3 x 1 = 12 points, of which 4 are dropped.
pub(crate) fn sample() -> Value {
    request(&json!([5, 10, 20]), &json!([20]))
}

/// A result with `sharpe` and `trades`; one closed trade and one open position.
pub(crate) fn completed(sharpe: Option<f64>, trades: u32) -> Ending {
    let fill = |minutes: i64, side, price, reason, trade_id| Fill {
        time_ms: START_MS + minutes * 60_000,
        side,
        quantity: 2.0,
        price,
        fee: 1.0,
        reason,
        trade_id,
    };
    let outcome = Outcome {
        fills: vec![
            fill(0, Side::Buy, 100.0, FillReason::Entry, 0),
            fill(15, Side::Sell, 110.0, FillReason::TakeProfit, 0),
            fill(30, Side::Sell, 110.0, FillReason::Entry, 1),
        ],
        open_position: Some(OpenPosition {
            side: PositionSide::Short,
            quantity: 2.0,
            entry_price: 110.0,
            entry_time_ms: START_MS + 1_800_000,
            mark_price: 105.0,
            trade_id: 1,
        }),
        ..Outcome::default()
    };
    let mut metrics = json!({"trades": trades, "totalReturn": 0.05});
    if let Some(sharpe) = sharpe {
        metrics["sharpe"] = json!(sharpe);
    }
    let outcome_hash = outcome.hash();
    Ending::Completed(Box::new(NewResult {
        key: Digest::of(format!("{sharpe:?} {trades}").as_bytes()),
        outcome_hash,
        data_hash: Digest::of(b"data"),
        metrics: metrics.into(),
        summary: JsonText::from(json!({
            "engineVersion": "1", "statsVersion": "1", "candles": 2976,
            "warmup": {"asked": 256, "got": 256},
            "counts": {"ambiguous": 0, "missing": 0, "conflicts": 0, "skipped": {}},
            "warnings": [], "equity": {"initial": 10000.0, "final": 10500.0},
            "undefined": {"no_losses": ["sortino"]},
        })),
        daily_returns: vec![0.0, 0.0012],
        outcome: Packer::default().pack(&outcome).unwrap(),
    }))
}
