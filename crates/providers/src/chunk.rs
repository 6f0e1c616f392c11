//! One chunk of an answer, read leniently: servers leave out, null and misname
//! fields in every way (MISTRAL.md 1.3, 1.4, 7). Only the first choice counts.

use agent::{ChatEvent, FinishReason, Usage};
use serde_json::{Value, json};

use crate::bounds::{RepetitionWatch, ReplyBounds};
use crate::decoder::StreamError;
use crate::fragments::Fragments;

/// What the chunks so far add up to, apart from the text, which was handed on.
#[derive(Debug)]
pub(crate) struct Assembly {
    fragments: Fragments,
    words: RepetitionWatch,
    arguments: RepetitionWatch,
    /// As the server counted it so far.
    pub(crate) usage: Option<Usage>,
    declined: bool,
    pub(crate) finish: Option<String>,
    /// The model went in circles: what it may go on to write is not wanted.
    pub(crate) is_cut: bool,
}

impl Default for Assembly {
    fn default() -> Assembly {
        Assembly::new(ReplyBounds::WIDE, Vec::new())
    }
}

impl Assembly {
    /// `names`: the tools that may be called.
    pub(crate) fn new(bounds: ReplyBounds, names: Vec<String>) -> Assembly {
        Assembly {
            fragments: Fragments::new(bounds.calls, names),
            words: RepetitionWatch::new(bounds.repeated_bytes),
            arguments: RepetitionWatch::new(bounds.repeated_argument_bytes),
            usage: None,
            declined: false,
            finish: None,
            is_cut: false,
        }
    }

    /// `keys`: where the words are, best first. Perplexity sends what is new and all so far side by side.
    pub(crate) fn add(
        &mut self,
        chunk: Value,
        keys: [&str; 2],
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), StreamError> {
        // First, since what was used is paid for even if the same chunk reports an error.
        if let Some(usage) = chunk.get("usage").and_then(usage) {
            self.usage = Some(usage);
        }
        if is_error(&chunk) {
            return Err(StreamError::Server(chunk));
        }
        let Some(choice) = first_choice(&chunk) else { return Ok(()) };
        let message = keys.iter().find_map(|key| choice.get(*key).filter(|message| message.is_object()));
        if let Some(message) = message {
            self.message(message, events);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            // Mistral's word for a generation that failed: what came of it is not an answer (MISTRAL.md 1.3).
            if reason == "error" {
                return Err(StreamError::Server(json!({"message": "the model's generation failed"})));
            }
            self.finish = Some(reason.to_owned());
        }
        Ok(())
    }

    /// Calls, usage, finish: each only if the server said it.
    pub(crate) fn end(self) -> Vec<ChatEvent> {
        let calls = self.fragments.join().into_iter().map(ChatEvent::Call);
        let usage = self.usage.map(ChatEvent::Usage);
        let finish = match self.finish {
            Some(_) if self.declined => Some(FinishReason::Declined),
            finish => finish.map(finish_reason),
        };
        let finish = finish.map(ChatEvent::Finish);
        calls.chain(usage).chain(finish).collect()
    }

