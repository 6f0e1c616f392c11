//! Unified diffs: git's, `diff -u`'s, and what models remember of them.

use super::ParseError;
use super::hunk;
use super::lines::Lines;
use super::paths::{self, Name};
use crate::edit::{Action, FileEdit, Format, Hunk, Line};

/// A file's part while it is being read.
struct Draft {
    old: Name,
    new: Name,
    is_named: bool,
    /// `---` and `+++` were seen: the next pair is another file.
    has_names: bool,
    is_new: bool,
    is_deleted: bool,
    renamed: Option<(String, String)>,
    executable: Option<bool>,
    has_mode: bool,
    is_binary: bool,
    is_submodule: bool,
    hunks: Vec<Hunk>,
}

impl Draft {
    fn named(old: Name, new: Name) -> Draft {
        Draft {
            old,
            new,
            is_named: true,
            has_names: false,
            is_new: false,
            is_deleted: false,
            renamed: None,
            executable: None,
            has_mode: false,
            is_binary: false,
            is_submodule: false,
            hunks: Vec::new(),
        }
    }

    fn nameless() -> Draft {
        Draft { is_named: false, ..Draft::named(Name::Nothing, Name::Nothing) }
    }

    fn mode(&mut self, mode: &str) {
        let mode = mode.trim();
        self.is_submodule |= mode == "160000";
        self.executable = Some(mode.ends_with("755"));
        self.has_mode = true;
    }

    fn finish(mut self) -> Result<Option<FileEdit>, ParseError> {
        if let Some(hunk) = self.hunks.iter().find(|hunk| hunk.lines.iter().all(Line::is_spacing)) {
            return Err(ParseError::Cut { what: format!("there are no lines below `{}`", hunk.title) });
        }
        let (path, other_path) = match (self.old, self.new) {
            (Name::File(old), Name::File(new)) if old == new => (Some(old), None),
            (Name::File(old), Name::File(new)) => (Some(old), Some(new)),
            (Name::File(only), Name::Nothing) | (Name::Nothing, Name::File(only)) => (Some(only), None),
            (Name::Nothing, Name::Nothing) => (None, None),
        };
        let shown = path.clone().unwrap_or_default();
        if self.is_binary {
            return Err(ParseError::Binary { path: shown });
        }
        let is_subproject = |hunk: &Hunk| {
            !hunk.lines.is_empty() && hunk.lines.iter().all(|line| line.text().starts_with("Subproject commit "))
        };
        if self.is_submodule || self.hunks.iter().any(is_subproject) {
            return Err(ParseError::Submodule { path: shown });
        }
        let (path, other_path, action) = match self.renamed {
            Some((from, to)) => (Some(from), None, Action::Rename { to }),
            None if self.is_new => {
                self.hunks.iter_mut().for_each(with_blank_lines_marked);
                (path, other_path, Action::Create)
            }
            None if self.is_deleted => (path, other_path, Action::Delete),
            None => (path, other_path, Action::Update),
        };
        if self.hunks.is_empty() && action == Action::Update && !self.has_mode {
            return if self.is_named { Err(ParseError::NoHunks { path: shown }) } else { Ok(None) };
        }
        let executable = self.executable;
        Ok(Some(FileEdit { path, other_path, action, executable, format: Format::Unified, hunks: self.hunks }))
    }
}

/// In a new file a blank line without its mark can only be one that comes; at the end it is spacing.
fn with_blank_lines_marked(hunk: &mut Hunk) {
    while hunk.lines.last().is_some_and(Line::is_spacing) {
        hunk.lines.pop();
    }
    for line in hunk.lines.iter_mut().filter(|line| line.is_spacing()) {
        *line = Line::Add(String::new());
    }
}

/// True for the first line of a header or hunk.
pub(super) fn opens(lines: &Lines, at: usize) -> bool {
    lines.starts(at, "@@") || lines.starts(at, "diff --git ") || hunk::is_file_header(lines, at)
}

