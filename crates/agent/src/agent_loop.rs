//! The agent loop. Read this file first: the rest of the crate is what it names.
//!
//! ask the model -> record its reply -> answer each tool call -> ask again,
//! until a reply calls no tool, a limit is reached, or the human cancels.

use std::path::PathBuf;

use futures_util::StreamExt as _;

use crate::breaker::{Breaker, Circle};
use crate::cancel::{Cancel, Stop};
use crate::chat::{ChatClient, ChatError, ChatErrorKind, ChatRequest, FinishReason};
use crate::draft::Draft;
use crate::effect::Sandbox;
use crate::frontend::{AgentEvent, Frontend};
use crate::guidance;
use crate::journal::{Journal, JournalError};
use crate::limits::{Limit, Limits, Price, Spent};
use crate::policy::ApprovalPolicy;
use crate::tool::{AnyTool, ToolCall, ToolOutcome, ToolSpec, find_tool};
use crate::transcript::Transcript;
use crate::workspace::{Halt, SeenFiles};

/// Everything a run needs. Borrowed, so tests swap any part.
pub struct Agent<'a> {
    pub client: &'a dyn ChatClient,
    pub tools: &'a [&'a dyn AnyTool],
    pub sandbox: &'a dyn Sandbox,
    pub frontend: &'a mut dyn Frontend,
    pub journal: &'a mut dyn Journal,
    pub policy: ApprovalPolicy,
    /// The workspace, for reading the paths that the model writes.
    pub root: PathBuf,
    pub limits: Limits,
    /// `None` where no price is known: then cost is neither counted nor limited.
    pub price: Option<Price>,
    pub spent: Spent,
    pub seen: SeenFiles,
    pub cancel: Cancel,
}

/// How a run ended. Every variant is an ordinary end, not an error.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    Answered,
    Cancelled,
    LimitReached(Limit),
    /// The model goes in circles or says nothing; the text says which.
    Stuck(String),
    /// The human stopped the run at an approval.
    Refused,
    /// An approval was needed and nobody was there.
    ApprovalNeeded,
}

/// What ends a run badly: the model's side or the session file. Tools answer in [`ToolOutcome`].
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Replies in a row that say nothing, or are cut, before the model counts as stuck.
const MAX_UNPRODUCTIVE: u32 = 3;

/// Runs until the task is finished. The transcript only ever grows, and is
/// valid to send at every step boundary, so a run can resume from it.
pub async fn run_task(agent: &mut Agent<'_>, transcript: &mut Transcript) -> Result<Finish, AgentError> {
    let specs: Vec<ToolSpec> = agent.tools.iter().map(|tool| tool.spec()).collect();
    let mut breaker = Breaker::default();
    let mut unproductive = 0;
    loop {
        if let Some((mode, note)) = agent.policy.take_mode_change() {
            agent.frontend.show(AgentEvent::ModeChanged(mode));
            note.into_iter().for_each(|note| transcript.push_user(note.to_owned()));
        }
        if let Some(message) = agent.frontend.take_message() {
            transcript.push_user(message);
        }
        save(agent, transcript)?;
        agent.journal.sync()?;
        if agent.cancel.is_set() {
            return Ok(cancelled(&agent.cancel));
        }

        let (draft, limit) = match ask_model(agent, transcript, &specs).await {
            Ok(asked) => asked,
            Err(error) if error.kind == ChatErrorKind::ContextFull => return Ok(Finish::LimitReached(Limit::Context)),
            Err(error) => return Err(error.into()),
        };
        if draft.is_empty() {
            // An empty assistant message is refused by the API (MISTRAL.md 1.4), so none is recorded.
            if let Some(limit) = limit {
                return Ok(Finish::LimitReached(limit));
            }
            unproductive += u32::from(!agent.cancel.is_set());
            if unproductive == MAX_UNPRODUCTIVE {
                return Ok(Finish::Stuck(format!("{unproductive} answers in a row were empty or cut short")));
            }
            agent.frontend.show(AgentEvent::Notice("the model answered nothing; asking again"));
            continue;
        }

        let cut = draft.finish == FinishReason::Length;
        let mut end = match draft.finish {
            FinishReason::ContextFull => Some(Finish::LimitReached(Limit::Context)),
            FinishReason::Stop | FinishReason::Length | FinishReason::Other(_) => limit.map(Finish::LimitReached),
        };
        let calls = transcript.push_reply(draft);
        save(agent, transcript)?;
        let Some(reply) = transcript.last_reply() else { continue };
        agent.frontend.show(AgentEvent::Replied { reply, spent: &agent.spent });

        let called = !calls.is_empty();
        for call in calls {
            // Every call is owed exactly one outcome, also after a cancel.
            let outcome = answer(agent, &mut breaker, &call, &mut end).await;
            agent.frontend.show(AgentEvent::CallEnded(&call, &outcome));
            transcript.push_outcome(call, outcome);
            save(agent, transcript)?;
        }
        if end.is_some() || agent.cancel.is_set() {
            agent.journal.sync()?;
            return Ok(end.unwrap_or_else(|| cancelled(&agent.cancel)));
        }
        match (called, cut) {
            (true, _) => unproductive = 0,
            (false, true) => {
                unproductive += 1;
                if unproductive == MAX_UNPRODUCTIVE {
                    return Ok(Finish::Stuck(format!("{unproductive} answers in a row were empty or cut short")));
                }
                transcript.push_user("Your answer was cut at the length limit. Go on, in smaller pieces.".to_owned());
            }
            (false, false) => {
                agent.journal.sync()?;
                return Ok(Finish::Answered);
            }
        }
    }
}

