//! Finds a call at the end of a reply that was written as text and is not read as one. Pure.
//!
//! Some models lose the form of a call on the way: `run_commandritannien{"command": ..}`, `bash` with a foreign word and
//! an object (Mistral Medium 3.5: mistralai/mistral-vibe#656, #714). That is no answer, and what it meant is a guess: so
//! it is sent back, and never run. What Markdown quotes, and words around an object, are an answer's.

use agent::{RawCall, ToolSpec};
use serde_json::Value;

use crate::place::Place;
use crate::profiles::TextCalls;
use crate::text_calls::{self, MISTRAL, SEPARATOR, TAGS, without_stops};
use crate::{loose_json, xml_calls};

/// What other agents call their tools, or how those names begin. Words that a sentence may begin with are not among
/// them.
const TOOL_LIKE: &[&str] = &[
    "bash",
    "shell",
    "terminal",
    "exec",
    "grep",
    "glob",
    "str_replace",
    "search_",
    "replace_",
    "read_",
    "write_",
    "edit_",
    "create_",
    "delete_",
    "list_",
    "apply_",
    "run_",
    "view_",
    "open_",
    "find_",
    "todo_",
    "functions.",
];

/// How gpt-oss begins a call, as text.
const ADDRESSED: &str = "to=functions.";

/// The longest junk between a name and its object.
const JUNK_CHARS: usize = 40;

/// Objects that are tried, each of which may be read to the end of the text.
const MOST_TRIES: usize = 64;

/// The call that the reply ends in, as far as it can be read: its name is a tool's, or empty.
pub(crate) fn find(text: &str, tools: &[ToolSpec]) -> Option<RawCall> {
    let mut call = find_any(text, tools)?;
    if !tools.iter().any(|tool| tool.name == call.name) {
        call.name.clear();
    }
    Some(call)
}

fn find_any(text: &str, tools: &[ToolSpec]) -> Option<RawCall> {
    let text = without_stops(text).trim_end();
    if tools.is_empty() || text.is_empty() {
        return None;
    }
    let names: Vec<String> = tools.iter().map(|tool| tool.name.to_owned()).collect();
    let whole = |form| text_calls::split(text, &Place::default(), &names, form);
    if let Some(split) = whole(TextCalls::Bare) {
        return split.calls.into_iter().next();
    }
    // A block with a call is a quotation, unless it is all that was said.
    if let Some(split) = whole(TextCalls::Fenced).filter(|split| split.text.is_empty()) {
        return split.calls.into_iter().next();
    }
    let mut place = Place::default();
    let mut tries = 0;
    for (at, letter) in text.char_indices() {
        let (before, rest) = text.split_at(at);
        if !place.is_quoted() && (letter == '{' || is_marked(rest)) {
            let call = match letter {
                '{' if loose_json::value_len(rest) == Some(rest.len()) => garbled(before, rest, tools),
                '{' => None,
                _ => broken(rest, &place, tools),
            };
            tries += 1;
            if call.is_some() || tries == MOST_TRIES {
                return call;
            }
        }
        place.pass(letter);
    }
    None
}

fn is_marked(rest: &str) -> bool {
    let mut marks = TAGS.iter().map(|(open, _)| *open).chain([MISTRAL, xml_calls::OPEN, ADDRESSED]);
    rest.starts_with(['[', '<', 't']) && marks.any(|mark| rest.starts_with(mark))
}

