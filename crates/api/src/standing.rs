//! Which jobs of a submit have a result already, told without loading a candle.
//!
//! Workers record which data a need was met with. Where that is closed, was not corrected since and
//! still looks the same to the source, the key of the result is known, and the store completes the
//! job as it inserts it. Anything doubtful is left to a worker.

use std::collections::BTreeMap;
use std::time::Duration;

use candles::Fingerprint;
use model::keys::result_key;
use model::settings::DataPolicy;
use model::{Digest, ENGINE_VERSION, SeriesId, TimeRange};
use store::{DataPart, KnownData, NewJob, Pin};

use crate::app::App;
use crate::facts::Facts;

/// A source that cannot tell its revisions is believed for so long after a worker's last look.
const PROBE_AGE: Duration = Duration::from_mins(10);
/// Distinct needs that are looked up for one bundle; the jobs of others are left to workers.
const MOST_NEEDS: usize = 20_000;

/// Jobs that read the same: positions on the axes that decide it, and the warm-up.
type Reads = (u32, u32, u32, u32, u32);

/// Needs of a bundle's jobs.
pub(crate) struct Needs {
    /// Each need, with the policy for missing candles, and the indices of its jobs.
    by_need: BTreeMap<Digest, Vec<usize>>,
    policy: Option<DataPolicy>,
    /// Whether every job has a need in `by_need`.
    is_whole: bool,
}

impl Needs {
    /// The needs of all jobs of a bundle, which are told apart by their place in it. Heavy: run it off
    /// the async threads.
    pub(crate) fn of(facts: &Facts, source: &str) -> Needs {
        let bundle = &facts.bundle;
        let mut reads: BTreeMap<Reads, (u32, Vec<usize>)> = BTreeMap::new();
        for (index, (seq, warmup)) in bundle.warmups().enumerate() {
            let Some(at) = bundle.position(seq) else { continue };
            let reads_of = (at.range, at.ticker, at.timeframe, at.money_management, warmup);
            reads.entry(reads_of).or_insert_with(|| (seq, Vec::new())).1.push(index);
        }
        let is_whole = reads.len() <= MOST_NEEDS;
        let (mut by_need, mut policy) = (BTreeMap::<Digest, Vec<usize>>::new(), None);
        for (first, indices) in reads.into_values().take(MOST_NEEDS) {
            let Some(spec) = bundle.job(first) else { continue };
            policy = Some(spec.data_policy);
            by_need.entry(spec.need(source)).or_default().extend(indices);
        }
        Needs { by_need, policy, is_whole }
    }

    /// Fills in the result keys that are known; answers what the bundle is then held to, and
    /// whether every key is known.
    pub(crate) async fn settle(self, app: &App, jobs: &mut [NewJob]) -> (Vec<Pin>, bool) {
        let needs: Vec<Digest> = self.by_need.keys().copied().collect();
        let (Some(policy), Ok(known)) = (self.policy, app.store().known_data(&needs).await) else {
            return (Vec::new(), false);
        };
        let mut looks = Looks { app, seen: BTreeMap::new() };
        let mut pins = BTreeMap::new();
        let mut is_whole = self.is_whole;
        for (need, indices) in self.by_need {
            let usable = match known.get(&need) {
                Some(data) if looks.still_stands(data, policy).await => Some(&data.version),
                Some(_) | None => None,
            };
            let Some(version) = usable else {
                is_whole = false;
                continue;
            };
            for index in indices {
                if let Some(job) = jobs.get_mut(index) {
                    job.result_key = Some(result_key(job.spec_key, ENGINE_VERSION, version.hash));
                }
            }
            for segment in &version.segments {
                let place = (version.source.clone(), segment.series.clone(), segment.start);
                pins.entry(place).or_insert_with(|| segment.clone());
            }
        }
        let pin = |((source, _, _), segment)| Pin { source, segment };
        (pins.into_iter().map(pin).collect(), is_whole)
    }
}

/// Looks at the source; each stretch once.
struct Looks<'a> {
    app: &'a App,
    seen: BTreeMap<(SeriesId, i64, i64), Option<Fingerprint>>,
}

impl Looks<'_> {
    /// Whether a worker that loaded the same now would find the same, and run the job on it.
    async fn still_stands(&mut self, data: &KnownData, policy: DataPolicy) -> bool {
        let KnownData { version, age } = data;
        let runs = (version.covered || policy.allow_uncovered_ends)
            && (version.missing == 0 || !policy.fail_on_gaps);
        if !version.closed || !runs {
            return false;
        }
        let mut looks = Vec::with_capacity(version.parts.len());
        for part in &version.parts {
            match self.look(part).await {
                Some(look) => looks.push(look),
                None => return false,
            }
        }
        let look = Fingerprint::join(&looks);
        look.digest == version.fingerprint && (look.exact || *age <= PROBE_AGE)
    }

    async fn look(&mut self, part: &DataPart) -> Option<Fingerprint> {
        let stretch = (part.asked.clone(), part.from, part.to);
        if let Some(look) = self.seen.get(&stretch) {
            return *look;
        }
        let range = TimeRange { start_ms: part.from, end_ms: part.to };
        let asked = self.app.market().fingerprint(&part.asked, range);
        let limit = self.app.config().series_timeout;
        let look = tokio::time::timeout(limit, asked).await.ok().and_then(Result::ok);
        self.seen.insert(stretch, look);
        look
    }
}
