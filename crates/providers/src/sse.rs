//! Splits a byte stream into server-sent events. Pure: it never reads, it is fed.
//!
//! Lines end at CR, LF or CRLF and nowhere else: U+2028, U+2029 and U+0085 stand
//! unescaped inside the JSON that servers send (MISTRAL.md 1.4).

use crate::decoder::StreamError;

/// The most one event may hold.
const EVENT_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub(crate) struct Splitter {
    line: Vec<u8>,
    /// The `data` lines of the event that is not yet over.
    data: Vec<u8>,
    lines_seen: bool,
    after_cr: bool,
}

impl Splitter {
    /// The payloads of the events that are complete with these bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<String>, StreamError> {
        let mut events = Vec::new();
        if self.after_cr && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            self.after_cr = false;
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.line.extend_from_slice(line);
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            events.extend(self.end_line());
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() + self.data.len() > EVENT_BYTES {
            return Err(StreamError::TooLarge { what: "one event", bytes: EVENT_BYTES });
        }
        Ok(events)
    }

    /// What stands after the last line end. Some servers leave out the final empty line.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        let before = self.end_line();
        before.into_iter().chain(self.end_event()).collect()
    }

    fn end_line(&mut self) -> Option<String> {
        let whole = std::mem::take(&mut self.line);
        let mut line = whole.as_slice();
        if !self.lines_seen {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            self.lines_seen = true;
        }
        if line.is_empty() {
            return self.end_event();
        }
        // Older llama.cpp servers name the field of a failure `error`.
        let value = line.strip_prefix(b"data:").or_else(|| line.strip_prefix(b"error:"));
        if let Some(value) = value {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
        None
    }

    fn end_event(&mut self) -> Option<String> {
        let data = std::mem::take(&mut self.data);
        let text =
            String::from_utf8(data).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (!text.trim().is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        for size in [1, 2, 3, stream.len()] {
            let mut splitter = Splitter::default();
            let mut events = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                events.extend(splitter.push(piece).unwrap());
            }
            events.extend(splitter.finish());
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn line_ends() {
        check("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata:d\n\n", &["a", "b", "c", "d"]);
    }

    #[test]
    fn comments_other_fields_and_byte_order_mark() {
        check("\u{feff}data: a\n\n: ping\n\nevent: x\nid: 1\ndata: b\n\n", &["a", "b"]);
    }

    #[test]
    fn several_data_lines_are_one_event() {
        check("data: a\ndata: b\n\n", &["a\nb"]);
    }

    #[test]
    fn unicode_line_separators_stay() {
        check("data: \"\u{2028}\u{2029}\u{85}\"\n\n", &["\"\u{2028}\u{2029}\u{85}\""]);
    }

    #[test]
    fn no_final_line_end() {
        check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
        check("data: a\n\ndata: [DONE]\n", &["a", "[DONE]"]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut splitter = Splitter::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..32).find_map(|_| splitter.push(&piece).err());
        assert!(matches!(refused, Some(StreamError::TooLarge { .. })));
    }
}
