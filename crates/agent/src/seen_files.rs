//! What the model last saw of each file, so that nothing is overwritten unseen. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::transcript::Entry;

/// What the model last saw of each file, so that nothing is overwritten unseen.
#[derive(Debug, Default)]
pub struct SeenFiles {
    pub(crate) hashes: HashMap<PathBuf, u64>,
    /// Read since the last request: the model wrote the rest of its reply without knowing what is in them.
    pub(crate) unshown: HashSet<PathBuf>,
    /// What changed of them since the last outcome was recorded, which takes it along.
    news: BTreeMap<String, Option<u64>>,
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
            for (path, hash) in news {
                match hash {
                    Some(hash) => seen.hashes.insert(path.into(), *hash),
                    None => seen.hashes.remove(Path::new(path)),
                };
            }
        }
        seen
    }

    pub(crate) fn take_news(&mut self) -> BTreeMap<String, Option<u64>> {
        std::mem::take(&mut self.news)
    }

    /// A request goes out with everything that was read.
    pub(crate) fn all_shown(&mut self) {
        self.unshown.clear();
    }

    /// A file that the model never read stands in what it is shown.
    pub(crate) fn shown(&mut self, path: &Path, bytes: &[u8]) {
        if !self.hashes.contains_key(path) {
            self.saw(path, bytes);
        }
    }

    pub(crate) fn saw(&mut self, path: &Path, bytes: &[u8]) {
        let hash = hash(bytes);
        if self.hashes.insert(path.to_owned(), hash) != Some(hash) {
            self.news.insert(path.to_string_lossy().into_owned(), Some(hash));
        }
    }

    pub(crate) fn forget(&mut self, path: &Path) {
        if self.hashes.remove(path).is_some() {
            self.news.insert(path.to_string_lossy().into_owned(), None);
        }
    }
}

/// Saved with a session. Should a later Rust hash otherwise, a file counts as changed, and is read again.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
