//! Where git keeps its own files besides the places that a look at the workspace finds: those of submodules, and for a
//! workspace that is a worktree or a part of a repository, outside of it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::bounded::read_bounded;

/// The git directories of submodules, at every depth (gitrepository-layout(5)): a submodule's name may have slashes.
pub(crate) fn modules(git: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![git.join("modules")];
    while let Some(dir) = dirs.pop() {
        if is_git_dir(&dir) {
            dirs.push(dir.join("modules"));
            found.push(dir);
            continue;
        }
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                dirs.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// As git decides it (setup.c, `is_git_directory`). A `.git` that is not one yet becomes one by what is put in.
fn is_git_dir(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).symlink_metadata().is_ok();
    dir.file_name().is_some_and(|name| name == ".git") || has("HEAD") && has("objects") && has("refs")
}

/// The top of the work tree that `root` is in, and the directory with its index (gitrepository-layout(5)).
pub(crate) fn own(root: &Path) -> Option<(PathBuf, PathBuf)> {
    root.ancestors().find_map(|top| {
        let git = top.join(".git");
        let git = match git.is_file() {
            true => top.join(std::fs::read_to_string(&git).ok()?.strip_prefix("gitdir:")?.trim()),
            false => git,
        };
        git.is_dir().then(|| (top.to_path_buf(), git))
    })
}

/// The git directory outside `root` that commits in `root` write to. Its own repository must know `root`, and it must
/// be ours: a `.git` file can name any directory.
pub(crate) fn outside(root: &Path) -> Option<PathBuf> {
    let own = root.join(".git");
    if own.is_dir() {
        return None;
    }
    let found = if own.is_file() { common_dir(&own)? } else { parents_dir(root)? };
    let owner = std::fs::metadata(&found).ok()?.uid();
    (owner == rustix::process::getuid().as_raw()).then_some(found)
}

/// Of a linked worktree (gitrepository-layout(5)): `.git` names a directory of the main repository, and a file in that
/// directory names `.git`.
fn common_dir(own: &Path) -> Option<PathBuf> {
    let line = text_of(own)?;
    let dir = own.parent()?.join(line.strip_prefix("gitdir:")?.trim());
    let back = text_of(&dir.join("gitdir"))?;
    if std::fs::canonicalize(dir.join(back.trim())).ok()? != std::fs::canonicalize(own).ok()? {
        return None;
    }
    let common = text_of(&dir.join("commondir"))?;
    std::fs::canonicalize(dir.join(common.trim())).ok().filter(|common| is_git_dir(common))
}

/// git writes one line of text into such files; more than this is not one of them.
fn text_of(path: &Path) -> Option<String> {
    String::from_utf8(read_bounded(path, 64 << 10).ok()?).ok()
}

fn parents_dir(root: &Path) -> Option<PathBuf> {
    let above = root.ancestors().skip(1).map(|dir| dir.join(".git"));
    above.filter(|git| git.is_dir()).find_map(|git| std::fs::canonicalize(git).ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(dir: &Path, line: &str) {
        let mut git = Command::new("git");
        git.args(["-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@b"]);
        let output = git.args(line.split(' ')).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(folder.path()).unwrap();
        (folder, path)
    }

    #[test]
    fn submodules_at_every_depth() {
        let (_folder, at) = folder();
        for name in ["main", "one", "two"] {
            git(&at, &format!("init -q {name}"));
            git(&at.join(name), "commit -q --allow-empty -m x");
        }
        git(&at.join("one"), "submodule --quiet add ../two deep/two");
        git(&at.join("one"), "commit -q -m x");
        git(&at.join("main"), "submodule --quiet add ../one part");
        git(&at.join("main"), "submodule --quiet update --init --recursive");
        let found = modules(&at.join("main/.git"));
        let found: Vec<&Path> = found.iter().map(|path| path.strip_prefix(at.join("main/.git")).unwrap()).collect();
        assert_eq!(found, [Path::new("modules/part"), Path::new("modules/part/modules/deep/two")]);
    }

    #[test]
    fn a_worktree_and_a_part_have_theirs_outside() {
        let (_folder, at) = folder();
        git(&at, "init -q main");
        std::fs::create_dir(at.join("main/part")).unwrap();
        git(&at.join("main"), "commit -q --allow-empty -m x");
        git(&at.join("main"), "worktree add -q ../linked");
        assert_eq!(outside(&at.join("main")), None);
        assert_eq!(outside(&at.join("main/part")), Some(at.join("main/.git")));
        assert_eq!(outside(&at.join("linked")), Some(at.join("main/.git")));
        assert_eq!(own(&at.join("main/part")), Some((at.join("main"), at.join("main/.git"))));
        assert_eq!(own(&at.join("linked")), Some((at.join("linked"), at.join("main/.git/worktrees/linked"))));
    }

    #[test]
    fn a_git_file_that_lies_is_not_believed() {
        let (_folder, at) = folder();
        git(&at, "init -q victim");
        std::fs::create_dir(at.join("liar")).unwrap();
        std::fs::write(at.join("liar/.git"), format!("gitdir: {}\n", at.join("victim/.git").display())).unwrap();
        assert_eq!(outside(&at.join("liar")), None);
    }
}
