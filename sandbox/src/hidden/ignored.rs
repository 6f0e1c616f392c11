//! What git ignores: gitignore(5), with each file read only if it is regular and small.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::hidden::tracked::read;

const LARGEST_RULES: u64 = 1 << 20;

/// The rules of one working tree, read when they are first needed.
pub(crate) struct Ignored {
    top: PathBuf,
    /// `.git/info/exclude`, then the user's own.
    general: Vec<Gitignore>,
    rules_in: RefCell<HashMap<PathBuf, Option<Gitignore>>>,
    ignored_dirs: RefCell<HashMap<PathBuf, bool>>,
}

impl Ignored {
    pub(crate) fn new(top: &Path) -> Ignored {
        let user = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let user = user.or_else(|| Some(std::env::home_dir()?.join(".config")));
        let files = [Some(top.join(".git/info/exclude")), user.map(|config| config.join("git/ignore"))];
        let general = files.into_iter().flatten().filter_map(|file| rules(top, &file)).collect();
        Ignored { top: top.to_path_buf(), general, rules_in: RefCell::default(), ignored_dirs: RefCell::default() }
    }

    /// `path`: absolute, of a file. A directory that is ignored takes along what is in it.
    pub(crate) fn has(&self, path: &Path) -> bool {
        path.parent().is_some_and(|dir| self.has_dir(dir)) || self.matches(path, false)
    }

    /// The same of a directory, remembered: its files are asked about one by one.
    pub(crate) fn has_dir(&self, dir: &Path) -> bool {
        if dir == self.top || !dir.starts_with(&self.top) {
            return false;
        }
        if let Some(known) = self.ignored_dirs.borrow().get(dir) {
            return *known;
        }
        let is_ignored = dir.parent().is_some_and(|above| self.has_dir(above)) || self.matches(dir, true);
        self.ignored_dirs.borrow_mut().insert(dir.to_path_buf(), is_ignored);
        is_ignored
    }

    fn matches(&self, path: &Path, is_dir: bool) -> bool {
        let mut rules_in = self.rules_in.borrow_mut();
        for dir in path.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.top)) {
            if !rules_in.contains_key(dir) {
                rules_in.insert(dir.to_path_buf(), rules(dir, &dir.join(".gitignore")));
            }
            match rules_in.get(dir).and_then(Option::as_ref).map(|rules| rules.matched(path, is_dir)) {
                Some(Match::Ignore(_)) => return true,
                Some(Match::Whitelist(_)) => return false,
                Some(Match::None) | None => {}
            }
        }
        let mut found = self.general.iter().map(|rules| rules.matched(path, is_dir));
        found.find(|found| !found.is_none()).is_some_and(|found| found.is_ignore())
    }
}

fn rules(dir: &Path, file: &Path) -> Option<Gitignore> {
    let bytes = read(file, LARGEST_RULES)?;
    let mut builder = GitignoreBuilder::new(dir);
    for line in String::from_utf8_lossy(&bytes).lines() {
        // git passes over a line that is not a pattern.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_counts_and_a_directory_takes_its_files_along() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("a/b")).unwrap();
        std::fs::create_dir_all(at.join(".git/info")).unwrap();
        std::fs::write(at.join(".gitignore"), "*.local\n/build/\n").unwrap();
        std::fs::write(at.join("a/.gitignore"), "!kept.local\n").unwrap();
        std::fs::write(at.join(".git/info/exclude"), "private\n").unwrap();
        let ignored = Ignored::new(at);
        for (path, expected) in [
            ("x.local", true),
            ("a/b/x.local", true),
            ("a/kept.local", false),
            ("build/deep/x", true),
            ("a/build/x", false),
            ("a/private/x", true),
            ("a/x", false),
        ] {
            assert_eq!(ignored.has(&at.join(path)), expected, "{path}");
        }
        std::os::unix::fs::symlink("/dev/zero", at.join("a/b/.gitignore")).unwrap();
        assert!(!Ignored::new(at).has(&at.join("a/b/y")));
    }
}
