//! Understands tool calls that arrive as text, where a server has no parser for its model. Pure.
//!
//! | form | is a call if |
//! | --- | --- |
//! | `[TOOL_CALLS]name[ARGS]{..}`, `[TOOL_CALLS][{..}]`, `<tool_call>{..}</tool_call>`, `<function=name>..</function>` | it is whole, and not quoted in a fence of another language or after a backtick |
//! | a block fenced as JSON, an object or an array on a line of its own, `name{..}` | every object in it has a name and an object of arguments and no other key, each name is an offered tool's, and nothing but such blocks stands at the end of the reply |
//!
//! So JSON that is shown to the human is not run: it has other keys, or names
//! no tool, or the reply goes on after it.

use agent::RawCall;

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
    /// By its markers, wherever it stands.
    is_marked: bool,
}

/// Where in a reply a text begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Only white space stands between the last line break and here.
    pub(crate) at_line_start: bool,
    /// In a fenced block that is not a call.
    pub(crate) is_quoted: bool,
    after_tick: bool,
}

impl Place {
    pub(crate) const START: Place = Place { at_line_start: true, is_quoted: false, after_tick: false };

    pub(crate) fn takes_calls(&self) -> bool {
        !self.is_quoted && !self.after_tick
    }

    /// Goes past `letter`, the first of `rest`.
    pub(crate) fn pass(&mut self, letter: char, rest: &str) {
        self.is_quoted ^= self.at_line_start && rest.starts_with("```");
        self.at_line_start = letter == '\n' || (self.at_line_start && letter.is_whitespace());
        self.after_tick = letter == '`';
    }
}

/// `None` if no call is in the text.
pub(crate) fn split(text: &str, start: Place, names: &[String]) -> Option<Split> {
    let mut kept = String::new();
    let mut calls = Vec::new();
    let mut place = start;
    let (mut after_unmarked, mut goes_on, mut has_marked) = (false, false, false);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let found = if place.takes_calls() { block(rest, place.at_line_start, names) } else { None };
        let len = match found {
            Some(block) => {
                calls.extend(block.calls);
                after_unmarked = !block.is_marked;
                has_marked |= block.is_marked;
                goes_on = false;
                block.len
            }
            None => {
                goes_on |= after_unmarked && !letter.is_whitespace();
                place.pass(letter, rest);
                kept.push(letter);
                letter.len_utf8()
            }
        };
        rest = rest.get(len..)?;
    }
    if goes_on {
        // The reply goes on after its JSON, which was only shown. Marked calls still count.
        return if has_marked { split(text, start, &[]) } else { None };
    }
    (!calls.is_empty()).then(|| Split { text: kept.trim_end().to_owned(), calls })
}

fn block(text: &str, at_line_start: bool, names: &[String]) -> Option<Block> {
    if let Some(after) = text.strip_prefix(MISTRAL) {
        let (calls, left) = mistral(after)?;
        return Some(Block { calls, len: text.len() - left.len(), is_marked: true });
    }
    if let Some((open, close)) = TAGS.iter().find(|(open, _)| text.starts_with(open)) {
        let (calls, left) = tagged(text.strip_prefix(open)?, close)?;
        return Some(Block { calls, len: text.len() - left.len(), is_marked: true });
    }
    // Qwen3-Coder at times leaves out the opening tag.
    if text.starts_with(xml_calls::OPEN) {
        let (calls, left) = tagged(text, "</tool_call>")?;
        return Some(Block { calls, len: text.len() - left.len(), is_marked: true });
    }
    if !at_line_start {
        return None;
    }
    let (calls, left) = match text.strip_prefix("```") {
        Some(after) => fenced(after, names)?,
        None => values(text, Some(names)).or_else(|| named(text, names))?,
    };
    Some(Block { calls, len: text.len() - left.len(), is_marked: false })
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
                calls.push(call(&fields, names)?);
                len
            }
            Some(b'[') if calls.is_empty() && !next.starts_with(MISTRAL) => {
                let (items, len) = loose_json::array(next)?;
                for item in items {
                    calls.push(call(&loose_json::object(item)?.0, names)?);
                }
                len
            }
            Some(_) | None => break,
        };
        left = next.get(len..)?;
    }
    (!calls.is_empty()).then_some((calls, left))
}

fn call(fields: &[(&str, &str)], names: Option<&[String]>) -> Option<RawCall> {
    let (mut name, mut arguments) = (None, None);
    for (key, value) in fields {
        match *key {
            "name" if name.is_none() => name = serde_json::from_str::<String>(value).ok(),
            "arguments" | "parameters" if arguments.is_none() => arguments = Some(*value),
            "id" | "type" => {}
            // OpenAI's wrapping: {"type": "function", "function": {"name": .., "arguments": ..}}.
            "function" if name.is_none() => return call(&loose_json::object(value)?.0, names),
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
