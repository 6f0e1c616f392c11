//! What git itself keeps in a git directory, by the names that it has there (gitrepository-layout(5)): a command may
//! change that. A name that nobody knows was planted, and so was what data can be made to do: run a line of a rebase,
//! hide a commit, lead elsewhere by a link.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::guarded::{self, Face, look, move_aside};
use crate::launch::git::By;

/// Files and directories of git and git-lfs, in a git directory. Those that are guarded are compared by content.
const DATA: &[&str] = &[
    "AUTO_MERGE",
    "BISECT_ANCESTORS_OK",
    "BISECT_EXPECTED_REV",
    "BISECT_FIRST_PARENT",
    "BISECT_HEAD",
    "BISECT_LOG",
    "BISECT_NAMES",
    "BISECT_RUN",
    "BISECT_START",
    "BISECT_TERMS",
    "CHERRY_PICK_HEAD",
    "COMMIT_EDITMSG",
    "FETCH_HEAD",
    "HEAD",
    "MERGE_AUTOSTASH",
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "MERGE_RR",
    "NOTES_EDITMSG",
    "NOTES_MERGE_PARTIAL",
    "NOTES_MERGE_REF",
    "NOTES_MERGE_WORKTREE",
    "ORIG_HEAD",
    "REBASE_HEAD",
    "REVERT_HEAD",
    "SQUASH_MSG",
    "TAG_EDITMSG",
    "description",
    "gc.log",
    "gc.pid",
    "index",
    "lfs",
    "logs",
    "objects",
    "packed-refs",
    "rebase-apply",
    "rebase-merge",
    "refs",
    "reftable",
    "rr-cache",
    "sequencer",
    "shallow",
];
/// Those that are guarded already.
const GUARDED: &[&str] = &["branches", "commondir", "config", "config.worktree", "gitdir", "hooks", "info", "remotes"];
/// Entered by name, since each thing in them is a git directory.
const OTHERS: &[&str] = &["modules", "worktrees"];
/// Of a rebase's todo (git-rebase(1)). Not `exec`.
const TODO: &[&str] = &[
    "pick",
    "p",
    "reword",
    "r",
    "edit",
    "e",
    "squash",
    "s",
    "fixup",
    "f",
    "break",
    "b",
    "drop",
    "d",
    "label",
    "l",
    "reset",
    "t",
    "merge",
    "m",
    "update-ref",
    "u",
    "noop",
];

#[derive(Debug)]
pub(crate) struct Data {
    git: PathBuf,
    by: By,
    names: BTreeSet<OsString>,
    others: BTreeSet<OsString>,
    head: Face,
    todo: Face,
    replaced: BTreeSet<Vec<u8>>,
}

impl Data {
    /// As it is before the command.
    pub(crate) fn of(git: &Path, by: By) -> Data {
        Data {
            git: git.to_path_buf(),
            by,
            names: names(git),
            others: others(git),
            head: look(&git.join("HEAD")),
            todo: look(&todo(git)),
            replaced: replaced(git),
        }
    }

    /// Returns what the model is told.
    pub(crate) fn check(self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.by == By::Looking {
            let planted =
                names(&self.git).into_iter().filter(|name| !self.names.contains(name) && !is_data(&self.git, name));
            let in_others = others(&self.git).into_iter().filter(|name| !self.others.contains(name));
            for name in planted.chain(in_others) {
                notes.extend(put_aside(&self.git.join(name), "is not one of git's files"));
            }
            if !is_head(&look(&self.git.join("HEAD"))) {
                notes.extend(guarded::restore(vec![(self.git.join("HEAD"), self.head)]));
            }
        }
        let path = todo(&self.git);
        let now = look(&path);
        if now != self.todo
            && let Face::File { bytes, mode } = now
            && let Some(harmless) = without_exec(&bytes)
        {
            notes.extend(put_aside(&path, "has lines that run programs when the rebase continues"));
            let kept = guarded::restore(vec![(path.clone(), Face::File { bytes: harmless, mode })]);
            if kept.iter().any(|note| note.contains("could not")) {
                notes.extend(kept);
            }
            notes.push(format!(
                "A rebase is in progress. Its `exec` lines were removed from `{}`, because `git rebase --continue` would run \
                 them outside of the sandbox.",
                path.display()
            ));
        }
        if !replaced(&self.git).is_subset(&self.replaced) {
            notes.push(format!(
                "`{}` has new entries below `refs/replace/`: git shows different objects in place of the real ones.",
                self.git.join("packed-refs").display()
            ));
        }
        notes
    }
}

