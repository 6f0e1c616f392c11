//! Makes room when the model's window fills: a summary by the model stands in
//! for the middle of the conversation.
//!
//! **Invariants:** what the human said stays word for word, and so do the last
//! steps. Nothing leaves the transcript, only the model's view of it changes.
//! Where a summary would not help, the run ends and says so: it never goes
//! round in circles.

use crate::agent_loop::{Agent, AgentError, Finish, cancelled, save, specs};
use crate::ask_model::{Audience, Question, ask_model, room_to_think};
use crate::chat::{ChatErrorKind, Thoughts};
use crate::clip::Clipped;
use crate::frontend::AgentEvent;
use crate::limits::estimate_tokens;
use crate::tool::ToolSpec;
use crate::transcript::{Entry, Transcript};

/// What is asked of the model, after a prefix of the conversation as it stands.
const INSTRUCTION: &str = "\
This conversation is about to exceed the context window. Your reply will replace everything above except the task, the \
user's messages and the last steps. Write what you need to continue without rereading it: what you did (files, and \
what changed in them), what you learned (names, locations, working commands, errors), what failed and why, and what \
remains, in order. At most 500 words of text; no tool calls.";

/// Steps that a summary must carry the run before the next one is made: else it would be a circle.
const STEPS_BETWEEN: usize = 2;

/// Whether the next request and a reply of good length would not fit.
pub(crate) fn is_full(agent: &Agent<'_>, transcript: &Transcript, specs: &[ToolSpec]) -> bool {
    agent.limits.context_tokens.is_some_and(|window| {
        window < transcript.estimated_tokens(specs, agent.thoughts) + reserve(window, agent.thoughts)
    })
}

/// Tokens kept free for a reply, with its thoughts.
fn reserve(window: u64, thoughts: Thoughts) -> u64 {
    let most = match thoughts {
        Thoughts::SentBack => 40_000,
        Thoughts::Dropped => 20_000,
    };
    (window / 5).min(most)
}

