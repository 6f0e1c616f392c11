//! What the model last saw of each file, so that nothing is overwritten unseen. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::transcript::Entry;

/// Lines from the first to the last, from 1, both included.
pub type LineRange = (usize, usize);

/// What the model saw of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SeenFile {
    /// Hash of the content. Session files of older versions have only this.
    Whole(u64),
    /// `unseen`: in order, apart from each other, at least one.
    Part { hash: u64, unseen: Vec<LineRange> },
}

impl SeenFile {
    fn new(hash: u64, unseen: Vec<LineRange>) -> SeenFile {
        if unseen.is_empty() { SeenFile::Whole(hash) } else { SeenFile::Part { hash, unseen } }
    }

    fn hash(&self) -> u64 {
        match self {
            SeenFile::Whole(hash) | SeenFile::Part { hash, .. } => *hash,
        }
    }

    fn unseen(&self) -> &[LineRange] {
        match self {
            SeenFile::Whole(_) => &[],
            SeenFile::Part { unseen, .. } => unseen,
        }
    }
}

/// What the model last saw of each file, so that nothing is overwritten unseen.
#[derive(Debug, Default)]
pub struct SeenFiles {
    files: HashMap<PathBuf, SeenFile>,
    /// Read since the last request: the model wrote the rest of its reply without knowing what is in them.
    unshown: HashSet<PathBuf>,
    /// What changed of them since the last outcome was recorded, which takes it along.
    news: BTreeMap<String, Option<SeenFile>>,
    /// Tests of which the model was told what they are for.
    pub(crate) told_tests: HashSet<PathBuf>,
    /// Paths as the model writes them, where the disk has another spelling.
    pub(crate) spellings: HashMap<String, PathBuf>,
    /// Directories whose AGENTS.md was shown, or that have none.
    pub(crate) guided: HashSet<PathBuf>,
}

impl SeenFiles {
    /// As they were when these entries had been recorded.
    pub fn restore(entries: &[Entry]) -> SeenFiles {
        let mut seen = SeenFiles::default();
        for entry in entries {
            let Entry::Outcome { seen: news, .. } = entry else { continue };
            for (path, file) in news {
                match file {
                    Some(file) => seen.files.insert(path.into(), file.clone()),
                    None => seen.files.remove(Path::new(path)),
                };
            }
        }
        seen
    }

    pub(crate) fn take_news(&mut self) -> BTreeMap<String, Option<SeenFile>> {
        std::mem::take(&mut self.news)
    }

