//! One line of Markdown: emphasis, code and links become styles, and the line is folded to a width. Pure.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar as _;

/// One character and how it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) character: char,
    pub(crate) style: Style,
    /// Text that is still to come may make it look otherwise.
    pub(crate) open: bool,
}

pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();

pub(crate) const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

pub(crate) fn cells(text: &str, style: Style) -> Vec<Cell> {
    text.chars().map(|character| Cell { character, style, open: false }).collect()
}

pub(crate) fn width(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| cell.character.width().unwrap_or(0)).sum()
}

/// The cells of a line without its marks.
pub(crate) fn parse(text: &str, style: Style) -> Vec<Cell> {
    let mut out = Vec::new();
    parse_into(text, style, &mut out);
    out
}

fn parse_into(text: &str, style: Style, out: &mut Vec<Cell>) {
    let mut rest = text;
    let mut before = ' ';
    let mut open = None;
    while let Some(first) = rest.chars().next() {
        match read_mark(rest, before, style) {
            Mark::Is { inner, style, nested, length } => {
                if nested {
                    parse_into(inner, style, out)
                } else {
                    out.extend(cells(inner, style))
                }
                before = '*';
                rest = rest.get(length..).unwrap_or_default();
            }
            Mark::Link { text, url, length } => {
                parse_into(text, style.underline(), out);
                if text != url {
                    out.extend(cells(&format!(" ({url})"), style.dimmed()));
                }
                before = ')';
                rest = rest.get(length..).unwrap_or_default();
            }
            Mark::Escaped(character) => {
                out.push(Cell { character, style, open: false });
                before = character;
                rest = rest.get(1 + character.len_utf8()..).unwrap_or_default();
            }
            // What is not closed may be closed by what comes: from here on nothing is sure.
            Mark::NotClosed(length) => {
                open.get_or_insert(out.len());
                let (mark, after) = rest.split_at(length);
                out.extend(cells(mark, style));
                before = first;
                rest = after;
            }
            Mark::No => {
                out.push(Cell { character: first, style, open: false });
                before = first;
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    if let Some(open) = open {
        out.iter_mut().skip(open).for_each(|cell| cell.open = true);
    }
}

enum Mark<'a> {
    No,
    /// Bytes of the mark.
    NotClosed(usize),
    Escaped(char),
    Is {
        inner: &'a str,
        style: Style,
        nested: bool,
        length: usize,
    },
    Link {
        text: &'a str,
        url: &'a str,
        length: usize,
    },
}

fn read_mark(rest: &str, before: char, style: Style) -> Mark<'_> {
    let mut characters = rest.chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), Some(next)) if next.is_ascii_punctuation() => Mark::Escaped(next),
        (Some('`'), _) => code(rest, style),
        (Some('['), _) => link(rest, 0),
        (Some('!'), Some('[')) => link(rest, 1),
        (Some('*'), Some('*')) => emphasis(rest, "**", style.bold()),
        (Some('_'), Some('_')) if !before.is_alphanumeric() => emphasis(rest, "__", style.bold()),
        (Some('~'), Some('~')) => emphasis(rest, "~~", style.strikethrough()),
        (Some('*'), _) => emphasis(rest, "*", style.italic()),
        (Some('_'), _) if !before.is_alphanumeric() => emphasis(rest, "_", style.italic()),
        (_, _) => Mark::No,
    }
}

/// As many backticks close it as opened it; nothing inside is a mark.
fn code(rest: &str, style: Style) -> Mark<'_> {
    let ticks = rest.len() - rest.trim_start_matches('`').len();
    let mut from = ticks;
    while let Some(found) = rest.get(from..).and_then(|after| after.find('`')) {
        let begins = from + found;
        let run = rest.get(begins..).map_or(0, |after| after.len() - after.trim_start_matches('`').len());
        if run == ticks {
            let inner = rest.get(ticks..begins).unwrap_or_default();
            let inner = if inner.contains('`') { inner.trim() } else { inner };
            let style = style.fg_color(Some(AnsiColor::Cyan.into()));
            return Mark::Is { inner, style, nested: false, length: begins + run };
        }
        from = begins + run;
    }
    Mark::NotClosed(ticks)
}

