//! What is staged, as `git ls-files --stage -z` prints it and
//! `git update-index -z --index-info` reads it. Flags are no part of it, so
//! none can hide a change, and git itself writes the file in the user's format.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::private_git::refs;

/// One stage of a path. More than one while a merge is in conflict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stage {
    pub(crate) mode: String,
    pub(crate) id: String,
    pub(crate) stage: u8,
}

type Staged<'l> = BTreeMap<&'l [u8], Vec<Stage>>;

pub(crate) const GITLINK: &str = "160000";
const MODES: &[&str] = &["100644", "100755", "120000", GITLINK];

fn lines(listed: &[u8]) -> impl Iterator<Item = &[u8]> {
    listed.split(|byte| *byte == 0).filter(|line| !line.is_empty())
}

fn path(line: &[u8]) -> &[u8] {
    let tab = line.iter().position(|byte| *byte == b'\t').map_or(line.len(), |tab| tab + 1);
    line.get(tab..).unwrap_or_default()
}

/// Of some paths. Entries that do not parse, and paths that no tree may have, are dropped.
fn parse<'l>(listed: &'l [u8], wanted: &BTreeSet<&[u8]>) -> Staged<'l> {
    let mut staged = Staged::new();
    for line in lines(listed).filter(|line| wanted.contains(path(line))) {
        if let Some((path, stage)) = entry(line) {
            staged.entry(path).or_default().push(stage);
        }
    }
    staged
}

pub(crate) fn gitlinks(listed: &[u8]) -> Vec<&[u8]> {
    let links = lines(listed).filter_map(entry).filter(|(_, stage)| stage.mode == GITLINK);
    links.map(|(path, _)| path).collect()
}

fn entry(line: &[u8]) -> Option<(&[u8], Stage)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = (std::str::from_utf8(line.get(..tab)?).ok()?, line.get(tab + 1..)?);
    let mut parts = head.split(' ');
    let (mode, id, stage) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    let fits = MODES.contains(&mode) && refs::is_id(id) && stage <= 3_u8 && is_path(path);
    fits.then(|| (path, Stage { mode: mode.to_owned(), id: id.to_owned(), stage }))
}

