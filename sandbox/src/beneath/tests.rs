use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use agent::{Effect, Observation, SandboxError};

use crate::testing::{Bench, change};

#[track_caller]
fn check(bench: &Bench, path: &str, expected: &str) {
    let found = match bench.read(path) {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{path}");
}

fn bench() -> Bench {
    let bench = Bench::new(&[("a.txt", "one"), ("dir/b.txt", "two")]);
    std::fs::write(bench.folder.path().join("secret.txt"), "SECRET").unwrap();
    bench
}

#[test]
fn names_inside() {
    let bench = bench();
    check(&bench, "a.txt", "one");
    check(&bench, "./dir/../a.txt", "one");
    check(&bench, bench.root().join("dir/b.txt").to_str().unwrap(), "two");
    check(&bench, "../workspace/a.txt", "one");
    check(&bench, "b.txt", "`b.txt` does not exist.");
    check(&bench, "dir", "`dir` is a directory.");
    check(&bench, "a.txt/", "`a.txt/`: Not a directory (os error 20)");
}

#[test]
fn names_outside() {
    let bench = bench();
    for path in ["../secret.txt", "dir/../../secret.txt", "/etc/passwd", "/proc/self/environ", "/dev/null", ".."] {
        check(&bench, path, &format!("`{path}` is outside the workspace."));
    }
}

#[test]
fn links_are_followed_as_far_as_the_root() {
    let bench = bench();
    let root = bench.root();
    symlink("dir", root.join("relative")).unwrap();
    symlink(root.join("dir"), root.join("absolute")).unwrap();
    symlink("../secret.txt", root.join("out")).unwrap();
    symlink(bench.folder.path(), root.join("up")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("/proc/self/root/etc/passwd", root.join("magic")).unwrap();
    check(&bench, "relative/b.txt", "two");
    check(&bench, "absolute/b.txt", "two");
    check(&bench, "absolute/none.txt", "`absolute/none.txt` does not exist.");
    check(&bench, "out", "`out` is outside the workspace.");
    check(&bench, "up/secret.txt", "`up/secret.txt` is outside the workspace.");
    check(&bench, "magic", "`magic` is outside the workspace.");
    check(&bench, "loop", "`loop`: Too many levels of symbolic links (os error 40)");
}

#[test]
fn only_regular_files_of_a_bounded_size() {
    let bench = bench();
    assert_eq!(bench.run("mkfifo fifo; truncate -s 10G sparse; head -c 2000000 /dev/zero > big").output, "");
    let _socket = std::os::unix::net::UnixListener::bind(bench.root().join("socket")).unwrap();
    check(&bench, "fifo", "`fifo` is not a regular file.");
    check(&bench, "socket", "`socket` is not a regular file.");
    for name in ["sparse", "big"] {
        assert!(matches!(bench.read(name), Err(SandboxError::TooLarge { max_bytes: 1_048_576, .. })));
    }
}

/// One thread makes `dir` a directory and a link to the outside in turns; nothing of the outside is ever seen.
#[test]
fn a_directory_that_becomes_a_link_leads_nowhere() {
    let bench = bench();
    let root = bench.root();
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("b.txt"), "SECRET").unwrap();
    std::fs::write(outside.join("only-outside.txt"), "SECRET").unwrap();
    symlink(&outside, root.join("link")).unwrap();
    let stop = AtomicBool::new(false);
    let swaps = AtomicU32::new(0);
    let mut rounds = 0;
    let (mut reads, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let (one, two) = (root.join("dir"), root.join("link"));
                rustix::fs::renameat_with(rustix::fs::CWD, one, rustix::fs::CWD, two, flags).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        // On a busy machine one thread may wait while the other works.
        while rounds < 12_000 || reads == 0 || refused == 0 || swaps.load(Ordering::Relaxed) < 1_000 {
            rounds += 1;
            match bench.read("dir/b.txt") {
                Ok(bytes) => {
                    assert_ne!(bytes, b"SECRET");
                    reads += 1;
                }
                Err(_) => refused += 1,
            }
            if rounds % 100 == 0 {
                look_around(&bench);
            }
            if rounds % 10 == 0 {
                let _ = bench.write(vec![change("dir/new.txt", None, Some("mine"))]);
                let _ = bench.write(vec![change("dir/new.txt", Some("mine"), None)]);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 2);
}

fn look_around(bench: &Bench) {
    let search = Effect::Search { pattern: "SECRET".into(), path: "".into(), glob: None, context: 0, limit: 10 };
    match bench.act(&search) {
        Ok(Observation::Found(found)) => assert_eq!(found.lines, []),
        Ok(other) => panic!("{other:?}"),
        Err(_) => {}
    }
    let list = Effect::List { path: "dir".into(), glob: None, depth: None, limit: 100 };
    if let Ok(Observation::Listed(listing)) = bench.act(&list) {
        assert!(listing.entries.iter().all(|entry| !entry.path.contains("only-outside")), "{listing:?}");
    }
}
