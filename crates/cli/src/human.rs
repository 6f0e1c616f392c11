//! The front end for a human: words as they stream, each call as a line with its result, diffs in colour.

use std::time::Instant;

use agent::{AgentEvent, Answer, ChatEvent, Frontend, Question, ToolCall, ToolOutcome};
use async_trait::async_trait;

use crate::account::{Account, diff};
use crate::ask::{self, Around};
use crate::harmless::one_line;
use crate::highlight;
use crate::pieces::Pieces;
use crate::screen::{Paint, Screen};
use crate::setup::mode_name;

pub(crate) struct Human {
    screen: Screen,
    pub(crate) account: Account,
    call_began: Instant,
    /// The words of this reply, held back off a terminal, where they are printed whole.
    words: String,
    pieces: Pieces,
    /// Bytes of the calls of this reply so far.
    writing: usize,
    /// What a question stands among.
    pub(crate) around: Around,
    /// Calls of this reply that began.
    called: usize,
}

/// Lines of a diff that are shown; the file has the rest.
const DIFF_LINES: usize = 60;
/// Minified code and data have lines that no screen holds.
const DIFF_BYTES: usize = 400;

impl Human {
    pub(crate) fn new(screen: Screen) -> Human {
        Human {
            screen,
            account: Account::default(),
            call_began: Instant::now(),
            words: String::new(),
            pieces: Pieces::default(),
            writing: 0,
            around: Around::default(),
            called: 0,
        }
    }

    fn waiting(&self) {
        let spent = &self.account.spent;
        // Both are the whole session's.
        let tokens = if spent.tokens() == 0 { String::new() } else { format!(", {} tokens so far", spent.tokens()) };
        self.screen.status(None);
        self.screen.status(Some(format!("step {}{tokens} · waiting for the model ·", spent.steps + 1)));
    }

    fn chat(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Text(text) if self.screen.is_terminal() => {
                if let Some(text) = self.pieces.text(text) {
                    self.screen.stream(&text);
                }
            }
            ChatEvent::Text(text) => self.words.push_str(text),
            ChatEvent::Writing { bytes } => {
                self.writing += bytes;
                self.screen.status(Some(format!("the model is writing a tool call, {} bytes ·", self.writing)));
            }
            // What a terminal shows already stays there.
            ChatEvent::TextWasThinking if self.screen.is_terminal() => {
                self.screen.line(Paint::Dim, "(the text above was thinking)");
            }
            ChatEvent::TextWasThinking => self.words.clear(),
            ChatEvent::Thinking(_) => self.screen.status(Some("the model is thinking ·".to_owned())),
            ChatEvent::Retrying { attempt, delay, why } => {
                self.account.retries += 1;
                self.pieces.forget();
                self.words.clear();
                let delay = delay.as_secs_f32();
                self.screen.line(Paint::Yellow, &format!("{why}; retrying in {delay:.1} s (attempt {attempt})"));
                self.waiting();
            }
            ChatEvent::Call(_) | ChatEvent::LeakedCall(_) | ChatEvent::Usage(_) | ChatEvent::Finish(_) => (),
        }
    }

    fn flush_words(&mut self) {
        let words = std::mem::take(&mut self.words);
        if !words.trim().is_empty() {
            self.screen.line(Paint::Plain, words.trim());
        }
    }

    fn call_ended(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        self.account.called(call, outcome);
        let took = self.call_began.elapsed();
        let took = if 1 <= took.as_secs() { format!(" ({:.1} s)", took.as_secs_f32()) } else { String::new() };
        let (mark, word, paint) = match outcome {
            ToolOutcome::Done(text) if failed_command(call, text.as_str()) => ("!", "done:", Paint::Yellow),
            ToolOutcome::Done(_) => ("✓", "done:", Paint::Green),
            ToolOutcome::Failed(_) => ("✗", "failed:", Paint::Red),
            ToolOutcome::Refused(_) => ("⊘", "refused:", Paint::Yellow),
            ToolOutcome::Cancelled | ToolOutcome::Interrupted => ("–", "cancelled:", Paint::Dim),
        };
        // Off a terminal the marks are as good: what reads them there is no screen reader.
        let mark = if self.screen.is_terminal() && !self.screen.is_moving() { word } else { mark };
        let width = self.screen.width();
        let line = format!("{mark} {}: {}{took}", title(call), gist(call, outcome));
        self.screen.line(paint, &one_line(&line, width));
    }

    fn diff(&self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(DIFF_LINES) {
            let paint = match highlight::diff(line) {
                // Among much else, what did not change stands back.
                Paint::Plain => Paint::Dim,
                paint => paint,
            };
            let (near, rest) = line.split_at(line.floor_char_boundary(DIFF_BYTES.min(line.len())));
            let more = if rest.is_empty() { "" } else { "…" };
            self.screen.line(paint, &format!("  {near}{more}"));
        }
        if DIFF_LINES < lines.len() {
            self.screen.line(Paint::Dim, &format!("  ... {} more lines", lines.len() - DIFF_LINES));
        }
    }
}

