//! Code with a little colour: comments, strings, numbers, and words that many languages keep. Pure, one line at a time.
//!
//! It guesses: a comment or a string that goes over several lines is coloured by its lines alone.

use anstyle::{AnsiColor, Style};

use crate::inline::{Cell, DIM, cells, colour};
use crate::screen::Paint;

const WORDS: &str = " abstract and as async await bool break case catch char class const continue def default defer del \
    do done elif else end enum esac except export extends extern false fi final finally float fn for from func function \
    global go if impl import in include int interface is lambda let local long loop match mod module mut namespace new \
    nil none None not null of or override package pass private protected pub public raise range ref return select self \
    Self static str struct super switch template then this throw trait true True False try type typedef union unless \
    unsafe use using var virtual void where while with yield ";

pub(crate) fn code(line: &str, language: &str) -> Vec<Cell> {
    if matches!(language, "diff" | "patch") {
        return cells(line, diff(line).style());
    }
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (length, style) = token(rest, first, language);
        let (token, after) = rest.split_at(length.clamp(first.len_utf8(), rest.len()));
        out.extend(cells(token, style));
        rest = after;
    }
    out
}

/// A line of a unified diff.
pub(crate) fn diff(line: &str) -> Paint {
    match line.as_bytes() {
        [b'+', ..] => Paint::Green,
        [b'-', ..] => Paint::Red,
        [b'@', ..] => Paint::Cyan,
        _ => Paint::Plain,
    }
}

/// The bytes of the first token and how it looks.
fn token(rest: &str, first: char, language: &str) -> (usize, Style) {
    let hash_is_code =
        matches!(language, "rust" | "rs" | "c" | "cpp" | "c++" | "h" | "css" | "js" | "javascript" | "ts");
    let comments = ["//", "/*", "--", "#"];
    let is_comment = comments.iter().any(|mark| {
        rest.starts_with(mark)
            && !(hash_is_code && *mark == "#")
            && (*mark != "--" || matches!(language, "sql" | "lua"))
    });
    if is_comment {
        return (rest.len(), DIM);
    }
    match first {
        '"' | '\'' | '`' => match string_ends(rest, first) {
            Some(length) => (length, colour(AnsiColor::Green)),
            None => (1, Style::new()),
        },
        '0'..='9' => {
            (span(rest, |character| character.is_alphanumeric() || "._".contains(character)), colour(AnsiColor::Yellow))
        }
        _ if first.is_alphabetic() || first == '_' => {
            let length = span(rest, |character| character.is_alphanumeric() || character == '_');
            let word = rest.get(..length).unwrap_or_default();
            let is_kept = WORDS.contains(&format!(" {word} "));
            (length, if is_kept { colour(AnsiColor::Magenta) } else { Style::new() })
        }
        _ => (first.len_utf8(), Style::new()),
    }
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

/// `None` where it does not end on this line: an apostrophe, a lifetime.
fn string_ends(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(index + 1),
            _ => (),
        }
    }
    None
}
