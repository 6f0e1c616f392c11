//! Writes a reply down as Mistral does: a list of SSE events, or one JSON object. Pure text, no sending.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::reply::{Call, CallId, Calls, Content, Continuation, FinishChunk, Reply, Separator, Usage};

/// A fixed time, so that two runs give the same bytes: 2025-11-24.
pub(crate) const CREATED: u64 = 1_764_000_000;

/// What the server knows of an answer beside the reply.
pub(crate) struct Stamp<'a> {
    pub(crate) model: &'a str,
    /// Number of the answer on this server, from 0.
    pub(crate) number: usize,
    /// Number of the first made call id.
    pub(crate) first_call: usize,
    pub(crate) request_bytes: usize,
}

/// The events of a stream, `[DONE]` last.
pub(crate) fn events(reply: &Reply, stamp: &Stamp) -> Vec<Bytes> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(content_deltas(reply));
    deltas.extend(call_deltas(reply, stamp));
    if deltas.len() == 1 || reply.style.finish_chunk == FinishChunk::Own {
        deltas.push(json!({"content": ""}));
    }
    let last = deltas.len() - 1;
    let line_end = match reply.style.separator {
        Separator::Lf => "\n\n",
        Separator::CrLf => "\r\n\r\n",
    };
    let mut events = Vec::with_capacity(deltas.len() + 1);
    for (index, delta) in deltas.into_iter().enumerate() {
        let finish_reason = if index == last { json!(reply.finish_reason()) } else { Value::Null };
        let mut chunk = head(stamp, "chat.completion.chunk");
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
        chunk.insert("choices".into(), json!([choice]));
        if index == last {
            insert_usage(&mut chunk, reply, stamp);
        } else if reply.style.null_usage_before {
            chunk.insert("usage".into(), Value::Null);
        }
        if reply.style.padding && index > 0 {
            let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
            let length = (stamp.number * 11 + index * 7) % letters.len();
            chunk.insert("p".into(), letters.get(..=length).into());
        }
        events.push(Bytes::from(format!("data: {}{line_end}", Value::Object(chunk))));
    }
    events.push(Bytes::from(format!("data: [DONE]{line_end}")));
    events
}

/// The whole reply as one `chat.completion`.
pub(crate) fn object(reply: &Reply, stamp: &Stamp) -> Bytes {
    let mut parts = Vec::new();
    if !reply.thinking.is_empty() {
        parts.push(thinking_part(&reply.thinking));
    }
    let as_chunks = reply.style.content == Content::Chunks || !parts.is_empty();
    if as_chunks && !reply.text.is_empty() {
        parts.push(text_part(&reply.text));
    }
    let content = if as_chunks { Value::Array(parts) } else { json!(reply.text) };
    let calls: Vec<Value> =
        (0..).zip(&reply.calls).map(|(index, call)| whole_call(call, index, stamp.first_call + index)).collect();
    let calls = if calls.is_empty() { Value::Null } else { Value::Array(calls) };
    let message = json!({"role": "assistant", "tool_calls": calls, "content": content});
    let mut object = head(stamp, "chat.completion");
    let choice = json!({"index": 0, "finish_reason": reply.finish_reason(), "message": message});
    object.insert("choices".into(), json!([choice]));
    insert_usage(&mut object, reply, stamp);
    Bytes::from(Value::Object(object).to_string())
}

fn head(stamp: &Stamp, object: &str) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), json!(format!("{:032x}", stamp.number + 1))),
        ("object".to_owned(), json!(object)),
        ("created".to_owned(), json!(CREATED)),
        ("model".to_owned(), json!(stamp.model)),
    ])
}

fn content_deltas(reply: &Reply) -> Vec<Value> {
    let size = reply.style.text_piece_chars.max(1);
    let mut thoughts = pieces_of_chars(&reply.thinking, size);
    let mut words = pieces_of_chars(&reply.text, size).into_iter().peekable();
    // As Mistral streams reasoning: the end of the thinking and the start of the text share one delta.
    let transition = if words.peek().is_some() { thoughts.pop() } else { None };
    let mut deltas: Vec<Value> =
        thoughts.into_iter().map(|thought| json!({"content": [thinking_part(thought)]})).collect();
    if let Some(thought) = transition
        && let Some(first) = words.next()
    {
        deltas.push(json!({"content": [thinking_part(thought), text_part(first)]}));
    }
    deltas.extend(words.map(|word| match reply.style.content {
        Content::Text => json!({"content": word}),
        Content::Chunks => json!({"content": [text_part(word)]}),
    }));
    deltas
}

