//! The bottom of the screen while something goes on: unfinished words, what is going on, and the line being written.
//! Pure: what there is and a size in, rows out.

use agent::ModeSwitch;
use unicode_width::UnicodeWidthStr as _;

use crate::harmless::{harmless, one_line};
use crate::setup::mode_name;

/// A row that fits the terminal, with how it is painted and how wide it is without that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) width: usize,
    pub(crate) look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Dim,
    /// What Tab takes.
    Chosen,
    /// The line being written; its first bytes are the prompt.
    Prompt(usize),
}

/// The line that the human writes, and what belongs to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    /// Shown before the text, as it is by then: whoever allows all edits changes it too. `None` where it is not known.
    pub(crate) mode: Option<ModeSwitch>,
    pub(crate) text: String,
    /// In bytes.
    pub(crate) cursor: usize,
    /// What could stand at the cursor, and which of it is chosen.
    pub(crate) menu: Vec<String>,
    pub(crate) chosen: usize,
}

/// The rows from top to bottom, and row and column of the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    pub(crate) cursor: (usize, usize),
}

impl Prompt {
    /// Such as `auto > `.
    pub(crate) fn label(&self) -> String {
        self.mode.as_ref().map_or_else(|| "> ".to_owned(), |mode| format!("{} > ", mode_name(mode.get())))
    }
}

const INDENT: &str = "  ";

impl Row {
    pub(crate) fn new(look: Look, text: impl Into<String>) -> Row {
        let text = text.into();
        Row { width: text.width(), text, look }
    }
}

/// The line being written under the messages that wait, in at most `height` rows of at most `width` columns.
pub(crate) fn prompt(prompt: &Prompt, waiting: &[&str], width: usize, height: usize) -> Rows {
    let mut written = write(prompt, width);
    let room = height.saturating_sub(1).max(1);
    // Of a long text the rows around the cursor are shown.
    let first = written.cursor.0.saturating_sub(room - 1);
    written.rows = written.rows.into_iter().skip(first).take(room).collect();
    written.cursor.0 -= first;
    let mut room = room - written.rows.len();
    let skipped = waiting.len().saturating_sub(room);
    let waiting: Vec<Row> = waiting
        .iter()
        .skip(skipped)
        .map(|text| Row::new(Look::Dim, one_line(&format!("waiting: {text}"), width)))
        .collect();
    room -= waiting.len();
    written.cursor.0 += waiting.len();
    written.rows.splice(0..0, waiting);
    let from = (prompt.chosen + 1).saturating_sub(room);
    for (index, choice) in prompt.menu.iter().enumerate().skip(from).take(room) {
        let look = if index == prompt.chosen { Look::Chosen } else { Look::Dim };
        let mark = if index == prompt.chosen { "> " } else { INDENT };
        written.rows.push(Row::new(look, one_line(&format!("{mark}{choice}"), width)));
    }
    written
}

fn write(prompt: &Prompt, width: usize) -> Rows {
    let mut rows = Rows::default();
    let mut row = prompt.label();
    let mut columns = row.as_str().width();
    let mut look = Look::Prompt(row.len());
    for (index, character) in prompt.text.char_indices() {
        let shown = match character {
            '\t' => "    ".to_owned(),
            character => harmless(character.encode_utf8(&mut [0; 4])),
        };
        let wide = if character == '\n' { 0 } else { shown.width() };
        if width < columns + wide {
            rows.rows.push(Row::new(look, std::mem::replace(&mut row, INDENT.to_owned())));
            (columns, look) = (INDENT.len(), Look::Plain);
        }
        if index == prompt.cursor {
            rows.cursor = (rows.rows.len(), columns);
        }
        if character == '\n' {
            rows.rows.push(Row::new(look, std::mem::replace(&mut row, INDENT.to_owned())));
            (columns, look) = (INDENT.len(), Look::Plain);
        } else {
            row.push_str(&shown);
            columns += wide;
        }
    }
    if prompt.text.len() <= prompt.cursor {
        rows.cursor = (rows.rows.len(), columns);
    }
    rows.rows.push(Row::new(look, row));
    rows
}

#[cfg(test)]
mod tests {
    use agent::{ApprovalPolicy, Mode};
    use expect_test::{Expect, expect};
    use unicode_width::UnicodeWidthChar as _;

    use super::*;

    /// The rows, with `|` at the cursor.
    #[track_caller]
    fn check(text: &str, cursor: usize, menu: &[&str], (width, height): (usize, usize), expected: Expect) {
        let menu = menu.iter().map(|choice| (*choice).to_owned()).collect();
        let mode = Some(ApprovalPolicy::new(Mode::Auto).mode_switch());
        let line = Prompt { mode, text: text.to_owned(), cursor, menu, chosen: 0 };
        let shown = prompt(&line, &["earlier"], width, height);
        let mut out = String::new();
        for (index, row) in shown.rows.iter().enumerate() {
            assert!(row.width <= width && shown.rows.len() < height.max(3), "{row:?}");
            out.push(':');
            let mut columns = 0;
            for character in row.text.chars() {
                if (index, columns) == shown.cursor {
                    out.push('|');
                }
                columns += character.width().unwrap_or(0);
                out.push(character);
            }
            if (index, columns) == shown.cursor {
                out.push('|');
            }
            out.push('\n');
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn a_line_is_folded_with_its_cursor() {
        check(
            "one two",
            3,
            &[],
            (30, 10),
            expect![[r#"
                :waiting: earlier
                :auto > one| two
            "#]],
        );
        check(
            "one two three four",
            18,
            &[],
            (16, 10),
            expect![[r#"
                :waiting: earlie…
                :auto > one two t
                :  hree four|
            "#]],
        );
        check(
            "日本語日本語",
            9,
            &[],
            (14, 10),
            expect![[r#"
                :waiting: earl…
                :auto > 日本語
                :  |日本語
            "#]],
        );
        check(
            "a\n\tb\n",
            5,
            &["x"],
            (30, 10),
            expect![[r#"
                :waiting: earlier
                :auto > a
                :      b
                :  |
                :> x
            "#]],
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out_around_the_cursor() {
        check(
            "1\n2\n3\n4\n5\n6",
            11,
            &["x", "y"],
            (30, 5),
            expect![[r#"
                :  3
                :  4
                :  5
                :  6|
            "#]],
        );
        check(
            "1\n2\n3\n4\n5\n6",
            0,
            &["x", "y"],
            (30, 5),
            expect![[r#"
                :auto > |1
                :  2
                :  3
                :  4
            "#]],
        );
        check(
            "",
            0,
            &["x", "y", "z"],
            (30, 5),
            expect![[r#"
                :waiting: earlier
                :auto > |
                :> x
                :  y
            "#]],
        );
    }
}
