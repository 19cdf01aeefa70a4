//! Keys: which backtests are the same, which data they saw, which results stand.
//!
//! spec key (at submit) and data hash (by the worker) make the result key. Every hash starts with a
//! domain of its own, so that no text of one kind can be taken for another.

use crate::settings::SeriesSettings;
use crate::{Digest, canonical, number};

/// What a series is to a backtest; the order of the variants is the order in the data hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The job's own candles.
    Candles,
    /// Finer candles that resolve ambiguous ones.
    Detail,
    /// Funding payments.
    Funding,
    /// Candles of another ticker that the strategy reads.
    OtherTicker,
    /// An uploaded signal column.
    SignalColumn,
}

impl Role {
    /// The byte that is hashed for it; never changed.
    fn code(self) -> u8 {
        match self {
            Self::Candles => 1,
            Self::Detail => 2,
            Self::Funding => 3,
            Self::OtherTicker => 4,
            Self::SignalColumn => 5,
        }
    }
}

/// Spec key: hash of a canonical text, as [`crate::JobSpec::canonical_json`] gives it.
pub fn spec_key(canonical_json: &str) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"backfleet.spec.1\0");
    hasher.update(canonical_json.as_bytes());
    Digest(*hasher.finalize().as_bytes())
}

/// Data hash: everything a backtest read from outside its spec.
///
/// `parts` are the series hashes over exactly what was read, in any order: they are sorted by role,
/// then hash. `settings` are the series' settings after the request's overrides.
pub fn data_hash(parts: &[(Role, Digest)], settings: &SeriesSettings) -> Digest {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"backfleet.data.1\0");
    hasher.update(&(parts.len() as u64).to_le_bytes());
    for (role, digest) in parts {
        hasher.update(&[role.code()]);
        hasher.update(&digest.0);
    }
    let periods = settings.periods_per_year.unwrap_or(settings.calendar.periods_per_year());
    let text = format!(
        "{{\"calendar\":\"{}\",\"instrument\":{},\"periodsPerYear\":{}}}",
        settings.calendar,
        canonical::instrument(&settings.instrument),
        number::text(periods),
    );
    hasher.update(text.as_bytes());
    Digest(*hasher.finalize().as_bytes())
}

/// Result key: the same spec, run by the same engine version on the same data.
pub fn result_key(spec_key: Digest, engine_version: &str, data_hash: Digest) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"backfleet.result.1\0");
    hasher.update(&spec_key.0);
    hasher.update(&(engine_version.len() as u64).to_le_bytes());
    hasher.update(engine_version.as_bytes());
    hasher.update(&data_hash.0);
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn parts_count_by_role_not_by_the_order_they_come_in() {
        let settings = SeriesSettings::default();
        let parts = [
            (Role::OtherTicker, digest("b")),
            (Role::Candles, digest("a")),
            (Role::OtherTicker, digest("c")),
        ];
        let sorted = [parts[1], parts[0], parts[2]];
        assert_eq!(data_hash(&parts, &settings), data_hash(&sorted, &settings));
        let other_roles = [(Role::Detail, digest("a")), parts[0], parts[2]];
        assert_ne!(data_hash(&parts, &settings), data_hash(&other_roles, &settings));
    }

    #[test]
    fn every_series_setting_and_key_part_counts() {
        let plain = SeriesSettings::default();
        let weekdays =
            SeriesSettings { calendar: crate::Calendar::Weekdays, ..SeriesSettings::default() };
        let periods = SeriesSettings { periods_per_year: Some(252.0), ..plain.clone() };
        let same = SeriesSettings { periods_per_year: Some(365.0), ..plain.clone() };
        let parts = [(Role::Candles, digest("a"))];
        let hash = data_hash(&parts, &plain);
        assert_eq!(hash, data_hash(&parts, &same));
        assert_ne!(hash, data_hash(&parts, &weekdays));
        assert_ne!(hash, data_hash(&parts, &periods));
        let key = result_key(digest("spec"), "1", hash);
        assert_ne!(key, result_key(digest("spec"), "2", hash));
        assert_ne!(key, result_key(digest("other"), "1", hash));
        assert_ne!(key, result_key(digest("spec"), "1", digest("other")));
    }

    #[test]
    fn keys_are_pinned() {
        let data = data_hash(&[(Role::Candles, digest("a"))], &SeriesSettings::default());
        let result = result_key(digest("spec"), "1", data);
        let expected = [
            "b3:31b281a17a70ea6d3731275c8480af57904a652291db4a61916f5eebe67e3b07",
            "b3:26d9e83243e1a207865ff6207f2389149dd2bb8af8054baa7f2a0bd222116bd4",
            "b3:435fabab7786ac54ae69cb14cc128391c8c41e93e4c1b41ce28d3a87333df23a",
        ];
        assert_eq!([spec_key("{}"), data, result].map(|key| key.to_string()), expected);
    }

    #[test]
    fn the_same_bytes_give_different_keys_of_different_kinds() {
        assert_ne!(spec_key(""), digest(""));
        assert_ne!(spec_key("{}"), digest("{}"));
    }
}
