//! What was there and what is there, a line each; what is to be done.

use std::ffi::OsString;

use super::super::look::Identity;
use super::*;

fn found(lines: &[&str]) -> Found {
    let what = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let identity = |number: &str| Identity::numbered(number.parse().unwrap());
        let what = match words[1..] {
            ["dir", number] => What::Dir(identity(number)),
            ["file", text] => What::File { bytes: text.into(), mode: 0o644 },
            ["link", target] => What::Link(OsString::from(target)),
            ["bare", number, pieces] => {
                let has = |piece| pieces.contains(piece);
                let pieces = Pieces { head: true, commondir: has('c'), objects: has('o'), refs: has('r') };
                What::Bare(identity(number), pieces)
            }
            _ => panic!("{line}"),
        };
        (PathBuf::from(words[0]), what)
    };
    lines.iter().map(|line| what(line)).collect()
}

#[track_caller]
fn check(before: &[&str], now: &[&str], expected: &[&str]) {
    let verdict = judge(&found(before), &found(now));
    let mut done: Vec<String> = verdict.planted.iter().map(|path| format!("aside {}", path.display())).collect();
    done.extend(verdict.back.iter().map(|(from, to)| format!("{} back to {}", from.display(), to.display())));
    done.extend(verdict.restore.iter().map(|(path, _)| format!("restore {}", path.display())));
    assert_eq!(done, expected);
}

#[test]
fn what_is_new_goes() {
    check(&[".git dir 1"], &[".git dir 1"], &[]);
    check(
        &[],
        &["a/.git dir 2", "b/.git file x", "c/.git link ../x"],
        &["aside a/.git", "aside b/.git", "aside c/.git"],
    );
    check(&[], &["a/b/.git dir 2", "a/.git dir 3"], &["aside a/b/.git", "aside a/.git"]);
    check(&[], &["docs bare 1 or", "lib bare 2 c", "half bare 3 o"], &["aside docs/HEAD", "aside lib/HEAD"]);
}

#[test]
fn of_a_directory_only_the_piece_that_is_new() {
    check(&["docs bare 1 "], &["docs bare 1 c"], &["aside docs/commondir"]);
    check(&["docs bare 1 o"], &["docs bare 1 or"], &["aside docs/refs"]);
    check(&["docs bare 1 r"], &["docs bare 1 or"], &["aside docs/objects"]);
    check(&["docs bare 1 "], &["docs bare 2 c"], &["aside docs/HEAD"]);
    check(&["docs bare 1 or"], &["docs bare 1 orc"], &[]);
}

#[test]
fn what_was_replaced_comes_back() {
    check(&["sub/.git dir 1"], &["sub/.git dir 2", "old/.git dir 1"], &["aside sub/.git", "old/.git back to sub/.git"]);
    check(&["sub/.git dir 1"], &["sub/.git dir 2"], &["aside sub/.git"]);
    check(&["sub/.git file a"], &["sub/.git file b"], &["aside sub/.git", "restore sub/.git"]);
    check(&["sub/.git link a"], &["sub/.git dir 2"], &["aside sub/.git", "restore sub/.git"]);
    check(&["store bare 1 or"], &["store bare 2 or", "old bare 1 or"], &["aside store", "old back to store"]);
    check(&[".git dir 1"], &[".git dir 2", "moved bare 1 or"], &["aside .git", "moved back to .git"]);
}

#[test]
fn what_moves_with_its_files_or_goes_is_left() {
    check(&["a/.git dir 1"], &["b/.git dir 1"], &[]);
    check(&["a/.git dir 1", "b/.git dir 2"], &["a/.git dir 2", "b/.git dir 1"], &[]);
    check(&["a/.git dir 1", "b/.git file x"], &[], &[]);
    // Where it is now it may lead elsewhere.
    check(&["a/.git file ../x"], &["b/c/.git file ../x"], &["aside b/c/.git"]);
}