/// Sends the transcript and gathers one whole reply, or what came of it before
/// a cancel or a limit stopped it. A broken stream leaves no trace in the transcript.
async fn ask_model(
    agent: &mut Agent<'_>,
    transcript: &Transcript,
    specs: &[ToolSpec],
) -> Result<(Draft, Option<Limit>), ChatError> {
    let input = transcript.estimated_tokens(specs);
    if let Some(limit) = agent.limits.before_request(&agent.spent, agent.price, input) {
        return Ok((Draft::default(), Some(limit)));
    }
    agent.spent.steps += 1;
    agent.frontend.show(AgentEvent::StepStarted { step: agent.spent.steps });
    let mut stream = agent.client.send(ChatRequest {
        entries: transcript.entries(),
        generation: transcript.generation(),
        tools: specs,
        max_output_tokens: agent.limits.room_for_reply(&agent.spent, agent.price, input),
    });
    let mut draft = Draft::default();
    let mut limit = None;
    while limit.is_none() {
        let event = tokio::select! {
            biased;
            () = agent.cancel.wait() => break,
            event = stream.next() => event,
        };
        let Some(event) = event else { break };
        let event = event?;
        agent.frontend.show(AgentEvent::Chat(&event));
        draft.add(event);
        limit = agent.limits.during_reply(&agent.spent, agent.price, draft.usage_so_far(input));
    }
    agent.spent.estimated |= draft.usage.is_none();
    agent.spent.add(draft.usage_so_far(input), agent.price);
    Ok((draft, limit))
}

/// Turns one call into one outcome. Nothing here fails: what goes wrong is told to the model.
async fn answer(
    agent: &mut Agent<'_>,
    breaker: &mut Breaker,
    call: &ToolCall,
    end: &mut Option<Finish>,
) -> ToolOutcome {
    if end.is_some() || agent.cancel.is_set() {
        return ToolOutcome::Cancelled;
    }
    agent.frontend.show(AgentEvent::CallStarted(call));
    let Some(tool) = find_tool(agent.tools, &call.name) else {
        let names: Vec<&str> = agent.tools.iter().map(|tool| tool.name()).collect();
        let outcome = format!("There is no tool `{}`. The tools are: {}.", call.name, names.join(", "));
        return judge(breaker, call, ToolOutcome::failed(outcome), end);
    };
    let mut workspace = agent.workspace();
    let outcome = tool.call(&call.arguments, &mut workspace).await;
    let outcome = outcome.with_note(&workspace.edited).with_note(&guidance::for_touched(&mut workspace).await);
    if workspace.wrote {
        breaker.reset();
    }
    match workspace.halt {
        Some(Halt::Nobody) => *end = Some(Finish::ApprovalNeeded),
        Some(Halt::Quit) => *end = Some(Finish::Refused),
        None => (),
    }
    judge(breaker, call, outcome, end)
}

/// Tells a model that goes in circles, and stops one that goes on.
fn judge(breaker: &mut Breaker, call: &ToolCall, outcome: ToolOutcome, end: &mut Option<Finish>) -> ToolOutcome {
    match breaker.record(call, &outcome) {
        Circle::No => outcome,
        Circle::Tell(note) => outcome.with_note(&note),
        Circle::Stop(why) => {
            end.get_or_insert(Finish::Stuck(why));
            outcome
        }
    }
}

/// Hands the session file what was said since the last time.
fn save(agent: &mut Agent<'_>, transcript: &mut Transcript) -> Result<(), JournalError> {
    transcript.take_unsaved().iter().try_for_each(|entry| agent.journal.append(entry))
}

fn cancelled(cancel: &Cancel) -> Finish {
    match cancel.why() {
        Some(Stop::WallTime) => Finish::LimitReached(Limit::WallTime),
        Some(Stop::Human) | None => Finish::Cancelled,
    }
}
