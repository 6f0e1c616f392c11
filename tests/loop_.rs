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
            c00000002 Failed(Clipped("`a.txt` was not written: you requested its content in the same reply and had not seen it yet. Look at it; if your version is still right, send it again."))
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
            c00000001 Failed(Clipped("Unknown tool `fly`. Available tools: read_file, search_files, list_files, create_file, apply_diff, run_command, read_output, stop_command, repo_map."))
            c00000002 read_file
            c00000002 Failed(Clipped("`read_file` did not run: unknown argument `file`, unknown argument `x`, missing `filename`. Usage: read_file(filename, first_line?, lines?, symbol?)."))
            c00000003 read_file
            c00000003 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`."))
            c00000004 read_file
            c00000004 Failed(Clipped("`read_file` did not run: bad arguments, they are cut off; send less at once. Send the call again."))
            c00000005 read_file
            c00000005 Failed(Clipped("`read_file` did not run: bad arguments, they are an array, not a JSON object. Send the call again."))
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
            c00000001 Failed(Clipped("`a.txt` exists and was not overwritten: you have not read it. Its content follows. If your version is still right, send it again.\n`a.txt`, 2 lines:\none\ntwo\n"))
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
            c00000001 Refused(Clipped("This session is read-only: writes and commands are refused. Describe the change instead."))
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
            c00000001 Refused(Clipped("This needs approval, and there is no one to give it."))
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
            c00000001 Refused(Clipped("This session is read-only: writes and commands are refused. Describe the change instead."))
            user: This session is now read-only: read and describe; writes and commands are refused.
            model: Then I only look.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
}
