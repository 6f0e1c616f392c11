//! `agent diff`, `undo` and `redo` as a user has them: edits and commands of a run, taken back by the real program.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

use crate::support::{Ran, World};

const FILES: &[(&str, &str)] = &[("a.txt", "one\ntwo\nthree\n"), ("b.txt", "old\n"), (".gitignore", "ignored\n")];
/// An edit, a command that does a bit of everything, and another edit.
const SCRIPT: &str = r#"> apply_diff {"diff": "--- a/a.txt\n+++ b/a.txt\n@@\n one\n-two\n+TWO\n three\n"}
---
> run_command {"command": "mv b.txt c.txt; mkdir -p deep/er; echo new > deep/er/n.sh; chmod +x deep/er/n.sh; ln -s a.txt link; echo x > ignored"}
---
> create_file {"filename": "made/d.txt", "content": "d\n"}
---
Done."#;

#[track_caller]
fn check(told: &Ran, expected: Expect) {
    let id = regex_free_ids(&told.stderr);
    expected.assert_eq(&format!("exit {}\n{}{}", told.code, told.stdout, id));
}

/// Session ids differ from run to run.
fn regex_free_ids(text: &str) -> String {
    text.split(' ')
        .map(|word| if word.len() == 36 && word.matches('-').count() == 4 { "ID" } else { word })
        .collect::<Vec<&str>>()
        .join(" ")
}

fn names(world: &World) -> String {
    let mut names: Vec<String> = walkdir::WalkDir::new(world.workspace())
        .min_depth(1)
        .into_iter()
        .map(|entry| entry.unwrap().path().strip_prefix(world.workspace()).unwrap().display().to_string())
        .collect();
    names.sort();
    names.join(" ")
}

