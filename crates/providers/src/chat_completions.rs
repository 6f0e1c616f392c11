//! Chat completions as Mistral and OpenAI-compatible servers speak them: one request, tried until it holds.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use agent::{ChatClient, ChatError, ChatErrorKind, ChatEvent, ChatRequest, ChatStream, ToolSpec};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{ChatConfig, Dialect};
use crate::failure::{self, Again, Failure};
use crate::http::{Answer, Server};
use crate::reply_reader::{ReplyReader, ServerParser};
use crate::request::Encoder;
use crate::retry::Spent;

/// How long the end of a reply that is complete is waited for in all, so that its connection can be used again.
const LINGER: Duration = Duration::from_millis(250);

/// How long usage and `[DONE]` may take in all once the model has finished. Some servers send neither, and go on with
/// signs of life that say nothing.
const LAST_WORDS: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct ChatCompletions {
    server: Rc<Server>,
    config: ChatConfig,
    encoder: RefCell<Encoder>,
    /// What its replies showed so far.
    parser: Cell<ServerParser>,
}

impl ChatCompletions {
    pub fn new(server: Rc<Server>, config: ChatConfig) -> ChatCompletions {
        ChatCompletions { server, config, encoder: RefCell::default(), parser: Cell::default() }
    }
}

impl ChatClient for ChatCompletions {
    fn send<'a>(&'a self, request: ChatRequest<'a>) -> ChatStream<'a> {
        let body = self.encoder.borrow_mut().body(&self.config, &request);
        let attempts = Attempts {
            client: self,
            tools: request.tools,
            spent: Spent::new(self.config.retry),
            ready: VecDeque::new(),
            stage: match body {
                Ok(body) => Stage::Ask { body, after: Duration::ZERO },
                Err(error) => Stage::Fail(ChatError {
                    message: format!("cannot write the request: {error}"),
                    hint: None,
                    kind: ChatErrorKind::Refused,
                }),
            },
        };
        Box::pin(stream::unfold(attempts, Attempts::next))
    }
}

/// The attempts of one request.
struct Attempts<'a> {
    client: &'a ChatCompletions,
    tools: &'a [ToolSpec],
    spent: Spent,
    ready: VecDeque<ChatEvent>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Ask { body: Bytes, after: Duration },
    Read { body: Bytes, answer: Answer, reader: Box<ReplyReader<'a>>, finished: Option<Instant> },
    Fail(ChatError),
    End,
}

impl<'a> Attempts<'a> {
    async fn next(mut self) -> Option<(Result<ChatEvent, ChatError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            self.stage = match std::mem::replace(&mut self.stage, Stage::End) {
                Stage::Ask { body, after } => {
                    // Even no time at all takes tokio's timer a millisecond.
                    if !after.is_zero() {
                        sleep(after).await;
                    }
                    self.ask(body).await
                }
                Stage::Read { body, answer, reader, finished } => self.read(body, answer, reader, finished).await,
                Stage::Fail(error) => return Some((Err(error), self)),
                Stage::End => return None,
            };
        }
    }

    async fn ask(&mut self, body: Bytes) -> Stage<'a> {
        let config = &self.client.config;
        let affinity = match config.dialect {
            Dialect::Mistral => Some(config.session.as_str()),
            Dialect::OpenAiCompatible => None,
        };
        tracing::debug!(bytes = body.len(), attempt = self.spent.attempts + 1, "request");
        match self.client.server.post("chat/completions", affinity, body.clone()).await {
            Ok(answer) => {
                let parser = self.client.parser.get();
                let reader = ReplyReader::new(self.tools, config.reply_bounds, config.text_calls, parser);
                Stage::Read { body, answer, reader: Box::new(reader), finished: None }
            }
            Err(failure) => self.again(body, failure),
        }
    }

    /// Reads until there is something to show. `finished`: when the model was last heard, once it has said that it is.
    async fn read(
        &mut self,
        body: Bytes,
        mut answer: Answer,
        mut reader: Box<ReplyReader<'a>>,
        finished: Option<Instant>,
    ) -> Stage<'a> {
        let about = &self.client.server.about;
        if reader.is_done() {
            self.client.parser.set(reader.parser());
            // What else the model would write after a cut is not wanted: a connection that ends tells the server so.
            return if reader.is_cut() { Stage::End } else { linger(answer).await };
        }
        let server = &self.client.server;
        let idle = if reader.has_begun() { server.idle_timeout() } else { server.first_byte_timeout() };
        let pause = self.client.config.longest_pause.filter(|_| reader.has_begun());
        let idle = pause.map_or(idle, |pause| pause.min(idle));
        let left = finished.map(|finished| LAST_WORDS.saturating_sub(finished.elapsed()));
        let idle = left.map_or(idle, |left| left.min(idle));
        let read = match answer.next(idle).await {
            Ok(Some(bytes)) => reader.push(&bytes),
            Ok(None) => reader.finish(),
            Err(_) if reader.has_finish_reason() => reader.finish(),
            Err(failure) => return self.broken(body, failure, &reader),
        };
        match read {
            Ok(events) => {
                let finished = match finished {
                    Some(finished) if events.is_empty() => Some(finished),
                    Some(_) | None => reader.has_finish_reason().then(Instant::now),
                };
                self.ready.extend(events);
                Stage::Read { body, answer, reader, finished }
            }
            Err(error) => {
                let failure = failure::of_stream(error, about);
                self.broken(body, failure, &reader)
            }
        }
    }

    /// What was used before it broke is paid for.
    fn broken(&mut self, body: Bytes, failure: Failure, reader: &ReplyReader<'_>) -> Stage<'a> {
        self.ready.extend(reader.usage().map(ChatEvent::Usage));
        self.again(body, failure)
    }

    /// Tries again if that can help and the budget allows it: nothing of a broken reply was recorded.
    fn again(&mut self, body: Bytes, failure: Failure) -> Stage<'a> {
        let chance = RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64;
        let Failure { mut error, again } = failure;
        if let Some(delay) = self.spent.next(again, chance) {
            tracing::debug!(why = error.message, ?delay, "retrying");
            let attempt = self.spent.attempts;
            self.ready.push_back(ChatEvent::Retrying { attempt, delay, why: error.message });
            return Stage::Ask { body, after: delay };
        }
        if let (ChatErrorKind::Model, Some(new)) = (error.kind, &self.client.config.replacement) {
            error.hint = Some(format!("use its replacement: --model {new}"));
        }
        if let Again::Later { asked, .. } = again {
            if self.spent.attempts > 1 {
                error.message.push_str(&format!(" (after {} attempts)", self.spent.attempts));
            }
            if let Some(asked) = asked {
                error.hint = Some(format!("the server asks to wait {} s", asked.as_secs()));
            }
        }
        Stage::Fail(error)
    }
}

/// A body read to its end leaves its connection open for the next request.
async fn linger<'a>(mut answer: Answer) -> Stage<'a> {
    // Either way it is over: what ended it does not matter.
    let _ = timeout(LINGER, async { while let Ok(Some(_)) = answer.next(LINGER).await {} }).await;
    Stage::End
}
