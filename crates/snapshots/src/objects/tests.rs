use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn open(folder: &Path, session: &str) -> Objects {
    Objects::open(folder, Path::new("/w"), session, 1 << 20).unwrap()
}

#[test]
fn what_one_session_kept_the_next_one_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = open(folder.path(), "one");
    let digest = one.keep(b"content").unwrap();
    one.flush().unwrap();
    assert_eq!(one.get(&digest).unwrap(), b"content");
    let mut two = open(folder.path(), "two");
    assert_eq!(two.keep(b"content").unwrap(), digest);
    assert!(two.pack.is_none(), "nothing new to keep, no pack");
    assert_eq!(two.get(&digest).unwrap(), b"content");
    assert!(!Objects::open(folder.path(), Path::new("/other"), "two", 1).unwrap().has(&digest));
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = open(folder.path(), "one");
    objects.keep_manifest(&Manifest::default()).unwrap();
    assert_eq!(std::fs::metadata(&objects.folder).unwrap().permissions().mode() & 0o077, 0);
    for entry in std::fs::read_dir(&objects.folder).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn a_torn_end_is_not_there_and_does_not_shift_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = open(folder.path(), "one");
    let (first, second) = (objects.keep(b"first").unwrap(), objects.keep(b"second").unwrap());
    objects.flush().unwrap();
    let path = objects.folder.join("one.pack");
    drop(objects);
    // The index as a machine leaves it that lost its power: half an entry, and an object that is not whole.
    let index = std::fs::read(path.with_extension("index")).unwrap();
    std::fs::write(path.with_extension("index"), &index[..index.len() - 9]).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(8).unwrap();
    let mut objects = open(folder.path(), "one");
    assert!(objects.has(&first) && !objects.has(&second));
    objects.keep(b"second").unwrap();
    let third = objects.keep(b"third").unwrap();
    objects.flush().unwrap();
    drop(objects);
    let objects = open(folder.path(), "one");
    for (digest, content) in [(first, &b"first"[..]), (second, b"second"), (third, b"third")] {
        assert_eq!(objects.get(&digest).unwrap(), content);
    }
}

#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = open(folder.path(), "one");
    let digest = objects.keep(b"content").unwrap();
    objects.flush().unwrap();
    std::fs::write(objects.folder.join("one.pack"), "CONTENT").unwrap();
    assert!(matches!(objects.get(&digest), Err(Lost::Damaged)));
    assert!(matches!(objects.get(&Digest::of(b"other")), Err(Lost::Pruned)));
}

#[test]
fn a_session_keeps_no_more_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = Objects::open(folder.path(), Path::new("/w"), "one", 10).unwrap();
    objects.keep(b"12345678").unwrap();
    assert!(matches!(objects.keep(b"abc"), Err(Unkept::Full(10))));
    assert!(objects.keep(b"12345678").is_ok() && objects.keep(b"ab").is_ok());
}

#[test]
fn a_store_that_cannot_be_made_is_an_error_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = open(&folder.path().join("taken"), "one");
    std::fs::write(folder.path().join("taken"), "").unwrap();
    assert!(matches!(objects.keep(b"x"), Err(Unkept::Io { .. })));
    assert!(objects.flush().is_ok());
}

#[test]
fn the_latest_manifest_has_what_is_pruned_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut objects = open(folder.path(), "one");
    let state = |digest| Some(crate::FileState::File { digest, bytes: 1, mode: 0o644 });
    let digest = objects.keep(b"x").unwrap();
    let mut manifest = Manifest::default();
    manifest.apply(&[
        Changed { path: "kept".into(), before: None, after: state(digest) },
        Changed { path: "pruned".into(), before: None, after: state(Digest::of(b"gone")) },
    ]);
    for seen in manifest.dirs.get_mut(Path::new("")).unwrap().entries.values_mut() {
        seen.stamp.racy = false;
    }
    objects.keep_manifest(&manifest).unwrap();
    let latest = open(folder.path(), "two").latest_manifest().unwrap();
    let racy: Vec<bool> = latest.dirs[Path::new("")].entries.values().map(|seen| seen.stamp.racy).collect();
    assert_eq!(racy, [false, true]);
}

#[test]
fn a_full_disk_leaves_nothing_torn_and_takes_the_reserve() {
    let bench = tempfile::tempdir().unwrap();
    let mut objects = Objects::open(bench.path(), Path::new("/w"), "s", 1 << 30).unwrap();
    objects.keep(b"first").unwrap();
    objects.flush().unwrap();
    objects.hold_reserve();
    assert!(objects.reserve.is_some());
    assert_eq!(std::fs::read_dir(&objects.folder).unwrap().count(), 2, "it has no name");
    // What is written from here on meets a disk that is full.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let pack = objects.pack.as_mut().unwrap();
    let disk = std::mem::replace(&mut pack.content, full);
    let large = vec![7; PENDING + 1];
    assert!(matches!(objects.keep(&large), Err(Unkept::Io { .. })));
    assert!(!objects.has(&Digest::of(&large)));
    let small = objects.keep(b"second").unwrap();
    assert!(matches!(objects.keep_changes(&[]), Err(Unkept::Io { .. })));
    assert!(objects.reserve.is_none(), "its room is given to the record");
    // There is room again.
    objects.pack.as_mut().unwrap().content = disk;
    let record = objects.keep_changes(&[]).unwrap();
    let again = Objects::open(bench.path(), Path::new("/w"), "t", 1 << 30).unwrap();
    assert_eq!(again.get(&small).unwrap(), b"second");
    assert_eq!(again.changes(&record).unwrap(), []);
}
