//! The `.CHECKSUM` beside a file of Binance's archive.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::lines::unreadable;
use crate::Error;

/// Bytes hashed at a time.
const BUFFER: usize = 1 << 16;
/// Bytes that a checksum file may have.
const MOST: u64 = 4_096;

/// The SHA-256 of `path` where a sibling `.CHECKSUM` names one; they have to agree.
pub(super) fn verified(path: &Path) -> Result<Option<String>, Error> {
    let mut sibling = path.as_os_str().to_owned();
    sibling.push(".CHECKSUM");
    let sibling = PathBuf::from(sibling);
    let mut text = String::new();
    match File::open(&sibling) {
        Ok(file) => {
            file.take(MOST).read_to_string(&mut text).map_err(Error::file("read", &sibling))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", &sibling)(error)),
    };
    let stated = text.split_whitespace().next().unwrap_or("").to_lowercase();
    if stated.len() != 64 || !stated.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unreadable(&sibling, "it does not begin with a SHA-256"));
    }
    let found = sha256(path)?;
    if found == stated {
        return Ok(Some(found));
    }
    let reason =
        format!("its SHA-256 is {found}, its .CHECKSUM says {stated}: download both again");
    Err(unreadable(path, &reason))
}

fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = fs::File::open(path).map_err(Error::file("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = file.read(&mut buffer).map_err(Error::file("read", path))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
    }
    Ok(text)
}
