//! Files that their owner keeps from everybody else, where no row of the table names them: a key in an unusual place.
//!
//! Only where programs and people put such files by hand or as settings: the top of a home and `.config`. Caches and
//! state are full of files that are private for no reason than that a temporary file was renamed.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Directories of `.config` and files that are looked at.
const MOST_DIRS: usize = 300;
const MOST_FILES: usize = 5_000;
/// With more, all that this user makes is private, and it says nothing.
const MOST_PRIVATE: usize = 100;
/// Read by nobody but their owner.
const OTHERS: u32 = 0o077;

/// Private with many people, and without them git and shells do not work as they should.
const NEEDED: &[&str] = &[
    ".gitconfig",
    ".gitignore",
    ".config/git/config",
    ".config/git/ignore",
    ".config/git/attributes",
    ".bashrc",
    ".bash_profile",
    ".bash_logout",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".inputrc",
    ".condarc",
    ".editorconfig",
    ".config/user-dirs.dirs",
];

/// Absolute. Nothing where the user's umask makes everything private.
pub(super) fn files(home: &Path, workspace: &Path) -> Vec<PathBuf> {
    let is_habit = umask().is_none_or(|umask| umask & 0o044 == 0o044);
    if is_habit { Vec::new() } else { find(home, workspace) }
}

fn find(home: &Path, workspace: &Path) -> Vec<PathBuf> {
    let config = home.join(".config");
    let dirs = entries(&config).filter(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_dir())).take(MOST_DIRS);
    let dirs: Vec<PathBuf> = [home.to_path_buf(), config.clone()].into_iter().chain(dirs).collect();
    let files = dirs.iter().flat_map(|dir| entries(dir)).take(MOST_FILES);
    let is_private = |path: &PathBuf| {
        let is_needed = path.strip_prefix(home).is_ok_and(|inside| NEEDED.iter().any(|name| inside == Path::new(name)));
        let meta = path.symlink_metadata();
        !is_needed && meta.is_ok_and(|meta| meta.is_file() && 0 < meta.len() && meta.mode() & OTHERS == 0)
    };
    let private: Vec<PathBuf> = files.filter(|path| !path.starts_with(workspace)).filter(is_private).collect();
    if MOST_PRIVATE < private.len() { Vec::new() } else { private }
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// By proc_pid_status(5): umask(2) tells it only to who changes it.
fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(home: &Path, name: &str, mode: u32) {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_umask_is_known() {
        assert!(umask().is_some_and(|umask| umask <= 0o777));
    }

    #[test]
    fn what_only_its_owner_reads_is_hidden_but_for_what_programs_need() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        for (name, mode) in [
            ("prod-key", 0o600),
            (".config/tool/login.json", 0o600),
            (".config/loose", 0o400),
            ("notes.txt", 0o644),
            (".gitconfig", 0o600),
            (".config/git/config", 0o600),
            (".cache/pip/x", 0o600),
            ("code/x", 0o600),
            (".config/tool/deep/down", 0o600),
        ] {
            put(home, name, mode);
        }
        let mut found = find(home, &home.join("code"));
        found.sort();
        assert_eq!(found, [".config/loose", ".config/tool/login.json", "prod-key"].map(|name| home.join(name)));
        assert_eq!(find(home, home), Vec::<PathBuf>::new(), "a workspace is not outside of itself");
        for number in 0..=MOST_PRIVATE {
            put(home, &format!("f{number}"), 0o600);
        }
        assert_eq!(find(home, &home.join("code")), Vec::<PathBuf>::new(), "here everything is private");
    }
}
