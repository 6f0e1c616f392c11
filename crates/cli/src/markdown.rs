//! Markdown as it streams in: rows that are final once they are given out, and the rest that may still change. Pure.
//!
//! It goes by lines, as models write: a paragraph is a line, a list's item is a line. A row is given out as soon as
//! nothing that follows can change it, so that what has scrolled away is never drawn again.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::highlight;
use crate::inline::{BOLD, Cell, DIM, cells, fold, paint, parse, width};

/// Whether rows carry styles. Without them the marks stay, or a heading would look like any line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    On,
    Off,
}

/// A longer line is cut: drawing it again for each piece would cost its length squared.
const LONGEST_LINE: usize = 4096;
/// Quotations within quotations, as far as they are told apart.
const MOST_BARS: usize = 4;

#[derive(Debug)]
pub(crate) struct Markdown {
    colour: Colour,
    /// Columns, as they were when the line began.
    width: usize,
    line: String,
    /// Rows of the line that are given out already.
    given: usize,
    fence: Option<Fence>,
    table: Vec<String>,
}

/// Code, until the same mark comes again.
#[derive(Clone, Debug)]
struct Fence {
    mark: String,
    language: String,
}

impl Markdown {
    pub(crate) fn new(colour: Colour) -> Markdown {
        Markdown { colour, width: 80, line: String::new(), given: 0, fence: None, table: Vec::new() }
    }

    /// Takes more text, and gives the rows that are final.
    pub(crate) fn push(&mut self, text: &str, width: usize) -> Vec<String> {
        let mut rows = Vec::new();
        for piece in text.split_inclusive('\n') {
            if self.line.is_empty() && self.given == 0 {
                self.width = width;
            }
            self.line.push_str(piece.trim_end_matches('\n'));
            if piece.ends_with('\n') || LONGEST_LINE < self.line.len() {
                rows.extend(self.end_line());
            }
        }
        if !self.is_table_row() {
            let (all, settled) = self.rows_of_line();
            rows.extend(all.iter().take(settled).skip(self.given).map(|row| paint(row)));
            self.given = self.given.max(settled);
        }
        rows
    }

    /// How the text that is not final looks by now, folded to `width` where the terminal has become narrower, each row with
    /// its columns.
    pub(crate) fn rest(&self, width: usize) -> Vec<(String, usize)> {
        let columns = self.width.min(width);
        let table = self.table.iter().map(|row| cells(row, Style::new()));
        let line = if self.line.is_empty() { Vec::new() } else { self.rows_of_line().0 };
        let rows = table.chain(line.into_iter().skip(self.given));
        let rows = rows.flat_map(|row| fold(row, columns, 0));
        rows.map(|row| (paint(&row), crate::inline::width(&row))).collect()
    }

    /// The text is over: the rows that are left.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        let mut rows = if self.line.is_empty() { Vec::new() } else { self.end_line() };
        rows.extend(self.end_table());
        self.fence = None;
        rows
    }

    fn end_line(&mut self) -> Vec<String> {
        if self.is_table_row() {
            self.table.push(std::mem::take(&mut self.line));
            return Vec::new();
        }
        let mut rows = self.end_table();
        rows.extend(self.rows_of_line().0.iter().skip(self.given).map(|row| paint(row)));
        self.turn_fence();
        self.line.clear();
        self.given = 0;
        rows
    }

    fn is_table_row(&self) -> bool {
        self.fence.is_none() && self.line.trim_start().starts_with('|')
    }

    /// Opens or closes code if the line says so.
    fn turn_fence(&mut self) {
        let line = self.line.trim();
        match &self.fence {
            Some(fence) if line.starts_with(fence.mark.as_str()) && line.trim_start_matches(['`', '~']).is_empty() => {
                self.fence = None;
            }
            Some(_) => (),
            None => {
                if let Some(mark) = fence_mark(line) {
                    let language = line.get(mark.len()..).unwrap_or_default().trim().to_lowercase();
                    self.fence = Some(Fence { mark: mark.to_owned(), language });
                }
            }
        }
    }

    /// The rows of the line by now, and how many of them are settled.
    fn rows_of_line(&self) -> (Vec<Vec<Cell>>, usize) {
        let rows = match (&self.fence, self.colour) {
            // Code is not folded when it is final: what is copied must be what was written.
            (Some(fence), colour) => {
                let row = match colour {
                    Colour::Off => cells(&self.line, Style::new()),
                    Colour::On if self.line.trim_start().starts_with(&fence.mark) => cells(&self.line, DIM),
                    Colour::On => highlight::code(&self.line, &fence.language),
                };
                return (vec![row], 0);
            }
            (None, Colour::Off) => fold(cells(&self.line, Style::new()), self.width, 0),
            (None, Colour::On) => block(&self.line, self.width),
        };
        // The last row grows; one with an open mark may look otherwise.
        let open = rows.iter().position(|row| row.iter().any(|cell| cell.open)).unwrap_or(rows.len());
        let settled = open.min(rows.len().saturating_sub(1));
        (rows, settled)
    }

    fn end_table(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.table);
        match (self.colour, table(&lines, self.width)) {
            (Colour::On, Some(rows)) => rows.iter().map(|row| paint(row)).collect(),
            (_, _) => lines,
        }
    }
}

