//! Code that a model left out: `...`, and `// ... existing code ...`. It is never expanded, and never written in the
//! place of the code that it stands for.

use crate::edit::{Hunk, Line};
use crate::fold::{Fold, Indexes};

/// What models call the code that they leave out.
const WORDS: [&str; 7] = ["existing", "rest of", "unchanged", "remain", "same as", "previous code", "other code"];

/// Longer comments (in bytes) say something of their own.
const MOST_BYTES: usize = 80;

/// `...`, perhaps as a comment.
pub(crate) fn is_ellipsis(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['/', '#', '-', '*']).trim();
    line == "..." || line == "…"
}

/// A line that comes and stands for code that goes. A hunk that only adds such a line, as in a text about edits, loses
/// nothing by it; and one with the right counts is taken for a program's diff, which means what it says.
pub(crate) fn elided<'a>(hunk: &'a Hunk, indexes: &Indexes) -> Option<&'a str> {
    let goes = |line: &Line| matches!(line, Line::Remove(text) if !text.trim().is_empty());
    if !hunk.lines.iter().any(goes) || hunk.counts_agree() {
        return None;
    }
    let new: Vec<&Line> = hunk.lines.iter().filter(|line| line.after().is_some()).collect();
    let is_new = |line: &Line| !line.is_keep() && indexes.lines_like(line.text(), Fold::Indent).is_empty();
    let stands_for_code = |at: usize, line: &Line| {
        let above = at.checked_sub(1).and_then(|above| new.get(above)).map_or("", |line| line.text());
        is_placeholder(line.text()) || is_among_statements(above, line.text(), new.get(at + 1).map(|line| line.text()))
    };
    let mut found = new.iter().enumerate().filter(|(at, line)| is_new(line) && stands_for_code(*at, line));
    found.next().map(|(_, line)| line.text())
}

/// A bare `...` with more of its block below it. Python's own is alone in its block, or ends it; below `>>>` and `...`
/// it is a doctest's, and above `---` it is YAML's.
fn is_among_statements(above: &str, line: &str, below: Option<&str>) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_bare = matches!(line.trim(), "..." | "…");
    let is_doctest = above.trim_start().starts_with(">>>") || above.trim_start().starts_with("...");
    let goes_on = |below: &str| !below.trim().is_empty() && indent(below) == indent(line) && !below.starts_with("---");
    is_bare && !is_doctest && below.is_some_and(goes_on)
}

/// A comment of an ellipsis and a word for what is left out.
fn is_placeholder(line: &str) -> bool {
    let line = line.trim();
    let is_comment = ["//", "#", "--", "/*", "{/*", "<!--", ";", "%"].iter().any(|open| line.starts_with(open));
    let has_ellipsis = line.contains("...") || line.contains('…');
    let said = line.to_lowercase();
    is_comment && has_ellipsis && line.len() <= MOST_BYTES && WORDS.iter().any(|word| said.contains(word))
}
