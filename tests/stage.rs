//! The loop against a scripted model and files in memory: the case, and what came of it as text.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use agent::{
    Agent, AgentEvent, Answer, ApprovalPolicy, Cancel, ChatEvent, Entry, FinishReason, Frontend, Journal, JournalError,
    Limits, Mode, ModeSwitch, Price, Question, RawCall, SeenFiles, Spent, Stop, Supervision, Transcript, Usage,
    run_task,
};
use async_trait::async_trait;
use expect_test::Expect;
use providers::Scripted;
use sandbox::{Memory, ran};

/// Says no to everything, stops the run at the `stop_at`th call, and changes the mode at the `switch_at`th.
#[derive(Default)]
struct Absent {
    stop_at: Option<(usize, Cancel)>,
    switch_at: Option<(usize, Mode, ModeSwitch)>,
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
            if let Some((at, mode, switch)) = &self.switch_at
                && *at == self.calls
            {
                switch.set(*mode);
            }
        }
    }

    async fn ask(&mut self, _: Question<'_>) -> Answer {
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

pub(crate) struct Case {
    pub(crate) mode: Mode,
    pub(crate) files: &'static [(&'static str, &'static str)],
    pub(crate) limits: Limits,
    pub(crate) stop_at: Option<usize>,
    pub(crate) switch_at: Option<(usize, Mode)>,
    pub(crate) answer: Option<Answer>,
    pub(crate) room: Option<usize>,
    pub(crate) supervision: Supervision,
    /// The exit codes of the commands, in order; then no program is there.
    pub(crate) exits: &'static [i32],
}

pub(crate) const CASE: Case = Case {
    mode: Mode::Auto,
    files: &[("a.txt", "one\ntwo\n")],
    limits: Limits { steps: Some(9), tokens: None, cost_usd: None, context_tokens: None },
    stop_at: None,
    switch_at: None,
    answer: None,
    room: None,
    supervision: Supervision::Light,
    exits: &[],
};

/// One reply a line: text, with `⏎` for a line end, or `tool {json}` for a call; several parts are divided by ` && `.
#[track_caller]
pub(crate) fn check(case: Case, script: &str, expected: Expect) {
    let client = Scripted::new(script.trim().lines().map(reply));
    let exits = Cell::new(case.exits.iter());
    let memory = Memory::new(case.files.iter().copied()).on_command(move |_, _| {
        let mut left = exits.take();
        let code = left.next();
        exits.set(left);
        code.map_or_else(|| ran(127, "bash: command not found\n"), |code| ran(*code, "It ran.\n"))
    });
    let cancel = Cancel::default();
    let policy = ApprovalPolicy::new(case.mode);
    let mut frontend = Absent {
        stop_at: case.stop_at.map(|at| (at, cancel.clone())),
        switch_at: case.switch_at.map(|(at, mode)| (at, mode, policy.mode_switch())),
        answer: case.answer,
        ..Absent::default()
    };
    let mut transcript = Transcript::new("system".to_owned(), "task".to_owned());
    let mut agent = Agent {
        client: &client,
        tools: tools::TOOLS,
        sandbox: &memory,
        frontend: &mut frontend,
        journal: &mut Paper { room: case.room, ..Paper::default() },
        policy,
        root: "/w".into(),
        limits: case.limits,
        supervision: case.supervision,
        thoughts: agent::Thoughts::Dropped,
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
        if !events.iter().any(|event| matches!(event, ChatEvent::Usage(_))) {
            events.push(ChatEvent::Usage(Usage { input: 1_000, cached: 0, output: 10 }));
        }
        events.push(ChatEvent::Finish(FinishReason::Stop));
    }
    events
}

fn part(text: &str) -> ChatEvent {
    match text.split_once(' ') {
        _ if text == "(nothing)" => ChatEvent::Text(String::new()),
        _ if text == "(again)" => ChatEvent::Retrying { attempt: 2, delay: Duration::ZERO, why: "cut".to_owned() },
        _ if text == "(cut)" => ChatEvent::Finish(FinishReason::Length),
        _ if text == "(over and over)" => ChatEvent::Finish(FinishReason::Repetition),
        _ if text == "(window full)" => ChatEvent::Finish(FinishReason::ContextFull),
        Some(("(usage", input)) => {
            let input = input.trim_end_matches(')').parse().unwrap();
            ChatEvent::Usage(Usage { input, cached: 0, output: 10 })
        }
        Some((name, arguments)) if arguments.starts_with(['{', '[']) => {
            ChatEvent::Call(RawCall { name: name.to_owned(), arguments: arguments.to_owned() })
        }
        Some(_) | None => ChatEvent::Text(text.replace('⏎', "\n")),
    }
}

fn render(transcript: &Transcript) -> String {
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
            Entry::Compaction { text, .. } => shown += &format!("condensed: {text}\n"),
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
            Entry::System { .. } | Entry::User { .. } | Entry::Compaction { .. } => (),
        }
    }
}
