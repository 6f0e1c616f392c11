//! Understands tool calls that arrive as text, where a server has no parser for its model. Pure.
//!
//! | form | is a call if |
//! | --- | --- |
//! | `[TOOL_CALLS]name[ARGS]{..}`, `[TOOL_CALLS][{..}]`, `<tool_call>{..}</tool_call>`, `<function=name>..</function>` | it is whole, and a sentence begins there |
//! | an object or an array on a line of its own, `name{..}` | every object in it has a name and an object of arguments and no other key, and each name is an offered tool's |
//! | any of these in a block fenced as JSON | the profile says that the model calls so |
//!
//! And only at the end of the reply, and nowhere that Markdown quotes (`place.rs`): what is shown to the human is not
//! run. One or more calls may stand there, with nothing but white space between them.

use agent::RawCall;

use crate::place::Place;
use crate::profiles::TextCalls;
use crate::{loose_json, xml_calls};

/// Markers around calls: Qwen, Hermes and relatives.
pub(crate) const TAGS: &[(&str, &str)] = &[
    ("<tool_call>", "</tool_call>"),
    ("<tool_calls>", "</tool_calls>"),
    ("<function_call>", "</function_call>"),
    ("<tools>", "</tools>"),
];

pub(crate) const MISTRAL: &str = "[TOOL_CALLS]";
pub(crate) const SEPARATOR: &str = "[ARGS]";

/// The languages that a fence around a call may name.
pub(crate) const FENCES: &[&str] = &["", "json", "tool_call", "tool_calls", "tool_code", "tool", "function", "xml"];

/// What chat templates end a turn with; some servers let it through.
pub(crate) const STOPS: &[&str] =
    &["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>", "</s>"];

/// A text without its calls, and the calls.
#[derive(Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) text: String,
    pub(crate) calls: Vec<RawCall>,
}

/// Some calls at the start of a text.
struct Block {
    calls: Vec<RawCall>,
    len: usize,
}

/// Places that begin like a call and are none, before a text is taken for something else: each may be read to its end.
const MOST_TRIES: usize = 64;

/// The calls at the end of `text`, which begins at `start`. `None` if there are none.
pub(crate) fn split(text: &str, start: &Place, names: &[String], form: TextCalls) -> Option<Split> {
    let text = without_stops(text);
    let mut place = start.clone();
    let mut calls = Vec::new();
    // Where the calls begin that nothing has followed yet.
    let mut calls_at = 0;
    let (mut at, mut tries) = (0, 0);
    while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..)?;
        let may_open = may_open(rest, &place, names, form);
        let len = match may_open.then(|| block(rest, &place, names, form)).flatten() {
            Some(block) => {
                if calls.is_empty() {
                    calls_at = at;
                }
                calls.extend(block.calls);
                block.len
            }
            None => {
                tries += usize::from(may_open);
                if tries == MOST_TRIES {
                    return None;
                }
                if !letter.is_whitespace() {
                    calls.clear();
                }
                letter.len_utf8()
            }
        };
        place.pass_all(rest.get(..len)?);
        at += len;
    }
    (!calls.is_empty()).then(|| Split { text: text.get(..calls_at).unwrap_or_default().trim_end().to_owned(), calls })
}

pub(crate) fn without_stops(mut text: &str) -> &str {
    while let Some(before) = STOPS.iter().find_map(|stop| text.trim_end().strip_suffix(stop)) {
        text = before;
    }
    text
}

/// Whether the text begins as a call does, which is soon seen.
fn may_open(text: &str, place: &Place, names: &[String], form: TextCalls) -> bool {
    let is_marked = || {
        text.starts_with(MISTRAL)
            || text.starts_with(xml_calls::OPEN)
            || TAGS.iter().any(|(open, _)| text.starts_with(open))
    };
    let is_bare = || {
        text.starts_with(['{', '['])
            || names.iter().any(|name| text.starts_with(name.as_str()))
            || (form.reads_fences() && text.starts_with("```"))
    };
    !place.is_quoted() && (place.is_at_sentence_start() && is_marked() || place.is_at_line_start() && is_bare())
}

/// The calls at the start of a text that may open one.
fn block(text: &str, place: &Place, names: &[String], form: TextCalls) -> Option<Block> {
    let block = |calls: Vec<RawCall>, left: &str| Some(Block { calls, len: text.len() - left.len() });
    if place.is_at_sentence_start() {
        if let Some(after) = text.strip_prefix(MISTRAL) {
            let (calls, left) = mistral(after)?;
            return block(calls, left);
        }
        if let Some((open, close)) = TAGS.iter().find(|(open, _)| text.starts_with(open)) {
            let (calls, left) = tagged(text.strip_prefix(open)?, close)?;
            return block(calls, left);
        }
        // Qwen3-Coder at times leaves out the opening tag.
        if text.starts_with(xml_calls::OPEN) {
            let (calls, left) = tagged(text, "</tool_call>")?;
            return block(calls, left);
        }
    }
    if !place.is_at_line_start() {
        return None;
    }
    let (calls, left) = match text.strip_prefix("```") {
        Some(after) if form.reads_fences() => fenced(after, names)?,
        Some(_) => return None,
        None => values(text, Some(names)).or_else(|| named(text, names))?,
    };
    block(calls, left)
}

