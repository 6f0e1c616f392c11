//! A reply while it is being gathered, before the transcript records it.

use crate::chat::{ChatEvent, FinishReason, RawCall, Usage};
use crate::clip::Clipped;
use crate::limits::estimate_tokens;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) calls: Vec<RawCall>,
    /// As the server counted it, `None` until it did.
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: FinishReason,
    /// The call that the text ends in, where it was written as text and not run.
    leaked: Option<RawCall>,
    /// Bytes of calls so far, whole or not.
    writing: usize,
    /// What attempts used that broke off, where the server said so.
    wasted: Usage,
}

/// For thoughts that no reply followed: nothing of them is recorded, so the model has to be told.
pub(crate) const NO_REPLY: &str = "You stopped after thinking, without a reply. Continue with a tool call, or with your \
                                   answer if the task is done.";

/// The most of a model's reason to decline that is shown.
const DECLINED_BYTES: usize = 400;

/// The most of a leaked call's arguments that is repeated to the model.
const LEAKED_BYTES: usize = 400;

impl Draft {
    pub(crate) fn add(&mut self, event: ChatEvent) {
        match event {
            ChatEvent::Text(text) => self.text.push_str(&text),
            ChatEvent::Thinking(text) => self.thinking.push_str(&text),
            ChatEvent::TextWasThinking => self.thinking.push_str(&std::mem::take(&mut self.text)),
            ChatEvent::Writing { bytes } => self.writing += bytes,
            ChatEvent::Call(call) => self.calls.push(call),
            ChatEvent::LeakedCall(call) => self.leaked = Some(call),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Finish(reason) => self.finish = reason,
            ChatEvent::Retrying { .. } => *self = Draft { wasted: self.counted(), ..Draft::default() },
        }
    }

    /// Nothing that could be recorded: neither words nor calls.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }

    /// Where it was cut, or is no answer: what the model is told then.
    pub(crate) fn cut(&self) -> Option<String> {
        match &self.finish {
            FinishReason::Length | FinishReason::ContextFull => {
                Some("Your reply was cut off at the length limit. Continue in smaller pieces.".to_owned())
            }
            FinishReason::Repetition => {
                Some("Your reply kept repeating itself and was cut off. Continue with a tool call.".to_owned())
            }
            FinishReason::LeakedCall => Some(self.send_back()),
            FinishReason::Other(reason) if self.ends_in_mid_sentence() => {
                Some(format!("Your reply was cut off (`{reason}`). Continue from there."))
            }
            FinishReason::Stop | FinishReason::Filtered | FinishReason::Declined | FinishReason::Other(_) => None,
        }
    }

    /// What the human is told of it.
    pub(crate) fn cut_notice(&self) -> Option<String> {
        match &self.finish {
            FinishReason::Repetition => Some("the model kept repeating itself; its reply was cut off".to_owned()),
            FinishReason::LeakedCall => {
                Some("the model wrote a tool call as text; it did not run and was sent back".to_owned())
            }
            FinishReason::Other(reason) if self.ends_in_mid_sentence() => {
                Some(format!("the server cut off the reply: {reason}"))
            }
            FinishReason::Stop
            | FinishReason::Length
            | FinishReason::ContextFull
            | FinishReason::Filtered
            | FinishReason::Declined
            | FinishReason::Other(_) => None,
        }
    }

    /// Why there is no answer and will be none: a filter, or the model itself.
    pub(crate) fn declined(&self) -> Option<String> {
        match self.finish {
            FinishReason::Filtered => Some("the server's content filter cut off the reply".to_owned()),
            FinishReason::Declined => {
                let words = Clipped::to(self.text.trim(), DECLINED_BYTES);
                Some(format!("the model declined to answer: {}", words.as_str()))
            }
            FinishReason::Stop
            | FinishReason::Length
            | FinishReason::ContextFull
            | FinishReason::Repetition
            | FinishReason::LeakedCall
            | FinishReason::Other(_) => None,
        }
    }

    /// What several of its kind in a row were.
    pub(crate) fn shortcoming(&self) -> &'static str {
        match (&self.finish, self.is_empty() && !self.thinking.trim().is_empty()) {
            (FinishReason::LeakedCall, _) => "ended in a tool call written as text",
            (_, true) => "were thoughts without a reply",
            (_, false) => "were empty or cut off",
        }
    }

    fn send_back(&self) -> String {
        let what = "Your last reply ends in a tool call written as text, so nothing ran.";
        let call = match &self.leaked {
            Some(call) if !call.name.is_empty() => {
                let arguments = Clipped::to(&call.arguments, LEAKED_BYTES);
                format!(
                    "Call the tool `{}` itself, with its arguments as a JSON object: {}",
                    call.name,
                    arguments.as_str()
                )
            }
            Some(_) | None => "Call the tool itself, by its name, with its arguments as a JSON object.".to_owned(),
        };
        format!("{what} {call}\nIf you only wanted to quote a call, put it in a code block and end with your answer.")
    }

    /// Letters, or a mark that more follows: an answer ends in neither.
    fn ends_in_mid_sentence(&self) -> bool {
        self.calls.is_empty()
            && self.text.trim_end().ends_with(|last: char| last.is_alphanumeric() || ",-(/".contains(last))
    }

    /// By the server, attempts that broke off included.
    pub(crate) fn counted(&self) -> Usage {
        let Usage { input, cached, output } = self.usage.unwrap_or_default();
        Usage {
            input: self.wasted.input.saturating_add(input),
            cached: self.wasted.cached.saturating_add(cached),
            output: self.wasted.output.saturating_add(output),
        }
    }

    /// The server's count, or else an estimate from what has come, for a request of about `input` tokens; and what
    /// attempts used that broke off.
    pub(crate) fn usage_so_far(&self, input: u64) -> Usage {
        let mut usage = self.counted();
        if self.usage.is_none() {
            let whole: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
            let bytes = self.text.len() + self.thinking.len() + whole.max(self.writing);
            usage.input = usage.input.saturating_add(input);
            usage.output = usage.output.saturating_add(estimate_tokens(bytes));
        }
        usage
    }
}
