//! Branches, tags and HEAD as files (gitrepository-layout(5)), read without
//! trust: through no link, bounded, and lines that do not parse are dropped.
//! Which names commands may change in the user's repository is decided here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use crate::private_git::dir::Dir;

/// More than any repository that is worked in; what lies beyond is not read.
const MOST_REFS: usize = 200_000;
const PACKED_BYTES: u64 = 64 << 20;
/// A loose ref is a name or an id.
const LOOSE_BYTES: u64 = 4 << 10;

/// What a ref or HEAD leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    Id(String),
    Name(String),
}

pub(crate) type Refs = BTreeMap<String, Target>;

/// Where they lead, and what tags lead to at last, as far as git has written it down.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) refs: Refs,
    pub(crate) peeled: BTreeMap<String, String>,
}

/// All refs that the worktrees of a repository share.
pub(crate) fn read(dir: &Dir) -> Read {
    let mut found = Read::default();
    let packed = dir.read(Path::new("packed-refs"), PACKED_BYTES).unwrap_or_default();
    read_packed(&String::from_utf8_lossy(&packed), &mut found);
    let mut folders = vec![PathBuf::from("refs")];
    while let Some(folder) = folders.pop() {
        for entry in dir.list(&folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            if MOST_REFS <= found.refs.len() {
                return found;
            }
            match entry.kind {
                FileType::Directory => folders.push(path),
                FileType::RegularFile => {
                    let Some(name) = path.to_str().filter(|name| is_name(name)) else { continue };
                    let target = dir.read(&path, LOOSE_BYTES).ok().and_then(|bytes| target(&bytes));
                    if let Some(target) = target {
                        found.peeled.remove(name);
                        found.refs.insert(name.to_owned(), target);
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn read_packed(text: &str, found: &mut Read) {
    let mut last = None;
    for line in text.lines().take(2 * MOST_REFS) {
        if let Some(id) = line.strip_prefix('^') {
            if let (Some(name), true) = (&last, is_id(id)) {
                found.peeled.insert(String::clone(name), id.to_owned());
            }
        } else if let Some((id, name)) = line.split_once(' ')
            && is_id(id)
            && is_name(name)
        {
            found.refs.insert(name.to_owned(), Target::Id(id.to_owned()));
            last = Some(name.to_owned());
        }
    }
}

/// For a new `packed-refs`. Symbolic refs are not in such a file.
pub(crate) fn packed(read: &Read) -> String {
    // Without `peeled`: git looks up what a tag leads to where no line says it.
    let mut text = "# pack-refs with: sorted \n".to_owned();
    for (name, target) in &read.refs {
        if let Target::Id(id) = target {
            text += &format!("{id} {name}\n");
            if let Some(peeled) = read.peeled.get(name) {
                text += &format!("^{peeled}\n");
            }
        }
    }
    text
}

/// `None`: neither an id nor a name.
pub(crate) fn target(bytes: &[u8]) -> Option<Target> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end();
    match text.strip_prefix("ref:") {
        Some(name) => is_name(name.trim()).then(|| Target::Name(name.trim().to_owned())),
        None => is_id(text).then(|| Target::Id(text.to_owned())),
    }
}

/// SHA-1 or SHA-256, and not the one that stands for nothing.
pub(crate) fn is_id(text: &str) -> bool {
    [40, 64].contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte != b'0')
}

/// The rules of git-check-ref-format(1), for whole names.
pub(crate) fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    name.starts_with("refs/")
        && name.len() < 512
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock"))
}

/// Whether a command's ref may become the user's at all. Not: what git itself believes about others
/// (`refs/remotes`), what hides commits (`refs/replace`), and names that mean another thing where they are typed.
pub(crate) fn is_importable(name: &str) -> bool {
    if name == "refs/stash" {
        return true;
    }
    let short = ["refs/heads/", "refs/tags/", "refs/notes/"].iter().find_map(|kind| name.strip_prefix(kind));
    short.is_some_and(|short| {
        is_name(name)
            && !short.starts_with('-')
            && !short.starts_with("refs/")
            && !["HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "@"].contains(&short)
            && !is_id(short)
            && !short.chars().all(|c| c == '0')
    })
}

/// The other kind's ref of the same short name: a tag `main` shows old commits to those who mean the branch.
pub(crate) fn namesake(name: &str) -> Option<String> {
    let (from, to) = [("refs/heads/", "refs/tags/"), ("refs/tags/", "refs/heads/")]
        .into_iter()
        .find(|(from, _)| name.starts_with(from))?;
    Some(format!("{to}{}", name.strip_prefix(from)?))
}

/// As a person says it.
pub(crate) fn short(name: &str) -> String {
    if let Some(tag) = name.strip_prefix("refs/tags/") {
        return format!("tag {tag}");
    }
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/")).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_taken() {
        let id = "a".repeat(40);
        for name in ["refs/heads/main", "refs/heads/a/b", "refs/tags/v1", "refs/notes/commits", "refs/stash"] {
            assert!(is_importable(name), "{name}");
        }
        let by_id = format!("refs/heads/{id}");
        for name in [
            "refs/replace/x",
            "refs/remotes/origin/main",
            "refs/heads/-f",
            "refs/heads/HEAD",
            "refs/heads/refs/heads/x",
            "refs/tags/HEAD",
            "refs/heads/a..b",
            "refs/heads/a.lock",
            "refs/heads/a\nb",
            "HEAD",
            &by_id,
        ] {
            assert!(!is_importable(name), "{name}");
        }
    }

    #[test]
    fn what_is_packed_is_read_again() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let text = format!(
            "# pack-refs with: peeled fully-peeled sorted \n{one} refs/heads/a\nrubbish\n{two} refs/tags/t\n^{one}\n"
        );
        let mut read = Read::default();
        read_packed(&text, &mut read);
        assert_eq!(
            packed(&read),
            format!("# pack-refs with: sorted \n{one} refs/heads/a\n{two} refs/tags/t\n^{one}\n")
        );
    }

    #[test]
    fn targets() {
        assert_eq!(target(b"ref: refs/heads/x\n"), Some(Target::Name("refs/heads/x".to_owned())));
        assert_eq!(target(b"ref: ../config\n"), None);
        assert_eq!(target("3".repeat(40).as_bytes()), Some(Target::Id("3".repeat(40))));
        assert_eq!(target("0".repeat(40).as_bytes()), None);
    }
}
