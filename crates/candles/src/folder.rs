//! Looking into folders that may not be there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// What is in `folder`, in no order; nothing if there is no such folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("list", folder)(error)),
    };
    listing
        .map(|item| item.map(|item| item.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(Error::file("list", folder))
}