fn put_aside(path: &Path, why: &str) -> Option<String> {
    let shown = path.display();
    match move_aside(path) {
        Ok(aside) => Some(format!("`{shown}` {why}: it was moved to `{}`.", aside.display())),
        Err(error) => Some(format!("`{shown}` {why}, but moving it failed: {error}.")),
    }
}

fn names(dir: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// Below `modules` and `worktrees`, from the git directory. A submodule's name may have slashes; its first part counts.
fn others(git: &Path) -> BTreeSet<OsString> {
    let below = |name: &'static str| names(&git.join(name)).into_iter().map(move |below| Path::new(name).join(below));
    OTHERS.iter().flat_map(|name| below(name)).map(PathBuf::into_os_string).collect()
}

fn is_data(git: &Path, name: &OsStr) -> bool {
    let is_link = git.join(name).is_symlink();
    let own = |names: &[&str]| names.iter().any(|own| name == *own);
    let bytes = name.as_bytes();
    let locked = bytes.strip_suffix(b".lock").is_some_and(|name| is_data(git, OsStr::from_bytes(name)));
    // A ref at the top of a git directory is a word in capitals (git-check-ref-format(1)).
    let is_ref = bytes.ends_with(b"_HEAD") && bytes.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    own(GUARDED)
        || own(OTHERS) && !is_link
        || name == "HEAD"
        || !is_link && (own(DATA) || is_ref || locked || bytes.starts_with(b"sharedindex."))
}

/// As `validate_headref` of git (path.c): a link to a ref, the name of one, or an object's.
fn is_head(face: &Face) -> bool {
    match face {
        Face::Link(target) => Path::new(target).starts_with("refs"),
        Face::File { bytes, .. } => {
            let text = bytes.trim_ascii();
            let hex = matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
            hex || text.strip_prefix(b"ref:").is_some_and(|name| name.trim_ascii().starts_with(b"refs/"))
        }
        Face::Absent | Face::Dir(_) | Face::Unknown => false,
    }
}

fn todo(git: &Path) -> PathBuf {
    git.join("rebase-merge/git-rebase-todo")
}

/// `None`: nothing in it runs a program.
fn without_exec(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_harmless = |line: &&[u8]| {
        let word = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        word.is_empty() || word.starts_with(b"#") || TODO.iter().any(|own| word == own.as_bytes())
    };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let kept: Vec<&[u8]> = lines.iter().copied().filter(is_harmless).collect();
    (kept.len() < lines.len()).then(|| kept.concat())
}

/// Lines of `packed-refs` about replaced objects; those that are files are guarded as such.
fn replaced(git: &Path) -> BTreeSet<Vec<u8>> {
    let packed = guarded::read_up_to(&git.join("packed-refs"), MOST_PACKED).unwrap_or_default();
    let name =
        |line: &&[u8]| line.split(|byte| *byte == b' ').nth(1).is_some_and(|name| name.starts_with(b"refs/replace/"));
    packed.split(|byte| *byte == b'\n').filter(name).map(<[u8]>::to_vec).collect()
}

/// Of `packed-refs`: a hundred thousand refs.
const MOST_PACKED: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_rebase_that_run_programs_go() {
        assert_eq!(without_exec(b"pick 1 a\n# exec x\n\nmerge -C 1 b\n"), None);
        let left = without_exec(b"pick 1 a\nexec touch x\n x touch y\nmystery\ndrop 2 b").unwrap();
        assert_eq!(String::from_utf8(left).unwrap(), "pick 1 a\ndrop 2 b");
    }

    #[test]
    fn heads() {
        let file = |text: &str| Face::File { bytes: text.into(), mode: 0o644 };
        assert!(is_head(&file("ref: refs/heads/main\n")) && is_head(&file(&"a".repeat(40))));
        assert!(is_head(&Face::Link("refs/heads/main".into())));
        assert!(!is_head(&file("ref: ../x")) && !is_head(&file("")) && !is_head(&Face::Absent));
        assert!(!is_head(&Face::Link("/tmp/x".into())));
    }

    #[test]
    fn names_of_git() {
        let folder = tempfile::tempdir().unwrap();
        let known = |name: &str| is_data(folder.path(), OsStr::new(name));
        for name in [
            "HEAD",
            "index.lock",
            "packed-refs.lock",
            "sharedindex.0a",
            "MERGE_HEAD",
            "rebase-merge",
            "reftable",
            "modules",
        ] {
            assert!(known(name), "{name}");
        }
        for name in ["x", "indexes", "hooks2", "commondir2", "x_HEAD", "config.lock2", "fsmonitor--daemon.ipc"] {
            assert!(!known(name), "{name}");
        }
        std::os::unix::fs::symlink("elsewhere", folder.path().join("objects")).unwrap();
        assert!(!known("objects"));
    }
}
