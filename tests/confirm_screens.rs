//! Confirm mode as it is seen: each key, several effects of one reply, a narrow window.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect};

use crate::support::World;
use crate::tmux::Terminal;

const SIZE: (u16, u16) = (100, 30);

#[track_caller]
fn check(terminal: &Terminal, expected: Expect) {
    expected.assert_eq(&(terminal.screen() + "\n"));
}

fn open(world: &World, size: (u16, u16), env: &[(&str, &str)]) -> Option<Terminal> {
    Terminal::open(world, &["run", "--confirm", "Task"], size, env)
}

/// Waits for question number `count`, counted from 1.
#[track_caller]
fn asked(terminal: &Terminal, count: usize) {
    terminal.wait_until("a question", |screen| screen.matches("allow? [").count() == count && screen.ends_with(']'));
}

const SEVERAL: &str = "I look at the code, then mend it.\n\
    > run_command {\"command\": \"cat calc.py && touch made\"}\n\
    > run_command {\"command\": \"touch other\"}\n\
    > apply_diff {\"diff\": \"--- a/calc.py\\n+++ b/calc.py\\n@@\\n def add(a, b):\\n-    return a - b  # sum\\n+    return a + b  # sum\\n\"}\n\
    ---\nDone.";

const CALC: (&str, &str) = ("calc.py", "def add(a, b):\n    return a - b  # sum\n");

