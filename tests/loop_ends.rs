//! How the loop ends: limits, circles, empty and cut answers, a full disk.

use agent::{Limits, Mode, Supervision};
use expect_test::expect;

use crate::stage::{CASE, Case, check};

#[test]
fn each_limit_ends_the_run_and_keeps_what_was_done() {
    let limits = |limits| Case { limits, ..CASE };
    let script = r#"
        create_file {"filename": "b.txt", "content": "x"}
        read_file {"filename": "b.txt"}
        Done.
        "#;
    check(
        limits(Limits { steps: Some(1), ..Limits::default() }),
        script,
        expect![[r#"
            c00000001 create_file
            c00000001 Done(Clipped("Created `b.txt` (1 line)."))
            a.txt: "one\ntwo\n"
            b.txt: "x"
            LimitReached(Steps(1))
        "#]],
    );
    check(
        limits(Limits { tokens: Some(2_500), ..Limits::default() }),
        script,
        expect![[r#"
            c00000001 create_file
            c00000001 Done(Clipped("Created `b.txt` (1 line)."))
            c00000002 read_file
            c00000002 Done(Clipped("`b.txt`, 1 line, no final newline:\n   1\tx\n"))
            a.txt: "one\ntwo\n"
            b.txt: "x"
            LimitReached(Tokens(2500))
        "#]],
    );
    check(
        limits(Limits { cost_usd: Some(0.0025), ..Limits::default() }),
        script,
        expect![[r#"
            c00000001 create_file
            c00000001 Done(Clipped("Created `b.txt` (1 line)."))
            c00000002 read_file
            c00000002 Done(Clipped("`b.txt`, 1 line, no final newline:\n   1\tx\n"))
            a.txt: "one\ntwo\n"
            b.txt: "x"
            LimitReached(CostUsd(0.0025))
        "#]],
    );
    check(
        limits(Limits { context_tokens: Some(500), ..Limits::default() }),
        script,
        expect![[r#"
            a.txt: "one\ntwo\n"
            WindowFull("the model's context window is full, and there is nothing to compact before the last step")
        "#]],
    );
    check(
        CASE,
        "Half an ans && (window full)",
        expect![[r#"
            model: Half an ans
            user: Your reply was cut off at the length limit. Continue in smaller pieces.
            a.txt: "one\ntwo\n"
            WindowFull("the model's context window is full, and there is nothing to compact before the last step")
        "#]],
    );
}

#[test]
fn a_circle_is_told_and_then_stopped() {
    check(
        CASE,
        &r#"read_file {"filename": "b.txt"}
        "#
        .repeat(6),
        expect![[r#"
            c00000001 read_file
            c00000001 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`."))
            c00000002 read_file
            c00000002 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`."))
            c00000003 read_file
            c00000003 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`.\n[The same call gave the same result 3 times, with no file changed in between. Repeating it will not help: try something else. If the task is done, answer without a tool call.]"))
            c00000004 read_file
            c00000004 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`.\n[The same call gave the same result 4 times, with no file changed in between. Repeating it will not help: try something else. If the task is done, answer without a tool call.]"))
            c00000005 read_file
            c00000005 Failed(Clipped("`b.txt` does not exist. Nearby: `a.txt`."))
            a.txt: "one\ntwo\n"
            Stuck("it called `read_file` 5 times with the same result")
        "#]],
    );
}

#[test]
fn empty_answers_are_not_success() {
    check(
        CASE,
        "(nothing)\nDone.",
        expect![[r#"
        model: Done.
        a.txt: "one\ntwo\n"
        Answered
    "#]],
    );
    check(
        CASE,
        "(nothing)\n(nothing)\n(nothing)\nDone.",
        expect![[r#"
        a.txt: "one\ntwo\n"
        Stuck("3 replies in a row were empty or cut off")
    "#]],
    );
}

#[test]
fn an_answer_that_was_cut_goes_on() {
    check(
        CASE,
        "First half && (cut)\nSecond half.",
        expect![[r#"
        model: First half
        user: Your reply was cut off at the length limit. Continue in smaller pieces.
        model: Second half.
        a.txt: "one\ntwo\n"
        Answered
    "#]],
    );
    check(
        CASE,
        r#"create_file {"filename": "b.txt", "content": "half of i && (cut)
        I will write less."#,
        expect![[r#"
            c00000001 create_file
            c00000001 Failed(Clipped("`create_file` did not run: bad arguments, they are cut off; send less at once. Send the call again."))
            model: I will write less.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
}

#[test]
fn an_answer_that_said_the_same_over_and_over_is_told_so() {
    check(
        CASE,
        r#"Again and again && (over and over)
        create_file {"filename": "b.txt", "content": "and aga && (over and over)
        Once."#,
        expect![[r#"
            model: Again and again
            user: Your reply kept repeating itself and was cut off. Continue with a tool call.
            c00000001 create_file
            c00000001 Failed(Clipped("`create_file` did not run: bad arguments, they repeated themselves and were cut off. Do not send it again: create repetitive text with `run_command` and a loop, such as `for i in $(seq 500); do echo 0; done > FILE`."))
            model: Once.
            a.txt: "one\ntwo\n"
            Answered
        "#]],
    );
    check(
        CASE,
        "a && (over and over)\nb && (over and over)\nc && (over and over)",
        expect![[r#"
        model: a
        user: Your reply kept repeating itself and was cut off. Continue with a tool call.
        model: b
        user: Your reply kept repeating itself and was cut off. Continue with a tool call.
        model: c
        a.txt: "one\ntwo\n"
        Stuck("3 replies in a row were empty or cut off")
    "#]],
    );
}

#[test]
fn a_retry_leaves_no_trace() {
    check(
        CASE,
        "Broken ha && (again) && Whole.",
        expect![[r#"
        model: Whole.
        a.txt: "one\ntwo\n"
        Answered
    "#]],
    );
}

#[test]
fn a_full_disk_ends_the_run_with_its_reason() {
    check(
        Case { room: Some(2), ..CASE },
        "Done.",
        expect![[r#"
        model: Done.
        a.txt: "one\ntwo\n"
        error: cannot save the session to /s.jsonl: no storage space
    "#]],
    );
}

#[test]
fn a_closely_watched_model_is_asked_before_it_ends_and_may_end_then() {
    let closely = |mode| Case { mode, supervision: Supervision::Close, ..CASE };
    let script = r#"
        Done.
        create_file {"filename": "b.txt", "content": "x"}
        It is written.
        It really is.
        "#;
    check(
        closely(Mode::Auto),
        script,
        expect![[r#"
        model: Done.
        user: No file was changed: text outside a tool call changes nothing. If the task asks for a change, make it now: read the file, then write it. If it only asks for an answer, repeat your answer.
        c00000001 create_file
        c00000001 Done(Clipped("Created `b.txt` (1 line)."))
        model: It is written.
        user: You changed files but have run nothing since. Run the tests or the program with `run_command` to check. If nothing can be run, say so and finish.
        model: It really is.
        a.txt: "one\ntwo\n"
        b.txt: "x"
        Answered
    "#]],
    );
    // It may change nothing there, so nobody asks it to.
    check(
        closely(Mode::ReadOnly),
        script,
        expect![[r#"
        model: Done.
        a.txt: "one\ntwo\n"
        Answered
    "#]],
    );
}
