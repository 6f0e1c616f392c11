//! A reply while it is being gathered, before the transcript records it.

use crate::chat::{ChatEvent, FinishReason, RawCall, Usage};
use crate::limits::estimate_tokens;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) calls: Vec<RawCall>,
    /// As the server counted it, `None` until it did.
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: FinishReason,
    /// Bytes of calls so far, whole or not.
    writing: usize,
}

impl Draft {
    pub(crate) fn add(&mut self, event: ChatEvent) {
        match event {
            ChatEvent::Text(text) => self.text.push_str(&text),
            ChatEvent::Thinking(text) => self.thinking.push_str(&text),
            ChatEvent::Writing { bytes } => self.writing += bytes,
            ChatEvent::Call(call) => self.calls.push(call),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Finish(reason) => self.finish = reason,
            ChatEvent::Retrying { .. } => *self = Draft::default(),
        }
    }

    /// Nothing that could be recorded: neither words nor calls.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }

    /// Where it was cut: what the model is told then.
    pub(crate) fn cut(&self) -> Option<&'static str> {
        match self.finish {
            FinishReason::Length | FinishReason::ContextFull => {
                Some("Your reply was cut off at the length limit. Continue in smaller pieces.")
            }
            FinishReason::Repetition => {
                Some("Your reply kept repeating itself and was cut off. Continue with a tool call.")
            }
            FinishReason::Stop | FinishReason::Other(_) => None,
        }
    }

    /// The server's count, or else an estimate from what has come, for a request of about `input` tokens.
    pub(crate) fn usage_so_far(&self, input: u64) -> Usage {
        self.usage.unwrap_or_else(|| {
            let whole: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
            let bytes = self.text.len() + self.thinking.len() + whole.max(self.writing);
            Usage { input, cached: 0, output: estimate_tokens(bytes) }
        })
    }
}
