//! The loop against a scripted model and files in memory.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use agent::{
    Agent, AgentEvent, Answer, ApprovalPolicy, Cancel, ChatEvent, Effect, Entry, FinishReason, Frontend, Journal,
    JournalError, Limits, Mode, Price, RawCall, SeenFiles, Spent, Stop, Transcript, Usage, run_task,
};
use async_trait::async_trait;
use expect_test::{Expect, expect};
use providers::Scripted;
use sandbox::Memory;

/// Says no to everything, and stops the run at the `stop_at`th call.
#[derive(Default)]
struct Absent {
    stop_at: Option<(usize, Cancel)>,
    calls: usize,
    answer: Option<Answer>,
}

#[async_trait(?Send)]
impl Frontend for Absent {
    fn show(&mut self, event: AgentEvent<'_>) {
        if let AgentEvent::CallStarted(_) = event {
            self.calls += 1;
            if let Some((at, cancel)) = &self.stop_at
                && *at == self.calls
            {
                cancel.stop(Stop::Human);
            }
        }
    }

    async fn ask(&mut self, _: &Effect) -> Answer {
        self.answer.clone().unwrap_or(Answer::No("not now".to_owned()))
    }
}

/// Counts, and is full after `room` entries.
#[derive(Clone, Default)]
struct Paper {
    entries: Rc<Cell<usize>>,
    room: Option<usize>,
}

