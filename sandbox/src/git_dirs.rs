//! Where git keeps its own files: in the workspace at every depth, and for a
//! workspace that is a worktree or a part of a repository, outside of it.

use std::path::{Path, PathBuf};

/// Entries that are looked at. A tree with more is found as far as this; what lies deeper is then unguarded, which
/// only a monorepo of monorepos meets.
const MOST_ENTRIES: usize = 500_000;

/// `.git` directories and files, bare repositories, and the directories of submodules, sorted. Follows no link.
pub(crate) fn find(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    let mut seen = 0;
    while let Some(dir) = dirs.pop() {
        if is_git_dir(&dir) {
            // Inside of it only submodules have files of this kind.
            dirs.extend(Some(dir.join("modules")).filter(|modules| modules.is_dir()));
            found.push(dir);
            continue;
        }
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            seen += 1;
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() && entry.file_name() == ".git" {
                found.push(entry.path());
            }
        }
        if MOST_ENTRIES < seen {
            break;
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

/// The git directory outside `root` that commits in `root` write to.
pub(crate) fn outside(root: &Path) -> Option<PathBuf> {
    crate::private_git::outside(root).map(|outside| outside.dir)
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
    fn at_every_depth() {
        let (_folder, at) = folder();
        std::fs::create_dir_all(at.join("main/deep/nested")).unwrap();
        git(&at, "init -q main");
        git(&at, "init -q main/deep/nested");
        git(&at, "init -q --bare main/store");
        git(&at.join("main/deep/nested"), "commit -q --allow-empty -m x");
        git(&at.join("main"), "submodule --quiet add ./deep/nested part");
        let found = find(&at.join("main"));
        let found: Vec<&Path> = found.iter().map(|path| path.strip_prefix(at.join("main")).unwrap()).collect();
        let expected = [".git", ".git/modules/part", "deep/nested/.git", "part/.git", "store"];
        assert_eq!(found, expected.map(Path::new));
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
