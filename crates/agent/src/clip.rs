//! Text short enough to show the model. Nothing unbounded enters a transcript.

use serde::{Deserialize, Serialize};

/// Text of at most [`Clipped::MAX`] bytes (and one line that says what is left out).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Clipped(String);

impl Clipped {
    /// About 5,000 tokens at 4 bytes a token: one outcome stays a small part of a 128k window.
    pub const MAX: usize = 20_000;

    pub fn new(text: impl Into<String>) -> Clipped {
        Clipped::to(text, Clipped::MAX)
    }

    /// Keeps the head and the tail, of `max` bytes together, cut at line ends where that costs little.
    pub fn to(text: impl Into<String>, max: usize) -> Clipped {
        let text = text.into();
        if text.len() <= max {
            return Clipped(text);
        }
        let head = head(&text, max / 2);
        let tail = tail(&text, max - max / 2);
        let left_out = text.len() - head.len() - tail.len();
        let gap = if head.ends_with('\n') { "" } else { "\n" };
        Clipped(format!("{head}{gap}[... {left_out} bytes omitted ...]\n{tail}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest whole-character head of at most `max` bytes, back to a line end if one is near.
fn head(text: &str, max: usize) -> &str {
    let end = text.floor_char_boundary(max);
    let (head, _) = text.split_at(end);
    match head.rfind('\n') {
        Some(newline) if max / 2 < newline => head.split_at(newline + 1).0,
        Some(_) | None => head,
    }
}

fn tail(text: &str, max: usize) -> &str {
    let start = text.ceil_char_boundary(text.len().saturating_sub(max));
    let (_, tail) = text.split_at(start);
    match tail.find('\n') {
        Some(newline) if newline < max / 2 => tail.split_at(newline + 1).1,
        Some(_) | None => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(Clipped::to(text, max).as_str(), expected);
    }

    #[test]
    fn short_text_is_kept_whole() {
        check("abc", 3, "abc");
    }

    #[test]
    fn long_text_keeps_head_and_tail_and_says_how_much_is_gone() {
        check("abcdefghij", 4, "ab\n[... 6 bytes omitted ...]\nij");
        check("one\ntwo\nthree\nfour\n", 11, "one\n[... 10 bytes omitted ...]\nfour\n");
    }

    #[test]
    fn a_character_is_never_cut_in_two() {
        check("ééééé", 5, "é\n[... 6 bytes omitted ...]\né");
    }
}
