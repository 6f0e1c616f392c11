//! Reads an answer to a chat request: bytes in, events out. Pure and incremental.
//!
//! The answer may be a stream of server-sent events or one JSON object, whatever
//! was asked for and whatever its content type says: the first byte decides.

use agent::{ChatEvent, Usage};
use serde_json::Value;

use crate::bounds::ReplyBounds;
use crate::chunk::Assembly;
use crate::reason::excerpt;
use crate::sse::Splitter;

/// The most a whole reply may take on the wire.
const REPLY_BYTES: usize = 64 << 20;

/// Why an answer that began could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("the reply ended early")]
    Cut,
    #[error("the reply is larger than {bytes} bytes in {what}")]
    TooLarge { what: &'static str, bytes: usize },
    #[error("the reply is not a chat completion: {0}")]
    Garbled(String),
    /// The server reported an error inside the answer.
    #[error("the server aborted the reply: {}", crate::reason::of_value(.0))]
    Server(Value),
}

#[derive(Debug, Default)]
pub(crate) struct Decoder {
    form: Form,
    bytes: usize,
    assembly: Assembly,
    done: bool,
    is_cut: bool,
}

#[derive(Debug, Default)]
enum Form {
    /// Only white space so far.
    #[default]
    Unknown,
    Events(Splitter),
    Whole(Vec<u8>),
}

impl Decoder {
    /// `names`: the tools that may be called.
    pub(crate) fn new(bounds: ReplyBounds, names: Vec<String>) -> Decoder {
        Decoder { assembly: Assembly::new(bounds, names), ..Decoder::default() }
    }

    /// Appends what these bytes add. Calls, usage and finish come once the reply is complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<ChatEvent>) -> Result<(), StreamError> {
        self.bytes += bytes.len();
        if self.bytes > REPLY_BYTES {
            return Err(StreamError::TooLarge { what: "one reply", bytes: REPLY_BYTES });
        }
        if matches!(self.form, Form::Unknown) {
            self.form = sniff(bytes);
        }
        let payloads = match &mut self.form {
            Form::Unknown => Vec::new(),
            Form::Events(splitter) => splitter.push(bytes)?,
            Form::Whole(body) => {
                body.extend_from_slice(bytes);
                Vec::new()
            }
        };
        self.read(&payloads, events)
    }

    /// The reply is complete: nothing that may follow belongs to it.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What the server counted so far of a reply that is not complete.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.assembly.usage
    }

    /// The model has finished, though the server may still send usage.
    pub(crate) fn has_finish_reason(&self) -> bool {
        self.assembly.finish.is_some()
    }

    /// Appends what the end of the connection adds.
    pub(crate) fn finish(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), StreamError> {
        match std::mem::take(&mut self.form) {
            Form::Unknown => {}
            Form::Events(mut splitter) => self.read(&splitter.finish(), events)?,
            Form::Whole(body) => self.read_whole(&body, events)?,
        }
        if self.done {
            return Ok(());
        }
        // Without `[DONE]` and without a finish reason nobody knows what is missing.
        if self.assembly.finish.is_none() {
            return Err(StreamError::Cut);
        }
        events.extend(self.end());
        Ok(())
    }

    fn read(&mut self, payloads: &[String], events: &mut Vec<ChatEvent>) -> Result<(), StreamError> {
        for payload in payloads {
            if self.done {
                break;
            }
            if payload.trim() == "[DONE]" {
                events.extend(self.end());
                continue;
            }
            for chunk in chunks(payload)? {
                self.assembly.add(chunk, ["delta", "message"], events)?;
                if self.assembly.is_cut {
                    self.is_cut = true;
                    events.extend(self.end());
                    break;
                }
            }
        }
        Ok(())
    }

    /// One chunk per line, without the `data:` of server-sent events: some gateways send NDJSON.
    fn read_lines(&mut self, text: &str, events: &mut Vec<ChatEvent>) -> Result<(), StreamError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(serde_json::from_str::<Value>);
        let Ok(chunks) = lines.collect::<Result<Vec<Value>, _>>() else {
            return Err(StreamError::Garbled(excerpt(text)));
        };
        chunks.into_iter().try_for_each(|chunk| self.assembly.add(chunk, ["delta", "message"], events))
    }

    fn read_whole(&mut self, body: &[u8], events: &mut Vec<ChatEvent>) -> Result<(), StreamError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = String::from_utf8_lossy(body);
        let value: Value = match serde_json::from_str(&text) {
            Ok(value) => value,
            // A JSON body that ends too early was cut on its way.
            Err(error) if error.is_eof() => return Err(StreamError::Cut),
            Err(_) => return self.read_lines(&text, events),
        };
        if !value.get("choices").is_some_and(Value::is_array) {
            return Err(StreamError::Server(value));
        }
        self.assembly.add(value, ["message", "delta"], events)?;
        events.extend(self.end());
        Ok(())
    }

    fn end(&mut self) -> Vec<ChatEvent> {
        self.done = true;
        std::mem::take(&mut self.assembly).end()
    }
}

/// A stream begins with a field name, a comment or an empty line, a JSON answer with a bracket.
fn sniff(bytes: &[u8]) -> Form {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Form::Unknown,
        // The first byte of a byte order mark: only event streams were seen with one.
        Some(b'd' | b'e' | b'i' | b'r' | b':' | 0xef) => Form::Events(Splitter::default()),
        Some(_) => Form::Whole(Vec::new()),
    }
}

/// One chunk, or several where a server forgot the empty lines between them.
fn chunks(payload: &str) -> Result<Vec<Value>, StreamError> {
    match serde_json::from_str(payload) {
        Ok(chunk) => Ok(vec![chunk]),
        Err(_) => payload
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && *line != "[DONE]")
            .map(|line| serde_json::from_str(line).map_err(|_| StreamError::Garbled(excerpt(payload))))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_on_lines_of_their_own_are_a_stream_too() {
        let lines = "{\"choices\":[{\"delta\":{\"content\":\"Do\"}}]}\n\n{\"choices\":[{\"delta\":{\"content\":\"ne.\"},\
                     \"finish_reason\":\"stop\"}]}\n";
        let (mut decoder, mut events) = (Decoder::new(ReplyBounds::WIDE, Vec::new()), Vec::new());
        decoder.push(lines.as_bytes(), &mut events).unwrap();
        decoder.finish(&mut events).unwrap();
        let text: String = events
            .iter()
            .filter_map(|event| match event {
                ChatEvent::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, "Done.");
    }
}
