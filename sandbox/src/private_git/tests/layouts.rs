//! Repositories of other shapes: git works inside, and commits land.

use std::path::Path;

use crate::fence::policy::Namespaces;
use crate::fence::{LayerKind, LayerState};
use crate::options::HostOptions;
use crate::private_git::testing::{folder, git};
use crate::testing::Bench;

use super::{Room, WHO};

/// Commits in `workspace` (below `at`) by a command. Returns the commit's subject as the user sees it there.
#[track_caller]
fn commits(at: &Path, workspace: &str) {
    let options = HostOptions { git: Some(at.join("state")), ..HostOptions::default() };
    let root = at.join(workspace);
    let host = crate::Host::open_in(&root, options, std::env::vars_os(), Namespaces::Try).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |command: &str| {
        let effect =
            agent::Effect::Run { command: format!("{WHO}{command}"), timeout: std::time::Duration::from_secs(60) };
        match runtime.block_on(host.act(&effect, &agent::Cancel::default())).unwrap() {
            agent::Observation::Ran(ran) => ran,
            other => panic!("{other:?}"),
        }
    };
    if runtime.block_on(host.fence()).state(LayerKind::Mounts) != Some(&LayerState::Works) {
        println!("skipped: no namespaces");
        return;
    }
    let status = git(&root, "status --porcelain");
    let ran = run("git status --porcelain");
    assert_eq!(ran.output, status, "{workspace}: {:?}", ran.notes);
    let ran = run(&format!(
        "echo {workspace} > new.txt && git add new.txt && git commit -q -m inside && git log -1 --format=%s && git config user.x evil"
    ));
    assert!(ran.output.ends_with("inside\n"), "{workspace}: {} {:?}", ran.output, ran.notes);
    assert_eq!(git(&root, "log -1 --format=%s").trim(), "inside", "{workspace}: {:?}", ran.notes);
    assert_eq!(git(&root, "status --porcelain"), status, "{workspace}");
    assert_eq!(git(&root, "fsck --no-progress --connectivity-only --no-dangling"), "", "{workspace}");
    assert!(!git(&root, "config --list").contains("evil"), "{workspace}");
    git(&root, "commit -q --allow-empty -m outside");
    assert_eq!(run("git log -1 --format=%s").output, "outside\n", "{workspace}");
    runtime.block_on(host.close());
    drop(host);
    assert_eq!(std::fs::read_dir(at.join("state")).unwrap().count(), 0, "{workspace}");
}

fn with_commit(at: &Path, name: &str) {
    std::fs::create_dir_all(at.join(name)).unwrap();
    let root = at.join(name);
    git(&root, "init -q -b main .");
    std::fs::write(root.join("a.txt"), "a\n").unwrap();
    git(&root, "add a.txt");
    git(&root, "commit -q -m first");
}

#[test]
fn linked_worktrees_and_parts_of_a_repository() {
    let (_folder, at) = folder();
    with_commit(&at, "main");
    git(&at.join("main"), "worktree add -q ../linked -b linked");
    std::fs::create_dir(at.join("main/part")).unwrap();
    std::fs::write(at.join("main/part/p.txt"), "p").unwrap();
    git(&at.join("main"), "add part");
    git(&at.join("main"), "commit -q -m part");
    commits(&at, "linked");
    commits(&at, "main");
    commits(&at, "main/part");
    git(&at.join("main"), "worktree add -q inside -b inside");
    std::fs::write(at.join("main/.git/info/exclude"), "inside\n").unwrap();
    commits(&at, "main/inside");
}

#[test]
fn submodules_links_and_separate_directories() {
    let (_folder, at) = folder();
    with_commit(&at, "part");
    with_commit(&at, "main");
    git(&at.join("main"), "submodule --quiet add ../part mod");
    git(&at.join("main"), "commit -q -m submodule");
    commits(&at, "main/mod");
    git(&at.join("main"), "add mod");
    git(&at.join("main"), "commit -q --allow-empty -m moved");
    commits(&at, "main");
    with_commit(&at, "separate");
    git(&at.join("separate"), "init -q --separate-git-dir ../store");
    commits(&at, "separate");
    with_commit(&at, "link");
    std::fs::rename(at.join("link/.git"), at.join("link-store")).unwrap();
    std::os::unix::fs::symlink("../link-store", at.join("link/.git")).unwrap();
    std::fs::write(at.join("link-store/info/exclude"), ".git\n").unwrap();
    commits(&at, "link");
}

