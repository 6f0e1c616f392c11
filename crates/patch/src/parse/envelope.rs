//! `*** Begin Patch` envelopes: sections that add, update, move or delete a file. Markers may be padded by spaces.

use super::ParseError;
use super::lines::Lines;
use crate::edit::{Action, FileEdit, Format, Hunk, Line};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const SECTIONS: [&str; 3] = ["*** Add File: ", "*** Update File: ", "*** Delete File: "];

enum Marker {
    Add(String),
    Update(String),
    Delete(String),
    MoveTo(String),
    EndOfFile,
    EndPatch,
}

/// True for the opening marker, and for the first line of a section that stands outside of any envelope.
pub(super) fn opens(lines: &Lines, at: usize) -> bool {
    let section = |line: &str| SECTIONS.iter().any(|section| line.starts_with(section));
    lines.header(at).is_some_and(|line| line.trim() == BEGIN || section(line))
}

/// Reads the envelope that begins at line `from`; returns the line after its closing marker.
pub(super) fn read(lines: &Lines, from: usize) -> Result<(Vec<FileEdit>, usize), ParseError> {
    let mut edits: Vec<FileEdit> = Vec::new();
    let first = if lines.header(from).is_some_and(|line| line.trim() == BEGIN) { from + 1 } else { from };
    for at in first..lines.len() {
        let line = lines.get(at).unwrap_or("");
        match marker(line, at)? {
            // Indented, and not the last: a line of a file that tells of patches.
            Some(Marker::EndPatch) if line.starts_with(' ') && closes_below(lines, at + 1) => {
                content(line, at, edits.last_mut())?
            }
            Some(Marker::EndPatch) => return finished(edits).map(|edits| (edits, at + 1)),
            Some(Marker::Add(path)) => edits.push(section(path, Action::Create)),
            Some(Marker::Update(path)) => edits.push(section(path, Action::Update)),
            Some(Marker::Delete(path)) => edits.push(section(path, Action::Delete)),
            Some(Marker::MoveTo(to)) => {
                let edit = edits.last_mut().filter(|edit| edit.action == Action::Update && edit.hunks.is_empty());
                let stray = "`*** Move to:` must follow `*** Update File:` directly.";
                edit.ok_or_else(|| malformed(at, stray))?.action = Action::Rename { to };
            }
            Some(Marker::EndOfFile) => {
                let hunk = edits.last_mut().and_then(|edit| edit.hunks.last_mut());
                hunk.ok_or_else(|| malformed(at, "`*** End of File` must follow the lines of a hunk."))?.at_end = true;
            }
            None => content(line, at, edits.last_mut())?,
        }
    }
    Err(ParseError::Cut { what: format!("`{END}` is missing") })
}

/// A closing marker that is not indented, before another envelope opens.
fn closes_below(lines: &Lines, from: usize) -> bool {
    let mut below = (from..lines.len()).filter_map(|at| lines.header(at)).map(str::trim_end);
    below.find(|line| [BEGIN, END].contains(line)) == Some(END)
}

fn malformed(at: usize, what: &str) -> ParseError {
    ParseError::Malformed { line: at + 1, what: what.to_owned() }
}

fn section(path: String, action: Action) -> FileEdit {
    FileEdit { path: Some(path), other_path: None, action, executable: None, format: Format::Envelope, hunks: vec![] }
}

