//! Reads `dateTimeRanges`: RFC 3339 instants with an offset, start before end.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::Value;

use crate::TimeRange;
use crate::fault::Faults;
use crate::spec::time_text;

use super::fields::{Fields, shown, wrong_type};

/// 1970-01-01, the first instant a range may have.
const FIRST_MS: i64 = 0;
/// 2200-01-01, the last one.
const LAST_MS: i64 = 7_258_118_400_000;

/// One `{start, end}`.
pub(super) fn range(value: &Value, pointer: &str, faults: &mut Faults) -> Option<TimeRange> {
    const HINT: &str = "write {\"start\": \"2024-01-01T00:00:00Z\", \"end\": ...}";
    let fields = Fields::open(value, pointer, &["start", "end"], faults)?;
    let mut side = |name| {
        let value = fields.require(name, HINT, faults)?;
        instant(value, &fields.at(name), faults)
    };
    let (start, end) = (side("start"), side("end"));
    let (start_ms, end_ms) = (start?, end?);
    if start_ms < end_ms {
        return Some(TimeRange { start_ms, end_ms });
    }
    let message = format!("start {} is not before end {}", time_text(start_ms), time_text(end_ms));
    let hint = if start_ms == end_ms {
        "the end is exclusive: write the open of the first candle after the range"
    } else {
        "swap \"start\" and \"end\""
    };
    faults.add_with_hint(pointer, "reversed_range", message, hint);
    None
}

/// Milliseconds since 1970-01-01 UTC.
fn instant(value: &Value, pointer: &str, faults: &mut Faults) -> Option<i64> {
    const EXAMPLE: &str = "2024-01-01T00:00:00Z";
    let Value::String(written) = value else {
        wrong_type(value, pointer, &format!("a time such as \"{EXAMPLE}\""), faults);
        return None;
    };
    let Ok(timestamp) = written.parse::<Timestamp>() else {
        let (message, example) = match written.parse::<DateTime>() {
            Ok(naive) => (
                format!("the time \"{}\" has no offset from UTC", shown(written)),
                format!("{naive}Z"),
            ),
            Err(_) => {
                (format!("\"{}\" is not a time in RFC 3339", shown(written)), EXAMPLE.to_owned())
            }
        };
        faults.add_with_hint(pointer, "invalid_time", message, format!("write {example}"));
        return None;
    };
    let ms = timestamp.as_millisecond();
    if timestamp.as_nanosecond() != i128::from(ms) * 1_000_000 {
        let message = format!("the time \"{}\" is finer than a millisecond", shown(written));
        faults.add(pointer, "invalid_time", message);
        return None;
    }
    if !(FIRST_MS..=LAST_MS).contains(&ms) {
        let message = format!("the time \"{}\" is not in the years 1970 to 2199", shown(written));
        faults.add(pointer, "out_of_range", message);
        return None;
    }
    Some(ms)
}
