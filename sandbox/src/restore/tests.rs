use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::testing::Bench;

fn file(text: &str) -> Option<FileState> {
    Some(FileState::File { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64, mode: 0o644 })
}

/// Each path from one text to another; `None`: no file.
fn set(changes: &[(&str, Option<&str>, Option<&str>)]) -> Vec<(Changed, Option<Content>)> {
    let one = |(path, before, after): &(&str, Option<&str>, Option<&str>)| {
        let change = Changed { path: path.into(), before: before.and_then(file), after: after.and_then(file) };
        (change, after.map(|text| text.as_bytes().to_vec()))
    };
    changes.iter().map(one).collect()
}

#[track_caller]
fn check(bench: &Bench, set: &[(Changed, Option<Content>)], expected: Result<&[&str], &str>) {
    let result = bench.host.files().restore(set);
    match (result, expected) {
        (Ok(stayed), Ok(expected)) => assert_eq!(stayed, expected.iter().map(PathBuf::from).collect::<Vec<PathBuf>>()),
        (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
        (result, expected) => panic!("{result:?}, expected {expected:?}"),
    }
}

#[test]
fn nothing_happens_unless_everything_is_as_the_plan_says() {
    let bench = Bench::new(&[("a", "1"), ("b", "2")]);
    let plan = set(&[("a", Some("1"), Some("0")), ("b", Some("other"), None)]);
    check(&bench, &plan, Err("`b` changed on disk in the meantime; nothing was written. Read it again."));
    assert_eq!(bench.read("a").unwrap(), b"1");
}

#[test]
fn a_failure_half_way_puts_everything_back() {
    let bench = Bench::new(&[("a", "1"), ("locked/b", "2"), ("z", "3")]);
    if rustix::process::geteuid().is_root() {
        // Root may write anywhere: a name that is too long fails for everybody, at its turn.
        let long = format!("m/{}", "x".repeat(300));
        let plan = set(&[
            ("a", Some("1"), Some("0")),
            ("k/new", None, Some("n")),
            (&long, None, Some("n")),
            ("z", Some("3"), None),
        ]);
        assert!(bench.host.files().restore(&plan).is_err());
    } else {
        fs::set_permissions(bench.root().join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
        let plan = set(&[("a", Some("1"), Some("0")), ("k/new", None, Some("n")), ("locked/b", Some("2"), Some("0"))]);
        assert!(bench.host.files().restore(&plan).is_err());
        fs::set_permissions(bench.root().join("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!((bench.read("a").unwrap(), bench.read("z").unwrap()), (b"1".to_vec(), b"3".to_vec()));
    assert!(!bench.root().join("k/new").exists());
}

#[test]
fn neither_gits_files_nor_those_behind_a_link() {
    let bench = Bench::new(&[(".git/config", "1"), ("real/a", "1")]);
    check(
        &bench,
        &set(&[(".git/config", Some("1"), Some("2"))]),
        Err("`.git/config` belongs to git; nothing was changed."),
    );
    symlink("real", bench.root().join("link")).unwrap();
    let plan = set(&[("link/a", Some("1"), Some("2"))]);
    check(&bench, &plan, Err("`link/a` changed on disk in the meantime; nothing was written. Read it again."));
    let outside = set(&[("../out", None, Some("2"))]);
    assert!(bench.host.files().restore(&outside).is_err());
    assert!(!bench.folder.path().join("out").exists());
}

#[test]
fn a_directory_that_is_not_empty_stays() {
    let bench = Bench::new(&[("d/mine", "1")]);
    let change = Changed { path: "d".into(), before: Some(FileState::Dir), after: None };
    check(&bench, &[(change, None)], Ok(&["d"]));
}
