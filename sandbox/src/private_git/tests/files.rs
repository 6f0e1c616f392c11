//! Repositories that are made of ordinary files, and files that git obeys out of its own directory.

use std::process::Command;

use super::Room;
use super::testing::shell;

/// `plant`: a command's, in which EVIL is a program; `user`: what the user then does. `prepare`: before the first command.
#[track_caller]
fn stays_inside(prepare: &str, plant: &str, user: &str) {
    let room = Room::with(|room| {
        shell(&room.root(), prepare);
    });
    let Some(room) = room else { return };
    let mark = room.bench.folder.path().join("RAN");
    room.run(&plant.replace("EVIL", &format!("touch {}", mark.display())));
    shell(&room.root(), &format!("export GIT_EDITOR=true; {user}; git status; git log -1"));
    assert!(!mark.exists(), "{plant}");
}

/// In `lib`, without anything that makes it one by itself.
const BARE: &str = "mkdir -p lib/objects lib/refs; echo x > lib/objects/x; echo x > lib/refs/x; echo 'ref: refs/heads/x' > lib/HEAD; \
                    printf '[core]\\n repositoryformatversion = 0\\n worktree = ..\\n fsmonitor = \"EVIL; false\"\\n' > lib/config; ";

#[test]
fn a_commit_a_stash_and_a_staged_file_make_no_repository() {
    let plant = |more: &str| format!("{BARE}{more}");
    for (more, user) in [
        (
            "git checkout -q -b feat; git add -A; git commit -q -m x; git checkout -q main",
            "git checkout -q feat; cd lib; git status",
        ),
        ("git add -A; git commit -q -m x", "git checkout -f; cd lib; git status"),
        (
            "git add -A; git commit -q -m x; git tag v9; git reset -q --hard HEAD~1",
            "git checkout -q v9; cd lib; git status",
        ),
        ("git add -A; git stash -q", "git stash pop; cd lib; git status"),
        ("git add -A; rm -rf lib", "git restore .; cd lib; git status"),
        (
            "git checkout -q -b feat; git add lib/objects lib/refs; git commit -q -m x; git checkout -q main",
            "git checkout -q feat; cd lib; git status",
        ),
    ] {
        stays_inside("true", &plant(more), user);
    }
}

#[test]
fn a_repository_that_the_user_has_committed_is_no_reason_to_refuse() {
    let fixture = BARE.replace("EVIL", "true");
    let Some(room) = Room::with(|room| {
        shell(&room.root(), &format!("{fixture} git add -A; git commit -q -m fixture"));
    }) else {
        return;
    };
    let ran = room.run("echo 2 > b.txt; git commit -q -a -m second");
    assert_eq!(room.git("log -1 --format=%s").trim(), "second", "{ran:?}");
}

#[test]
fn what_git_obeys_by_a_link_does_not_change() {
    let hook = "printf '#!/bin/sh\\nEVIL\\n' >";
    for (prepare, plant, user) in [
        (
            "mkdir tools; printf '#!/bin/sh\\n' > tools/hook; chmod +x tools/hook; ln -s ../../tools/hook .git/hooks/pre-commit",
            format!("{hook} tools/hook"),
            "git commit --allow-empty -m y",
        ),
        (
            "ln -s ../../tools/hook .git/hooks/pre-commit",
            format!("mkdir tools; {hook} tools/hook; chmod +x tools/hook"),
            "git commit --allow-empty -m y",
        ),
        (
            "rm -rf .git/hooks; mkdir githooks; ln -s ../githooks .git/hooks",
            format!("{hook} githooks/pre-commit; chmod +x githooks/pre-commit"),
            "git commit --allow-empty -m y",
        ),
        (
            "git config include.path ../dev/cfg",
            "mkdir dev; printf '[core]\\n fsmonitor = \"EVIL; false\"\\n' > dev/cfg".to_owned(),
            "git status",
        ),
        (
            "git config core.hooksPath tools/git/hooks",
            format!("mkdir -p tools/git/hooks; {hook} tools/git/hooks/pre-commit; chmod +x tools/git/hooks/pre-commit"),
            "git commit --allow-empty -m y",
        ),
        (
            "mkdir real; ln -s real hk; git config core.hooksPath hk",
            format!("rm hk; mkdir hk; {hook} hk/pre-commit; chmod +x hk/pre-commit"),
            "git commit --allow-empty -m y",
        ),
        (
            "printf '#!/bin/sh\\ncat\\n' > one; chmod +x one; ln -s one clean; git config filter.x.clean ./clean; echo '* filter=x' > .gitattributes",
            format!("{hook} two; chmod +x two; ln -sfn two clean; touch -d @1 a.txt"),
            "git add -A",
        ),
        (
            "mkdir tools; printf '#!/bin/sh\\n' > tools/new; chmod +x tools/new; git config some.setting.OfTomorrow tools/new",
            format!("{hook} tools/new"),
            "tools/new",
        ),
    ] {
        stays_inside(prepare, &plant, user);
    }
}

/// The table above fails where nobody guards: each plant works.
#[test]
fn each_plant_would_work() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "git init -q -b main .; git config user.name u; git config user.email u@v; git commit -q --allow-empty -m x; {}\
         git checkout -q -b feat; git add -A; git commit -q -m x; git checkout -q main; git checkout -q feat; cd lib; git status",
        BARE.replace("EVIL", &format!("touch {}", folder.path().join("RAN").display()))
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    bash.current_dir(folder.path()).output().unwrap();
    assert!(folder.path().join("RAN").exists());
}
