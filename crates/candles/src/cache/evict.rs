//! Keeps the cache below its size: the objects that were used longest ago go first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::object;
use crate::Error;
use crate::folder::list;

/// An object this young may not be in the index yet: it stays.
const YOUNG: Duration = Duration::from_mins(1);
/// A temporary file this old has lost its writer.
const ABANDONED: Duration = Duration::from_hours(1);
/// After an eviction this share of the cap is in use.
const TARGET_PERCENT: u64 = 90;

struct Object {
    path: PathBuf,
    bytes: u64,
    used_at: SystemTime,
}

/// Removes the objects used longest ago until the rest fits; returns the bytes that remain.
///
/// A process that has an object mapped keeps it; others fetch it anew.
pub(super) fn evict(
    objects: &Path,
    temporary: &Path,
    max_bytes: u64,
    now: SystemTime,
) -> Result<u64, Error> {
    let mut found = Vec::new();
    for folder in list(objects)? {
        for path in list(&folder)? {
            if path.extension().is_some_and(|extension| extension == object::SUFFIX) {
                found.extend(look_at(path)?);
            }
        }
    }
    for path in list(temporary)? {
        if let Some(file) = look_at(path)?
            && age(file.used_at, now) > ABANDONED
        {
            remove(&file.path)?;
        }
    }
    let mut total: u64 = found.iter().map(|object| object.bytes).sum();
    if total <= max_bytes {
        return Ok(total);
    }
    let target = max_bytes / 100 * TARGET_PERCENT;
    found.sort_by_key(|object| object.used_at);
    for object in found {
        if total <= target || age(object.used_at, now) < YOUNG {
            break;
        }
        remove(&object.path)?;
        total -= object.bytes;
    }
    Ok(total)
}

/// Notes that an object is in use. A failure only makes it look older than it is.
pub(super) fn touch(path: &Path, now: SystemTime) {
    if let Ok(file) = fs::File::open(path) {
        let _ = file.set_modified(now);
    }
}

fn age(used_at: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(used_at).unwrap_or_default()
}

/// Size and last use; `None` if another process was faster to remove it.
fn look_at(path: PathBuf) -> Result<Option<Object>, Error> {
    match fs::metadata(&path) {
        Ok(metadata) => {
            let used_at = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Ok(Some(Object { path, bytes: metadata.len(), used_at }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("look at", &path)(error)),
    }
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_used_longest_ago_go_first_and_young_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let temporary = dir.path().join("tmp");
        fs::create_dir_all(objects.join("ab")).unwrap();
        fs::create_dir_all(&temporary).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000);
        let write = |path: &Path, age: Duration| {
            fs::write(path, [0; 1_000]).unwrap();
            touch(path, now - age);
        };
        let names = [("old", 300), ("middle", 200), ("late", 100), ("young", 0)];
        for (name, minutes) in names {
            let path = objects.join("ab").join(name).with_extension(object::SUFFIX);
            write(&path, Duration::from_mins(minutes));
        }
        write(&temporary.join("left"), Duration::from_hours(2));
        let remaining = |max| evict(&objects, &temporary, max, now).unwrap();
        assert_eq!(remaining(4_000), 4_000);
        assert_eq!(remaining(2_500), 2_000);
        assert_eq!(remaining(0), 1_000);
        assert!(objects.join("ab/young.cndl").exists());
        assert!(!temporary.join("left").exists());
    }
}
