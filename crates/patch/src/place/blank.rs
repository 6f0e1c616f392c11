//! A diff whose context has fewer or more blank lines than the file, as small models write it, while all other lines
//! are the file's, one after the other. The file's blank lines stay; where a new line would come beside one that the
//! hunk does not know, on either side of it, nothing is done.

use std::rc::Rc;

use super::{Fit, Fits, How};
use crate::edit::{Hunk, Line};
use crate::fold::{Fold, Indexes, without_cr};

/// Places of the rarest line that are looked at; more would only be ambiguous.
const MOST_PLACES: usize = 64;

pub(super) fn spaced(hunk: &Hunk, file: &[&str], indexes: &Indexes) -> Option<Fits> {
    let (first, rest) = parts(&hunk.lines)?;
    let told: Vec<&str> = std::iter::once(first.line).chain(rest.iter().map(|part| part.line)).map(old_text).collect();
    // A count that says otherwise: it was a line that goes which is missing.
    let (old, new) = (hunk.old_lines().len(), hunk.new_lines().len());
    if told.len() < 2 || hunk.counts.is_some_and(|(stated_old, stated_new)| stated_old + new != stated_new + old) {
        return None;
    }
    let places = told.iter().map(|line| indexes.lines_like(line, Fold::Exact)).enumerate();
    let (rarest, places) =
        places.min_by_key(|(_, places)| places.len()).filter(|(_, found)| found.len() <= MOST_PLACES)?;
    let fits: Vec<Fit> = places
        .iter()
        .filter_map(|at| {
            let above = told.get(..rarest)?.iter().rev();
            let upward = (0..*at).rev().filter(|at| !is_blank(file, *at));
            let mut lines: Vec<usize> = agreeing(above, upward, file)?;
            lines.reverse();
            lines.push(*at);
            let below = told.get(rarest + 1..)?.iter();
            lines.extend(agreeing(below, (at + 1..file.len()).filter(|at| !is_blank(file, *at)), file)?);
            written(&hunk.lines, &first, &rest, &lines, file)
        })
        .collect();
    (!fits.is_empty()).then_some(Fits { how: How::BlankLines, fits })
}

/// An old line that is not blank, and what stands between it and the one above.
struct Part<'a> {
    between: &'a [Line],
    line: &'a Line,
}

fn parts(lines: &[Line]) -> Option<(Part<'_>, Vec<Part<'_>>)> {
    let mut from = 0;
    let mut parts = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if line.before().is_some_and(|text| !text.trim().is_empty()) {
            parts.push(Part { between: lines.get(from..at)?, line });
            from = at + 1;
        }
    }
    let mut parts = parts.into_iter();
    Some((parts.next()?, parts.collect()))
}

fn old_text(line: &Line) -> &str {
    without_cr(line.text())
}

fn is_blank(file: &[&str], at: usize) -> bool {
    file.get(at).is_none_or(|line| line.trim().is_empty())
}

/// The file's lines that are these, in this order, or `None`.
fn agreeing<'a>(
    told: impl ExactSizeIterator<Item = &'a &'a str>,
    there: impl Iterator<Item = usize>,
    file: &[&str],
) -> Option<Vec<usize>> {
    let count = told.len();
    let same = told.zip(there).take_while(|(told, at)| file.get(*at) == Some(*told)).map(|(_, at)| at);
    Some(same.collect::<Vec<usize>>()).filter(|found| found.len() == count)
}

/// The hunk with the file's blank lines between its lines that stand at `places`.
fn written(lines: &[Line], first: &Part, rest: &[Part], places: &[usize], file: &[&str]) -> Option<Fit> {
    let (start, last) = (*places.first()?, *places.last()?);
    let told: usize = 1 + first.between.len() + rest.iter().map(|part| part.between.len() + 1).sum::<usize>();
    let tail = lines.get(told..)?;
    let above = edge(first.between, file.get(start.checked_sub(count_old(first.between)).unwrap_or(start)..start)?)?;
    let mut written = above.to_vec();
    written.push(first.line.clone());
    let mut upper = first.line;
    for (part, pair) in rest.iter().zip(places.windows(2)) {
        let [from, to] = pair else { return None };
        written.extend(between(upper, part, file.get(from + 1..*to)?)?);
        written.push(part.line.clone());
        upper = part.line;
    }
    written.extend_from_slice(edge(tail, file.get(last + 1..(last + 1 + count_old(tail)).min(file.len()))?)?);
    Some(Fit {
        start: start - count_old(above),
        lines: Rc::from(written),
        skipped: count_old(first.between) - count_old(above),
    })
}

fn count_old(lines: &[Line]) -> usize {
    lines.iter().filter(|line| line.before().is_some()).count()
}

/// Blank lines and new lines at an end of the hunk: as they are, if the file has those blank lines; left out, if there
/// is nothing but context.
fn edge<'a>(lines: &'a [Line], there: &[&str]) -> Option<&'a [Line]> {
    let is_there = there.len() == count_old(lines) && there.iter().all(|line| line.trim().is_empty());
    match () {
        () if is_there => Some(lines),
        () if lines.iter().all(Line::is_keep) => Some(&[]),
        () => None,
    }
}

/// What is written between two old lines, with the file's blank lines.
fn between(upper: &Line, part: &Part, blank: &[&str]) -> Option<Vec<Line>> {
    let Part { between, line: lower } = part;
    if count_old(between) == blank.len() {
        return Some(between.to_vec());
    }
    let goes = |line: &Line| matches!(line, Line::Remove(_));
    // With both neighbours a blank line would go that is not named.
    if between.iter().any(goes) || (goes(upper) && goes(lower)) {
        return None;
    }
    let new: Vec<Line> = between.iter().filter(|line| !line.is_keep()).cloned().collect();
    let blank = blank.iter().map(|line| Line::Keep { text: (*line).to_owned(), bare: false });
    let touches = |line: Option<&Line>| line.is_some_and(|line| !line.is_keep());
    match () {
        () if new.is_empty() || (goes(lower) && touches(between.last()) && is_together(between)) => {
            Some(blank.chain(new).collect())
        }
        () if goes(upper) && touches(between.first()) && is_together(between) => {
            Some(new.into_iter().chain(blank).collect())
        }
        () if blank.len() == 0 => Some(new),
        () => None,
    }
}

/// No context between the new lines.
fn is_together(lines: &[Line]) -> bool {
    let new = lines.iter().skip_while(|line| line.is_keep());
    new.skip_while(|line| !line.is_keep()).all(Line::is_keep)
}
