//! Reads one reply: the decoder, then what the server left in the words (thoughts, calls written as text). Pure.

use agent::{ChatEvent, FinishReason, ToolSpec, Usage};

use crate::bounds::ReplyBounds;
use crate::decoder::{Decoder, StreamError};
use crate::leak;
use crate::profiles::TextCalls;
use crate::screen::Screen;
use crate::thoughts::{Said, Thoughts};

/// Whether the server has a parser for the calls of its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServerParser {
    #[default]
    NotSeen,
    /// It has sent calls as such: what is left in the text is none, or one that lost its form.
    Seen,
}

#[derive(Debug)]
pub(crate) struct ReplyReader<'a> {
    decoder: Decoder,
    thoughts: Thoughts,
    screen: Screen,
    tools: &'a [ToolSpec],
    /// The words without thoughts, as they came.
    words: String,
    parser: ServerParser,
    ended: bool,
    begun: bool,
}

impl<'a> ReplyReader<'a> {
    pub(crate) fn new(
        tools: &'a [ToolSpec],
        bounds: ReplyBounds,
        form: TextCalls,
        parser: ServerParser,
    ) -> ReplyReader<'a> {
        let names: Vec<String> = tools.iter().map(|tool| tool.name.to_owned()).collect();
        let readable = match (parser, form) {
            (ServerParser::Seen, TextCalls::Bare | TextCalls::Fenced) => Vec::new(),
            (ServerParser::Seen, TextCalls::Always) | (ServerParser::NotSeen, _) => names.clone(),
        };
        ReplyReader {
            decoder: Decoder::new(bounds, names),
            thoughts: Thoughts::default(),
            screen: Screen::new(readable, form),
            tools,
            words: String::new(),
            parser,
            ended: false,
            begun: false,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<ChatEvent>, StreamError> {
        self.begun = true;
        let mut events = Vec::new();
        self.decoder.push(bytes, &mut events)?;
        Ok(self.pass(events))
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ChatEvent>, StreamError> {
        let mut events = Vec::new();
        self.decoder.finish(&mut events)?;
        Ok(self.pass(events))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(crate) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// The reply was ended before the model ended it.
    pub(crate) fn is_cut(&self) -> bool {
        self.decoder.is_cut()
    }

    pub(crate) fn has_finish_reason(&self) -> bool {
        self.decoder.has_finish_reason()
    }

    /// What is known of the server once the reply is whole.
    pub(crate) fn parser(&self) -> ServerParser {
        self.parser
    }

    /// What a reply that broke off has used, where the server said so.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.decoder.usage()
    }

    fn pass(&mut self, events: Vec<ChatEvent>) -> Vec<ChatEvent> {
        let mut shown = Vec::new();
        let mut last = Vec::new();
        for event in events {
            match event {
                ChatEvent::Text(text) => {
                    let said = self.thoughts.push(&text);
                    if said.is_empty() {
                        shown.push(ChatEvent::Writing { bytes: text.len() });
                    }
                    said.into_iter().for_each(|said| self.said(said, &mut shown));
                }
                ChatEvent::Thinking(_)
                | ChatEvent::TextWasThinking
                | ChatEvent::Writing { .. }
                | ChatEvent::Retrying { .. } => shown.push(event),
                ChatEvent::Call(_) | ChatEvent::LeakedCall(_) | ChatEvent::Usage(_) | ChatEvent::Finish(_) => {
                    last.push(event);
                }
            }
        }
        if self.decoder.is_done() && !self.ended {
            self.ended = true;
            self.end(&mut shown, &mut last);
        }
        shown.extend(last);
        shown
    }

    fn said(&mut self, said: Said, shown: &mut Vec<ChatEvent>) {
        match said {
            Said::Text(text) => {
                self.words.push_str(&text);
                shown.push(match self.screen.push(&text) {
                    Some(text) => ChatEvent::Text(text),
                    None => ChatEvent::Writing { bytes: text.len() },
                });
            }
            Said::Thinking(thought) => shown.push(ChatEvent::Thinking(thought)),
            Said::TextWasThinking => {
                self.words.clear();
                let held = self.screen.take();
                shown.push(ChatEvent::TextWasThinking);
                shown.extend((!held.is_empty()).then_some(ChatEvent::Thinking(held)));
            }
        }
    }

    /// `last`: calls, usage and finish, as the server sent them.
    fn end(&mut self, shown: &mut Vec<ChatEvent>, last: &mut [ChatEvent]) {
        self.thoughts.finish().into_iter().for_each(|said| self.said(said, shown));
        let held = self.screen.finish();
        shown.extend((!held.text.is_empty()).then_some(ChatEvent::Text(held.text)));
        if last.iter().any(|event| matches!(event, ChatEvent::Call(_))) {
            // The server read the calls itself: what it left in the text are the same ones.
            self.parser = ServerParser::Seen;
        } else if !held.calls.is_empty() {
            shown.extend(held.calls.into_iter().map(ChatEvent::Call));
        } else if let Some(finish) =
            last.iter_mut().find(|event| matches!(event, ChatEvent::Finish(FinishReason::Stop)))
            && let Some(call) = leak::find(&self.words, self.tools)
        {
            *finish = ChatEvent::Finish(FinishReason::LeakedCall);
            shown.push(ChatEvent::LeakedCall(call));
        }
    }
}
