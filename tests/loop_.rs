//! What the loop does with a model's good and bad replies, approvals and cancels.

use agent::{Answer, Mode};
use expect_test::expect;

use crate::stage::{CASE, Case, check};

#[test]
fn an_edit_reaches_the_file_and_the_answer_ends_the_run() {
    check(
        CASE,
        r#"
        apply_diff {"diff": "--- a/a.txt\n+++ b/a.txt\n@@\n one\n-two\n+three\n"}
        Done.
        "#,
        expect![[r#"
            c00000001 apply_diff
            c00000001 Done(Clipped("`a.txt`: +1 -1 line\n     1 | one\n     2 | three"))
            model: Done.
            a.txt: "one\nthree\n"
            Answered
        "#]],
    );
}

#[test]
fn calls_of_one_reply_run_in_order() {
    check(
        CASE,
        r#"
        create_file {"filename": "b.txt", "content": "new\n"} && read_file {"filename": "b.txt"}
        Done.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000002 read_file
            c00000001 Done(Clipped("Created `b.txt` (1 line)."))
            c00000002 Done(Clipped("`b.txt`, 1 line:\n   1\tnew\n"))
            model: Done.
            a.txt: "one\ntwo\n"
            b.txt: "new\n"
            Answered
        "#]],
    );
}

#[test]
fn a_file_is_not_replaced_by_a_reply_that_only_just_asked_for_it() {
    check(
        CASE,
        r#"
        read_file {"filename": "a.txt"} && create_file {"filename": "a.txt", "content": "1\n"}
        create_file {"filename": "a.txt", "content": "1\n"}
        Done.
        "#,
        expect![[r#"
            c00000001 read_file
            c00000002 create_file
            c00000001 Done(Clipped("`a.txt`, 2 lines:\n   1\tone\n   2\ttwo\n"))
            c00000002 Failed(Clipped("`a.txt` is unchanged: you asked for its content in the same reply, so you wrote this without knowing it. Look at what it holds; if this is still right, send it again."))
            c00000003 create_file
            c00000003 Done(Clipped("Replaced `a.txt` (1 line)."))
            model: Done.
            a.txt: "1\n"
            Answered
        "#]],
    );
}

#[test]
fn mistakes_of_the_model_are_answered_not_fatal() {
    check(
        CASE,
        r#"
        fly {"to": "moon"}
        read_file {"file": "a.txt", "x": 1}
        read_file {"filename": "b.txt"}
        read_file {"filename": "a.t
        read_file ["a.txt"]
        functions.read_file {"filename": "a.txt"}
        I give up.
        "#,
        expect![[r#"
            c00000001 fly
            c00000001 Failed(Clipped("There is no tool `fly`. The tools are: read_file, search_files, list_files, create_file, apply_diff, run_command, read_output, stop_command, repo_map."))
            c00000002 read_file
            c00000002 Failed(Clipped("`read_file` did not run: it has no argument `file`, it has no argument `x`, `filename` is missing. Its arguments are read_file(filename, first_line?, lines?, symbol?)."))
            c00000003 read_file
            c00000003 Failed(Clipped("There is no `b.txt`. There is `a.txt`."))
            c00000004 read_file
            c00000004 Failed(Clipped("`read_file` did not run: its arguments cannot be read, they end in the middle; write less at once. Send the call again."))
            c00000005 read_file
            c00000005 Failed(Clipped("`read_file` did not run: its arguments cannot be read, they are an array, not a JSON object. Send the call again."))
            c00000006 functions.read_file
            c00000006 Done(Clipped("`a.txt`, 2 lines:\n   1\tone\n   2\ttwo\n"))
            model: I give up.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
}

#[test]
fn a_file_is_not_overwritten_unseen() {
    check(
        CASE,
        r#"
        create_file {"filename": "a.txt", "content": "x"}
        read_file {"filename": "./a.txt"}
        create_file {"filename": "/w/a.txt", "content": "x"}
        create_file {"filename": "a.txt", "content": "x"}
        Done.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Failed(Clipped("`a.txt` exists and is unchanged: you have not read it. This is what it holds. If your content is right for it, send it again.\n`a.txt`, 2 lines:\none\ntwo\n"))
            c00000002 read_file
            c00000002 Done(Clipped("`./a.txt`, 2 lines:\n   1\tone\n   2\ttwo\n"))
            c00000003 create_file
            c00000003 Done(Clipped("Replaced `/w/a.txt` (1 line)."))
            c00000004 create_file
            c00000004 Done(Clipped("`a.txt` already has exactly this content; nothing was written. If the task is done, answer without a tool call."))
            model: Done.
            a.txt: "x"
            Answered
        "#]],
    );
}

#[test]
fn a_refusal_is_told_to_the_model_and_changes_nothing() {
    check(
        Case { mode: Mode::Confirm, ..CASE },
        r#"
        create_file {"filename": "b.txt", "content": "x"}
        Understood.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Refused(Clipped("The user said no: not now"))
            model: Understood.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
    check(
        Case { mode: Mode::ReadOnly, ..CASE },
        r#"
        run_command {"command": "rm a.txt"}
        Understood.
        "#,
        expect![[r#"
            c00000001 run_command
            c00000001 Refused(Clipped("This session is read-only: nothing is written and no command runs. Describe the change instead."))
            model: Understood.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
}

#[test]
fn an_approval_that_nobody_can_give_ends_the_run() {
    check(
        Case { mode: Mode::Confirm, answer: Some(Answer::Nobody), ..CASE },
        r#"run_command {"command": "make"} && read_file {"filename": "a.txt"}"#,
        expect![[r#"
            c00000001 run_command
            c00000002 read_file
            c00000001 Refused(Clipped("This needs an approval and nobody is here to give it."))
            c00000002 Cancelled
            a.txt: "one\ntwo\n"
            ApprovalNeeded
        "#]],
    );
}

#[test]
fn a_cancel_answers_the_rest() {
    check(
        Case { stop_at: Some(2), ..CASE },
        r#"read_file {"filename": "a.txt"} && read_file {"filename": "a.txt"} && read_file {"filename": "a.txt"}"#,
        expect![[r#"
            c00000001 read_file
            c00000002 read_file
            c00000003 read_file
            c00000001 Done(Clipped("`a.txt`, 2 lines:\n   1\tone\n   2\ttwo\n"))
            c00000002 Cancelled
            c00000003 Cancelled
            a.txt: "one\ntwo\n"
            Cancelled
        "#]],
    );
}

#[test]
fn a_change_of_mode_counts_from_the_next_effect_and_the_model_hears_of_read_only() {
    check(
        Case { switch_at: Some((1, Mode::ReadOnly)), ..CASE },
        r#"
        create_file {"filename": "b.txt", "content": "new\n"}
        Then I only look.
        "#,
        expect![[r#"
            c00000001 create_file
            c00000001 Refused(Clipped("This session is read-only: nothing is written and no command runs. Describe the change instead."))
            user: From now on this session is read-only: look and describe; writes and commands are refused.
            model: Then I only look.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
}
