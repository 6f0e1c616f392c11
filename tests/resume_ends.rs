//! `agent resume` and `agent sessions` where there is nothing to go on with, and what is found in the list.

use std::fs;

use expect_test::{Expect, expect};

use crate::support::{Ran, World};

#[track_caller]
fn check(ran: &Ran, world: &World, expected: Expect) {
    let told = ran.stderr.replace(&world.workspace().display().to_string(), "WORKSPACE");
    let ids = world.session_files();
    let told = ids.iter().fold(told, |told, id| told.replace(&*id.file_stem().unwrap().to_string_lossy(), "ID"));
    expected.assert_eq(&format!("exit {}\n{told}", ran.code));
}

#[test]
fn each_thing_in_the_way_is_said() {
    let world = World::new(&[], "Done.\n---\nDone.");
    fs::create_dir_all(world.home().join("state/agent/sessions")).unwrap();
    check(
        &world.agent(&["resume"]),
        &world,
        expect![[r#"
        exit 2
        error: no session in WORKSPACE
        hint: `agent sessions --all` lists all sessions
    "#]],
    );
    check(
        &world.agent(&["resume", "abcdef"]),
        &world,
        expect![[r#"
        exit 2
        error: no such session
        hint: `agent sessions --all` lists them
    "#]],
    );
    world.run(&["Task"]);
    let id = world.session_file().file_stem().unwrap().to_string_lossy().into_owned();
    fs::create_dir(world.workspace().join("below")).unwrap();
    check(
        &world.agent(&["resume", &id, "--workspace", "below", "More"]),
        &world,
        expect![[r#"
            exit 2
            error: this session belongs to WORKSPACE, not WORKSPACE/below
            hint: drop --workspace, or start a new session there: agent run "..."
        "#]],
    );
    check(
        &world.agent(&["resume", &id, " "]),
        &world,
        expect![[r#"
        exit 2
        error: the task is empty
        hint: say what to do: agent run "Fix the failing test"
    "#]],
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let mut there = world.command(&["resume", &id, "More"]);
    let told = crate::support::ran(there.current_dir(elsewhere.path()).output().unwrap());
    assert_eq!(told.code, 0, "by its id a session goes on from anywhere, where it was: {}", told.stderr);
    assert!(told.stderr.contains(&world.workspace().display().to_string()));
    let moved = world.workspace().with_file_name("moved");
    fs::rename(world.workspace(), &moved).unwrap();
    let mut there = world.command(&["resume", &id, "More"]);
    check(
        &crate::support::ran(there.current_dir(elsewhere.path()).output().unwrap()),
        &world,
        expect![[r#"
            exit 2
            error: this session's workspace WORKSPACE was moved or deleted
            hint: if it was moved, pass its new place: --workspace DIR
        "#]],
    );
}

#[test]
fn a_session_without_a_task_and_a_file_that_is_none() {
    let world = World::new(&[], "Done.");
    world.run(&["Task"]);
    let file = world.session_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.lines().take(2).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    check(
        &world.agent(&["resume", "More"]),
        &world,
        expect![[r#"
            exit 2
            error: session ID has no task
            hint: start a new session: agent run "..."
        "#]],
    );
    fs::write(&file, "{\"session\":1,\"id\":\"").unwrap();
    assert!(world.agent(&["sessions"]).stdout.contains("(damaged: "));
    assert_eq!(world.agent(&["resume"]).code, 2);
    let id = file.file_stem().unwrap().to_string_lossy().into_owned();
    assert!(world.agent(&["resume", &id]).stderr.contains("is not a session file"));
}

#[test]
fn sessions_are_found_by_what_was_said_and_done() {
    let script = "> run_command {\"command\": \"echo \\\"Grüße\\\" > greeting.txt\"}\n---\nThe Greeting is written.\n---\n\
                  > read_file {\"filename\": \"secret.txt\"}\n---\nRead.";
    let world = World::new(&[("secret.txt", "in the file only\n")], script);
    world.run(&["First task,\nof two lines"]);
    world.run(&["Second task"]);
    let find = |arguments: &[&str]| {
        let told = world.agent(&[&["sessions"], arguments].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        let tasks = ["First", "Second"].iter().filter(|task| told.stdout.contains(**task));
        tasks.copied().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(find(&[]), "First Second");
    assert_eq!(find(&["OF TWO"]), "First");
    assert_eq!(find(&["the greeting"]), "First");
    assert_eq!(find(&["echo \"grüße"]), "First", "as it was written, whatever JSON makes of it");
    assert_eq!(find(&["SECRET.txt"]), "Second");
    assert_eq!(find(&["in the file only"]), "", "what tools gave is not searched");
    assert_eq!(find(&["usage"]), "", "names of the format are no words");
    assert_eq!(find(&["--until", "2020-01-01"]), "");
    assert_eq!(find(&["--since", "2d"]), "First Second");
    assert_eq!(find(&["--since", "12h", "--until", "1h"]), "");
    assert_eq!(find(&["-n", "1"]), "Second");
    assert_eq!(find(&["--dir", "/usr"]), "");
    assert_eq!(find(&["--dir", ".."]), "First Second");
    assert_eq!(find(&["--all"]), "First Second");
    let told = world.agent(&["sessions", "greeting"]).stdout;
    assert!(told.contains("    … echo \"Grüße\" > greeting.txt\n"), "{told}");
    check(
        &world.agent(&["sessions", "--since", "soon"]),
        &world,
        expect![[r#"
        exit 2
        error: `soon` is not a date
        hint: write it like 2026-11-25, 7d or 12h
    "#]],
    );
    check(
        &world.agent(&["sessions", "nonsense"]),
        &world,
        expect![[r#"
        exit 0
        No such sessions in this directory; --all searches the others.
    "#]],
    );
}
