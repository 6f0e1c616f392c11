//! Walks the workspace as ripgrep does: .gitignore honoured, hidden files
//! shown, `.git` left out, links never followed, in the order of the paths.

use std::path::{Path, PathBuf};

use agent::{Cancel, SandboxError};
use rustix::fs::{FileType, OFlags, Stat};

use crate::beneath::Root;
use crate::ignored::walker;
use crate::roots::Roots;

/// Something below the place that was asked about.
pub(crate) struct Walked<'r> {
    pub(crate) root: &'r Root,
    /// From that root.
    pub(crate) inside: PathBuf,
    /// As the model is shown it.
    pub(crate) shown: PathBuf,
    /// From the place.
    pub(crate) below: PathBuf,
    pub(crate) kind: FileType,
    pub(crate) bytes: u64,
    pub(crate) stat: Stat,
    /// Only its name is to be shown. What is in such a directory is not visited.
    pub(crate) is_hidden: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Enough,
}

/// Calls `visit` with each file, link and directory at or below `path`, the place itself only if it is a file.
/// What cannot be read is passed over: a walk is a look around, not a promise.
pub(crate) fn walk(
    roots: &Roots,
    path: &Path,
    depth: Option<usize>,
    cancel: &Cancel,
    mut visit: impl FnMut(Walked<'_>) -> Next,
) -> Result<(), SandboxError> {
    let root = roots.of(path);
    let place = root.open_file(path, OFlags::PATH)?;
    let start = root.path_of(&place)?;
    let full = root.real().join(&start);
    let mut hidden_dir: Option<PathBuf> = None;
    for entry in walker(&full, depth).sort_by_file_name(Ord::cmp).build() {
        if cancel.is_set() {
            return Err(SandboxError::Cancelled);
        }
        let Ok(entry) = entry else { continue };
        let in_hidden = hidden_dir.as_ref().is_some_and(|dir| entry.path().starts_with(dir));
        if in_hidden || roots.is_own(entry.path()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(root.real()) else { continue };
        // Asked again beneath the root and through no link: a directory that became a link meanwhile shows nothing.
        let Ok(stat) = root.stat_walked(path) else { continue };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if entry.depth() == 0 && kind == FileType::Directory {
            continue;
        }
        let is_hidden = roots.why_hidden(root, path, kind, Some(&stat)).is_some();
        if is_hidden && kind == FileType::Directory {
            hidden_dir = Some(entry.path().to_path_buf());
        }
        let below = path.strip_prefix(&start).unwrap_or(path).to_path_buf();
        let shown = roots.shown(root, path);
        let inside = path.to_path_buf();
        if visit(Walked { root, inside, shown, below, kind, bytes: size(&stat), stat, is_hidden }) == Next::Enough {
            break;
        }
    }
    Ok(())
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
