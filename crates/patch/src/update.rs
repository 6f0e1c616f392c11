//! All hunks of one file on its text: placed on the text as it is, then written in one pass.

use std::collections::HashSet;

use similar::{DiffOp, DiffTag, TextDiff};

use crate::apply::{Applied, Place};
use crate::choose::choose;
use crate::edit::{FileEdit, Format, Hunk};
use crate::fold::Indexes;
use crate::judge::{judge, refused, unplaced};
use crate::place::Fit;
use crate::refusal::{Refusal, Unplaced, Why};
use crate::splice::{self, Splice};
use crate::text::Text;

/// Blocks applied one after the other; each costs a look at the whole file.
const MOST_IN_TURN: usize = 64;

/// Every hunk, or the reason.
pub(crate) fn hunks_applied(edit: &FileEdit, source: &str, text: &Text, path: &str) -> Result<Applied, Refusal> {
    update(edit, source, text, path)
        .or_else(|refusal| if is_nowhere(&refusal) { in_turn(edit, source, path).ok_or(refusal) } else { Err(refusal) })
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
    let mut without: Vec<Unplaced> = Vec::new();
    for ((number, hunk), choice) in hunks.iter().zip(choose(edit, &plain, &text.lines, &indexes)) {
        notes.extend(
            hunk.unclosed.then(|| format!("hunk {number} has no closing marker and was read to the edit's end")),
        );
        match judge(hunk, choice, without.len(), text, &indexes) {
            Ok(_) | Err(Why::Ambiguous { .. }) if hunk.changes_nothing() => {
                notes.push(format!("hunk {number} changes nothing"));
            }
            Ok((fit, how_note)) => {
                notes.extend(how_note.map(|how| format!("hunk {number} {how}")));
                fitted.push((*number, fit.start + 1));
                placed.push((*number, hunk, fit));
            }
            Err(why) => without.push(unplaced(*number, hunk, why)),
        }
    }
    if !without.is_empty() {
        return Err(refused(path, without, fitted));
    }
    let mut splices: Vec<Splice> = Vec::new();
    for (number, _, fit) in &placed {
        splices.extend(splice::splices(*number, fit, text));
    }
    splices.sort_by_key(|splice| splice.at);
    splices.dedup_by(|second, first| {
        let is_same = first.makes_the_same_of_the_same(second);
        let said = || {
            format!(
                "hunks {} and {} make the same change at line {}; applied once",
                first.hunk,
                second.hunk,
                first.at + 1
            )
        };
        notes.extend(is_same.then(said));
        is_same
    });
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
    // Line numbers are those of the text as it was; the blocks before have moved its lines.
    if hunks.iter().any(|(_, hunk)| hunk.old_lines().is_empty()) {
        return None;
    }
    let mut now = source.to_owned();
    for (number, hunk) in hunks {
        let alone = FileEdit { hunks: vec![Hunk { old_start: None, ..hunk.clone() }], ..edit.clone() };
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

/// The hunks, each once, with their numbers.
fn effective(hunks: &[Hunk]) -> (Vec<(usize, &Hunk)>, Vec<String>) {
    let (mut kept, mut notes): (Vec<(usize, &Hunk)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut seen: HashSet<&Hunk> = HashSet::new();
    for (number, hunk) in (1..).zip(hunks) {
        if seen.insert(hunk) {
            kept.push((number, hunk));
        } else {
            notes.push(format!("hunk {number} repeats one above it and was applied once"));
        }
    }
    (kept, notes)
}
