//! Talking to a model, whoever hosts it. Providers live in `crates/providers/`.

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::tool::{ToolCall, ToolSpec};
use crate::transcript::Entry;

pub trait ChatClient {
    /// Sends one request and gives the reply as it comes.
    ///
    /// The provider tries again by itself where that can help: it then yields
    /// [`ChatEvent::Retrying`], and what came before it is void. Dropping the
    /// stream ends the request. An `Err` is the last item.
    fn send<'a>(&'a self, request: ChatRequest<'a>) -> ChatStream<'a>;
}

pub type ChatStream<'a> = Pin<Box<dyn Stream<Item = Result<ChatEvent, ChatError>> + 'a>>;

#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
    /// The whole transcript. Between two requests with the same `generation` and
    /// `tools` it only grows, so a provider may keep what it encoded of it.
    pub entries: &'a [Entry],
    /// Changes when the history was replaced (compaction, another session).
    pub generation: u64,
    pub tools: &'a [ToolSpec],
    /// How often the task was begun anew: what was answered before was wrong, so another answer is wanted.
    pub fresh_starts: u32,
    /// The most tokens the reply may have, `None` for the model's own bound.
    pub max_output_tokens: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    Text(String),
    Thinking(String),
    /// All text so far was thinking: the mark that ends a thought came, and the one that begins it never did.
    TextWasThinking,
    /// A call is being written: this many bytes more of it have come. Only a sign of life and a count.
    Writing {
        bytes: usize,
    },
    /// One whole call: a provider that streams them in pieces joins the pieces first.
    Call(RawCall),
    /// The text ends in a call that was written as text and is not run: as far as it can be read, this one.
    LeakedCall(RawCall),
    Usage(Usage),
    Finish(FinishReason),
    /// The attempt failed and the next one starts after `delay`: forget the reply so far.
    Retrying {
        attempt: u32,
        delay: Duration,
        why: String,
    },
}

/// A call as the model wrote it. The server's id is dropped: [`crate::Transcript`] makes its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCall {
    pub name: String,
    /// Should be a JSON object, and may be anything.
    pub arguments: String,
}

/// Tokens of one request. `input` includes `cached`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It said all it had to say, with or without calls.
    #[default]
    Stop,
    /// Cut at the output bound.
    Length,
    /// Cut because the model's window is full.
    ContextFull,
    /// Cut because it said the same over and over.
    Repetition,
    /// The text ends in a call that was written as text: neither an answer nor a call.
    LeakedCall,
    /// The server's content filter ended it.
    Filtered,
    /// The model declined, in a field of its own: the text is its reason.
    Declined,
    /// What else a server may say (`abort`, `insufficient_system_resource`, ...).
    Other(String),
}

/// What becomes of a reply's thinking on later turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thoughts {
    /// It goes back to the model with the reply, and so takes room in its window.
    SentBack,
    #[default]
    Dropped,
}

/// One whole answer of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(default)]
    pub finish: FinishReason,
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ChatError {
    /// What happened, for a human: no secrets, no markup.
    pub message: String,
    /// What the human can do about it.
    pub hint: Option<String>,
    pub kind: ChatErrorKind,
}

/// What kind of failure a human or a robot has to deal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatErrorKind {
    /// The key is missing or refused.
    Key,
    /// The model is unknown or retired.
    Model,
    /// The prompt no longer fits the model's window.
    ContextFull,
    /// The server refused the request and would do so again.
    Refused,
    /// No connection to the server could be made.
    NoConnection,
    /// The server kept failing until the retry budget was spent.
    Unreachable,
}