#[async_trait(?Send)]
impl Frontend for Human {
    fn show(&mut self, event: AgentEvent<'_>) {
        match event {
            AgentEvent::StepStarted { .. } => {
                self.pieces.forget();
                self.writing = 0;
                self.waiting();
            }
            AgentEvent::Chat(event) => self.chat(event),
            AgentEvent::Replied { spent, reply } => {
                self.account.spent = *spent;
                self.screen.status(None);
                if let [_, Some(text)] = self.pieces.rest() {
                    self.screen.stream(&text);
                }
                self.screen.end_stream();
                self.around.reason.clone_from(&reply.text);
                self.around.calls = reply.calls.iter().map(title).collect();
                self.called = 0;
                // The last words are the answer, which stdout gets.
                if reply.calls.is_empty() {
                    self.words.clear();
                }
                self.flush_words();
            }
            AgentEvent::CallStarted(call) => {
                self.call_began = Instant::now();
                self.around.at = self.called;
                self.called += 1;
                self.screen.status(None);
                self.screen.status(Some(format!("{} ·", title(call))));
            }
            AgentEvent::Wrote(changes) => {
                self.account.wrote(changes);
                for change in changes {
                    let path = change.path.to_string_lossy();
                    self.diff(&diff(&path, change.before.as_deref(), change.after.as_deref()));
                }
            }
            AgentEvent::CallEnded(call, outcome) => self.call_ended(call, outcome),
            AgentEvent::ModeChanged(mode) => self.screen.line(Paint::Dim, &format!("mode: {}", mode_name(mode))),
            AgentEvent::Notice(text) => self.screen.line(Paint::Yellow, text),
        }
    }

    async fn ask(&mut self, question: Question<'_>) -> Answer {
        let suspended = self.screen.suspend_input();
        let answer = ask::ask(question, &self.around, &self.screen).await;
        drop(suspended);
        // What was asked about goes on.
        self.screen.status(self.around.calls.get(self.around.at).map(|call| format!("{call} ·")));
        answer
    }

    fn take_message(&mut self) -> Option<String> {
        let words = self.screen.take_words();
        words.iter().for_each(|message| echo(&self.screen, message));
        (!words.is_empty()).then(|| words.join("\n\n"))
    }
}

/// What the human said, as it stays on the screen.
pub(crate) fn echo(screen: &Screen, message: &str) {
    screen.line(Paint::Cyan, &format!("\n> {}", message.replace('\n', "\n  ")));
}

/// The command ran, and did not end well.
fn failed_command(call: &ToolCall, text: &str) -> bool {
    let well = |line: &str| line == "[exit code 0]" || line.starts_with("[background command");
    call.name == "run_command" && !text.lines().rev().any(well)
}

/// A call in a few words: its name and what it is about.
pub(crate) fn title(call: &ToolCall) -> String {
    let about = ["command", "filename", "pattern", "path"].iter().find_map(|name| call.arguments.text(name));
    match about {
        Some(about) => format!("{} {about}", call.name),
        None => call.name.clone(),
    }
}

/// The line of an outcome that says most: the exit code of a command, else the first.
pub(crate) fn gist(call: &ToolCall, outcome: &ToolOutcome) -> String {
    let text = outcome.text();
    let last = text.lines().rev().find(|line| line.starts_with('['));
    match (call.name.as_str(), last) {
        ("run_command" | "read_output" | "stop_command", Some(last)) => last.trim_matches(['[', ']']).to_owned(),
        ("search_files", _) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            text.lines().next().unwrap_or_default().split(". ").next().unwrap_or_default().to_owned()
        }
        ("search_files" | "list_files" | "repo_map", _)
            if matches!(outcome, ToolOutcome::Done(_)) && !text.starts_with("No ") =>
        {
            format!("{} lines", text.lines().count())
        }
        (_, _) => text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned(),
    }
}
