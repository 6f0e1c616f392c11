//! Which names lead into git's own files. What git runs or follows later is
//! not for a file tool to write; commands of git change it by its rules.

use std::path::{Component, Path};

/// Characters that HFS+ ignores in names, as in git's `next_hfs_char` (utf8.c).
const IGNORED: [char; 16] = [
    '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{206a}', '\u{206b}', '\u{206c}', '\u{206d}', '\u{206e}', '\u{206f}', '\u{feff}',
];

/// Whether some part of `path` is `.git`, or is `.git` to another file system:
/// a checkout may be shared with one, and refusing such names costs nothing.
pub(crate) fn leads_into_git(path: &Path) -> bool {
    path.components().any(|part| match part {
        Component::Normal(name) => is_dot_git(&name.to_string_lossy()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
    })
}

/// Case-insensitive, with the spellings of NTFS and HFS+ that git refuses too
/// (`is_ntfs_dotgit` in path.c, `is_hfs_dotgit` in utf8.c).
fn is_dot_git(name: &str) -> bool {
    let name: String = name.chars().filter(|c| !IGNORED.contains(c)).collect::<String>().to_lowercase();
    // A stream (`.git::$INDEX_ALLOCATION`) and trailing dots and spaces name the same file on NTFS.
    let name = name.split(':').next().unwrap_or_default();
    let name = name.trim_end_matches(['.', ' ']);
    name == ".git" || name == "git~1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: bool) {
        assert_eq!(leads_into_git(Path::new(path)), expected, "{path:?}");
    }

    #[test]
    fn git_files_at_any_depth() {
        check(".git", true);
        check(".git//config", true);
        check("vendor/dep/.git/hooks/pre-commit", true);
        check("sub/.git", true);
    }

    #[test]
    fn spellings_of_other_file_systems() {
        check(".GIT/config", true);
        check("git~1/config", true);
        check(".git::$INDEX_ALLOCATION/config", true);
        check(".g\u{200c}it/config", true);
        check(".gi\u{feff}t/config", true);
        check(".git. /config", true);
    }

    #[test]
    fn other_names() {
        check("git/config", false);
        check(".gitx/config", false);
        check(".gitignore", false);
        check(".github/workflows/ci.yml", false);
        check("git~2", false);
        check("a.git/x", false);
    }
}
