//! Every recorded exchange of `../shared/material/wire.jsonl` (named in its README) is read as its `assembled` says:
//! whole, a byte at a time, and cut at random places.

use agent::{ChatEvent, FinishReason, RawCall, ToolSpec, Usage};
use serde_json::{Value, json};

use crate::decoder::{Decoder, StreamError};
use crate::profiles::TextCalls;
use crate::screen::Screen;
use crate::thoughts::{Said, Thoughts};
use crate::{leak, reason};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/material/wire.jsonl");
const EDITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/material/edits.jsonl");

/// `None`, said aloud, where the material is not laid out beside the project.
#[expect(clippy::disallowed_methods, reason = "recorded material, read by a test")]
fn exchanges() -> Option<Vec<Value>> {
    let Ok(text) = std::fs::read_to_string(RECORDED) else {
        println!("skipped: {RECORDED} is not here");
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    text: String,
    thinking_chars: usize,
    calls: Vec<RawCall>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    error: Option<String>,
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let mut decoder = Decoder::default();
    let mut read = Read::default();
    let mut events = Vec::new();
    let mut ended = Ok(());
    for piece in pieces {
        ended = ended.and_then(|()| decoder.push(piece, &mut events));
    }
    if let Err(error) = ended.and_then(|()| decoder.finish(&mut events)) {
        let StreamError::Server(value) = error else { panic!("{error}") };
        read.error = Some(reason::of_value(&value));
    }
    for event in events {
        match event {
            ChatEvent::Text(text) => read.text += &text,
            ChatEvent::Thinking(text) => read.thinking_chars += text.chars().count(),
            ChatEvent::Call(call) => read.calls.push(call),
            ChatEvent::Usage(usage) => read.usage = Some(usage),
            ChatEvent::Finish(finish) => read.finish = Some(finish),
            ChatEvent::Writing { .. } => (),
            ChatEvent::TextWasThinking | ChatEvent::LeakedCall(_) => panic!("a decoder does not read words"),
            ChatEvent::Retrying { .. } => panic!("a decoder does not retry"),
        }
    }
    read
}

/// What `assembled` says, in our words.
fn expected(assembled: &Value) -> Read {
    let part = |part: &Value| part["text"].as_str().map(str::to_owned);
    let text = match &assembled["content"] {
        Value::Array(parts) => parts.iter().filter_map(part).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = assembled["tool_calls"].as_array().unwrap().iter();
    let usage = &assembled["usage"];
    let cached =
        ["/prompt_tokens_details/cached_tokens", "/num_cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens"];
    Read {
        text,
        thinking_chars: assembled["reasoning_chars"].as_u64().unwrap_or_default() as usize,
        calls: calls
            .map(|call| RawCall { name: text_of(&call["name"]), arguments: text_of(&call["arguments"]) })
            .collect(),
        usage: usage.is_object().then(|| Usage {
            input: usage["prompt_tokens"].as_u64().unwrap(),
            cached: cached.iter().find_map(|path| usage.pointer(path)?.as_u64()).unwrap_or_default(),
            output: usage["completion_tokens"].as_u64().unwrap(),
        }),
        finish: assembled["finish_reason"].as_str().map(|reason| match reason {
            "stop" | "tool_calls" | "eos" => FinishReason::Stop,
            "length" => FinishReason::Length,
            other => FinishReason::Other(other.to_owned()),
        }),
        error: match &assembled["error"] {
            Value::Null => None,
            error => Some(
                error.as_str().or(error["message"].as_str()).unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
            ),
        },
    }
}

/// A small generator, so that a failure can be repeated.
fn random_pieces(mut bytes: &[u8], mut seed: u64) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (piece, rest) = bytes.split_at(((seed >> 33) as usize % 97 + 1).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn recorded_exchanges_are_read_as_assembled() {
    let Some(exchanges) = exchanges() else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for (seed, exchange) in exchanges.iter().enumerate() {
        let body = exchange["response"]["body"].as_str().unwrap();
        let mut expected = expected(&exchange["assembled"]);
        let mut check = |how: &str, mut read: Read| {
            // Only streams have their thinking counted.
            if exchange["stream"] != true {
                (read.thinking_chars, expected.thinking_chars) = (0, 0);
            }
            if read != expected {
                wrong.push(format!("{} {how}\n{read:?}\n{expected:?}", exchange["id"]));
            }
            count += 1;
        };
        if exchange["response"]["status"] != 200 {
            check("refused", Read { error: Some(reason::of_body(body)), ..Read::default() });
            continue;
        }
        check("whole", decode(std::iter::once(body.as_bytes())));
        check("a byte at a time", decode(body.as_bytes().chunks(1)));
        for round in 0..3 {
            let pieces = random_pieces(body.as_bytes(), (seed as u64) * 3 + round);
            check("cut at random", decode(pieces.into_iter()));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} readings are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(
        exchanges.len() >= 354 && count > exchanges.len() * 4,
        "only {count} readings of {} exchanges",
        exchanges.len()
    );
}

/// Damaged answers are refused or read, and never end the process.
#[test]
fn damaged_exchanges_do_no_harm() {
    let Some(exchanges) = exchanges() else { return };
    let mut outcomes = [0, 0];
    for (seed, exchange) in exchanges.iter().enumerate() {
        let body = exchange["response"]["body"].as_str().unwrap();
        let mut damaged: Vec<u8> = Vec::new();
        for (at, piece) in random_pieces(body.as_bytes(), seed as u64).into_iter().enumerate() {
            match (at + seed) % 40 {
                0 => damaged.extend(b"\xff\r{"),
                1 => damaged.extend(piece.iter().rev()),
                2 => {}
                _ => damaged.extend(piece),
            }
        }
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        let read = decoder.push(&damaged, &mut events).and_then(|()| decoder.finish(&mut events));
        outcomes[usize::from(read.is_ok())] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 0), "refused and read: {outcomes:?}");
}

/// No recorded text is taken for a call, except the one that is: a call under `tool_choice: none`.
#[test]
fn recorded_texts_pass_the_screen() {
    let Some(exchanges) = exchanges() else { return };
    let mut changed = Vec::new();
    for exchange in &exchanges {
        let text = expected(&exchange["assembled"]).text;
        let tools = exchange["request"]["body"]["tools"].as_array().into_iter().flatten();
        let names = tools.filter_map(|tool| Some(tool.pointer("/function/name")?.as_str()?.to_owned())).collect();
        let mut screen = Screen::new(names, TextCalls::Fenced);
        let mut shown: String = text.split_inclusive(' ').filter_map(|piece| screen.push(piece)).collect();
        let end = screen.finish();
        shown += &end.text;
        if shown != text || !end.calls.is_empty() {
            changed.push(exchange["id"].as_str().unwrap());
        }
    }
    assert_eq!(changed, ["rig-llamacpp/tool_matrix/tool_choice_none"]);
}

/// No recorded text loses a word to a thought, or is taken for a call that lost its form, except those with the marks of
/// a thought and the same one.
#[test]
fn recorded_texts_are_answers() {
    let Some(exchanges) = exchanges() else { return };
    let mut changed = Vec::new();
    for exchange in &exchanges {
        let text = expected(&exchange["assembled"]).text;
        let tools: Vec<ToolSpec> = exchange["request"]["body"]["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| {
                let name = tool.pointer("/function/name")?.as_str()?.to_owned();
                let parameters = tool.pointer("/function/parameters").cloned().unwrap_or_default();
                Some(ToolSpec { name: name.leak(), description: String::new(), parameters })
            })
            .collect();
        let mut thoughts = Thoughts::default();
        let mut said: Vec<Said> = text.split_inclusive(' ').flat_map(|piece| thoughts.push(piece)).collect();
        said.extend(thoughts.finish());
        let is_whole = said.iter().all(|said| matches!(said, Said::Text(_)));
        let has_marks = text.starts_with("<think>") || text.ends_with("</think>\n\n");
        assert_eq!(is_whole, !has_marks, "{text}");
        if leak::find(&text, &tools).is_some() {
            changed.push(exchange["id"].as_str().unwrap());
        }
    }
    assert_eq!(changed, ["rig-llamacpp/tool_matrix/tool_choice_none"]);
}

/// No edit that a model wrote, sent as the answer, is taken for a call that lost its form.
#[test]
#[expect(clippy::disallowed_methods, reason = "recorded material, read by a test")]
fn recorded_edits_are_answers() {
    let Ok(edits) = std::fs::read_to_string(EDITS) else {
        println!("skipped: {EDITS} is not here");
        return;
    };
    let tool = |name, keys: [&str; 2]| ToolSpec {
        name,
        description: String::new(),
        parameters: json!({"type": "object", "required": [keys[0]], "properties": {keys[0]: {}, keys[1]: {}}}),
    };
    let tools = [
        tool("apply_diff", ["diff", "filename"]),
        tool("create_file", ["filename", "content"]),
        tool("run_command", ["command", "timeout_seconds"]),
        tool("search", ["pattern", "path"]),
    ];
    let mut count = 0;
    for line in edits.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = row["patch_or_edit"].as_str().unwrap();
        for text in [text.to_owned(), format!("I changed it like this:\n\n{text}"), format!("```\n{text}\n```")] {
            assert_eq!(leak::find(&text, &tools), None, "{text}");
            count += 1;
        }
    }
    assert!(2_600 < count, "{count}");
}
