//! Directories that git would take for repositories once somebody checks a
//! commit out or restores a staged file: a bare repository is made of ordinary
//! files, and names programs for git to run.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::private_git::outside::{Git, Input};

/// Of new commits, each is looked at up to this many; of more, the tips.
const MOST_COMMITS: usize = 200;

#[derive(Clone, Copy, Debug, Default)]
struct Pieces {
    head: bool,
    commondir: bool,
    objects: bool,
    refs: bool,
}

impl Pieces {
    fn add(&mut self, name: &[u8]) -> bool {
        let is = |piece: &str| name.eq_ignore_ascii_case(piece.as_bytes());
        let (head, commondir, objects, refs) = (is("HEAD"), is("commondir"), is("objects"), is("refs"));
        self.head |= head;
        self.commondir |= commondir;
        self.objects |= objects;
        self.refs |= refs;
        head || commondir || objects || refs
    }

    /// As git decides it (setup.c, `is_git_directory`).
    fn are_a_repository(self) -> bool {
        self.head && (self.commondir || self.objects && self.refs)
    }
}

/// `paths`: of files, each ended by a NUL. With what is on disk below `worktree`: a part of it may be there already.
pub(crate) fn repositories(paths: &[u8], worktree: Option<&Path>) -> BTreeSet<PathBuf> {
    let mut dirs: BTreeMap<&[u8], Pieces> = BTreeMap::new();
    for path in paths.split(|byte| *byte == 0) {
        let mut at = 0_usize;
        for part in path.split(|byte| *byte == b'/') {
            let dir = path.get(..at.saturating_sub(1)).unwrap_or_default();
            let mut pieces = Pieces::default();
            // The top has a `.git`, which git finds first.
            if 0 < at && pieces.add(part) {
                dirs.entry(dir).or_default().add(part);
            }
            at += part.len() + 1;
        }
    }
    let on_disk = |dir: &Path, mut pieces: Pieces| {
        for name in ["HEAD", "commondir", "objects", "refs"] {
            if worktree.is_some_and(|top| top.join(dir).join(name).symlink_metadata().is_ok()) {
                pieces.add(name.as_bytes());
            }
        }
        pieces
    };
    let dirs = dirs.into_iter().map(|(dir, pieces)| (PathBuf::from(OsStr::from_bytes(dir)), pieces));
    dirs.filter(|(dir, pieces)| on_disk(dir, *pieces).are_a_repository()).map(|(dir, _)| dir).collect()
}

/// Refuses commits that would make one, if no commit of the user's has it already.
pub(crate) fn refuse(
    git: &Git,
    dir: &Path,
    new: &[String],
    known: &[String],
    worktree: Option<&Path>,
) -> io::Result<()> {
    let range = new.iter().cloned().chain(known.iter().map(|id| format!("^{id}"))).map(|id| id + "\n");
    let listed = git.run(
        dir,
        &["rev-list", &format!("--max-count={}", MOST_COMMITS + 1), "--stdin"],
        Input::Bytes(range.collect::<String>().as_bytes()),
    )?;
    let listed = String::from_utf8_lossy(&listed);
    let commits: Vec<&str> = listed.lines().collect();
    let all = commits.iter().copied().filter(|_| commits.len() <= MOST_COMMITS);
    let ids: BTreeSet<&str> = all.chain(new.iter().map(String::as_str)).collect();
    // A tag of a single file has no names.
    let names = |id: &str| git.run(dir, &["ls-tree", "-r", "--name-only", "-z", id], Input::None).unwrap_or_default();
    let mut found = BTreeSet::new();
    for id in ids {
        found.extend(repositories(&names(id), worktree));
    }
    if found.is_empty() {
        return Ok(());
    }
    for id in known {
        for dir in repositories(&names(id), None) {
            found.remove(&dir);
        }
    }
    not_taken(&found)
}

pub(crate) fn not_taken(found: &BTreeSet<PathBuf>) -> io::Result<()> {
    match found.first() {
        None => Ok(()),
        Some(dir) => Err(io::Error::other(format!("`{}` in it makes a git repository", dir.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expected: &[&str]) {
        let listed = paths.join("\0") + "\0";
        let found = repositories(listed.as_bytes(), None);
        assert_eq!(found.iter().map(|dir| dir.to_str().unwrap()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn files_that_make_a_repository() {
        check(&["lib/HEAD", "lib/objects/x", "lib/refs/x", "lib/config"], &["lib"]);
        check(&["a/b/HEAD", "a/b/commondir", "x"], &["a/b"]);
        check(&["lib/head", "lib/Objects/x", "lib/REFS"], &["lib"]);
        check(&["HEAD", "objects/x", "refs/x"], &[]);
        check(&["src/objects/mod.rs", "src/refs/mod.rs", "docs/HEAD", "x/commondir"], &[]);
    }

    #[test]
    fn a_part_may_be_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        std::fs::write(folder.path().join("lib/HEAD"), "").unwrap();
        let found = repositories(b"lib/objects/x\0lib/refs/x\0", Some(folder.path()));
        assert_eq!(found.len(), 1);
    }
}
