//! Single flight across the processes of a host: one advisory file lock per segment.
//!
//! The kernel frees a lock when its holder dies, however it dies. The standard library opens files
//! close-on-exec, so no child process inherits one.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// Time between two tries.
const RETRY: Duration = Duration::from_millis(20);

/// A held lock; freed when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Waits for the lock at `path`, at most `timeout`; `None` if somebody else holds it that long.
pub(super) async fn acquire(path: &Path, timeout: Duration) -> Result<Option<Lock>, Error> {
    let folder = path.parent().expect("a lock lies in a folder");
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::file("open", path))?;
    let deadline = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(None),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(RETRY).await,
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path)(error)),
        }
    }
}
