//! One request to the model and its whole reply, within the limits.

use futures_util::StreamExt as _;

use crate::agent_loop::Agent;
use crate::chat::{ChatError, ChatEvent, ChatRequest, Thoughts};
use crate::draft::Draft;
use crate::frontend::AgentEvent;
use crate::limits::Limit;
use crate::tool::ToolSpec;
use crate::transcript::Entry;

pub(crate) struct Question<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) generation: u64,
    pub(crate) specs: &'a [ToolSpec],
    /// About its tokens.
    pub(crate) input: u64,
    /// How often the task was begun anew.
    pub(crate) fresh_starts: u32,
    /// The most tokens of the reply, beside what the limits say.
    pub(crate) max_output: Option<u64>,
    pub(crate) audience: Audience,
}

/// One question beside the conversation, without tools: it is in no transcript, and counts for the limits. `None` where
/// nothing came of it: a limit, a cancel, an empty answer.
pub async fn ask_aside(
    agent: &mut Agent<'_>,
    opening: &str,
    text: String,
    max_output: u64,
) -> Result<Option<String>, ChatError> {
    let entries = [Entry::System { text: opening.to_owned() }, Entry::User { text }];
    let question = Question {
        entries: &entries,
        // No conversation has it, so nothing that a provider kept of one is taken for the beginning of this.
        generation: u64::MAX,
        specs: &[],
        input: entries.iter().map(|entry| entry.estimated_tokens(agent.thoughts)).sum(),
        fresh_starts: 0,
        max_output: Some(max_output + room_to_think(agent.thoughts)),
        audience: Audience::Nobody,
    };
    let (draft, limit) = ask_model(agent, question).await?;
    let text = draft.text.trim();
    Ok((limit.is_none() && !agent.cancel.is_set() && !text.is_empty()).then(|| text.to_owned()))
}

/// Tokens beside those of a bounded answer: what a model thinks counts for its bound too, and comes first.
pub(crate) fn room_to_think(thoughts: Thoughts) -> u64 {
    match thoughts {
        Thoughts::SentBack => 16_000,
        Thoughts::Dropped => 0,
    }
}

/// Whether the human sees the reply as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Human,
    /// Only that an attempt failed is shown.
    Nobody,
}

/// Sends it and gathers one whole reply, or what came of it before a cancel or
/// a limit stopped it. A broken stream leaves no trace.
pub(crate) async fn ask_model(
    agent: &mut Agent<'_>,
    question: Question<'_>,
) -> Result<(Draft, Option<Limit>), ChatError> {
    let Question { entries, generation, specs: tools, input, fresh_starts, max_output, audience } = question;
    if let Some(limit) = agent.limits.before_request(&agent.spent, agent.price, input) {
        return Ok((Draft::default(), Some(limit)));
    }
    agent.spent.steps += 1;
    agent.frontend.show(AgentEvent::StepStarted { step: agent.spent.steps });
    let room = agent.limits.room_for_reply(&agent.spent, agent.price, input);
    let max_output_tokens = [room, max_output].into_iter().flatten().min();
    let mut stream = agent.client.send(ChatRequest { entries, generation, tools, fresh_starts, max_output_tokens });
    let mut draft = Draft::default();
    let mut limit = None;
    while limit.is_none() {
        let event = tokio::select! {
            biased;
            () = agent.cancel.wait() => break,
            event = stream.next() => event,
        };
        let Some(event) = event else { break };
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                agent.spent.add(draft.counted(), agent.price);
                return Err(error);
            }
        };
        if audience == Audience::Human || matches!(event, ChatEvent::Retrying { .. }) {
            agent.frontend.show(AgentEvent::Chat(&event));
        }
        draft.add(event);
        limit = agent.limits.during_reply(&agent.spent, agent.price, draft.usage_so_far(input));
    }
    agent.spent.estimated |= draft.usage.is_none();
    agent.spent.add(draft.usage_so_far(input), agent.price);
    Ok((draft, limit))
}
