//! The user works in another window at the same moment.

use super::Room;

#[test]
fn their_commit_and_the_commands_are_both_kept() {
    let Some(room) = Room::new() else { return };
    room.bench.start(&format!("{}touch up; until [ -e go ]; do sleep 0.02; done; echo c > c.txt; git add c.txt; git commit -q -m inside; touch done; sleep 100", super::WHO));
    assert!(crate::testing::eventually(|| room.root().join("up").exists()));
    room.write("u.txt", "u");
    room.git("add u.txt");
    room.git("commit -q -m outside");
    room.write("go", "");
    assert!(crate::testing::eventually(|| room.root().join("done").exists()));
    let background = room.bench.stop(1);
    assert!(background.notes.join("\n").contains("agent/kept/main"), "{background:?}");
    assert_eq!(room.git("log -1 --format=%s").trim(), "outside");
    assert_eq!(room.git("log -1 --format=%s agent/kept/main").trim(), "inside");
    assert_eq!(room.git("ls-files"), "a.txt\nb.txt\nu.txt\n");
    // From here on commands see what the user has.
    std::fs::remove_file(room.root().join("go")).unwrap();
    room.same("after both");
    room.works("echo more > more.txt; git add more.txt; git commit -q -m more");
    room.same("and on");
    assert_eq!(room.git("log --format=%s"), "more\noutside\nfirst\n");
}

#[test]
fn what_they_do_between_commands_is_seen() {
    let Some(room) = Room::new() else { return };
    room.works("git commit -q --allow-empty -m inside");
    for line in [
        "commit -q --allow-empty -m outside",
        "switch -q -c topic",
        "tag v1",
        "config user.name other",
        "remote add origin https://x.invalid/r.git",
        "checkout -q --detach",
        "branch -D -q topic",
        "pack-refs --all",
        "gc -q",
        "switch -q main",
    ] {
        room.git(line);
        room.same(line);
    }
    room.write("a.txt", "staged\n");
    room.git("add a.txt");
    room.same("staged");
    room.git("stash -q");
    room.same("stashed");
    room.git("stash pop -q");
    room.same("popped");
    assert_eq!(room.works("git config user.name; git remote").output, "other\norigin\n");
    room.git("add a.txt");
    room.works("git commit -q -m together");
    room.same("committed inside what was staged outside");
}

#[test]
fn staged_on_both_sides_is_the_users() {
    let Some(room) = Room::new() else { return };
    room.bench.start(&format!("{}touch up; until [ -e go ]; do sleep 0.02; done; echo c > a.txt; echo c > b.txt; git add a.txt b.txt; touch done; sleep 100", super::WHO));
    assert!(crate::testing::eventually(|| room.root().join("up").exists()));
    room.write("a.txt", "u\n");
    room.git("add a.txt");
    let staged = room.git("rev-parse :a.txt");
    room.write("go", "");
    assert!(crate::testing::eventually(|| room.root().join("done").exists()));
    let background = room.bench.stop(1);
    assert!(background.notes.join("\n").contains("left as the user has it: a.txt"), "{background:?}");
    assert_eq!(room.git("rev-parse :a.txt"), staged);
    assert_eq!(room.git("show :b.txt"), "c\n");
}

#[test]
fn a_locked_index_is_waited_for_and_then_later() {
    let Some(room) = Room::new() else { return };
    let lock = room.root().join(".git/index.lock");
    std::fs::write(&lock, "").unwrap();
    let ran = room.works("git commit -q --allow-empty -m inside");
    assert!(ran.notes.join("\n").contains("another git has locked"), "{ran:?}");
    assert_eq!(room.git("log -1 --format=%s").trim(), "first");
    assert_eq!(std::fs::read(&lock).unwrap(), b"");
    std::fs::remove_file(lock).unwrap();
    room.works("true");
    assert_eq!(room.git("log -1 --format=%s").trim(), "inside");
    room.has_no_locks("later");
}

/// Deterministic in what it checks: whoever loses a race is refused or kept beside, and nothing is gone.
#[test]
fn commits_of_both_are_all_there() {
    let Some(room) = Room::new() else { return };
    let root = room.root();
    let (rounds, mut theirs) = (12, 0);
    std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            (0..rounds)
                .filter(|round| {
                    let mut git = super::testing::command(&root);
                    git.args(["commit", "-q", "--allow-empty", "-m", &format!("outside-{round}")]);
                    git.output().unwrap().status.success()
                })
                .count()
        });
        for round in 0..rounds {
            room.works(&format!("git commit -q --allow-empty -m inside-{round}"));
        }
        theirs = user.join().unwrap();
    });
    room.works("true");
    let log = room.git("log --all --format=%s");
    for round in 0..rounds {
        assert!(log.contains(&format!("inside-{round}\n")), "{round}: {log}");
    }
    assert_eq!(log.matches("outside-").count(), theirs, "{log}");
    room.same("after all");
}
