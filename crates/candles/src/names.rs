//! Names of exchanges and tickers as names of folders: percent-encoded where it is needed.

use std::fmt::Write as _;

/// Letters, digits and `-_.+` stay; every other byte becomes `%XX`, and so does a leading dot, so
/// that no name means a parent folder or is hidden.
pub(crate) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'+')
            || (byte == b'.' && index > 0);
        if plain {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The name that [`encode`] wrote; `None` if it wrote no such text.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_and_cannot_leave_their_folder() {
        for name in ["BTCUSDT", "BTC/USDT:USDT", "..", ".hidden", "a b%c=é", "", "BRK.B"] {
            let encoded = encode(name);
            assert_eq!(decode(&encoded).as_deref(), Some(name));
            assert!(!encoded.contains('/') && !encoded.starts_with('.'));
        }
        assert_eq!(encode("BRK.B"), "BRK.B");
        assert_eq!(decode("%4"), None);
        assert_eq!(decode("%FF"), None);
    }
}
