//! What `agent ci` needs of a conversation beside its turns. No second loop: the same agent, door and limits.

use std::time::Duration;

use agent::{Agent, AgentError, AgentEvent, ChatError, Finish, Mode, Ran, ToolError};

use super::{Conversation, Face};
use crate::events::{Ended, What};

impl Conversation {
    /// One question beside the conversation, without tools, within the limits.
    pub(crate) async fn ask_aside(
        &mut self,
        opening: &str,
        text: String,
        max_output: u64,
    ) -> Result<Option<String>, ChatError> {
        let mut agent = self.agent();
        let answer = agent::ask_aside(&mut agent, opening, text, max_output).await;
        let Agent { policy, spent, seen, .. } = agent;
        (self.policy, self.spent, self.seen) = (policy, spent, seen);
        answer
    }

    /// Runs a command of the user's, in the fence. What it changes is not the model's doing, so it is not followed.
    pub(crate) async fn check(&mut self, command: &str, timeout: Duration) -> Result<Ran, ToolError> {
        let host = std::rc::Rc::clone(&self.host);
        let mut agent = Agent { sandbox: host.as_ref(), ..self.agent() };
        let ran = agent.workspace().run(command, timeout).await;
        let Agent { policy, seen, .. } = agent;
        (self.policy, self.seen) = (policy, seen);
        ran
    }

    /// Ends what the model left running: nothing changes the files from here until the next turn.
    pub(crate) async fn quiet(&mut self) {
        self.host.close().await;
    }

    pub(crate) fn notice(&mut self, text: &str) {
        self.face.frontend().show(AgentEvent::Notice(text));
    }

    /// The model's last words.
    pub(crate) fn last_words(&self) -> String {
        self.transcript.as_ref().map(|transcript| transcript.last_text().trim().to_owned()).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.session.path().file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The model, and the reason for it.
    pub(crate) fn named(&self) -> String {
        self.connected.named()
    }

    pub(crate) fn model(&self) -> &str {
        &self.connected.model
    }

    /// Whether commands are fenced and nobody is asked.
    pub(crate) fn is_safe(&self) -> bool {
        self.fenced && self.policy.mode() == Mode::Auto
    }

    /// The end, without the summary for a human at the terminal.
    pub(crate) async fn end_quietly(&mut self, finish: Result<Finish, AgentError>) -> Ended {
        let ended = self.end(finish).await;
        // They are named in the result, and what they were in is removed too.
        self.host.discard_planted();
        if let Face::Machine(machine) = &self.face {
            machine.print(What::RunEnded(ended.clone()));
        }
        ended
    }
}
