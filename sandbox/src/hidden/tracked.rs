//! What git tracks, by its index: everybody who has the repository has it. Reads the index itself, because git would
//! run what the repository's configuration names. Format: gitformat-index(5).
//!
//! An entry counts if git has looked at its file once. A command could name any path in the index, and what it names would
//! be shown to the next run.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A larger index is not read, and then nothing counts as tracked.
const LARGEST_INDEX: u64 = 128 << 20;
const LARGEST_POINTER: u64 = 4 << 10;
/// An entry without its path: ten numbers, the object's name (SHA-1), the flags.
const FIXED_BYTES: usize = 62;
const EXTENDED: u8 = 0x40;
/// Where in an entry the time of the last change stands (0: git has not looked yet), and the mode.
const MODIFIED: usize = 8;
const MODE: usize = 24;
const TYPE_MASK: u32 = 0o170_000;
const SUBMODULE: u32 = 0o160_000;

/// Of one directory that may be a repository or a part of one.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// The top of the working tree, if there is one.
    pub(crate) top: Option<PathBuf>,
    index: Index,
    /// Submodules, each with an index of its own.
    parts: Vec<(PathBuf, OnceLock<Box<Tracked>>)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Index {
    /// From the top.
    paths: HashSet<Vec<u8>>,
    /// Paths of submodules.
    links: Vec<Vec<u8>>,
}

impl Tracked {
    pub(crate) fn of(dir: &Path) -> Tracked {
        let Some((top, git)) = dir.ancestors().find_map(|above| Some((above.to_path_buf(), git_dir(above)?))) else {
            return Tracked::default();
        };
        let index = read(&git.join("index"), LARGEST_INDEX).unwrap_or_default();
        let index = parse(&index).unwrap_or_default();
        let parts = index.links.iter().map(|link| (top.join(OsStr::from_bytes(link)), OnceLock::new())).collect();
        Tracked { top: Some(top), index, parts }
    }

    /// `path`: absolute, without links.
    pub(crate) fn has(&self, path: &Path) -> bool {
        if let Some((part, tracked)) = self.parts.iter().find(|(part, _)| path.starts_with(part)) {
            let tracked = tracked.get_or_init(|| match git_dir(part) {
                Some(_) => Box::new(Tracked::of(part)),
                // It is not checked out.
                None => Box::default(),
            });
            return tracked.has(path);
        }
        let inside = self.top.as_ref().and_then(|top| path.strip_prefix(top).ok());
        inside.is_some_and(|inside| self.index.paths.contains(inside.as_os_str().as_bytes()))
    }
}

/// gitrepository-layout(5): `.git` is the directory, or a file that names it.
fn git_dir(top: &Path) -> Option<PathBuf> {
    let own = top.join(".git");
    if own.is_dir() {
        return Some(own);
    }
    let pointer = read(&own, LARGEST_POINTER)?;
    let named = pointer.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(top.join(OsStr::from_bytes(named)))
}

/// A regular file of a bounded size.
pub(crate) fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || most < meta.len() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Versions 2 to 4. `None`: it is not an index, or is cut short.
fn parse(index: &[u8]) -> Option<Index> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let (version, entries) = (number(4)?, number(8)?);
    if index.get(..4)? != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let mut parsed = Index::default();
    let mut before: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..entries {
        let start = at;
        let (modified, mode) = (number(at + MODIFIED)?, number(at + MODE)?);
        let is_extended = index.get(at + FIXED_BYTES - 2)? & EXTENDED != 0;
        at += if is_extended { FIXED_BYTES + 2 } else { FIXED_BYTES };
        if version == 4 {
            let (drop, used) = varint(index.get(at..)?)?;
            at += used;
            before.truncate(before.len().checked_sub(drop)?);
        } else {
            before.clear();
        }
        let length = index.get(at..)?.iter().position(|byte| *byte == 0)?;
        before.extend(index.get(at..at + length)?);
        if mode & TYPE_MASK == SUBMODULE {
            parsed.links.push(before.clone());
        } else if modified != 0 {
            parsed.paths.insert(before.clone());
        }
        at += length + 1;
        if version < 4 {
            // Padded to a multiple of eight.
            at = start + (at - start).next_multiple_of(8);
        }
    }
    Some(parsed)
}

/// As in a pack's offsets (gitformat-pack(5)). With how many bytes it took.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(dir: &Path, line: &str) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]);
        let output = git.args(line.split(' ')).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn every_version_of_the_index_and_every_place_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        let main = at.join("main");
        std::fs::create_dir_all(main.join("a/deep")).unwrap();
        git(&at, "init -q main");
        let names = ["a/deep/one.txt", "a/deep/only.txt", "a/two", "b", ".env"];
        for name in names {
            std::fs::write(main.join(name), "x").unwrap();
        }
        std::fs::write(main.join("untracked"), "x").unwrap();
        git(&main, "add a b .env");
        // An intent to add makes the entry an extended one, whose file git has not looked at.
        std::fs::write(main.join("c"), "x").unwrap();
        git(&main, "add -N c");
        for version in ["2", "3", "4"] {
            git(&main, &format!("update-index --index-version {version}"));
            for dir in [main.clone(), main.join("a/deep")] {
                let tracked = Tracked::of(&dir);
                assert!(names.iter().all(|name| tracked.has(&main.join(name))), "{version}");
                assert!(["untracked", "a", "c"].iter().all(|name| !tracked.has(&main.join(name))));
            }
        }
        git(&main, "commit -q -m x");
        git(&main, "worktree add -q ../linked");
        assert!(Tracked::of(&at.join("linked")).has(&at.join("linked/b")));
        assert!(Tracked::of(&at).top.is_none());
        git(&at, "init -q outer");
        git(&at.join("outer"), "submodule --quiet add ../main part");
        std::fs::write(at.join("outer/part/new"), "x").unwrap();
        let tracked = Tracked::of(&at.join("outer"));
        assert!(tracked.has(&at.join("outer/part/a/two")) && tracked.has(&at.join("outer/.gitmodules")));
        assert!(!tracked.has(&at.join("outer/part/new")));
    }

    #[test]
    fn what_a_command_only_names_in_the_index_is_not_tracked() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        git(&at, "init -q .");
        std::fs::write(at.join(".env"), "A=1").unwrap();
        std::fs::write(at.join("a"), "").unwrap();
        git(&at, "add a");
        git(&at, "update-index --add --cacheinfo 100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,.env");
        git(&at, "status");
        let tracked = Tracked::of(&at);
        assert!(tracked.has(&at.join("a")) && !tracked.has(&at.join(".env")));
    }

    #[test]
    fn what_is_not_an_index_tracks_nothing() {
        for bytes in [&b""[..], b"DIRC", b"DIRC\0\0\0\x02\0\0\0\x05", b"DIRC\0\0\0\x09\0\0\0\0", &[0xff; 200]] {
            assert_eq!(parse(bytes), None);
        }
    }
}
