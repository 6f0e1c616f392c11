//! Takes the thoughts out of a model's words, where its server did not. Pure and incremental.
//!
//! Nothing in a thought is said to the human, sent back as an answer, or run. A mark counts unless it is quoted, or
//! stands in a sentence as a word among others.

use crate::place::Place;

/// What opens a thought, and what ends it.
const MARKS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    // gpt-oss.
    ("<|channel|>analysis<|message|>", "<|end|>"),
];

/// Ends of thoughts that templates open themselves: then the reply brings only the end.
const LONE_ENDS: &[&str] = &["</think>", "</thinking>", "[/THINK]"];

/// Between a thought and the answer of gpt-oss.
const DROPPED: &[&str] = &["<|start|>assistant", "<|channel|>final<|message|>"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Thinking(String),
    /// All text so far was thinking.
    TextWasThinking,
}

#[derive(Debug, Default)]
pub(crate) struct Thoughts {
    held: String,
    /// What ends the thought that is being read.
    end: Option<&'static str>,
    place: Place,
    /// The letter before the held text.
    before: Option<char>,
    /// Some text that is not blank was handed on.
    has_text: bool,
}

/// A mark at the start of a text.
enum Found {
    Open {
        len: usize,
        end: &'static str,
    },
    LoneEnd {
        len: usize,
    },
    Dropped {
        len: usize,
    },
    /// As far as the text goes it may be one.
    Perhaps,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    MayCome,
    Never,
}

impl Thoughts {
    pub(crate) fn push(&mut self, text: &str) -> Vec<Said> {
        self.held.push_str(text);
        self.read(More::MayCome)
    }

    /// What was held back. A thought that has no end ends here.
    pub(crate) fn finish(&mut self) -> Vec<Said> {
        self.read(More::Never)
    }

    fn read(&mut self, more: More) -> Vec<Said> {
        let mut said = Vec::new();
        loop {
            let goes_on = match self.end {
                Some(end) => self.read_thought(end, more, &mut said),
                None => self.read_text(more, &mut said),
            };
            if !goes_on {
                return said;
            }
        }
    }

    /// Whether it ended.
    fn read_thought(&mut self, end: &str, more: More, said: &mut Vec<Said>) -> bool {
        let at = self.held.find(end);
        let len = match (at, more) {
            (Some(at), _) => at,
            (None, More::MayCome) => self.held.len() - partial_len(&self.held, end),
            (None, More::Never) => self.held.len(),
        };
        let thought: String = self.held.drain(..len).collect();
        if !thought.is_empty() {
            said.push(Said::Thinking(thought));
        }
        if at.is_some() {
            self.held.drain(..end.len());
            // What follows begins a line of its own, as it does on the screen.
            (self.end, self.place, self.before) = (None, Place::default(), None);
        }
        at.is_some()
    }

    /// Whether a mark was met.
    fn read_text(&mut self, more: More, said: &mut Vec<Said>) -> bool {
        let mut place = self.place.clone();
        let mut before = self.before;
        let mut cut = self.held.len();
        let mut found = Found::No;
        for (at, letter) in self.held.char_indices() {
            if !place.is_quoted() {
                found = self.mark(at, before, &place, more);
                if !matches!(found, Found::No) {
                    cut = at;
                    break;
                }
            }
            place.pass(letter);
            before = Some(letter);
        }
        let mut text: String = self.held.drain(..cut).collect();
        (self.place, self.before) = (place, before);
        if !self.has_text {
            // The blank lines between a thought and the answer belong to neither.
            text = text.trim_start().to_owned();
            self.has_text = !text.is_empty();
        }
        if !text.is_empty() {
            said.push(Said::Text(text));
        }
        match found {
            Found::Open { len, end } => {
                self.held.drain(..len);
                self.end = Some(end);
            }
            Found::LoneEnd { len } => {
                self.held.drain(..len);
                said.push(Said::TextWasThinking);
                (self.has_text, self.place, self.before) = (false, Place::default(), None);
            }
            Found::Dropped { len } => drop(self.held.drain(..len)),
            Found::Perhaps | Found::No => return false,
        }
        true
    }

