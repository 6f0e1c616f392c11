//! SEARCH/REPLACE blocks, with the markers of aider, Roo, Cline and git's conflicts.

use super::ParseError;
use super::lines::Lines;
use super::paths;
use crate::edit::{Action, FileEdit, Format, Hunk};

/// A line that opens a block: `<<<<<<< SEARCH`, `<<<<<<< HEAD`, `------- SEARCH`.
fn is_open(line: &str) -> bool {
    marker(line, '<', "").is_some() || marker(line, '-', "SEARCH").is_some()
}

fn is_close(line: &str) -> bool {
    marker(line, '>', "").is_some() || marker(line, '+', "REPLACE").is_some()
}

/// `=======`, the seven that every dialect writes.
fn is_divider(line: &str) -> bool {
    line.trim_end() == "======="
}

/// Five or more of `mark`, then a label that begins with `label`.
fn marker<'a>(line: &'a str, mark: char, label: &str) -> Option<&'a str> {
    let line = line.trim_end();
    let rest = line.trim_start_matches(mark);
    let is_marker = line.len() - rest.len() >= 5
        && (rest.is_empty() || rest.starts_with([' ', 'S', 'R']))
        && rest.split_whitespace().count() <= 3
        && rest.trim_start().starts_with(label);
    is_marker.then_some(rest)
}

/// The line that opens the first block, if it has a dividing line somewhere below.
pub(super) fn begins(lines: &Lines) -> Option<usize> {
    let find = |from: usize, is: fn(&str) -> bool| (from..lines.len()).find(|at| lines.header(*at).is_some_and(is));
    find(0, is_open).filter(|open| find(*open, is_divider).is_some())
}

pub(super) fn read(lines: &Lines) -> Result<Vec<FileEdit>, ParseError> {
    let mut edits: Vec<FileEdit> = Vec::new();
    let mut path: Option<String> = None;
    let (mut at, mut last_end) = (0, 0);
    while let Some(line) = lines.header(at) {
        at += 1;
        if !is_open(line) {
            if is_close(line) && has_content(lines, last_end, at - 1) {
                let what = "a block's closing marker stands outside of any block: a line above it that looks like one \
                            closed the block too early. Send this change as a unified diff.";
                return Err(malformed(at, what));
            }
            continue;
        }
        path = path_above(lines, at - 1).or(path);
        let (hunk, end) = block(lines, at)?;
        (at, last_end) = (end, end);
        let hunks = vec![hunk];
        let format = Format::Blocks;
        edits.push(FileEdit {
            path: path.clone(),
            other_path: None,
            action: Action::Update,
            executable: None,
            format,
            hunks,
        });
    }
    Ok(edits)
}

fn malformed(line: usize, what: &str) -> ParseError {
    ParseError::Malformed { line, what: what.to_owned() }
}

/// More than spacing and fences between two lines.
fn has_content(lines: &Lines, from: usize, to: usize) -> bool {
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("```");
    (from..to).filter_map(|at| lines.header(at)).any(is_content)
}

/// The file's name on the last line above a block that is neither blank nor a fence.
fn path_above(lines: &Lines, open: usize) -> Option<String> {
    let line = (0..open).rev().filter_map(|at| lines.header(at)).take(3).find(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("```")
    })?;
    if is_close(line) { None } else { paths::block_path(line) }
}

/// Reads the block whose inside begins at line `at`; returns the line after its closing marker.
fn block(lines: &Lines, at: usize) -> Result<(Hunk, usize), ParseError> {
    let (start_line, inside) = start_line(lines, at);
    let (mut search, mut replace) = (Vec::new(), Vec::new());
    let mut divider = None;
    for index in inside..lines.len() {
        let line = lines.get(index).unwrap_or("");
        let bare = line.strip_suffix('\r').unwrap_or(line);
        if is_divider(bare) {
            if divider.replace(index).is_some() {
                return Err(malformed(
                    index + 1,
                    "the block has two `=======` lines. Send this change as a unified diff.",
                ));
            }
        } else if is_open(bare) && marker(bare, '-', "SEARCH").is_none_or(|_| divider.is_none()) {
            return Err(malformed(
                index + 1,
                "a block opens inside a block. Close the one above by `>>>>>>> REPLACE`.",
            ));
        } else if bare.starts_with("|||||||") {
            return Err(malformed(index + 1, "a three-way conflict is not an edit. Send SEARCH and REPLACE only."));
        } else if is_close(bare) {
            if divider.is_none() {
                return Err(malformed(index + 1, "the block has no `=======` line between SEARCH and REPLACE."));
            }
            let title = search.first().cloned().unwrap_or_default();
            let mut hunk = Hunk::replacing(title, &search, &replace);
            hunk.old_start = start_line;
            return Ok((hunk, index + 1));
        } else {
            let side = if divider.is_some() { &mut replace } else { &mut search };
            side.push(unescaped(line));
        }
    }
    if divider.is_none() {
        return Err(ParseError::Cut { what: format!("the block that opens at line {at} has no `=======` line") });
    }
    if replace.iter().any(|line| line.trim_start().starts_with("```")) {
        // Whether the fence ends the edit or belongs to the file nobody can tell.
        return Err(ParseError::Cut { what: format!("the block that opens at line {at} has no `>>>>>>> REPLACE`") });
    }
    // A text that was cut never gets here whole: it comes in a JSON string, which a cut leaves open.
    let title = search.first().cloned().unwrap_or_default();
    let hunk = Hunk { old_start: start_line, unclosed: true, ..Hunk::replacing(title, &search, &replace) };
    Ok((hunk, lines.len()))
}

/// Roo's `:start_line:7` and `:end_line:9`, up to a line of dashes; and where the searched lines begin.
fn start_line(lines: &Lines, at: usize) -> (Option<usize>, usize) {
    let (mut start, mut inside) = (None, at);
    while let Some(rest) = lines.header(inside).and_then(|line| line.strip_prefix(':')) {
        let Some((key, number)) = rest.split_once(':') else { break };
        match key {
            "start_line" => start = number.trim().parse::<u32>().ok().and_then(|number| usize::try_from(number).ok()),
            "end_line" => {}
            _ => break,
        }
        inside += 1;
    }
    if inside > at && lines.header(inside).is_some_and(|line| line.trim_end() == "-------") {
        inside += 1;
    }
    (start, inside)
}

/// A content line that looks like a marker is written with a backslash before it.
fn unescaped(line: &str) -> String {
    let rest = line.strip_prefix('\\').filter(|rest| is_open(rest) || is_divider(rest) || is_close(rest));
    rest.unwrap_or(line).to_owned()
}
