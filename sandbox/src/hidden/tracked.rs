//! What git tracks, by its index: everybody who has the repository has it. Reads the index itself, because git would
//! run what the repository's configuration names. Format: gitformat-index(5).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A larger index is not read, and then nothing counts as tracked.
const LARGEST_INDEX: u64 = 128 << 20;
const LARGEST_POINTER: u64 = 4 << 10;
/// An entry without its path: ten numbers, the object's name (SHA-1), the flags.
const FIXED_BYTES: usize = 62;
const EXTENDED: u8 = 0x40;

/// Of one directory that may be a repository or a part of one.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// The top of the working tree, if there is one.
    pub(crate) top: Option<PathBuf>,
    /// From there.
    paths: HashSet<Vec<u8>>,
}

impl Tracked {
    pub(crate) fn of(dir: &Path) -> Tracked {
        let Some((top, git)) = dir.ancestors().find_map(|above| Some((above.to_path_buf(), git_dir(above)?))) else {
            return Tracked::default();
        };
        let index = read(&git.join("index"), LARGEST_INDEX).unwrap_or_default();
        Tracked { top: Some(top), paths: parse(&index).unwrap_or_default() }
    }

    /// `path`: absolute, without links.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let inside = self.top.as_ref().and_then(|top| path.strip_prefix(top).ok());
        inside.is_some_and(|inside| self.paths.contains(inside.as_os_str().as_bytes()))
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
fn parse(index: &[u8]) -> Option<HashSet<Vec<u8>>> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let (version, entries) = (number(4)?, number(8)?);
    if index.get(..4)? != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let mut paths = HashSet::new();
    let mut before: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..entries {
        let start = at;
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
        paths.insert(before.clone());
        at += length + 1;
        if version < 4 {
            // Padded to a multiple of eight.
            at = start + (at - start).next_multiple_of(8);
        }
    }
    Some(paths)
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
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]);
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
        // An intent to add makes the entry an extended one.
        std::fs::write(main.join("c"), "x").unwrap();
        git(&main, "add -N c");
        for version in ["2", "3", "4"] {
            git(&main, &format!("update-index --index-version {version}"));
            for dir in [main.clone(), main.join("a/deep")] {
                let tracked = Tracked::of(&dir);
                assert!(names.iter().chain(&["c"]).all(|name| tracked.has(&main.join(name))), "{version}");
                assert!(!tracked.has(&main.join("untracked")) && !tracked.has(&main.join("a")));
            }
        }
        git(&main, "commit -q -m x");
        git(&main, "worktree add -q ../linked");
        assert!(Tracked::of(&at.join("linked")).has(&at.join("linked/b")));
        assert!(Tracked::of(&at).top.is_none());
    }

    #[test]
    fn what_is_not_an_index_tracks_nothing() {
        for bytes in [&b""[..], b"DIRC", b"DIRC\0\0\0\x02\0\0\0\x05", b"DIRC\0\0\0\x09\0\0\0\0", &[0xff; 200]] {
            assert_eq!(parse(bytes), None);
        }
    }
}
