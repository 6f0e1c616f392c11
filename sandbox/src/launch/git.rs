//! What git would run or follow later does not change: hooks, configuration,
//! attributes, and the files that say where a repository is. Commits, branches
//! and stashes write elsewhere.
//!
//! Where mounts are ours the files are read-only. Where they are not, and for
//! names that do not exist yet, we look before and after: what a command put
//! there is moved aside, and what was there is put back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::beneath::open_dir;
use crate::launch::raw::MountDepth;
use crate::launch::tree::{READ_ONLY, Tree};

/// In a git directory (gitrepository-layout(5)).
const GUARDED: &[&str] =
    &["config", "config.worktree", "hooks", "info/attributes", "objects/info/alternates", "commondir", "gitdir"];
/// In each directory of `worktrees/`.
const GUARDED_IN_WORKTREES: &[&str] = &["commondir", "gitdir", "config.worktree"];
/// Of a file that is put back if need be. git's own are a few hundred bytes.
const MOST_BYTES: u64 = 1 << 20;

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
    before: Vec<(PathBuf, Face)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Face {
    Absent,
    Link(PathBuf),
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Dir(BTreeMap<OsString, Face>),
    /// Too large to be kept, or not to be read.
    Unknown,
}

/// `git`: directories of git, and files that stand for one.
pub(crate) fn guard<'p>(git: impl Iterator<Item = &'p Path>, by: By) -> io::Result<Guard> {
    let mut guard = Guard::default();
    for path in git {
        if !path.is_dir() {
            guard.add(path, by)?;
            continue;
        }
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
        for name in GUARDED {
            guard.add(&path.join(name), by)?;
        }
        for worktree in std::fs::read_dir(path.join("worktrees")).into_iter().flatten().flatten() {
            for name in GUARDED_IN_WORKTREES {
                guard.add(&worktree.path().join(name), by)?;
            }
        }
    }
    Ok(guard)
}

impl Guard {
    fn add(&mut self, path: &Path, by: By) -> io::Result<()> {
        let kind = path.symlink_metadata().map(|meta| meta.file_type());
        match (kind, by) {
            // A link cannot be covered itself.
            (Ok(kind), By::Mounts) if !kind.is_symlink() => {
                Tree::of(path, MountDepth::All)?.with(READ_ONLY, MountDepth::All)?.mount(path)
            }
            _ => {
                self.before.push((path.to_path_buf(), look(path)));
                Ok(())
            }
        }
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
        for (path, before) in self.before {
            if look(&path) == before {
                continue;
            }
            let shown = path.display();
            notes.push(match put_back(&path, &before) {
                Ok(Some(aside)) => {
                    let aside = aside.display();
                    format!(
                        "Commands may not change `{shown}`: it was restored, and the command's version is `{aside}`."
                    )
                }
                Ok(None) => format!("Commands may not change `{shown}`: it was restored."),
                Err(error) => format!("The command changed `{shown}`, which could not be restored: {error}."),
            });
        }
        notes
    }
}

fn look(path: &Path) -> Face {
    let Ok(meta) = path.symlink_metadata() else { return Face::Absent };
    let mode = meta.permissions().mode();
    if meta.is_symlink() {
        return std::fs::read_link(path).map_or(Face::Unknown, Face::Link);
    }
    if meta.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return Face::Dir(entries.map(|entry| (entry.file_name(), look(&entry.path()))).collect());
    }
    if !meta.is_file() || MOST_BYTES < meta.len() {
        return Face::Unknown;
    }
    std::fs::read(path).map_or(Face::Unknown, |bytes| Face::File { bytes, mode })
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

/// Nothing is deleted: the user may have made it in another window.
fn put_back(path: &Path, before: &Face) -> io::Result<Option<PathBuf>> {
    let aside = if path.symlink_metadata().is_ok() { Some(move_aside(path)?) } else { None };
    make(path, before)?;
    Ok(aside)
}

fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".agent-blocked-{number}"));
        let aside = path.with_file_name(name);
        if aside.symlink_metadata().is_err() {
            std::fs::rename(path, &aside)?;
            return Ok(aside);
        }
        number += 1;
    }
}

fn make(path: &Path, face: &Face) -> io::Result<()> {
    match face {
        Face::Absent => Ok(()),
        Face::Link(target) => symlink(target, path),
        Face::File { bytes, mode } => {
            std::fs::write(path, bytes)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))
        }
        Face::Dir(entries) => {
            std::fs::create_dir(path)?;
            entries.iter().try_for_each(|(name, face)| make(&path.join(name), face))
        }
        Face::Unknown => Err(io::Error::other("it was too large to save")),
    }
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
