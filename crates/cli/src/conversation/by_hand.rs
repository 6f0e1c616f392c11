//! What the human does with a conversation by hand: a turn of its own, an undo, a look at what changed.

use std::time::Duration;

use agent::{AgentError, AgentEvent, Cancel, Finish, Ran, SandboxError};
use anyhow::Context as _;
use session::{Resumed, Session};

use super::Conversation;
use super::opening::served;
use crate::config::Config;
use crate::connect::Connected;
use crate::undo::{self, Report, Wanted};
use crate::{diff, effort, summary};

impl Conversation {
    /// From here on `cancel` stops it, and the limit of steps counts anew; tokens and cost are the whole session's.
    pub(crate) fn begin_turn(&mut self, cancel: Cancel) {
        self.cancel = cancel;
        self.uncounted_steps = self.spent.steps;
    }

    /// Another model from the next turn on, which the session file is told.
    pub(crate) fn connect_to(&mut self, config: Config, connected: Connected) -> anyhow::Result<()> {
        self.session.note(&Resumed::new(served(&connected))).context("cannot record this in the session")?;
        (self.config, self.connected) = (config, connected);
        for notice in &self.connected.notices {
            self.face.frontend().show(AgentEvent::Notice(notice));
        }
        Ok(())
    }

    /// Takes back what was done to the files, or (without `wanted`) the last undo: what to show, what to tell the model.
    pub(crate) fn undo(&mut self, wanted: Option<&Wanted>) -> anyhow::Result<(Report, String)> {
        undo::in_conversation(&self.watched, &mut self.session, wanted)
    }

    /// Runs a command of the human's in the same fence. What it changes is followed like what the model does: it belongs
    /// to the step before it.
    pub(crate) async fn run_by_hand(
        &mut self,
        command: &str,
        timeout: Duration,
        cancel: &Cancel,
    ) -> Result<Ran, SandboxError> {
        let ran = agent::run_by_hand(&self.watched, command, timeout, cancel).await;
        self.show_watched();
        ran
    }

    /// The human leaves. How the last turn ended stands in the session file; they have seen it.
    pub(crate) async fn leave(mut self, finish: Result<Finish, AgentError>) {
        // A turn that was left in the middle has not handed back what it spent, and its replies are in the file.
        if self.transcript.is_none()
            && let Ok(session) = Session::read(self.session.path())
        {
            self.spent = session.spent();
        }
        let ended = self.end(finish).await;
        summary::say_figures(&self.screen, &ended);
    }

    /// What it did to the files so far.
    pub(crate) fn diff(&self) -> anyhow::Result<String> {
        diff::in_conversation(&self.watched, &self.session)
    }

    /// What its requests ask for, for `/effort`.
    pub(crate) fn effort(&self) -> String {
        effort::describe(self.connected.effort, self.connected.profile, &self.connected.model)
    }

    /// The model, its window where it is known, and about how much of it the next request takes.
    pub(crate) fn window(&self) -> (&str, Option<u64>, u64) {
        let specs: Vec<agent::ToolSpec> = self.connected.tools().iter().map(|tool| tool.spec()).collect();
        let used = self
            .transcript
            .as_ref()
            .map_or(0, |transcript| transcript.estimated_tokens(&specs, self.connected.profile.thoughts));
        (&self.connected.model, self.connected.context_tokens, used)
    }
}
