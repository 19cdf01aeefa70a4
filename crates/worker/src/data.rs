//! Which data jobs run on: the version that was loaded, what their bundles are held to, and the
//! record that lets a later submit know their results without loading a candle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use candles::Fingerprint;
use model::{DAY_MS, Digest, SeriesId, SignalColumn, TimeRange};
use store::{Correction, DataPart, DataVersion, HeldSegment, JobError, Pinned, SegmentHash};
use uuid::Uuid;

use crate::inputs::Need;
use crate::{Inputs, Shared};

/// A record of this age is written again, so that a submit sees that somebody still looks.
const RECORD_AGE: Duration = Duration::from_mins(2);
/// Loads and bundles that are remembered; more only cost a statement.
const REMEMBERED: usize = 10_000;

/// What was read, and what was known about it before.
pub(crate) struct Fetched {
    pub(crate) inputs: Arc<Inputs>,
    /// One a series, in the order of [`Inputs::series`].
    parts: Vec<Part>,
    fingerprint: Option<Fingerprint>,
    closed: bool,
}

/// A series that was read.
struct Part {
    data: DataPart,
    corrections: Vec<Correction>,
}

/// Why there are none.
pub(crate) enum Failure {
    /// The source cannot give them.
    Candles(candles::Error),
    /// The database does not say what was corrected.
    Store(store::Error),
}

/// What this process has told the store.
#[derive(Default)]
pub(crate) struct Told {
    /// Bundles with the segments they were found to be held to.
    pinned: Mutex<BTreeSet<(Uuid, Digest)>>,
    /// Needs with the data and the revision on record.
    recorded: Mutex<BTreeMap<Digest, (Digest, u64, Instant)>>,
}

impl Told {
    fn pinned(&self) -> MutexGuard<'_, BTreeSet<(Uuid, Digest)>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorded(&self) -> MutexGuard<'_, BTreeMap<Digest, (Digest, u64, Instant)>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every need was recorded of late, at this revision.
    fn knows(&self, needs: &BTreeSet<Digest>, revision: u64) -> bool {
        let recorded = self.recorded();
        let is_fresh = |need| {
            recorded
                .get(need)
                .is_some_and(|(_, known, at)| *known == revision && at.elapsed() < RECORD_AGE)
        };
        needs.iter().all(is_fresh)
    }
}

impl Part {
    /// Sum of the revisions of the segments in what was read.
    fn revision(&self) -> u64 {
        let read = |it: &&Correction| it.start < self.data.to && it.end > self.data.from;
        self.corrections.iter().filter(read).map(|it| it.revision).sum()
    }
}

impl Fetched {
    fn revision(&self) -> u64 {
        self.parts.iter().map(Part::revision).sum()
    }

    /// The closed segments, with their revisions, each once; `None` where one series was read
    /// twice and its candles changed in between.
    fn held(&self) -> Option<Vec<HeldSegment>> {
        let mut held: BTreeMap<(&str, i64), HeldSegment> = BTreeMap::new();
        for (part, loaded) in self.parts.iter().zip(self.inputs.series()) {
            for segment in loaded.segments().iter().filter(|segment| segment.closed) {
                let corrected = part.corrections.iter().find(|it| it.start == segment.start_ms);
                let found = HeldSegment {
                    segment: SegmentHash {
                        series: part.data.stored.clone(),
                        start: segment.start_ms,
                        end: segment.end_ms,
                        hash: segment.hash,
                    },
                    revision: corrected.map_or(0, |it| it.revision),
                };
                let place = (part.data.stored.as_str(), segment.start_ms);
                if held.get(&place).is_some_and(|known| *known != found) {
                    return None;
                }
                held.insert(place, found);
            }
        }
        Some(held.into_values().collect())
    }
}

/// The stretch of stored candles that a load may depend on, with room for weekends and holidays.
fn stretch(series: &SeriesId, range: TimeRange, warmup: u32) -> TimeRange {
    let history_ms = 4 * i64::from(warmup) * series.timeframe.ms() + 30 * DAY_MS;
    TimeRange {
        start_ms: range.start_ms.saturating_sub(history_ms),
        end_ms: range.end_ms.saturating_add(series.timeframe.ms()),
    }
}

