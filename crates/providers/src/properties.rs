//! What holds for any text that a model or a server may send. Tried by the tests here and, for longer, by `fuzz/`.

use agent::{ChatEvent, ToolSpec};
use serde_json::{Value, json};

use crate::bounds::ReplyBounds;
use crate::decoder::Decoder;
use crate::leak;
use crate::place::Place;
use crate::profiles::TextCalls;
use crate::reply_reader::{ReplyReader, ServerParser};
use crate::screen::Screen;
use crate::sse::Splitter;
use crate::text_calls;
use crate::thoughts::{Said, Thoughts};

const FORMS: [TextCalls; 3] = [TextCalls::Bare, TextCalls::Fenced, TextCalls::Always];

fn tools() -> Vec<ToolSpec> {
    let tool = |name, keys: [&str; 2]| ToolSpec {
        name,
        description: String::new(),
        parameters: json!({"type": "object", "required": [keys[0]], "properties": {keys[0]: {}, keys[1]: {}}}),
    };
    vec![tool("run_command", ["command", "timeout_seconds"]), tool("read_file", ["filename", "lines"])]
}

fn names() -> Vec<String> {
    tools().iter().map(|tool| tool.name.to_owned()).collect()
}

/// The text in pieces, whose lengths are the bytes of `cuts`, over and over.
fn pieces<'a>(text: &'a str, cuts: &[u8]) -> Vec<&'a str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    let mut sizes = cuts.iter().copied().chain([7]).cycle();
    while !rest.is_empty() {
        let size = usize::from(sizes.next().unwrap_or(7)).max(1);
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Events are the same however the bytes are cut, and no bytes end the process.
pub fn sse(bytes: &[u8], cuts: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut splitter = Splitter::default();
        let mut events = Vec::new();
        for piece in pieces {
            match splitter.push(piece) {
                Ok(more) => events.extend(more),
                Err(_) => return None,
            }
        }
        events.extend(splitter.finish());
        Some(events)
    };
    let size = usize::from(cuts.first().copied().unwrap_or(1)).max(1);
    assert_eq!(read(&mut std::iter::once(bytes)), read(&mut bytes.chunks(size)));
    // As an answer to a request, with whatever is in it.
    let (mut decoder, mut events) = (Decoder::new(ReplyBounds::WIDE, names()), Vec::new());
    let _ = decoder.push(bytes, &mut events).and_then(|()| decoder.finish(&mut events));
}

/// A call is read only at the end, only once it is whole, and never from a quotation or a thought.
pub fn text_calls(text: &str) {
    let names = names();
    for form in FORMS {
        if let Some(split) = text_calls::split(text, &Place::default(), &names, form) {
            assert!(!split.calls.is_empty() && text.starts_with(&split.text));
            assert!(text_calls::split(&format!("{text} and so on"), &Place::default(), &names, form).is_none());
            assert!(
                text_calls::split(&format!("{}\n{text}", "~".repeat(99)), &Place::default(), &names, form).is_none()
            );
        }
        for open in ["<think>", "[THINK]"] {
            if !text.contains("think") && !text.contains("THINK") {
                assert_eq!(calls(&format!("{open}{text}"), form), 0);
            }
        }
    }
    let leaked = leak::find(text, &tools());
    assert!(leaked.is_none_or(|call| call.name.is_empty() || names.contains(&call.name)));
}

/// Calls that a reply of these words makes.
fn calls(words: &str, form: TextCalls) -> usize {
    let tools = tools();
    let mut reader = ReplyReader::new(&tools, ReplyBounds::WIDE, form, ServerParser::NotSeen);
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": "stop"}]});
    let events = reader.push(format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes()).unwrap_or_default();
    events.iter().filter(|event| matches!(event, ChatEvent::Call(_))).count()
}