fn marker(line: &str, at: usize) -> Result<Option<Marker>, ParseError> {
    let trimmed = line.trim();
    // A line with a mark is content, whatever it says; a marker stands for itself, spaces before it or not.
    let Some(rest) = trimmed.strip_prefix("*** ").filter(|_| !line.starts_with(['+', '-'])) else { return Ok(None) };
    let path = |path: &str| path.trim().trim_matches('`').to_owned();
    type Kind = fn(String) -> Marker;
    let kinds: [(&str, Kind); 4] = [
        ("Add File:", Marker::Add),
        ("Update File:", Marker::Update),
        ("Delete File:", Marker::Delete),
        ("Move to:", Marker::MoveTo),
    ];
    for (label, kind) in kinds {
        if let Some(name) = rest.strip_prefix(label).map(path) {
            return if name.is_empty() {
                Err(malformed(at, "the file's name is missing."))
            } else {
                Ok(Some(kind(name)))
            };
        }
    }
    match rest.trim() {
        "End of File" => Ok(Some(Marker::EndOfFile)),
        "End Patch" => Ok(Some(Marker::EndPatch)),
        _ if line.starts_with(' ') => Ok(None),
        _ => Err(malformed(
            at,
            "unknown section. The sections are `*** Add File:`, `*** Update File:` and `*** Delete File:`.",
        )),
    }
}

fn content(line: &str, at: usize, edit: Option<&mut FileEdit>) -> Result<(), ParseError> {
    let is_blank = line.trim().is_empty();
    let Some(edit) = edit else {
        let what = "a section must come first: `*** Update File: path`.";
        return if is_blank { Ok(()) } else { Err(malformed(at, what)) };
    };
    match edit.action {
        Action::Delete if is_blank => Ok(()),
        Action::Delete => Err(malformed(at, "`*** Delete File:` takes no lines.")),
        Action::Create => added(line, at, edit),
        Action::Update | Action::Rename { .. } => changed(line, edit),
    }
}

fn added(line: &str, at: usize, edit: &mut FileEdit) -> Result<(), ParseError> {
    if edit.hunks.is_empty() {
        edit.hunks.push(Hunk { title: "the new file".to_owned(), ..Hunk::default() });
    }
    let text = match line.strip_prefix('+') {
        Some(text) => text,
        None if line.trim().is_empty() => "",
        None => return Err(malformed(at, "every line of a new file must start with `+`.")),
    };
    let bare = !line.starts_with('+');
    if let Some(hunk) = edit.hunks.last_mut() {
        // Blank lines between sections are spacing, and `finished` takes those at the end off again.
        hunk.lines.push(if bare { Line::Keep { text: String::new(), bare } } else { Line::Add(text.to_owned()) });
    }
    Ok(())
}

fn changed(line: &str, edit: &mut FileEdit) -> Result<(), ParseError> {
    if line.starts_with("@@") {
        let mut hunk = super::hunk::header(line);
        if let Some(above) = edit.hunks.last().filter(|last| last.lines.is_empty()) {
            hunk.anchors = above.anchors.iter().chain(&hunk.anchors).cloned().collect();
            edit.hunks.pop();
        }
        edit.hunks.push(hunk);
        return Ok(());
    }
    if edit.hunks.last().is_none_or(|hunk| hunk.at_end) {
        if line.trim().is_empty() {
            return Ok(());
        }
        edit.hunks.push(Hunk { title: "the hunk without @@".to_owned(), ..Hunk::default() });
    }
    if let Some(hunk) = edit.hunks.last_mut() {
        super::hunk::push(line, hunk);
    }
    Ok(())
}

fn finished(mut edits: Vec<FileEdit>) -> Result<Vec<FileEdit>, ParseError> {
    for edit in &mut edits {
        if edit.action == Action::Create {
            for hunk in &mut edit.hunks {
                while hunk.lines.last().is_some_and(Line::is_bare) {
                    hunk.lines.pop();
                }
                for line in &mut hunk.lines {
                    if line.is_bare() {
                        *line = Line::Add(String::new());
                    }
                }
            }
        }
        edit.hunks.retain(|hunk| !hunk.lines.is_empty());
        if edit.hunks.is_empty() && edit.action == Action::Update {
            return Err(ParseError::NoHunks { path: edit.path.clone().unwrap_or_default() });
        }
    }
    let none = ParseError::Malformed { line: 1, what: format!("the patch between `{BEGIN}` and `{END}` is empty.") };
    if edits.is_empty() { Err(none) } else { Ok(edits) }
}
