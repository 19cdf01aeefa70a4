//! JSON arrays of `[time, open, high, low, close, volume]`: CCXT, freqtrade, Binance's klines.
//!
//! Read row by row, so that a file of any length needs the memory of one row. Numbers are parsed
//! exactly; they may also be quoted, and a missing one may be null.

use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};

use super::lines::{self, Packing, unreadable};
use super::row::{Each, Row};
use super::time::Stamp;
use crate::Error;
use crate::validate::Rule;

/// Bytes that a row may have.
const MAX_ROW: u64 = 4_096;
/// Fields that a row has at least: time, open, high, low, close.
const LEAST_FIELDS: usize = 5;

/// A file of JSON arrays.
#[derive(Clone, Debug)]
pub(super) struct Arrays {
    path: PathBuf,
    packing: Packing,
}

impl Arrays {
    /// Whether a text that begins with these bytes may be JSON arrays.
    pub(super) fn begin_with(bytes: &[u8]) -> bool {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
    }

    pub(super) fn new(path: &Path, packing: Packing) -> Arrays {
        Arrays { path: path.to_owned(), packing }
    }

    pub(super) fn words(&self) -> String {
        format!("JSON arrays{}", self.packing.words())
    }

    /// Calls `each` with every row, until it breaks.
    pub(super) fn for_each(&self, each: &mut Each<'_>) -> Result<(), Error> {
        lines::unpacked(&self.path, self.packing, |reader| self.read(reader, each))
    }

    /// After the last row there is nothing but space.
    fn ends(&self, reader: &mut dyn BufRead) -> Result<(), Error> {
        loop {
            let rest = reader.fill_buf().map_err(Error::file("read", &self.path))?;
            if rest.is_empty() {
                return Ok(());
            }
            if !rest.trim_ascii().is_empty() {
                return Err(unreadable(&self.path, "something follows the end of its JSON"));
            }
            let length = rest.len();
            reader.consume(length);
        }
    }

    fn read(&self, reader: &mut dyn BufRead, each: &mut Each<'_>) -> Result<(), Error> {
        let mut buffer = Vec::new();
        let mut row = 0;
        let wrong = |row: u64, what: &str| {
            unreadable(&self.path, &format!("row {} of its JSON {what}", row + 1))
        };
        loop {
            buffer.clear();
            let read = (&mut *reader).take(MAX_ROW).read_until(b']', &mut buffer);
            read.map_err(Error::file("read", &self.path))?;
            let Some(text) = buffer.strip_suffix(b"]") else {
                let long = buffer.len() as u64 == MAX_ROW;
                return Err(wrong(row, if long { "is too long" } else { "is cut off" }));
            };
            let mut text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
            let opening = if row == 0 { b'[' } else { b',' };
            if row > 0 && text.is_empty() {
                return self.ends(reader);
            }
            let Some(rest) = text.strip_prefix(&[opening]) else {
                return Err(wrong(row, "does not follow the one before it"));
            };
            text = rest.trim_ascii_start();
            if row == 0 && text.is_empty() {
                return self.ends(reader);
            }
            let Some(fields) = text.strip_prefix(b"[") else {
                return Err(wrong(row, "is no array of time, open, high, low, close, volume"));
            };
            row += 1;
            let candle =
                std::str::from_utf8(fields).map_err(|_| Rule::Unreadable).and_then(fields_of);
            if each(row, candle).is_break() {
                return Ok(());
            }
        }
    }
}

fn fields_of(text: &str) -> Result<Row, Rule> {
    let mut fields = text.split(',').map(str::trim);
    let stamp = fields.next().and_then(|field| Stamp::parse(unquoted(field)));
    let mut values = [0.0; 5];
    let mut count = 1;
    for (slot, field) in values.iter_mut().zip(fields) {
        *slot = match unquoted(field) {
            "null" | "" => return Err(Rule::NotFinite),
            text => text.parse().map_err(|_| Rule::Unreadable)?,
        };
        count += 1;
    }
    if count < LEAST_FIELDS {
        return Err(Rule::Fields);
    }
    Ok(Row { stamp: stamp.ok_or(Rule::Unreadable)?, values })
}

fn unquoted(field: &str) -> &str {
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let mut rows = Vec::new();
        let result = Arrays::new(&path, Packing::Plain).for_each(&mut |number, row| {
            rows.push(match row {
                Ok(row) => format!("{number}:{:?}/{}", row.stamp, row.values[4]),
                Err(rule) => format!("{number}:{rule:?}"),
            });
            ControlFlow::Continue(())
        });
        match (result, expected) {
            (Ok(()), Ok(expected)) => assert_eq!(rows, expected),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (result, _) => panic!("{result:?} {rows:?}"),
        }
    }

    #[test]
    fn arrays_are_read_with_numbers_texts_and_nulls() {
        check("[]", Ok(&[]));
        check(
            " [ [60000000000, 1, 2, 0.5, 1.5, 9], [1704067200000,\"1\",\"2\",\"0.5\",\"1\",\"7\",1]\n]",
            Ok(&["1:Number(60000000000000, Seconds)/9", "2:Number(1704067200000, Millis)/7"]),
        );
        check("[[1704067200000,1,2,0.5,null,9]]", Ok(&["1:NotFinite"]));
        check("[[1704067200000,1,2,0.5,1]]", Ok(&["1:Number(1704067200000, Millis)/0"]));
        check(
            "[[1,2,3],[\"x\",1,2,1,1,1],[1,1,2,1,x]]",
            Ok(&["1:Fields", "2:Unreadable", "3:Unreadable"]),
        );
    }

    #[test]
    fn what_is_no_array_of_arrays_is_refused() {
        check("[[60,1,2,0.5,1,9]] [[120,1,2,0.5,1,9]]", Err("something follows the end"));
        check("[] x", Err("something follows the end"));
        check("[[60,1,2,0.5,1,9]]\n \n", Ok(&["1:Number(60000, Seconds)/9"]));
        check("[[1,2,0.5,1,9,1],", Err("row 2 of its JSON is cut off"));
        check("[[1,1,2,0.5,1,9]", Err("row 2 of its JSON is cut off"));
        check("[[1,1,2,0.5,1,9] [2]]", Err("does not follow"));
        check("[{\"t\":[1]}]", Err("is no array"));
        check(&format!("[[{}]]", "1,".repeat(5_000)), Err("too long"));
    }
}
