//! What no fresh start takes away: the human's words, what is right, and tests.

use agent::{Mode, Supervision};
use expect_test::expect;

use crate::loop_anew::{F, TEST};
use crate::stage::{CASE, Case, check};

#[test]
fn what_the_human_says_meanwhile_never_goes_out_of_sight() {
    check(
        Case {
            files: &[("a.py", "def f():\n    return 1\n")],
            supervision: Supervision::Anew,
            switch_at: Some((1, Mode::Confirm)),
            ..CASE
        },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"}
        Nothing to do.
        Really.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 2 lines:\n   1\tdef f():\n   2\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            model: Nothing to do.
            user: No file was changed: text outside a tool call changes nothing. If the task asks for a change, make it now: read the file, then write it. If it only asks for an answer, repeat your answer.
            model: Really.
            a.py: "def f():\n    return 1\n"
            Answered
        "#]],
    );
}

#[test]
fn why_the_human_refused_never_goes_out_of_sight() {
    check(
        Case {
            mode: Mode::Confirm,
            files: &[("a.py", "def f():\n    return 1\n")],
            supervision: Supervision::Anew,
            ..CASE
        },
        r#"
        run_command {"command": "make"}
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"}
        I stop.
        Really.
        "#,
        expect![[r#"
            c00000001 run_command
            c00000001 Refused(Clipped("The user said no: not now"))
            c00000002 create_file
            c00000002 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            model: I stop.
            user: No file was changed: text outside a tool call changes nothing. If the task asks for a change, make it now: read the file, then write it. If it only asks for an answer, repeat your answer.
            model: Really.
            a.py: "def f():\n    return 1\n"
            Answered
        "#]],
    );
}

#[test]
fn what_passes_is_not_given_up_for_another_failure() {
    check(
        Case { files: &[F, TEST], exits: &[0, 1], supervision: Supervision::Anew, ..CASE },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "def f():\n    return 2\n"}
        run_command {"command": "sh test.sh"}
        run_command {"command": "make lint"}
        Done.
        It is not for my change to mend.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 2 lines:\n   1\tdef f():\n   2\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (2 lines)."))
            c00000003 run_command
            c00000003 Done(Clipped("It ran.\n[exit code 0]"))
            c00000004 run_command
            c00000004 Done(Clipped("It ran.\n[exit code 1]"))
            model: Done.
            user: You stopped, but the last command failed: `make lint`. If your change should fix that, read why it failed and continue. Otherwise say what fails and why.
            model: It is not for my change to mend.
            a.py: "def f():\n    return 2\n"
            test.sh: "grep -q 'return 2' a.py"
            Answered
        "#]],
    );
}

#[test]
fn a_command_that_only_looks_is_no_verdict() {
    check(
        Case { files: &[F], exits: &[1], supervision: Supervision::Anew, ..CASE },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "def f():\n    return 2\n"}
        run_command {"command": "grep TODO a.py"}
        Done.
        Done.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 2 lines:\n   1\tdef f():\n   2\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (2 lines)."))
            c00000003 run_command
            c00000003 Done(Clipped("It ran.\n[exit code 1]"))
            model: Done.
            user: You stopped, but the last command failed: `grep TODO a.py`. If your change should fix that, read why it failed and continue. Otherwise say what fails and why.
            model: Done.
            a.py: "def f():\n    return 2\n"
            Answered
        "#]],
    );
}

#[test]
fn an_indent_is_a_change() {
    check(
        Case { files: &[("a.py", "for x in y:\n    t += x\n    print(t)\n")], supervision: Supervision::Anew, ..CASE },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "for x in y:\n    t += x\nprint(t)\n"}
        Done.
        I ran nothing.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 3 lines:\n   1\tfor x in y:\n   2\t    t += x\n   3\t    print(t)\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (3 lines)."))
            model: Done.
            user: You changed files but have run nothing since. Run the tests or the program with `run_command` to check. If nothing can be run, say so and finish.
            model: I ran nothing.
            a.py: "for x in y:\n    t += x\nprint(t)\n"
            Answered
        "#]],
    );
}

#[test]
fn tests_are_never_asked_for_anew() {
    check(
        Case { files: &[F, TEST], exits: &[1], supervision: Supervision::Anew, ..CASE },
        r#"
        read_file {"filename": "test.sh"}
        create_file {"filename": "test.sh", "content": "grep -q 'return 3' a.py"}
        run_command {"command": "sh test.sh"}
        It fails.
        It fails.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`test.sh`, 1 line, no final newline:\n   1\tgrep -q 'return 2' a.py\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `test.sh` (1 line)."))
            c00000003 run_command
            c00000003 Done(Clipped("It ran.\n[exit code 1]"))
            model: It fails.
            user: You stopped, but the last command failed: `sh test.sh`. If your change should fix that, read why it failed and continue. Otherwise say what fails and why.
            model: It fails.
            a.py: "def f():\n    return 1\n"
            test.sh: "grep -q 'return 3' a.py"
            Answered
        "#]],
    );
}
