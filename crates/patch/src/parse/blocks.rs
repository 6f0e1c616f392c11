//! SEARCH/REPLACE blocks, with the markers of aider, Roo, Cline and git's conflicts.

use super::ParseError;
use super::lines::Lines;
use super::paths;
use crate::edit::{Action, FileEdit, Format, Hunk};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Divide,
    Close,
}

/// A line that has the form of a marker.
struct Marker<'a> {
    kind: Kind,
    indent: &'a str,
    marks: usize,
    /// What follows the marks, such as `SEARCH`.
    label: &'a str,
}

/// Words that begin the label of a marker that says more than they do.
const LABELS: [&str; 6] = ["SEARCH", "REPLACE", "ORIGINAL", "UPDATED", "HEAD", "FIND"];

/// Five or more of a mark, and a label: `<<<<<<< SEARCH`, `<<<<<<< HEAD`, `------- SEARCH`, `=======`,
/// `>>>>>>> REPLACE`, `+++++++ REPLACE`.
fn marker(line: &str) -> Option<Marker<'_>> {
    let line = line.trim_end();
    let text = line.trim_start();
    let mark = text.chars().next().filter(|mark| "<-=>+".contains(*mark))?;
    let rest = text.trim_start_matches(mark);
    let (marks, label) = (text.len() - rest.len(), rest.trim_start());
    let is_label = rest.is_empty() || rest.starts_with([' ', 'S', 'R']);
    let is_known =
        LABELS.iter().any(|known| label.get(..known.len()).is_some_and(|word| word.eq_ignore_ascii_case(known)));
    if marks < 5 || !is_label || (!is_known && label.split_whitespace().count() > 3) {
        return None;
    }
    let kind = match mark {
        '<' => Kind::Open,
        '-' if label.starts_with("SEARCH") => Kind::Open,
        '=' if label.is_empty() => Kind::Divide,
        '>' => Kind::Close,
        '+' if label.starts_with("REPLACE") => Kind::Close,
        _ => return None,
    };
    Some(Marker { kind, indent: line.get(..line.len() - text.len())?, marks, label })
}

fn is(line: &str, kind: Kind) -> bool {
    marker(line).is_some_and(|marker| marker.kind == kind)
}

/// True where a block opens that has a dividing line somewhere below.
pub(super) fn opens(lines: &Lines, at: usize) -> bool {
    lines.header(at).is_some_and(|line| is(line, Kind::Open)) && at < lines.last_divider()
}

/// A line that can only divide a block.
pub(super) fn is_divider(line: &str) -> bool {
    is(line, Kind::Divide)
}

/// Reads blocks from line `from` up to the line where another format begins, and returns that line.
pub(super) fn read(lines: &Lines, from: usize) -> Result<(Vec<FileEdit>, usize), ParseError> {
    let mut edits: Vec<FileEdit> = Vec::new();
    let mut path: Option<String> = None;
    let (mut at, mut last_end) = (from, from);
    while let Some(line) = lines.header(at) {
        let found = marker(line);
        match found.as_ref().map(|marker| marker.kind) {
            Some(Kind::Open) => {}
            _ if last_end > from && super::format_at(lines, at).is_some() => break,
            Some(Kind::Close) if !is_repeated(lines, last_end, at) => {
                let what = "a block's closing marker is outside any block: a line above it that looks like one closed \
                            the block too early. Send this change as a unified diff.";
                return Err(malformed(at + 1, what));
            }
            Some(Kind::Close | Kind::Divide) | None => {}
        }
        let Some(opener) = found.filter(|marker| marker.kind == Kind::Open) else {
            at += 1;
            continue;
        };
        let beside = opener.label.split_once(' ').and_then(|(_, name)| paths::block_path(name));
        path = beside.or_else(|| path_above(lines, at)).or(path);
        let (hunk, end) = block(lines, at, &opener)?;
        (at, last_end) = (end, end);
        edits.push(FileEdit {
            path: path.clone(),
            other_path: None,
            action: Action::Update,
            executable: None,
            format: Format::Blocks,
            hunks: vec![hunk],
        });
    }
    Ok((edits, at))
}

fn malformed(line: usize, what: &str) -> ParseError {
    ParseError::Malformed { line, what: what.to_owned() }
}

/// A closing marker said twice: the same, with only spacing and fences between.
fn is_repeated(lines: &Lines, last_end: usize, at: usize) -> bool {
    let is_spacing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with("```");
    let first = last_end.checked_sub(1).and_then(|last| lines.header(last));
    first.map(str::trim) == lines.header(at).map(str::trim)
        && (last_end..at).filter_map(|at| lines.header(at)).all(is_spacing)
}

/// The file's name above a block: on the last line that is neither blank nor a fence, or in the fence's own words.
fn path_above(lines: &Lines, open: usize) -> Option<String> {
    for line in (0..open).rev().filter_map(|at| lines.header(at)).take(3) {
        let line = line.trim();
        if is(line, Kind::Close) {
            return None;
        }
        match line.strip_prefix("```") {
            Some(words) => {
                let name = words.trim_start_matches('`').rsplit([' ', ':', '=']).next().unwrap_or("");
                if let Some(path) = paths::block_path(name) {
                    return Some(path);
                }
            }
            None if line.is_empty() => {}
            None => return paths::block_path(line),
        }
    }
    None
}

