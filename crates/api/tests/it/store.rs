//! A store that counts reads of statuses and requests and can be taken away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use model::Digest;
use serde_json::Value;
use store::{
    AttemptRow, BundleFilter, BundleRow, Change, Changed, Claim, CorrectedSegment, Correction,
    DataVersion, DatabaseTime, Divergence, Error, Fenced, Finish, Held, HeldReplay, HeldSegment,
    HintFeed, Hints, JobFilter, JobPoint, JobReturns, JobRow, KeyRow, Keys, KnownData, Lease,
    LeaseKey, LeaseTimes, Maintained, NewBundle, NewKey, NodeBeat, NodeId, NodeRow, Nodes,
    PackedSignals, Pinned, Presence, Progress, QueueDepth, Release, ReplayClaim, ReplayRow,
    ResultDetail, Schema, Settled, Store, Submitted, Sweep, WorkerId, WorkerInfo, WorkerRow,
};
use uuid::Uuid;

/// Delegates to a real store unless it is away.
pub(crate) struct Guarded {
    inner: Arc<dyn Store>,
    away: AtomicBool,
    status_reads: AtomicU64,
    request_reads: AtomicU64,
}

impl Guarded {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Guarded> {
        let (status_reads, request_reads) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Guarded { inner, away: AtomicBool::new(false), status_reads, request_reads })
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn status_reads(&self) -> u64 {
        self.status_reads.load(Ordering::SeqCst)
    }

    pub(crate) fn request_reads(&self) -> u64 {
        self.request_reads.load(Ordering::SeqCst)
    }

