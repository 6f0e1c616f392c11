//! Judges what `choose` found for a hunk: applied there, there already, or refused with what the model must know.

use crate::choose::{Choice, MOST_KEPT};
use crate::closest::{closest, shortened};
use crate::edit::{Hunk, Line};
use crate::elision::elided;
use crate::fold::{Fold, Indexes};
use crate::note::note;
use crate::place::Fit;
use crate::refusal::{Candidate, Refusal, Unplaced, Why};
use crate::text::Text;

/// Hunks without a place for which the closest lines are looked up.
const MOST_EXPLAINED: usize = 5;

/// Letters and digits in lines that are known again without any context.
const ENOUGH_LETTERS: usize = 8;

/// The place, and the note for it if it is not exact. `earlier` hunks were refused before this one.
pub(crate) fn judge(
    hunk: &Hunk,
    choice: Choice,
    earlier: usize,
    text: &Text,
    indexes: &Indexes,
) -> Result<(Fit, Option<String>), Why> {
    if hunk.cut {
        return Err(Why::Cut);
    }
    if let Some(line) = elided(hunk, indexes) {
        return Err(Why::Elided(shortened(line.trim()).to_owned()));
    }
    match choice {
        Choice::Placed(fit, how, tie) => match doubled(&fit, indexes) {
            Some(line) => Err(Why::AlreadyThere(line)),
            None => {
                let note = note(&how, tie, &fit);
                Ok((fit, note))
            }
        },
        Choice::Ambiguous(count, fits) => {
            Err(Why::Ambiguous { count, first: fits.iter().map(|fit| candidate(fit.start, text)).collect() })
        }
        Choice::Misplaced(fit) => Err(Why::Misplaced(candidate(fit.start, text))),
        Choice::Outside(fit) => Err(Why::Outside(candidate(fit.start, text))),
        Choice::NoContext => Err(Why::NoContext),
        Choice::Nowhere => Err(match already_there(hunk, indexes) {
            Some(line) => Why::AlreadyThere(line),
            None if earlier < MOST_EXPLAINED && indexes.find(&hunk.old_lines(), Fold::Indent).len() > 1 => {
                otherwise_indented(hunk, text, indexes)
            }
            None if earlier < MOST_EXPLAINED => Why::Nowhere(closest(hunk, &text.lines, indexes)),
            None => Why::Nowhere(None),
        }),
    }
}

/// Several places that differ from the hunk in their indentation.
fn otherwise_indented(hunk: &Hunk, text: &Text, indexes: &Indexes) -> Why {
    let places = indexes.find(&hunk.old_lines(), Fold::Indent);
    let first = places.iter().take(MOST_KEPT).map(|start| candidate(*start, text)).collect();
    Why::Ambiguous { count: places.len(), first }
}

/// Named by its header, or by its first changed line where the header says nothing.
pub(crate) fn unplaced(number: usize, hunk: &Hunk, why: Why) -> Unplaced {
    let changed = || hunk.lines.iter().find(|line| !line.is_keep()).or(hunk.lines.first());
    let title = match changed() {
        _ if hunk.title.contains(char::is_alphanumeric) => hunk.title.clone(),
        Some(Line::Remove(text)) => format!("-{text}"),
        Some(Line::Add(text)) => format!("+{text}"),
        Some(Line::Keep { text, .. }) => text.clone(),
        None => hunk.title.clone(),
    };
    Unplaced { number, title: shortened(&title).to_owned(), why }
}

fn candidate(start: usize, text: &Text) -> Candidate {
    // The places are alike; what stands above them tells them apart.
    let above = start.saturating_sub(1);
    let lines = text.lines.iter().skip(above).take(3);
    Candidate { line: start + 1, shown_from: above + 1, lines: lines.map(|line| shortened(line).to_owned()).collect() }
}

/// Where the hunk's new lines stand already, if they say enough to be known again, in one place only.
fn already_there(hunk: &Hunk, indexes: &Indexes) -> Option<usize> {
    let added = hunk.lines.iter().filter(|line| matches!(line, Line::Add(_))).map(Line::text);
    let letters: usize = added.map(|text| text.chars().filter(|character| character.is_alphanumeric()).count()).sum();
    let has_context = hunk.lines.iter().any(|line| line.is_keep() && line.text().contains(char::is_alphanumeric));
    let places = indexes.find(&hunk.new_lines(), Fold::Trailing);
    // Of several places the one that the hunk names: its lines may stand in other functions for other reasons.
    let named = |at: &&usize| hunk.old_start == Some(**at + 1);
    let place = if let [only] = places.as_slice() { Some(only) } else { places.iter().find(named) };
    let is_known = letters > 0 && (has_context || letters >= ENOUGH_LETTERS);
    place.filter(|_| is_known).map(|at| at + 1)
}

/// A hunk that only adds, at its own end or beginning, still fits where it was applied before: what it would add
/// stands right next to its context.
fn doubled(fit: &Fit, indexes: &Indexes) -> Option<usize> {
    let added_above = fit.lines.iter().take_while(|line| matches!(line, Line::Add(_))).count();
    let at_edge = added_above > 0 || matches!(fit.lines.last(), Some(Line::Add(_)));
    if !fit.only_adds() || !at_edge || fit.old_count() == 0 {
        return None;
    }
    let new: Vec<&str> = fit.lines.iter().filter_map(Line::after).collect();
    let at = fit.start.checked_sub(added_above)?;
    indexes.find(&new, Fold::Trailing).contains(&at).then_some(at + 1)
}

/// Everything that was refused as one answer.
pub(crate) fn refused(path: &str, hunks: Vec<Unplaced>, fitted: Vec<(usize, usize)>) -> Refusal {
    let there = |hunk: &Unplaced| match hunk.why {
        Why::AlreadyThere(line) => Some(line),
        Why::Ambiguous { .. } | Why::Misplaced(_) | Why::Outside(_) | Why::Nowhere(_) => None,
        Why::NoContext | Why::Cut | Why::Elided(_) => None,
    };
    let all: Option<Vec<usize>> = hunks.iter().map(there).collect();
    match all.as_deref() {
        Some([line, ..]) if fitted.is_empty() => Refusal::AlreadyThere { path: path.to_owned(), line: *line },
        Some(_) | None => Refusal::Unplaced { path: path.to_owned(), hunks, fitted },
    }
}
