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
         diff: `--- a/path`, `+++ b/path`, `@@`, then lines that begin with a space (context), `-` or `+`."
    )]
    NotAnEdit,
    /// A binary patch.
    #[error("the diff of `{path}` is binary, which cannot be applied as text. Write the file by a command instead.")]
    Binary {
        /// The file, as far as the header tells.
        path: String,
    },
    /// A change of a submodule's commit.
    #[error("the diff of `{path}` changes a git submodule. Check out the commit inside it by a git command instead.")]
    Submodule {
        /// The submodule.
        path: String,
    },
    /// A header without anything below it.
    #[error("the diff names `{path}` but has no hunk for it. Add the hunk, or leave the file out.")]
    NoHunks {
        /// The file.
        path: String,
    },
    /// The text stops before the edit does.
    #[error("the edit is cut off: {what}. Send it again, whole; split it in two if it is long.")]
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
    let as_written = read(&text).map(merged);
    let nothing = || matches!(&as_written, Err(ParseError::NoHunks { .. } | ParseError::NotAnEdit));
    let readable = || {
        let rewritten = [lines::dedented, lines::unescaped];
        rewritten.iter().find_map(|rewrite| rewrite(&text).and_then(|text| read(&text).ok()))
    };
    match nothing().then(readable).flatten() {
        Some(edits) => Ok(merged(edits)),
        None => as_written,
    }
}

fn read(text: &str) -> Result<Vec<FileEdit>, ParseError> {
    let lines = Lines::of(text);
    // What begins first is the format; the markers of the others are then content.
    let begins = [envelope::begins(&lines), blocks::begins(&lines), unified::begins(&lines)];
    let [envelope, blocks, unified] = begins.map(|at| at.unwrap_or(usize::MAX));
    if envelope < blocks.min(unified) {
        envelope::read(&lines)
    } else if blocks < unified {
        blocks::read(&lines)
    } else {
        unified::read(&lines).and_then(|edits| if edits.is_empty() { Err(ParseError::NotAnEdit) } else { Ok(edits) })
    }
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
