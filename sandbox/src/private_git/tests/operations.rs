//! What people do with git all day, inside of the fence: after each line both
//! sides see the same repository.

use super::Room;

/// One after the other, in one repository.
const WORK: &[&str] = &[
    "git status",
    "echo two > a.txt; git add a.txt",
    "git commit -q -m second",
    "echo three > a.txt; git commit -q -a --amend -m better",
    "git switch -q -c topic; echo t > t.txt; git add t.txt; git commit -q -m topic",
    "git tag v1; git tag -a v2 -m two; git notes add -m note",
    "git switch -q main; echo m > m.txt; git add m.txt; git commit -q -m m; git merge -q --no-edit topic",
    "git branch -d topic",
    "git mv m.txt n.txt; git rm -q t.txt; git commit -q -m moved",
    "echo s >> a.txt; git stash -q; echo s2 >> b.txt; git add b.txt; git stash -q",
    "git stash pop -q; git stash drop -q; git checkout -q b.txt; git reset -q --hard",
    "git checkout -q -b side HEAD~1; echo side > side.txt; git add .; git commit -q -m side; git rebase -q main",
    "git cherry-pick main~2 2>/dev/null || git cherry-pick --abort",
    "git checkout -q --detach; echo d > d.txt; git add d.txt; git commit -q -m detached",
    "git switch -q main; git reset -q --hard HEAD~1",
    "git gc -q; git repack -q -a -d; git prune; git pack-refs --all; git fsck",
    "mkdir many; for i in $(seq 150); do echo $i > many/$i; done; git add many; git commit -q -m many",
    "chmod +x a.txt; ln -s a.txt link; git add -A; git commit -q -m modes",
    "printf 'one\\ntwo\\n' > 'a b\\tc.txt'; git add -A",
    "git add -A; git reset -q; git clean -fdq",
    "git bisect start HEAD HEAD~3 >/dev/null; git bisect reset >/dev/null 2>&1",
    "git switch -q --orphan fresh; echo f > f.txt; git add f.txt; git commit -q -m fresh",
    "git switch -q main; git branch -m fresh renamed; git branch -D -q side",
    "git replace HEAD HEAD~1; git replace -d HEAD; git reflog expire --expire=now --all; git describe --all",
    "git archive HEAD | tar t > /dev/null; git bundle create -q /tmp/x.bundle HEAD; git fetch -q /tmp/x.bundle",
];

#[test]
fn both_sides_see_the_same() {
    let Some(room) = Room::new() else { return };
    for line in WORK {
        let ran = room.works(line);
        room.same(&format!("{line} {:?}", ran.notes));
    }
    assert_eq!(room.git("log --format=%s -1").trim(), "modes");
    assert_eq!(room.git("config --file .git/config user.name").trim(), "u");
}

#[test]
fn conflicts_are_continued_by_the_user() {
    for (begin, go_on, subject) in [
        ("git merge other", "commit -q --no-edit", "Merge branch 'other'"),
        ("git cherry-pick other", "-c core.editor=true cherry-pick --continue", "theirs"),
        ("git rebase other", "-c core.editor=true rebase --continue", "ours"),
    ] {
        let Some(room) = Room::new() else { return };
        room.works(
            "git switch -q -c other; echo theirs > a.txt; git commit -q -a -m theirs; git switch -q main; \
             echo ours > a.txt; git commit -q -a -m ours",
        );
        room.run(begin);
        let seen = room.same(begin);
        assert!(seen.contains("u UU"), "{begin}: {seen}");
        room.write("a.txt", "both\n");
        room.git("add a.txt");
        room.git(go_on);
        assert_eq!(room.git("log -1 --format=%s").trim(), subject, "{begin}");
        assert_eq!(room.git("status --porcelain"), "");
        room.works("git status");
        room.same(&format!("{begin}, continued outside"));
    }
}

#[test]
fn settings_hooks_and_remotes_last_for_the_run_and_are_named() {
    let Some(room) = Room::new() else { return };
    let config = std::fs::read_to_string(room.root().join(".git/config")).unwrap();
    let ran = room.works("git config core.hooksPath .husky/_; git remote add origin https://x.invalid/r.git");
    let notes = ran.notes.join("\n");
    assert!(notes.contains("core.hookspath, remote.origin.fetch, remote.origin.url"), "{notes}");
    room.works("git config --unset core.hooksPath; printf '#!/bin/sh\\necho ran > hooked\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit");
    room.works("git commit -q --allow-empty -m hooked; test -e hooked; git remote get-url origin; rm hooked");
    assert_eq!(std::fs::read_to_string(room.root().join(".git/config")).unwrap(), config);
    assert!(!room.root().join(".git/hooks/pre-commit").exists());
    assert_eq!(room.git("log -1 --format=%s").trim(), "hooked");
    room.bench.block_on(room.bench.host.close());
    let account = room.bench.block_on(room.bench.host.git_account());
    assert!(account.moved == ["main +1"], "{account:?}");
    assert!(account.private.iter().any(|one| one == "hooks (pre-commit)"), "{account:?}");
}

#[test]
fn nothing_is_said_when_nothing_changed() {
    let Some(room) = Room::new() else { return };
    assert_eq!(room.works("git status; git log; true").notes, Vec::<String>::new());
    assert_eq!(room.works("git commit -q --allow-empty -m x").notes, Vec::<String>::new());
    assert_eq!(room.works("true").notes, Vec::<String>::new());
    room.git("commit -q --allow-empty -m y");
    assert_eq!(room.works("git log -1 --format=%s").output, "y\n");
}

#[test]
fn other_repositories_and_worktrees_work() {
    let Some(room) = Room::new() else { return };
    room.works(
        "git init -q /tmp/new && cd /tmp/new && git commit -q --allow-empty -m x && git clone -q /tmp/new /tmp/copy",
    );
    room.works("git worktree add -q /tmp/tree -b tree && cd /tmp/tree && echo w > w.txt && git add w.txt && git commit -q -m tree");
    assert_eq!(room.git("log -1 --format=%s tree").trim(), "tree");
    assert_eq!(room.git("status --porcelain"), "");
}

#[test]
fn a_background_command_is_imported_while_it_runs_and_at_its_end() {
    let Some(room) = Room::new() else { return };
    let mark = "until [ -e go ]; do sleep 0.02; done";
    room.bench.start(&format!(
        "{}git commit -q --allow-empty -m one; touch done; {mark}; git commit -q --allow-empty -m two",
        super::WHO
    ));
    assert!(crate::testing::eventually(|| room.root().join("done").exists()));
    room.works("true");
    assert_eq!(room.git("log -1 --format=%s").trim(), "one");
    room.write("go", "");
    assert!(crate::testing::eventually(|| room.bench.read_output(1).ended.is_some()));
    assert_eq!(room.git("log -1 --format=%s").trim(), "two");
}
