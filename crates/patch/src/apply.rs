//! One file's edit on one file's text: all of its hunks, or none of them and the reason.

use crate::closest::shortened;
use crate::edit::{Action, FileEdit, Format, Hunk};
use crate::refusal::Refusal;
use crate::text::Text;
use crate::update::hunks_applied;

/// What an edit made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The new text; `None` when the file is deleted.
    pub after: Option<String>,
    /// One line for each hunk that was not exact, saying how it was placed.
    pub notes: Vec<String>,
    /// The changed places in the new text, in order.
    pub places: Vec<Place>,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
}

/// A changed place in the new text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its first line, from 1; where lines only went, the line that now stands there.
    pub line: usize,
    /// How many lines it has; 0 where lines only went.
    pub count: usize,
}

/// Applies one file's edit to its text; `before` is `None` when there is no such file. Whatever is not certain is a
/// [`Refusal`], and nothing is applied in part.
pub fn apply(edit: &FileEdit, before: Option<&str>) -> Result<Applied, Refusal> {
    let path = edit.path.clone().unwrap_or_else(|| "the file".to_owned());
    let source = match (&edit.action, before) {
        (Action::Create, Some(text)) if !text.trim().is_empty() => return Err(existing(edit, path, text)),
        (Action::Create, before) => before.unwrap_or(""),
        (Action::Update | Action::Delete | Action::Rename { .. }, Some(text)) => text,
        // A hunk without old lines for a file that is not there can only mean a new file.
        (Action::Update, None) if creates(edit) => "",
        (Action::Update | Action::Delete | Action::Rename { .. }, None) => return Err(Refusal::Missing { path }),
    };
    let text = Text::of(source);
    let hunks_stand_alone = edit.action == Action::Create || edit.hunks.is_empty();
    if hunks_stand_alone && edit.hunks.iter().all(|hunk| hunk.old_lines().is_empty()) {
        return Ok(whole(edit, source, &text));
    }
    if let Some(line) = unmarked(edit) {
        return Err(Refusal::Unmarked { path, line: shortened(line).to_owned() });
    }
    let applied = hunks_applied(edit, source, &text, &path)?;
    match &edit.action {
        Action::Delete => match applied.after.as_deref().map(|after| Text::of(after).lines.len()) {
            Some(left) if left > 0 => Err(Refusal::NotEmptied { path, left }),
            Some(_) | None => Ok(Applied { after: None, ..applied }),
        },
        Action::Create | Action::Update | Action::Rename { .. } => Ok(applied),
    }
}

/// A line of a new file that says it is there already.
fn unmarked(edit: &FileEdit) -> Option<&str> {
    let mut old = edit.hunks.iter().flat_map(Hunk::old_lines);
    old.next().filter(|_| edit.action == Action::Create)
}

fn creates(edit: &FileEdit) -> bool {
    edit.format != Format::Envelope
        && !edit.hunks.is_empty()
        && edit.hunks.iter().all(|hunk| hunk.old_lines().is_empty() && hunk.old_start.is_none_or(|start| start <= 1))
}

fn existing(edit: &FileEdit, path: String, text: &str) -> Refusal {
    let new = |hunk: &Hunk| hunk.new_lines().join("\n");
    let wanted = edit.hunks.iter().map(new).collect::<Vec<_>>().join("\n");
    let is_same = Text::of(text).lines.join("\n").trim_end() == wanted.trim_end();
    if is_same { Refusal::AlreadyThere { path, line: 1 } } else { Refusal::Exists { path } }
}

/// A new file, or an edit without hunks: a deletion, a rename, a mode.
fn whole(edit: &FileEdit, source: &str, text: &Text) -> Applied {
    let none = Applied { after: None, notes: vec![], places: vec![], added: 0, removed: 0 };
    match edit.action {
        Action::Delete => Applied { removed: text.lines.len(), ..none },
        Action::Update | Action::Rename { .. } => Applied { after: Some(source.to_owned()), ..none },
        Action::Create => {
            let lines: Vec<&str> = edit.hunks.iter().flat_map(|hunk| hunk.new_lines()).collect();
            let is_unterminated = edit.hunks.last().is_some_and(|hunk| hunk.new_unterminated);
            let mut after = lines.join("\n");
            if !is_unterminated && !lines.is_empty() {
                after.push('\n');
            }
            let places = if lines.is_empty() { vec![] } else { vec![Place { line: 1, count: lines.len() }] };
            Applied { after: Some(after), places, added: lines.len(), ..none }
        }
    }
}
