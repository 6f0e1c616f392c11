//! What was said, in order. The request to the model is a view of it.
//!
//! **Invariant:** append-only. Nothing rewrites an entry: a provider's prompt
//! cache stays warm and a saved run replays exactly.

use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::chat::Reply;
use crate::draft::Draft;
use crate::limits::estimate_tokens;
use crate::tool::{ToolCall, ToolOutcome, ToolSpec};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    System { text: String },
    User { text: String },
    Reply(Reply),
    Outcome { call_id: String, tool: String, outcome: ToolOutcome },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    entries: Vec<Entry>,
    calls: u32,
    /// Entries that the session file has.
    saved: usize,
}

impl Transcript {
    pub fn new(system: String, task: String) -> Transcript {
        Transcript {
            entries: vec![Entry::System { text: system }, Entry::User { text: task }],
            ..Transcript::default()
        }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn push_user(&mut self, text: String) {
        self.entries.push(Entry::User { text });
    }

    /// Records a reply and hands back its calls: each is now owed an outcome.
    ///
    /// The calls get ids of our own, 9 letters and digits, counted: Mistral
    /// refuses others (MISTRAL.md 1.5), and what servers send may be missing,
    /// `"null"` or used before.
    #[must_use = "every call is owed one outcome"]
    pub(crate) fn push_reply(&mut self, draft: Draft) -> Vec<ToolCall> {
        let mut calls = Vec::with_capacity(draft.calls.len());
        for raw in draft.calls {
            self.calls += 1;
            let id = format!("c{:08}", self.calls);
            calls.push(ToolCall { id, name: raw.name, arguments: Arguments::read(&raw.arguments) });
        }
        self.entries.push(Entry::Reply(Reply {
            text: draft.text,
            thinking: draft.thinking,
            calls: calls.clone(),
            usage: draft.usage,
            finish: draft.finish,
        }));
        calls
    }

    pub(crate) fn push_outcome(&mut self, call: ToolCall, outcome: ToolOutcome) {
        self.entries.push(Entry::Outcome { call_id: call.id, tool: call.name, outcome });
    }

    /// About the tokens of a request with this transcript: the server's own
    /// count of the last one, and bytes / 4 of what came since.
    pub fn estimated_tokens(&self, specs: &[ToolSpec]) -> u64 {
        let last = self.entries.iter().enumerate().rev().find_map(|(index, entry)| match entry {
            Entry::Reply(Reply { usage: Some(usage), .. }) => Some((usage.input + usage.output, index + 1)),
            Entry::System { .. } | Entry::User { .. } | Entry::Reply(_) | Entry::Outcome { .. } => None,
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
        measured + self.entries.iter().skip(since).map(|entry| estimate_tokens(bytes(entry))).sum::<u64>()
    }

    /// Entries pushed since the last time this was called.
    pub(crate) fn take_unsaved(&mut self) -> &[Entry] {
        let (_, unsaved) = self.entries.split_at(self.saved.min(self.entries.len()));
        self.saved = self.entries.len();
        unsaved
    }

    /// Changes when the history is replaced. A transcript that only grew has the one it began with.
    pub(crate) fn generation(&self) -> u64 {
        0
    }

    pub(crate) fn last_reply(&self) -> Option<&Reply> {
        match self.entries.last() {
            Some(Entry::Reply(reply)) => Some(reply),
            Some(Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. }) | None => None,
        }
    }

    /// The words of the last reply.
    pub fn last_text(&self) -> &str {
        let last = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Reply(reply) => Some(reply.text.as_str()),
            Entry::System { .. } | Entry::User { .. } | Entry::Outcome { .. } => None,
        });
        last.unwrap_or_default()
    }
}

/// Bytes of text that an entry puts before the model.
fn bytes(entry: &Entry) -> usize {
    match entry {
        Entry::System { text } | Entry::User { text } => text.len(),
        Entry::Reply(reply) => {
            reply.text.len()
                + reply.calls.iter().map(|call| call.name.len() + call.arguments.as_json().len()).sum::<usize>()
        }
        Entry::Outcome { outcome, .. } => outcome.text().len(),
    }
}
