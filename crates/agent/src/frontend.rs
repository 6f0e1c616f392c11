//! The human's side: what they are shown, asked, and may say meanwhile.

use std::path::Path;

use async_trait::async_trait;

use crate::chat::{ChatEvent, Reply};
use crate::effect::{Change, Effect};
use crate::limits::Spent;
use crate::policy::{Mode, Offer};
use crate::tool::{ToolCall, ToolOutcome};

#[async_trait(?Send)]
pub trait Frontend {
    fn show(&mut self, event: AgentEvent<'_>);

    /// Asks about one effect. A frontend with no human answers [`Answer::No`] or [`Answer::Nobody`].
    async fn ask(&mut self, question: Question<'_>) -> Answer;

    /// What the human typed since the last step, if anything.
    fn take_message(&mut self) -> Option<String> {
        None
    }
}

/// One effect that needs the human.
#[derive(Debug)]
pub struct Question<'a> {
    pub effect: &'a Effect,
    /// The workspace: commands run there, and paths start there.
    pub root: &'a Path,
    /// Why it is not simply done.
    pub why: &'a str,
    /// What [`Answer::Session`] would cover; nothing more than this one where it is `None`.
    pub offer: Option<&'a Offer>,
}

#[derive(Debug)]
pub enum AgentEvent<'a> {
    /// Step `step` (from 1) begins: a request goes out.
    StepStarted {
        step: u32,
    },
    Chat(&'a ChatEvent),
    /// The reply is whole and recorded.
    Replied {
        reply: &'a Reply,
        spent: &'a Spent,
    },
    CallStarted(&'a ToolCall),
    /// Files were written, for the human's diff.
    Wrote(&'a [Change]),
    CallEnded(&'a ToolCall, &'a ToolOutcome),
    /// The human changed the mode since the last step.
    ModeChanged(Mode),
    /// Something the human should know that is nobody's turn: an empty answer, a nudge.
    Notice(&'a str),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Once,
    Session,
    /// This is to be done instead: the human changed it. The model is told how.
    Edited(Effect),
    /// Refused, with what the human wants the model to know.
    No(String),
    /// Refused, and the run should stop.
    Quit,
    /// An approval was needed and there is nobody to give it: the run cannot go on.
    Nobody,
}
