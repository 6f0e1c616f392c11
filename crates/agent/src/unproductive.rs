//! Counts replies in a row that bring the work no further: empty, cut short, thoughts without a reply, calls that lost
//! their form. Such a reply is answered and asked for again; a model that gives no other is stuck.

use crate::agent_loop::{Agent, Finish};
use crate::draft::{Draft, NO_REPLY};
use crate::frontend::AgentEvent;
use crate::limits::Limit;
use crate::transcript::Transcript;

/// So many in a row, and the model counts as stuck.
const MOST: u32 = 3;

#[derive(Debug, Default)]
pub(crate) struct Unproductive(u32);

impl Unproductive {
    /// One more, of this kind ([`Draft::shortcoming`]). `Some` ends the run.
    pub(crate) fn count(&mut self, kind: &str) -> Option<Finish> {
        self.0 += 1;
        (self.0 == MOST).then(|| Finish::Stuck(format!("{MOST} replies in a row {kind}")))
    }

    /// A reply of which nothing can be recorded: the API refuses an empty assistant message (MISTRAL.md 1.4). `Some` ends
    /// the run.
    pub(crate) fn empty(
        &mut self,
        draft: &Draft,
        limit: Option<Limit>,
        agent: &mut Agent<'_>,
        transcript: &mut Transcript,
    ) -> Option<Finish> {
        let end = limit.map(Finish::LimitReached).or_else(|| draft.declined().map(Finish::Declined));
        if end.is_some() || agent.cancel.is_set() {
            return end;
        }
        let stuck = self.count(draft.shortcoming());
        if stuck.is_none() && draft.thinking.trim().is_empty() {
            agent.frontend.show(AgentEvent::Notice("the model sent an empty reply; retrying"));
        } else if stuck.is_none() {
            agent.frontend.show(AgentEvent::Notice("the model thought but did not reply; asking for its reply"));
            transcript.push_user(NO_REPLY.to_owned());
        }
        stuck
    }
}
