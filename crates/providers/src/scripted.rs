//! A model that plays a part from a script, in process. For tests of the loop.

use std::cell::RefCell;
use std::collections::VecDeque;

use agent::{ChatClient, ChatError, ChatErrorKind, ChatEvent, ChatRequest, ChatStream, Entry};
use futures_util::stream;

/// Gives the next reply of its script at each request, and keeps what it was asked.
#[derive(Debug, Default)]
pub struct Scripted {
    replies: RefCell<VecDeque<Vec<ChatEvent>>>,
    asked: RefCell<Vec<Vec<Entry>>>,
}

impl Scripted {
    pub fn new(replies: impl IntoIterator<Item = Vec<ChatEvent>>) -> Scripted {
        Scripted { replies: RefCell::new(replies.into_iter().collect()), asked: RefCell::default() }
    }

    /// The entries of each request so far.
    pub fn asked(&self) -> Vec<Vec<Entry>> {
        self.asked.borrow().clone()
    }
}

impl ChatClient for Scripted {
    fn send<'a>(&'a self, request: ChatRequest<'a>) -> ChatStream<'a> {
        self.asked.borrow_mut().push(request.entries.to_vec());
        match self.replies.borrow_mut().pop_front() {
            Some(events) => Box::pin(stream::iter(events.into_iter().map(Ok))),
            None => {
                let message = "the script has ended".to_owned();
                let error = ChatError { message, hint: None, kind: ChatErrorKind::Refused };
                Box::pin(stream::iter([Err(error)]))
            }
        }
    }
}
