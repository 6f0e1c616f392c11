//! One file's edit on one file's text: all of its hunks, or none of them and the reason.

use std::collections::HashSet;

use similar::{DiffOp, DiffTag, TextDiff};

use crate::choose::{Choice, choose};
use crate::closest::closest;
use crate::edit::{Action, FileEdit, Format, Hunk, Line};
use crate::fold::{Fold, Indexes};
use crate::note::note;
use crate::place::Fit;
use crate::refusal::{Candidate, Refusal, Unplaced, Why};
use crate::splice::{self, Splice};
use crate::text::Text;

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
    let applied = update(edit, source, &text, &path).or_else(|refusal| {
        if is_nowhere(&refusal) { in_turn(edit, source, &path).ok_or(refusal) } else { Err(refusal) }
    })?;
    match &edit.action {
        Action::Delete => match applied.after.as_deref().map(|after| Text::of(after).lines.len()) {
            Some(left) if left > 0 => Err(Refusal::NotEmptied { path, left }),
            Some(_) | None => Ok(Applied { after: None, ..applied }),
        },
        Action::Create | Action::Update | Action::Rename { .. } => Ok(applied),
    }
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

fn update(edit: &FileEdit, source: &str, text: &Text, path: &str) -> Result<Applied, Refusal> {
    let (hunks, mut notes) = effective(&edit.hunks);
    if hunks.iter().all(|(_, hunk)| hunk.changes_nothing()) {
        return Err(Refusal::NoChange { path: path.to_owned() });
    }
    let indexes = Indexes::of(&text.lines);
    let plain: Vec<&Hunk> = hunks.iter().map(|(_, hunk)| *hunk).collect();
    let mut placed: Vec<(usize, &Hunk, Fit)> = Vec::new();
    let mut fitted = Vec::new();
    let mut unplaced = Vec::new();
    for ((number, hunk), choice) in hunks.iter().zip(choose(edit, &plain, &text.lines, &indexes)) {
        notes.extend(
            hunk.unclosed.then(|| format!("hunk {number} has no closing marker and was taken to the edit's end")),
        );
        match judge(hunk, choice, unplaced.len(), text, &indexes) {
            Ok(_) | Err(Why::Ambiguous { .. }) if hunk.changes_nothing() => {
                notes.push(format!("hunk {number} changes nothing"));
            }
            Ok((fit, how_note)) => {
                notes.extend(how_note.map(|how| format!("hunk {number} {how}")));
                fitted.push((*number, fit.start + 1));
                placed.push((*number, hunk, fit));
            }
            Err(why) => unplaced.push(Unplaced { number: *number, title: hunk.title.clone(), why }),
        }
    }
    if !unplaced.is_empty() {
        return Err(refused(path, unplaced, fitted));
    }
    let mut splices: Vec<Splice> = Vec::new();
    for (number, _, fit) in &placed {
        splices.extend(splice::splices(*number, fit, text));
    }
    splices.sort_by_key(|splice| splice.at);
    if let Some((first, second)) = splice::clash(&splices) {
        let (first, second, line) = (first.hunk, second.hunk, second.at + 1);
        return Err(Refusal::Overlap { path: path.to_owned(), first, second, line });
    }
    let ends: Vec<(&Hunk, &Fit)> = placed.iter().map(|(_, hunk, fit)| (*hunk, fit)).collect();
    let written = splice::write(text, &splices, splice::final_newline(text, &ends), source.len());
    if written.text == source {
        return Err(Refusal::NoChange { path: path.to_owned() });
    }
    let place = |range: &std::ops::Range<usize>| Place { line: range.start + 1, count: range.len() };
    let places = written.places.iter().map(place).collect();
    Ok(Applied { after: Some(written.text), notes, places, added: written.added, removed: written.removed })
}

fn is_nowhere(refusal: &Refusal) -> bool {
    let nowhere = |hunk: &Unplaced| matches!(hunk.why, Why::Nowhere(_));
    matches!(refusal, Refusal::Unplaced { hunks, .. } if hunks.iter().all(nowhere))
}

