//! What was said, in order. The request to the model is a view of it.
//!
//! **Invariant:** append-only. Nothing rewrites an entry: a provider's prompt
//! cache stays warm and a saved run replays exactly. A compaction is an entry
//! too: it changes what the model is shown, and nothing of what was said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::arguments::{Arguments, REPEATED};
use crate::chat::{FinishReason, Reply, Thoughts, Usage};
use crate::draft::Draft;
use crate::limits::estimate_tokens;
use crate::seen_files::SeenFile;
use crate::tool::{ToolCall, ToolOutcome, ToolSpec};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    System {
        text: String,
    },
    User {
        text: String,
    },
    Reply(Reply),
    Outcome {
        call_id: String,
        tool: String,
        outcome: ToolOutcome,
        /// What the call changed of [`crate::SeenFiles`], by path; `None` for what no longer counts as seen.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        seen: BTreeMap<String, Option<SeenFile>>,
    },
    /// From here on the model sees `text` in place of the entries before `kept_from`, the system's left alone.
    Compaction {
        text: String,
        /// Index of an entry.
        kept_from: usize,
        /// Of the request for the summary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    entries: Vec<Entry>,
    /// What the model is shown, where a compaction made it another thing than `entries`.
    view: Option<View>,
    calls: u32,
    /// Entries that the session file has.
    saved: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct View {
    entries: Vec<Entry>,
    /// Entries it began with. The usage of a reply among them is that of another view.
    inherited: usize,
    generation: u64,
}

/// Who has the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A request can go out as it is.
    Model,
    /// The model has answered.
    Human,
    /// The model's answer was cut; it needs a word to go on.
    CutShort,
    /// Nothing was asked yet.
    Nobody,
}

impl Transcript {
    pub fn new(system: String, task: String) -> Transcript {
        Transcript {
            entries: vec![Entry::System { text: system }, Entry::User { text: task }],
            ..Transcript::default()
        }
    }

    /// Goes on from entries that were saved. Calls that died without an outcome get theirs.
    pub fn restore(entries: Vec<Entry>) -> Transcript {
        let mut transcript = Transcript::default();
        for entry in entries {
            transcript.add(entry);
        }
        transcript.saved = transcript.entries.len();
        // Calls run in order and each is saved before the next begins: only the first can have been at work.
        let mut owed = transcript.owed_calls().into_iter();
        if let Some(call) = owed.next() {
            transcript.push_outcome(call, ToolOutcome::Interrupted, BTreeMap::new());
        }
        for call in owed {
            transcript.push_outcome(call, ToolOutcome::Cancelled, BTreeMap::new());
        }
        transcript
    }

    /// Everything that was said.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What the model is shown of it.
    pub fn view(&self) -> &[Entry] {
        self.view.as_ref().map_or(&self.entries, |view| &view.entries)
    }

    pub fn turn(&self) -> Turn {
        match self.entries.iter().rev().find(|entry| !entry.is_compaction()) {
            Some(Entry::User { .. } | Entry::Outcome { .. }) => Turn::Model,
            Some(Entry::Reply(reply)) if !reply.calls.is_empty() => Turn::Model,
            Some(Entry::Reply(reply)) => match reply.finish {
                FinishReason::Length
                | FinishReason::ContextFull
                | FinishReason::Repetition
                | FinishReason::LeakedCall => Turn::CutShort,
                FinishReason::Stop | FinishReason::Filtered | FinishReason::Declined | FinishReason::Other(_) => {
                    Turn::Human
                }
            },
            Some(Entry::System { .. } | Entry::Compaction { .. }) | None => Turn::Nobody,
        }
    }

    pub fn push_user(&mut self, text: String) {
        self.add(Entry::User { text });
    }