/// The markers of one block, by line.
#[derive(Default)]
struct Found {
    divider: Option<usize>,
    /// A dividing line that is indented otherwise than the block: one that the model padded, or the block's content.
    padded_divider: Option<usize>,
    padded_dividers: usize,
    close: Option<usize>,
    /// The first closing line that is indented otherwise, or has another number of marks.
    padded_close: Option<usize>,
}

/// Finds the markers of the block opened at line `open`. Those that stand where the opening one stands are believed;
/// only if they are missing, those that are indented otherwise, and not in pairs of their own.
fn markers(lines: &Lines, open: usize, inside: usize, opener: &Marker) -> Result<Found, ParseError> {
    let mut found = Found::default();
    let mut nested = 0usize;
    for index in inside..lines.len() {
        let line = lines.header(index).unwrap_or("");
        if line.starts_with("|||||||") {
            return Err(malformed(index + 1, "a three-way conflict is not an edit. Send SEARCH and REPLACE only."));
        }
        let Some(marker) = marker(line) else { continue };
        let has_marks = marker.marks == 7 || marker.marks == opener.marks;
        let is_aligned = marker.indent.is_empty() || marker.indent == opener.indent;
        let has_divider = found.divider.is_some() || found.padded_divider.is_some();
        match marker.kind {
            // Cline's own opening marker may stand in what it writes.
            Kind::Open if is_aligned && line.trim_start().starts_with('-') && has_divider => {}
            Kind::Open if found.padded_close.is_some() => break,
            Kind::Open if is_aligned => {
                let what = "a block starts inside a block. Close the one above with `>>>>>>> REPLACE`.";
                return Err(malformed(index + 1, what));
            }
            Kind::Open => nested += 1,
            Kind::Divide if !has_marks => {}
            Kind::Divide if is_aligned => {
                if found.divider.replace(index).is_some() {
                    let what = "the block has two `=======` lines. Send this change as a unified diff.";
                    return Err(malformed(index + 1, what));
                }
            }
            Kind::Divide if nested > 0 => {}
            Kind::Divide => {
                found.padded_divider.get_or_insert(index);
                found.padded_dividers += 1;
            }
            Kind::Close if is_aligned && has_marks && !has_divider => {
                return Err(malformed(index + 1, "the block has no `=======` line between SEARCH and REPLACE."));
            }
            Kind::Close if is_aligned && has_marks => {
                found.close = Some(index);
                break;
            }
            Kind::Close if nested > 0 => nested -= 1,
            Kind::Close if has_divider => {
                found.padded_close.get_or_insert(index);
            }
            Kind::Close => {}
        }
    }
    if found.divider.is_none() && found.padded_dividers > 1 {
        let what = "the block has two `=======` lines. Send this change as a unified diff.";
        return Err(malformed(found.padded_divider.unwrap_or(open) + 1, what));
    }
    Ok(found)
}

/// Reads the block that opens at line `open`; returns the line after its closing marker.
fn block(lines: &Lines, open: usize, opener: &Marker) -> Result<(Hunk, usize), ParseError> {
    let (start_line, inside) = start_line(lines, open + 1);
    let found = markers(lines, open, inside, opener)?;
    let Some(divider) = found.divider.or(found.padded_divider) else {
        return Err(ParseError::Cut {
            what: format!("the block that starts at line {} has no `=======` line", open + 1),
        });
    };
    let close = found.close.or(found.padded_close.filter(|close| *close > divider));
    let end = close.unwrap_or(lines.len());
    let content =
        |from: usize, to: usize| -> Vec<String> { (from..to).filter_map(|at| lines.get(at)).map(unescaped).collect() };
    let (search, mut replace) = (content(inside, divider), content(divider + 1, end));
    if close.is_none() {
        while replace.last().is_some_and(|line| line.trim().is_empty()) {
            replace.pop();
        }
        // Prose below a blank line, or a fence: whether it belongs to the file nobody can tell.
        let is_doubtful = |line: &String| line.trim().is_empty() || line.trim_start().starts_with("```");
        if replace.iter().any(is_doubtful) {
            let what = format!("the block that starts at line {} has no `>>>>>>> REPLACE`", open + 1);
            return Err(ParseError::Cut { what });
        }
    }
    // A text that was cut never gets here whole: it comes in a JSON string, which a cut leaves open.
    let title = search.first().cloned().unwrap_or_default();
    let hunk = Hunk { old_start: start_line, unclosed: close.is_none(), ..Hunk::replacing(title, &search, &replace) };
    Ok((hunk, (end + 1).min(lines.len())))
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
    let rest = line.strip_prefix('\\').filter(|rest| marker(rest).is_some());
    rest.unwrap_or(line).to_owned()
}
