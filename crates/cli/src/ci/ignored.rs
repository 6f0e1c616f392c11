//! What git ignores in the checkout, such as `.env` and the keys that a job was given. It is no part of the work, so the
//! run does not see it, by its absolute path neither.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::worktree::Repository;

/// Each costs the sandbox a mount.
const MOST: usize = 500;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ignored {
    pub(crate) paths: Vec<PathBuf>,
    /// For the result, where there is too much.
    pub(crate) note: Option<String>,
}

/// Files that git ignores, directories in which it ignores everything, and names of secrets among the rest that is not
/// tracked. Not where tools keep what they built or fetched: checks use that.
pub(crate) fn find(repository: &Repository) -> anyhow::Result<Ignored> {
    let list = |arguments: &[&str]| -> anyhow::Result<Vec<PathBuf>> {
        let all = [&["ls-files", "--others", "--exclude-standard", "-z"], arguments].concat();
        let listed = repository.git.run(&all)?;
        let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))).collect())
    };
    let ignored = list(&["--ignored", "--directory"])?;
    let untracked = list(&["--directory"])?;
    let used: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    Ok(choose(&repository.root, ignored, untracked, &used))
}

/// `used`: directories that commands look for programs in.
fn choose(root: &Path, ignored: Vec<PathBuf>, untracked: Vec<PathBuf>, used: &[PathBuf]) -> Ignored {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_used = |path: &Path| used.iter().any(|dir| dir.starts_with(root.join(path)));
    let is_built =
        |path: &Path| path.components().any(|part| sandbox::is_filled_by_tools(&part.as_os_str().to_string_lossy()));
    let ignored = ignored.into_iter().filter(|path| !is_built(path) && !is_used(path));
    let named = untracked.into_iter().filter(|path| sandbox::is_named_like_a_secret(&name(path)));
    let all: BTreeSet<PathBuf> = ignored.chain(named).collect();
    let mut paths: Vec<PathBuf> = all.into_iter().collect();
    // Those that matter most, should there be too many.
    paths.sort_by_key(|path| !sandbox::is_named_like_a_secret(&name(path)));
    let too_many = paths.len().saturating_sub(MOST);
    paths.truncate(MOST);
    let note = (0 < too_many).then(|| {
        format!("{too_many} of the files that git ignores in the checkout were not hidden from the run; remove them, or set `hide`")
    });
    Ignored { paths: paths.into_iter().map(|path| root.join(path)).collect(), note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ignored: &[&str], untracked: &[&str], expected: &[&str]) {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let chosen = choose(Path::new("/repo"), paths(ignored), paths(untracked), &["/repo/tools/env/bin".into()]);
        let chosen: Vec<&Path> = chosen.paths.iter().map(|path| path.strip_prefix("/repo").unwrap()).collect();
        assert_eq!(chosen, expected.iter().map(Path::new).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_part_of_the_work_and_no_tool_of_it() {
        check(
            &[
                "notes.txt",
                ".env",
                "gha-creds-1.json",
                "private/",
                "node_modules/",
                ".venv/",
                "a/target/",
                "tools/env/",
            ],
            &["new.rs", "server.key", "dir/"],
            &[".env", "gha-creds-1.json", "server.key", "notes.txt", "private"],
        );
    }

    #[test]
    fn too_many_are_named() {
        let many: Vec<PathBuf> = (0..600).map(|number| PathBuf::from(format!("{number}.log"))).collect();
        let chosen = choose(Path::new("/repo"), many, vec![".env".into()], &[]);
        assert_eq!((chosen.paths.len(), chosen.paths[0].as_path()), (MOST, Path::new("/repo/.env")));
        assert!(chosen.note.unwrap().starts_with("101 of the files"));
    }
}
