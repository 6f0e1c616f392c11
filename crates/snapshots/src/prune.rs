//! Old packs go, so that the store stays bounded: by age first, then the least recently used, until it fits.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How much is kept of all workspaces and sessions together.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub age: Duration,
    pub bytes: u64,
}

struct Pack {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// Removes what is over the bounds from `folder`, never the packs of session `keep` nor one that is being written.
pub fn prune(folder: &Path, keep: &str, bounds: Bounds) -> io::Result<()> {
    let mut packs = Vec::new();
    let workspaces = match std::fs::read_dir(folder) {
        Ok(workspaces) => workspaces,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for workspace in workspaces {
        for entry in std::fs::read_dir(workspace?.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "pack") {
                let metadata = std::fs::metadata(&path)?;
                packs.push(Pack { path, used: metadata.modified()?, bytes: metadata.len() });
            }
        }
    }
    packs.sort_by_key(|pack| pack.used);
    let mut total: u64 = packs.iter().map(|pack| pack.bytes).sum();
    let now = SystemTime::now();
    for pack in packs {
        let old = now.duration_since(pack.used).is_ok_and(|age| bounds.age < age);
        let ours = pack.path.file_stem().is_some_and(|stem| stem == keep);
        if (old || bounds.bytes < total) && !ours && remove(&pack.path)? {
            total -= pack.bytes;
        }
    }
    Ok(())
}

/// Whether it is gone.
fn remove(pack: &Path) -> io::Result<bool> {
    if File::options().append(true).open(pack)?.try_lock().is_err() {
        return Ok(false);
    }
    // The index last: without its pack it says nothing.
    std::fs::remove_file(pack)?;
    match std::fs::remove_file(pack.with_extension("index")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Objects;

    const DAY: Duration = Duration::from_hours(24);

    fn pack(folder: &Path, session: &str, content: &[u8], age: Duration) -> Objects {
        let mut objects = Objects::open(folder, Path::new(session), session, 1 << 20).unwrap();
        objects.keep(content).unwrap();
        objects.flush().unwrap();
        for workspace in std::fs::read_dir(folder).unwrap() {
            let path = workspace.unwrap().path().join(format!("{session}.pack"));
            if let Ok(file) = File::options().append(true).open(path) {
                file.set_modified(SystemTime::now() - age).unwrap();
            }
        }
        objects
    }

    /// Sessions of 100 bytes, the oldest first; `e` is still being written. Returns those that are left.
    #[track_caller]
    fn check(bounds: Bounds, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (session, days) in [("a", 40), ("b", 20), ("c", 10), ("d", 5)] {
            drop(pack(folder.path(), session, &[session.as_bytes()[0]; 100], days * DAY));
        }
        let _running = pack(folder.path(), "e", &[b'e'; 100], 50 * DAY);
        prune(folder.path(), "b", bounds).unwrap();
        let mut left = String::new();
        for session in ["a", "b", "c", "d", "e"] {
            let objects = Objects::open(folder.path(), Path::new(session), session, 1).unwrap();
            if objects.has(&crate::Digest::of(&[session.as_bytes()[0]; 100])) {
                left.push_str(session);
            }
        }
        assert_eq!(left, expected);
    }

    #[test]
    fn by_age_then_by_size_but_not_what_is_in_use() {
        check(Bounds { age: 30 * DAY, bytes: 10_000 }, "bcde");
        check(Bounds { age: 30 * DAY, bytes: 300 }, "bde");
        check(Bounds { age: 30 * DAY, bytes: 0 }, "be");
        check(Bounds { age: 100 * DAY, bytes: 10_000 }, "abcde");
    }
}
