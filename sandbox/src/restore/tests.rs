use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

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
    let result = bench.host.files().restore(set, &mut |_, _| ());
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
        assert!(bench.host.files().restore(&plan, &mut |_, _| ()).is_err());
    } else {
        fs::set_permissions(bench.root().join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
        let plan = set(&[("a", Some("1"), Some("0")), ("k/new", None, Some("n")), ("locked/b", Some("2"), Some("0"))]);
        assert!(bench.host.files().restore(&plan, &mut |_, _| ()).is_err());
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
    assert!(bench.host.files().restore(&outside, &mut |_, _| ()).is_err());
    assert!(!bench.folder.path().join("out").exists());
}

#[test]
fn a_directory_that_is_not_empty_stays() {
    let bench = Bench::new(&[("d/mine", "1")]);
    let change = Changed { path: "d".into(), before: Some(FileState::Dir), after: None };
    check(&bench, &[(change, None)], Ok(&["d"]));
}

#[test]
fn every_name_of_a_file_goes_back() {
    let bench = Bench::new(&[("a", "12"), ("z", "3")]);
    fs::hard_link(bench.root().join("a"), bench.root().join("b")).unwrap();
    fs::hard_link(bench.root().join("a"), bench.root().join("c")).unwrap();
    let plan = set(&[("a", Some("12"), Some("1")), ("b", Some("12"), Some("1")), ("c", Some("12"), None)]);
    check(&bench, &plan, Ok(&[]));
    assert_eq!((bench.read("a").unwrap(), bench.read("b").unwrap()), (b"1".to_vec(), b"1".to_vec()));
    assert!(!bench.root().join("c").exists());
}

#[test]
fn modes_go_back_with_set_user_id_and_without() {
    let bench = Bench::new(&[("a", "1")]);
    let path = bench.root().join("a");
    let state = |mode| Some(FileState::File { digest: Digest::of(b"1"), bytes: 1, mode });
    let change = |before, after| Changed { path: "a".into(), before: state(before), after: state(after) };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    fs::hard_link(&path, bench.root().join("b")).unwrap();
    check(&bench, &[(change(0o6755, 0o644), Some(b"1".to_vec()))], Ok(&[]));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.nlink()), (0o644, 2), "it stays the same file");
    let other = Changed {
        after: Some(FileState::File { digest: Digest::of(b"2"), bytes: 1, mode: 0o4755 }),
        ..change(0o644, 0)
    };
    check(&bench, &[(other, Some(b"2".to_vec()))], Ok(&[]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o4755);
}

#[test]
fn a_fifo_is_replaced_and_made_again() {
    let bench = Bench::new(&[("b", "1")]);
    let fifo = |path: &str| {
        assert!(std::process::Command::new("mkfifo").arg(bench.root().join(path)).status().unwrap().success())
    };
    fifo("a");
    let mode = fs::symlink_metadata(bench.root().join("a")).unwrap().mode();
    let special = Some(FileState::Special { mode });
    let plan = [
        (Changed { path: "a".into(), before: special.clone(), after: file("1") }, Some(b"1".to_vec())),
        (Changed { path: "b".into(), before: file("1"), after: special.clone() }, None),
        (Changed { path: "c".into(), before: None, after: special }, None),
    ];
    check(&bench, &plan, Ok(&[]));
    assert_eq!(bench.read("a").unwrap(), b"1");
    for path in ["b", "c"] {
        assert_eq!(fs::symlink_metadata(bench.root().join(path)).unwrap().mode(), mode);
    }
}

#[test]
fn a_set_of_many_goes_in_batches() {
    let names: Vec<String> = (0..2 * BATCH + 7).map(|number| format!("d/{number}")).collect();
    let bench = Bench::new(&[]);
    let made: Vec<(&str, Option<&str>, Option<&str>)> =
        names.iter().map(|name| (name.as_str(), None, Some("1"))).collect();
    let mut told = Vec::new();
    bench.host.files().restore(&set(&made), &mut |done, total| told.push((done, total))).unwrap();
    let total = names.len();
    assert_eq!(told, [(BATCH, total), (2 * BATCH, total), (total, total)]);
    // One that is otherwise: nothing of any batch is done.
    fs::write(bench.root().join(format!("d/{}", 2 * BATCH + 5)), "mine").unwrap();
    let back: Vec<(&str, Option<&str>, Option<&str>)> =
        names.iter().map(|name| (name.as_str(), Some("1"), Some("0"))).collect();
    assert!(bench.host.files().restore(&set(&back), &mut |_, _| ()).is_err());
    assert_eq!(bench.read("d/0").unwrap(), b"1");
}
