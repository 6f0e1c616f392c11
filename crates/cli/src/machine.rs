//! The front end for programs: JSON events on stdout, one a line. Nobody can be asked.

use std::io::{self, Write as _};

use agent::{AgentEvent, Answer, ChatEvent, Frontend, Question};
use async_trait::async_trait;

use crate::account::{Account, describe, diff};
use crate::events::{self, Event, FileDiff, Totals, What};
use crate::setup::mode_name;

pub(crate) struct Machine {
    session: String,
    step: u32,
    /// `json` prints only the end.
    only_the_end: bool,
    pub(crate) account: Account,
}

impl Machine {
    pub(crate) fn new(session: String, only_the_end: bool) -> Machine {
        Machine { session, step: 0, only_the_end, account: Account::default() }
    }

    pub(crate) fn print(&self, what: What<'_>) {
        if self.only_the_end {
            if let What::RunEnded(ended) = what {
                write_line(&ended);
            }
            return;
        }
        let at = format!("{:.3}", jiff::Timestamp::now());
        write_line(&Event { session: &self.session, step: self.step, at, what });
    }
}

fn write_line(line: &impl serde::Serialize) {
    let Ok(mut bytes) = serde_json::to_vec(line) else { return };
    bytes.push(b'\n');
    let mut stdout = io::stdout().lock();
    // A reader that went away does not stop the work; the session file has everything.
    let _ = stdout.write_all(&bytes).and_then(|()| stdout.flush());
}

#[async_trait(?Send)]
impl Frontend for Machine {
    fn show(&mut self, event: AgentEvent<'_>) {
        match event {
            AgentEvent::StepStarted { step } => {
                self.step = step;
                self.print(What::StepStarted);
            }
            AgentEvent::Chat(ChatEvent::Text(text)) => self.print(What::Text { text }),
            AgentEvent::Chat(ChatEvent::Thinking(text)) => self.print(What::Thinking { text }),
            AgentEvent::Chat(ChatEvent::Retrying { attempt, delay, why }) => {
                self.account.retries += 1;
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                self.print(What::Retrying { attempt: *attempt, delay_ms, why });
            }
            AgentEvent::Chat(
                ChatEvent::Writing { .. } | ChatEvent::Call(_) | ChatEvent::Usage(_) | ChatEvent::Finish(_),
            ) => (),
            AgentEvent::Replied { spent, .. } => {
                self.account.spent = *spent;
                self.print(What::Usage(Totals::from(spent)));
            }
            AgentEvent::CallStarted(call) => {
                let arguments = events::arguments(&call.arguments);
                self.print(What::ToolCall { id: &call.id, name: &call.name, arguments });
            }
            AgentEvent::Wrote(changes) => {
                self.account.wrote(changes);
                let files = changes.iter().filter_map(|change| {
                    let path = change.path.to_string_lossy();
                    let (before, after) = (change.before.as_deref(), change.after.as_deref());
                    let file = describe(&path, before, after)?;
                    Some(FileDiff { file, diff: diff(&path, before, after) })
                });
                self.print(What::FilesChanged { files: files.collect() });
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
        self.print(What::ApprovalNeeded { effect: crate::ask::describe(question.effect) });
        Answer::Nobody
    }
}
