//! Holds back streamed text that may turn out to be a tool call, so that the human never sees one as text. Pure.
//!
//! Everything else is let through at once: the held part begins where a marker,
//! a fence or an object begins, and is let go as soon as it cannot be a call.

use crate::place::Place;
use crate::profiles::TextCalls;
use crate::text_calls::{self, FENCES, MISTRAL, SEPARATOR, STOPS, Split, TAGS, without_stops};
use crate::xml_calls;

/// The keys that an object may begin with if it is a call.
const KEYS: &[&str] = &["name", "arguments", "parameters", "function", "type", "id"];

#[derive(Debug)]
pub(crate) struct Screen {
    names: Vec<String>,
    form: TextCalls,
    held: String,
    /// Where the held text begins.
    place: Place,
}

impl Screen {
    /// `names`: the tools that may be called. Where there are none, no text is a call.
    pub(crate) fn new(names: Vec<String>, form: TextCalls) -> Screen {
        Screen { names, form, held: String::new(), place: Place::default() }
    }

    /// The text that can be shown now.
    pub(crate) fn push(&mut self, text: &str) -> Option<String> {
        self.held.push_str(text);
        let shown: String = self.held.drain(..self.first_suspect()).collect();
        self.place.pass_all(&shown);
        (!shown.is_empty()).then_some(shown)
    }

    /// The held text and the calls that it was, once the reply is complete.
    pub(crate) fn finish(&mut self) -> Split {
        let held = std::mem::take(&mut self.held);
        let split =
            if self.names.is_empty() { None } else { text_calls::split(&held, &self.place, &self.names, self.form) };
        split.unwrap_or_else(|| Split { text: without_stops(&held).to_owned(), calls: Vec::new() })
    }

    /// Lets go of the held text, which turned out to be something else.
    pub(crate) fn take(&mut self) -> String {
        self.place = Place::default();
        std::mem::take(&mut self.held)
    }

    /// Where the text begins that has to be held: white space before a call goes with it.
    fn first_suspect(&self) -> usize {
        let mut place = self.place.clone();
        for (at, letter) in self.held.char_indices() {
            let (before, rest) = self.held.split_at(at);
            if may_be_stop(rest) || (!place.is_quoted() && self.may_be_call(rest, &place)) {
                return before.trim_end().len();
            }
            place.pass(letter);
        }
        self.held.trim_end().len()
    }

    fn may_be_call(&self, rest: &str, place: &Place) -> bool {
        if self.names.is_empty() {
            return false;
        }
        if place.is_at_sentence_start() {
            if begins(rest, MISTRAL) {
                return rest.strip_prefix(MISTRAL).is_none_or(|after| {
                    let after = after.trim_start();
                    after.is_empty()
                        || after.starts_with(|letter: char| letter.is_ascii_alphabetic() || "[{_".contains(letter))
                });
            }
            if let Some((open, _)) = TAGS.iter().find(|(open, _)| begins(rest, open)) {
                return rest.strip_prefix(open).is_none_or(|after| blank_or(after, &['{', '[', '<']));
            }
            if begins(rest, xml_calls::OPEN) {
                return true;
            }
        }
        if !place.is_at_line_start() {
            return false;
        }
        match rest.as_bytes().first() {
            Some(b'`') => self.form.reads_fences() && self.may_be_fence(rest),
            Some(b'{' | b'[') => self.may_be_json(rest),
            Some(_) => self.names.iter().any(|name| may_be_named(rest, name)),
            None => false,
        }
    }

    fn may_be_fence(&self, rest: &str) -> bool {
        let Some(after) = rest.strip_prefix("```") else { return begins(rest, "```") };
        let Some((language, inside)) = after.split_once('\n') else {
            return FENCES.iter().any(|known| known.starts_with(after.trim()));
        };
        let inside = inside.trim_start();
        FENCES.contains(&language.trim())
            && (inside.is_empty()
                || begins(inside, MISTRAL)
                || TAGS.iter().any(|(open, _)| begins(inside, open))
                || self.may_be_json(inside))
    }

    /// Whether an object, or a list of them, begins as a call does.
    fn may_be_json(&self, rest: &str) -> bool {
        let rest = rest.strip_prefix('[').unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return true;
        }
        let Some(rest) = rest.strip_prefix('{').map(str::trim_start) else { return false };
        let Some(rest) = rest.strip_prefix('"') else { return rest.is_empty() };
        let Some((key, after)) = rest.split_once('"') else { return KEYS.iter().any(|key| key.starts_with(rest)) };
        if !KEYS.contains(&key) {
            return false;
        }
        let Some(value) = after.trim_start().strip_prefix(':').map(str::trim_start) else {
            return after.trim_start().is_empty();
        };
        match value.strip_prefix('"') {
            Some(value) if key == "name" => match value.split_once('"') {
                Some((name, _)) => self.names.iter().any(|known| known == name),
                None => self.names.iter().any(|known| known.starts_with(value)),
            },
            Some(_) => true,
            None => value.is_empty() || key != "name",
        }
    }
}

/// `text` starts with `marker`, or with as much of it as has come.
fn begins(text: &str, marker: &str) -> bool {
    !text.is_empty() && (text.starts_with(marker) || marker.starts_with(text))
}

