//! Which repositories a workspace has to do with, and which of their
//! worktrees are in reach. Read from the user's own files before anything runs.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Each costs a few milliseconds and two mounts. What is beyond keeps its configuration by read-only mounts.
const MOST_REPOSITORIES: usize = 24;
const CONFIG_BYTES: u64 = 1 << 20;

/// One repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its git directory: absolute, without links.
    pub(crate) dir: PathBuf,
    pub(crate) views: Vec<View>,
}

/// One HEAD with one index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// From the git directory: empty, or `worktrees/NAME`.
    pub(crate) inside: PathBuf,
    /// `None` for a bare repository.
    pub(crate) worktree: Option<PathBuf>,
}

/// The repository that is outside of the workspace and that commits in it write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    pub(crate) dir: PathBuf,
    /// Above the workspace: the rest of the worktree that the workspace is a part of.
    pub(crate) worktree: PathBuf,
}

/// `found`: git directories at every depth. `reach`: where commands may write.
pub(crate) fn places(found: &[PathBuf], outside: Option<&Outside>, reach: &[PathBuf]) -> Vec<Place> {
    let inside = found.iter().filter(|dir| outside.is_none_or(|outside| outside.dir != **dir)).map(|dir| (dir, None));
    let dirs = outside.map(|outside| (&outside.dir, Some(outside))).into_iter().chain(inside);
    let mut places: Vec<Place> = Vec::new();
    for (dir, outside) in dirs {
        if MOST_REPOSITORIES <= places.len() || !is_whole(dir) || places.iter().any(|place| place.dir == *dir) {
            continue;
        }
        let main = match outside {
            Some(outside) => Some(outside.worktree.clone()),
            None => worktree_of(dir),
        };
        let in_reach =
            |worktree: &Path| reach.iter().any(|root| worktree.starts_with(root) || root.starts_with(worktree));
        let mut views = Vec::new();
        if main.as_deref().is_none_or(|main| in_reach(main) && linked(dir, main).is_none()) {
            views.push(View { inside: PathBuf::new(), worktree: main });
        }
        for entry in std::fs::read_dir(dir.join("worktrees")).into_iter().flatten().flatten() {
            let Some(worktree) = worktree_of_link(&entry.path()).filter(|worktree| in_reach(worktree)) else {
                continue;
            };
            // The name becomes part of a ref's.
            if let Some(name) = entry.file_name().to_str() {
                views.push(View { inside: Path::new("worktrees").join(name), worktree: Some(worktree) });
            }
        }
        places.push(Place { dir: dir.clone(), views });
    }
    // The outer before the inner: the inner is mounted in it.
    places.sort_by(|one, other| one.dir.cmp(&other.dir));
    places
}

/// One that a private directory can stand in for: all its own, with refs as files.
fn is_whole(dir: &Path) -> bool {
    let is_dir = |name: &str| dir.join(name).symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let head = dir.join("HEAD").symlink_metadata().is_ok_and(|meta| meta.is_file());
    let ours = std::fs::metadata(dir).is_ok_and(|meta| is_ours(&meta));
    let moved = ["commondir", "reftable"].iter().any(|name| dir.join(name).symlink_metadata().is_ok());
    head && is_dir("objects") && is_dir("refs") && ours && !moved
}

/// Root works on files of other users, too.
fn is_ours(meta: &std::fs::Metadata) -> bool {
    let user = rustix::process::getuid();
    user.is_root() || meta.uid() == user.as_raw()
}

/// Where the files of a git directory are, by its configuration or its name.
fn worktree_of(dir: &Path) -> Option<PathBuf> {
    let config = read(&dir.join("config")).unwrap_or_default();
    match value(&config, "worktree") {
        Some(worktree) => std::fs::canonicalize(dir.join(worktree)).ok(),
        None if dir.file_name()? == ".git" => dir.parent().map(Path::to_path_buf),
        None => None,
    }
}

fn worktree_of_link(admin: &Path) -> Option<PathBuf> {
    let back = read(&admin.join("gitdir"))?;
    let file = std::fs::canonicalize(admin.join(back.trim())).ok()?;
    file.parent().map(Path::to_path_buf)
}

/// The name in `worktrees/` of one that is not the main one.
fn linked(dir: &Path, worktree: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir.join("worktrees")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).find(|admin| worktree_of_link(admin).is_some_and(|found| found == worktree))
}