fn call_deltas(reply: &Reply, stamp: &Stamp) -> Vec<Value> {
    let whole = || (0..).zip(&reply.calls).map(|(index, call)| whole_call(call, index, stamp.first_call + index));
    let delta = |calls: Vec<Value>| json!({"tool_calls": calls});
    match reply.style.calls {
        Calls::Whole if reply.calls.is_empty() => vec![],
        Calls::Whole => vec![delta(whole().collect())],
        Calls::OneEach => whole().map(|call| delta(vec![call])).collect(),
        Calls::Fragments { piece_bytes, continuation } => {
            let mut deltas = Vec::new();
            for (index, call) in (0..).zip(&reply.calls) {
                let mut opening = whole_call(call, index, stamp.first_call + index);
                opening["function"]["arguments"] = json!("");
                deltas.push(delta(vec![opening]));
                for piece in pieces_of_bytes(&call.arguments, piece_bytes) {
                    let mut fragment = Map::new();
                    match continuation {
                        Continuation::Missing => {}
                        Continuation::NullText => {
                            fragment.insert("id".into(), json!("null"));
                        }
                    }
                    fragment.insert("function".into(), json!({"name": "", "arguments": piece}));
                    fragment.insert("index".into(), json!(index));
                    deltas.push(delta(vec![Value::Object(fragment)]));
                }
            }
            deltas
        }
    }
}

fn whole_call(call: &Call, index: usize, number: usize) -> Value {
    let mut object = Map::new();
    match &call.id {
        CallId::Made => {
            object.insert("id".into(), json!(made_id(number, 9)));
        }
        CallId::Given(id) => {
            object.insert("id".into(), json!(id));
        }
        CallId::Missing => {}
        CallId::NullText => {
            object.insert("id".into(), json!("null"));
        }
        CallId::OpenAi => {
            object.insert("id".into(), json!(format!("call_{}", made_id(number, 24))));
        }
    }
    object.insert("type".into(), json!("function"));
    object.insert("function".into(), json!({"name": call.name, "arguments": call.arguments}));
    object.insert("index".into(), json!(index));
    Value::Object(object)
}

/// Letters and digits that differ for every `number` below 36^5 and look like nothing in particular.
fn made_id(number: usize, length: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    // 35 831 803 is coprime to 36^5, so the first five characters never repeat before 36^5 calls.
    let mut state = (number as u64).wrapping_add(1).wrapping_mul(35_831_803) % 36_u64.pow(5);
    let mut id = String::with_capacity(length);
    for position in 0..length as u64 {
        let digit = if position < 5 { state % 36 } else { (position * 7 + number as u64 * 5) % 36 };
        state /= 36;
        id.push(DIGITS.get(digit as usize).copied().map_or('0', char::from));
    }
    id
}

fn insert_usage(object: &mut Map<String, Value>, reply: &Reply, stamp: &Stamp) {
    let (prompt, completion, cached) = match reply.usage {
        Usage::Missing => return,
        Usage::Given { prompt, completion, cached } => (prompt, completion, cached),
        Usage::Estimated => {
            let calls: usize = reply.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
            let written = reply.text.len() + reply.thinking.len() + calls;
            (stamp.request_bytes as u64 / 4, written as u64 / 4 + 1, None)
        }
    };
    let mut usage =
        json!({"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion});
    if let Some(cached) = cached {
        usage["prompt_tokens_details"] = json!({"cached_tokens": cached});
    }
    object.insert("usage".into(), usage);
}

fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn thinking_part(text: &str) -> Value {
    json!({"type": "thinking", "thinking": [text_part(text)]})
}

fn pieces_of_chars(text: &str, size: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(index, _)| index);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn pieces_of_bytes(text: &str, size: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(size.max(1)));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
