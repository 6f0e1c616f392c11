//! What the human does with a conversation by hand: a turn of its own, an undo, a look at what changed.

use agent::Cancel;

use super::Conversation;
use crate::diff;
use crate::undo::{self, Report, Wanted};

impl Conversation {
    /// From here on `cancel` stops it, and the limit of steps counts anew; tokens and cost are the whole session's.
    pub(crate) fn begin_turn(&mut self, cancel: Cancel) {
        self.cancel = cancel;
        self.uncounted_steps = self.spent.steps;
    }

    /// Takes back what was done to the files, or (without `wanted`) the last undo: what to show, what to tell the model.
    pub(crate) fn undo(&mut self, wanted: Option<&Wanted>) -> anyhow::Result<(Report, String)> {
        undo::in_conversation(&self.watched, &mut self.session, wanted)
    }

    /// What it did to the files so far.
    pub(crate) fn diff(&self) -> anyhow::Result<String> {
        diff::in_conversation(&self.watched, &self.session)
    }

    /// The model, its window where it is known, and about how much of it the next request takes.
    pub(crate) fn window(&self) -> (&str, Option<u64>, u64) {
        let specs: Vec<agent::ToolSpec> = self.connected.tools().iter().map(|tool| tool.spec()).collect();
        let used = self.transcript.as_ref().map_or(0, |transcript| transcript.estimated_tokens(&specs));
        (&self.connected.model, self.connected.context_tokens, used)
    }
}
