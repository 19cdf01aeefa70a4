//! What jobs read beside their own candles: other tickers, signal columns.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::keys::{Role, data_hash};
use model::settings::{Instrument, SeriesSettings};
use model::{Bundle, Calendar, Digest, JobStatus, Limits, MINUTE_MS, SignalColumn, TimeRange};
use serde_json::{Value, json};
use store::PackedSignals;
use worker::{Inputs, replay};

use crate::fleet::{Fleet, START_MS, minutes, request, walk};

/// Jobs that trade BTC by what ETH does.
pub(crate) fn across(fast: &[u32]) -> Value {
    let mut across = request(fast);
    across["universalConfig"]["strategy"]["signals"] = json!({
        "long": "crossUp(ema(close, $fast), ema(close, 200)) and scope(close > sma(close, 50), ticker: ETH)",
        "exitLong": "close(ticker: ETH) < sma(close, 50, ticker: ETH, tf: 15m)",
    });
    across
}

/// One job of a signal column.
fn of_column(hash: Digest) -> Value {
    let mut own = request(&[]);
    own["universalConfig"]["strategy"] = json!({"signalColumn": hash.to_string()});
    own["parameterVariants"] = json!({});
    own
}

/// Long in even hours, short in odd ones, flat at the end of each; from `first_ms`.
fn hours(first_ms: i64, rows: i64) -> SignalColumn {
    let mut column = SignalColumn::default();
    for row in 0..rows {
        let wanted = [1.0, -1.0][usize::try_from(row / 60 % 2).unwrap()];
        let value = if row % 60 > 50 { 0.0 } else { wanted };
        column.push(first_ms + row * MINUTE_MS, value).unwrap();
    }
    column
}

async fn put(fleet: &Fleet, column: &SignalColumn) -> Digest {
    let packed = PackedSignals::pack(column).unwrap();
    fleet.store.put_signals("local", &packed).await.unwrap();
    packed.hash()
}

#[tokio::test]
async fn jobs_that_read_another_ticker_give_the_bytes_of_an_offline_run() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|config| config.slots = NonZeroUsize::new(2).unwrap());
    let request = across(&[10, 20, 30, 40]);
    let id = fleet.submit_request(request.clone()).await;
    let jobs = fleet.completed(id).await;
    let bundle = Bundle::parse(&request, &Limits::default()).unwrap();
    for job in jobs {
        let spec = bundle.job(job.seq).unwrap();
        let inputs = Inputs::load(&fleet.market, &spec, None).await.unwrap();
        let alone = replay(&inputs, spec.clone(), None).unwrap();
        let result = job.result.unwrap();
        assert_eq!(alone.document["outcomeHash"], result.outcome_hash.to_string());
        assert!(alone.outcome.fills.len() > 20, "{}", alone.outcome.fills.len());
        // Exactly these candles were read.
        let (own, other) = (walk(7), walk(8));
        let (own, other) = (own.as_slice(), other.as_slice());
        let start = own.lower_bound(spec.range.start_ms).saturating_sub(spec.warmup as usize);
        let end = own.lower_bound(spec.range.end_ms);
        let settings = SeriesSettings {
            calendar: Calendar::EveryDay,
            instrument: Instrument::default(),
            periods_per_year: Some(365.0),
        };
        let since = own.open_time_ms[start];
        let of_other = other.rows(other.lower_bound(since)..other.lower_bound(spec.range.end_ms));
        let parts = [
            (Role::Candles, own.rows(start..end).hash(&minutes("BTC"))),
            (Role::OtherTicker, of_other.hash(&minutes("ETH"))),
        ];
        let expected = data_hash(&parts, &settings);
        assert_eq!(alone.document["dataHash"], expected.to_string());
    }
    // What reads no other ticker has another data hash, and runs beside.
    let plain = fleet.submit(&[10]).await;
    fleet.completed(plain).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_ticker_that_is_not_there_fails_the_job_by_its_name() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let mut request = across(&[10]);
    request["universalConfig"]["strategy"]["signals"]["short"] =
        json!("close(ticker: ETC) > close");
    let id = fleet.submit_request(request).await;
    fleet.finished(id).await;
    let error = fleet.jobs(id).await.remove(0).error.unwrap();
    assert_eq!(error.code, "unknown_series");
    assert!(error.message.starts_with("no series b ETC 1m; nearest: b BTC 1m"), "{error:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_source_that_is_away_keeps_jobs_of_other_tickers_waiting() {
    let fleet = Fleet::new().await;
    fleet.source.is_away.store(true, Ordering::Relaxed);
    let id = fleet.submit_request(across(&[10])).await;
    let worker = fleet.worker(|_| ());
    let held = |bundle: &store::BundleRow| bundle.running == 0 && bundle.started_at.is_some();
    fleet.until(id, "the job to be given back", held).await;
    fleet.source.is_away.store(false, Ordering::Relaxed);
    fleet.completed(id).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_signal_column_runs_as_it_does_offline() {
    let fleet = Fleet::new().await;
    let column = hours(START_MS, 30_000);
    let hash = put(&fleet, &column).await;
    let worker = fleet.worker(|_| ());
    let request = of_column(hash);
    let id = fleet.submit_request(request.clone()).await;
    let job = fleet.completed(id).await.remove(0);
    let spec = Bundle::parse(&request, &Limits::default()).unwrap().job(0).unwrap();
    let inputs = Inputs::load(&fleet.market, &spec, Some(Arc::new(column))).await.unwrap();
    let alone = replay(&inputs, spec, None).unwrap();
    assert_eq!(alone.document["outcomeHash"], job.result.unwrap().outcome_hash.to_string());
    assert!(alone.outcome.fills.len() > 800, "{}", alone.outcome.fills.len());
    worker.stop().await;
}

#[tokio::test]
async fn a_column_that_is_gone_or_fits_no_candle_fails_the_job() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker(|_| ());
    let error = async |hash| {
        let id = fleet.submit_request(of_column(hash)).await;
        assert_eq!(fleet.finished(id).await.failed, 1);
        let job = fleet.jobs(id).await.remove(0);
        assert_eq!(job.status, JobStatus::Failed);
        job.error.unwrap()
    };
    let gone = error(Digest([3; 32])).await;
    assert_eq!(gone.code, "unknown_signals");
    let beside = put(&fleet, &hours(START_MS + 10_000, 30_000)).await;
    let beside = error(beside).await;
    assert_eq!(beside.code, "no_signals");
    assert!(beside.message.contains("open times in UTC"), "{beside:?}");
    worker.stop().await;
}

