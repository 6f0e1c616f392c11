//! What commands plant in their git directory is met by the user's git never.

use super::Room;

/// The user's git at the top, while and after; `mark` says that a program of the command's ran.
#[track_caller]
fn stays_inside(plant: &str, looks: &[&str]) {
    let mark = "RAN";
    let Some(room) = Room::new() else { return };
    let mark = room.bench.folder.path().join(mark);
    let evil = format!("touch {}; false", mark.display());
    room.run(&plant.replace("EVIL", &evil));
    for look in looks.iter().chain(&["status", "log -1 --oneline", "diff"]) {
        testing(&room, look);
    }
    assert!(!mark.exists(), "{plant}");
    assert_eq!(room.git("ls-files --stage").matches("160000").count(), 0, "{plant}");
    room.has_no_locks(plant);
}

fn testing(room: &Room, line: &str) {
    // It may fail; what counts is what it starts.
    let _ = super::testing::command(&room.root()).args(line.split(' ')).output().unwrap();
}

const CONFIG: &str = "printf '[core]\\n repositoryformatversion = 0\\n fsmonitor = \"EVIL\"\\n' >";

#[test]
fn what_git_obeys_never_comes_out() {
    stays_inside(&format!("{CONFIG} .git/config; git status"), &[]);
    stays_inside("git config core.fsmonitor 'EVIL'; git config core.pager 'EVIL'; git config alias.log '!EVIL'", &[]);
    stays_inside(
        &format!(
            "mkdir -p store; cp -r .git/HEAD .git/objects .git/refs store/; {CONFIG} store/config; echo ../store > .git/commondir"
        ),
        &[],
    );
    stays_inside(
        "for hook in pre-commit post-index-change reference-transaction post-checkout; do printf '#!/bin/sh\\nEVIL\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done; git commit --allow-empty -m x",
        &["commit --allow-empty -m y", "checkout -q main"],
    );
    stays_inside(
        "echo '* filter=x diff=x' > .git/info/attributes; git config filter.x.clean 'EVIL'; git config diff.x.textconv 'EVIL'; echo x >> a.txt",
        &["add a.txt"],
    );
    stays_inside("git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),vendor; git add -A", &[]);
    stays_inside(
        "mkdir -p .git/modules/x .git/worktrees/y; echo gitdir > .git/worktrees/y/gitdir; mv .git/modules .git/m2",
        &["worktree list"],
    );
    stays_inside("rm -rf .git/*; git init -q .; git config core.fsmonitor 'EVIL'", &[]);
    stays_inside("rm -rf .git; mv .git moved; ln -sfn /tmp .git", &[]);
}

#[test]
fn a_rebase_keeps_its_programs_to_itself() {
    let Some(room) = Room::new() else { return };
    room.works("git commit -q --allow-empty -m second; echo 2 > a.txt; git commit -q -a -m third");
    let mark = room.bench.folder.path().join("RAN");
    let ran = room.run(&format!("git rebase -q --exec false --exec 'touch {}' HEAD~2", mark.display()));
    assert!(ran.notes.join("\n").contains("unfinished rebase"), "{ran:?}");
    assert!(room.git("status").contains("rebas"), "{}", room.git("status"));
    testing(&room, "-c core.editor=true rebase --continue");
    assert!(!mark.exists());
    assert_eq!(room.git("log -1 --format=%s main").trim(), "third");
}

#[test]
fn hidden_and_misleading_refs_are_named() {
    let Some(room) = Room::new() else { return };
    room.git("branch mine");
    let ran = room.run(
        "echo x > .envrc; echo .envrc > .git/info/exclude; git commit -q --allow-empty -m bad; git replace HEAD HEAD~1; \
         git tag main; git update-ref refs/remotes/origin/main HEAD; git branch -D -q mine; \
         git update-ref refs/heads/-x HEAD; git update-index --assume-unchanged a.txt; echo y >> a.txt",
    );
    let notes = ran.notes.join("\n");
    for word in [
        "refs/replace/",
        "refs/tags/main",
        "refs/remotes/origin/main",
        "refs/heads/mine",
        "refs/heads/-x",
        "info (exclude)",
    ] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    let status = room.git("status --porcelain");
    assert_eq!(status, " M a.txt\n?? .envrc\n");
    assert_eq!(room.git("log -1 --format=%s").trim(), "bad");
    assert_eq!(room.git("for-each-ref --format=%(refname)"), "refs/heads/main\nrefs/heads/mine\n");
    // Once.
    assert_eq!(room.run("true").notes, Vec::<String>::new());
}

#[test]
fn floods_are_not_taken() {
    let Some(room) = Room::new() else { return };
    let ran = room.run("git rev-parse HEAD > id; for i in $(seq 1200); do echo \"create refs/heads/b$i $(cat id)\"; done | git update-ref --stdin; rm id");
    assert!(ran.notes.join("\n").contains("1200 branches and tags changed at once"), "{ran:?}");
    assert_eq!(room.git("branch --list").trim(), "* main");
}

#[test]
fn damaged_objects_are_not_taken() {
    let Some(room) = Room::new() else { return };
    let before = room.git("rev-parse HEAD");
    // Another object's bytes under a commit's name; a tree with `.git` in it; a commit whose tree is not there.
    for plant in [
        "git commit -q --allow-empty -m x; f=.git/objects/$(git rev-parse HEAD | sed 's,..,&/,'); chmod +w $f; cp .git/objects/$(git hash-object -w a.txt | sed 's,..,&/,') $f 2>/dev/null || echo rubbish > $f",
        "blob=$(echo x | git hash-object -w --stdin); t=$(printf \"100644 blob $blob\\tx\\n\" | git mktree); t2=$(printf \"040000 tree $t\\t.git\\n\" | git mktree); git update-ref refs/heads/main $(git commit-tree -m evil $t2)",
        "t=$(printf 'tree 1111111111111111111111111111111111111111\\nauthor a <a@b> 1 +0000\\ncommitter a <a@b> 1 +0000\\n\\nx\\n' | git hash-object -w -t commit --stdin --literally); echo $t > .git/refs/heads/main",
    ] {
        room.run(plant);
        assert_eq!(room.git("rev-parse HEAD"), before, "{plant}");
        assert_eq!(room.git("fsck --no-progress --no-dangling"), "", "{plant}");
        room.run(&format!("echo {} > .git/refs/heads/main", before.trim()));
    }
}

#[test]
fn links_and_fifos_in_it_lead_nowhere() {
    let Some(room) = Room::new() else { return };
    let before = room.git("rev-parse HEAD");
    for plant in [
        "rm .git/HEAD; mkfifo .git/HEAD",
        "rm .git/index; ln -s /etc/passwd .git/index",
        "rm -rf .git/refs; ln -s /etc .git/refs",
        "mkfifo .git/packed-refs2; rm -f .git/packed-refs; ln -s /dev/zero .git/packed-refs",
        "rm -rf .git/logs; ln -s /proc .git/logs; mkfifo .git/MERGE_HEAD",
        "head -c 100000 /dev/zero > .git/HEAD",
    ] {
        room.run(plant);
        assert_eq!(room.git("rev-parse HEAD"), before, "{plant}");
        assert_eq!(room.git("status --porcelain"), "", "{plant}");
    }
}
