//! Where the private directories of a run are kept: one folder a run, locked
//! as long as the run lives, so that the next one knows who was killed.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FlockOperation;

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The kernel lets go of it when we die, however.
    _lock: File,
    is_kept: bool,
}

const LOCK: &str = "lock";
const WORKSPACE: &str = "workspace";

impl Folder {
    pub(crate) fn make(state: &Path, workspace: &Path) -> io::Result<Folder> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        make_private(state)?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = state.join(format!("{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let lock = File::create(path.join(LOCK))?;
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            // Last: a folder without it is nobody's yet.
            fs::write(path.join(WORKSPACE), workspace.as_os_str().as_bytes())?;
            return Ok(Folder { path, _lock: lock, is_kept: false });
        }
    }

    /// Those of this workspace whose run is dead.
    pub(crate) fn abandoned(state: &Path, workspace: &Path) -> Vec<Folder> {
        let entries = fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path());
        let take = |path: PathBuf| {
            let named = fs::read(path.join(WORKSPACE)).ok()?;
            if named != workspace.as_os_str().as_bytes()
                || fs::metadata(&path).ok()?.uid() != rustix::process::getuid().as_raw()
            {
                return None;
            }
            let lock = File::open(path.join(LOCK)).ok()?;
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
            // Whoever was faster has removed it.
            path.join(WORKSPACE).exists().then_some(Folder { path, _lock: lock, is_kept: false })
        };
        entries.filter_map(take).collect()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // A command may have made something in it that cannot be removed as it is.
        if fs::remove_dir_all(&self.path).is_err() {
            open_up(&self.path);
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Follows no link: entries are asked for what they are.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// Nobody else may have made it: what is in it is mounted.
fn make_private(state: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    let meta = state.symlink_metadata()?;
    if !meta.is_dir() || meta.uid() != rustix::process::getuid().as_raw() || meta.mode() & 0o022 != 0 {
        return Err(io::Error::other(format!("{} belongs to somebody else", state.display())));
    }
    Ok(())
}
