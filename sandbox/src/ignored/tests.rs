use std::fs;

use super::*;
use crate::testing::ODD_FILES;

/// Files that a walk from `start` shows, sorted. A name that ends in a slash is an empty directory.
fn walked(files: &[(&str, &str)], start: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name.strip_suffix('/') {
            Some(_) => fs::create_dir_all(path).unwrap(),
            None => fs::write(path, text).unwrap(),
        }
    }
    shown(&root.join(start))
}

fn shown(start: &Path) -> Vec<String> {
    let entries = walker(start, None).sort_by_file_name(Ord::cmp).build().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| entry.path().strip_prefix(start).unwrap().display().to_string()).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], start: &str, expected: &[&str]) {
    assert_eq!(walked(files, start), expected);
}

#[test]
fn rules_of_every_directory_count_and_the_deepest_decides() {
    check(
        &[
            (".gitignore", "*.log\n/top\nbuild/\n"),
            ("a.log", ""),
            ("top", ""),
            ("sub/top", ""),
            ("sub/.gitignore", "!keep.log\n"),
            ("sub/keep.log", ""),
            ("sub/other.log", ""),
            ("build/x", ""),
            (".hidden", ""),
        ],
        "",
        &[".gitignore", ".hidden", "sub/.gitignore", "sub/keep.log", "sub/top"],
    );
}

#[test]
fn dot_ignore_comes_before_gitignore_and_exclude_after_it() {
    check(
        &[
            (".git/info/exclude", "*.tmp\n*.log\n"),
            (".gitignore", "!b.log\n*.txt\n"),
            (".ignore", "!a.txt\n"),
            ("a.txt", ""),
            ("b.txt", ""),
            ("a.log", ""),
            ("b.log", ""),
            ("c.tmp", ""),
        ],
        "",
        &[".gitignore", ".ignore", "a.txt", "b.log"],
    );
}

#[test]
fn rules_above_the_start_count_up_to_the_repository() {
    let files = [(".gitignore", "*.a\n"), ("repo/.git/", ""), ("repo/.gitignore", "*.b\n"), ("repo/sub/1.a", "")];
    let more = [("repo/sub/2.b", ""), ("repo/sub/3.c", "")];
    check(&[&files[..], &more].concat(), "repo/sub", &["1.a", "3.c"]);
}

#[test]
fn a_worktree_has_the_exclude_file_of_its_repository() {
    check(
        &[
            ("main/.git/info/exclude", "*.log\n"),
            ("main/.git/worktrees/w/commondir", "../..\n"),
            ("w/.git", "gitdir: ../main/.git/worktrees/w\n"),
            ("w/a.log", ""),
            ("w/b", ""),
        ],
        "w",
        &["b"],
    );
}

#[test]
fn the_users_file_is_found() {
    assert_eq!(excludes_file("[user]\n\tname = a\n[core]\n\texcludesFile = ~/.ig\n").as_deref(), Some("~/.ig"));
    assert_eq!(excludes_file("[core]\nexcludesfile=\"/x y\"\n").as_deref(), Some("/x y"));
    assert_eq!(excludes_file("[core]\n\tpager = less\n"), None);
}

#[test]
fn what_is_not_a_file_holds_no_walk_up() {
    for name in [".gitignore", ".ignore", ".git/info/exclude", "sub/.gitignore", ".git/HEAD", "sub/.git"] {
        for (kind, make) in ODD_FILES {
            let folder = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(folder.path()).unwrap();
            let odd = root.join(name);
            fs::create_dir_all(odd.parent().unwrap()).unwrap();
            fs::create_dir_all(root.join("sub")).unwrap();
            fs::write(root.join("sub/a"), "").unwrap();
            make(&odd);
            let shown = shown(&root);
            assert!(shown.contains(&"sub/a".to_owned()), "{kind} at {name}: {shown:?}");
        }
    }
}

#[test]
fn rules_are_bounded() {
    let many: String = (0..2 * MOST_LINES).map(|line| format!("/{line}\n")).collect();
    let last = (2 * MOST_LINES - 1).to_string();
    check(&[(".gitignore", &many), ("0", ""), (&last, "")], "", &[".gitignore", &last]);
    let large = "x".repeat(usize::try_from(MOST_BYTES).unwrap() + 1);
    check(&[(".gitignore", &format!("/a\n{large}")), ("a", "")], "", &[".gitignore", "a"]);
}
