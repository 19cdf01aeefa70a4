//! A BLAKE3 hash and its text form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 256 bits of BLAKE3; as text `b3:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

/// The text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is written \"b3:\" and 64 hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// Hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// From stored bytes; `None` if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(Digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("b3:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let hex = text.strip_prefix("b3:").ok_or(DigestError)?;
        blake3::Hash::from_hex(hex).map(|hash| Digest(*hash.as_bytes())).map_err(|_| DigestError)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Digest, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same_hash() {
        let digest = Digest::of(b"candles");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::from_slice(&digest.0), Some(digest));
        for text in ["", "b3:", "b3:00", &digest.to_string()[3..]] {
            assert_eq!(text.parse::<Digest>(), Err(DigestError));
        }
    }
}
