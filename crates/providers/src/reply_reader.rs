//! Reads one reply: the decoder, then the screen that keeps calls written as text off the terminal. Pure.

use agent::{ChatEvent, ToolSpec};

use crate::bounds::ReplyBounds;
use crate::decoder::{Decoder, StreamError};
use crate::screen::Screen;

#[derive(Debug)]
pub(crate) struct ReplyReader {
    decoder: Decoder,
    screen: Screen,
    ended: bool,
    begun: bool,
}

impl ReplyReader {
    pub(crate) fn new(tools: &[ToolSpec], bounds: ReplyBounds) -> ReplyReader {
        let names = tools.iter().map(|tool| tool.name.to_owned()).collect();
        ReplyReader { decoder: Decoder::new(bounds), screen: Screen::new(names), ended: false, begun: false }
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

    fn pass(&mut self, events: Vec<ChatEvent>) -> Vec<ChatEvent> {
        let mut shown = Vec::new();
        let mut last = Vec::new();
        for event in events {
            match event {
                ChatEvent::Text(text) => match self.screen.push(&text) {
                    Some(text) => shown.push(ChatEvent::Text(text)),
                    None => shown.push(ChatEvent::Writing { bytes: text.len() }),
                },
                ChatEvent::Thinking(_) | ChatEvent::Writing { .. } | ChatEvent::Retrying { .. } => shown.push(event),
                ChatEvent::Call(_) | ChatEvent::Usage(_) | ChatEvent::Finish(_) => last.push(event),
            }
        }
        if self.decoder.is_done() && !self.ended {
            self.ended = true;
            let has_calls = last.iter().any(|event| matches!(event, ChatEvent::Call(_)));
            let held = self.screen.finish();
            shown.extend((!held.text.is_empty()).then_some(ChatEvent::Text(held.text)));
            // The server read the calls itself: what it left in the text are the same ones.
            if !has_calls {
                shown.extend(held.calls.into_iter().map(ChatEvent::Call));
            }
        }
        shown.extend(last);
        shown
    }
}