    /// A request goes out with everything that was read.
    pub(crate) fn all_shown(&mut self) {
        self.unshown.clear();
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// Whether anything of the file was seen, whatever it holds by now.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// Whether these bytes are what the model last read or wrote there.
    pub(crate) fn is_as_seen(&self, path: &Path, bytes: &[u8]) -> bool {
        self.files.get(path).is_some_and(|file| file.hash() == hash(bytes))
    }

    pub(crate) fn unseen_lines(&self, path: &Path) -> &[LineRange] {
        self.files.get(path).map_or(&[], SeenFile::unseen)
    }

    pub(crate) fn is_unshown(&self, path: &Path) -> bool {
        self.unshown.contains(path)
    }

    /// The whole file is in what the model is shown, or what it was before its edits.
    pub(crate) fn shown(&mut self, path: &Path, bytes: &[u8]) {
        let hash = self.files.get(path).map_or_else(|| hash(bytes), SeenFile::hash);
        self.set(path, SeenFile::Whole(hash));
    }

    /// The next request shows these lines of a file that has `total` lines. Lines that were seen before count too, as
    /// long as the file is the same.
    pub(crate) fn read(&mut self, path: &Path, bytes: &[u8], shown: &[LineRange], total: usize) {
        let hash = hash(bytes);
        let mut unseen = match self.files.get(path) {
            Some(file) if file.hash() == hash => file.unseen().to_vec(),
            Some(_) | None if total == 0 => Vec::new(),
            Some(_) | None => vec![(1, total)],
        };
        for shown in shown {
            unseen = unseen.into_iter().flat_map(|range| without(range, *shown)).collect();
        }
        if self.set(path, SeenFile::new(hash, unseen)) {
            self.unshown.insert(path.to_owned());
        }
    }

    /// The model wrote `after`: what it had not seen of `before` and is still there stays unseen.
    pub(crate) fn wrote(&mut self, path: &Path, before: Option<&[u8]>, after: &[u8]) {
        // An edit of a file that the model has not read does not make it read.
        let unseen = match before {
            None => Vec::new(),
            Some(before) if self.is_as_seen(path, before) => carried(self.unseen_lines(path), before, after),
            Some(_) => return self.forget(path),
        };
        self.set(path, SeenFile::new(hash(after), unseen));
    }

    pub(crate) fn forget(&mut self, path: &Path) {
        if self.files.remove(path).is_some() {
            self.news.insert(path.to_string_lossy().into_owned(), None);
        }
    }

    /// Whether that is new.
    fn set(&mut self, path: &Path, file: SeenFile) -> bool {
        if self.files.get(path) == Some(&file) {
            return false;
        }
        self.news.insert(path.to_string_lossy().into_owned(), Some(file.clone()));
        self.files.insert(path.to_owned(), file);
        true
    }
}

/// What is left of a range without another.
fn without((first, last): LineRange, (from, to): LineRange) -> impl Iterator<Item = LineRange> {
    let parts = [(first, last.min(from.saturating_sub(1))), (first.max(to.saturating_add(1)), last)];
    parts.into_iter().filter(|(first, last)| first <= last)
}

/// The unseen lines of `before`, as they are numbered in `after`. Above and below the edit a line keeps its place; in
/// between it is known by its text, so that a line that only looks like an unseen one counts as unseen too.
fn carried(unseen: &[LineRange], before: &[u8], after: &[u8]) -> Vec<LineRange> {
    if unseen.is_empty() {
        return Vec::new();
    }
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(before), lines(after));
    let above = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - above;
    let below = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let is_unseen = |number: usize| unseen.iter().any(|(first, last)| (*first..=*last).contains(&number));
    let between = above..old.len() - below;
    let texts: HashSet<&[u8]> = between.filter(|at| is_unseen(at + 1)).filter_map(|at| old.get(at).copied()).collect();
    let mut carried: Vec<LineRange> = Vec::new();
    for (at, line) in new.iter().enumerate() {
        let stays = match at {
            at if at < above => is_unseen(at + 1),
            at if new.len() - below <= at => is_unseen(at + old.len() - new.len() + 1),
            _ => texts.contains(line),
        };
        match carried.last_mut() {
            Some((_, last)) if stays && *last == at => *last = at + 1,
            Some(_) | None if stays => carried.push((at + 1, at + 1)),
            Some(_) | None => (),
        }
    }
    carried
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.split(|byte| *byte == b'\n').collect()
}

/// Saved with a session. Should a later Rust hash otherwise, a file counts as changed, and is read again.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(lines: std::ops::RangeInclusive<usize>) -> Vec<u8> {
        lines.flat_map(|line| format!("line {line}\n").into_bytes()).collect()
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut seen, path, bytes) = (SeenFiles::default(), Path::new("a"), numbered(1..=10));
        seen.read(path, &bytes, &[(1, 4)], 10);
        assert_eq!(seen.unseen_lines(path), [(5, 10)]);
        seen.read(path, &bytes, &[(7, 8), (20, 30)], 10);
        assert_eq!(seen.unseen_lines(path), [(5, 6), (9, 10)]);
        seen.read(path, &bytes, &[(3, 10)], 10);
        assert_eq!(seen.files.get(path), Some(&SeenFile::Whole(hash(&bytes))));
        seen.read(path, b"another\nfile\n", &[(1, 1)], 2);
        assert_eq!(seen.unseen_lines(path), [(2, 2)]);
    }

    #[test]
    fn an_edit_shows_nothing_of_the_rest() {
        let check = |unseen: &[LineRange], after: &str, expected: &[LineRange]| {
            assert_eq!(carried(unseen, b"a\nb\nc\nd\ne\n", after.as_bytes()), expected, "{after:?}");
        };
        check(&[], "x\n", &[]);
        check(&[(4, 5)], "a\nB\nc\nd\ne\n", &[(4, 5)]);
        check(&[(4, 5)], "a\nb\nx\ny\nc\nd\ne\n", &[(6, 7)]);
        check(&[(1, 2), (5, 5)], "b\nc\nd\ne\n", &[(1, 1), (4, 4)]);
        check(&[(3, 3)], "A\nb\nc\nd\nE\n", &[(3, 3)]);
        check(&[(2, 3)], "", &[]);
    }

    #[test]
    fn what_was_seen_is_saved_and_old_sessions_are_read() {
        let whole: SeenFile = serde_json::from_str("17").unwrap();
        assert_eq!(whole, SeenFile::Whole(17));
        let part = SeenFile::Part { hash: 17, unseen: vec![(5, 10)] };
        let saved = serde_json::to_string(&part).unwrap();
        assert_eq!(saved, r#"{"hash":17,"unseen":[[5,10]]}"#);
        assert_eq!(serde_json::from_str::<SeenFile>(&saved).unwrap(), part);
    }
}
