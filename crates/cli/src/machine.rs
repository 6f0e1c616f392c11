//! The front end for programs: JSON events on stdout, one a line. With `--input jsonl` the program is asked.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use agent::{AgentEvent, Answer, Change, ChatEvent, Effect, Frontend, Question};
use async_trait::async_trait;

use crate::account::{Account, describe, diff};
use crate::events::{self, Event, FileDiff, Requested, Totals, What};
use crate::input::{Inbox, Session};
use crate::out;
use crate::pieces::Pieces;
use crate::setup::mode_name;

pub(crate) struct Machine {
    printer: Arc<Printer>,
    /// Where approvals and messages come from, if from anywhere.
    pub(crate) inbox: Option<Inbox>,
    asked: u32,
    pieces: Pieces,
    /// The model's words of this reply.
    words: String,
    pub(crate) account: Account,
}

/// Writes events; shared with the thread that reads what a program says.
pub(crate) struct Printer {
    session: String,
    step: AtomicU32,
    /// `json` prints only the end.
    only_the_end: bool,
}

impl Machine {
    pub(crate) fn new(session: String, only_the_end: bool) -> Machine {
        let printer = Arc::new(Printer { session, step: AtomicU32::new(0), only_the_end });
        Machine {
            printer,
            inbox: None,
            asked: 0,
            pieces: Pieces::default(),
            words: String::new(),
            account: Account::default(),
        }
    }

    pub(crate) fn print(&self, what: What<'_>) {
        self.printer.print(what);
    }

    fn say(&self, thinking: Option<String>, text: Option<String>) {
        if let Some(text) = &thinking {
            self.print(What::Thinking { text });
        }
        if let Some(text) = &text {
            self.print(What::Text { text });
        }
    }

    pub(crate) fn printer(&self) -> Arc<Printer> {
        self.printer.clone()
    }
}

impl Printer {
    pub(crate) fn print(&self, what: What<'_>) {
        if self.only_the_end {
            if let What::RunEnded(ended) = what {
                write_line(&ended);
            }
            return;
        }
        let at = format!("{:.3}", jiff::Timestamp::now());
        write_line(&Event { session: &self.session, step: self.step.load(Ordering::Relaxed), at, what });
    }
}

fn write_line(line: &impl serde::Serialize) {
    let Ok(mut text) = serde_json::to_string(line) else { return };
    text.push('\n');
    let mut stdout = out::stdout();
    // A reader that went away does not stop the work; the session file has everything.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[async_trait(?Send)]
impl Frontend for Machine {
    fn show(&mut self, event: AgentEvent<'_>) {
        match event {
            AgentEvent::StepStarted { step } => {
                self.printer.step.store(step, Ordering::Relaxed);
                self.pieces.forget();
                self.print(What::StepStarted);
            }
            AgentEvent::Chat(ChatEvent::Text(text)) => {
                let text = self.pieces.text(text);
                self.say(None, text);
            }
            AgentEvent::Chat(ChatEvent::TextWasThinking) => {
                let [thinking, text] = self.pieces.rest();
                self.say(thinking, text);
                self.print(What::TextWasThinking);
            }
            AgentEvent::Chat(ChatEvent::Thinking(text)) => {
                let thinking = self.pieces.thinking(text);
                self.say(thinking, None);
            }
            AgentEvent::Chat(ChatEvent::Retrying { attempt, delay, why }) => {
                self.account.retries += 1;
                self.pieces.forget();
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                self.print(What::Retrying { attempt: *attempt, delay_ms, why });
            }
            AgentEvent::Chat(
                ChatEvent::Writing { .. }
                | ChatEvent::Call(_)
                | ChatEvent::LeakedCall(_)
                | ChatEvent::Usage(_)
                | ChatEvent::Finish(_),
            ) => (),
            AgentEvent::Replied { spent, reply } => {
                let [thinking, text] = self.pieces.rest();
                self.say(thinking, text);
                self.words.clone_from(&reply.text);
                self.account.spent = *spent;
                self.print(What::Usage(Totals::from(spent)));
            }
            AgentEvent::CallStarted(call) => {
                let arguments = events::arguments(&call.arguments);
                self.print(What::ToolCall { id: &call.id, name: &call.name, arguments });
            }
            AgentEvent::Wrote(changes) => {
                self.account.wrote(changes);
                self.print(What::FilesChanged { files: file_diffs(changes) });
            }
            AgentEvent::CallEnded(call, outcome) => {
                self.account.called(call, outcome);
                let text = outcome.text();
                self.print(What::ToolResult {
                    id: &call.id,
                    name: &call.name,
                    outcome: events::outcome(outcome),
                    text,
                });
            }
            AgentEvent::ModeChanged(mode) => self.print(What::ModeChanged { mode: mode_name(mode) }),
            AgentEvent::Notice(text) => self.print(What::Notice { text }),
        }
    }

    async fn ask(&mut self, question: Question<'_>) -> Answer {
        self.asked += 1;
        let id = format!("approval-{}", self.asked);
        let timeout = self.inbox.as_ref().map(|inbox| inbox.timeout);
        if let Some(inbox) = &mut self.inbox {
            inbox.drop_early(&self.printer);
        }
        self.print(What::ApprovalRequested {
            id: &id,
            effect: requested(&question),
            why: question.why,
            offer: question.offer.map(ToString::to_string),
            reason: &self.words,
            deadline: timeout.map(|timeout| format!("{:.3}", jiff::Timestamp::now() + timeout)),
        });
        let may = if question.offer.is_some() { Session::Offered } else { Session::NotOffered };
        let answer = match &mut self.inbox {
            Some(inbox) => inbox.answer(&self.printer, &id, question.effect, may).await,
            None => None,
        };
        let answer = answer.unwrap_or(Answer::Nobody);
        self.print(What::ApprovalEnded { id: &id, answer: events::answer(&answer) });
        answer
    }

    fn take_message(&mut self) -> Option<String> {
        self.inbox.as_mut()?.take_messages()
    }
}

fn requested(question: &Question<'_>) -> Requested {
    match question.effect {
        Effect::Run { command, timeout } => Requested::Run {
            command: command.clone(),
            cwd: question.root.display().to_string(),
            timeout_seconds: timeout.as_secs(),
        },
        Effect::Write { changes } => Requested::Write { files: file_diffs(changes) },
        Effect::Start { command } => {
            Requested::Start { command: command.clone(), cwd: question.root.display().to_string() }
        }
        look @ (Effect::Read { .. }
        | Effect::List { .. }
        | Effect::Search { .. }
        | Effect::Map { .. }
        | Effect::ReadOutput { .. }
        | Effect::Stop { .. }) => Requested::Look { text: crate::ask::describe(look) },
    }
}

fn file_diffs(changes: &[Change]) -> Vec<FileDiff> {
    let diffs = changes.iter().filter_map(|change| {
        let path = change.path.to_string_lossy();
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        let file = describe(&path, before, after)?;
        Some(FileDiff { file, diff: diff(&path, before, after) })
    });
    diffs.collect()
}
