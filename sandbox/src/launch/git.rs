//! What git would run or follow later does not change: hooks, configuration,
//! attributes, and the files that say where a repository is. Commits, branches
//! and stashes write elsewhere.
//!
//! Where mounts are ours the files are read-only. Where they are not, and for
//! names that do not exist yet, we look before and after: what a command put
//! there is moved aside, and what was there is put back.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use crate::beneath::open_dir;
use crate::guarded::{self, Face, look, move_aside};
use crate::launch::git_data::Data;
use crate::launch::raw::MountDepth;
use crate::launch::tree::{READ_ONLY, Tree};

/// Who keeps a file as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The kernel, where there is something to be kept.
    Mounts,
    Looking,
}

/// What was there before the command.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Directories of git, held open: they are found again wherever they were moved.
    held: Vec<(PathBuf, OwnedFd)>,
    /// Of each of these: what git keeps in it.
    data: Vec<Data>,
    before: Vec<(PathBuf, Face)>,
    /// Under mounts of ours. The kernel drops such a mount when a program outside replaces the file.
    mounted: Vec<(PathBuf, Face)>,
}

/// `git`: directories of git, and files that stand for one.
pub(crate) fn guard<'p>(git: impl Iterator<Item = &'p Path>, by: By) -> io::Result<Guard> {
    let mut guard = Guard::default();
    for path in git {
        if guarded::is_git_dir(path) {
            // No other repository may come in its place, with hooks of its own.
            for dir in [path.to_path_buf(), path.join("info")].into_iter().filter(|dir| dir.is_dir()) {
                match by {
                    // A mount point cannot be renamed.
                    By::Mounts => Tree::of(&dir, MountDepth::All)?.mount(&dir)?,
                    By::Looking => {
                        let held = open_dir(&dir)?;
                        guard.held.push((dir, held));
                    }
                }
            }
            guard.data.push(Data::of(path, by));
        }
        for path in guarded::paths(path) {
            guard.add(path, by)?;
        }
    }
    Ok(guard)
}

impl Guard {
    fn add(&mut self, path: PathBuf, by: By) -> io::Result<()> {
        let before = look(&path);
        match (&before, by) {
            // What is not there and a link cannot be covered themselves.
            (Face::Absent | Face::Link(_), _) | (_, By::Looking) => self.before.push((path, before)),
            (Face::File { .. } | Face::Dir(_) | Face::Unknown, By::Mounts) => {
                Tree::of(&path, MountDepth::All)?.with(READ_ONLY, MountDepth::All)?.mount(&path)?;
                self.mounted.push((path, before));
            }
        }
        Ok(())
    }

    /// Puts back what has changed. Returns what the model is told.
    pub(crate) fn restore(self) -> Vec<String> {
        let mut notes = Vec::new();
        for (path, held) in self.held {
            if let Err(error) = bring_back(&path, &held) {
                notes.push(format!(
                    "The command moved or deleted `{}`, which could not be restored: {error}.",
                    path.display()
                ));
            }
        }
        // First: what is moved aside below gets names that git does not know either.
        notes.extend(self.data.into_iter().flat_map(Data::check));
        notes.extend(guarded::restore(self.before));
        // Where the mount is still there the command changed nothing, and what changed is the user's.
        let lost = self.mounted.into_iter().filter(|(path, _)| !is_read_only(path));
        notes.extend(guarded::restore(lost.collect()));
        notes
    }
}

fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|statvfs| statvfs.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn bring_back(path: &Path, held: &OwnedFd) -> io::Result<()> {
    let meta = File::from(held.try_clone()?).metadata()?;
    if path.symlink_metadata().is_ok_and(|now| (now.dev(), now.ino()) == (meta.dev(), meta.ino())) {
        return Ok(());
    }
    let now = std::fs::read_link(format!("/proc/self/fd/{}", held.as_raw_fd()))?;
    if path.symlink_metadata().is_ok() {
        move_aside(path)?;
    }
    std::fs::rename(now, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_put_back_and_what_is_new_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(".git").join(name);
        std::fs::create_dir_all(at("hooks")).unwrap();
        std::fs::write(at("config"), "old").unwrap();
        std::fs::write(at("hooks/a"), "a").unwrap();
        let git = folder.path().join(".git");
        let guard = guard([git.as_path()].into_iter(), By::Looking).unwrap();
        std::fs::write(at("config"), "new").unwrap();
        std::fs::write(at("hooks/b"), "b").unwrap();
        std::fs::write(at("commondir"), "elsewhere").unwrap();
        std::fs::write(at("index"), "git's own").unwrap();
        let notes = guard.restore();
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert_eq!(std::fs::read_to_string(at("config")).unwrap(), "old");
        assert_eq!(std::fs::read_to_string(at("config.agent-blocked-1")).unwrap(), "new");
        assert!(at("hooks/a").exists() && !at("hooks/b").exists() && !at("commondir").exists());
        assert!(at("commondir.agent-blocked-1").exists() && at("index").exists());
    }

    #[test]
    fn nothing_is_said_when_nothing_changed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config"), "x").unwrap();
        let guard = guard([folder.path()].into_iter(), By::Looking).unwrap();
        assert_eq!(guard.restore(), Vec::<String>::new());
    }
}
