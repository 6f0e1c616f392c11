//! What git would run or follow later in its own directories, as it was before a command: looked at, compared by
//! content, and put back. In the process that watches a command, and after a killed run in the agent itself.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

/// In a git directory (gitrepository-layout(5)).
const GUARDED: &[&str] = &[
    "config",
    "config.worktree",
    "hooks",
    "info",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "commondir",
    "gitdir",
    "refs/replace",
    "remotes",
    "branches",
];
/// In each directory of `worktrees/`.
const GUARDED_IN_WORKTREES: &[&str] = &["commondir", "gitdir", "config.worktree"];
/// Of a file that is put back if need be. git's own are a few hundred bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Of a directory such as `hooks`.
const MOST_ENTRIES: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Face {
    Absent,
    Link(OsString),
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    /// By name, in order.
    Dir(Vec<(OsString, Face)>),
    /// Too large to be kept, or not to be read.
    Unknown,
}

/// The paths to be guarded in a git directory, and the path itself if it is a file that stands for one.
pub(crate) fn paths(git: &Path) -> Vec<PathBuf> {
    if !is_git_dir(git) {
        return vec![git.to_path_buf()];
    }
    let worktrees = std::fs::read_dir(git.join("worktrees")).into_iter().flatten().flatten();
    let in_worktrees =
        worktrees.flat_map(|worktree| GUARDED_IN_WORKTREES.iter().map(move |name| worktree.path().join(name)));
    GUARDED.iter().map(|name| git.join(name)).chain(in_worktrees).collect()
}

/// Whether it is a directory of git's. A link is one if it is a `.git`; another one is guarded itself.
pub(crate) fn is_git_dir(path: &Path) -> bool {
    path.is_dir() && (!path.is_symlink() || path.file_name().is_some_and(|name| name == ".git"))
}

/// All that is to be guarded, as it is now.
pub(crate) fn faces(git: &[PathBuf]) -> Vec<(PathBuf, Face)> {
    git.iter().flat_map(|git| paths(git)).map(|path| (path.clone(), look(&path))).collect()
}

pub(crate) fn look(path: &Path) -> Face {
    let Ok(meta) = path.symlink_metadata() else { return Face::Absent };
    if meta.is_symlink() {
        return std::fs::read_link(path).map_or(Face::Unknown, |target| Face::Link(target.into_os_string()));
    }
    if meta.is_dir() {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            if MOST_ENTRIES <= entries.len() {
                return Face::Unknown;
            }
            entries.push((entry.file_name(), look(&entry.path())));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        return Face::Dir(entries);
    }
    read(path).map_or(Face::Unknown, |bytes| Face::File { bytes, mode: meta.permissions().mode() })
}

fn read(path: &Path) -> Option<Vec<u8>> {
    read_up_to(path, MOST_BYTES)
}

/// A regular file of a bounded size, through no link at its end.
pub(crate) fn read_up_to(path: &Path, most_bytes: u64) -> Option<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = File::options().read(true).custom_flags(i32::try_from(flags).ok()?).open(path).ok()?;
    let length = file.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= most_bytes)?.len();
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Puts back what has changed. Returns a sentence for each.
pub(crate) fn restore(before: Vec<(PathBuf, Face)>) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, before) in before {
        if look(&path) == before {
            continue;
        }
        let shown = path.display();
        notes.push(match put_back(&path, &before) {
            Ok(Some(aside)) => {
                let aside = aside.display();
                format!("Commands may not change `{shown}`: it was restored, and the other version is `{aside}`.")
            }
            Ok(None) => format!("Commands may not change `{shown}`: it was restored."),
            Err(error) => format!("A command changed `{shown}`, which could not be restored: {error}."),
        });
    }
    notes
}

/// Nothing is deleted: the user may have made it in another window.
fn put_back(path: &Path, before: &Face) -> io::Result<Option<PathBuf>> {
    let aside = if path.symlink_metadata().is_ok() { Some(move_aside(path)?) } else { None };
    make(path, before)?;
    Ok(aside)
}

pub(crate) fn move_aside(path: &Path) -> io::Result<PathBuf> {
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
            std::fs::set_permissions(path, Permissions::from_mode(*mode))
        }
        Face::Dir(entries) => {
            std::fs::create_dir(path)?;
            entries.iter().try_for_each(|(name, face)| make(&path.join(name), face))
        }
        Face::Unknown => Err(io::Error::other("it was too large to save")),
    }
}
