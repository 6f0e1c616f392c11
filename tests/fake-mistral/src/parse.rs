//! The text form of a script, as scenario folders write it. Pure: text in, turns out. See [`Script::parse`].

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use crate::delivery::{After, Ending};
use crate::fault::{Fault, FaultBody, RetryAfter};
use crate::reply::{Call, CallId, Calls, Content, Continuation, FinishChunk, Form, Reply, Separator, Usage};
use crate::script::{Script, Turn};

/// A script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    pub problem: String,
}

impl Script {
    /// Reads the text form. Turns are separated by lines that hold only `---`; an empty turn is an error (see `empty`).
    /// The first two characters of a line say what it is; `\` in front makes any line plain text.
    ///
    /// ```text
    /// Let me look.                              text, may go over several lines
    /// ~ It may be the sign.                     thinking
    /// > read_file {"filename": "calc.py"}       a call: name, blank, the arguments to the end of the line, verbatim
    /// > read_file#Ab3dE6gH9 {"file              a call with an id of its own, and with broken arguments
    /// % calls=fragments:4 usage=900/20/64       options of this reply
    /// ---
    /// ! 429 retry-after=1                       a fault, alone in its turn
    /// ---
    /// ! reset                                   the connection is reset before any byte
    /// ---
    /// Done.
    /// ```
    ///
    /// Options of a reply (times in milliseconds, `AT` is a number of events or `bytes:N`):
    /// - how it travels: `delay=MS` before the headers, `pause=MS` between events, `bytes=N` in pieces of N bytes,
    ///   `cut=AT` `stall=AT` `truncated=AT` `error=EVENTS` `no-done` for the ways to end badly;
    /// - how it looks: `json` `content=chunks` `piece=CHARS` `calls=each|fragments:N|fragments-null:N`
    ///   `ids=missing|null|openai` `own-finish` `null-usage` `padding` `crlf`;
    /// - what it says: `finish=REASON` `usage=none|PROMPT/COMPLETION|PROMPT/COMPLETION/CACHED`;
    /// - `empty`: a reply that says nothing; `repeat`: the last turn answers all later requests too.
    ///
    /// Words after `! STATUS`: `retry-after=SECONDS|date:SECONDS|ms:MS`, `body=other|capacity|empty|html`, `delay=MS`.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let (turns, last) = parse_turns(text)?;
        Ok(match last {
            Last::Once => Script::new(turns),
            Last::Repeats => Script::repeat_last(turns),
        })
    }
}

enum Last {
    Once,
    Repeats,
}

fn parse_turns(text: &str) -> Result<(Vec<Turn>, Last), ScriptError> {
    let mut turns = Vec::new();
    let mut last = Last::Once;
    let mut draft = Draft::default();
    let lines = text.lines().map(str::trim_end).chain(["---"]);
    for (line, number) in lines.zip(1..) {
        let at = |problem: String| ScriptError { line: number, problem };
        if line == "---" {
            turns.push(std::mem::take(&mut draft).finish().map_err(at)?);
        } else if draft.read(line).map_err(at)? == Some(Word::Repeat) {
            last = Last::Repeats;
        }
    }
    Ok((turns, last))
}

/// A turn while its lines are read.
#[derive(Default)]
struct Draft {
    text: Vec<String>,
    thinking: Vec<String>,
    reply: Reply,
    /// For all calls without an id of their own.
    ids: CallId,
    fault: Option<Turn>,
    /// Whether anything but blank lines was read.
    begun: bool,
}

/// A word that is not about the turn it stands in.
#[derive(PartialEq)]
enum Word {
    Repeat,
}

impl Draft {
    fn read(&mut self, line: &str) -> Result<Option<Word>, String> {
        let mut word = None;
        self.begun |= !line.is_empty();
        if let Some(call) = line.strip_prefix("> ") {
            self.reply.calls.push(read_call(call)?);
        } else if let Some(thinking) = line.strip_prefix("~ ") {
            self.thinking.push(thinking.to_owned());
        } else if let Some(options) = line.strip_prefix("% ") {
            for option in options.split_whitespace() {
                match option {
                    "repeat" => word = Some(Word::Repeat),
                    "empty" => {}
                    option => self.option(option)?,
                }
            }
        } else if let Some(fault) = line.strip_prefix("! ") {
            self.fault = Some(read_fault(fault)?);
        } else {
            self.text.push(line.strip_prefix('\\').unwrap_or(line).to_owned());
        }
        Ok(word)
    }

