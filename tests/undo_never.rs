//! What an undo never does: touch git's own files, overwrite, end a run, or leave half of a set.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use expect_test::expect;

use crate::support::{World, skip};
use crate::undo::{FILES, SCRIPT, check};

/// git's own files, byte for byte.
fn git_files(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = walkdir::WalkDir::new(world.workspace())
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file() && path.components().any(|part| part.as_os_str() == ".git"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_users_repository_is_not_touched() {
    let script = r#"> run_command {"command": "echo changed > a.txt; echo changed > nested/inner.txt; echo n > nested/new.txt"}
---
Done."#;
    let world = World::new(&[("a.txt", "one\n"), ("nested/inner.txt", "inner\n")], script);
    let git = |folder: &str, command: &str| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(world.workspace().join(folder)).stdout(Stdio::null());
        let name = [
            ("GIT_AUTHOR_NAME", "n"),
            ("GIT_AUTHOR_EMAIL", "e"),
            ("GIT_COMMITTER_NAME", "n"),
            ("GIT_COMMITTER_EMAIL", "e"),
        ];
        assert!(shell.envs(name).status().unwrap().success(), "{command}");
    };
    git("nested", "git init -q && git add . && git commit -qm nested");
    git(".", "git init -q && git add a.txt && git commit -qm first");
    git(".", "echo stashed > a.txt && git stash -q && echo staged > s.txt && git add s.txt && git branch other");
    let before = git_files(&world);
    assert_eq!(world.run(&["Task"]).code, 0);
    check(
        &world.agent(&["undo"]),
        expect![[r#"
            exit 0
            reverted step 1:
              restored a.txt
              restored nested/inner.txt
              removed  nested/new.txt
        "#]],
    );
    assert_eq!(world.agent(&["redo"]).code, 0);
    assert_eq!(world.agent(&["undo"]).code, 0);
    assert_eq!(git_files(&world), before);
    assert_eq!(fs::read_to_string(world.workspace().join("nested/inner.txt")).unwrap(), "inner\n");
}

#[test]
fn large_files_are_left_out_and_said_once_and_other_kinds_do_no_harm() {
    let script = r#"> run_command {"command": "echo 1 > small.txt; truncate -s 7M big.bin"}
---
> run_command {"command": "truncate -s 8M big.bin; rm fifo"}
---
Done."#;
    let world = World::new(&[("small.txt", "0\n")], script);
    fs::write(world.workspace().join("big.bin"), vec![0; 6 << 20]).unwrap();
    symlink("/nowhere", world.workspace().join("dangling")).unwrap();
    assert!(Command::new("mkfifo").arg(world.workspace().join("fifo")).status().unwrap().success());
    let ran = world.run(&["Task"]);
    assert_eq!(ran.stderr.matches("will not cover big.bin").count(), 1, "{}", ran.stderr);
    check(
        &world.agent(&["undo", "--step", "1"]),
        expect![[r#"
            exit 1
            reverted step 1 and all later steps:
              restored fifo
              restored small.txt
              skipped  big.bin: no snapshot: too large, or no space or time
            hint: `--merge` removes only the session's lines from text files changed since
        "#]],
    );
    assert_eq!(fs::metadata(world.workspace().join("big.bin")).unwrap().len(), 8 << 20);
    assert_eq!(fs::read_to_string(world.workspace().join("small.txt")).unwrap(), "0\n");
}

#[test]
fn a_store_that_cannot_be_written_ends_no_run() {
    let world = World::new(
        &[("a.txt", "one\n")],
        "> run_command {\"command\": \"echo 1 > a.txt\"}\n---\n> run_command {\"command\": \"echo 2 > a.txt\"}\n---\nDone.",
    );
    fs::create_dir_all(world.home().join("state/agent")).unwrap();
    fs::write(world.home().join("state/agent/snapshots"), "in the way").unwrap();
    let ran = world.run(&["Task"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.stderr.matches("cannot revert anything").count(), 1, "{}", ran.stderr);
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "2\n");
}

#[test]
fn only_the_owner_reads_what_is_kept() {
    let world = World::new(FILES, SCRIPT);
    world.run(&["Task"]);
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(world.home().join("state/agent/snapshots")) {
        let entry = entry.unwrap();
        if 1 <= entry.depth() {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} {mode:o}", entry.path().display());
            seen += 1;
        }
    }
    assert!(3 < seen);
}

#[test]
fn a_set_of_files_that_was_cut_short_by_sigkill_goes_back_whole() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("no strace, which kills at a chosen system call");
    }
    let before: Vec<(String, String)> = (0..9).map(|n| (format!("f{n}.txt"), format!("old {n}\n"))).collect();
    let files: Vec<(&str, &str)> = before.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let diff: String = (0..9).map(|n| format!("--- a/f{n}.txt\n+++ b/f{n}.txt\n@@\n-old {n}\n+new {n}\n")).collect();
    let call = serde_json::json!({ "diff": diff }).to_string();
    let mut met = Vec::new();
    for at in 1..=10 {
        let world = World::new(&files, &format!("> apply_diff {call}\n---\nDone."));
        let agent = world.command(&["run", "--mode", "auto", "Task"]);
        // The kernel ends the program as it replaces the file with this number, and not at some moment near it.
        let inject = format!("inject=renameat,renameat2:signal=KILL:when={at}");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", "trace=renameat,renameat2", "-e", &inject]);
        strace.arg(agent.get_program()).args(agent.get_args()).current_dir(world.workspace()).env_clear();
        strace.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
        strace.stdin(Stdio::null()).output().unwrap();
        let state = |n: usize| fs::read_to_string(world.workspace().join(format!("f{n}.txt"))).unwrap();
        for n in 0..9 {
            assert!([format!("old {n}\n"), format!("new {n}\n")].contains(&state(n)), "half a file: {:?}", state(n));
        }
        let changed = (0..9).filter(|n| state(*n).starts_with("new")).count();
        met.push(changed);
        let undone = world.agent(&["undo"]);
        assert_eq!(undone.code, 0, "killed at {at}: {}{}", undone.stdout, undone.stderr);
        for n in 0..9 {
            assert_eq!(state(n), format!("old {n}\n"), "killed at {at}, {changed} were changed");
        }
    }
    // Between any two files, and after the last.
    assert!((1..9).all(|changed| met.contains(&changed)), "{met:?}");
}

#[test]
fn a_session_that_runs_is_not_undone_under_its_feet() {
    let script = "> create_file {\"filename\": \"made\", \"content\": \"x\"}\n---\n> run_command {\"command\": \"touch ready; sleep 100\"}\n---\nDone.";
    let world = World::new(&[], script);
    let mut child = world.start(&["run", "--mode", "auto", "Task"]);
    while !world.workspace().join("ready").exists() && child.try_wait().unwrap().is_none() {}
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 2
        error: session ID is running
        hint: stop it first (Ctrl-C keeps its changes), or use /undo in its chat
    "#]],
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.agent(&["undo"]).code, 0);
    assert!(!world.workspace().join("ready").exists());
    assert_eq!(world.agent(&["undo"]).code, 0);
    assert!(!world.workspace().join("made").exists());
}
