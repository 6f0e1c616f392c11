//! What the human does while a conversation goes on: typing ahead, stopping, pasting, choosing.

use std::fs;

use expect_test::{Expect, expect};

use crate::support::World;
use crate::tmux::Terminal;

const SIZE: (u16, u16) = (80, 24);

/// The last rows of the screen, from the one that begins with `from`.
#[track_caller]
fn check(screen: &str, from: &str, expected: Expect) {
    let rows: Vec<&str> = screen.lines().collect();
    let first = rows.iter().rposition(|row| row.starts_with(from)).unwrap_or_else(|| panic!("no `{from}`:\n{screen}"));
    expected.assert_eq(&(rows[first..].join("\n") + "\n"));
}

fn open(world: &World) -> Option<Terminal> {
    let terminal = Terminal::open(world, &["chat"], SIZE, &[])?;
    terminal.wait_for("auto >");
    Some(terminal)
}

/// A step that goes on until the file `go` is there.
const WAITS: &str = "> run_command {\"command\": \"touch started; until [ -e go ]; do sleep 0.05; done; echo gone\"}";

#[test]
fn what_is_typed_ahead_is_read_before_the_next_step() {
    let world = World::new(&[], &format!("{WAITS}\n---\nBoth done."));
    let Some(terminal) = open(&world) else { return };
    terminal.say("One.");
    terminal.wait_until("started", |_| world.workspace().join("started").exists());
    terminal.type_text("And tw");
    terminal.wait_for("And tw");
    terminal.say("o.");
    check(
        &terminal.wait_for("waiting: "),
        "> One.",
        expect![[r#"
        > One.
        * run_command touch started; until [ -e go ]; do sleep 0.05; done; echo gone ·…
        waiting: And two.
        auto >
    "#]],
    );
    world.write("go", "");
    check(
        &terminal.wait_for("ctx"),
        "> One.",
        expect![[r#"
            > One.
            ✓ run_command touch started; until [ -e go ]; do sleep 0.05; done; echo gone: e…

            > And two.
            Both done.
            2 steps · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
    assert_eq!(world.bodies().len(), 2);
    assert!(world.bodies()[1]["messages"].to_string().contains("And two."));
}

#[test]
fn what_is_said_meanwhile_is_done_in_its_order() {
    let world = World::new(&[], &format!("{WAITS}\n---\nBoth done.\n---\nAfter that."));
    let Some(terminal) = open(&world) else { return };
    terminal.say("One.");
    terminal.wait_until("started", |_| world.workspace().join("started").exists());
    for line in ["And two.", "/undo", "And three."] {
        terminal.say(line);
    }
    check(
        &terminal.wait_for("waiting: And three."),
        "> One.",
        expect![[r#"
            > One.
            * run_command touch started; until [ -e go ]; do sleep 0.05; done; echo gone ·…
            waiting: And two.
            waiting: /undo
            waiting: And three.
            auto >
        "#]],
    );
    world.write("go", "");
    check(
        &terminal.wait_until("two meters", |screen| screen.matches("ctx").count() == 2),
        "> And two.",
        expect![[r#"
            > And two.
            Both done.
            2 steps · # s · session: # tokens · ctx 1%

            > /undo
            reverted step 1:
              removed  go
              removed  started
            the model will see this with your next message

            > And three.
            After that.
            1 step · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
    let bodies = world.bodies();
    let said = |request: usize| bodies[request]["messages"].to_string();
    assert!(said(1).contains("And two.") && !said(1).contains("And three."), "{}", said(1));
}

#[test]
fn ctrl_c_stops_the_step_and_twice_leaves() {
    let world = World::new(&[], &format!("{WAITS}\n---\nI am here."));
    let Some(terminal) = open(&world) else { return };
    terminal.say("One.");
    terminal.wait_until("started", |_| world.workspace().join("started").exists());
    terminal.type_text("A draft");
    terminal.press("C-c");
    check(
        &terminal.wait_for("ctx"),
        "> One.",
        expect![[r#"
            > One.
            stopping; press Ctrl-C again to quit now
            – run_command touch started; until [ -e go ]; do sleep 0.05; done; echo gone: T…
            stopped; changes so far are kept
            1 step · # s · session: # tokens · ctx 1%
            auto > A draft
        "#]],
    );
    // The turn is over, and so is what the first one meant.
    terminal.press("C-c");
    terminal.wait_until("a wiped line", |screen| screen.ends_with("auto >"));
    terminal.press("C-c");
    terminal.wait_until("a warning", |screen| screen.contains("\npress Ctrl-C again to quit\n"));
    terminal.say("Still there?");
    terminal.wait_for("I am here.");
    terminal.wait_until("two meters", |screen| screen.matches("ctx").count() == 2);
    terminal.press("C-c");
    terminal.wait_until("another warning", |screen| screen.matches("\npress Ctrl-C again to quit\n").count() == 2);
    terminal.press("C-c");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn escape_stops_the_reply_and_the_words_stay() {
    let world = World::new(&[], "Some words\n% stall=2\n---\nOther words.");
    let Some(terminal) = open(&world) else { return };
    terminal.say("One.");
    terminal.wait_for("Some words");
    terminal.press("Escape");
    check(
        &terminal.wait_for("ctx"),
        "> One.",
        expect![[r#"
            > One.
            Some words
            stopping
            stopped; changes so far are kept
            1 step · # s · session: about # tokens · ctx 1%
            auto >
        "#]],
    );
    terminal.say("Two.");
    terminal.wait_for("Other words.");
}

#[test]
fn a_paste_of_many_lines_is_one_message() {
    let world = World::new(&[], "Done.");
    let Some(terminal) = open(&world) else { return };
    terminal.paste("first line\nsecond line\n\tthird");
    check(
        &terminal.wait_for("third"),
        "auto >",
        expect![[r#"
        auto > first line
          second line
              third
    "#]],
    );
    terminal.press("M-Enter");
    terminal.type_text("fourth\\");
    terminal.press("Enter");
    terminal.say("fifth");
    check(
        &terminal.wait_for("ctx"),
        "> first",
        expect![[r#"
            > first line
              second line
                    third
              fourth
              fifth
            Done.
            1 step · # s · session: # tokens · ctx 1%
            auto >
        "#]],
    );
    let body = world.bodies()[0]["messages"].to_string();
    assert!(body.contains(r"first line\nsecond line\n\tthird\nfourth\nfifth"), "{body}");
    // And it is one in the history.
    terminal.press("Up");
    terminal.wait_until("the line again", |screen| screen.contains("auto > first line"));
}

#[test]
fn files_are_completed_and_named_plainly() {
    let files =
        [("src/calculator.py", "1\n"), ("src/main.py", "2\n"), ("ignored/calc.py", "3\n"), (".gitignore", "ignored\n")];
    let world = World::new(&files, "Done.");
    let Some(terminal) = open(&world) else { return };
    terminal.type_text("Look at @calc");
    check(
        // Letter by letter: after the first ones the other file still stands there too.
        &terminal.wait_until("one file is left", |screen| {
            screen.contains("@calc\n> src/calculator.py") && !screen.contains("main.py")
        }),
        "auto >",
        expect![[r#"
        auto > Look at @calc
        > src/calculator.py
    "#]],
    );
    terminal.press("Tab");
    terminal.say("now");
    terminal.wait_for("ctx");
    let body = world.bodies()[0]["messages"].to_string();
    assert!(body.contains("Look at src/calculator.py now"), "{body}");
}

#[test]
fn a_command_of_the_humans_runs_in_the_fence_and_is_shown_to_the_model() {
    let world = World::new(&[("a.txt", "")], "I see.");
    let Some(terminal) = open(&world) else { return };
    terminal.say("!ls; touch made; cat /etc/shadow");
    check(
        &terminal.wait_for("next message"),
        "> !ls",
        expect![[r#"
        > !ls; touch made; cat /etc/shadow
        a.txt
        [exit code 0]
        the model will see this with your next message
        auto >
    "#]],
    );
    assert!(world.workspace().join("made").exists());
    terminal.say("What was that?");
    terminal.wait_for("I see.");
    let body = world.bodies()[0]["messages"].to_string();
    assert!(body.contains(r"I ran `ls; touch made; cat /etc/shadow`:\n```\na.txt\n"), "{body}");
    assert!(body.contains("What was that?"), "{body}");
    // What it changed is looked at and taken back like what the model changes.
    terminal.say("/diff");
    terminal.wait_for("diff --git a/made b/made");
    terminal.say("/undo");
    terminal.wait_for("reverted changes made before the first step");
    assert!(!world.workspace().join("made").exists());
}

#[test]
fn the_mode_is_changed_by_key_and_by_word() {
    let world = World::new(&[], "> run_command {\"command\": \"touch made\"}\n---\nDone.");
    let Some(terminal) = open(&world) else { return };
    terminal.press("BTab");
    terminal.wait_for("read-only >");
    terminal.say("/mode accept-edits");
    terminal.wait_for("accept-edits >");
    terminal.say("/mode confirn");
    terminal.say("/mdoe");
    check(
        &terminal.wait_for("did you mean"),
        "> /mode confirn",
        expect![[r#"
            > /mode confirn
            error: unknown mode `confirn`; the modes are read-only, confirm, accept-edits,
              auto

            > /mdoe
            unknown command /mdoe; did you mean /mode? /help lists all
            accept-edits >
        "#]],
    );
    terminal.say("/mode read-only");
    terminal.wait_for("read-only >");
    terminal.say("Make it.");
    terminal.wait_for("ctx");
    assert!(!world.workspace().join("made").exists());
    assert!(world.outcome(0).contains("read-only"), "{}", world.outcome(0));
}

#[test]
fn the_history_is_kept_without_secrets() {
    let world = World::new(&[], "Done.\n% repeat");
    let Some(terminal) = open(&world) else { return };
    for (number, line) in ["/cost", &format!("!echo {}", crate::support::KEY), "/mode"].into_iter().enumerate() {
        terminal.say(line);
        terminal.wait_until(line, |screen| screen.matches("\n> ").count() == number + 1);
    }
    terminal.press("C-d");
    terminal.wait_for_end();
    let history = fs::read_to_string(world.home().join("state/agent/history")).unwrap();
    assert_eq!(history, "\"/cost\"\n\"/mode\"\n");
    let Some(terminal) = open(&world) else { return };
    terminal.press("Up");
    terminal.wait_for("auto > /mode");
}

#[test]
fn figures_sessions_and_help_are_there_to_ask_for() {
    let world = World::new(&[], "Done.\n% usage=900/20/64");
    let Some(terminal) = open(&world) else { return };
    terminal.say("One task.");
    terminal.wait_for("ctx");
    terminal.say("/sessions");
    terminal.wait_for("One task.\nauto >");
    terminal.say("/cost");
    let screen = terminal.wait_for("context  about");
    for figure in ["steps    1", "(64 cached)", "model    devstral-medium-latest", "of # tokens ("] {
        assert!(screen.contains(figure), "{figure}\n{screen}");
    }
    terminal.say("/help");
    terminal.wait_for("before its next step.");
}