impl Journal for Paper {
    fn append(&mut self, _: &Entry) -> Result<(), JournalError> {
        if self.room.is_some_and(|room| room <= self.entries.get()) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(JournalError { path: "/s.jsonl".into(), source });
        }
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

struct Case {
    mode: Mode,
    files: &'static [(&'static str, &'static str)],
    limits: Limits,
    stop_at: Option<usize>,
    answer: Option<Answer>,
    room: Option<usize>,
}

const CASE: Case = Case {
    mode: Mode::Auto,
    files: &[("a.txt", "one\ntwo\n")],
    limits: Limits { steps: Some(9), tokens: None, cost_usd: None, context_tokens: None },
    stop_at: None,
    answer: None,
    room: None,
};

/// One reply a line: text, or `tool {json}` for a call; several parts are divided by ` && `.
#[track_caller]
fn check(case: Case, script: &str, expected: Expect) {
    let client = Scripted::new(script.trim().lines().map(reply));
    let memory = Memory::new(case.files.iter().copied());
    let cancel = Cancel::default();
    let mut frontend =
        Absent { stop_at: case.stop_at.map(|at| (at, cancel.clone())), answer: case.answer, ..Absent::default() };
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    let mut agent = Agent {
        client: &client,
        tools: tools::TOOLS,
        sandbox: &memory,
        frontend: &mut frontend,
        journal: &mut Paper { room: case.room, ..Paper::default() },
        policy: ApprovalPolicy::new(case.mode),
        root: "/w".into(),
        limits: case.limits,
        price: Some(Price { input: 1.0, cached: 0.1, output: 2.0 }),
        spent: Spent::default(),
        seen: SeenFiles::default(),
        cancel,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finish = runtime.block_on(run_task(&mut agent, &mut transcript));

    let mut shown = render(&transcript);
    for path in memory.paths() {
        shown += &format!("{path}: {:?}\n", memory.text(&path).unwrap());
    }
    shown += &match finish {
        Ok(finish) => format!("{finish:?}\n"),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&shown);
    every_call_has_one_outcome(&transcript);
}

fn reply(line: &str) -> Vec<ChatEvent> {
    let mut events: Vec<ChatEvent> = line.trim().split(" && ").map(part).collect();
    if !events.iter().any(|event| matches!(event, ChatEvent::Finish(_))) {
        events.push(ChatEvent::Usage(Usage { input: 1_000, cached: 0, output: 10 }));
        events.push(ChatEvent::Finish(FinishReason::Stop));
    }
    events
}

fn part(text: &str) -> ChatEvent {
    match text.split_once(' ') {
        _ if text == "(nothing)" => ChatEvent::Text(String::new()),
        _ if text == "(again)" => ChatEvent::Retrying { attempt: 2, delay: Duration::ZERO, why: "cut".to_owned() },
        _ if text == "(cut)" => ChatEvent::Finish(FinishReason::Length),
        _ if text == "(window full)" => ChatEvent::Finish(FinishReason::ContextFull),
        Some((name, arguments)) if arguments.starts_with(['{', '[']) => {
            ChatEvent::Call(RawCall { name: name.to_owned(), arguments: arguments.to_owned() })
        }
        Some(_) | None => ChatEvent::Text(text.to_owned()),
    }
}

pub(crate) fn render(transcript: &Transcript) -> String {
    let mut shown = String::new();
    for entry in &transcript.entries()[2..] {
        match entry {
            Entry::Reply(reply) => {
                if !reply.text.is_empty() {
                    shown += &format!("model: {}\n", reply.text);
                }
                for call in &reply.calls {
                    shown += &format!("{} {}\n", call.id, call.name);
                }
            }
            Entry::Outcome { call_id, outcome, .. } => shown += &format!("{call_id} {outcome:?}\n"),
            Entry::User { text } => shown += &format!("user: {text}\n"),
            Entry::System { .. } => (),
        }
    }
    shown
}

#[track_caller]
fn every_call_has_one_outcome(transcript: &Transcript) {
    let mut owed: Vec<&str> = Vec::new();
    for entry in transcript.entries() {
        match entry {
            Entry::Reply(reply) => {
                assert!(owed.is_empty(), "{owed:?} got no outcome");
                owed = reply.calls.iter().map(|call| call.id.as_str()).collect();
            }
            Entry::Outcome { call_id, .. } => {
                assert_eq!(owed.first(), Some(&call_id.as_str()));
                owed.remove(0);
            }
            Entry::System { .. } | Entry::User { .. } => (),
        }
    }
}

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
            c00000001 Failed(Clipped("There is no tool `fly`. The tools are: read_file, search_files, list_files, create_file, apply_diff, run_command."))
            c00000002 read_file
            c00000002 Failed(Clipped("`read_file` did not run: it has no argument `file`, it has no argument `x`, `filename` is missing. Its arguments are read_file(filename, first_line?, lines?)."))
            c00000003 read_file
            c00000003 Failed(Clipped("There is no `b.txt`. Find files with `list_files`."))
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
            c00000001 Failed(Clipped("`a.txt` exists and you have not read it; nothing was written. Read it first, then change it with `apply_diff`, or replace it as a whole."))
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
        r#"run_command {"command": "ls"} && read_file {"filename": "a.txt"}"#,
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
            c00000002 Done(Clipped("`b.txt`, 1 line, no newline at the end:\n   1\tx\n"))
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
            c00000002 Done(Clipped("`b.txt`, 1 line, no newline at the end:\n   1\tx\n"))
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
        LimitReached(Context)
    "#]],
    );
    check(
        CASE,
        "Half an ans && (window full)",
        expect![[r#"
        model: Half an ans
        a.txt: "one\ntwo\n"
        LimitReached(Context)
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
            c00000001 Failed(Clipped("There is no `b.txt`. Find files with `list_files`."))
            c00000002 read_file
            c00000002 Failed(Clipped("There is no `b.txt`. Find files with `list_files`."))
            c00000003 read_file
            c00000003 Failed(Clipped("There is no `b.txt`. Find files with `list_files`.\n[This is time 3 that the same call gave the same result. Doing it again will not help: do something else, or finish and say what is in the way.]"))
            c00000004 read_file
            c00000004 Failed(Clipped("There is no `b.txt`. Find files with `list_files`.\n[This is time 4 that the same call gave the same result. Doing it again will not help: do something else, or finish and say what is in the way.]"))
            c00000005 read_file
            c00000005 Failed(Clipped("There is no `b.txt`. Find files with `list_files`."))
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
        Stuck("3 answers in a row were empty or cut short")
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
        user: Your answer was cut at the length limit. Go on, in smaller pieces.
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
            c00000001 Failed(Clipped("`create_file` did not run: its arguments cannot be read, they end in the middle; write less at once. Send the call again."))
            model: I will write less.
            a.txt: "one\ntwo\n"
            Answered
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
        error: the session could not be saved to /s.jsonl: no storage space
    "#]],
    );
}
