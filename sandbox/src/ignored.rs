//! What .gitignore and the like leave out of a walk. The `ignore` crate walks and matches, but it would open every
//! ignore file by itself, whatever that is; here they are read bounded and given to it line by line.
//!
//! The rules and their order are those of that crate (and so of ripgrep): `.ignore`, then `.gitignore`, then
//! `.git/info/exclude`, then the user's own file; of each kind the deepest directory that says something decides.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{Match, WalkBuilder};

use crate::bounded::read_bounded;

/// Of one ignore file. Larger ones are not written by people, and their patterns take long to compile.
const MOST_BYTES: u64 = 256 << 10;
/// Of one ignore file; the rest does not count.
const MOST_LINES: usize = 5_000;
/// Of git's configuration and of a `.git` file.
const MOST_GIT_BYTES: u64 = 1 << 20;

/// A walk through everything at and below `start` (absolute, without links) but `.git` and what is left out. Hidden
/// files are shown, links are not followed.
pub(crate) fn walker(start: &Path, depth: Option<usize>) -> WalkBuilder {
    walker_of(start, depth, vec![Rules::above(start, Source::Disk)])
}

/// The same after something may have changed the rules: only what is left out now and was left out before is left out,
/// so that whoever writes a rule does not hide with it what it makes.
pub(crate) fn walker_since(start: &Path, depth: Option<usize>, before: &Arc<Before>) -> WalkBuilder {
    let now = Rules::above(start, Source::Now(Arc::clone(before)));
    walker_of(start, depth, vec![now, Rules::before(start, before)])
}

fn walker_of(start: &Path, depth: Option<usize>, rules: Vec<Rules>) -> WalkBuilder {
    let rules = Mutex::new(rules);
    let mut walker = WalkBuilder::new(start);
    walker.standard_filters(false).follow_links(false).max_depth(depth);
    walker.filter_entry(move |entry| {
        let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
        let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
        // Each of them must see every directory that the walk goes into.
        let left_out = rules.iter_mut().filter_map(|rules| rules.leave_out(entry.path(), is_dir).then_some(())).count();
        entry.file_name() != ".git" && left_out < rules.len()
    });
    walker
}

/// The rules of a workspace as they were before.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Of the workspace, absolute. Rules above it are always those of now.
    pub(crate) root: PathBuf,
    /// The ignore files that there were, by their absolute path; `None`: it is what it was.
    pub(crate) rules: HashMap<PathBuf, Option<Vec<u8>>>,
    /// What git's own exclude files said, by the absolute path of the directory that they hold for. Nothing shows that
    /// they changed, so they hold for a whole session.
    pub(crate) excludes: HashMap<PathBuf, Vec<u8>>,
}

impl Before {
    /// Whether the directory is left out now and was before. A directory that is known may be one that is ignored since.
    pub(crate) fn leaves_out(self: &Arc<Before>, dir: &Path) -> bool {
        let Ok(inside) = dir.strip_prefix(&self.root) else { return false };
        let sources = [Source::Now(Arc::clone(self)), Source::Then(Arc::clone(self))];
        sources.into_iter().all(|source| {
            let mut rules = Rules::above(&self.root, source);
            let mut path = self.root.clone();
            inside.components().any(|part| {
                path.push(part);
                rules.leave_out(&path, true)
            })
        })
    }
}

#[derive(Clone)]
enum Source {
    Disk,
    /// What is on disk, with the exclude files of before.
    Now(Arc<Before>),
    Then(Arc<Before>),
}

/// The ignore files of a directory and of all above it.
pub(crate) struct Rules {
    /// From the root of the file system down to the directory whose entries come now: a walk goes deep first.
    levels: Vec<Level>,
    users: Gitignore,
    source: Source,
    /// The directory that was left out last: so is everything in it, should the walk go there all the same.
    left_out: Option<PathBuf>,
}

struct Level {
    dir: PathBuf,
    ignore: Gitignore,
    gitignore: Gitignore,
    exclude: Gitignore,
    /// git does not look for rules above a repository.
    is_repository: bool,
}

impl Rules {
    /// Those of before, for a walk at and below `start`.
    pub(crate) fn before(start: &Path, before: &Arc<Before>) -> Rules {
        Rules::above(start, Source::Then(Arc::clone(before)))
    }

    fn above(start: &Path, source: Source) -> Rules {
        let mut above: Vec<&Path> = start.ancestors().skip(1).collect();
        above.reverse();
        let levels: Vec<Level> = above.into_iter().map(|dir| Level::of(dir, &source)).collect();
        let top = start.ancestors().find(|dir| dir.join(".git").symlink_metadata().is_ok()).unwrap_or(start);
        Rules { users: users_rules(top), levels, source, left_out: None }
    }

    /// `path`: of an entry of the walk.
    pub(crate) fn leave_out(&mut self, path: &Path, is_dir: bool) -> bool {
        if self.left_out.as_ref().is_some_and(|dir| path.starts_with(dir)) {
            return true;
        }
        let left_out = self.matches(path, is_dir);
        if left_out && is_dir {
            self.left_out = Some(path.to_path_buf());
        }
        left_out
    }