/// One or more of [`STOPS`] to the end, the last perhaps in part.
fn may_be_stop(mut rest: &str) -> bool {
    while let Some(stop) = STOPS.iter().find(|stop| begins(rest, stop)) {
        match rest.strip_prefix(stop).map(str::trim_start) {
            None | Some("") => return true,
            Some(after) => rest = after,
        }
    }
    false
}

fn blank_or(text: &str, starts: &[char]) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with(starts)
}

fn may_be_named(text: &str, name: &str) -> bool {
    match text.strip_prefix(name) {
        None => name.starts_with(text),
        Some(after) => {
            let after = after.trim_start_matches(' ');
            after.is_empty() || after.starts_with('{') || begins(after, SEPARATOR)
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn screen() -> Screen {
        Screen::new(["read_file", "run_command"].map(str::to_owned).to_vec(), TextCalls::Fenced)
    }

    /// The pieces as they are shown, a `|` between, then what the end adds.
    #[track_caller]
    fn check(pieces: &[&str], expected: Expect) {
        let mut screen = screen();
        let shown: Vec<String> = pieces.iter().filter_map(|piece| screen.push(piece)).collect();
        let end = screen.finish();
        let calls: Vec<String> =
            end.calls.iter().map(|call| format!(" call {} {}", call.name, call.arguments)).collect();
        expected.assert_eq(&format!("{} end {:?}{}", shown.join("|"), end.text, calls.concat()));
    }

    #[test]
    fn plain_text_passes_at_once() {
        check(
            &["Hello", " world", ".\n", "Bye"],
            expect![[r#"
            Hello| world|.|
            Bye end """#]],
        );
        check(&["a < b [1] {x} `y`", " ok"], expect!["a < b [1] {x} `y`| ok end \"\""]);
        check(
            &["```python\n", "print()\n", "```"],
            expect![[r#"
                ```python|
                print()|
                ``` end """#]],
        );
        check(
            &["{\n  \"title\"", ": 1}"],
            expect![[r#"
            {
              "title"|: 1} end """#]],
        );
        check(
            &["```json\n{\"name\": \"left-pad\", ", "\"x\": 1}\n```\n"],
            expect![[r#"
                ```json
                {"name": "left-pad",| "x": 1}
                ``` end "\n""#]],
        );
    }

    #[test]
    fn calls_are_never_shown() {
        check(
            &["Look: ", "[TOOL", "_CALLS]read", "_file[ARGS]{\"a\"", ": 1}"],
            expect![[r#"Look: end "" call read_file {"a": 1}"#]],
        );
        check(
            &["Look:\n\n", "`", "``js", "on\n", "{\"name\": \"read_file\", \"arguments\": {}}", "\n```"],
            expect![[r#"Look: end "" call read_file {}"#]],
        );
        check(
            &["<tool", "_call>\n{\"name\": \"read_file\",", " \"arguments\": {}}\n</tool_call>"],
            expect![[r#" end "" call read_file {}"#]],
        );
        check(
            &["<func", "tion=read_file>\n<parameter=a>\n1", "\n</parameter></function>"],
            expect![[r#" end "" call read_file {"a":"1"}"#]],
        );
        check(&["read", "_file", "{\"a\": 1}"], expect![[r#" end "" call read_file {"a": 1}"#]]);
    }

    #[test]
    fn what_was_held_in_vain_is_shown() {
        check(&["read", "ing is fun"], expect![[r#"reading is fun end """#]]);
        check(&["[TOOL", "S] <to", "ols and so on"], expect![[r#"[TOOLS]| <tools and so on end """#]]);
        check(
            &["```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```\n", "is a call."],
            expect![[r#" end "```json\n{\"name\": \"read_file\", \"arguments\": {}}\n```\nis a call.""#]],
        );
    }

    #[test]
    fn quoted_calls_are_shown() {
        check(
            &["```te", "xt\n", "[TOOL_CALLS]read_file[ARGS]{}", "\n`", "``\n", "So.[TOOL_CALLS]read_file[ARGS]{}"],
            expect![[r#"
                ```te|xt|
                [TOOL_CALLS]read_file[ARGS]{}|
                `|``|
                So. end "" call read_file {}"#]],
        );
        check(
            &["It sends `", "<tool_call>{\"name\": \"read_file\", \"arguments\": {}}</tool_call>", "`"],
            expect![[r#"It sends `|<tool_call>{"name": "read_file", "arguments": {}}</tool_call>|` end """#]],
        );
    }

    #[test]
    fn leftovers_of_templates_are_dropped() {
        check(&["Done.", "<|im_", "end|>"], expect![[r#"Done. end """#]]);
        check(&["Done.</s", "></", "s>"], expect![[r#"Done. end """#]]);
        check(&["Done.</s>\n"], expect![[r#"Done. end """#]]);
        check(&["`<|im_end|>` ends a turn."], expect![[r#"`<|im_end|>` ends a turn. end """#]]);
        check(&["[TOOL_CALLS]read_file[ARGS]{}</s>"], expect![[r#" end "" call read_file {}"#]]);
    }
}
