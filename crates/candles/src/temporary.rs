//! Files that get a temporary name until they are whole.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// A new file in `folder` whose name begins with `prefix`.
///
/// It has the permissions of any new file (0666 less the umask), not those of a secret: it will be
/// renamed to what other users and tools read.
pub(crate) fn file_in(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let permissions = Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(prefix).permissions(permissions).tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_temporary_file_is_as_readable_as_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let usual = dir.path().join("usual");
        File::create(&usual).unwrap();
        let temporary = file_in(dir.path(), ".writing-").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(temporary.path()), mode(&usual));
    }
}
