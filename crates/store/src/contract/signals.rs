//! Uploaded signal columns as the store keeps them.

use model::{Digest, SignalColumn};

use super::{Error, Packer};
use crate::payload::unpack;

/// A signal column packed for the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedSignals {
    pub(crate) hash: Digest,
    pub(crate) data: Vec<u8>,
}

impl PackedSignals {
    /// Packs `column`. Takes time in proportion to its rows: not for the async runtime.
    pub fn pack(column: &SignalColumn) -> Result<PackedSignals, Error> {
        let data = Packer::default().compress(&column.to_bytes())?;
        Ok(PackedSignals { hash: column.as_slice().hash(), data })
    }

    /// The column; `Refused` where its bytes are not those that were stored. As costly as packing.
    pub fn unpack(&self) -> Result<SignalColumn, Error> {
        let column = SignalColumn::from_bytes(&unpack(&self.data)?);
        let sound = column.filter(|column| column.as_slice().hash() == self.hash);
        let reason = || format!("the stored signal column {} is damaged", self.hash);
        sound.ok_or_else(|| Error::Refused { reason: reason() })
    }

    /// Its name: the content hash of the column.
    pub fn hash(&self) -> Digest {
        self.hash
    }
}
