//! One hunk of a unified diff: its header and its body. Counts in the header are believed only where the body ends
//! just there; otherwise the body goes on to the next header.

use super::lines::Lines;
use super::paths;
use crate::edit::{Hunk, Line};

/// Reads `@@ -1,2 +3,4 @@ section`, or what is left of it.
pub(super) fn header(line: &str) -> Hunk {
    let line = line.trim_end();
    let inner = line.trim_start_matches('@').trim();
    let (numbers, section) = inner.split_once("@@").unwrap_or((inner, ""));
    let mut hunk = Hunk { title: line.to_owned(), ..Hunk::default() };
    let rest = match ranges(numbers) {
        Some(((old_start, old_count), (_, new_count))) => {
            // `-0,0` and `-5,0` name the line after which to insert.
            hunk.old_start = Some(if old_count == 0 { old_start + 1 } else { old_start });
            hunk.counts = Some((old_count, new_count));
            section
        }
        None if section.trim().is_empty() => numbers,
        None => inner,
    };
    let anchor = rest.trim().trim_end_matches('@').trim();
    if anchor.chars().any(char::is_alphanumeric) {
        hunk.anchors.push(anchor.to_owned());
    }
    hunk
}

type Range = (usize, usize);

fn ranges(numbers: &str) -> Option<(Range, Range)> {
    let mut words = numbers.split_whitespace();
    let old = range(words.next()?.strip_prefix('-')?)?;
    let new = range(words.next()?.strip_prefix('+')?)?;
    words.next().is_none().then_some((old, new))
}

fn range(text: &str) -> Option<Range> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    // Bounded, so that arithmetic on a hostile number cannot overflow.
    let bounded = |number: &str| number.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok());
    Some((bounded(start)?, bounded(count)?))
}

/// Reads the body that begins at line `at` into `hunk`; returns the line after it. `fence` is an open code fence.
pub(super) fn body(lines: &Lines, at: usize, fence: Option<&str>, hunk: &mut Hunk) -> usize {
    let end = counted_end(lines, at, fence, hunk.counts).unwrap_or_else(|| open_end(lines, at, fence));
    for line in (at..end).filter_map(|index| lines.get(index)) {
        push(line, hunk);
    }
    let stated = hunk.counts.unwrap_or((0, 0));
    let is_short = stated.0 > hunk.old_lines().len() || stated.1 > hunk.new_lines().len();
    hunk.cut = is_short && end == lines.len() && !lines.ends_in_newline;
    end
}

pub(super) fn push(line: &str, hunk: &mut Hunk) {
    let mut characters = line.chars();
    let line = match characters.next() {
        Some(' ') => Line::Keep { text: characters.as_str().to_owned(), bare: false },
        Some('-') => Line::Remove(characters.as_str().to_owned()),
        Some('+') => Line::Add(characters.as_str().to_owned()),
        Some('\\') if is_newline_marker(line) => {
            hunk.old_unterminated |= hunk.lines.last().is_some_and(|last| last.before().is_some());
            hunk.new_unterminated |= hunk.lines.last().is_some_and(|last| last.after().is_some());
            return;
        }
        _ => Line::Keep { text: line.to_owned(), bare: true },
    };
    hunk.lines.push(line);
}

fn is_newline_marker(line: &str) -> bool {
    line.starts_with('\\') && line.to_ascii_lowercase().contains("no newline")
}

/// Where the body ends by the header's counts, if what follows is not more of it.
fn counted_end(lines: &Lines, at: usize, fence: Option<&str>, counts: Option<(usize, usize)>) -> Option<usize> {
    let (mut old, mut new) = counts?;
    let mut end = at;
    while old > 0 || new > 0 {
        let line = lines.get(end)?;
        match line.as_bytes().first() {
            Some(b' ') | None | Some(b'\r') => (old, new) = (old.checked_sub(1)?, new.checked_sub(1)?),
            Some(b'-') => old = old.checked_sub(1)?,
            Some(b'+') => new = new.checked_sub(1)?,
            Some(b'\\') if is_newline_marker(line) => {}
            Some(_) => return None,
        }
        end += 1;
    }
    if lines.get(end).is_some_and(is_newline_marker) {
        end += 1;
    }
    (is_boundary(lines, end, fence) || is_prose(lines, end, fence)).then_some(end)
}