    fn matches(&mut self, path: &Path, is_dir: bool) -> bool {
        let Some(parent) = path.parent() else { return false };
        self.descend_to(parent);
        let (mut ignore, mut gitignore, mut exclude) = (Match::None, Match::None, Match::None);
        let mut in_repository = true;
        for level in self.levels.iter().rev() {
            ignore = ignore.or(level.ignore.matched(path, is_dir));
            if in_repository {
                gitignore = gitignore.or(level.gitignore.matched(path, is_dir));
                exclude = exclude.or(level.exclude.matched(path, is_dir));
            }
            in_repository &= !level.is_repository;
        }
        ignore.or(gitignore).or(exclude).or(self.users.matched(path, is_dir)).is_ignore()
    }

    fn descend_to(&mut self, dir: &Path) {
        while self.levels.last().is_some_and(|level| !dir.starts_with(&level.dir)) {
            self.levels.pop();
        }
        let known = self.levels.last().map(|level| level.dir.clone());
        let mut missing: Vec<&Path> = dir.ancestors().take_while(|dir| known.as_deref() != Some(*dir)).collect();
        missing.reverse();
        self.levels.extend(missing.into_iter().map(|dir| Level::of(dir, &self.source)));
    }
}

impl Level {
    fn of(dir: &Path, source: &Source) -> Level {
        let rules = |name: &str| {
            let file = dir.join(name);
            compiled(source.rules(&file, dir), &file, dir)
        };
        Level {
            ignore: rules(".ignore"),
            gitignore: rules(".gitignore"),
            exclude: compiled(source.exclude(dir), &dir.join(".git/info/exclude"), dir),
            is_repository: dir.join(".git").symlink_metadata().is_ok(),
            dir: dir.to_path_buf(),
        }
    }
}

impl Source {
    fn rules(&self, file: &Path, dir: &Path) -> Option<Vec<u8>> {
        match self {
            Source::Then(before) if dir.starts_with(&before.root) => match before.rules.get(file)? {
                Some(bytes) => Some(bytes.clone()),
                None => read_bounded(file, MOST_BYTES).ok(),
            },
            Source::Disk | Source::Now(_) | Source::Then(_) => read_bounded(file, MOST_BYTES).ok(),
        }
    }

    fn exclude(&self, dir: &Path) -> Option<Vec<u8>> {
        match self {
            Source::Now(before) | Source::Then(before) if dir.starts_with(&before.root) => {
                before.excludes.get(dir).cloned()
            }
            Source::Disk | Source::Now(_) | Source::Then(_) => exclude_of(dir),
        }
    }
}

/// What git's own exclude file says of a directory that is a repository.
pub(crate) fn exclude_of(dir: &Path) -> Option<Vec<u8>> {
    read_bounded(&git_dir(&dir.join(".git"))?.join("info/exclude"), MOST_BYTES).ok()
}

/// None where the file is missing, or is not a file that we read.
fn rules_of(file: &Path, dir: &Path) -> Gitignore {
    compiled(read_bounded(file, MOST_BYTES).ok(), file, dir)
}

fn compiled(bytes: Option<Vec<u8>>, file: &Path, dir: &Path) -> Gitignore {
    let Some(bytes) = bytes else { return Gitignore::empty() };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut rules = GitignoreBuilder::new(dir);
    for line in text.lines().take(MOST_LINES) {
        // A line that is not a pattern leaves nothing out.
        let _ = rules.add_line(Some(file.to_path_buf()), line);
    }
    rules.build().unwrap_or_else(|_| Gitignore::empty())
}

/// Where `info` is: of a linked worktree in the main repository (gitrepository-layout(5)).
fn git_dir(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_path_buf());
    }
    let line = text_of(git)?;
    let dir = git.parent()?.join(line.strip_prefix("gitdir:")?.trim());
    let common = text_of(&dir.join("commondir"));
    Some(common.map_or_else(|| dir.clone(), |common| dir.join(common.trim())))
}

/// The user's own file: `core.excludesFile`, else `git/ignore` in their configuration (gitignore(5)).
fn users_rules(top: &Path) -> Gitignore {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|config| !config.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| Some(home.as_ref()?.join(".config")));
    let places = [home.as_ref().map(|home| home.join(".gitconfig")), config.as_ref().map(|dir| dir.join("git/config"))];
    let set = places.into_iter().flatten().find_map(|place| excludes_file(&text_of(&place)?));
    let file = match (set, home) {
        (Some(set), Some(home)) => {
            Some(set.strip_prefix("~/").map_or_else(|| PathBuf::from(&set), |set| home.join(set)))
        }
        (Some(set), None) => Some(PathBuf::from(set)),
        (None, _) => config.map(|config| config.join("git/ignore")),
    };
    file.map_or_else(Gitignore::empty, |file| rules_of(&file, top))
}

/// As the `ignore` crate reads it: the name alone, in whatever section.
fn excludes_file(config: &str) -> Option<String> {
    config.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_matches('"').trim();
        (name.trim().eq_ignore_ascii_case("excludesfile") && !value.is_empty()).then(|| value.to_owned())
    })
}

fn text_of(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&read_bounded(path, MOST_GIT_BYTES).ok()?).into_owned())
}

#[cfg(test)]
mod tests;
