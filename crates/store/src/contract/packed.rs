//! What a result is stored as: made where it was computed, so that the writer only writes.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::Error;
use crate::payload::unpack;

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

/// An outcome's bytes, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedOutcome(Vec<u8>);

impl PackedOutcome {
    /// [`model::Outcome::to_bytes`] of the outcome. As costly as packing.
    pub fn unpack(&self) -> Result<Vec<u8>, Error> {
        unpack(&self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Compresses outcomes. Its state costs more than a small outcome: keep it for a whole batch.
#[derive(Default)]
pub struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    /// Packs [`model::Outcome::to_bytes`]. Takes time in proportion to its length: not for the
    /// async runtime. Fails only where the memory for it is not to be had.
    pub fn pack(&mut self, outcome: &[u8]) -> Result<PackedOutcome, Error> {
        self.compress(outcome).map(PackedOutcome)
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
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_survive_and_damage_is_refused() {
        let mut packer = Packer::default();
        for outcome in [vec![7_u8; 10_000], Vec::new(), vec![1, 2, 3]] {
            let packed = packer.pack(&outcome).unwrap();
            assert!(packed.as_bytes().len() < 100);
            assert_eq!(packed.unpack().unwrap(), outcome);
            let damaged = PackedOutcome(packed.as_bytes()[1..].to_vec());
            assert!(matches!(damaged.unpack(), Err(Error::Refused { .. })));
        }
    }

    #[test]
    fn the_fields_of_an_object_are_in_the_order_of_postgresql() {
        let text = JsonText::object([("total", 1.0), ("b", 2.5), ("cagr", 0.0), ("a", -1.0)]);
        assert_eq!(text.as_str(), r#"{"a":-1.0,"b":2.5,"cagr":0.0,"total":1.0}"#);
        assert_eq!(JsonText::object::<f64>([]).as_str(), "{}");
        assert_eq!(JsonText::from(json!({"b": [null, "\0"]})).as_str(), r#"{"b":[null,"\u0000"]}"#);
    }
}