#[test]
fn step_by_step_back_and_forth_again() {
    let world = World::new(FILES, SCRIPT);
    let ran = world.run(&["--output", "json", "Task"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ended: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let files: Vec<&str> =
        ended["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["a.txt", "b.txt", "c.txt", "deep/er/n.sh", "link", "made/d.txt"], "commands' changes too");
    let full = names(&world);

    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 0
        took back step 3:
          removed  made/
          removed  made/d.txt
    "#]],
    );
    check(
        &world.agent(&["undo", "--dry-run"]),
        expect![[r#"
        exit 0
        would take back step 2:
          restored b.txt
          removed  c.txt
          removed  deep/
          removed  deep/er/
          removed  deep/er/n.sh
          removed  link
    "#]],
    );
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 0
        took back step 2:
          restored b.txt
          removed  c.txt
          removed  deep/
          removed  deep/er/
          removed  deep/er/n.sh
          removed  link
    "#]],
    );
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 0
        took back step 1:
          restored a.txt
    "#]],
    );
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 2
        error: everything that this session changed is taken back already
        hint: `agent redo` takes the last undo back
    "#]],
    );
    // What is ignored is nobody's to take back.
    assert_eq!(names(&world), ".gitignore a.txt b.txt ignored");
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\ntwo\nthree\n");
    for _ in 0..3 {
        assert_eq!(world.agent(&["redo"]).code, 0);
    }
    check(
        &world.agent(&["redo"]),
        expect![[r#"
        exit 2
        error: there is no undo to take back
        hint: `agent undo` takes back what a session changed
    "#]],
    );
    assert_eq!(names(&world), full);
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\nTWO\nthree\n");
    let mode = fs::metadata(world.workspace().join("deep/er/n.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    // All at once.
    assert_eq!(world.agent(&["undo", "--step", "1"]).code, 0);
    assert_eq!(names(&world), ".gitignore a.txt b.txt ignored");
}

#[test]
fn the_diff_is_one_that_git_applies() {
    let world = World::new(FILES, SCRIPT);
    world.run(&["Task"]);
    check(
        &world.agent(&["diff"]),
        expect![[r#"
        exit 0
        diff --git a/a.txt b/a.txt
        --- a/a.txt
        +++ b/a.txt
        @@ -1,3 +1,3 @@
         one
        -two
        +TWO
         three
        diff --git a/b.txt b/b.txt
        deleted file mode 100644
        --- a/b.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -old
        diff --git a/c.txt b/c.txt
        new file mode 100644
        --- /dev/null
        +++ b/c.txt
        @@ -0,0 +1 @@
        +old
        diff --git a/deep/er/n.sh b/deep/er/n.sh
        new file mode 100755
        --- /dev/null
        +++ b/deep/er/n.sh
        @@ -0,0 +1 @@
        +new
        diff --git a/link b/link
        new file mode 120000
        --- /dev/null
        +++ b/link
        @@ -0,0 +1 @@
        +a.txt
        \ No newline at end of file
        diff --git a/made/d.txt b/made/d.txt
        new file mode 100644
        --- /dev/null
        +++ b/made/d.txt
        @@ -0,0 +1 @@
        +d
    "#]],
    );
    check(
        &world.agent(&["diff", "--step", "1", "--stat"]),
        expect![[r#"
        exit 0
        a.txt +1 -1
        1 files, +1 -1
    "#]],
    );
    check(
        &world.agent(&["diff", "--step", "9"]),
        expect![[r#"
        exit 2
        error: there is no step 9
        hint: the session has 4 steps, from 1
    "#]],
    );
    // Applied backwards to what the run left, and forwards again.
    let diff = world.agent(&["diff"]).stdout;
    for arguments in [&["apply", "--reverse"][..], &["apply"]] {
        let mut git =
            Command::new("git").args(arguments).current_dir(world.workspace()).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut git.stdin.take().unwrap(), diff.as_bytes()).unwrap();
        assert!(git.wait().unwrap().success(), "{arguments:?}\n{diff}");
        let back = arguments.len() == 2;
        assert_eq!(world.workspace().join("b.txt").exists(), back);
        assert_eq!(world.workspace().join("link").is_symlink(), !back);
    }
}

#[test]
fn what_the_human_did_meanwhile_is_named_and_left() {
    let world = World::new(FILES, SCRIPT);
    world.run(&["Task"]);
    world.write("a.txt", "one\nTWO\nthree\nmine\n");
    world.write("made/mine.txt", "mine\n");
    fs::remove_file(world.workspace().join("c.txt")).unwrap();
    check(
        &world.agent(&["undo", "--step", "1"]),
        expect![[r#"
        exit 1
        took back step 1 and all after it:
          restored b.txt
          removed  deep/
          removed  deep/er/
          removed  deep/er/n.sh
          removed  link
          removed  made/d.txt
          left     a.txt: changed since by somebody else
          left     made: the directory holds other files
        hint: `--merge` takes the session's lines out of a text that was changed since, and keeps the others
    "#]],
    );
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\nTWO\nthree\nmine\n");
    assert_eq!(fs::read_to_string(world.workspace().join("made/mine.txt")).unwrap(), "mine\n");
    // On request, our lines are taken out of it.
    check(
        &world.agent(&["undo", "--step", "1", "--file", "a.txt", "--merge"]),
        expect![[r#"
            exit 0
            took back step 1 and all after it:
              merged   a.txt
        "#]],
    );
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\ntwo\nthree\nmine\n");
    check(
        &world.agent(&["undo", "--step", "1", "--file", "nobody.txt"]),
        expect![[r#"
        exit 2
        error: `nobody.txt` was not changed in step 1 and all after it
        hint: `agent diff --stat` lists what was
    "#]],
    );
}

#[test]
fn sessions_that_changed_nothing_or_are_not_there() {
    let world = World::new(FILES, "> run_command {\"command\": \"ls\"}\n---\nDone.");
    world.run(&["Task"]);
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 2
        error: no session changed files of this directory
        hint: `agent sessions --all` lists those of others; name one by its id
    "#]],
    );
    check(
        &world.agent(&["undo", "zzz"]),
        expect![[r#"
        exit 2
        error: there is no such session
        hint: `agent sessions --all` lists them
    "#]],
    );
    let id = world.session_file().file_stem().unwrap().to_string_lossy().into_owned();
    check(
        &world.agent(&["diff", &id]),
        expect![[r#"
        exit 2
        error: session ID changed no files
        hint: `agent sessions` lists the others
    "#]],
    );
}

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
        took back step 1:
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
        took back step 1 and all after it:
          restored small.txt
          left     big.bin: its content is not kept: too large, or there was no room or time
        hint: `--merge` takes the session's lines out of a text that was changed since, and keeps the others
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
    assert_eq!(ran.stderr.matches("nothing can be taken back").count(), 1, "{}", ran.stderr);
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
    // Enough files that the write takes a while; each is synced to the disk.
    let before: Vec<(String, String)> = (0..60).map(|n| (format!("f{n:03}.txt"), format!("old {n}\n"))).collect();
    let files: Vec<(&str, &str)> = before.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let diff: String =
        (0..60).map(|n| format!("--- a/f{n:03}.txt\n+++ b/f{n:03}.txt\n@@\n-old {n}\n+new {n}\n")).collect();
    let call = serde_json::json!({ "diff": diff }).to_string();
    let mut cut_short = 0;
    for round in 0..6 {
        let world = World::new(&files, &format!("> apply_diff {call}\n---\nDone."));
        let mut child = world.start(&["run", "--mode", "auto", "Task"]);
        let state = |n: usize| fs::read_to_string(world.workspace().join(format!("f{n:03}.txt"))).unwrap();
        // Killed as soon as a file somewhere in the set is seen changed: another one each time.
        while state(round * 10).starts_with("old") && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let changed = (0..60).filter(|n| state(*n).starts_with("new")).count();
        cut_short += usize::from(0 < changed && changed < 60);
        for n in 0..60 {
            assert!([format!("old {n}\n"), format!("new {n}\n")].contains(&state(n)), "half a file: {:?}", state(n));
        }
        let undone = world.agent(&["undo"]);
        assert_eq!(undone.code, 0, "{}{}", undone.stdout, undone.stderr);
        for n in 0..60 {
            assert_eq!(state(n), format!("old {n}\n"), "round {round}, {changed} were changed");
        }
    }
    println!("{cut_short} of 6 were cut in the middle of the set");
    assert!(0 < cut_short, "no kill met the middle of the write");
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
        hint: stop it first (Ctrl-C keeps what was done), or say /undo in its chat
    "#]],
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.agent(&["undo"]).code, 0);
    assert!(!world.workspace().join("made").exists());
}