/// A call that its marks begin and that is not whole, or not a tool's.
fn broken(rest: &str, place: &Place, tools: &[ToolSpec]) -> Option<RawCall> {
    let nameless = |arguments: &str| RawCall { name: String::new(), arguments: arguments.trim().to_owned() };
    if let Some(after) = rest.strip_prefix(ADDRESSED) {
        let tool = tools.iter().find(|tool| after.starts_with(tool.name))?;
        let arguments = after.find('{').and_then(|at| after.get(at..)).unwrap_or_default();
        return Some(RawCall { name: tool.name.to_owned(), arguments: arguments.to_owned() });
    }
    if let Some(after) = rest.strip_prefix(xml_calls::OPEN).filter(|_| place.is_at_sentence_start()) {
        return tools.iter().any(|tool| after.starts_with(tool.name)).then(|| nameless(""));
    }
    let open = TAGS.iter().map(|(open, _)| *open).chain([MISTRAL]).find(|open| rest.starts_with(open))?;
    let after = rest.strip_prefix(open)?.trim_start();
    let is_open_ended = |text: &str| loose_json::value_len(text).is_none_or(|len| text.get(len..).is_some_and(is_end));
    if let Some(tool) = tools.iter().find(|tool| after.starts_with(tool.name)) {
        let arguments = after.get(tool.name.len()..)?.trim_start_matches(SEPARATOR).trim_start();
        return is_open_ended(arguments)
            .then(|| RawCall { name: tool.name.to_owned(), arguments: arguments.to_owned() });
    }
    (after.starts_with(['{', '[']) && is_open_ended(after)).then(|| nameless(after))
}

/// At most a closing tag.
fn is_end(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || TAGS.iter().any(|(_, close)| text == *close)
}

/// A name, junk, and an object that ends the reply.
fn garbled(before: &str, object: &str, tools: &[ToolSpec]) -> Option<RawCall> {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let (fields, _) = loose_json::object(object)?;
    let keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
    if keys.is_empty() {
        return None;
    }
    let call = |tool: &ToolSpec| RawCall { name: tool.name.to_owned(), arguments: object.to_owned() };
    let mut by_length: Vec<&ToolSpec> = tools.iter().collect();
    by_length.sort_by_key(|tool| std::cmp::Reverse(tool.name.len()));
    for tool in by_length {
        let Some((head, junk)) = line.rfind(tool.name).and_then(|at| {
            let (head, named) = line.split_at_checked(at)?;
            Some((head, named.get(tool.name.len()..)?))
        }) else {
            continue;
        };
        if may_stand_before(head, junk) && (is_glued(junk) || takes(tool, &keys)) {
            return Some(call(tool));
        }
    }
    // Some other name: only where the arguments are one tool's and no other's.
    let is_tool_like = line.char_indices().any(|(at, _)| {
        let (head, rest) = line.split_at(at);
        TOOL_LIKE.iter().any(|name| {
            let is_name = rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
            is_name && may_stand_before(head, rest.get(name.len()..).unwrap_or_default())
        })
    });
    let mut takers = tools.iter().filter(|tool| takes(tool, &keys));
    match (is_tool_like, takers.next(), takers.next()) {
        (true, Some(only), None) => Some(call(only)),
        (_, _, _) => None,
    }
}

/// A name begins a sentence, and what follows it is no sentence: at most one word, or one in another script.
fn may_stand_before(head: &str, junk: &str) -> bool {
    let mut place = Place::default();
    place.pass_all(head);
    let is_word_before = head.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let junk = junk.trim_end_matches([':', '=', '(', ' ', '>', '|']);
    let words = junk.split_whitespace().count();
    let is_foreign = !junk.is_ascii();
    !is_word_before
        && junk.chars().count() <= JUNK_CHARS
        && (place.is_at_sentence_start() || is_foreign || is_glued(junk))
        && words <= if is_foreign { 3 } else { 1 }
}

/// Letters that follow a name at once, as in no word of any language.
fn is_glued(junk: &str) -> bool {
    let junk = junk.trim_end_matches([':', '=', '(']);
    !junk.is_empty()
        && !junk.contains(char::is_whitespace)
        && junk.chars().all(|letter| letter.is_alphabetic() || letter == '_')
}