fn room_for_summary(window: u64) -> u64 {
    (window / 8).min(4_000)
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Condensed {
    Done,
    /// Nothing would be gained, for this reason; the transcript is as it was.
    Not(&'static str),
    /// A limit or a cancel came first.
    Ended(Finish),
}

/// Condenses the conversation now, because the human wants it. `focus` is what the summary must keep in particular.
pub async fn compact(
    agent: &mut Agent<'_>,
    transcript: &mut Transcript,
    focus: Option<&str>,
) -> Result<Condensed, AgentError> {
    let specs = specs(agent);
    condense(agent, transcript, &specs, focus).await
}

/// Condenses the conversation because it must be. `Some` ends the run.
pub(crate) async fn make_room(
    agent: &mut Agent<'_>,
    transcript: &mut Transcript,
    specs: &[ToolSpec],
) -> Result<Option<Finish>, AgentError> {
    let full = |why: &str| Ok(Some(Finish::WindowFull(format!("the model's context window is full, and {why}"))));
    if transcript.replies_since_compaction().is_some_and(|replies| replies < STEPS_BETWEEN) {
        return full("it filled up again right after compaction");
    }
    match condense(agent, transcript, specs, None).await? {
        Condensed::Done if is_full(agent, transcript, specs) => full("the compacted conversation still does not fit"),
        Condensed::Done => Ok(None),
        Condensed::Not(why) => full(why),
        Condensed::Ended(finish) => Ok(Some(finish)),
    }
}

async fn condense(
    agent: &mut Agent<'_>,
    transcript: &mut Transcript,
    specs: &[ToolSpec],
    focus: Option<&str>,
) -> Result<Condensed, AgentError> {
    let before = transcript.estimated_tokens(specs, agent.thoughts);
    let window = agent.limits.context_tokens.unwrap_or(before);
    agent.frontend.show(AgentEvent::Notice(&format!("compacting the conversation (about {before} tokens)")));
    let focus = focus.map(|focus| format!("\nKeep in particular: {focus}")).unwrap_or_default();
    let mut full = "there is nothing to compact before the last step";
    let mut asked = None;
    // Dense text has more tokens than its bytes promise: then the server says full, and less is shown.
    for share in [1, 2, 4] {
        let Some(plan) = plan(transcript.view(), agent.thoughts, estimate_of(specs), before, window / share) else {
            break;
        };
        let mut entries: Vec<Entry> = transcript.view().iter().take(plan.source_end).cloned().collect();
        entries.push(Entry::User { text: format!("{INSTRUCTION}{focus}") });
        let question = Question {
            entries: &entries,
            generation: transcript.generation(),
            specs,
            input: before.min(window),
            fresh_starts: 0,
            max_output: Some(room_for_summary(window) + room_to_think(agent.thoughts).min(window / 8)),
            audience: Audience::Nobody,
        };
        match ask_model(agent, question).await {
            Ok((draft, limit)) => {
                asked = Some((plan, draft, limit));
                break;
            }
            Err(error) if error.kind == ChatErrorKind::ContextFull => full = "even the summary request does not fit",
            Err(error) => return Err(error.into()),
        }
    }
    let Some((plan, draft, limit)) = asked else { return Ok(Condensed::Not(full)) };
    if let Some(limit) = limit {
        return Ok(Condensed::Ended(Finish::LimitReached(limit)));
    }
    if agent.cancel.is_set() {
        return Ok(Condensed::Ended(cancelled(&agent.cancel)));
    }
    if draft.text.trim().is_empty() {
        return Ok(Condensed::Not("the model gave no summary"));
    }
    let kept = transcript.view().len() - plan.kept_from;
    let text = condensed(transcript.entries(), kept, plan.left_out(), draft.text.trim(), window);
    if plan.condensable_tokens <= plan.kept_tokens + estimate_tokens(text.len()) {
        return Ok(Condensed::Not("the model's summary is longer than what it replaces"));
    }
    let kept_from = index_of_last(transcript.entries(), kept);
    transcript.push_compaction(text, kept_from, draft.usage);
    save(agent, transcript)?;
    agent.journal.sync()?;
    let now = transcript.estimated_tokens(specs, agent.thoughts);
    agent.frontend.show(AgentEvent::Notice(&format!("compacted to about {now} tokens; the session keeps everything")));
    Ok(Condensed::Done)
}

/// Which part of the view is summed up and which is kept. Indices of the view; tokens by bytes / 4.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The entries before it are shown to the model for its summary.
    source_end: usize,
    /// The entries from here on are kept as they are.
    kept_from: usize,
    kept_tokens: u64,
    /// Of all entries after the system's.
    condensable_tokens: u64,
}

impl Plan {
    /// Entries that are neither summed up nor kept, because they are too large for both.
    fn left_out(&self) -> usize {
        self.kept_from - self.source_end
    }
}

/// `None` where nothing can be gained. `measured` are the tokens of the whole request by the server's count: with it
/// the window is turned into tokens of bytes / 4, whatever the language.
fn plan(view: &[Entry], thoughts: Thoughts, specs: u64, measured: u64, window: u64) -> Option<Plan> {
    let tokens: Vec<u64> = view.iter().map(|entry| entry.estimated_tokens(thoughts)).collect();
    let total = specs + tokens.iter().sum::<u64>();
    let window = (u128::from(window) * u128::from(total) / u128::from(measured.max(1))) as u64;
    // The system's message and the task (or what was condensed before) come first, then steps and words.
    let cuts = (3..=view.len()).filter(|cut| match view.get(*cut) {
        Some(Entry::Outcome { .. }) => false,
        Some(Entry::Reply(_) | Entry::User { .. } | Entry::System { .. } | Entry::Compaction { .. }) | None => true,
    });
    let sum_from = |cut: usize| tokens.iter().skip(cut).sum::<u64>();
    let kept_from = cuts.clone().find(|cut| sum_from(*cut) <= window.min(total) / 5)?;
    let fits = |cut: &usize| total - sum_from(*cut) + room_for_summary(window) <= window;
    let source_end = cuts.filter(|cut| *cut <= kept_from).rfind(fits)?;
    Some(Plan { source_end, kept_from, kept_tokens: sum_from(kept_from), condensable_tokens: sum_from(1) })
}

/// What stands in for the entries before the last `kept`: the human's words, then the summary. The words may take a
/// quarter of the window, the summary an eighth.
fn condensed(entries: &[Entry], kept: usize, left_out: usize, summary: &str, window: u64) -> String {
    let said = entries.iter().take(index_of_last(entries, kept)).filter_map(|entry| match entry {
        Entry::User { text } => Some(text.as_str()),
        Entry::System { .. } | Entry::Reply(_) | Entry::Outcome { .. } | Entry::Compaction { .. } => None,
    });
    let said: Vec<&str> = said.collect();
    // A quarter of the window, at 4 bytes a token.
    let most_bytes = usize::try_from(window).unwrap_or(usize::MAX);
    let too_long = most_bytes < said.iter().map(|text| text.len()).sum();
    let each = if too_long { most_bytes / said.len().max(1) } else { usize::MAX };
    let summary = Clipped::to(summary, (most_bytes / 2).min(Clipped::MAX));
    let mut said = said.into_iter().map(|text| Clipped::to(text, each));
    let mut text = said.next().map(|task| task.as_str().to_owned()).unwrap_or_default();
    text.push_str("\n\n[The conversation since then was summarized to fit the context window.]\n");
    for words in said {
        text.push_str(&format!("\nThe user then wrote, verbatim:\n{}\n", words.as_str()));
    }
    text.push_str(&format!("\nYour summary:\n{}\n", summary.as_str()));
    if 0 < left_out {
        text.push_str("\n[What followed was too large to keep. Read it again in smaller pieces.]\n");
    }
    text.push_str(if kept == 0 { "\nContinue from there." } else { "\nThe last steps follow unchanged." });
    text
}

/// The index of the first of the last `count` entries, compactions not counted.
fn index_of_last(entries: &[Entry], count: usize) -> usize {
    let counted = |(_, entry): &(usize, &Entry)| !matches!(entry, Entry::Compaction { .. });
    let first = count.checked_sub(1).and_then(|back| entries.iter().enumerate().rev().filter(counted).nth(back));
    first.map_or(entries.len(), |(index, _)| index)
}

fn estimate_of(specs: &[ToolSpec]) -> u64 {
    specs.iter().map(|spec| estimate_tokens(spec.description.len() + spec.parameters.to_string().len())).sum()
}