    fn mark(&self, at: usize, before: Option<char>, place: &Place, more: More) -> Found {
        let rest = self.held.get(at..).unwrap_or_default();
        if !rest.starts_with(['<', '[']) {
            return Found::No;
        }
        let is_glued = before.is_some_and(|before| before.is_alphanumeric() || ".!?:;)]>".contains(before));
        // A word among others has a blank on each side.
        let is_word = |len: usize| {
            let after = rest.get(len..).unwrap_or_default().chars().next();
            match after {
                _ if place.is_at_line_start() || is_glued => Some(false),
                None if more == More::MayCome => None,
                None => Some(false),
                Some(after) => Some(after == ' ' || ".,;:!?)\"'".contains(after)),
            }
        };
        let judged = |mark: &str, found: Found| match is_word(mark.len()) {
            None => Found::Perhaps,
            Some(true) => Found::No,
            Some(false) => found,
        };
        if let Some((open, end)) = MARKS.iter().find(|(open, _)| rest.starts_with(open)) {
            return judged(open, Found::Open { len: open.len(), end });
        }
        if let Some(end) = LONE_ENDS.iter().find(|end| rest.starts_with(**end)) {
            return judged(end, Found::LoneEnd { len: end.len() });
        }
        if let Some(mark) = DROPPED.iter().find(|mark| rest.starts_with(**mark)) {
            return Found::Dropped { len: mark.len() };
        }
        let mut all = MARKS.iter().map(|(open, _)| open).chain(LONE_ENDS).chain(DROPPED);
        match more {
            More::MayCome if all.any(|mark| mark.starts_with(rest)) => Found::Perhaps,
            More::MayCome | More::Never => Found::No,
        }
    }
}

/// How many of the last bytes may be the beginning of `mark`.
fn partial_len(text: &str, mark: &str) -> usize {
    (1..mark.len()).rev().find(|len| mark.get(..*len).is_some_and(|part| text.ends_with(part))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(pieces: impl Iterator<Item = String>) -> (String, String) {
        let mut thoughts = Thoughts::default();
        let (mut text, mut thinking) = (String::new(), String::new());
        let mut said: Vec<Said> = pieces.flat_map(|piece| thoughts.push(&piece)).collect();
        said.extend(thoughts.finish());
        for said in said {
            match said {
                Said::Text(words) => text += &words,
                Said::Thinking(words) => thinking += &words,
                Said::TextWasThinking => thinking += &std::mem::take(&mut text),
            }
        }
        (text, thinking)
    }

    /// The text and the thinking, the same however it is cut into pieces.
    #[track_caller]
    fn check(reply: &str, expected: Expect) {
        let (text, thinking) = read(std::iter::once(reply.to_owned()));
        expected.assert_eq(&format!("{text:?} thought {thinking:?}"));
        for size in [1, 2, 3, 7] {
            let letters: Vec<char> = reply.chars().collect();
            let pieces = letters.chunks(size).map(|piece| piece.iter().collect());
            assert_eq!(read(pieces), (text.clone(), thinking.clone()), "in pieces of {size}");
        }
    }

    #[test]
    fn thoughts_in_their_marks() {
        check("<think>plan</think>\n\nThe answer.", expect![[r#""The answer." thought "plan""#]]);
        check("[THINK]plan[/THINK]The answer.", expect![[r#""The answer." thought "plan""#]]);
        check("\n<thinking>\nplan\n</thinking>\nYes.", expect![[r#""Yes." thought "\nplan\n""#]]);
        check(
            "<|channel|>analysis<|message|>plan<|end|><|start|>assistant<|channel|>final<|message|>The answer.",
            expect![[r#""The answer." thought "plan""#]],
        );
        check("Look.<think>a</think> Then <think>b</think>c", expect![[r#""Look. Then c" thought "ab""#]]);
    }

    #[test]
    fn a_thought_without_an_end_and_an_end_without_a_beginning() {
        check("<think>I could call\nand no more", expect![[r#""" thought "I could call\nand no more""#]]);
        check("plan\n</think>\n\nThe answer.", expect![[r#""The answer." thought "plan\n""#]]);
        check("plan</think>The answer.", expect![[r#""The answer." thought "plan""#]]);
        check("plan\n</think>", expect![[r#""" thought "plan\n""#]]);
        check("<think>a <think> b</think> c</think>The answer.", expect![[r#""The answer." thought "a <think> bc""#]]);
    }

    #[test]
    fn marks_that_are_only_spoken_of() {
        for reply in [
            "Qwen writes `<think>` and `</think>`.",
            "```\n<think>plan</think>\n```\nis its form.",
            "> <think>plan\n\nis its form.",
            "The <think> tag opens a thought, the </think> tag ends it.",
            "a < b and [THIN] and <thin",
        ] {
            assert_eq!(read(std::iter::once(reply.to_owned())), (reply.to_owned(), String::new()));
            let letters = reply.chars().map(String::from);
            assert_eq!(read(letters), (reply.to_owned(), String::new()));
        }
    }
}
