//! What an edit is, whatever format it was written in: a path, an action, and hunks. Only data; reading is `parse`,
//! placing is `place`.

/// One file's part of an edit, as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// The file, without `a/` or `b/`. `None` when the edit names none (bare hunks, SEARCH/REPLACE without a name).
    pub path: Option<String>,
    /// The other name a diff header gave, where `---` and `+++` differ without saying "rename": models invent such
    /// names, so the caller takes whichever of the two exists.
    pub other_path: Option<String>,
    /// What is to happen to the file.
    pub action: Action,
    /// The executable bit, where the edit states a mode.
    pub executable: Option<bool>,
    /// How it was written; the formats promise different things about order and context.
    pub format: Format,
    /// The changes, in the order written. May be empty for a rename, a mode change, a deletion or an empty new file.
    pub hunks: Vec<Hunk>,
}

/// What is to happen to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The file is new.
    Create,
    /// The file's text changes.
    Update,
    /// The file goes away.
    Delete,
    /// The file gets another name, and may change as well.
    Rename {
        /// The new name.
        to: String,
    },
}

/// How an edit was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A unified diff, by git, `diff -u` or from memory.
    Unified,
    /// SEARCH/REPLACE blocks.
    Blocks,
    /// A `*** Begin Patch` envelope.
    Envelope,
}

/// One change: lines to be found, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Hunk {
    /// The header as written, or the first line of a block; shown in messages.
    pub title: String,
    /// The lines in order.
    pub lines: Vec<Line>,
    /// The first old line by the header, 1-based. A hint, never believed against the text. Callers may set it.
    pub old_start: Option<usize>,
    /// The numbers of old and new lines by the header. Used only to notice a text that was cut off.
    pub counts: Option<(usize, usize)>,
    /// Text after `@@`: lines that stand somewhere above the hunk.
    pub anchors: Vec<String>,
    /// The hunk must end where the file ends (`*** End of File`).
    pub at_end: bool,
    /// `\ No newline at end of file` after the last old line.
    pub old_unterminated: bool,
    /// `\ No newline at end of file` after the last new line.
    pub new_unterminated: bool,
    /// The closing marker of a block is missing: its replacement goes to the end of the edit.
    pub unclosed: bool,
    /// The edit's text stops inside this hunk, in the middle of a line as far as one can tell.
    pub cut: bool,
}

/// A line of a hunk, without its mark. The text still ends in `\r` where the edit states CRLF line by line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Line {
    /// Context.
    Keep {
        /// The line.
        text: String,
        /// Written without the leading space that marks context, so it may be prose or mere spacing.
        bare: bool,
    },
    /// A line that goes.
    Remove(String),
    /// A line that comes.
    Add(String),
}

impl Line {
    /// The text as the file should have it now; `None` for a line that comes.
    pub fn before(&self) -> Option<&str> {
        match self {
            Line::Keep { text, .. } | Line::Remove(text) => Some(text),
            Line::Add(_) => None,
        }
    }

    /// The text as the file shall have it; `None` for a line that goes.
    pub fn after(&self) -> Option<&str> {
        match self {
            Line::Keep { text, .. } | Line::Add(text) => Some(text),
            Line::Remove(_) => None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Line::Keep { text, .. } | Line::Remove(text) | Line::Add(text) => text,
        }
    }

    pub(crate) fn is_keep(&self) -> bool {
        matches!(self, Line::Keep { .. })
    }

    /// A blank line that was not marked as context.
    pub(crate) fn is_spacing(&self) -> bool {
        self.is_bare() && self.text().trim().is_empty()
    }

    pub(crate) fn is_bare(&self) -> bool {
        matches!(self, Line::Keep { bare: true, .. })
    }
}

impl Hunk {
    /// The lines to be found, in order.
    pub fn old_lines(&self) -> Vec<&str> {
        self.lines.iter().filter_map(Line::before).collect()
    }

    /// The lines there shall be, in order.
    pub fn new_lines(&self) -> Vec<&str> {
        self.lines.iter().filter_map(Line::after).collect()
    }

    /// True when the header's counts are those of the lines below it.
    pub fn counts_agree(&self) -> bool {
        self.counts == Some((self.old_lines().len(), self.new_lines().len()))
    }

    /// True when applying it would leave everything as it is.
    pub fn changes_nothing(&self) -> bool {
        self.old_unterminated == self.new_unterminated && self.old_lines() == self.new_lines()
    }

    /// A hunk that replaces `search` by `replace`; the lines both begin or end with become context.
    pub fn replacing(title: String, search: &[String], replace: &[String]) -> Hunk {
        let keep = |text: &String| Line::Keep { text: text.clone(), bare: false };
        let prefix = search.iter().zip(replace).take_while(|(old, new)| old == new).count();
        let (search_rest, replace_rest) = (search.get(prefix..).unwrap_or(&[]), replace.get(prefix..).unwrap_or(&[]));
        let suffix =
            search_rest.iter().rev().zip(replace_rest.iter().rev()).take_while(|(old, new)| old == new).count();
        let (removed, tail) = search_rest.split_at(search_rest.len() - suffix);
        let added = replace_rest.get(..replace_rest.len() - suffix).unwrap_or(&[]);
        let mut lines: Vec<Line> = search.iter().take(prefix).map(keep).collect();
        lines.extend(removed.iter().cloned().map(Line::Remove));
        lines.extend(added.iter().cloned().map(Line::Add));
        lines.extend(tail.iter().map(keep));
        Hunk { title, lines, ..Hunk::default() }
    }
}