    fn finish(self) -> Result<Turn, String> {
        let Draft { text, thinking, mut reply, ids, fault, begun } = self;
        if !begun {
            return Err("this turn is empty; write `% empty` for a reply that says nothing".to_owned());
        }
        reply.text = text.join("\n").trim_matches('\n').to_owned();
        reply.thinking = thinking.join("\n");
        for call in &mut reply.calls {
            if call.id == CallId::Made {
                call.id = ids.clone();
            }
        }
        let says_nothing = reply.text.is_empty() && reply.thinking.is_empty() && reply.calls.is_empty();
        match fault {
            None => Ok(reply.into()),
            Some(fault) if says_nothing => Ok(fault),
            Some(_) => Err("a fault stands alone in its turn".to_owned()),
        }
    }

    fn option(&mut self, option: &str) -> Result<(), String> {
        let Reply { style, delivery, .. } = &mut self.reply;
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match (key, value) {
            ("delay", ms) => delivery.before_headers = millis(ms)?,
            ("pause", ms) => delivery.between_chunks = millis(ms)?,
            ("bytes", count) => delivery.piece_bytes = Some(number::<NonZeroUsize>(count)?),
            ("cut", at) => delivery.ending = Ending::Cut(after(at)?),
            ("stall", at) => delivery.ending = Ending::Stall(after(at)?),
            ("truncated", at) => delivery.ending = Ending::Truncated(after(at)?),
            ("error", events) => delivery.ending = Ending::error(number(events)?),
            ("no-done", "") => delivery.ending = Ending::WithoutDone,
            ("json", "") => style.form = Form::Json,
            ("content", "chunks") => style.content = Content::Chunks,
            ("piece", count) => style.text_piece_chars = number(count)?,
            ("calls", how) => style.calls = calls(how)?,
            ("own-finish", "") => style.finish_chunk = FinishChunk::Own,
            ("null-usage", "") => style.null_usage_before = true,
            ("padding", "") => style.padding = true,
            ("crlf", "") => style.separator = Separator::CrLf,
            ("ids", "missing") => self.ids = CallId::Missing,
            ("ids", "null") => self.ids = CallId::NullText,
            ("ids", "openai") => self.ids = CallId::OpenAi,
            ("finish", reason) if !reason.is_empty() => self.reply.finish_reason = Some(reason.to_owned()),
            ("usage", given) => self.reply.usage = usage(given)?,
            _ => return Err(format!("`{option}` is no option of a reply")),
        }
        Ok(())
    }
}

fn read_call(line: &str) -> Result<Call, String> {
    let (name, arguments) = line.trim_start().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    if name.is_empty() {
        return Err("a call needs a name: `> name {\"key\": \"value\"}`".to_owned());
    }
    let (name, id) = match name.split_once('#') {
        Some((name, id)) => (name, CallId::Given(id.to_owned())),
        None => (name, CallId::Made),
    };
    Ok(Call { id, name: name.to_owned(), arguments: arguments.trim_start().to_owned() })
}

fn read_fault(line: &str) -> Result<Turn, String> {
    let mut words = line.split_whitespace();
    let status = match words.next().unwrap_or_default() {
        "reset" => return words.next().map_or(Ok(Turn::Reset), |word| Err(format!("`{word}` after `reset`"))),
        status => number::<u16>(status)?,
    };
    if !(400..600).contains(&status) {
        return Err(format!("{status} is no status of a fault"));
    }
    let mut fault = Fault::status(status);
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match (key, value) {
            ("retry-after", value) => fault.retry_after = retry_after(value)?,
            ("delay", ms) => fault.before_headers = millis(ms)?,
            ("body", "usual") => fault.body = FaultBody::Usual,
            ("body", "other") => fault.body = FaultBody::Other,
            ("body", "capacity") => fault.body = FaultBody::Capacity,
            ("body", "empty") => fault.body = FaultBody::Empty,
            ("body", "html") => fault.body = FaultBody::Html,
            _ => return Err(format!("`{word}` is no word of a fault")),
        }
    }
    Ok(fault.into())
}

fn retry_after(text: &str) -> Result<RetryAfter, String> {
    if let Some(seconds) = text.strip_prefix("date:") {
        return Ok(RetryAfter::Date(Duration::from_secs(number(seconds)?)));
    }
    if let Some(millis) = text.strip_prefix("ms:") {
        return Ok(RetryAfter::Millis(number(millis)?));
    }
    Ok(RetryAfter::Seconds(number(text)?))
}

fn calls(text: &str) -> Result<Calls, String> {
    let fragments = |bytes: &str, continuation| Ok(Calls::Fragments { piece_bytes: number(bytes)?, continuation });
    match text.split_once(':') {
        Some(("fragments", bytes)) => fragments(bytes, Continuation::Missing),
        Some(("fragments-null", bytes)) => fragments(bytes, Continuation::NullText),
        None if text == "each" => Ok(Calls::OneEach),
        _ => Err(format!("`calls={text}`: each, fragments:N or fragments-null:N")),
    }
}

