//! Lines of a text file, plain, gzipped or zipped, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{Error, FileCause};

/// Bytes that a line may have.
const MAX_LINE: u64 = 65_536;
/// Blank lines and comments that may follow each other.
const MOST_PASSED_OVER: u64 = 10_000;
/// A packed file is a trap if it unpacks to more than this many times its size, and that is much.
const MOST_UNPACKED_TIMES: u64 = 200;
const MUCH: u64 = 64 << 20;
const BUFFER: usize = 1 << 16;
/// Endings of what may lie in a ZIP.
const ENTRIES: [&str; 2] = ["csv", "txt"];

/// How a text is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zip,
}

impl Packing {
    /// What is said of a file that is packed so.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => " in gzip",
            Self::Zip => " in ZIP",
        }
    }
}

pub(super) fn unreadable(path: &Path, reason: &str) -> Error {
    Error::Unreadable { path: path.to_owned(), reason: reason.to_owned() }
}

/// Calls `read` with the unpacked bytes of `path`.
pub(super) fn unpacked<T>(
    path: &Path,
    packing: Packing,
    read: impl FnOnce(&mut dyn BufRead) -> Result<T, Error>,
) -> Result<T, Error> {
    let file = File::open(path).map_err(Error::file("open", path))?;
    match packing {
        Packing::Plain => read(&mut BufReader::with_capacity(BUFFER, file)),
        Packing::Gzip => {
            let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
            let unpacked = Limited::new(unpacked, path)?;
            read(&mut BufReader::with_capacity(BUFFER, unpacked))
        }
        Packing::Zip => {
            let bad = |error: zip::result::ZipError| Error::File {
                action: "unpack",
                path: path.to_owned(),
                cause: FileCause::from(io::Error::other(error)),
            };
            let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(bad)?;
            let tables: Vec<usize> = (0..archive.len())
                .filter(|index| {
                    archive.name_for_index(*index).is_some_and(|name| {
                        // macOS packs a file of its own beside every file.
                        !name.starts_with("__MACOSX/")
                            && Path::new(name).extension().is_some_and(|ending| {
                                ENTRIES.iter().any(|known| ending.eq_ignore_ascii_case(known))
                            })
                    })
                })
                .collect();
            let [only] = tables.as_slice() else {
                let reason = "it should hold exactly one CSV file";
                return Err(unreadable(path, reason));
            };
            let entry = Limited::new(archive.by_index(*only).map_err(bad)?, path)?;
            read(&mut BufReader::with_capacity(BUFFER, entry))
        }
    }
}

/// Calls `each` with every line that is neither blank nor a comment, numbered from 1.
pub(super) fn for_each(
    path: &Path,
    packing: Packing,
    each: &mut dyn FnMut(u64, &str) -> ControlFlow<()>,
) -> Result<(), Error> {
    unpacked(path, packing, |reader| lines(path, reader, each))
}

/// A reader of unpacked bytes that fails where there are absurdly many.
struct Limited<R> {
    unpacked: R,
    left: u64,
}

impl<R> Limited<R> {
    fn new(unpacked: R, path: &Path) -> Result<Limited<R>, Error> {
        let packed = path.metadata().map_err(Error::file("look at", path))?.len();
        Ok(Limited { unpacked, left: packed.saturating_mul(MOST_UNPACKED_TIMES).max(MUCH) })
    }
}

impl<R: io::Read> io::Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unpacked.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let text = format!("it unpacks to more than {MOST_UNPACKED_TIMES} times its size");
            io::Error::other(text)
        })?;
        Ok(count)
    }
}

fn lines(
    path: &Path,
    reader: &mut dyn BufRead,
    each: &mut dyn FnMut(u64, &str) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut buffer = Vec::new();
    let mut number = 0;
    let mut passed_over = 0;
    loop {
        buffer.clear();
        let read = reader.take(MAX_LINE).read_until(b'\n', &mut buffer);
        if read.map_err(Error::file("read", path))? == 0 {
            return Ok(());
        }
        number += 1;
        if buffer.len() as u64 == MAX_LINE {
            return Err(unreadable(path, &format!("line {number} is too long")));
        }
        let line = std::str::from_utf8(&buffer).map_err(|_| {
            let wide = buffer.starts_with(&[0xff, 0xfe]) || buffer.starts_with(&[0xfe, 0xff]);
            let fix = if wide { ": it is UTF-16, save it as UTF-8" } else { "" };
            unreadable(path, &format!("line {number} is no UTF-8 text{fix}"))
        })?;
        if line.trim_end_matches(['\n', '\r']).contains('\r') {
            return Err(unreadable(
                path,
                &format!("line {number} has line ends without a line feed"),
            ));
        }
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() || line.starts_with('#') {
            passed_over += 1;
            if passed_over > MOST_PASSED_OVER {
                let reason = format!("line {number} ends {MOST_PASSED_OVER} lines without a row");
                return Err(unreadable(path, &reason));
            }
            continue;
        }
        passed_over = 0;
        if each(number, line).is_break() {
            return Ok(());
        }
    }
}