fn emphasis<'a>(rest: &'a str, mark: &str, style: Style) -> Mark<'a> {
    let after = rest.get(mark.len()..).unwrap_or_default();
    if after.starts_with(char::is_whitespace) {
        return Mark::No;
    }
    match closing(after, mark) {
        Some(0) => Mark::No,
        Some(length) => Mark::Is {
            inner: after.get(..length).unwrap_or_default(),
            style,
            nested: true,
            length: length + 2 * mark.len(),
        },
        None => Mark::NotClosed(mark.len()),
    }
}

/// Where the mark closes: after something that is no blank, not inside code, and not a longer mark.
fn closing(text: &str, mark: &str) -> Option<usize> {
    let single = mark.chars().next().unwrap_or('*');
    let (mut at, mut before) = (0, ' ');
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let run = rest.len() - rest.trim_start_matches(single).len();
        if 0 < run {
            let next = rest.get(run..).and_then(|after| after.chars().next());
            let ends_word = single != '_' || !next.is_some_and(char::is_alphanumeric);
            if (run == mark.len() || run == 3) && !before.is_whitespace() && ends_word {
                return Some(at + run - mark.len());
            }
            at += run;
            before = single;
            continue;
        }
        if rest.starts_with('`')
            && let Mark::Is { length, .. } = code(rest, Style::new())
        {
            at += length;
            before = '`';
            continue;
        }
        before = rest.chars().next()?;
        at += before.len_utf8();
    }
    None
}

/// `[text](url)`, and `![text](url)` with `skip` 1.
fn link(rest: &str, skip: usize) -> Mark<'_> {
    let after = rest.get(skip + 1..).unwrap_or_default();
    let Some(text_ends) = after.find(']') else { return Mark::NotClosed(skip + 1) };
    let behind = after.get(text_ends + 1..).unwrap_or_default();
    let Some(target) = behind.strip_prefix('(') else {
        return if behind.is_empty() { Mark::NotClosed(skip + 1) } else { Mark::No };
    };
    let Some(url_ends) = target.find(')') else { return Mark::NotClosed(skip + 1) };
    let text = after.get(..text_ends).unwrap_or_default();
    let url = target.get(..url_ends).unwrap_or_default();
    Mark::Link { text, url, length: skip + text_ends + url_ends + 4 }
}

/// Rows of at most `width` columns, broken at blanks, or anywhere where a word is too long.
/// `hang` columns are left free at the left of all rows but the first.
pub(crate) fn fold(cells: Vec<Cell>, width: usize, hang: usize) -> Vec<Vec<Cell>> {
    let blank = Cell { character: ' ', style: Style::new(), open: false };
    let hang = if hang + 10 < width { hang } else { 0 };
    let mut rows = Vec::new();
    let mut row: Vec<Cell> = Vec::new();
    let (mut columns, mut begins) = (0, 0);
    for cell in cells {
        let wide = cell.character.width().unwrap_or(0);
        if width < columns + wide && begins < row.len() {
            if cell.character == ' ' {
                // The blank that would begin the next row ends this one.
                rows.push(std::mem::replace(&mut row, vec![blank; hang]));
                (columns, begins) = (hang, hang);
                continue;
            }
            let next = break_of(&row, begins).map_or_else(Vec::new, |at| row.split_off(at));
            while row.len() > begins && row.last().is_some_and(|cell| cell.character == ' ') {
                row.pop();
            }
            rows.push(std::mem::replace(&mut row, vec![blank; hang]));
            row.extend(next);
            begins = hang;
            columns = self::width(&row);
        }
        columns += wide;
        row.push(cell);
    }
    rows.push(row);
    rows
}

/// Where a row may break: after its last blank, or after a wide character, which needs none.
fn break_of(row: &[Cell], begins: usize) -> Option<usize> {
    let breaks = |cell: &Cell| cell.character == ' ' || cell.character.width() == Some(2);
    let at = row.iter().skip(begins).rposition(breaks)? + begins + 1;
    (begins < at).then_some(at)
}

/// The row as a terminal wants it.
pub(crate) fn paint(row: &[Cell]) -> String {
    let mut text = String::new();
    let mut style = Style::new();
    for cell in row {
        if cell.style != style {
            text += &format!("{style:#}{}", cell.style);
            style = cell.style;
        }
        text.push(cell.character);
    }
    text + &format!("{style:#}")
}
