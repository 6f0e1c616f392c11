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
    repetition: RepetitionWatch,
    usage: Option<Usage>,
    pub(crate) finish: Option<String>,
    /// The model went in circles: what it may go on to write is not wanted.
    pub(crate) is_cut: bool,
}

impl Default for Assembly {
    fn default() -> Assembly {
        Assembly::new(ReplyBounds::WIDE)
    }
}

impl Assembly {
    pub(crate) fn new(bounds: ReplyBounds) -> Assembly {
        Assembly {
            fragments: Fragments::at_most(bounds.calls),
            repetition: RepetitionWatch::new(bounds),
            usage: None,
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
        if is_error(&chunk) {
            return Err(StreamError::Server(chunk));
        }
        if let Some(usage) = chunk.get("usage").and_then(usage) {
            self.usage = Some(usage);
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
        let finish = self.finish.map(|reason| ChatEvent::Finish(finish_reason(reason)));
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
        for event in events.iter().skip(said) {
            if let ChatEvent::Text(text) | ChatEvent::Thinking(text) = event
                && self.repetition.push(text).is_some()
            {
                return self.cut(REPETITION);
            }
        }
        for fragment in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let (name, arguments) = self.fragments.add(fragment);
            events.push(ChatEvent::Writing { bytes: name + arguments.len() });
            if self.fragments.cut_circle() {
                return self.cut("stop");
            }
            if let Some(again) = self.repetition.push(&arguments) {
                self.fragments.take_back(again);
                return self.cut(REPETITION);
            }
        }
    }

    fn cut(&mut self, finish: &str) {
        self.finish = Some(finish.to_owned());
        self.is_cut = true;
    }
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
    let named = |key: &str| chunk.get(key).is_some_and(|value| !value.is_null());
    named("error") || (!named("choices") && (named("message") || named("detail")))
}

/// `None` for null and for objects without counts.
fn usage(usage: &Value) -> Option<Usage> {
    let count = |path: &str| {
        usage.pointer(path).and_then(|value| value.as_u64().or_else(|| value.as_f64().map(|count| count as u64)))
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
        "stop" | "tool_calls" | "function_call" | "eos" | "end_turn" | "" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "model_length" => FinishReason::ContextFull,
        REPETITION => FinishReason::Repetition,
        _ => FinishReason::Other(reason),
    }
}