#[tokio::test]
async fn rows_without_a_candle_and_short_histories_are_warned_of() {
    let mut column = hours(START_MS, 10_000);
    column.push(START_MS + 10_000 * MINUTE_MS + 1, 1.0).unwrap();
    let mut request = of_column(column.as_slice().hash());
    request["universalConfig"]["moneyManagement"] =
        json!({"stop": {"distance": "3 * atr(14, ticker: ETH)"}});
    let spec = Bundle::parse(&request, &Limits::default()).unwrap().job(0).unwrap();
    let source = candles::Market::from_series([
        (minutes("BTC"), Calendar::EveryDay, walk(7)),
        (minutes("ETH"), Calendar::EveryDay, after(spec.range.start_ms - 100 * MINUTE_MS)),
    ]);
    let inputs = Inputs::load(&source, &spec, Some(Arc::new(column))).await.unwrap();
    let document = replay(&inputs, spec.clone(), None).unwrap().document;
    let warnings: Vec<&str> =
        document["warnings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(
        warnings,
        [
            "only 100 candles of b ETH 1m exist in the history of 512 candles",
            "1 of 4241 rows of the signal column have no candle of their time",
            "annualised numbers rest on fewer than 30 daily returns",
        ]
    );
    let late = candles::Market::from_series([
        (minutes("BTC"), Calendar::EveryDay, walk(7)),
        (minutes("ETH"), Calendar::EveryDay, after(spec.range.start_ms + 1_000 * MINUTE_MS)),
    ]);
    let column = Arc::new(hours(START_MS, 10_000));
    let inputs = Inputs::load(&late, &spec, Some(Arc::clone(&column))).await.unwrap();
    let error = replay(&inputs, spec, None).err().unwrap();
    assert_eq!(error.code, "incomplete_candles");
    assert!(error.message.contains("b ETH 1m do not cover the range"), "{error}");
}

/// Candles of ETH that open at or after `time_ms`.
fn after(time_ms: i64) -> model::Candles {
    let all = walk(8);
    let slice = all.as_slice();
    slice.rows(slice.lower_bound(time_ms)..slice.len()).to_candles()
}

#[tokio::test]
async fn a_candle_of_a_signal_run_is_explained() {
    let fleet = Fleet::new().await;
    let column = Arc::new(hours(START_MS, 30_000));
    let request = of_column(column.as_slice().hash());
    let spec = Bundle::parse(&request, &Limits::default()).unwrap().job(0).unwrap();
    let TimeRange { start_ms, .. } = spec.range;
    let inputs = Inputs::load(&fleet.market, &spec, Some(column)).await.unwrap();
    let explained = worker::explain(&inputs, spec.clone(), start_ms).unwrap();
    assert_eq!(explained.nodes[0].node, "\"signalColumn\"");
    let without = Inputs::load(&fleet.market, &spec, None).await.unwrap();
    assert!(replay(&without, spec, None).is_err());
}
