//! The line that the human writes: a text, a cursor, and what each key does to them. Pure.

use unicode_width::UnicodeWidthChar as _;

use crate::complete::{self, Choice, Sources};
use crate::keys::Key;

/// What a key asks of the program; [`Wish::None`] where it only changed the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    None,
    Submit(String),
    Stop,
    Interrupt,
    Leave,
    NextMode,
    Suspend,
    Redraw,
}

#[derive(Debug, Default)]
pub(crate) struct Editor {
    text: String,
    /// In bytes, at a character's beginning.
    cursor: usize,
    killed: String,
    /// Oldest first.
    history: Vec<String>,
    /// Where in the history the line was taken from, and what was written before.
    recalled: Option<(usize, String)>,
    pub(crate) sources: Sources,
    choices: Vec<Choice>,
    chosen: usize,
}

impl Editor {
    pub(crate) fn new(history: Vec<String>) -> Editor {
        Editor { history, ..Editor::default() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// What could stand at the cursor, and which of it Tab takes.
    pub(crate) fn choices(&self) -> (&[Choice], usize) {
        (&self.choices, self.chosen)
    }

    pub(crate) fn press(&mut self, key: Key) -> Wish {
        let before = (self.text.len(), self.cursor);
        let wish = self.act(key);
        if before != (self.text.len(), self.cursor) {
            self.choices = complete::choices(self.before_cursor(), &self.sources);
            self.chosen = 0;
        }
        wish
    }

    /// New files may have come.
    pub(crate) fn set_files(&mut self, files: Vec<String>) {
        self.sources.files = files;
        self.choices = complete::choices(self.before_cursor(), &self.sources);
        self.chosen = 0;
    }

    /// Words before what is written by now.
    pub(crate) fn put_before(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // They stood for what was before the cursor.
        self.choices.clear();
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.text.insert_str(0, &format!("{text}{gap}"));
        self.cursor = self.text.len();
    }

    fn act(&mut self, key: Key) -> Wish {
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(&clean(&text)),
            Key::NewLine => self.insert("\n"),
            Key::Enter => return self.enter(),
            Key::Tab => self.take_choice(),
            Key::Escape if !self.choices.is_empty() => self.choices.clear(),
            Key::Escape => return Wish::Stop,
            Key::NextMode => return Wish::NextMode,
            Key::Interrupt => return Wish::Interrupt,
            Key::EndOfInput if self.text.is_empty() => return Wish::Leave,
            Key::EndOfInput | Key::Delete => self.delete(self.cursor, self.right()),
            Key::Suspend => return Wish::Suspend,
            Key::Redraw => return Wish::Redraw,
            Key::Backspace => self.delete(self.left(), self.cursor),
            Key::DeleteWordLeft => self.kill(self.word_left(), self.cursor),
            Key::DeleteWordRight => self.kill(self.cursor, self.word_right()),
            Key::KillLeft => self.kill(self.line_begins(), self.cursor),
            Key::KillRight => self.kill(self.cursor, self.line_ends()),
            Key::Yank => self.insert(&self.killed.clone()),
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Home => self.cursor = self.line_begins(),
            Key::End => self.cursor = self.line_ends(),
            Key::Up if !self.choices.is_empty() => self.chosen = self.chosen.saturating_sub(1),
            Key::Down if !self.choices.is_empty() => {
                self.chosen = (self.chosen + 1).min(self.choices.len().saturating_sub(1));
            }
            Key::Up => self.up(),
            Key::Down => self.down(),
        }
        Wish::None
    }

    /// A backslash at the end asks for another line; a file that is being named is taken first.
    fn enter(&mut self) -> Wish {
        if self.choices.get(self.chosen).is_some_and(|choice| choice.is_file) {
            self.take_choice();
            return Wish::None;
        }
        if self.cursor == self.text.len() && self.text.ends_with('\\') {
            self.text.pop();
            self.cursor = self.text.len();
            self.insert("\n");
            return Wish::None;
        }
        if self.text.trim().is_empty() {
            self.clear();
            return Wish::None;
        }
        let text = self.text.clone();
        self.clear();
        if self.history.last() != Some(&text) {
            self.history.push(text.clone());
        }
        Wish::Submit(text)
    }

    fn take_choice(&mut self) {
        let Some(choice) = self.choices.get(self.chosen).cloned() else { return };
        let begins = self.cursor - choice.replaces.min(self.cursor);
        self.text.replace_range(begins..self.cursor, &choice.text);
        self.cursor = begins + choice.text.len();
        self.choices.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.recalled = None;
        self.choices.clear();
    }

    fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn kill(&mut self, from: usize, to: usize) {
        self.killed = self.text.get(from..to).unwrap_or_default().to_owned();
        self.delete(from, to);
    }

    fn up(&mut self) {
        if self.line_begins() != 0 {
            return self.move_to_line(self.line_begins() - 1);
        }
        let (mut index, written) = match &self.recalled {
            Some((index, written)) => (*index, written.clone()),
            None => (self.history.len(), self.text.clone()),
        };
        // Only what begins as what was written.
        while let Some(before) = index.checked_sub(1) {
            index = before;
            if let Some(line) = self.history.get(index).filter(|line| line.starts_with(&written)) {
                self.text.clone_from(line);
                self.cursor = self.text.len();
                self.recalled = Some((index, written));
                return;
            }
        }
    }

    fn down(&mut self) {
        if self.line_ends() != self.text.len() {
            return self.move_to_line(self.line_ends() + 1);
        }
        let Some((index, written)) = self.recalled.take() else { return };
        let next = self.history.iter().enumerate().skip(index + 1).find(|(_, line)| line.starts_with(&written));
        match next {
            Some((index, line)) => {
                self.text.clone_from(line);
                self.recalled = Some((index, written));
            }
            None => self.text = written,
        }
        self.cursor = self.text.len();
    }

    /// To the same column of the line that holds `place`.
    fn move_to_line(&mut self, place: usize) {
        let column = self.text.get(self.line_begins()..self.cursor).unwrap_or_default().chars().count();
        self.cursor = place;
        let (begins, ends) = (self.line_begins(), self.line_ends());
        let line = self.text.get(begins..ends).unwrap_or_default();
        self.cursor = begins + line.char_indices().nth(column).map_or(line.len(), |(index, _)| index);
    }

    pub(crate) fn before_cursor(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn after_cursor(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    /// One cluster to the left: marks that have no width, and what a joiner joins, belong to what stands before.
    fn left(&self) -> usize {
        let mut joined = true;
        let mut at = self.cursor;
        for (index, character) in self.before_cursor().char_indices().rev() {
            if !joined && character != '\u{200d}' {
                break;
            }
            at = index;
            joined = character.width().unwrap_or(1) == 0;
        }
        at
    }

    fn right(&self) -> usize {
        let mut joined = true;
        for (index, character) in self.after_cursor().char_indices() {
            let extends = character.width().unwrap_or(1) == 0;
            if !joined && !extends {
                return self.cursor + index;
            }
            joined = character == '\u{200d}';
        }
        self.text.len()
    }

    fn word_left(&self) -> usize {
        let before = self.before_cursor().trim_end_matches(|character: char| !character.is_alphanumeric());
        before.trim_end_matches(char::is_alphanumeric).len()
    }

    fn word_right(&self) -> usize {
        let after = self.after_cursor().trim_start_matches(|character: char| !character.is_alphanumeric());
        self.text.len() - after.trim_start_matches(char::is_alphanumeric).len()
    }

    fn line_begins(&self) -> usize {
        self.before_cursor().rfind('\n').map_or(0, |index| index + 1)
    }

    fn line_ends(&self) -> usize {
        self.cursor + self.after_cursor().find('\n').unwrap_or(self.after_cursor().len())
    }
}

/// Line ends as they are here, and nothing that a terminal would obey.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;
