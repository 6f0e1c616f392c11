//! A hunk whose lines are all indented a little more or less than the file's, or by tabs where the file has spaces. The
//! lines that come are shifted alike. One line that disagrees, or a second place, and nothing is done.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Fit, Fits, How};
use crate::edit::{Format, Line};
use crate::fold::{Fold, Indexes, without_cr};

/// What makes the hunk's indentation the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Put before every line.
    Deeper(String),
    /// Taken from every line.
    Shallower(String),
    /// Each tab becomes this many spaces.
    TabsToSpaces(usize),
    /// This many spaces become a tab.
    SpacesToTabs(usize),
}

pub(super) fn shifted(lines: &[Line], format: Format, file: &[&str], indexes: &Indexes) -> Option<Fits> {
    let old: Vec<&str> = lines.iter().filter_map(Line::before).collect();
    if old.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let places = indexes.find(&old, Fold::Indent);
    let [start] = places.as_slice() else { return None };
    let there = file.get(*start..start + old.len())?;
    // One kind of difference at a time: white space at the ends as well would be a looser match than any step allows.
    if old.iter().zip(there).any(|(line, there)| without_cr(line).trim_start() != there.trim_start()) {
        return None;
    }
    let pairs: Vec<(&str, &str)> = old
        .iter()
        .zip(there)
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(line, there)| (indent_of(line), indent_of(there)))
        .collect();
    let shift = uniform(&pairs).or_else(|| respaced(&pairs))?;
    if is_lost_mark(&shift, lines, format) {
        return None;
    }
    let lines = lines.iter().map(|line| with_shift(line, &shift, &pairs)).collect::<Option<Rc<[Line]>>>()?;
    Some(Fits { how: How::Indented(shift), fits: vec![Fit { start: *start, lines, skipped: 0 }] })
}

fn indent_of(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len()).unwrap_or("")
}

fn uniform(pairs: &[(&str, &str)]) -> Option<Shift> {
    let (ours, theirs) = pairs.first()?;
    if let Some(more) = theirs.strip_suffix(ours).filter(|more| !more.is_empty()) {
        let fits = |(ours, theirs): &(&str, &str)| theirs.strip_prefix(more) == Some(*ours);
        return pairs.iter().all(fits).then(|| Shift::Deeper(more.to_owned()));
    }
    let less = ours.strip_suffix(theirs).filter(|less| !less.is_empty())?;
    let fits = |(ours, theirs): &(&str, &str)| ours.strip_prefix(less) == Some(*theirs);
    pairs.iter().all(fits).then(|| Shift::Shallower(less.to_owned()))
}

/// Tabs on one side and spaces on the other, at one width for all lines.
fn respaced(pairs: &[(&str, &str)]) -> Option<Shift> {
    let ours_tabs = pairs.iter().all(|(ours, _)| ours.chars().all(|character| character == '\t'));
    let theirs_tabs = pairs.iter().all(|(_, theirs)| theirs.chars().all(|character| character == '\t'));
    let spaces = |text: &str| text.chars().all(|character| character == ' ');
    let width_of =
        |tabs: &str, blanks: &str| tabs.len().checked_mul(blanks.len() / tabs.len().max(1)) == Some(blanks.len());
    if ours_tabs && pairs.iter().all(|(_, theirs)| spaces(theirs)) {
        let (ours, theirs) = pairs.iter().find(|(ours, _)| !ours.is_empty())?;
        let width = theirs.len() / ours.len();
        let fits = |(ours, theirs): &(&str, &str)| theirs.len() == ours.len() * width && width_of(ours, theirs);
        return (width > 0 && pairs.iter().all(fits)).then_some(Shift::TabsToSpaces(width));
    }
    if theirs_tabs && pairs.iter().all(|(ours, _)| spaces(ours)) {
        let (ours, theirs) = pairs.iter().find(|(_, theirs)| !theirs.is_empty())?;
        let width = ours.len() / theirs.len();
        let fits = |(ours, theirs): &(&str, &str)| ours.len() == theirs.len() * width;
        return (width > 0 && pairs.iter().all(fits)).then_some(Shift::SpacesToTabs(width));
    }
    None
}

/// One column in a diff is the mark's own: context that lost its space looks shifted by one, and the lines that come
/// are then right as they are. Lines that go and agree show that the shift is real.
fn is_lost_mark(shift: &Shift, lines: &[Line], format: Format) -> bool {
    let one = matches!(shift, Shift::Deeper(by) | Shift::Shallower(by) if by == " ");
    let goes = lines.iter().any(|line| matches!(line, Line::Remove(text) if !text.trim().is_empty()));
    one && format != Format::Blocks && !goes
}

fn with_shift(line: &Line, shift: &Shift, pairs: &[(&str, &str)]) -> Option<Line> {
    let Line::Add(text) = line else { return Some(line.clone()) };
    if without_cr(text).trim().is_empty() {
        return Some(line.clone());
    }
    let indent = indent_of(text);
    let rest = text.get(indent.len()..)?;
    // An indentation that the hunk itself shows on a line that was found is translated as that line's was.
    let known: HashMap<&str, &str> = pairs.iter().copied().collect();
    let indent = match (known.get(indent), shift) {
        (Some(theirs), _) => (*theirs).to_owned(),
        (None, Shift::Deeper(more)) => format!("{more}{indent}"),
        (None, Shift::Shallower(less)) => indent.strip_prefix(less.as_str())?.to_owned(),
        (None, Shift::TabsToSpaces(width)) => {
            let tabs = indent.chars().take_while(|character| *character == '\t').count();
            format!("{}{}", " ".repeat(tabs * width), indent.get(tabs..)?)
        }
        (None, Shift::SpacesToTabs(width)) => {
            let spaces = indent.chars().take_while(|character| *character == ' ').count();
            let tail = indent.get(spaces..)?;
            format!("{}{}{tail}", "\t".repeat(spaces / width), " ".repeat(spaces % width))
        }
    };
    Some(Line::Add(format!("{indent}{rest}")))
}