#[test]
fn other_ways_to_store_things() {
    let (_folder, at) = folder();
    for (name, prepare) in [
        ("packed", "pack-refs --all"),
        ("split", "update-index --split-index"),
        ("four", "update-index --index-version 4"),
        ("cache", "update-index --untracked-cache"),
        ("gone", "gc -q"),
        ("detached", "checkout -q --detach"),
    ] {
        with_commit(&at, name);
        git(&at.join(name), prepare);
        commits(&at, name);
    }
    git(&at, "init -q -b main --object-format=sha256 sha256");
    git(&at.join("sha256"), "commit -q --allow-empty -m first");
    commits(&at, "sha256");
    git(&at, "clone -q --shared packed borrowed");
    commits(&at, "borrowed");
    git(&at, "clone -q --no-local --depth 1 packed shallow");
    commits(&at, "shallow");
    git(&at, "init -q -b main unborn");
    git(&at.join("unborn"), "symbolic-ref HEAD refs/heads/other");
    commits(&at, "unborn");
}

#[test]
fn a_sparse_checkout_shows_nothing_as_deleted() {
    let Some(room) = Room::with(|room| {
        room.write("in/a.txt", "a");
        room.write("out/b.txt", "b");
        room.git("add .");
        room.git("commit -q -m both");
        room.git("branch other");
        room.write("out/c.txt", "c");
        room.git("add .");
        room.git("commit -q -m more");
        room.git("sparse-checkout set in");
    }) else {
        return;
    };
    room.works("git merge -q --no-edit other; git checkout -q other; git commit -q --allow-empty -m x");
    assert_eq!(room.git("status --porcelain"), "");
    room.works("git checkout -q main");
    assert_eq!(room.git("status --porcelain"), "");
}

#[test]
fn a_repository_that_is_nested_is_private_too() {
    let Some(room) = Room::with(|room| {
        room.git("init -q nested/deep");
        room.git_in("nested/deep", "commit -q --allow-empty -m first");
    }) else {
        return;
    };
    let ran = room.works("cd nested/deep; git commit -q --allow-empty -m inside; git config core.fsmonitor evil; cd ../..; mv nested moved 2>&1; mv nested/deep nested/moved 2>&1; true");
    assert_eq!(room.git_in("nested/deep", "log -1 --format=%s").trim(), "inside", "{ran:?}");
    assert!(!room.git_in("nested/deep", "config --list").contains("evil"));
    assert_eq!(ran.output.matches("busy").count(), 2, "{}", ran.output);
    assert!(!room.root().join("moved").exists());
}

#[test]
fn an_empty_submodule_stays_empty_for_the_user() {
    let Some(room) = Room::with(|room| {
        let outside = room.root().parent().unwrap().join("part");
        std::fs::create_dir(&outside).unwrap();
        with_commit(outside.parent().unwrap(), "part");
        room.git("submodule --quiet add ../part mod");
        room.git("commit -q -m submodule");
        room.git("submodule --quiet deinit -f mod");
    }) else {
        return;
    };
    // Below /tmp commands do not see what the submodule comes from: it is given another place.
    let ran = room.run(
        "git init -q mod; git -C mod config core.fsmonitor 'touch RAN'; git -C mod commit -q --allow-empty -m x; git status --short",
    );
    assert_eq!(std::fs::read_dir(room.root().join("mod")).unwrap().count(), 0, "{ran:?}");
    room.git("status");
    assert!(!room.root().join("RAN").exists());
}

#[test]
fn files_that_the_users_configuration_names_do_not_change() {
    let Some(room) = Room::with(|room| {
        room.write(".gitconfig", "[alias]\n st = status\n");
        room.write(".husky/_/pre-commit", "#!/bin/sh\n");
        room.git("config include.path ../.gitconfig");
        room.git("config --add include.path ../.absent");
        room.git("config core.hooksPath .husky/_");
    }) else {
        return;
    };
    let ran = room.run(
        "echo evil >> .gitconfig; mv .gitconfig x; echo evil > .absent; echo evil > .husky/_/pre-commit; cat .husky/_/pre-commit",
    );
    assert!(ran.output.ends_with("evil\n"), "{}", ran.output);
    let text = |name: &str| std::fs::read_to_string(room.root().join(name)).unwrap();
    assert_eq!(text(".gitconfig"), "[alias]\n st = status\n");
    assert_eq!(text(".husky/_/pre-commit"), "#!/bin/sh\n");
    assert!(!room.root().join(".absent").exists());
    assert!(ran.notes.join("\n").contains(".absent"), "{:?}", ran.notes);
    let account = room.bench.block_on(room.bench.host.git_account());
    assert!(account.private.contains(&".husky/_".to_owned()), "{account:?}");
}

#[test]
fn nothing_is_made_where_there_is_no_repository() {
    let bench = Bench::fenced(&[], HostOptions::default(), Namespaces::Try);
    assert_eq!(bench.run("git init -q . && git status --short; echo on").output, "on\n");
    assert!(!bench.folder.path().join("git").exists());
}
