//! What a program says on stdin with `--input jsonl`: answers to approvals, messages, the mode, and a cancel.
//!
//! A thread reads it, so that a cancel or a mode counts at once. A line that is not understood is answered with an
//! event and never ends the run; the end of stdin means that nobody answers any more.

use std::collections::VecDeque;
use std::io::{self, BufRead as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::{Answer, Cancel, Change, Effect, Mode, ModeSwitch, Stop};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::events::What;
use crate::machine::Printer;

/// One line of `--input jsonl`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Input {
    /// Answers an `approval_requested`.
    Approval(Approval),
    /// Something for the model, delivered before the next request.
    Message { text: String },
    /// Applies from the next effect on.
    Mode { mode: ModeWord },
    /// Like Ctrl-C: stops the step and keeps its changes.
    Cancel {},
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// The id of the `approval_requested`.
    id: String,
    answer: Word,
    /// With `no`: what the model should know.
    reason: Option<String>,
    /// With `edit`: the command to run instead.
    command: Option<String>,
    /// With `edit`: the files to write with different text; files not listed are written as requested.
    files: Option<Vec<NewText>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    Once,
    /// What `offer` describes; refused if there was none.
    Session,
    Edit,
    No,
    /// No, and end the run.
    Quit,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    path: String,
    /// The file's full new text.
    text: String,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModeWord {
    ReadOnly,
    Confirm,
    AcceptEdits,
    Auto,
}

/// What the reading thread has brought.
pub(crate) struct Inbox {
    approvals: UnboundedReceiver<Approval>,
    messages: Arc<Mutex<VecDeque<String>>>,
    pub(crate) timeout: Duration,
}

impl Inbox {
    pub(crate) fn open(printer: Arc<Printer>, cancel: Cancel, mode: ModeSwitch, timeout: Duration) -> Inbox {
        let (sender, approvals) = unbounded_channel();
        let messages = Arc::<Mutex<VecDeque<String>>>::default();
        let inbox = Inbox { approvals, messages: messages.clone(), timeout };
        // It ends with stdin or with the program.
        std::thread::spawn(move || read(&printer, &cancel, &mode, &messages, &sender));
        inbox
    }

    pub(crate) fn take_messages(&mut self) -> Option<String> {
        let messages: Vec<String> = self.messages.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        (!messages.is_empty()).then(|| messages.join("\n\n"))
    }

    /// Waits for the answer to this request. `None`: nobody is there, or not in time.
    pub(crate) async fn answer(
        &mut self,
        printer: &Printer,
        id: &str,
        effect: &Effect,
        may: Session,
    ) -> Option<Answer> {
        let late = tokio::time::sleep(self.timeout);
        tokio::pin!(late);
        loop {
            let approval = tokio::select! {
                approval = self.approvals.recv() => approval?,
                () = &mut late => return None,
            };
            match answer(approval, id, effect, may) {
                Ok(answer) => return Some(answer),
                Err(error) => printer.print(What::InputError { error: &error }),
            }
        }
    }

    /// Answers that came before their question answer nothing.
    pub(crate) fn drop_early(&mut self, printer: &Printer) {
        while let Ok(approval) = self.approvals.try_recv() {
            printer.print(What::InputError { error: &not_waiting(&approval.id) });
        }
    }
}

/// Whether "for the session" was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    Offered,
    NotOffered,
}

fn read(
    printer: &Printer,
    cancel: &Cancel,
    mode: &ModeSwitch,
    messages: &Mutex<VecDeque<String>>,
    approvals: &UnboundedSender<Approval>,
) {
    for line in io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return };
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(Input::Approval(approval)) => {
                // Nobody waits for one after the end of the run.
                let _ = approvals.send(approval);
            }
            Ok(Input::Message { text }) => {
                messages.lock().unwrap_or_else(PoisonError::into_inner).push_back(text);
            }
            Ok(Input::Mode { mode: word }) => mode.set(Mode::from(word)),
            Ok(Input::Cancel {}) => cancel.stop(Stop::Human),
            Err(error) => printer.print(What::InputError { error: &format!("invalid line: {error}") }),
        }
    }
}

fn not_waiting(id: &str) -> String {
    format!("no approval `{id}` is waiting")
}

fn answer(approval: Approval, id: &str, effect: &Effect, may: Session) -> Result<Answer, String> {
    if approval.id != id {
        return Err(not_waiting(&approval.id));
    }
    let edit = approval.command.is_some() || approval.files.is_some();
    match approval.answer {
        Word::Once | Word::Session | Word::No | Word::Quit if edit => {
            Err("`command` and `files` need the answer `edit`; the approval is still waiting".to_owned())
        }
        Word::Once => Ok(Answer::Once),
        Word::Session if may == Session::NotOffered => {
            Err("this approval has no answer for the whole session; it is still waiting".to_owned())
        }
        Word::Session => Ok(Answer::Session),
        Word::No => Ok(Answer::No(approval.reason.unwrap_or_default())),
        Word::Quit => Ok(Answer::Quit),
        Word::Edit => edited(approval, effect).map(Answer::Edited),
    }
}

fn edited(approval: Approval, effect: &Effect) -> Result<Effect, String> {
    match (effect, approval.command, approval.files) {
        (Effect::Run { timeout, .. }, Some(command), None) if !command.trim().is_empty() => {
            Ok(Effect::Run { command, timeout: *timeout })
        }
        (Effect::Start { .. }, Some(command), None) if !command.trim().is_empty() => Ok(Effect::Start { command }),
        (Effect::Write { changes }, None, Some(files)) => {
            let mut changes: Vec<Change> = changes.clone();
            for file in files {
                let change = changes.iter_mut().find(|change| change.path.to_string_lossy() == file.path);
                match change.filter(|change| change.after.is_some()) {
                    Some(change) => change.after = Some(file.text.into_bytes()),
                    None => {
                        return Err(format!("the call does not write `{}`; the approval is still waiting", file.path));
                    }
                }
            }
            Ok(Effect::Write { changes })
        }
        (Effect::Run { .. } | Effect::Start { .. }, ..) => {
            Err("`edit` of a command needs `command`; the approval is still waiting".to_owned())
        }
        (_, _, _) => Err("`edit` of files needs `files`; the approval is still waiting".to_owned()),
    }
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Mode {
        match word {
            ModeWord::ReadOnly => Mode::ReadOnly,
            ModeWord::Confirm => Mode::Confirm,
            ModeWord::AcceptEdits => Mode::AcceptEdits,
            ModeWord::Auto => Mode::Auto,
        }
    }
}

/// The JSON schema of [`Input`].
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Input).to_value()
}