/// Between two tags, of which the second may be missing: JSON, or a call in XML.
fn tagged<'a>(text: &'a str, close: &str) -> Option<(Vec<RawCall>, &'a str)> {
    let (calls, left) = values(text, None).or_else(|| {
        let (call, left) = xml_calls::call(text.trim_start())?;
        Some((vec![call], left))
    })?;
    Some((calls, left.trim_start().strip_prefix(close).unwrap_or(left)))
}

/// After `[TOOL_CALLS]`: a JSON list, or a name, perhaps an id, and arguments (MISTRAL.md 7.13).
fn mistral(text: &str) -> Option<(Vec<RawCall>, &str)> {
    let text = text.trim_start();
    if text.starts_with(['[', '{']) {
        return values(text, None);
    }
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_-.".contains(letter)))?;
    let (name, after) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    let after = after.trim_start();
    let after = match after.strip_prefix("[CALL_ID]") {
        Some(id) => id.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()),
        None => after,
    };
    let after = after.strip_prefix(SEPARATOR).unwrap_or(after).trim_start();
    let (arguments, left) = after.split_at_checked(loose_json::value_len(after)?)?;
    let call = RawCall { name: name.to_owned(), arguments: arguments.to_owned() };
    arguments.starts_with('{').then(|| (vec![call], left))
}

/// After the three ticks: the language, calls, three ticks (a model may stop before them).
fn fenced<'a>(text: &'a str, names: &[String]) -> Option<(Vec<RawCall>, &'a str)> {
    let (language, inside) = text.split_once('\n')?;
    if !FENCES.contains(&language.trim()) {
        return None;
    }
    let inside = inside.trim_start();
    if let Some((open, close)) = TAGS.iter().find(|(open, _)| inside.starts_with(open)) {
        let (calls, left) = tagged(inside.strip_prefix(open)?, close)?;
        return fence_end(left).map(|left| (calls, left));
    }
    if let Some(after) = inside.strip_prefix(MISTRAL) {
        let (calls, left) = mistral(after)?;
        return fence_end(left).map(|left| (calls, left));
    }
    let (calls, left) = values(inside, Some(names))?;
    fence_end(left).map(|left| (calls, left))
}

fn fence_end(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if text.is_empty() { Some(text) } else { text.strip_prefix("```") }
}

/// `read_file{"filename": "a"}`: Mistral's format after a server dropped its markers.
fn named<'a>(text: &'a str, names: &[String]) -> Option<(Vec<RawCall>, &'a str)> {
    let name = names.iter().filter(|name| text.starts_with(name.as_str())).max_by_key(|name| name.len())?;
    let after = text.strip_prefix(name.as_str())?;
    let after = after.strip_prefix(SEPARATOR).unwrap_or(after).trim_start_matches(' ');
    let (arguments, left) = after.split_at_checked(loose_json::value_len(after)?)?;
    let call = RawCall { name: name.clone(), arguments: arguments.to_owned() };
    arguments.starts_with('{').then(|| (vec![call], left))
}

/// One or more objects or lists of objects, each a call. With `names`, only calls of these.
fn values<'a>(text: &'a str, names: Option<&[String]>) -> Option<(Vec<RawCall>, &'a str)> {
    let mut calls = Vec::new();
    let mut left = text;
    loop {
        let next = left.trim_start();
        let len = match next.as_bytes().first() {
            Some(b'{') => {
                let (fields, len) = loose_json::object(next)?;
                calls.push(call(&fields, names, Wrapping::Allowed)?);
                len
            }
            Some(b'[') if calls.is_empty() && !next.starts_with(MISTRAL) => {
                let (items, len) = loose_json::array(next)?;
                for item in items {
                    calls.push(call(&loose_json::object(item)?.0, names, Wrapping::Allowed)?);
                }
                len
            }
            Some(_) | None => break,
        };
        left = next.get(len..)?;
    }
    (!calls.is_empty()).then_some((calls, left))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Allowed,
    /// It is within one, and one within that would be another, and so on.
    Opened,
}

fn call(fields: &[(&str, &str)], names: Option<&[String]>, wrapping: Wrapping) -> Option<RawCall> {
    let (mut name, mut arguments) = (None, None);
    for (key, value) in fields {
        match *key {
            "name" if name.is_none() => name = serde_json::from_str::<String>(value).ok(),
            "arguments" | "parameters" if arguments.is_none() => arguments = Some(*value),
            "id" | "type" => {}
            // OpenAI's wrapping: {"type": "function", "function": {"name": .., "arguments": ..}}.
            "function" if name.is_none() && wrapping == Wrapping::Allowed => {
                return call(&loose_json::object(value)?.0, names, Wrapping::Opened);
            }
            _ => return None,
        }
    }
    let name = name.filter(|name| !name.is_empty())?;
    if names.is_some_and(|names| !names.contains(&name)) {
        return None;
    }
    let arguments = match arguments {
        Some(object) if object.starts_with('{') => object.to_owned(),
        // Encoded twice, as on the wire.
        Some(text) if text.starts_with('"') => serde_json::from_str(text).ok()?,
        Some("null") | None if names.is_none() => "{}".to_owned(),
        Some(_) | None => return None,
    };
    Some(RawCall { name, arguments })
}

#[cfg(test)]
#[path = "text_calls_tests.rs"]
mod tests;