/// Blocks may search for what the blocks before them wrote.
fn in_turn(edit: &FileEdit, source: &str, path: &str) -> Option<Applied> {
    let (hunks, mut notes) = effective(&edit.hunks);
    if edit.format != Format::Blocks || !(2..=MOST_IN_TURN).contains(&hunks.len()) {
        return None;
    }
    let mut now = source.to_owned();
    for (number, hunk) in hunks {
        let alone = FileEdit { hunks: vec![hunk.clone()], ..edit.clone() };
        let step = update(&alone, &now, &Text::of(&now), path).ok()?;
        // The step calls its only hunk 1.
        notes.extend(step.notes.iter().map(|note| note.replacen("hunk 1", &format!("hunk {number}"), 1)));
        now = step.after?;
    }
    let diff = TextDiff::from_lines(source, now.as_str());
    let changed = || diff.ops().iter().filter(|op| op.tag() != DiffTag::Equal);
    let place = |op: &DiffOp| Place { line: op.new_range().start + 1, count: op.new_range().len() };
    Some(Applied {
        notes,
        places: changed().map(place).collect(),
        added: changed().map(|op| op.new_range().len()).sum(),
        removed: changed().map(|op| op.old_range().len()).sum(),
        after: Some(now),
    })
}

/// Blocks applied one after the other; each costs a look at the whole file.
const MOST_IN_TURN: usize = 64;

/// Hunks without a place for which the closest lines are looked up.
const MOST_EXPLAINED: usize = 5;

/// The hunks, each once, with their numbers.
fn effective(hunks: &[Hunk]) -> (Vec<(usize, &Hunk)>, Vec<String>) {
    let (mut kept, mut notes): (Vec<(usize, &Hunk)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut seen: HashSet<&Hunk> = HashSet::new();
    for (number, hunk) in (1..).zip(hunks) {
        if seen.insert(hunk) {
            kept.push((number, hunk));
        } else {
            notes.push(format!("hunk {number} says the same as one above it and was taken once"));
        }
    }
    (kept, notes)
}

fn judge(
    hunk: &Hunk,
    choice: Choice,
    unplaced: usize,
    text: &Text,
    indexes: &Indexes,
) -> Result<(Fit, Option<String>), Why> {
    if hunk.cut {
        return Err(Why::Cut);
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
            Err(Why::Ambiguous { count, first: fits.iter().map(|fit| candidate(fit, text)).collect() })
        }
        Choice::OutOfOrder(fit) => Err(Why::OutOfOrder(candidate(&fit, text))),
        Choice::NoContext => Err(Why::NoContext),
        Choice::Nowhere => Err(match already_there(hunk, indexes) {
            Some(line) => Why::AlreadyThere(line),
            None if unplaced < MOST_EXPLAINED => Why::Nowhere(closest(hunk, &text.lines, indexes)),
            None => Why::Nowhere(None),
        }),
    }
}

fn candidate(fit: &Fit, text: &Text) -> Candidate {
    let lines = text.lines.iter().skip(fit.start).take(fit.old_count().clamp(1, 3));
    Candidate { line: fit.start + 1, lines: lines.map(|line| (*line).to_owned()).collect() }
}

/// Where the hunk's new lines stand already, if it has any of its own.
fn already_there(hunk: &Hunk, indexes: &Indexes) -> Option<usize> {
    if !hunk.lines.iter().any(|line| matches!(line, Line::Add(_))) {
        return None;
    }
    indexes.find(&hunk.new_lines(), Fold::Trailing).first().map(|at| at + 1)
}

/// A hunk that only adds, at its own end or beginning, still fits where it was applied before: what it would add
/// stands right next to its context.
fn doubled(fit: &Fit, indexes: &Indexes) -> Option<usize> {
    let only_adds = !fit.lines.iter().any(|line| matches!(line, Line::Remove(_)));
    let added_above = fit.lines.iter().take_while(|line| matches!(line, Line::Add(_))).count();
    let at_edge = added_above > 0 || matches!(fit.lines.last(), Some(Line::Add(_)));
    if !only_adds || !at_edge || fit.old_count() == 0 {
        return None;
    }
    let new: Vec<&str> = fit.lines.iter().filter_map(Line::after).collect();
    let at = fit.start.checked_sub(added_above)?;
    indexes.find(&new, Fold::Trailing).contains(&at).then_some(at + 1)
}

fn refused(path: &str, hunks: Vec<Unplaced>, fitted: Vec<(usize, usize)>) -> Refusal {
    let there = |hunk: &Unplaced| match hunk.why {
        Why::AlreadyThere(line) => Some(line),
        Why::Ambiguous { .. } | Why::OutOfOrder(_) | Why::Nowhere(_) | Why::NoContext | Why::Cut => None,
    };
    let all: Option<Vec<usize>> = hunks.iter().map(there).collect();
    match all.as_deref() {
        Some([line, ..]) if fitted.is_empty() => Refusal::AlreadyThere { path: path.to_owned(), line: *line },
        Some(_) | None => Refusal::Unplaced { path: path.to_owned(), hunks, fitted },
    }
}