fn usage(text: &str) -> Result<Usage, String> {
    if text == "none" {
        return Ok(Usage::Missing);
    }
    let counts: Vec<u64> = text.split('/').map(number).collect::<Result<_, _>>()?;
    match *counts.as_slice() {
        [prompt, completion] => Ok(Usage::Given { prompt, completion, cached: None }),
        [prompt, completion, cached] => Ok(Usage::Given { prompt, completion, cached: Some(cached) }),
        _ => Err(format!("`usage={text}`: none, PROMPT/COMPLETION or PROMPT/COMPLETION/CACHED")),
    }
}

fn after(text: &str) -> Result<After, String> {
    match text.strip_prefix("bytes:") {
        Some(bytes) => Ok(After::Bytes(number(bytes)?)),
        None => Ok(After::Events(number(text)?)),
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    Ok(Duration::from_millis(number(text)?))
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is not the number that belongs here"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let shown = match parse_turns(text) {
            Err(error) => format!("error: {error}\n"),
            Ok((turns, last)) => {
                let mut shown: String = turns.iter().map(|turn| format!("{turn:?}\n")).collect();
                if let Last::Repeats = last {
                    shown.push_str("(for ever)\n");
                }
                let plain = format!(", style: {:?}, delivery: {:?}", Reply::default().style, Reply::default().delivery);
                shown.replace(&plain, "")
            }
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn text_thinking_and_calls() {
        check(
            "Let me look.\n\n  indented\n> read_file {\"filename\": \"calc.py\"}\n---\n~ hm\n> a#X {bro ken\n> b\n---\n\\> no call\n\\\\ one",
            expect![[r#"
                Reply(Reply { text: "Let me look.\n\n  indented", thinking: "", calls: [Call { id: Made, name: "read_file", arguments: "{\"filename\": \"calc.py\"}" }], usage: Estimated, finish_reason: None })
                Reply(Reply { text: "", thinking: "hm", calls: [Call { id: Given("X"), name: "a", arguments: "{bro ken" }, Call { id: Made, name: "b", arguments: "" }], usage: Estimated, finish_reason: None })
                Reply(Reply { text: "> no call\n\\ one", thinking: "", calls: [], usage: Estimated, finish_reason: None })
            "#]],
        );
    }

    #[test]
    fn faults() {
        check(
            "! 429 retry-after=1\n---\n! 503 retry-after=date:2 body=html delay=5\n---\n! 504\n---\n! reset\n",
            expect![[r#"
                Fault(Fault { status: 429, body: Usual, retry_after: Seconds(1), before_headers: 0ns })
                Fault(Fault { status: 503, body: Html, retry_after: Date(2s), before_headers: 5ms })
                Fault(Fault { status: 504, body: Empty, retry_after: Absent, before_headers: 0ns })
                Reset
            "#]],
        );
    }

    #[test]
    fn options() {
        check(
            "a\n% calls=fragments-null:3 cut=bytes:7 usage=1/2/64 crlf padding json piece=1\n> b {}\n% ids=openai\n---\n% empty repeat",
            expect![[r#"
                Reply(Reply { text: "a", thinking: "", calls: [Call { id: OpenAi, name: "b", arguments: "{}" }], usage: Given { prompt: 1, completion: 2, cached: Some(64) }, finish_reason: None, style: Style { form: Json, content: Text, calls: Fragments { piece_bytes: 3, continuation: NullText }, finish_chunk: Shared, text_piece_chars: 1, null_usage_before: false, padding: true, separator: CrLf }, delivery: Delivery { before_headers: 0ns, between_chunks: 0ns, piece_bytes: None, ending: Cut(Bytes(7)) } })
                Reply(Reply { text: "", thinking: "", calls: [], usage: Estimated, finish_reason: None })
                (for ever)
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (text, problem) in [
            ("", "line 1: this turn is empty; write `% empty` for a reply that says nothing"),
            ("a\n---\n\n---\nb", "line 4: this turn is empty; write `% empty` for a reply that says nothing"),
            ("! 200", "line 1: 200 is no status of a fault"),
            ("! 429 soon", "line 1: `soon` is no word of a fault"),
            ("a\n! 429", "line 3: a fault stands alone in its turn"),
            ("a\n% colour=red", "line 2: `colour=red` is no option of a reply"),
            ("a\n% bytes=0", "line 2: `0` is not the number that belongs here"),
        ] {
            assert_eq!(parse_turns(text).err().map(|error| error.to_string()).as_deref(), Some(problem), "{text}");
        }
    }
}