/// The git directory outside `root` that commits in `root` write to. It must know `root`, because a `.git` file can
/// name any directory.
pub(crate) fn outside(root: &Path) -> Option<Outside> {
    let worktree = root.ancestors().find(|dir| dir.join(".git").symlink_metadata().is_ok())?;
    let own = worktree.join(".git");
    let meta = own.symlink_metadata().ok()?;
    let found = if meta.is_file() {
        pointed(&own, worktree)?
    } else {
        let dir = std::fs::canonicalize(&own).ok()?;
        // A link is believed as a file is; a directory in its own place needs no proof.
        if meta.is_symlink() && !belongs(&dir, worktree) {
            return None;
        }
        dir
    };
    let meta = std::fs::metadata(&found).ok()?;
    let is_git = ["HEAD", "objects", "refs"].iter().all(|name| found.join(name).symlink_metadata().is_ok());
    (meta.is_dir() && is_git && is_ours(&meta) && !found.starts_with(root))
        .then(|| Outside { dir: found, worktree: worktree.to_path_buf() })
}

/// What a `.git` file leads to: the common directory of a linked worktree, the directory of a submodule, or one that
/// was made with `--separate-git-dir`.
fn pointed(own: &Path, worktree: &Path) -> Option<PathBuf> {
    let line = read(own)?;
    let dir = std::fs::canonicalize(worktree.join(line.strip_prefix("gitdir:")?.trim())).ok()?;
    match read(&dir.join("commondir")) {
        Some(common) => {
            let back = read(&dir.join("gitdir"))?;
            if std::fs::canonicalize(dir.join(back.trim())).ok()? != std::fs::canonicalize(own).ok()? {
                return None;
            }
            std::fs::canonicalize(dir.join(common.trim())).ok()
        }
        None => belongs(&dir, worktree).then_some(dir),
    }
}

/// By `core.worktree`, as submodules have it. A directory without it is believed if it is not another worktree's own.
fn belongs(dir: &Path, worktree: &Path) -> bool {
    let Some(config) = read(&dir.join("config")) else { return false };
    match value(&config, "worktree") {
        Some(named) => std::fs::canonicalize(dir.join(named)).is_ok_and(|named| named == worktree),
        None => {
            let is_bare = value(&config, "bare").is_some_and(|bare| bare.eq_ignore_ascii_case("true"));
            !is_bare && dir.file_name().is_some_and(|name| name != ".git")
        }
    }
}

fn read(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok()?;
    let is_small = meta.is_file() && meta.len() <= CONFIG_BYTES;
    if is_small { std::fs::read_to_string(path).ok() } else { None }
}

/// Of the section `core`, in the plain form in which git writes it.
fn value<'c>(config: &'c str, name: &str) -> Option<&'c str> {
    let mut in_core = false;
    let mut found = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_core = line.eq_ignore_ascii_case("[core]");
        } else if let (true, Some((key, value))) = (in_core, line.split_once('='))
            && key.trim().eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().trim_matches('"'));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_git::testing::{folder, git};

    #[test]
    fn a_worktree_a_submodule_and_a_part_have_theirs_outside() {
        let (_folder, at) = folder();
        git(&at, "init -q main");
        git(&at, "init -q part");
        git(&at.join("part"), "commit -q --allow-empty -m x");
        std::fs::create_dir(at.join("main/below")).unwrap();
        git(&at.join("main"), "commit -q --allow-empty -m x");
        git(&at.join("main"), "worktree add -q ../linked");
        git(&at.join("main"), "submodule --quiet add ../part mod");
        git(&at, "init -q --separate-git-dir store separate");
        let found = |root: &str| outside(&at.join(root)).map(|outside| (outside.dir, outside.worktree));
        let expected = |dir: &str, worktree: &str| Some((at.join(dir), at.join(worktree)));
        assert_eq!(found("main"), None);
        assert_eq!(found("main/below"), expected("main/.git", "main"));
        assert_eq!(found("linked"), expected("main/.git", "linked"));
        assert_eq!(found("main/mod"), expected("main/.git/modules/mod", "main/mod"));
        assert_eq!(found("separate"), expected("store", "separate"));
        let places = places(&[], outside(&at.join("linked")).as_ref(), &[at.join("linked")]);
        let views: Vec<&View> = places.iter().flat_map(|place| &place.views).collect();
        assert_eq!(views, [&View { inside: "worktrees/linked".into(), worktree: Some(at.join("linked")) }]);
    }

    #[test]
    fn a_git_file_that_lies_is_not_believed() {
        let (_folder, at) = folder();
        git(&at, "init -q victim");
        git(&at, "init -q --bare store");
        std::fs::create_dir_all(at.join("liar/deep")).unwrap();
        for victim in ["victim/.git", "store"] {
            std::fs::write(at.join("liar/.git"), format!("gitdir: {}\n", at.join(victim).display())).unwrap();
            assert_eq!(outside(&at.join("liar")), None, "{victim}");
        }
        std::fs::remove_file(at.join("liar/.git")).unwrap();
        std::os::unix::fs::symlink(at.join("victim/.git"), at.join("liar/.git")).unwrap();
        assert_eq!(outside(&at.join("liar/deep")), None);
    }
}
