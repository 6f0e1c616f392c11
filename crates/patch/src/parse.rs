//! Recognises an edit's format by what it is and hands it to its reader. Prose and fences around an edit are ignored;
//! what cannot be read without guessing is a [`ParseError`] that says what to send instead.

mod blocks;
mod envelope;
mod hunk;
mod lines;
mod paths;
mod unified;

use crate::edit::{Action, FileEdit, Format};
use lines::Lines;

/// Why a text is not an edit that can be applied. The text is for the model: what was found, and what to send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but white space.
    #[error("the edit is empty. Send a unified diff with at least one hunk.")]
    Empty,
    /// Text, but no hunk, block or envelope in it.
    #[error(
        "no edit was found in the text: no `@@` hunk, no SEARCH/REPLACE block, no `*** Begin Patch`. Send a unified \
         diff: `--- a/path`, `+++ b/path`, `@@`, then lines that start with a space (context), `-` or `+`."
    )]
    NotAnEdit,
    /// A binary patch.
    #[error("the diff of `{path}` is binary, which cannot be applied as text. Write the file with a command instead.")]
    Binary {
        /// The file, as far as the header tells.
        path: String,
    },
    /// A change of a submodule's commit.
    #[error("the diff of `{path}` changes a git submodule. Check out the commit inside it with a git command instead.")]
    Submodule {
        /// The submodule.
        path: String,
    },
    /// A header without anything below it.
    #[error("the diff names `{path}` but has no hunk for it. Add the hunk, or remove the file from the diff.")]
    NoHunks {
        /// The file.
        path: String,
    },
    /// The text stops before the edit does.
    #[error("the edit is cut off: {what}. Send all of it again; split it if it is long.")]
    Cut {
        /// What is missing.
        what: String,
    },
    /// It has the form of a format and breaks its rules.
    #[error("line {line} of the edit: {what}")]
    Malformed {
        /// The line of the edit, 1-based.
        line: usize,
        /// What is wrong and what to write instead.
        what: String,
    },
}

/// Reads every file's edit out of `text`, in the order written.
///
/// Unified edits and blocks that name the same file are one [`FileEdit`]; others for the same file are to be applied
/// one after the other.
pub fn parse(text: &str) -> Result<Vec<FileEdit>, ParseError> {
    if text.trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let text = lines::without_carriage_returns(text.strip_prefix('\u{feff}').unwrap_or(text));
    // Where all lines are indented alike, so is the content.
    if let Some(edits) = lines::dedented(&text).and_then(|text| read(&text).ok()) {
        return Ok(merged(edits));
    }
    let as_written = read(&text);
    let is_nothing = matches!(&as_written, Err(ParseError::NoHunks { .. } | ParseError::NotAnEdit));
    let unescaped = || lines::unescaped(&text).and_then(|text| read(&text).ok());
    match is_nothing.then(unescaped).flatten() {
        Some(edits) => Ok(merged(edits)),
        None => as_written.map(merged),
    }
}

fn read(text: &str) -> Result<Vec<FileEdit>, ParseError> {
    let lines = Lines::of(text);
    let mut edits = Vec::new();
    let mut from = 0;
    loop {
        // What begins first is the format; the markers of the others within it are content.
        let begins = (from..lines.len()).find_map(|at| Some((at, format_at(&lines, at)?)));
        let (more, end) = match begins {
            None if edits.is_empty() => return Err(ParseError::NotAnEdit),
            None => return Ok(edits),
            Some((at, Format::Envelope)) => envelope::read(&lines, at)?,
            Some((at, Format::Blocks)) => blocks::read(&lines, at)?,
            // It has to see the fence that may stand above.
            Some((_, Format::Unified)) => unified::read(&lines, from)?,
        };
        edits.extend(more);
        from = end;
    }
}

/// The format of an edit that begins at this line.
fn format_at(lines: &Lines, at: usize) -> Option<Format> {
    match () {
        () if envelope::opens(lines, at) => Some(Format::Envelope),
        () if blocks::opens(lines, at) => Some(Format::Blocks),
        () if unified::opens(lines, at) => Some(Format::Unified),
        () => None,
    }
}

/// True where a unified diff ends and an edit in another format begins: a marked line is the diff's own.
fn ends_unified(lines: &Lines, at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.starts_with(['*', '<'])) && format_at(lines, at).is_some()
}

/// A header repeated before each hunk is still one edit of one file, whose line numbers belong together.
fn merged(edits: Vec<FileEdit>) -> Vec<FileEdit> {
    let mut merged: Vec<FileEdit> = Vec::with_capacity(edits.len());
    for edit in edits {
        let same = |other: &&mut FileEdit| {
            let both_update = other.action == Action::Update && edit.action == Action::Update;
            both_update && other.path == edit.path && other.format == edit.format && edit.format != Format::Envelope
        };
        match merged.last_mut().filter(same) {
            Some(other) => {
                other.hunks.extend(edit.hunks);
                other.executable = edit.executable.or(other.executable);
            }
            None => merged.push(edit),
        }
    }
    merged
}
