//! A model whose attempt failed begins anew, without what it tried.

use agent::Supervision;
use expect_test::expect;

use crate::stage::{CASE, Case, check};

pub(crate) const F: (&str, &str) = ("a.py", "def f():\n    return 1\n");
pub(crate) const TEST: (&str, &str) = ("test.sh", "grep -q 'return 2' a.py");

#[test]
fn a_model_that_writes_what_was_there_begins_anew_without_what_it_said() {
    let anew = Case { files: &[("a.py", "def f():\n    return 1\n")], supervision: Supervision::Anew, ..CASE };
    check(
        anew,
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"}
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"}
        create_file {"filename": "a.py", "content": "def f():\n    return 2\n"}
        It is written.
        I ran nothing.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 2 lines:\n   1\tdef f():\n   2\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py`, as it is:
            ```
            def f():
                return 1
            ```

            If that is already right, say so. Otherwise do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            c00000003 create_file
            c00000003 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py` contains this (bodies omitted):
            ```
            def f():
                ...
            ```

            Rewrite all of `a.py` from what the task asks for, including every body. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            c00000004 create_file
            c00000004 Done(Clipped("Replaced `a.py` (2 lines)."))
            model: It is written.
            user: You changed files but have run nothing since. Run the tests or the program with `run_command` to check. If nothing can be run, say so and finish.
            model: I ran nothing.
            a.py: "def f():\n    return 2\n"
            Answered
        "#]],
    );
}

#[test]
fn a_block_of_code_is_written_where_one_was_asked_for() {
    check(
        Case { files: &[("a.py", "def f():\n    return 1\n")], supervision: Supervision::Anew, ..CASE },
        r#"
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"}
        So:⏎```python⏎def f():⏎    return 2⏎```
        ```python⏎def f():⏎    return 3⏎```
        I ran nothing.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py`, as it is:
            ```
            def f():
                return 1
            ```

            If that is already right, say so. Otherwise do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            model: So:
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (2 lines)."))
            model: ```python
            def f():
                return 3
            ```
            user: You changed files but have run nothing since. Run the tests or the program with `run_command` to check. If nothing can be run, say so and finish.
            model: I ran nothing.
            a.py: "def f():\n    return 2\n"
            Answered
        "#]],
    );
}

#[test]
fn a_block_that_repeats_the_file_or_is_a_part_of_it_is_another_failure() {
    check(
        Case {
            files: &[("a.py", "K = 1\ndef f():\n    return 1\n"), TEST],
            exits: &[1, 1, 0],
            supervision: Supervision::Anew,
            ..CASE
        },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "K = 1\ndef f():\n    return 3\n"}
        run_command {"command": "sh test.sh"}
        ```⏎K = 1⏎def f():⏎    return 1⏎```
        ```⏎def f():⏎    return 2⏎```
        ```⏎K = 1⏎def f():⏎    return 2⏎```
        Done.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 3 lines:\n   1\tK = 1\n   2\tdef f():\n   3\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (3 lines)."))
            c00000003 run_command
            c00000003 Done(Clipped("It ran.\n[exit code 1]"))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `sh test.sh` printed:
            It ran.
            [exit code 1]

            `a.py`, which is wrong:
            ```
            K = 1
            def f():
                return 1
            ```

            Do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then `sh test.sh` is run.]
            c00000004 create_file
            c00000005 run_command
            c00000004 Done(Clipped("Replaced `a.py` (3 lines)."))
            c00000005 Done(Clipped("It ran.\n[exit code 1]"))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `sh test.sh` printed:
            It ran.
            [exit code 1]

            `a.py` contains this (bodies omitted):
            ```
            K = 1
            def f():
                ...
            ```

            Rewrite all of `a.py` from what the task asks for, including every body. Answer with the whole file in one code block and nothing else: it is saved for you. Then `sh test.sh` is run.]
            model: ```
            def f():
                return 2
            ```
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `sh test.sh` printed:
            It ran.
            [exit code 1]

            `a.py`, which is wrong:
            ```
            K = 1
            def f():
                return 1
            ```

            Do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then `sh test.sh` is run.]
            c00000006 create_file
            c00000007 run_command
            c00000006 Done(Clipped("Replaced `a.py` (3 lines)."))
            c00000007 Done(Clipped("It ran.\n[exit code 0]"))
            model: Done.
            a.py: "K = 1\ndef f():\n    return 2\n"
            test.sh: "grep -q 'return 2' a.py"
            Answered
        "#]],
    );
}

#[test]
fn what_was_full_is_not_once_it_began_anew() {
    check(
        Case { files: &[F], supervision: Supervision::Anew, ..CASE },
        r#"
        create_file {"filename": "a.py", "content": "def f():\n    return 1\n"} && (window full)
        ```⏎def f():⏎    return 2⏎```
        Done.
        I ran nothing.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Done(Clipped("`a.py` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py`, as it is:
            ```
            def f():
                return 1
            ```

            If that is already right, say so. Otherwise do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (2 lines)."))
            model: Done.
            user: You changed files but have run nothing since. Run the tests or the program with `run_command` to check. If nothing can be run, say so and finish.
            model: I ran nothing.
            a.py: "def f():\n    return 2\n"
            Answered
        "#]],
    );
}

