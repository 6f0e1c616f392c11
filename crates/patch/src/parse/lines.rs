//! An edit's text as lines, and the ways a whole text can be wrapped: CRLF, an indentation, a JSON string's escapes.

use std::borrow::Cow;
use std::cell::OnceCell;

pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    /// False when the last line has no ending: the text may have been cut there.
    pub(super) ends_in_newline: bool,
    last_divider: OnceCell<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Lines<'a> {
        let mut lines: Vec<&str> = text.split('\n').collect();
        let ends_in_newline = text.ends_with('\n');
        if ends_in_newline {
            lines.pop();
        }
        Lines { lines, ends_in_newline, last_divider: OnceCell::new() }
    }

    pub(super) fn get(&self, at: usize) -> Option<&'a str> {
        self.lines.get(at).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The line without a carriage return, for looking at headers.
    pub(super) fn header(&self, at: usize) -> Option<&'a str> {
        self.get(at).map(|line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// The last line that divides a block; 0 if there is none.
    pub(super) fn last_divider(&self) -> usize {
        let is_divider = |at: &usize| self.header(*at).is_some_and(super::blocks::is_divider);
        *self.last_divider.get_or_init(|| (0..self.len()).rev().find(is_divider).unwrap_or(0))
    }

    pub(super) fn starts(&self, at: usize, prefix: &str) -> bool {
        self.get(at).is_some_and(|line| line.starts_with(prefix))
    }
}

/// A text that is CRLF throughout says nothing about the file's endings; one that mixes them does, and keeps them.
pub(super) fn without_carriage_returns(text: &str) -> Cow<'_, str> {
    let line_feeds = text.matches('\n').count();
    if line_feeds > 0 && text.matches("\r\n").count() == line_feeds {
        return Cow::Owned(text.replace("\r\n", "\n"));
    }
    Cow::Borrowed(text)
}

/// The text without the indentation that all of its lines share, from the first header on. `None` if there is none.
pub(super) fn dedented(text: &str) -> Option<String> {
    let begins = ["diff --git ", "--- ", "@@", "*** Begin Patch", "<<<<<<< "];
    let is_header = |line: &str| begins.iter().any(|begin| line.trim_start().starts_with(begin));
    let lines: Vec<&str> = text.split('\n').collect();
    let first = lines.iter().position(|line| is_header(line))?;
    let header = lines.get(first)?;
    let indent = header.get(..header.len() - header.trim_start().len())?;
    let is_above_indented = || {
        lines.iter().take(first).rev().find(|line| !line.trim().is_empty()).is_none_or(|line| line.starts_with(indent))
    };
    if indent.is_empty() || (header.trim_start().starts_with('<') && !is_above_indented()) {
        return None;
    }
    let mut dedented = String::with_capacity(text.len());
    // The file's name above a block, and a fence.
    let is_alike = |at: &usize| lines.get(*at).is_some_and(|line| line.starts_with(indent) || line.trim().is_empty());
    let from = (0..first).rev().take_while(is_alike).last().unwrap_or(first);
    for line in lines.iter().skip(from) {
        match line.strip_prefix(indent) {
            Some(rest) => dedented.push_str(rest),
            None if line.trim().is_empty() => {}
            None if line.trim_start().starts_with("```") => dedented.push_str(line.trim_start()),
            None => return None,
        }
        dedented.push('\n');
    }
    dedented.pop();
    Some(dedented)
}

/// The text without a JSON string's escapes, where a whole patch was escaped once too often: it begins with a file
/// header, and the line feeds in it are written `\n`. `None` for any other text.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let trimmed = text.trim().trim_matches('"');
    let begins = ["diff --git ", "--- ", "*** Begin Patch"];
    let is_escaped = begins.iter().any(|begin| trimmed.starts_with(begin)) && trimmed.contains("\\n@@");
    if !is_escaped || trimmed.matches('\n').count() > 1 {
        return None;
    }
    let mut plain = String::with_capacity(trimmed.len());
    let mut characters = trimmed.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next()? {
            'n' => plain.push('\n'),
            't' => plain.push('\t'),
            'r' => plain.push('\r'),
            'u' => {
                let digits: String = characters.by_ref().take(4).collect();
                plain.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
            }
            mark @ ('"' | '\\' | '/' | '\'') => plain.push(mark),
            _ => return None,
        }
    }
    Some(plain)
}
