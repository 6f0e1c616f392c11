//! Line numbers in front of a hunk's lines, copied from a listing: `12| text` or `12 | text`. They are taken off only
//! where every line to be found has one.

use crate::edit::{Format, Hunk, Line};

pub(super) fn without_numbers(lines: &[Line], format: Format) -> Option<Vec<Line>> {
    match format {
        Format::Blocks => block(lines),
        Format::Unified | Format::Envelope => lines.iter().map(line).collect(),
    }
}

/// In a block the replacement may have numbers or not, but not on some lines only.
fn block(lines: &[Line]) -> Option<Vec<Line>> {
    let strip =
        |side: Vec<&str>| -> Option<Vec<String>> { side.iter().map(|text| number(text).map(str::to_owned)).collect() };
    let search = strip(lines.iter().filter_map(Line::before).collect())?;
    let new: Vec<&str> = lines.iter().filter_map(Line::after).collect();
    let plain = || -> Option<Vec<String>> {
        let has_none = new.iter().all(|text| number(text).is_none());
        has_none.then(|| new.iter().map(|text| (*text).to_owned()).collect())
    };
    let replace = strip(new.clone()).or_else(plain)?;
    Some(Hunk::replacing(String::new(), &search, &replace).lines)
}

/// The number stands before the mark's column in context, and after the mark otherwise.
fn line(line: &Line) -> Option<Line> {
    Some(match line {
        Line::Keep { text, .. } => Line::Keep { text: number(text)?.to_owned(), bare: false },
        Line::Remove(text) => Line::Remove(number(text)?.to_owned()),
        Line::Add(text) => Line::Add(number(text)?.to_owned()),
    })
}

fn number(text: &str) -> Option<&str> {
    let rest = text.trim_start();
    let digits = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    if digits.len() == rest.len() {
        return None;
    }
    let rest = digits.strip_prefix(' ').unwrap_or(digits).strip_prefix('|')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}