#[test]
fn what_is_written_blindly_is_called_wrong_not_right() {
    check(
        Case { files: &[F], supervision: Supervision::Anew, ..CASE },
        r#"
        create_file {"filename": "a.py", "content": "def f():\n    return 2\n"}
        It is right.
        Really.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Failed(Clipped("`a.py` exists and was not overwritten: you have not read it. Its content follows. If your version is still right, send it again.\n`a.py`, 2 lines:\ndef f():\n    return 1\n"))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py`, which is wrong:
            ```
            def f():
                return 1
            ```

            Do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            model: It is right.
            user: No file was changed: text outside a tool call changes nothing. If the task asks for a change, make it now: read the file, then write it. If it only asks for an answer, repeat your answer.
            model: Really.
            a.py: "def f():\n    return 1\n"
            Answered
        "#]],
    );
}

#[test]
fn a_command_that_failed_for_what_was_written_proves_nothing_of_what_was_there() {
    check(
        Case { files: &[F], exits: &[1, 0, 0], supervision: Supervision::Anew, ..CASE },
        r#"
        read_file {"filename": "a.py"}
        create_file {"filename": "a.py", "content": "def f(:\n"}
        run_command {"command": "python3 a.py"}
        ```⏎def f():⏎    return 1⏎```
        ```⏎def f():⏎    return 2⏎```
        run_command {"command": "python3 a.py"}
        Done.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000001 Done(Clipped("`a.py`, 2 lines:\n   1\tdef f():\n   2\t    return 1\n"))
            c00000002 create_file
            c00000002 Done(Clipped("Replaced `a.py` (1 line).\n`a.py` no longer parses: see line 1."))
            c00000003 run_command
            c00000003 Done(Clipped("It ran.\n[exit code 1]"))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `python3 a.py` printed:
            It ran.
            [exit code 1]

            `a.py`, which is wrong:
            ```
            def f():
                return 1
            ```

            Do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then `python3 a.py` is run.]
            c00000004 create_file
            c00000005 run_command
            c00000004 Done(Clipped("Replaced `a.py` (2 lines)."))
            c00000005 Done(Clipped("It ran.\n[exit code 0]"))
            condensed: task

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py` contains this (bodies omitted):
            ```
            def f():
                ...
            ```

            Rewrite all of `a.py` from what the task asks for, including every body. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]
            c00000006 create_file
            c00000006 Done(Clipped("Replaced `a.py` (2 lines)."))
            c00000007 run_command
            c00000007 Done(Clipped("It ran.\n[exit code 0]"))
            model: Done.
            a.py: "def f():\n    return 2\n"
            Answered
        "#]],
    );
}