fn fence_mark(line: &str) -> Option<&str> {
    let length = line.len() - line.trim_start_matches(line.chars().next().filter(|first| "`~".contains(*first))?).len();
    (3 <= length).then(|| line.get(..length)).flatten()
}

/// One line that is not code: heading, item, quotation, rule or paragraph.
fn block(line: &str, columns: usize) -> Vec<Vec<Cell>> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let blanks = " ".repeat(indent.min(columns / 2));
    if fence_mark(text).is_some() {
        return vec![cells(line, DIM)];
    }
    if 2 * LONGEST_LINE < text.len() {
        return fold(cells(line, Style::new()), columns, 0);
    }
    if is_rule(text) {
        return vec![cells(&"─".repeat(columns.min(40)), DIM)];
    }
    let hashes = text.len() - text.trim_start_matches('#').len();
    if (1..=6).contains(&hashes)
        && let Some(title) = text.get(hashes..).and_then(|title| title.strip_prefix(' '))
    {
        return fold(parse(title.trim_end_matches([' ', '#']), BOLD), columns, 0);
    }
    if let Some((bars, quoted)) = quotation(text) {
        let bars = "│ ".repeat(bars);
        let rows = block(quoted, columns.saturating_sub(bars.width()).max(10));
        return rows.into_iter().map(|row| [cells(&bars, DIM), row].concat()).collect();
    }
    let (mark, rest) = item(text).unwrap_or((String::new(), text));
    let mut row = cells(&(blanks + &mark), Style::new());
    let hang = width(&row);
    row.extend(parse(rest, Style::new()));
    fold(row, columns, hang)
}

/// How many bars a quotation has, and what is quoted, all marks taken off: it is no quotation itself.
fn quotation(text: &str) -> Option<(usize, &str)> {
    let mut quoted = text.strip_prefix('>')?;
    let mut bars = 1;
    while let Some(deeper) = quoted.trim_start().strip_prefix('>') {
        (bars, quoted) = (bars + 1, deeper);
    }
    Some((bars.min(MOST_BARS), quoted.strip_prefix(' ').unwrap_or(quoted)))
}

/// The mark of a list's item, as shown, and its text.
fn item(text: &str) -> Option<(String, &str)> {
    if let Some(rest) = ["- ", "* ", "+ "].iter().find_map(|mark| text.strip_prefix(mark)) {
        return Some(("• ".to_owned(), rest));
    }
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let rest = text.get(digits..)?;
    let rest = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))?;
    (1..=9).contains(&digits).then(|| (text.get(..digits + 2).unwrap_or_default().to_owned(), rest))
}

fn is_rule(text: &str) -> bool {
    let marks: String = text.split_whitespace().collect();
    3 <= marks.len() && ["-", "*", "_"].iter().any(|mark| marks.trim_start_matches(mark).is_empty())
}

/// `None` where the lines are no table, or it is too wide.
fn table(lines: &[String], columns: usize) -> Option<Vec<Vec<Cell>>> {
    let is_line = |line: &str| line.contains('-') && line.chars().all(|character| "|-: \t".contains(character));
    if !lines.get(1).is_some_and(|line| is_line(line)) {
        return None;
    }
    let rows: Vec<Vec<Vec<Cell>>> = lines
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != 1)
        .map(|(index, line)| {
            let line = line.trim().trim_start_matches('|');
            let line = line.strip_suffix('|').unwrap_or(line);
            let style = if index == 0 { BOLD } else { Style::new() };
            line.split('|').map(|cell| parse(cell.trim(), style)).collect()
        })
        .collect();
    let count = rows.iter().map(Vec::len).max()?;
    let widths: Vec<usize> = (0..count)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    if columns < widths.iter().sum::<usize>() + 2 * count {
        return None;
    }
    let mut shown: Vec<Vec<Cell>> = rows
        .into_iter()
        .map(|row| {
            let mut line = Vec::new();
            for (cell, wide) in row.into_iter().zip(&widths) {
                let missing = wide.saturating_sub(width(&cell)) + 2;
                line.extend(cell);
                line.extend(cells(&" ".repeat(missing), Style::new()));
            }
            line
        })
        .collect();
    let rule: Vec<String> = widths.iter().map(|wide| "─".repeat(*wide)).collect();
    shown.insert(1.min(shown.len()), cells(&rule.join("  "), DIM));
    Some(shown)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
