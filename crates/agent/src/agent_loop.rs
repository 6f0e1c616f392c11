//! The agent loop. Read this file first: the rest of the crate is what it names.
//!
//! ask the model -> record its reply -> answer each tool call -> ask again,
//! until a reply calls no tool, a limit is reached, or the human cancels.

use std::path::PathBuf;

use crate::ask_model::{Audience, Question, ask_model};
use crate::breaker::{Breaker, Circle};
use crate::cancel::{Cancel, Stop};
use crate::chat::{ChatClient, ChatError, ChatErrorKind, FinishReason, Thoughts};
use crate::compact;
use crate::effect::Sandbox;
use crate::fresh_start::FreshStarts;
use crate::frontend::{AgentEvent, Frontend};
use crate::guidance;
use crate::journal::{Journal, JournalError};
use crate::limits::{Limit, Limits, Price, Spent};
use crate::nudge::{Progress, Supervision};
use crate::policy::ApprovalPolicy;
use crate::seen_files::SeenFiles;
use crate::tool::{AnyTool, ToolCall, ToolOutcome, ToolSpec, find_tool};
use crate::transcript::Transcript;
use crate::unproductive::Unproductive;
use crate::workspace::Halt;

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
    pub supervision: Supervision,
    /// What the client does with the thinking of earlier replies.
    pub thoughts: Thoughts,
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
    /// A filter of the server's or the model itself refused to answer; the text says which.
    Declined(String),
    /// The model's window is full and condensing the conversation does not help; the text says why.
    WindowFull(String),
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

/// Runs until the task is finished. The transcript only ever grows, and is
/// valid to send at every step boundary, so a run can resume from it.
pub async fn run_task(agent: &mut Agent<'_>, transcript: &mut Transcript) -> Result<Finish, AgentError> {
    let specs = specs(agent);
    let mut breaker = Breaker::new(agent.supervision);
    let mut progress = Progress::default();
    let mut fresh_starts = FreshStarts::new(agent.supervision, transcript);
    let mut unproductive = Unproductive::default();
    // The server said so, whatever our own count is.
    let mut window_full = false;
    loop {
        if let Some((mode, note)) = agent.policy.take_mode_change() {
            agent.frontend.show(AgentEvent::ModeChanged(mode));
            note.into_iter().for_each(|note| transcript.push_user(note.to_owned()));
            fresh_starts.forbid(transcript);
        }
        if let Some(message) = agent.frontend.take_message() {
            fresh_starts.forbid(transcript);
            transcript.push_user(message);
        }
        save(agent, transcript)?;
        agent.journal.sync()?;
        if agent.cancel.is_set() {
            return Ok(cancelled(&agent.cancel));
        }

        if (window_full || compact::is_full(agent, transcript, &specs))
            && let Some(end) = compact::make_room(agent, transcript, &specs).await?
        {
            return Ok(end);
        }
        let question = Question {
            entries: fresh_starts.entries(transcript),
            generation: transcript.generation(),
            specs: fresh_starts.specs(&specs),
            input: transcript.estimated_tokens(&specs, agent.thoughts),
            fresh_starts: fresh_starts.made(),
            max_output: None,
            audience: Audience::Human,
        };
        agent.seen.all_shown();
        let (mut draft, limit) = match ask_model(agent, question).await {
            Ok(asked) => asked,
            Err(error) if error.kind == ChatErrorKind::ContextFull => {
                window_full = true;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        window_full = draft.finish == FinishReason::ContextFull;
        if draft.is_empty() {
            if let Some(end) = unproductive.empty(&draft, limit, agent, transcript) {
                return Ok(end);
            }
            continue;
        }

        fresh_starts.read(&mut draft);
        if let Some(notice) = draft.cut_notice() {
            agent.frontend.show(AgentEvent::Notice(&notice));
        }
        let (cut, shortcoming, declined) = (draft.cut(), draft.shortcoming(), draft.declined());
        let mut end = limit.map(Finish::LimitReached);
        let calls = transcript.push_reply(draft);
        save(agent, transcript)?;
        let Some(reply) = transcript.last_reply() else { continue };
        agent.frontend.show(AgentEvent::Replied { reply, spent: &agent.spent });

        let called = !calls.is_empty();
        for call in calls {
            // Every call is owed exactly one outcome, also after a cancel.
            let outcome = answer(agent, &mut breaker, &mut progress, &mut fresh_starts, &call, &mut end).await;
            agent.frontend.show(AgentEvent::CallEnded(&call, &outcome));
            transcript.push_outcome(call, outcome, agent.seen.take_news());
            save(agent, transcript)?;
        }
        if end.is_some() || agent.cancel.is_set() {
            agent.journal.sync()?;
            return Ok(end.unwrap_or_else(|| cancelled(&agent.cancel)));
        }
        if fresh_starts.begin(agent, transcript) {
            (breaker, unproductive, window_full) = (Breaker::new(agent.supervision), Unproductive::default(), false);
            progress.begin_anew();
            continue;
        }
        if let (false, Some(why)) = (called, declined) {
            return Ok(Finish::Declined(why));
        }
        match (called, cut) {
            (true, _) => unproductive = Unproductive::default(),
            (false, Some(go_on)) => {
                if let Some(end) = unproductive.count(shortcoming) {
                    return Ok(end);
                }
                transcript.push_user(go_on);
            }
            (false, None) => match progress.at_end(agent.supervision, agent.policy.mode()) {
                Some(nudge) => {
                    agent.frontend.show(AgentEvent::Notice("the model stopped early; told to continue"));
                    transcript.push_user(nudge);
                }
                None => {
                    agent.journal.sync()?;
                    return Ok(Finish::Answered);
                }
            },
        }
    }
}

/// Turns one call into one outcome. Nothing here fails: what goes wrong is told to the model.
async fn answer(
    agent: &mut Agent<'_>,
    breaker: &mut Breaker,
    progress: &mut Progress,
    fresh_starts: &mut FreshStarts,
    call: &ToolCall,
    end: &mut Option<Finish>,
) -> ToolOutcome {
    if end.is_some() || agent.cancel.is_set() {
        return ToolOutcome::Cancelled;
    }
    agent.frontend.show(AgentEvent::CallStarted(call));
    let Some(tool) = find_tool(agent.tools, &call.name) else {
        let names: Vec<&str> = agent.tools.iter().map(|tool| tool.name()).collect();
        let outcome = format!("Unknown tool `{}`. Available tools: {}.", call.name, names.join(", "));
        return judge(breaker, call, ToolOutcome::failed(outcome), end);
    };
    let mut workspace = agent.workspace();
    let outcome = tool.call(&call.arguments, &mut workspace).await;
    fresh_starts.called(&workspace, &outcome);
    let outcome = outcome.with_note(&workspace.edited).with_note(&guidance::for_touched(&mut workspace).await);
    progress.called(&workspace);
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

/// The tools as the model sees them, the same in every request.
pub(crate) fn specs(agent: &Agent<'_>) -> Vec<ToolSpec> {
    agent.tools.iter().map(|tool| tool.spec()).collect()
}

/// Hands the session file what was said since the last time.
pub(crate) fn save(agent: &mut Agent<'_>, transcript: &mut Transcript) -> Result<(), JournalError> {
    transcript.take_unsaved().iter().try_for_each(|entry| agent.journal.append(entry))
}

pub(crate) fn cancelled(cancel: &Cancel) -> Finish {
    match cancel.why() {
        Some(Stop::WallTime) => Finish::LimitReached(Limit::WallTime),
        Some(Stop::Human) | None => Finish::Cancelled,
    }
}
