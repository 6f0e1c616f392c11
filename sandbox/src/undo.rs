//! What an edit did so far, and the way back.

use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use agent::SandboxError;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::beneath::Place;
use crate::stage::stage;

#[derive(Default)]
pub(crate) struct Undo {
    dirs: Vec<(OwnedFd, OsString)>,
    done: Vec<(PathBuf, Done)>,
}

pub(crate) enum Done {
    Created { dir: OwnedFd, name: OsString },
    Replaced { dir: OwnedFd, name: OsString, before: Vec<u8>, old: Stat },
    Deleted { dir: OwnedFd, name: OsString, before: Vec<u8>, old: Stat, link: Option<CString> },
}

impl Undo {
    /// Makes the missing directories of a place, one by one and through no link. Returns the last.
    pub(crate) fn make_dirs(&mut self, place: &Place) -> Result<OwnedFd, Errno> {
        let mut dir = rustix::io::fcntl_dupfd_cloexec(&place.dir, 3)?;
        for name in &place.missing {
            let made = match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => true,
                // By an earlier file of the same edit.
                Err(Errno::EXIST) => false,
                Err(errno) => return Err(errno),
            };
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = rustix::fs::openat(&dir, name, flags, Mode::empty())?;
            let above = std::mem::replace(&mut dir, below);
            if made {
                self.dirs.push((above, name.clone()));
            }
        }
        Ok(dir)
    }

    pub(crate) fn remember(&mut self, path: &Path, done: Done) {
        self.done.push((path.to_path_buf(), done));
    }

    /// The latest first. Goes on after a failure, and says which files it could not put back.
    pub(crate) fn roll_back(self) -> Result<(), SandboxError> {
        let mut lost = Vec::new();
        for (path, done) in self.done.into_iter().rev() {
            if let Err(errno) = reverse(done) {
                lost.push(format!("`{}` ({errno})", path.display()));
            }
        }
        for (above, name) in self.dirs.into_iter().rev() {
            // Not empty: somebody else put a file there meanwhile, and it stays.
            let _ = rustix::fs::unlinkat(above, name, AtFlags::REMOVEDIR);
        }
        if lost.is_empty() {
            return Ok(());
        }
        Err(SandboxError::Blocked(format!(
            "The edit failed halfway, and these files could not be restored: {}. Check them before you continue.",
            lost.join(", ")
        )))
    }
}

fn reverse(done: Done) -> Result<(), Errno> {
    match done {
        Done::Created { dir, name } => rustix::fs::unlinkat(dir, name, AtFlags::empty()),
        Done::Deleted { dir, name, link: Some(target), .. } => rustix::fs::symlinkat(target, dir, name),
        Done::Replaced { dir, name, before, old } => {
            let staged = stage(dir, &before)?;
            staged.dress(Some(&old), Some(Mode::from_raw_mode(old.st_mode)))?;
            staged.replace(&name).map(drop)
        }
        Done::Deleted { dir, name, before, old, link: None } => {
            let staged = stage(dir, &before)?;
            staged.dress(Some(&old), Some(Mode::from_raw_mode(old.st_mode)))?;
            staged.appear(&name).map(drop)
        }
    }
}