/// Loads what `need` names at its last correction; `needs` are those of the jobs that will run on
/// it, `signals` the column that they name.
pub(crate) async fn fetch(
    shared: &Shared,
    need: &Need,
    signals: Option<Arc<SignalColumn>>,
    needs: &BTreeSet<Digest>,
) -> Result<Fetched, Failure> {
    let market = &shared.market;
    let (mut parts, mut known) = (Vec::new(), BTreeMap::new());
    for (series, warmup) in need.series() {
        let stored = market.find(series).await.map_err(Failure::Candles)?.id.to_string();
        let corrections = shared.store.corrections(market.source_id(), &stored).await;
        let corrections = corrections.map_err(Failure::Store)?;
        known.insert(series, corrections.iter().map(|it| (it.start, it.revision)).collect());
        let TimeRange { start_ms: from, end_ms: to } = stretch(series, need.range, warmup);
        parts
            .push(Part { data: DataPart { asked: series.clone(), stored, from, to }, corrections });
    }
    // Before the load: what changes in between must not be taken for what was loaded. Of funding
    // rates no source says whether they changed.
    let revision = parts.iter().map(Part::revision).sum();
    let looks = !need.funding && !shared.told.knows(needs, revision);
    let fingerprint = if looks { fingerprint(shared, &parts).await } else { None };
    let inputs = Inputs::meeting(market, need, signals, &known).await.map_err(Failure::Candles)?;
    let closed = parts.iter().all(|part| market.is_closed(part.data.to));
    Ok(Fetched { inputs: Arc::new(inputs), parts, fingerprint, closed })
}

/// What the source says of everything that will be read; `None` where it does not.
async fn fingerprint(shared: &Shared, parts: &[Part]) -> Option<Fingerprint> {
    let mut looks = Vec::with_capacity(parts.len());
    for Part { data, .. } in parts {
        let range = TimeRange { start_ms: data.from, end_ms: data.to };
        looks.push(shared.market.fingerprint(&data.asked, range).await.ok()?);
    }
    Some(Fingerprint::join(&looks))
}

/// Whether a bundle may run on what was fetched.
pub(crate) enum Verdict {
    Runs,
    Fails(JobError),
    /// What was fetched is older than a correction: fetch again.
    Outdated,
}

/// Holds a bundle to the closed segments of what was fetched, or finds that it began on others.
pub(crate) async fn hold(
    shared: &Shared,
    fetched: &Fetched,
    bundle: Uuid,
    follow_latest: bool,
) -> Result<Verdict, store::Error> {
    let Some(held) = fetched.held() else { return Ok(Verdict::Outdated) };
    if held.is_empty() {
        return Ok(Verdict::Runs);
    }
    let text = format!("{held:?}");
    let entry = (bundle, Digest::of(text.as_bytes()));
    if shared.told.pinned().contains(&entry) {
        return Ok(Verdict::Runs);
    }
    let source = shared.market.source_id();
    Ok(match shared.store.pin(bundle, source, &held, follow_latest).await? {
        Pinned::Same => {
            let mut pinned = shared.told.pinned();
            pinned.insert(entry);
            if pinned.len() > REMEMBERED {
                pinned.pop_first();
            }
            Verdict::Runs
        }
        Pinned::Changed(segment) => Verdict::Fails(changed(&segment)),
        Pinned::Outdated => Verdict::Outdated,
    })
}

fn changed(segment: &SegmentHash) -> JobError {
    let SegmentHash { series, start, end, .. } = segment;
    let range = TimeRange { start_ms: *start, end_ms: *end };
    JobError {
        code: "data_changed".to_owned(),
        message: format!(
            "the candles of {series} from {} to {} changed after the bundle had begun; submit it \
             again, or set dataPolicy.version to \"latest\"",
            range.start_text(),
            range.end_text()
        ),
    }
}

/// Records what the needs of jobs were met with: each need with its data hash.
pub(crate) async fn record(shared: &Shared, fetched: &Fetched, met: &BTreeMap<Digest, Digest>) {
    let Some(fingerprint) = fetched.fingerprint else { return };
    // History that reaches back further than the fingerprint looked is not known to stand.
    let candles = fetched.inputs.candles().as_slice();
    let (Some(first_ms), Some(own)) = (candles.open_time_ms.first(), fetched.parts.first()) else {
        return;
    };
    if *first_ms < own.data.from {
        return;
    }
    let Some(held) = fetched.held() else { return };
    let (covered, missing) = fetched.inputs.completeness();
    let revision = fetched.revision();
    let is_new = |need: &Digest, hash: &Digest| {
        shared.told.recorded().get(need).is_none_or(|(known, known_revision, at)| {
            known != hash || *known_revision != revision || at.elapsed() >= RECORD_AGE
        })
    };
    let segments: Vec<SegmentHash> = held.into_iter().map(|it| it.segment).collect();
    let versions: Vec<DataVersion> = met
        .iter()
        .filter(|(need, hash)| is_new(need, hash))
        .map(|(need, hash)| DataVersion {
            need: *need,
            source: shared.market.source_id().to_owned(),
            parts: fetched.parts.iter().map(|part| part.data.clone()).collect(),
            hash: *hash,
            revision,
            closed: fetched.closed,
            covered,
            missing,
            fingerprint: fingerprint.digest,
            segments: segments.clone(),
        })
        .collect();
    if versions.is_empty() {
        return;
    }
    if let Err(error) = shared.store.record_data(&versions).await {
        tracing::debug!(%error, "what was loaded was not put on record");
        return;
    }
    let mut recorded = shared.told.recorded();
    for version in versions {
        recorded.insert(version.need, (version.hash, revision, Instant::now()));
    }
    while recorded.len() > REMEMBERED {
        recorded.pop_first();
    }
}