#[test]
fn several_effects_are_decided_one_by_one() {
    let world = World::new(&[CALC], SEVERAL);
    let Some(terminal) = open(&world, SIZE, &[]) else { return };
    asked(&terminal, 1);
    terminal.press("?");
    asked(&terminal, 2);
    assert!(!world.workspace().join("made").exists());
    check(
        &terminal,
        expect![[r#"
        devstral-medium-latest · confirm, commands are sandboxed · WORKSPACE
        I look at the code, then mend it.

        1 of 3: run_command cat calc.py && touch made
        2 of 3: run_command touch other
        3 of 3: apply_diff
        run a command · 1 of 3
          $ cat calc.py && touch made
          in WORKSPACE, timeout # s
          the model says: I look at the code, then mend it.
        y once · e edit · n no, and why · ? more · q stop
        allow? [y/e/n/?/q]
        asked because no rule allows this use of `touch`
        it runs:
          cat calc.py
          touch made
        sandboxed: writes only to the workspace and temporary files; no network
        it can only be allowed once
        allow? [y/e/n/?/q]
    "#]],
    );
    terminal.press("y");
    asked(&terminal, 3);
    terminal.press("n");
    terminal.wait_for("no, because:");
    terminal.say("it is not needed");
    // `no, because:` took the place of the one before.
    asked(&terminal, 3);
    terminal.press("a");
    assert_eq!(terminal.wait_for_end(), 0);
    check(
        &terminal,
        expect![[r#"
        devstral-medium-latest · confirm, commands are sandboxed · WORKSPACE
        I look at the code, then mend it.

        1 of 3: run_command cat calc.py && touch made
        2 of 3: run_command touch other
        3 of 3: apply_diff
        run a command · 1 of 3
          $ cat calc.py && touch made
          in WORKSPACE, timeout # s
          the model says: I look at the code, then mend it.
        y once · e edit · n no, and why · ? more · q stop
        allow? [y/e/n/?/q]
        asked because no rule allows this use of `touch`
        it runs:
          cat calc.py
          touch made
        sandboxed: writes only to the workspace and temporary files; no network
        it can only be allowed once
        allow? [y/e/n/?/q] y
        ✓ run_command cat calc.py && touch made: exit code 0

        run a command · 2 of 3
          $ touch other
          in WORKSPACE, timeout # s
          the model says: I look at the code, then mend it.
        y once · a always: exactly the command `touch other` · e edit · n no, and why · ? more · q stop
        no, because: it is not needed
        ⊘ run_command touch other: The user said no: it is not needed

        change calc.py +1 -1 · 3 of 3
        --- a/calc.py
        +++ b/calc.py
             ⋮
            1   def add(a, b):
            2 -     return a - b  # sum
            2 +     return a + b  # sum
          the model says: I look at the code, then mend it.
        y once · a always: all edits in the workspace (mode accept-edits) · e edit · n no, and why · ? more
        q stop
        allow? [y/a/e/n/?/q] a
          --- a/calc.py
          +++ b/calc.py
          @@ -1,2 +1,2 @@
           def add(a, b):
          -    return a - b  # sum
          +    return a + b  # sum
        ✓ apply_diff: `calc.py`: +1 -1 line
        mode: accept-edits
        Done.
        changed: calc.py +1 -1, new made +0 -0 · agent undo
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
    );
    assert!(world.workspace().join("made").exists() && !world.workspace().join("other").exists());
    assert_eq!(world.outcome(1), "The user said no: it is not needed");
}

#[test]
fn an_edited_command_is_shown_before_it_runs() {
    let world = World::new(&[], "> run_command {\"command\": \"touch made\"}\n---\nDone.");
    let editor = world.home().join("editor");
    fs::write(&editor, "#!/bin/sh\nsed -i s/made/edited/ \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let Some(terminal) = open(&world, SIZE, &[("VISUAL", editor.to_str().unwrap())]) else { return };
    asked(&terminal, 1);
    terminal.press("e");
    asked(&terminal, 2);
    terminal.press("y");
    assert_eq!(terminal.wait_for_end(), 0);
    check(
        &terminal,
        expect![[r#"
        devstral-medium-latest · confirm, commands are sandboxed · WORKSPACE

        run a command
          $ touch made
          in WORKSPACE, timeout # s
        y once · a always: exactly the command `touch made` · e edit · n no, and why · ? more · q stop
        allow? [y/a/e/n/?/q] e

        run a command
          $ touch edited
          in WORKSPACE, timeout # s
        y once · e edit · n no, and why · ? more · q stop
        allow? [y/e/n/?/q] y
        ✓ run_command touch made: exit code 0
        Done.
        changed: new edited +0 -0 · agent undo
        2 steps · # tokens in, # out · # s · agent show #
    "#]],
    );
    assert!(world.workspace().join("edited").exists());
}

#[test]
fn q_stops_the_run_and_says_what_was_kept() {
    let world = World::new(&[CALC], SEVERAL);
    let Some(terminal) = open(&world, SIZE, &[]) else { return };
    asked(&terminal, 1);
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 4);
    check(
        &terminal,
        expect![[r#"
            devstral-medium-latest · confirm, commands are sandboxed · WORKSPACE
            I look at the code, then mend it.

            1 of 3: run_command cat calc.py && touch made
            2 of 3: run_command touch other
            3 of 3: apply_diff
            run a command · 1 of 3
              $ cat calc.py && touch made
              in WORKSPACE, timeout # s
              the model says: I look at the code, then mend it.
            y once · e edit · n no, and why · ? more · q stop
            allow? [y/e/n/?/q] q
            ⊘ run_command cat calc.py && touch made: The user said no and stopped the run.
            – run_command touch other: The run was stopped before this call finished.
            – apply_diff: The run was stopped before this call finished.
            no files changed
            1 step · # tokens in, # out · # s · agent show #
            stopped at an approval; changes so far are kept
        "#]],
    );
}

#[test]
fn a_question_on_forty_columns() {
    let world = World::new(&[CALC], SEVERAL);
    let Some(terminal) = open(&world, (40, 40), &[]) else { return };
    asked(&terminal, 1);
    terminal.press("y");
    asked(&terminal, 2);
    terminal.press("y");
    asked(&terminal, 3);
    check(
        &terminal,
        expect![[r#"
            devstral-medium-latest · confirm,
              commands are sandboxed ·
              WORKSPACE
            I look at the code, then mend it.

            1 of 3: run_command cat calc.py && touc…
            2 of 3: run_command touch other
            3 of 3: apply_diff
            run a command · 1 of 3
              $ cat calc.py && touch made
              in WORKSPACE, timeout 120
             s
              the model says: I look at the code, t…
            y once · e edit · n no, and why
            ? more · q stop
            allow? [y/e/n/?/q] y
            ✓ run_command cat calc.py && touch made…

            run a command · 2 of 3
              $ touch other
              in WORKSPACE, timeout 120
             s
              the model says: I look at the code, t…
            y once
            a always: exactly the command `touch
              other`
            e edit · n no, and why · ? more
            q stop
            allow? [y/a/e/n/?/q] y
            ✓ run_command touch other: exit code 0

            change calc.py +1 -1 · 3 of 3
            --- a/calc.py
            +++ b/calc.py
                 ⋮
                1   def add(a, b):
                2 -     return a - b  # sum
                2 +     return a + b  # sum
              the model says: I look at the code, t…
            y once
            a always: all edits in the workspace
              (mode accept-edits)
            e edit · n no, and why · ? more
            q stop
            allow? [y/a/e/n/?/q]
        "#]],
    );
    terminal.press("y");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn a_file_name_cannot_draw_a_line_of_its_own() {
    let script = "I write.\n> create_file {\"filename\": \"a\\n✓ done\", \"content\": \"x\\n\"}\n---\nDone.";
    let world = World::new(&[], script);
    let Some(terminal) = open(&world, SIZE, &[]) else { return };
    asked(&terminal, 1);
    assert!(terminal.screen().contains("change new a␊✓ done +1 -0"), "{}", terminal.screen());
    terminal.press("n");
}
