//! `agent diff`, `undo` and `redo` as a user has them: edits and commands of a run, taken back by the real program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

use crate::support::{Ran, World};

pub(crate) const FILES: &[(&str, &str)] =
    &[("a.txt", "one\ntwo\nthree\n"), ("b.txt", "old\n"), (".gitignore", "ignored\n")];
/// An edit, a command that does a bit of everything, and another edit.
pub(crate) const SCRIPT: &str = r#"> apply_diff {"diff": "--- a/a.txt\n+++ b/a.txt\n@@\n one\n-two\n+TWO\n three\n"}
---
> run_command {"command": "mv b.txt c.txt; mkdir -p deep/er; echo new > deep/er/n.sh; chmod +x deep/er/n.sh; ln -s a.txt link; echo x > ignored"}
---
> create_file {"filename": "made/d.txt", "content": "d\n"}
---
Done."#;

#[track_caller]
pub(crate) fn check(told: &Ran, expected: Expect) {
    let id = without_ids(&told.stderr);
    expected.assert_eq(&format!("exit {}\n{}{}", told.code, told.stdout, id));
}

/// Session ids differ from run to run.
fn without_ids(text: &str) -> String {
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
            reverted step 3:
              removed  made/
              removed  made/d.txt
        "#]],
    );
    check(
        &world.agent(&["undo", "--dry-run"]),
        expect![[r#"
        exit 0
        would revert step 2:
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
            reverted step 2:
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
            reverted step 1:
              restored a.txt
        "#]],
    );
    check(
        &world.agent(&["undo"]),
        expect![[r#"
        exit 2
        error: all changes of this session are already undone
        hint: `agent redo` reverses the last undo
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
        error: nothing to redo
        hint: `agent undo` reverts a session's changes
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
            1 file, +1 -1
        "#]],
    );
    check(
        &world.agent(&["diff", "--step", "9"]),
        expect![[r#"
        exit 2
        error: no such step: 9
        hint: the session has steps 1 to 4
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
            reverted step 1 and all later steps:
              restored b.txt
              removed  deep/
              removed  deep/er/
              removed  deep/er/n.sh
              removed  link
              removed  made/d.txt
              skipped  a.txt: changed since by someone else
              skipped  made: the directory holds other files
            hint: `--merge` removes only the session's lines from text files changed since
        "#]],
    );
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\nTWO\nthree\nmine\n");
    assert_eq!(fs::read_to_string(world.workspace().join("made/mine.txt")).unwrap(), "mine\n");
    // On request, our lines are taken out of it.
    check(
        &world.agent(&["undo", "--step", "1", "--file", "a.txt", "--merge"]),
        expect![[r#"
            exit 0
            reverted step 1 and all later steps:
              merged   a.txt
        "#]],
    );
    assert_eq!(fs::read_to_string(world.workspace().join("a.txt")).unwrap(), "one\ntwo\nthree\nmine\n");
    check(
        &world.agent(&["undo", "--step", "1", "--file", "nobody.txt"]),
        expect![[r#"
        exit 2
        error: `nobody.txt` was not changed in step 1 and all later steps
        hint: `agent diff --stat` lists the changed files
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
        error: no session changed files in this directory
        hint: `agent sessions --all` lists all sessions; name one by its id
    "#]],
    );
    check(
        &world.agent(&["undo", "zzz"]),
        expect![[r#"
        exit 2
        error: no such session
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