    /// Every entry comes in here.
    fn add(&mut self, entry: Entry) {
        match &entry {
            Entry::Compaction { text, kept_from, .. } => {
                let system = self.entries.iter().take(1).cloned();
                let condensed = std::iter::once(Entry::User { text: text.clone() });
                let kept = self.entries.iter().skip(*kept_from).filter(|entry| !entry.is_compaction()).cloned();
                let entries: Vec<Entry> = system.chain(condensed).chain(kept).collect();
                let generation = self.generation() + 1;
                self.view = Some(View { inherited: entries.len(), entries, generation });
            }
            Entry::Reply(Reply { calls, .. }) => self.calls += u32::try_from(calls.len()).unwrap_or(u32::MAX),
            Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. } => (),
        }
        if let (Some(view), false) = (&mut self.view, entry.is_compaction()) {
            view.entries.push(entry.clone());
        }
        self.entries.push(entry);
    }

    /// The calls of the last reply that have no outcome.
    fn owed_calls(&self) -> Vec<ToolCall> {
        let mut answered = 0;
        for entry in self.entries.iter().rev() {
            match entry {
                Entry::Outcome { .. } => answered += 1,
                Entry::Reply(reply) => return reply.calls.iter().skip(answered).cloned().collect(),
                Entry::System { .. } | Entry::User { .. } | Entry::Compaction { .. } => (),
            }
        }
        Vec::new()
    }

    /// Records a reply and hands back its calls: each is now owed an outcome.
    ///
    /// The calls get ids of our own, 9 letters and digits, counted: Mistral
    /// refuses others (MISTRAL.md 1.5), and what servers send may be missing,
    /// `"null"` or used before.
    #[must_use = "every call is owed one outcome"]
    pub(crate) fn push_reply(&mut self, draft: Draft) -> Vec<ToolCall> {
        let mut calls = Vec::with_capacity(draft.calls.len());
        for (raw, number) in draft.calls.into_iter().zip(self.calls + 1..) {
            let id = format!("c{number:08}");
            let arguments = match (Arguments::read(&raw.arguments), &draft.finish) {
                (Arguments::Broken { raw, .. }, FinishReason::Repetition) => {
                    Arguments::Broken { raw, why: REPEATED.to_owned() }
                }
                (arguments, _) => arguments,
            };
            calls.push(ToolCall { id, name: raw.name, arguments });
        }
        self.add(Entry::Reply(Reply {
            text: draft.text,
            thinking: draft.thinking,
            calls: calls.clone(),
            usage: draft.usage,
            finish: draft.finish,
        }));
        calls
    }

    pub(crate) fn push_outcome(
        &mut self,
        call: ToolCall,
        outcome: ToolOutcome,
        seen: BTreeMap<String, Option<SeenFile>>,
    ) {
        self.add(Entry::Outcome { call_id: call.id, tool: call.name, outcome, seen });
    }

    pub(crate) fn push_compaction(&mut self, text: String, kept_from: usize, usage: Option<Usage>) {
        self.add(Entry::Compaction { text, kept_from, usage });
    }

    /// About the tokens of a request with this transcript: the server's own
    /// count of the last one, and bytes / 4 of what came since.
    pub fn estimated_tokens(&self, specs: &[ToolSpec], thoughts: Thoughts) -> u64 {
        let inherited = self.view.as_ref().map_or(0, |view| view.inherited);
        let own = self.view().iter().enumerate().skip(inherited);
        let last = own.rev().find_map(|(index, entry)| match entry {
            Entry::Reply(Reply { usage: Some(usage), .. }) => Some((usage.input + usage.output, index + 1)),
            Entry::System { .. }
            | Entry::User { .. }
            | Entry::Reply(_)
            | Entry::Outcome { .. }
            | Entry::Compaction { .. } => None,
        });
        let (measured, since) = last.unwrap_or_else(|| {
            (
                specs
                    .iter()
                    .map(|spec| estimate_tokens(spec.description.len() + spec.parameters.to_string().len()))
                    .sum(),
                0,
            )
        });
        measured + self.view().iter().skip(since).map(|entry| entry.estimated_tokens(thoughts)).sum::<u64>()
    }

    /// Entries pushed since the last time this was called.
    pub(crate) fn take_unsaved(&mut self) -> &[Entry] {
        let (_, unsaved) = self.entries.split_at(self.saved.min(self.entries.len()));
        self.saved = self.entries.len();
        unsaved
    }

    /// Changes when the history is replaced. A transcript that only grew has the one it began with.
    pub(crate) fn generation(&self) -> u64 {
        self.view.as_ref().map_or(0, |view| view.generation)
    }

    /// `None` where there was no compaction.
    pub(crate) fn replies_since_compaction(&self) -> Option<usize> {
        let (_, since) = self.entries.split_at(self.entries.iter().rposition(Entry::is_compaction)?);
        Some(since.iter().filter(|entry| matches!(entry, Entry::Reply(_))).count())
    }

    pub(crate) fn last_reply(&self) -> Option<&Reply> {
        match self.entries.last() {
            Some(Entry::Reply(reply)) => Some(reply),
            Some(Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. } | Entry::Compaction { .. })
            | None => None,
        }
    }

    /// What was asked first.
    pub fn task(&self) -> &str {
        let first = self.entries.iter().find_map(|entry| match entry {
            Entry::User { text } => Some(text.as_str()),
            Entry::System { .. } | Entry::Reply(_) | Entry::Outcome { .. } | Entry::Compaction { .. } => None,
        });
        first.unwrap_or_default()
    }

    /// The words of the last reply. A call that was written as text is not among them.
    pub fn last_text(&self) -> &str {
        let last = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Reply(reply) if reply.finish == FinishReason::LeakedCall => None,
            Entry::Reply(reply) => Some(reply.text.as_str()),
            Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. } | Entry::Compaction { .. } => None,
        });
        last.unwrap_or_default()
    }
}

impl Entry {
    /// About the tokens that it puts before the model.
    pub fn estimated_tokens(&self, thoughts: Thoughts) -> u64 {
        estimate_tokens(match self {
            Entry::System { text } | Entry::User { text } => text.len(),
            Entry::Reply(reply) => {
                let thinking = match thoughts {
                    Thoughts::SentBack => reply.thinking.len(),
                    Thoughts::Dropped => 0,
                };
                thinking
                    + reply.text.len()
                    + reply.calls.iter().map(|call| call.name.len() + call.arguments.as_json().len()).sum::<usize>()
            }
            Entry::Outcome { outcome, .. } => outcome.text().len(),
            Entry::Compaction { .. } => 0,
        })
    }

    pub(crate) fn is_compaction(&self) -> bool {
        matches!(self, Entry::Compaction { .. })
    }
}
