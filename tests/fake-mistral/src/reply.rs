//! A model's reply and how the server writes it down. Only types; `wire.rs` turns them into events.

use crate::delivery::Delivery;

/// One assistant message. `Reply::default()` is the empty reply that Mistral sometimes gives.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub text: String,
    /// Sent as thinking chunks before the text.
    pub thinking: String,
    pub calls: Vec<Call>,
    pub usage: Usage,
    /// `None` means what fits: `tool_calls` when there are calls, else `stop`.
    pub finish_reason: Option<String>,
    pub style: Style,
    pub delivery: Delivery,
}

impl Reply {
    pub fn text(text: impl Into<String>) -> Reply {
        Reply { text: text.into(), ..Reply::default() }
    }

    /// One call; see [`Reply::and_call`] for more.
    pub fn call(name: impl Into<String>, arguments: impl Into<String>) -> Reply {
        Reply::default().and_call(name, arguments)
    }

    #[must_use]
    pub fn and_call(mut self, name: impl Into<String>, arguments: impl Into<String>) -> Reply {
        self.calls.push(Call { id: CallId::Made, name: name.into(), arguments: arguments.into() });
        self
    }

    pub(crate) fn finish_reason(&self) -> &str {
        match (&self.finish_reason, self.calls.is_empty()) {
            (Some(given), _) => given,
            (None, true) => "stop",
            (None, false) => "tool_calls",
        }
    }
}

/// One tool call. `arguments` goes out verbatim, also when it is no JSON.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: CallId,
    pub name: String,
    pub arguments: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallId {
    /// Nine letters and digits, another one for every call of a server.
    #[default]
    Made,
    /// This one; give it twice to have it repeated.
    Given(String),
    /// No `id` field at all.
    Missing,
    /// The literal string `"null"`.
    NullText,
    /// `call_` and 24 letters and digits, as OpenAI and relayed models make them.
    OpenAi,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// A quarter of the bytes of the request and of the reply, no cached tokens.
    #[default]
    Estimated,
    Given {
        prompt: u64,
        completion: u64,
        cached: Option<u64>,
    },
    /// No `usage` field.
    Missing,
}

/// How a reply looks on the wire. The default is what api.mistral.ai sends to a plain streaming request.
#[derive(Clone, Debug)]
pub struct Style {
    pub form: Form,
    pub content: Content,
    pub calls: Calls,
    pub finish_chunk: FinishChunk,
    /// Characters of text in one delta.
    pub text_piece_chars: usize,
    /// `"usage": null` in every chunk before the last one.
    pub null_usage_before: bool,
    /// The random-looking `"p"` field on every chunk but the first.
    pub padding: bool,
    pub separator: Separator,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            form: Form::AsAsked,
            content: Content::Text,
            calls: Calls::Whole,
            finish_chunk: FinishChunk::Shared,
            text_piece_chars: 16,
            null_usage_before: false,
            padding: false,
            separator: Separator::Lf,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SSE when the request says `"stream": true`, else one JSON object.
    AsAsked,
    /// One JSON object, though a stream was asked for.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `"content": "text"`
    Text,
    /// `"content": [{"type": "text", "text": ".."}]`
    Chunks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// All calls, whole, in one delta.
    Whole,
    /// Each call whole, in a delta of its own.
    OneEach,
    /// Name first, then the arguments in pieces of about so many bytes (never within a character).
    Fragments { piece_bytes: usize, continuation: Continuation },
}

/// What the later fragments of a call carry as their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    Missing,
    /// The literal string `"null"`.
    NullText,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishChunk {
    /// The last piece of content shares its chunk with `finish_reason` and usage.
    Shared,
    /// `finish_reason` and usage come in a chunk of their own, with empty content.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    Lf,
    CrLf,
}
