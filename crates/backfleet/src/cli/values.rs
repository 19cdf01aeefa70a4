//! Values of flags that need a parser of their own.

use std::time::Duration;

/// `500ms`, `5s`, `15m`, `2h` or `90d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("write a whole number and a unit: 500ms, 5s, 15m, 2h, 90d".to_owned()),
    };
    count
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(milliseconds))
        .filter(|total| *total > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| {
            "write a whole number above 0 and a unit: 500ms, 5s, 15m, 2h, 90d".to_owned()
        })
}

/// An IANA time zone.
pub(super) fn zone(text: &str) -> Result<model::TimeZoneName, String> {
    let unknown = "write an IANA time zone such as America/New_York";
    model::TimeZoneName::new(text).ok_or_else(|| unknown.to_owned())
}

/// `500MB`, `2GB`, or a number of bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err("write a whole number and a unit: 500MB, 2GB".to_owned()),
    };
    let total = count.parse::<u64>().ok().and_then(|count| count.checked_mul(bytes));
    total.ok_or_else(|| "write a whole number and a unit: 500MB, 2GB".to_owned())
}

/// What an API key may allow.
pub(super) fn scope(text: &str) -> Result<store::Scope, String> {
    store::Scope::from_word(text.trim()).ok_or_else(|| "write read, submit or admin".to_owned())
}

/// A finite number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("write a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_have_a_unit() {
        assert_eq!(
            (size("0"), size("500MB"), size("2GB")),
            (Ok(0), Ok(500_000_000), Ok(2_000_000_000))
        );
        for text in ["", "MB", "1.5GB", "5mb", "-1"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_a_count() {
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("90d"), Ok(Duration::from_hours(90 * 24)));
        for text in ["", "5", "s", "0s", "-1s", "1.5s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
