//! Writes the request body from parts that are encoded once. Pure.
//!
//! **Invariant:** within a generation, the messages of a request are a byte for
//! byte prefix of the next one's: how an entry is written depends on what stands
//! before it, never on what follows. Each message is valid by MISTRAL.md 1.5.

use agent::{ChatRequest, Entry, Reply, Thoughts, ToolSpec};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::config::{ChatConfig, Dialect};
use crate::effort::Effort;
use crate::profiles::{StrictTools, SystemRole};

/// Stands between two messages that may not follow each other: older Mistral servers refuse a user's message
/// after a tool's (MISTRAL.md 7.3), local chat templates two user's messages in a row (7.14).
const BRIDGE: &str = "Understood.";

/// Servers refuse empty content.
const NOTHING: &str = "(empty)";

#[derive(Debug, Default)]
pub(crate) struct Encoder {
    generation: u64,
    tools: Vec<ToolSpec>,
    /// The encoded tool definitions, with a comma before them.
    tail: Vec<u8>,
    messages: Vec<u8>,
    /// Entries encoded so far.
    count: usize,
    /// Where the last of them begins, and the role before it.
    last: Option<(usize, Role)>,
    role: Role,
}

/// The role of the last message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Role {
    #[default]
    None,
    System,
    User,
    Assistant,
    Tool,
}

impl Encoder {
    pub(crate) fn body(&mut self, config: &ChatConfig, request: &ChatRequest<'_>) -> Result<Bytes, serde_json::Error> {
        self.forget_unless_grown(config, request)?;
        let known = self.count;
        for entry in request.entries.iter().skip(known) {
            self.last = Some((self.messages.len(), self.role));
            self.role = push(&mut self.messages, self.role, entry, &self.tools, config)?;
            self.count += 1;
        }
        let head = head(config, request)?;
        let mut body = Vec::with_capacity(head.len() + self.messages.len() + self.tail.len() + 16);
        body.extend_from_slice(&head);
        body.extend_from_slice(b",\"messages\":[");
        body.extend_from_slice(&self.messages);
        body.push(b']');
        body.extend_from_slice(&self.tail);
        body.push(b'}');
        Ok(body.into())
    }

    /// Starts anew where the request is not the last one with more entries.
    fn forget_unless_grown(&mut self, config: &ChatConfig, request: &ChatRequest<'_>) -> Result<(), serde_json::Error> {
        let same_tools = self.tools == request.tools;
        if self.generation == request.generation && same_tools && self.ends_like(config, request.entries)? {
            return Ok(());
        }
        let tail =
            if same_tools && self.count > 0 { std::mem::take(&mut self.tail) } else { tail(config, request.tools)? };
        *self = Encoder { generation: request.generation, tools: request.tools.to_vec(), tail, ..Encoder::default() };
        Ok(())
    }

    /// Two agents may share one client and a generation: the last entry that was encoded tells them apart.
    fn ends_like(&self, config: &ChatConfig, entries: &[Entry]) -> Result<bool, serde_json::Error> {
        let Some((start, role)) = self.last else { return Ok(false) };
        let Some(entry) = self.count.checked_sub(1).and_then(|last| entries.get(last)) else { return Ok(false) };
        let mut again = Vec::new();
        // The comma before it depends on whether something stands there.
        if start > 0 {
            again.extend(self.messages.get(..1).unwrap_or_default());
        }
        let commas = again.len();
        push(&mut again, role, entry, &self.tools, config)?;
        Ok(self.messages.get(start..) == again.get(commas..))
    }
}

/// Everything before the messages, without the closing brace.
fn head(config: &ChatConfig, request: &ChatRequest<'_>) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Head<'a> {
        model: &'a str,
        stream: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_effort: Option<Effort>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_key: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_options: Option<StreamOptions>,
    }
    #[derive(Serialize)]
    struct StreamOptions {
        include_usage: bool,
    }
    let (prompt_cache_key, stream_options) = match config.dialect {
        Dialect::Mistral => (Some(config.session.as_str()), None),
        Dialect::OpenAiCompatible => (None, Some(StreamOptions { include_usage: true })),
    };
    let mut head = serde_json::to_vec(&Head {
        model: &config.model,
        stream: true,
        // The first fresh start has another request, the next ones almost the same again.
        temperature: config.anew_temperature.filter(|_| 1 < request.fresh_starts).or(config.temperature),
        max_tokens: request.max_output_tokens,
        reasoning_effort: config.effort,
        prompt_cache_key,
        stream_options,
    })?;
    head.pop();
    Ok(head)
}