    fn inner(&self) -> Result<&dyn Store, Error> {
        if self.away.load(Ordering::SeqCst) {
            let reason = "connection refused: SELECT secret FROM /var/lib/db".to_owned();
            return Err(Error::Unavailable { reason });
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl Store for Guarded {
    async fn describe(&self) -> Result<String, Error> {
        self.inner()?.describe().await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.inner()?.ping().await
    }

    async fn schema(&self) -> Result<Schema, Error> {
        self.inner()?.schema().await
    }

    async fn migrate(&self) -> Result<Schema, Error> {
        self.inner()?.migrate().await
    }

    async fn submit(&self, bundle: NewBundle) -> Result<Submitted, Error> {
        self.inner()?.submit(bundle).await
    }

    async fn bundle(&self, owner: Option<&str>, id: Uuid) -> Result<Option<BundleRow>, Error> {
        self.status_reads.fetch_add(1, Ordering::SeqCst);
        self.inner()?.bundle(owner, id).await
    }

    async fn request(&self, id: Uuid) -> Result<Option<Value>, Error> {
        self.request_reads.fetch_add(1, Ordering::SeqCst);
        self.inner()?.request(id).await
    }

    async fn bundles(&self, filter: &BundleFilter, limit: u32) -> Result<Vec<BundleRow>, Error> {
        self.inner()?.bundles(filter, limit).await
    }

    async fn jobs(
        &self,
        bundle: Uuid,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<Vec<JobRow>, Error> {
        self.inner()?.jobs(bundle, filter, limit).await
    }

    async fn job(
        &self,
        bundle: Uuid,
        seq: u32,
    ) -> Result<Option<(JobRow, Vec<AttemptRow>)>, Error> {
        self.inner()?.job(bundle, seq).await
    }

    async fn points(
        &self,
        bundle: Uuid,
        metric: &str,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobPoint>, Error> {
        self.inner()?.points(bundle, metric, after, limit).await
    }

    async fn returns(
        &self,
        bundle: Uuid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobReturns>, Error> {
        self.inner()?.returns(bundle, after, limit).await
    }

    async fn failures(&self, bundle: Uuid) -> Result<BTreeMap<String, u64>, Error> {
        self.inner()?.failures(bundle).await
    }

    async fn detail(&self, key: Digest) -> Result<Option<ResultDetail>, Error> {
        self.inner()?.detail(key).await
    }

    async fn standing_results(&self, keys: &[Digest]) -> Result<BTreeMap<Digest, Digest>, Error> {
        self.inner()?.standing_results(keys).await
    }

    async fn put_signals(&self, owner: &str, signals: &PackedSignals) -> Result<bool, Error> {
        self.inner()?.put_signals(owner, signals).await
    }

    async fn signals(&self, hash: Digest) -> Result<Option<PackedSignals>, Error> {
        self.inner()?.signals(hash).await
    }

    async fn has_signals(&self, hash: Digest) -> Result<bool, Error> {
        self.inner()?.has_signals(hash).await
    }

    async fn known_data(&self, needs: &[Digest]) -> Result<BTreeMap<Digest, KnownData>, Error> {
        self.inner()?.known_data(needs).await
    }

    async fn record_data(&self, versions: &[DataVersion]) -> Result<(), Error> {
        self.inner()?.record_data(versions).await
    }

    async fn corrections(&self, source: &str, series: &str) -> Result<Vec<Correction>, Error> {
        self.inner()?.corrections(source, series).await
    }

    async fn sources(&self) -> Result<Vec<String>, Error> {
        self.inner()?.sources().await
    }

    async fn correct(&self, source: &str, segments: &[CorrectedSegment]) -> Result<(), Error> {
        self.inner()?.correct(source, segments).await
    }

    async fn pin(
        &self,
        bundle: Uuid,
        source: &str,
        held: &[HeldSegment],
        latest: bool,
    ) -> Result<Pinned, Error> {
        self.inner()?.pin(bundle, source, held, latest).await
    }

    async fn ask_replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.inner()?.ask_replay(bundle, seq).await
    }

    async fn replay(&self, bundle: Uuid, seq: u32) -> Result<Option<ReplayRow>, Error> {
        self.inner()?.replay(bundle, seq).await
    }

    async fn claim_replays(&self, worker: WorkerId, limit: u32) -> Result<Vec<ReplayClaim>, Error> {
        self.inner()?.claim_replays(worker, limit).await
    }

    async fn answer_replay(
        &self,
        worker: WorkerId,
        held: HeldReplay,
        answer: &Value,
        divergence: Option<&Divergence>,
    ) -> Result<bool, Error> {
        self.inner()?.answer_replay(worker, held, answer, divergence).await
    }

    async fn release_replays(&self, worker: WorkerId) -> Result<(), Error> {
        self.inner()?.release_replays(worker).await
    }

    async fn change(&self, id: Uuid, change: &Change, at: Option<u64>) -> Result<Changed, Error> {
        self.inner()?.change(id, change, at).await
    }

    async fn queue_depth(&self) -> Result<QueueDepth, Error> {
        self.inner()?.queue_depth().await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        self.inner()?.workers().await
    }

    async fn drain_worker(&self, worker: WorkerId) -> Result<bool, Error> {
        self.inner()?.drain_worker(worker).await
    }

    async fn enter(
        &self,
        info: &WorkerInfo,
        times: LeaseTimes,
    ) -> Result<Box<dyn Presence>, Error> {
        self.inner()?.enter(info, times).await
    }

    async fn claim(&self, worker: WorkerId, limit: u32) -> Result<Vec<Claim>, Error> {
        self.inner()?.claim(worker, limit).await
    }

    async fn mark_started(&self, worker: WorkerId, held: Held) -> Result<bool, Error> {
        self.inner()?.mark_started(worker, held).await
    }

    async fn progress(
        &self,
        worker: WorkerId,
        progress: &[Progress],
        candles_per_second: f64,
    ) -> Result<(), Error> {
        self.inner()?.progress(worker, progress, candles_per_second).await
    }

    async fn finish(&self, worker: WorkerId, finishes: &[Finish]) -> Result<Vec<Settled>, Error> {
        self.inner()?.finish(worker, finishes).await
    }

    async fn release(&self, worker: WorkerId, held: &[Held], why: &Release) -> Result<(), Error> {
        self.inner()?.release(worker, held, why).await
    }

    async fn maintain(&self, times: LeaseTimes) -> Result<Maintained, Error> {
        self.inner()?.maintain(times).await
    }
}

#[async_trait]
impl Hints for Guarded {
    async fn listen(&self) -> Result<Box<dyn HintFeed>, Error> {
        self.inner()?.listen().await
    }

    async fn versions(&self, bundles: &[Uuid]) -> Result<Vec<(Uuid, u64)>, Error> {
        self.inner()?.versions(bundles).await
    }
}

#[async_trait]
impl Keys for Guarded {
    async fn create_key(&self, key: &NewKey) -> Result<KeyRow, Error> {
        self.inner()?.create_key(key).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        self.inner()?.keys().await
    }

    async fn find_key(&self, id: &str) -> Result<Option<KeyRow>, Error> {
        self.inner()?.find_key(id).await
    }

    async fn revoke_key(&self, id: &str) -> Result<bool, Error> {
        self.inner()?.revoke_key(id).await
    }

    async fn has_keys(&self) -> Result<bool, Error> {
        self.inner()?.has_keys().await
    }
}

#[async_trait]
impl Nodes for Guarded {
    async fn enter_node(&self, id: &str, url: &str, version: &str) -> Result<NodeId, Error> {
        self.inner()?.enter_node(id, url, version).await
    }

    async fn beat_node(&self, node: &NodeId, ttl: Duration) -> Result<NodeBeat, Error> {
        self.inner()?.beat_node(node, ttl).await
    }

    async fn leave_node(&self, node: &NodeId) -> Result<(), Error> {
        self.inner()?.leave_node(node).await
    }

    async fn nodes(&self, ttl: Duration) -> Result<Vec<NodeRow>, Error> {
        self.inner()?.nodes(ttl).await
    }

    async fn node_seen(&self, node: &NodeId) -> Result<Option<DatabaseTime>, Error> {
        self.inner()?.node_seen(node).await
    }

    async fn claim_lease(
        &self,
        node: &NodeId,
        key: &LeaseKey,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error> {
        self.inner()?.claim_lease(node, key, ttl).await
    }

    async fn release_lease(&self, node: &NodeId, lease: &Lease) -> Result<(), Error> {
        self.inner()?.release_lease(node, lease).await
    }

    async fn wake_lease(
        &self,
        node: &NodeId,
        lease: &Lease,
        next: Duration,
    ) -> Result<Fenced, Error> {
        self.inner()?.wake_lease(node, lease, next).await
    }

    async fn sweep(
        &self,
        node: &NodeId,
        lease: &Lease,
        sweep: Sweep,
        next: Duration,
    ) -> Result<Fenced, Error> {
        self.inner()?.sweep(node, lease, sweep, next).await
    }
}