/// A blank line, and nothing marked as a change up to the next header: prose, and not more of the hunk.
fn is_prose(lines: &Lines, at: usize, fence: Option<&str>) -> bool {
    let is_change = |line: &str| {
        let is_bullet = line.strip_prefix("- ").is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        line.starts_with(['+', '-', ' ', '\t']) && !line.trim().is_empty() && !is_bullet
    };
    let mut below = (at..open_end(lines, at, fence)).filter_map(|index| lines.get(index));
    lines.get(at).is_some_and(|line| line.trim().is_empty()) && !below.any(is_change)
}

/// Where the body ends when the counts are no help.
fn open_end(lines: &Lines, at: usize, fence: Option<&str>) -> usize {
    (at..lines.len()).find(|index| is_boundary(lines, *index, fence)).unwrap_or(lines.len())
}

/// True where a new hunk, a new file, the closing fence or a mail's signature begins.
pub(super) fn is_boundary(lines: &Lines, at: usize, fence: Option<&str>) -> bool {
    let Some(line) = lines.header(at) else { return true };
    line.starts_with("@@")
        || line.starts_with("diff --git ")
        || line.starts_with("Index: ")
        || is_signature(lines, at)
        || super::ends_unified(lines, at)
        || (fence.is_some_and(|fence| line.trim_end() == fence) && !goes_on(lines, at + 1))
        || is_file_header(lines, at)
}

/// The dashes and git's version that end a mailed patch. With anything else below them the dashes are a line that goes.
fn is_signature(lines: &Lines, at: usize) -> bool {
    let is_version = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
    lines.header(at) == Some("-- ") && at + 3 >= lines.len() && lines.header(at + 1).is_some_and(is_version)
}

/// Marked lines right below what looks like a closing fence: it is a line of the hunk that lost its mark.
fn goes_on(lines: &Lines, at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.starts_with(['+', '-', ' ']) && !line.trim().is_empty())
}

/// `--- old` and `+++ new`. Inside a body they could be lines that go and come (`--` begins a comment in SQL), so a
/// hunk must follow, or the two must name the same file.
pub(super) fn is_file_header(lines: &Lines, at: usize) -> bool {
    is_plain_file_header(lines, at) || lines_of_name(lines, at).is_some()
}

/// The names of the header that begins here, and the line after it.
pub(super) fn file_names(lines: &Lines, at: usize) -> (String, String, usize) {
    let count = lines_of_name(lines, at).unwrap_or(1);
    let name = |from: usize| (from..from + count).filter_map(|at| lines.header(at)).collect::<Vec<_>>().join("\n");
    (name(at), name(at + count), at + 2 * count)
}

/// Of a file's name with line breaks in it, written as it is: both names go on in the same way, and a hunk follows.
fn lines_of_name(lines: &Lines, at: usize) -> Option<usize> {
    const MOST: usize = 3;
    let old = lines.header(at)?.strip_prefix("--- ")?;
    (2..=MOST).find(|count| {
        let new = lines.header(at + count).and_then(|line| line.strip_prefix("+++ "));
        let is_same = new.is_some_and(|new| {
            let (old, new) = paths::without_prefixes(paths::name(old), paths::name(new));
            old == new
        });
        let goes_on = (1..*count).all(|more| {
            lines
                .header(at + more)
                .is_some_and(|line| !line.is_empty() && lines.header(at + count + more) == Some(line))
        });
        is_same && goes_on && lines.starts(at + 2 * count, "@@")
    })
}

fn is_plain_file_header(lines: &Lines, at: usize) -> bool {
    let old = lines.header(at).and_then(|line| line.strip_prefix("--- "));
    let new = lines.header(at + 1).and_then(|line| line.strip_prefix("+++ "));
    let (Some(old), Some(new)) = (old, new) else { return false };
    if lines.starts(at + 2, "@@") {
        return true;
    }
    let (old, new) = paths::without_prefixes(paths::name(old), paths::name(new));
    old == new || old == paths::Name::Nothing || new == paths::Name::Nothing
}