/// These are arguments of the tool's, and none that it needs is missing.
fn takes(tool: &ToolSpec, keys: &[&str]) -> bool {
    let properties = tool.parameters.get("properties").and_then(Value::as_object);
    let mut required =
        tool.parameters.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    properties.is_some_and(|properties| keys.iter().all(|key| properties.contains_key(*key)))
        && required.all(|name| keys.contains(&name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools() -> Vec<ToolSpec> {
        let tool = |name, keys: &[&str], required: &[&str]| ToolSpec {
            name,
            description: String::new(),
            parameters: json!({"type": "object", "required": required,
                "properties": keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect::<serde_json::Map<_, _>>()}),
        };
        vec![
            tool("run_command", &["command", "timeout_seconds"], &["command"]),
            tool("create_file", &["filename", "content"], &["filename", "content"]),
            tool("read_file", &["filename", "lines"], &["filename"]),
            tool("find_symbol", &["name"], &["name"]),
        ]
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(find(text, &tools()).map(|call| call.name).as_deref(), expected, "{text}");
    }

    #[test]
    fn calls_that_lost_their_form() {
        for (text, name) in [
            // Seen of Mistral Medium 3.5.
            (r#"run_commandritannien{"command": "ls"}"#, "run_command"),
            (r#"run_command وسرعت:{"command": "ls"}"#, "run_command"),
            (r#"bash وسرعت:{"command": "cargo test"}"#, "run_command"),
            (r#"bashikian{"command": "ls"}"#, "run_command"),
            (r#"create_fileritannien{"filename": "a", "content": "{}"}"#, "create_file"),
            (r#"write_fileritannien{"filename": "a", "content": "b"}"#, "create_file"),
            ("Let me look.\nrun_commandritannien{\"command\": \"ls\"}</s>", "run_command"),
            (r#"I fix it now.run_commandritannien{"command": "ls"}"#, "run_command"),
            (r#"I run it: bash {"command": "ls"}"#, "run_command"),
            // Whole calls that the server did not read.
            (r#"run_command{"command": "ls"}"#, "run_command"),
            (r#"run_command: {"command": "ls"}"#, "run_command"),
            (r#"[TOOL_CALLS]run_command[ARGS]{"command": "ls"}"#, "run_command"),
            (r#"{"name": "run_command", "arguments": {"command": "ls"}}"#, "run_command"),
            ("```json\n{\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}\n```", "run_command"),
            // Not whole.
            (r#"[TOOL_CALLS]run_command[ARGS]{"command": "l"#, "run_command"),
            ("<tool_call>\n{\"name\": \"run_com", ""),
            ("<function=run_command>\n<parameter=command>ls", ""),
            // No tool of that name.
            (r#"[TOOL_CALLS]fly[ARGS]{"to": "a"}"#, ""),
            // gpt-oss.
            (r#"<|channel|>commentary to=functions.run_command <|message|>{"command": "ls"}"#, "run_command"),
        ] {
            check(text, Some(name));
        }
    }

    #[test]
    fn answers_that_speak_of_calls_or_end_in_an_object() {
        for text in [
            "Done. I ran `run_command` and it passed.",
            r#"Call run_command with {"command": "ls"}"#,
            r#"It sends read_file{"filename": "a"} and waits."#,
            r#"`run_command{"command": "ls"}`"#,
            "The agent sends:\n```json\n{\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}\n```",
            "It looks like this:\n\n    run_command{\"command\": \"ls\"}",
            "| tool | call |\n| --- | --- |\n| run | run_command{\"command\": \"ls\"}",
            "> bash {\"command\": \"ls\"}",
            r#"The configuration is now {"command": "ls"}"#,
            r#"{"command": "ls"}"#,
            r#"{"version": 1, "name": "demo"}"#,
            "bash: {\"a\": 1}",
            "fn run_command() {}",
            "The marker [TOOL_CALLS] opens a call.",
            "Use `[TOOL_CALLS]run_command[ARGS]{}` for that.",
            "I changed run_command so that it takes {}",
            "",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn many_brackets_take_no_time() {
        let text = format!("bash {}", "{\"a\": ".repeat(200_000));
        check(&text, None);
        check(&"<tool_call>\n[".repeat(100_000), Some(""));
    }
}
