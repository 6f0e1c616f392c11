//! What must survive a kill: which locks of the user's repository are ours,
//! and what both sides had last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::private_git::layout::View;
use crate::private_git::snapshot::Snapshot;

/// A ref's lock is git's own, and has no inode that we could know first: only an old one of a name that we were about
/// to lock is taken for ours.
const OLD: Duration = Duration::from_secs(5);

/// An index's lock: a hard link to a file of ours, by which it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) path: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Lock {
    pub(crate) fn is_ours(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == (self.device, self.inode))
    }
}

/// Written before the first lock is taken, removed after the last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) locks: Vec<Lock>,
    pub(crate) refs: Vec<PathBuf>,
}

impl Journal {
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        write(path, self)
    }

    pub(crate) fn remove(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes what a killed run holds. Only for one that is known to be dead.
    pub(crate) fn release(path: &Path) {
        let Ok(journal) = read::<Journal>(path) else { return };
        let written = fs::metadata(path).and_then(|meta| meta.modified()).ok();
        for lock in &journal.locks {
            if lock.is_ours() {
                let _ = fs::remove_file(&lock.path);
            }
            let _ = fs::remove_file(&lock.file);
        }
        for lock in &journal.refs {
            let modified = lock.symlink_metadata().and_then(|meta| meta.modified()).ok();
            let since = written.zip(modified).and_then(|(written, modified)| modified.duration_since(written).ok());
            let is_old = modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| OLD < age);
            if since.is_some_and(|since| since < OLD) && is_old {
                let _ = fs::remove_file(lock);
            }
        }
        let _ = fs::remove_file(path);
    }
}

/// The states of operations in progress: by worktree, the files and what is in them.
pub(crate) type AllStates = BTreeMap<PathBuf, BTreeMap<PathBuf, Vec<u8>>>;

/// What both sides had last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    pub(crate) views: Vec<View>,
    pub(crate) snapshot: Snapshot,
    pub(crate) states: AllStates,
    /// Refs that commands made: these they may delete.
    pub(crate) made: BTreeSet<String>,
}

pub(crate) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec(value).map_err(io::Error::other)?)?;
    fs::rename(new, path)
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}