/// Everything after the messages: the tools, the same in every request.
fn tail(config: &ChatConfig, tools: &[ToolSpec]) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Tool<'a> {
        r#type: &'static str,
        function: Function<'a>,
    }
    #[derive(Serialize)]
    struct Function<'a> {
        name: &'static str,
        description: &'a str,
        parameters: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    }
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let strict = match (config.dialect, config.strict_tools) {
        (Dialect::Mistral, StrictTools::Sent) => Some(true),
        (Dialect::Mistral, StrictTools::NotSent) | (Dialect::OpenAiCompatible, _) => None,
    };
    let tools: Vec<Tool<'_>> = tools
        .iter()
        .map(|tool| Tool {
            r#type: "function",
            function: Function {
                name: tool.name,
                description: &tool.description,
                parameters: &tool.parameters,
                strict,
            },
        })
        .collect();
    let mut tail = b",\"tools\":".to_vec();
    serde_json::to_writer(&mut tail, &tools)?;
    Ok(tail)
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Content<'a>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        name: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Chunks(Vec<Chunk<'a>>),
}

/// MISTRAL.md 1.2.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Chunk<'a> {
    Thinking { thinking: [Thought<'a>; 1] },
    Text { text: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Thought<'a> {
    Text { text: &'a str },
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CallFunction<'a>,
}

#[derive(Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: String,
}

/// Appends the messages of one entry; the role of the last message after that.
fn push(
    out: &mut Vec<u8>,
    before: Role,
    entry: &Entry,
    tools: &[ToolSpec],
    config: &ChatConfig,
) -> Result<Role, serde_json::Error> {
    let filled = |text: &'_ str| if text.trim().is_empty() { NOTHING.to_owned() } else { text.to_owned() };
    match entry {
        Entry::System { text } if before == Role::None && config.system_role == SystemRole::Own => {
            write(out, &Message::System { content: &filled(text) })?;
            Ok(Role::System)
        }
        // Only the first message may be the system's (MISTRAL.md 1.5), and not with every model: others are the user's.
        Entry::System { text } | Entry::User { text } => {
            if matches!(before, Role::User | Role::Tool) {
                write(out, &Message::Assistant { content: Content::Text(BRIDGE), tool_calls: Vec::new() })?;
            }
            write(out, &Message::User { content: &filled(text) })?;
            Ok(Role::User)
        }
        // An empty turn of the assistant is a 400 (MISTRAL.md 7.4).
        Entry::Reply(reply) if reply.calls.is_empty() && reply.text.trim().is_empty() => Ok(before),
        Entry::Reply(reply) => {
            write(out, &assistant(reply, tools, config))?;
            Ok(Role::Assistant)
        }
        // It changes what is shown, see `Transcript::view`, and is not shown itself.
        Entry::Compaction { .. } => Ok(before),
        Entry::Outcome { call_id, tool, outcome, .. } => {
            let message =
                Message::Tool { tool_call_id: call_id, name: offered(tool, tools), content: &filled(outcome.text()) };
            write(out, &message)?;
            Ok(Role::Tool)
        }
    }
}

fn assistant<'a>(reply: &'a Reply, tools: &'a [ToolSpec], config: &ChatConfig) -> Message<'a> {
    let calls = reply.calls.iter().map(|call| Call {
        id: &call.id,
        r#type: "function",
        function: CallFunction { name: offered(&call.name, tools), arguments: call.arguments.as_json().into_owned() },
    });
    // Content is a string even where there is only a call: some local chat templates fail on null.
    let text = if reply.text.trim().is_empty() { "" } else { &reply.text };
    let content = match (config.dialect, config.thoughts) {
        (Dialect::Mistral, Thoughts::SentBack) if !reply.thinking.trim().is_empty() => {
            let thinking = Chunk::Thinking { thinking: [Thought::Text { text: &reply.thinking }] };
            let words = (!text.is_empty()).then_some(Chunk::Text { text });
            Content::Chunks(std::iter::once(thinking).chain(words).collect())
        }
        (Dialect::Mistral | Dialect::OpenAiCompatible, _) => Content::Text(text),
    };
    Message::Assistant { content, tool_calls: calls.collect() }
}

/// A call of a tool that does not exist has to go back under a name that does: servers refuse others, and with
/// `strict` tools the grammar knows no others. The outcome's text says which tool was really called.
fn offered<'a>(name: &'a str, tools: &'a [ToolSpec]) -> &'a str {
    let valid = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    match tools.first() {
        Some(first) if !tools.iter().any(|tool| tool.name == name) => first.name,
        None if !valid => "unknown_tool",
        Some(_) | None => name,
    }
}

fn write(out: &mut Vec<u8>, message: &Message<'_>) -> Result<(), serde_json::Error> {
    if !out.is_empty() {
        out.push(b',');
    }
    serde_json::to_writer(out, message)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