    fn message(&mut self, message: &Value, events: &mut Vec<ChatEvent>) {
        let said = events.len();
        // The same words under two names are the same words: take the first that is there.
        let thinking = ["reasoning_content", "reasoning"]
            .iter()
            .find_map(|key| message.get(*key).and_then(Value::as_str).filter(|text| !text.is_empty()));
        events.extend(thinking.map(|text| ChatEvent::Thinking(text.to_owned())));
        if let Some(content) = message.get("content") {
            events.extend(parts(content));
        }
        // OpenAI's field for a model that declines: the words are not in the content.
        if let Some(refusal) = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.declined = true;
            events.push(ChatEvent::Text(refusal.to_owned()));
        }
        for event in events.iter().skip(said) {
            if let ChatEvent::Text(text) | ChatEvent::Thinking(text) = event
                && self.words.push(text).is_some()
            {
                return self.cut(REPETITION);
            }
        }
        for fragment in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            if self.fragment(fragment, events) == Flow::Cut {
                return;
            }
        }
        // The form before `tool_calls`: one call, without index and id.
        if let Some(function) = message.get("function_call").filter(|function| function.is_object()) {
            self.fragment(&json!({"index": 0, "function": function}), events);
        }
    }

    fn fragment(&mut self, fragment: &Value, events: &mut Vec<ChatEvent>) -> Flow {
        let (name, arguments) = self.fragments.add(fragment);
        events.push(ChatEvent::Writing { bytes: name + arguments.len() });
        if self.fragments.cut_circle() {
            self.cut("stop");
            return Flow::Cut;
        }
        if let Some(again) = self.arguments.push(&arguments) {
            self.fragments.take_back(again);
            self.cut(REPETITION);
            return Flow::Cut;
        }
        Flow::On
    }

    fn cut(&mut self, finish: &str) {
        self.finish = Some(finish.to_owned());
        self.is_cut = true;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    /// The reply ends here.
    Cut,
}

/// vLLM's word for it too, where it looks for repetition itself.
const REPETITION: &str = "repetition";

/// The choice with index 0; a server that does not count its choices sends one.
fn first_choice(chunk: &Value) -> Option<&Value> {
    let choices = chunk.get("choices")?.as_array()?;
    choices.iter().find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0)
}

/// Content is a string, null, or a list of typed parts (thinking, text, references, ...).
fn parts(content: &Value) -> Vec<ChatEvent> {
    match content {
        Value::String(text) if !text.is_empty() => vec![ChatEvent::Text(text.clone())],
        Value::Array(parts) => parts.iter().filter_map(part).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    }
}

fn part(part: &Value) -> Option<ChatEvent> {
    if let Some(thinking) = part.get("thinking") {
        let words = match thinking {
            Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        return (!words.is_empty()).then_some(ChatEvent::Thinking(words));
    }
    let text = part.as_str().or_else(|| part.get("text")?.as_str())?;
    (!text.is_empty()).then(|| ChatEvent::Text(text.to_owned()))
}

/// `error` is what most send; Mistral's own is flat, with a `message` or a bare `detail`.
fn is_error(chunk: &Value) -> bool {
    // Some servers send an empty `error` with every chunk.
    let named = |key: &str| match chunk.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => true,
    };
    named("error") || (!named("choices") && (named("message") || named("detail")))
}

/// More than any request or reply has: such a count is a mistake of the server's and counts as none.
const MOST_TOKENS: f64 = 1e9;

/// `None` for null and for objects without counts.
fn usage(usage: &Value) -> Option<Usage> {
    let count = |path: &str| {
        let value = usage.pointer(path)?;
        let count = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        (0.0..=MOST_TOKENS).contains(&count).then_some(count as u64)
    };
    let input = count("/prompt_tokens");
    let output = count("/completion_tokens");
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = count("/prompt_tokens_details/cached_tokens")
        .or_else(|| count("/num_cached_tokens"))
        .or_else(|| count("/prompt_cache_hit_tokens"))
        .or_else(|| count("/cached_tokens"));
    let input = input.unwrap_or_default();
    Some(Usage { input, cached: cached.unwrap_or_default().min(input), output: output.unwrap_or_default() })
}

/// An open list: what is not known is kept as it was said.
fn finish_reason(reason: String) -> FinishReason {
    match reason.as_str() {
        "stop" | "tool_calls" | "function_call" | "tool_use" | "tool_call" | "eos" | "end_turn" | "stop_sequence"
        | "" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "model_length" => FinishReason::ContextFull,
        REPETITION => FinishReason::Repetition,
        // OpenAI's and Azure's word, Google's, Anthropic's.
        "content_filter" | "content_filtered" | "safety" | "SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" => {
            FinishReason::Filtered
        }
        "refusal" => FinishReason::Declined,
        _ => FinishReason::Other(reason),
    }
}