/// What is shown and read is the same however the text is cut, and no word of it is lost.
pub fn screen(text: &str, cuts: &[u8]) {
    for form in FORMS {
        let read = |pieces: &[&str]| {
            let mut screen = Screen::new(names(), form);
            let mut shown: String = pieces.iter().filter_map(|piece| screen.push(piece)).collect();
            let end = screen.finish();
            shown += &end.text;
            (shown.trim_end().to_owned(), end.calls)
        };
        let (shown, calls) = read(&[text]);
        assert!(text.starts_with(&shown));
        if calls.is_empty() {
            assert_eq!(shown, text_calls::without_stops(text).trim_end());
        }
        assert_eq!(read(&pieces(text, cuts)), (shown, calls));
    }
    let read = |pieces: &[&str]| {
        let mut thoughts = Thoughts::default();
        let (mut words, mut thinking) = (String::new(), String::new());
        let mut said: Vec<Said> = pieces.iter().flat_map(|piece| thoughts.push(piece)).collect();
        said.extend(thoughts.finish());
        for said in said {
            match said {
                Said::Text(text) => words += &text,
                Said::Thinking(text) => thinking += &text,
                Said::TextWasThinking => thinking += &std::mem::take(&mut words),
            }
        }
        (words, thinking)
    };
    assert_eq!(read(&[text]), read(&pieces(text, cuts)));
}

/// Any JSON where a chunk is expected.
pub fn chunk(value: &Value) {
    let body = format!("data: {value}\n\ndata: [DONE]\n\n");
    let (mut decoder, mut events) = (Decoder::new(ReplyBounds::WIDE, names()), Vec::new());
    let _ = decoder.push(body.as_bytes(), &mut events);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Pieces of what models write, in any order.
    fn words() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            8 => prop::sample::select(vec![
                "<think>", "</think>", "[THINK]", "[/THINK]", "<thinking>", "[TOOL_CALLS]", "[ARGS]", "<tool_call>",
                "</tool_call>", "<function=", "read_file", "run_command", ">", "<parameter=command>", "</parameter>",
                "</function>", "{\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}", "{\"command\": \"ls\"}",
                "{", "}", "[", "]", "\"", "\\", ":", ",", "```", "```json", "~~~", "`", "> ", "|", "    ", "\n", "\n\n", " ",
                ". ", "<pre>", "</pre>", "</s>", "<|im_end|>", "<|channel|>analysis<|message|>", "<|end|>", "bash", "وسرعت",
                "ritannien", "The answer",
            ]).prop_map(str::to_owned),
            1 => "\\PC{0,4}",
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            words().prop_map(Into::into),
        ];
        let key = prop::sample::select(vec![
            "choices",
            "delta",
            "message",
            "content",
            "tool_calls",
            "function",
            "function_call",
            "name",
            "arguments",
            "index",
            "id",
            "usage",
            "prompt_tokens",
            "completion_tokens",
            "error",
            "finish_reason",
            "refusal",
            "thinking",
            "text",
        ]);
        leaf.prop_recursive(8, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
                prop::collection::vec((key.clone(), inner), 0..6).prop_map(|fields| {
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Value>()
                }),
            ]
        })
    }

    proptest! {
        // `PROPTEST_CASES` tries more than the usual 256.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sse(bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()], 0..200), cut in 1_u8..9) {
            super::sse(&bytes, &[cut]);
            let text: String = bytes.iter().map(|byte| if byte % 2 == 0 { "data: " } else { "{}\n" }).collect();
            super::sse(text.as_bytes(), &[cut]);
        }

        #[test]
        fn text_calls(text in words()) {
            super::text_calls(&text);
        }

        #[test]
        fn screen(text in words(), cuts in prop::collection::vec(1_u8..20, 1..6)) {
            super::screen(&text, &cuts);
        }

        #[test]
        fn chunks(value in json()) {
            super::chunk(&value);
            super::chunk(&serde_json::json!({"choices": [{"index": 0, "delta": value.clone(), "finish_reason": "stop"}], "usage": value}));
        }
    }
}