/// git refuses those with `.git` in them itself, in every spelling of other file systems; this asks for no program.
fn is_path(path: &[u8]) -> bool {
    let good = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git");
    path.split(|byte| *byte == b'/').all(good)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merge {
    /// For `update-index -z --index-info`.
    pub(crate) lines: Vec<u8>,
    pub(crate) blobs: Vec<String>,
    /// Staged by the user otherwise, in the meantime.
    pub(crate) contested: Vec<Vec<u8>>,
    pub(crate) gitlinks: Vec<Vec<u8>>,
}

/// The paths of a listing, each ended by a NUL.
pub(crate) fn names(listed: &[u8]) -> Vec<u8> {
    let mut names = Vec::with_capacity(listed.len() / 2);
    for line in lines(listed) {
        names.extend_from_slice(path(line));
        names.push(0);
    }
    names
}

/// Brings what commands staged (`base` to `private`) into what the user has staged (`real`), path by path. All three as
/// git lists them; of thousands of lines only those that differ are looked at.
pub(crate) fn merge(base: &[u8], private: &[u8], real: &[u8]) -> Merge {
    let mut merge = Merge::default();
    let [was, now]: [HashSet<&[u8]>; 2] = [base, private].map(|listed| lines(listed).collect());
    let changed: BTreeSet<&[u8]> = was.symmetric_difference(&now).map(|line| path(line)).collect();
    let [base, private, real] = [base, private, real].map(|listed| parse(listed, &changed));
    for path in changed {
        let [was, now, is] = [&base, &private, &real].map(|side| side.get(path).map_or(&[][..], Vec::as_slice));
        if was == now || now == is {
            continue;
        }
        let links = |side: &[Stage]| side.iter().any(|stage| stage.mode == GITLINK);
        if is != was {
            merge.contested.push(path.to_vec());
        } else if links(now) && !links(is) {
            merge.gitlinks.push(path.to_vec());
        } else {
            let zero = "0".repeat(now.iter().chain(was).next().map_or(40, |stage| stage.id.len()));
            merge.lines.extend([format!("0 {zero} 0\t").as_bytes(), path, b"\0"].concat());
            for Stage { mode, id, stage } in now {
                merge.lines.extend([format!("{mode} {id} {stage}\t").as_bytes(), path, b"\0"].concat());
                if mode != GITLINK {
                    merge.blobs.push(id.clone());
                }
            }
        }
    }
    merge.blobs.sort();
    merge.blobs.dedup();
    merge
}

impl Merge {
    /// What both sides have staged after it, listed: of paths that were left, what both had last.
    pub(crate) fn settle(&self, base: &[u8], private: &[u8]) -> Vec<u8> {
        let left: BTreeSet<&[u8]> = self.contested.iter().chain(&self.gitlinks).map(Vec::as_slice).collect();
        if left.is_empty() {
            return private.to_vec();
        }
        let old = lines(base).filter(|line| left.contains(path(line)));
        let new = lines(private).filter(|line| !left.contains(path(line)));
        new.chain(old).flat_map(|line| [line, b"\0"].concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(entries: &[(&str, &str, u8, &str)]) -> Vec<u8> {
        let line =
            |(mode, id, stage, path): &(&str, &str, u8, &str)| format!("{mode} {} {stage}\t{path}\0", id.repeat(40));
        entries.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn what_does_not_belong_in_an_index_is_dropped() {
        let read = staged(&[
            ("100644", "a", 0, "fine"),
            ("100644", "a", 0, "a/.GIT/config"),
            ("100644", "a", 0, "../out"),
            ("100644", "a", 0, "/abs"),
            ("040000", "a", 0, "tree"),
            ("100644", "0", 0, "nothing"),
            ("100644", "g", 0, "bad"),
            ("100644", "a", 4, "bad"),
        ]);
        let merge = merge(b"", &read, b"");
        let zero = "0".repeat(40);
        let expected = format!("0 {zero} 0\tfine\0100644 {} 0\tfine\0", "a".repeat(40));
        assert_eq!(String::from_utf8_lossy(&merge.lines), expected);
    }

    #[test]
    fn paths_are_judged_one_by_one() {
        let base = staged(&[("100644", "1", 0, "both"), ("100644", "1", 0, "mine"), ("100644", "1", 0, "gone")]);
        let private = staged(&[
            ("100644", "2", 0, "both"),
            ("100755", "2", 0, "mine"),
            ("160000", "3", 0, "link"),
            ("100644", "1", 1, "merge"),
            ("100644", "2", 2, "merge"),
        ]);
        let real = staged(&[
            ("100644", "9", 0, "both"),
            ("100644", "1", 0, "mine"),
            ("100644", "1", 0, "gone"),
            ("100644", "7", 0, "new"),
        ]);
        let merge = merge(&base, &private, &real);
        assert_eq!(merge.contested, [b"both".to_vec()]);
        assert_eq!(merge.gitlinks, [b"link".to_vec()]);
        let zero = "0".repeat(40);
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
        let expected = format!(
            "0 {zero} 0\tgone\0{}\0",
            [
                format!("0 {zero} 0\tmerge"),
                format!("100644 {one} 1\tmerge"),
                format!("100644 {two} 2\tmerge"),
                format!("0 {zero} 0\tmine"),
                format!("100755 {two} 0\tmine")
            ]
            .join("\0")
        );
        assert_eq!(String::from_utf8_lossy(&merge.lines), expected);
        let settled = merge.settle(&base, &private);
        assert_eq!(settled.split(|byte| *byte == 0).filter(|line| line.ends_with(b"\tboth")).count(), 1);
        assert!(!String::from_utf8_lossy(&settled).contains("link"));
    }
}
