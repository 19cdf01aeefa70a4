//! Every job of a bundle with one metric, kept by the bundle's version and put in order once.
//!
//! A heat-map over other axes and the next page of a sorted table need no other look at all jobs.
//! While a bundle runs its points serve for a few times as long as they took to read.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use store::{JobCursor, JobPoint};
use uuid::Uuid;

use crate::app::App;
use crate::derived;
use crate::flight::Flight;
use crate::problem::Problem;
use crate::status::Snapshot;

/// Points read from the store at a time.
const PAGE: u32 = 20_000;
/// Most bundles and metrics that are held at once; a million jobs are 32 MB.
const MAX_HELD: usize = 16;

/// The jobs of one bundle with one metric.
#[derive(Debug)]
pub(crate) struct Points {
    /// The bundle was at this version, or a later one.
    pub(crate) version: u64,
    took: Duration,
    /// Ascending by seq.
    pub(crate) items: Vec<JobPoint>,
    ascending: OnceLock<Vec<u32>>,
    descending: OnceLock<Vec<u32>>,
}

impl Points {
    /// Places in `items` by the metric; jobs without it last, equal ones by seq.
    fn order(&self, is_descending: bool) -> &[u32] {
        let held = if is_descending { &self.descending } else { &self.ascending };
        held.get_or_init(|| {
            let mut order: Vec<u32> = (0..).take(self.items.len()).collect();
            order.sort_by(|a, b| {
                let point = |place: &u32| &self.items[*place as usize];
                compare(
                    (point(a).value, point(a).seq),
                    (point(b).value, point(b).seq),
                    is_descending,
                )
            });
            order
        })
    }

    /// The first `limit` seqs after `after` of the points that `keep` takes, in order.
    pub(crate) fn page(
        &self,
        is_descending: bool,
        after: Option<JobCursor>,
        keep: impl Fn(&JobPoint) -> bool,
        limit: usize,
    ) -> Vec<u32> {
        let order = self.order(is_descending);
        let point = |place: &u32| &self.items[*place as usize];
        let start = after.map_or(0, |after| {
            order.partition_point(|place| {
                let point = point(place);
                let end = (after.value, after.seq);
                compare((point.value, point.seq), end, is_descending) != Ordering::Greater
            })
        });
        let kept = order[start..].iter().map(point).filter(|point| keep(point));
        kept.take(limit).map(|point| point.seq).collect()
    }
}

/// The order of two jobs, each a metric and a seq.
fn compare(a: (Option<f64>, u32), b: (Option<f64>, u32), is_descending: bool) -> Ordering {
    let by_value = match (a.0, b.0) {
        (Some(a), Some(b)) if is_descending => (b + 0.0).total_cmp(&(a + 0.0)),
        (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    by_value.then(a.1.cmp(&b.1))
}

/// The points that were asked for lately.
#[derive(Default)]
pub(crate) struct PointsCache {
    held: Mutex<BTreeMap<(Uuid, &'static str), Entry>>,
}

struct Entry {
    flight: Arc<Flight<Arc<Points>>>,
    read_at: Instant,
}

impl PointsCache {
    /// Forgets points that nobody has read for `idle`.
    pub(crate) fn evict(&self, idle: Duration) {
        self.lock().retain(|_, entry| entry.read_at.elapsed() < idle);
    }

    fn flight(&self, key: (Uuid, &'static str)) -> Arc<Flight<Arc<Points>>> {
        let mut held = self.lock();
        if held.len() >= MAX_HELD && !held.contains_key(&key) {
            let oldest = held.iter().min_by_key(|(_, entry)| entry.read_at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                held.remove(&oldest);
            }
        }
        let entry = held
            .entry(key)
            .or_insert_with(|| Entry { flight: Arc::default(), read_at: Instant::now() });
        entry.read_at = Instant::now();
        Arc::clone(&entry.flight)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Uuid, &'static str), Entry>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Every job of a bundle that stands as `snapshot` says, with one metric.
    pub(crate) async fn points(
        &self,
        snapshot: &Snapshot,
        metric: &'static str,
    ) -> Result<Arc<Points>, Problem> {
        let (id, version) = (snapshot.row.id, snapshot.row.version);
        let age = |held: &Arc<Points>| derived::age(snapshot, held.version, held.took);
        let load = || async {
            let started = Instant::now();
            let store = self.reads(id, version).await;
            let mut items: Vec<JobPoint> = Vec::new();
            loop {
                let after = items.last().map(|point| point.seq);
                let page = store.points(id, metric, after, PAGE).await?;
                let is_last = page.len() < PAGE as usize;
                items.extend(page);
                if is_last {
                    break;
                }
            }
            let took = started.elapsed();
            let (ascending, descending) = (OnceLock::new(), OnceLock::new());
            Ok(Arc::new(Points { version, took, items, ascending, descending }))
        };
        self.points_cache().flight((id, metric)).get(age, load).await
    }
}

#[cfg(test)]
mod tests {
    use model::JobStatus;

    use super::*;

    fn points(values: &[Option<f64>]) -> Points {
        let status = JobStatus::Completed;
        let item = |(seq, value): (u32, &Option<f64>)| JobPoint { seq, status, value: *value };
        Points {
            version: 1,
            took: Duration::ZERO,
            items: (0..).zip(values).map(item).collect(),
            ascending: OnceLock::new(),
            descending: OnceLock::new(),
        }
    }

    #[track_caller]
    fn check(is_descending: bool, expected: &[u32]) {
        let points = points(&[Some(2.0), None, Some(-1.0), Some(2.0), Some(0.0), Some(-0.0), None]);
        assert_eq!(points.page(is_descending, None, |_| true, 99), expected);
        let mut walked = Vec::new();
        let mut after = None;
        while let Some(seq) = points.page(is_descending, after, |_| true, 1).first() {
            walked.push(*seq);
            after = Some(JobCursor { value: points.items[*seq as usize].value, seq: *seq });
        }
        assert_eq!(walked, expected, "page by page");
    }

    #[test]
    fn jobs_without_the_metric_come_last_and_equal_ones_by_seq() {
        check(false, &[2, 4, 5, 0, 3, 1, 6]);
        check(true, &[0, 3, 4, 5, 2, 1, 6]);
    }

    #[test]
    fn a_page_has_only_what_is_kept() {
        let points = points(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
        let odd = |point: &JobPoint| point.seq % 2 == 1;
        assert_eq!(points.page(true, None, odd, 5), [3, 1]);
    }
}
