//! A reply that is a file in a block of code, read as the calls that it stands for. Pure.

use std::path::PathBuf;

use crate::chat::{FinishReason, RawCall};
use crate::draft::Draft;
use crate::fresh_start::Failed;
use crate::outline::missing;

pub(crate) const FENCE: &str = "```";

/// The file that a reply is asked to be.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) path: PathBuf,
    /// The file as it was at first.
    pub(crate) original: String,
    /// What is run then.
    pub(crate) failed: Option<Failed>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Calls,
    /// The file defines what the block does not.
    Part,
    /// There is no whole block.
    Nothing,
}

impl Block {
    /// The reply as the calls that it stands for; else it is left as it is.
    pub(crate) fn read(&self, draft: &mut Draft) -> Read {
        if draft.finish != FinishReason::Stop || !draft.calls.is_empty() {
            return Read::Nothing;
        }
        let Some((content, rest)) = longest_block(&draft.text, self.original.contains(FENCE)) else {
            return Read::Nothing;
        };
        if missing(&self.original, &content).is_some() {
            return Read::Part;
        }
        let call = |name: &str, arguments: serde_json::Value| RawCall {
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        let filename = self.path.display().to_string();
        draft.calls.push(call("create_file", serde_json::json!({ "filename": filename, "content": content })));
        draft.calls.extend(
            self.failed.as_ref().map(|failed| call("run_command", serde_json::json!({ "command": failed.command }))),
        );
        draft.text = rest;
        Read::Calls
    }
}

/// What stands in the longest fenced block, and what stands around it. A block that is not closed ends with the text. A
/// file that has fences itself goes from the first fence to the last: which of them are its own cannot be told.
fn longest_block(text: &str, has_fences: bool) -> Option<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let (start, end) = if has_fences { outermost(&lines) } else { longest(&lines) }?;
    let content: String = lines.get(start..end)?.iter().flat_map(|line| [line, "\n"]).collect();
    let around = lines.iter().take(start - 1).chain(lines.iter().skip(end + 1));
    let rest = around.copied().collect::<Vec<&str>>().join("\n").trim().to_owned();
    (!content.trim().is_empty()).then_some((content, rest))
}

/// The backticks that a line begins with.
fn ticks(line: &str) -> &str {
    line.trim_start().split(|character| character != '`').next().unwrap_or_default()
}

fn outermost(lines: &[&str]) -> Option<(usize, usize)> {
    let is_fence = |line: &&str| FENCE.len() <= ticks(line).len();
    let first = lines.iter().position(is_fence)?;
    let last = lines.iter().rposition(is_fence).filter(|last| first < *last)?;
    Some((first + 1, last))
}

fn longest(lines: &[&str]) -> Option<(usize, usize)> {
    let mut longest: Option<(usize, usize)> = None;
    let mut open: Option<(usize, &str)> = None;
    let mut consider = |start: usize, end: usize| {
        if longest.is_none_or(|(from, to)| to - from < end - start) {
            longest = Some((start, end));
        }
    };
    for (number, line) in lines.iter().enumerate() {
        let ticks = ticks(line);
        match open {
            Some((start, fence)) if line.trim() == ticks && fence.len() <= ticks.len() => {
                consider(start, number);
                open = None;
            }
            None if FENCE.len() <= ticks.len() => open = Some((number + 1, ticks)),
            Some(_) | None => (),
        }
    }
    if let Some((start, _)) = open {
        consider(start, lines.len());
    }
    longest
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::chat::ChatEvent;

    #[track_caller]
    fn check(original: &str, text: &str, finish: FinishReason, expected: Expect) {
        let mut draft = Draft::default();
        draft.add(ChatEvent::Text(text.to_owned()));
        draft.add(ChatEvent::Finish(finish));
        let failed = Failed { command: "pytest".to_owned(), said: String::new() };
        let block = Block { path: PathBuf::from("a.py"), original: original.to_owned(), failed: Some(failed) };
        let read = block.read(&mut draft);
        let calls: Vec<&str> = draft.calls.iter().map(|call| call.arguments.as_str()).collect();
        expected.assert_eq(&format!("{read:?} {:?} {calls:?}", draft.text));
    }

    #[test]
    fn the_longest_block_of_a_reply_is_the_file() {
        let reply = "Here:\n```sh\npytest\n```\n```python\ndef f():\n    return '```'\n```\nDone.";
        check(
            "def f():\n",
            reply,
            FinishReason::Stop,
            expect![[
                r#"Calls "Here:\n```sh\npytest\n```\nDone." ["{\"filename\":\"a.py\",\"content\":\"def f():\\n    return '```'\\n\"}", "{\"command\":\"pytest\"}"]"#
            ]],
        );
        check(
            "a = 0",
            "```\na = 1",
            FinishReason::Stop,
            expect![[r#"Calls "" ["{\"filename\":\"a.py\",\"content\":\"a = 1\\n\"}", "{\"command\":\"pytest\"}"]"#]],
        );
    }

    #[test]
    fn a_reply_that_was_cut_or_has_no_block_is_left_as_it_is() {
        check("", "```\na = 1", FinishReason::Length, expect![[r#"Nothing "```\na = 1" []"#]]);
        check("", "I cannot.", FinishReason::Stop, expect![[r#"Nothing "I cannot." []"#]]);
        check("", "```\n```", FinishReason::Stop, expect![[r#"Nothing "```\n```" []"#]]);
    }

    #[test]
    fn a_part_of_the_file_is_not_written() {
        check(
            "K = 1\ndef f():\n    pass\n",
            "```\ndef f():\n    return 1\n```",
            FinishReason::Stop,
            expect![[r#"Part "```\ndef f():\n    return 1\n```" []"#]],
        );
    }

    #[test]
    fn a_file_with_fences_is_not_cut_at_its_own() {
        let reply = "```markdown\n# Use\n```sh\nmake\n```\nMore.\n```";
        check(
            "# Use\n```sh\nmake\n```\n",
            reply,
            FinishReason::Stop,
            expect![[
                r##"Calls "" ["{\"filename\":\"a.py\",\"content\":\"# Use\\n```sh\\nmake\\n```\\nMore.\\n\"}", "{\"command\":\"pytest\"}"]"##
            ]],
        );
    }
}
