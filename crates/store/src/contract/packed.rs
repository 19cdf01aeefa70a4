//! What a result is stored as: made where it was computed, so that the writer only writes.

use model::Outcome;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::Error;
use crate::payload::unpack_outcome;

/// Level of compression: 3 takes half as long again and stores less than one part in a hundred less.
const ZSTD_LEVEL: i32 = 1;

/// JSON, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// The text of `value`, whose maps have text for keys.
    pub fn of(value: &impl Serialize) -> JsonText {
        JsonText(serde_json::to_string(value).expect("what has text for keys is JSON"))
    }

    /// An object of `fields`, shorter names first: the order in which PostgreSQL keeps an object, so
    /// that it has nothing to sort.
    pub fn object<V: Serialize>(fields: impl IntoIterator<Item = (&'static str, V)>) -> JsonText {
        let mut fields: Vec<(&'static str, V)> = fields.into_iter().collect();
        fields.sort_unstable_by_key(|(name, _)| (name.len(), *name));
        JsonText::of(&InOrder(&fields))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> JsonText {
        JsonText::of(&value)
    }
}

/// An object whose fields are written as they come.
struct InOrder<'a, V>(&'a [(&'static str, V)]);

impl<V: Serialize> Serialize for InOrder<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// An outcome as it is stored: [`model::CompactOutcome`], its text compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedOutcome(Vec<u8>);

impl PackedOutcome {
    /// The outcome. As costly as packing.
    pub fn unpack(&self) -> Result<Outcome, Error> {
        unpack_outcome(&self.0)
    }

    /// What a row of a result holds.
    pub(crate) fn stored(bytes: Vec<u8>) -> PackedOutcome {
        PackedOutcome(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Compresses outcomes. Its state costs more than a small outcome: keep it for a whole batch.
#[derive(Default)]
pub struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    /// Packs an outcome. Takes time in proportion to its length: not for the async runtime. Fails only
    /// where the memory for it is not to be had.
    pub fn pack(&mut self, outcome: &Outcome) -> Result<PackedOutcome, Error> {
        let compact = outcome.to_compact();
        let text = self.compress(&compact.text)?;
        let mut packed = Vec::with_capacity(8 + text.len() + compact.noise.len());
        packed.extend_from_slice(&(text.len() as u64).to_le_bytes());
        packed.extend_from_slice(&text);
        packed.extend_from_slice(&compact.noise);
        Ok(PackedOutcome(packed))
    }

    pub(crate) fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let cannot = |error: std::io::Error| Error::Refused {
            reason: format!("cannot compress an outcome: {error}"),
        };
        let compressor = match self.0.take() {
            Some(compressor) => compressor,
            None => zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(cannot)?,
        };
        self.0.insert(compressor).compress(bytes).map_err(cannot)
    }
}

#[cfg(test)]
mod tests {
    use model::{DAY_MS, DailyMark};
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_survive_and_damage_is_refused() {
        let mut packer = Packer::default();
        for days in [0, 3, 3_000] {
            let mark = |day| DailyMark { day_ms: day * DAY_MS, equity: 10_000.0 };
            let daily_marks = (0..days).map(mark).collect();
            let outcome = Outcome { daily_marks, ..Outcome::default() };
            let packed = packer.pack(&outcome).unwrap();
            assert!(packed.as_bytes().len() < 100);
            assert_eq!(packed.unpack().unwrap(), outcome);
            for cut in 0..packed.as_bytes().len() {
                let damaged = PackedOutcome(packed.as_bytes()[..cut].to_vec());
                assert!(matches!(damaged.unpack(), Err(Error::Refused { .. })));
            }
        }
    }

    #[test]
    fn an_outcome_of_an_earlier_build_reads_back() {
        let outcome = Outcome {
            daily_marks: vec![DailyMark { day_ms: DAY_MS, equity: 9.5 }],
            ..Outcome::default()
        };
        let stored = Packer::default().compress(&outcome.to_bytes()).unwrap();
        assert_eq!(PackedOutcome::stored(stored).unpack().unwrap(), outcome);
    }

    #[test]
    fn the_fields_of_an_object_are_in_the_order_of_postgresql() {
        let text = JsonText::object([("total", 1.0), ("b", 2.5), ("cagr", 0.0), ("a", -1.0)]);
        assert_eq!(text.as_str(), r#"{"a":-1.0,"b":2.5,"cagr":0.0,"total":1.0}"#);
        assert_eq!(JsonText::object::<f64>([]).as_str(), "{}");
        assert_eq!(JsonText::from(json!({"b": [null, "\0"]})).as_str(), r#"{"b":[null,"\u0000"]}"#);
    }
}
