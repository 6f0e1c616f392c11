use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use agent::{Cancel, Change, Effect, FileMode, SandboxError, Stop};

use crate::options::HostOptions;
use crate::testing::{Bench, change};

/// Writes, then shows the result and every file that is there.
#[track_caller]
fn check(files: &[(&str, &str)], changes: Vec<Change>, result: &str, after: &[(&str, &str)]) {
    let bench = Bench::new(files);
    let found = match bench.write(changes) {
        Ok(()) => "written".to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, result);
    assert_eq!(tree(&bench), after.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect::<Vec<_>>());
}

fn tree(bench: &Bench) -> Vec<(String, String)> {
    fn visit(dir: PathBuf, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() { visit(path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    visit(bench.root(), &mut found);
    found.sort();
    let name = |path: &PathBuf| path.strip_prefix(bench.root()).unwrap().display().to_string();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn mode(bench: &Bench, path: &str) -> u32 {
    std::fs::metadata(bench.root().join(path)).unwrap().permissions().mode() & 0o777
}

#[test]
fn creates_replaces_and_deletes_at_once() {
    check(
        &[("a.txt", "one"), ("b.txt", "two")],
        vec![
            change("a.txt", Some("one"), Some("ONE")),
            change("b.txt", Some("two"), None),
            change("new/deep/c.txt", None, Some("three")),
            change("new/d.txt", None, Some("")),
        ],
        "written",
        &[("a.txt", "ONE"), ("new/d.txt", ""), ("new/deep/c.txt", "three")],
    );
}

#[test]
fn a_file_that_changed_stops_all_of_it() {
    let result = "`b.txt` changed on disk in the meantime; nothing was written. Read it again.";
    for before in [None, Some("other"), Some("two!"), Some("tw")] {
        check(
            &[("a.txt", "one"), ("b.txt", "two")],
            vec![change("new/c.txt", None, Some("x")), change("b.txt", before, Some("y"))],
            result,
            &[("a.txt", "one"), ("b.txt", "two")],
        );
    }
    check(&[], vec![change("b.txt", Some("gone"), Some("x"))], result, &[]);
}

#[test]
fn a_failure_half_way_puts_everything_back() {
    // The last file cannot be: a name of 300 bytes is found out only when it is made.
    let long = "n".repeat(300);
    let bench = Bench::new(&[("a.txt", "one"), ("b.txt", "two")]);
    symlink("b.txt", bench.root().join("link")).unwrap();
    let error = bench
        .write(vec![
            change("a.txt", Some("one"), Some("ONE")),
            change("link", Some("two"), None),
            change("new/deep/c.txt", None, Some("three")),
            change(&long, None, Some("x")),
        ])
        .unwrap_err();
    assert!(error.to_string().contains("File name too long"), "{error}");
    assert_eq!(tree(&bench), [("a.txt", "one"), ("b.txt", "two"), ("link", "two")].map(own));
    assert!(bench.root().join("link").is_symlink() && !bench.root().join("new").exists());
}

fn own((path, text): (&str, &str)) -> (String, String) {
    (path.into(), text.into())
}

#[test]
fn one_file_under_two_names_is_refused() {
    check(
        &[("a.txt", "one")],
        vec![change("a.txt", Some("one"), Some("x")), change("./a.txt", Some("one"), Some("y"))],
        "`a.txt` and `./a.txt` are the same file; nothing was written. Change each file once per edit.",
        &[("a.txt", "one")],
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = "`d` is a directory.";
    check(&[("d/x", "")], vec![change("d", Some(""), Some("x"))], dir, &[("d/x", "")]);
    check(&[("d/x", "")], vec![change("d", None, Some("x"))], dir, &[("d/x", "")]);
    check(&[], vec![change("new/", None, Some("x"))], "`new/` is a directory.", &[]);
    check(&[], vec![change("..", None, Some("x"))], "`..` is a directory.", &[]);
    check(&[], vec![change("no/../x", None, Some("x"))], "`no/../x` does not exist.", &[]);
    check(
        &[("a.txt", "")],
        vec![change("a.txt/b", None, Some("x"))],
        "`a.txt/b`: Not a directory (os error 20)",
        &[("a.txt", "")],
    );
    let bench = Bench::new(&[]);
    bench.run("mkfifo fifo");
    let error = bench.write(vec![change("fifo", Some(""), Some("x"))]).unwrap_err();
    assert_eq!(error.to_string(), "`fifo` is not a regular file.");
}

#[test]
fn git_files_are_refused() {
    for path in [".git/config", ".git", "sub/.GIT/hooks/x", "link/config", "bare/config", "linked/config.worktree"] {
        let bench = Bench::new(&[
            (".git/HEAD", "x"),
            ("bare/HEAD", ""),
            ("bare/objects/x", ""),
            ("bare/refs/x", ""),
            ("linked/HEAD", ""),
            ("linked/commondir", ""),
        ]);
        symlink(".git", bench.root().join("link")).unwrap();
        let error = bench.write(vec![change(path, None, Some("x"))]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{path}` ")) && error.contains("git commands"), "{error}");
    }
    check(&[], vec![change(".github/x.yml", None, Some("x"))], "written", &[(".github/x.yml", "x")]);
}

#[test]
fn no_directory_becomes_a_repository_in_one_edit_or_in_several() {
    let pieces = [
        ["docs/HEAD", "docs/commondir", "docs/x"],
        ["docs/commondir", "docs/x", "docs/head"],
        ["docs/objects/x", "docs/refs/heads/main", "docs/HEAD"],
        ["docs/HEAD", "docs/objects", "docs/refs/x"],
        ["objects/x", "HEAD", "refs/x"],
    ];
    let create = |path: &str| change(path, None, Some("x"));
    for paths in pieces {
        let bench = Bench::new(&[]);
        let last = paths.iter().map(|path| bench.write(vec![create(path)])).filter_map(Result::err).next();
        let error = last.unwrap_or_else(|| panic!("{paths:?}")).to_string();
        assert!(error.contains("would make a git repository") && error.contains("nothing was written"), "{error}");
        let bench = Bench::new(&[]);
        let error = bench.write(paths.map(create).to_vec()).unwrap_err().to_string();
        assert!(error.contains("would make a git repository"), "{error}");
        assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 0);
    }
    let harmless = ["src/HEAD", "src/objects/a.rs", "src/refs.rs", "lib/refs/HEAD"];
    Bench::new(&[]).write(harmless.map(create).to_vec()).unwrap();
}

#[test]
fn links_stay_links() {
    let bench = Bench::new(&[("dir/a.txt", "one")]);
    let root = bench.root();
    symlink("dir/a.txt", root.join("link")).unwrap();
    symlink(root.join("dir"), root.join("absolute")).unwrap();
    symlink("dir/new.txt", root.join("dangling")).unwrap();
    bench
        .write(vec![
            change("link", Some("one"), Some("ONE")),
            change("absolute/b.txt", None, Some("two")),
            change("dangling", None, Some("three")),
        ])
        .unwrap();
    assert!(root.join("link").is_symlink() && root.join("dangling").is_symlink());
    assert_eq!(std::fs::read_to_string(root.join("dir/a.txt")).unwrap(), "ONE");
    assert_eq!(std::fs::read_to_string(root.join("dir/b.txt")).unwrap(), "two");
    assert_eq!(std::fs::read_to_string(root.join("dir/new.txt")).unwrap(), "three");
    bench.write(vec![change("link", Some("ONE"), None)]).unwrap();
    assert!(!root.join("link").is_symlink() && root.join("dir/a.txt").exists());
}

#[test]
fn links_that_lead_out_are_refused() {
    let bench = Bench::new(&[]);
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a.txt"), "SECRET").unwrap();
    symlink("../outside/a.txt", bench.root().join("file")).unwrap();
    symlink("../outside/none.txt", bench.root().join("none")).unwrap();
    symlink(&outside, bench.root().join("dir")).unwrap();
    symlink("../nowhere", bench.root().join("dangling")).unwrap();
    for path in ["file", "none", "dir/a.txt", "dir/b.txt", "dir/new/b.txt", "dangling/b.txt"] {
        for before in [None, Some("SECRET")] {
            let error = bench.write(vec![change(path, before, Some("x"))]).unwrap_err();
            assert!(matches!(error, SandboxError::Outside(_)), "{path}: {error}");
        }
    }
    assert_eq!(std::fs::read_to_string(outside.join("a.txt")).unwrap(), "SECRET");
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 2);
}

#[test]
fn permission_bits() {
    let bench = Bench::new(&[("run.sh", "a"), ("plain", "a"), ("secret", "a")]);
    bench.run("chmod 755 run.sh; chmod 640 plain; chmod 600 secret");
    let with = |path: &str, before: Option<&str>, mode| Change { mode, ..change(path, before, Some("b")) };
    bench
        .write(vec![
            with("run.sh", Some("a"), FileMode::Keep),
            with("plain", Some("a"), FileMode::Executable),
            with("moved", None, FileMode::Of("secret".into())),
            change("secret", Some("a"), None),
            with("tool", None, FileMode::Executable),
        ])
        .unwrap();
    assert_eq!([mode(&bench, "run.sh"), mode(&bench, "plain")], [0o755, 0o750]);
    assert_eq!([mode(&bench, "moved"), mode(&bench, "tool")], [0o600, 0o755]);
    bench.write(vec![with("run.sh", Some("b"), FileMode::NotExecutable)]).unwrap();
    assert_eq!(mode(&bench, "run.sh"), 0o644);
}

#[test]
fn a_new_file_gets_the_users_default() {
    let bench = Bench::new(&[]);
    bench.run("touch by-the-shell");
    bench.write(vec![change("ours", None, Some("x"))]).unwrap();
    assert_eq!(mode(&bench, "ours"), mode(&bench, "by-the-shell"));
}

#[test]
fn read_only_files_and_directories() {
    let bench = Bench::new(&[("a.txt", "one"), ("dir/b.txt", "two")]);
    bench.run("chmod 444 a.txt; chmod 555 dir");
    let error = bench.write(vec![change("a.txt", Some("one"), Some("x"))]).unwrap_err().to_string();
    assert!(error.starts_with("`a.txt` is read-only (mode 444); nothing was written."), "{error}");
    if rustix::process::getuid().is_root() {
        println!("skipped: root writes into a read-only directory");
    } else {
        let error = bench.write(vec![change("dir/c.txt", None, Some("x"))]).unwrap_err().to_string();
        assert_eq!(error, "`dir/c.txt`: its directory is not writable; nothing was written.");
    }
    bench.run("chmod 755 dir");
}

#[test]
fn other_names_of_a_file_keep_the_old_text() {
    let bench = Bench::new(&[("a.txt", "one")]);
    std::fs::hard_link(bench.root().join("a.txt"), bench.folder.path().join("other")).unwrap();
    bench.write(vec![change("a.txt", Some("one"), Some("two"))]).unwrap();
    assert_eq!(std::fs::read_to_string(bench.folder.path().join("other")).unwrap(), "one");
}

#[test]
fn a_cancelled_write_writes_nothing() {
    let bench = Bench::new(&[]);
    let cancel = Cancel::default();
    cancel.stop(Stop::Human);
    let effect = Effect::Write { changes: vec![change("a.txt", None, Some("x"))] };
    assert!(matches!(bench.act_until(&effect, &cancel), Err(SandboxError::Cancelled)));
    assert_eq!(tree(&bench), []);
}

/// Needs to mount: run by root, else skipped.
#[test]
fn a_full_disk_leaves_files_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        rustix::mount::mount("none", folder.path(), "tmpfs", rustix::mount::MountFlags::empty(), c"size=256k");
    if let Err(errno) = mounted {
        println!("skipped: a small file system cannot be mounted ({errno})");
        return;
    }
    let root = crate::roots::Roots::open(folder.path(), &HostOptions::default()).unwrap();
    let old = "o".repeat(60_000);
    std::fs::write(folder.path().join("a.txt"), &old).unwrap();
    std::fs::write(folder.path().join("b.txt"), &old).unwrap();
    let new = "n".repeat(90_000);
    let changes = vec![
        change("a.txt", Some(&old), Some(&new)),
        change("new/c.txt", None, Some("small")),
        change("b.txt", Some(&old), Some(&new)),
    ];
    let result = super::write(&root, &changes, &Cancel::default());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let texts = ["a.txt", "b.txt"].map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
    drop(root);
    rustix::mount::unmount(folder.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
    let error = result.unwrap_err().to_string();
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(texts.iter().all(|text| *text == old));
}

#[test]
fn many_files_are_one_edit() {
    let bench = Bench::new(&[]);
    let names: Vec<String> = (0..200).map(|number| format!("d{}/f{number}", number % 7)).collect();
    bench.write(names.iter().map(|name| change(name, None, Some(name))).collect()).unwrap();
    assert_eq!(tree(&bench).len(), 200);
    let inode = |name: &str| std::fs::metadata(bench.root().join(name)).unwrap().ino();
    assert_ne!(inode("d0/f0"), inode("d1/f1"));
}
