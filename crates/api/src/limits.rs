//! How many jobs a key may submit a minute, on this process.
//!
//! A bucket a key: it holds a minute's jobs and fills evenly. A bundle takes as many as it has jobs;
//! one that has more than the bucket can hold is let through when the bucket is full, and is paid
//! off after. Each process counts for itself: behind a load balancer the limit of a fleet is that
//! of a process times their number.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::auth::Caller;
use crate::code::Code;
use crate::problem::Problem;

/// The time that a limit counts over.
const WINDOW: Duration = Duration::from_mins(1);
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The buckets of all keys.
pub(crate) struct Limits {
    jobs: Option<u64>,
    started: Instant,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// What one key has left, negative while a large bundle is paid off.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    left: f64,
    at: Duration,
}

/// What a key has left after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Jobs a minute.
    limit: u64,
    /// Jobs left now.
    left: u64,
    /// Seconds until all are left again.
    full_in: u64,
}

/// Too many: seconds until as many are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) quota: Quota,
    pub(crate) retry_after: u64,
}

impl Limits {
    /// At most `jobs` a minute and key; `None` for no limit.
    pub(crate) fn new(jobs: Option<u64>) -> Limits {
        Limits { jobs, started: Instant::now(), buckets: Mutex::default() }
    }

    /// Takes `jobs` from a key's bucket; `None` where there is no limit.
    pub(crate) fn take(&self, key: &str, jobs: u64) -> Result<Option<Quota>, Exceeded> {
        let Some(limit) = self.jobs else { return Ok(None) };
        let now = self.started.elapsed();
        let mut buckets = self.lock();
        let fresh = Bucket::full(limit, now);
        let bucket = buckets.entry(key.to_owned()).or_insert(fresh);
        bucket.take(limit, now, jobs).map(Some)
    }

    /// Gives back what was taken for a request that stored nothing.
    pub(crate) fn give_back(&self, key: &str, jobs: u64) {
        let Some(limit) = self.jobs else { return };
        if let Some(bucket) = self.lock().get_mut(key) {
            bucket.left = (bucket.left + jobs as f64).min(limit as f64);
        }
    }

    /// Forgets buckets that are full.
    pub(crate) fn evict(&self) {
        let Some(limit) = self.jobs else { return };
        let now = self.started.elapsed();
        self.lock().retain(|_, bucket| {
            bucket.fill(limit, now);
            bucket.left < limit as f64
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn full(limit: u64, now: Duration) -> Bucket {
        Bucket { left: limit as f64, at: now }
    }

    fn fill(&mut self, limit: u64, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * rate(limit)).min(limit as f64);
        self.at = now;
    }

    fn take(&mut self, limit: u64, now: Duration, jobs: u64) -> Result<Quota, Exceeded> {
        self.fill(limit, now);
        let needed = jobs.min(limit) as f64;
        if self.left < needed {
            let retry_after = seconds((needed - self.left) / rate(limit)).max(1);
            return Err(Exceeded { quota: self.quota(limit), retry_after });
        }
        self.left -= jobs as f64;
        Ok(self.quota(limit))
    }

    fn quota(&self, limit: u64) -> Quota {
        let full_in = seconds((limit as f64 - self.left) / rate(limit));
        Quota { limit, left: whole(self.left), full_in }
    }
}

impl App {
    /// Takes `jobs` from the caller's quota, where it has one.
    pub(crate) fn take_quota(&self, caller: &Caller, jobs: u64) -> Result<Option<Quota>, Problem> {
        let Some(key) = caller.key() else { return Ok(None) };
        self.quotas().take(key, jobs).map_err(|exceeded| {
            let seconds = exceeded.retry_after;
            let detail = format!(
                "this is more than the API key may submit now; repeat the request in {seconds} s"
            );
            Problem::new(Code::RateLimited, detail).with_quota(exceeded)
        })
    }
}

/// Jobs that come back a second.
fn rate(limit: u64) -> f64 {
    limit.max(1) as f64 / WINDOW.as_secs_f64()
}

fn seconds(seconds: f64) -> u64 {
    whole(seconds.ceil())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn whole(value: f64) -> u64 {
    value.clamp(0.0, 9e15) as u64
}

impl Quota {
    /// `RateLimit` and `RateLimit-Policy`, both counting jobs.
    pub(crate) fn set(&self, headers: &mut HeaderMap) {
        let Quota { limit, left, full_in } = self;
        let window = WINDOW.as_secs();
        let pairs = [
            (LIMIT, format!("\"jobs\";r={left};t={full_in}")),
            (POLICY, format!("\"jobs\";q={limit};w={window}")),
        ];
        for (name, value) in pairs {
            let value = HeaderValue::from_str(&value).expect("digits and quotes are plain");
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minutes_jobs_may_be_taken_at_once_and_come_back_evenly() {
        let mut bucket = Bucket::full(600, at(0));
        assert_eq!(bucket.take(600, at(0), 600), Ok(Quota { limit: 600, left: 0, full_in: 60 }));
        let exceeded = bucket.take(600, at(0), 25).unwrap_err();
        assert_eq!((exceeded.quota.left, exceeded.retry_after), (0, 3));
        assert_eq!(bucket.take(600, at(3), 25), Ok(Quota { limit: 600, left: 5, full_in: 60 }));
        assert_eq!(bucket.take(600, at(999), 0), Ok(Quota { limit: 600, left: 600, full_in: 0 }));
    }

    #[test]
    fn a_bundle_larger_than_a_minute_passes_when_the_bucket_is_full_and_is_paid_off() {
        let mut bucket = Bucket::full(60, at(0));
        assert_eq!(bucket.take(60, at(0), 180), Ok(Quota { limit: 60, left: 0, full_in: 180 }));
        let exceeded = bucket.take(60, at(60), 1).unwrap_err();
        assert_eq!(exceeded.retry_after, 61);
        assert!(bucket.take(60, at(121), 1).is_ok());
    }

    #[test]
    fn over_any_time_no_more_is_taken_than_the_limit_allows() {
        let (mut bucket, mut taken, mut random) = (Bucket::full(100, at(0)), 0, 7_u64);
        for second in 0..3_600 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let jobs = random >> 58;
            taken += if bucket.take(100, at(second), jobs).is_ok() { jobs } else { 0 };
            assert!(taken <= 100 + 100 * second / 60 + 1, "{taken} within {second} s");
        }
        assert!(taken > 5_900, "{taken}");
    }

    #[test]
    fn keys_do_not_share_and_full_buckets_are_forgotten() {
        let limits = Limits::new(Some(10));
        assert!(limits.take("a", 10).is_ok());
        assert!(limits.take("a", 10).is_err());
        assert!(limits.take("b", 10).is_ok());
        limits.give_back("a", 10);
        limits.evict();
        assert_eq!(limits.lock().keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(Limits::new(None).take("a", u64::MAX), Ok(None));
    }
}