/// Reads from line `from` up to the line where another format begins, and returns that line.
pub(super) fn read(lines: &Lines, from: usize) -> Result<(Vec<FileEdit>, usize), ParseError> {
    let mut edits = Vec::new();
    let mut draft: Option<Draft> = None;
    let mut fence: Option<&str> = None;
    let mut at = from;
    while let Some(line) = lines.header(at).filter(|_| !super::ends_unified(lines, at)) {
        at += 1;
        if let Some(marks) = fence_marks(line) {
            fence = if fence.is_some() { None } else { Some(marks) };
        } else if line.starts_with("@@@ ") {
            let what = "a combined diff of a merge cannot be applied. Send a plain unified diff.".to_owned();
            return Err(ParseError::Malformed { line: at, what });
        } else if line.starts_with("@@") {
            let mut hunk = hunk::header(line);
            at = hunk::body(lines, at, fence, &mut hunk);
            take(draft.get_or_insert_with(Draft::nameless), hunk);
        } else if let Some(rest) = line.strip_prefix("diff --git ") {
            let (old, new) = paths::git_names(rest).unwrap_or((Name::Nothing, Name::Nothing));
            edits.extend(draft.replace(Draft::named(old, new)).map(Draft::finish).transpose()?.flatten());
        } else if hunk::is_file_header(lines, at - 1) {
            let (old, new, below) = hunk::file_names(lines, at - 1);
            at = below;
            names(&old, &new, &mut draft, &mut edits)?;
            at = headless_body(lines, at, fence, &mut draft);
        } else if line.starts_with("copy from ") {
            let what = "a copy cannot be applied. Create the new file with its content.".to_owned();
            return Err(ParseError::Malformed { line: at, what });
        } else if let Some(draft) = draft.as_mut().filter(|draft| draft.hunks.is_empty()) {
            extended_header(line, draft);
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            let path = line.split_whitespace().nth(2).unwrap_or("a file").to_owned();
            return Err(ParseError::Binary { path });
        }
    }
    edits.extend(draft.map(Draft::finish).transpose()?.flatten());
    Ok((edits, at))
}

/// A header without a body passes its anchors on to the next hunk.
fn take(draft: &mut Draft, mut hunk: Hunk) {
    if let Some(above) = draft.hunks.last().filter(|last| last.lines.is_empty()) {
        hunk.anchors = above.anchors.iter().chain(&hunk.anchors).cloned().collect();
        draft.hunks.pop();
    }
    draft.hunks.push(hunk);
}

fn names(old: &str, new: &str, draft: &mut Option<Draft>, edits: &mut Vec<FileEdit>) -> Result<(), ParseError> {
    let of = |line: &str| paths::name(line.get(4..).unwrap_or(""));
    let (old, new) = paths::without_prefixes(of(old), of(new));
    let current = match draft.take() {
        Some(current) if !current.has_names && current.hunks.is_empty() && current.is_named => current,
        other => {
            edits.extend(other.map(Draft::finish).transpose()?.flatten());
            Draft::named(Name::Nothing, Name::Nothing)
        }
    };
    let is_new = current.is_new || old == Name::Nothing;
    let is_deleted = current.is_deleted || new == Name::Nothing;
    *draft = Some(Draft { old, new, has_names: true, is_new, is_deleted, ..current });
    Ok(())
}

/// Lines right below `+++` that are changes without any `@@`.
fn headless_body(lines: &Lines, at: usize, fence: Option<&str>, draft: &mut Option<Draft>) -> usize {
    let is_change = lines.get(at).is_some_and(|line| line.starts_with([' ', '-', '+']));
    let Some(draft) = draft.as_mut().filter(|_| is_change && !hunk::is_boundary(lines, at, fence)) else { return at };
    let mut hunk = Hunk { title: "the first hunk, which has no @@ line".to_owned(), ..Hunk::default() };
    let end = hunk::body(lines, at, fence, &mut hunk);
    draft.hunks.push(hunk);
    end
}

fn extended_header(line: &str, draft: &mut Draft) {
    if let Some(mode) = line.strip_prefix("new file mode ") {
        draft.is_new = true;
        draft.mode(mode);
    } else if let Some(mode) = line.strip_prefix("new mode ") {
        draft.mode(mode);
    } else if let Some(mode) = line.strip_prefix("deleted file mode ") {
        draft.is_deleted = true;
        draft.is_submodule |= mode.trim() == "160000";
    } else if let Some(from) = line.strip_prefix("rename from ") {
        let to = draft.renamed.take().map(|(_, to)| to).unwrap_or_default();
        draft.renamed = Some((from.trim().to_owned(), to));
    } else if let Some(to) = line.strip_prefix("rename to ") {
        let from = draft.renamed.take().map(|(from, _)| from).unwrap_or_default();
        draft.renamed = Some((from, to.trim().to_owned()));
    } else if let Some(index) = line.strip_prefix("index ") {
        draft.is_submodule |= index.ends_with(" 160000");
    } else if line.starts_with("Binary files ") || line.starts_with("GIT binary patch") {
        draft.is_binary = true;
    }
}

/// The marks of a line that opens or closes a code fence.
fn fence_marks(line: &str) -> Option<&str> {
    let marks = line.len() - line.trim_start_matches('`').len();
    let tildes = line.len() - line.trim_start_matches('~').len();
    line.get(..marks.max(tildes)).filter(|marks| marks.len() >= 3)
}
