//! The bundle request: what is refused and how it is said, the product, the keys.

mod documents;
mod faults;
mod keys;
mod noise;
mod product;
mod ranges;
mod settings;

use model::{Bundle, Faults, Limits};
use serde_json::{Value, json};

/// A valid request: two EMAs, one parameter point.
fn request() -> Value {
    json!({
        "name": "EMA cross",
        "universalConfig": {
            "exchange": "binance",
            "ticker": "BTCUSDT",
            "timeframe": "15m",
            "balance": 10_000,
            "strategy": {
                "indicators": {
                    "f": {"ema": {"of": "close", "n": {"$": "fast"}}},
                    "s": {"ema": {"of": "close", "n": {"$": "slow"}}}
                },
                "signals": {"long": {"crossUp": ["f", "s"]}, "short": {"crossDown": ["f", "s"]}},
                "params": {
                    "fast": {"int": [1, 1_000, 1], "default": 12},
                    "slow": {"int": [1, 10_000, 1], "default": 26}
                },
                "constraints": ["fast < slow"]
            }
        },
        "dateTimeRanges": [{"start": "2024-01-01T00:00:00Z", "end": "2024-07-01T00:00:00Z"}]
    })
}

/// [`request`] with the values at some JSON Pointers replaced; missing objects are made.
fn request_with(changes: &[(&str, Value)]) -> Value {
    let mut request = request();
    for (pointer, value) in changes {
        let mut place = &mut request;
        for token in pointer.split('/').skip(1) {
            place = match token.parse::<usize>() {
                Ok(index) if place.is_array() => &mut place[index],
                _ => &mut place[token],
            };
        }
        *place = value.clone();
    }
    request
}

/// The bundle of a request that is valid.
#[track_caller]
fn bundle(changes: &[(&str, Value)]) -> Bundle {
    parse(changes).unwrap_or_else(|faults| panic!("{faults}"))
}

fn parse(changes: &[(&str, Value)]) -> Result<Bundle, Faults> {
    Bundle::parse(&request_with(changes), &Limits::default())
}
