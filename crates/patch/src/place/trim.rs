//! A hunk whose outer context is not what the file has, while its changed lines and the lines next to them are. Context
//! between changes is never left out or bent: there the model saw another file.

use std::collections::HashSet;
use std::rc::Rc;

use similar::TextDiff;

use super::{Fit, Fits, How};
use crate::edit::{Hunk, Line};
use crate::elision::is_ellipsis;
use crate::fold::{Fold, Indexes, without_cr};

/// Lines of context at either end that may differ while other places exist, and at all where a hunk only adds lines:
/// the `--fuzz` that GNU patch 2.7 has by default.
const MOST_FUZZ: usize = 2;

/// A line of context next to a change has drifted, rather than being another line, from this ratio of
/// `similar`'s `TextDiff::from_chars` on.
const DRIFTED: f32 = 0.8;

/// Longer lines (in bytes) are not compared.
const MOST_BYTES: usize = 400;

/// Places of the changed lines that are looked at; more would only be ambiguous.
const MOST_CANDIDATES: usize = 64;

/// Places at which lines are compared by similarity.
const MOST_DRIFTED: usize = 4;

/// How far from its place a line of context that is left out may stand.
const MOST_MOVED: usize = 3;

/// Letters and digits in a line of context that tells one place from another.
const TELLING_LETTERS: usize = 8;

/// Letters and digits in lines that go and are known again though none of their context agrees.
const ENOUGH_LETTERS: usize = 16;

/// Where the core, from the first changed line to the last, stands, and how much of the context agrees there.
struct Candidate {
    core: usize,
    above: Agreement,
    below: Agreement,
    is_sound: bool,
    /// Lines of the hunk's context that stand somewhere near, in whatever order.
    support: usize,
}

/// How many lines agree, counted from the change outwards, and whether one of them has drifted.
#[derive(Clone, Copy, Default)]
struct Agreement {
    lines: usize,
    has_drifted: bool,
    /// The first line that differs does so in its indentation only.
    differs_in_indent: bool,
}

struct Parts<'a> {
    above: &'a [Line],
    core: &'a [Line],
    below: &'a [Line],
}

pub(super) fn outer_context(hunk: &Hunk, lines: &[Line], fold: Fold, file: &[&str], indexes: &Indexes) -> Option<Fits> {
    let first = lines.iter().position(|line| !line.is_keep())?;
    let last = lines.iter().rposition(|line| !line.is_keep())?;
    let parts = Parts { above: lines.get(..first)?, core: lines.get(first..=last)?, below: lines.get(last + 1..)? };
    let only_adds = parts.core.iter().all(|line| line.before().is_none());
    let found = candidates(&parts, only_adds, fold, file, indexes)?;
    let missing = |candidate: &Candidate| {
        (parts.above.len() - candidate.above.lines).max(parts.below.len() - candidate.below.lines)
    };
    let shown = found.iter().filter(|candidate| candidate.is_sound).min_by_key(|candidate| missing(candidate))?;
    let fewest = missing(shown);
    // Lines that only come have nothing but their context to go by. It may be as vague as GNU patch allows, if the
    // header's counts show that no line of it was lost.
    if only_adds && (fewest > MOST_FUZZ || !hunk.counts_agree()) {
        return None;
    }
    // Where the changed lines stand in other places as well, the context must speak for this one more than for any
    // other: the lines that differ may be just those that would have told the right place.
    let is_rival = |other: &&Candidate| {
        other.core != shown.core
            && (fewest > MOST_FUZZ || other.support >= shown.support || (other.is_sound && missing(other) == fewest))
    };
    let best: Vec<&Candidate> = std::iter::once(shown).chain(found.iter().filter(is_rival)).collect();
    let how = How::Trimmed {
        above: parts.above.len() - shown.above.lines,
        below: parts.below.len() - shown.below.lines,
        drifted: usize::from(shown.above.has_drifted) + usize::from(shown.below.has_drifted),
    };
    if best.len() == 1 && is_elsewhere(&parts, shown, fold, indexes) {
        // No looser step may find the place that the context speaks against.
        return Some(Fits { how, fits: vec![] });
    }
    let fit = |candidate: &&Candidate| {
        let skipped = parts.above.len() - candidate.above.lines;
        let kept = lines.get(skipped..last + 1 + candidate.below.lines).unwrap_or(&[]);
        Fit { start: candidate.core - candidate.above.lines, lines: Rc::from(kept), skipped }
    };
    Some(Fits { how, fits: best.iter().map(fit).collect() })
}

/// True where the context speaks for another place: a line of it that differs here is one other line of the file, not
/// near where it should be; or none of it that has letters agrees, and the changed lines say too little by themselves.
fn is_elsewhere(parts: &Parts, shown: &Candidate, fold: Fold, indexes: &Indexes) -> bool {
    let Parts { above, core, below } = parts;
    let old = core.iter().filter_map(Line::before);
    let end = shown.core + old.clone().count();
    let letters = |line: &str| line.chars().filter(|character| character.is_alphanumeric()).count();
    let has_letters = |line: &Line| letters(line.text()) > 0;
    let stands_far = |(line, stated): (&Line, usize)| match indexes.lines_like(line.text(), fold) {
        [at] => letters(line.text()) >= TELLING_LETTERS && at.abs_diff(stated) > MOST_MOVED,
        _ => false,
    };
    let agreeing = above.iter().rev().take(shown.above.lines).chain(below.iter().take(shown.below.lines));
    let none_agrees = !agreeing.into_iter().any(has_letters);
    let context_says = above.iter().chain(*below).any(has_letters);
    let is_vague =
        context_says && none_agrees && shown.support == 0 && old.map(letters).sum::<usize>() < ENOUGH_LETTERS;
    // A line above the file's first would stand on it.
    let upward = above.iter().rev().zip((0..shown.core).rev().chain(std::iter::repeat(0)));
    is_vague || upward.chain(below.iter().zip(end..)).any(stands_far)
}

/// Every place of the core; `None` when there are too many to look at.
fn candidates(parts: &Parts, only_adds: bool, fold: Fold, file: &[&str], indexes: &Indexes) -> Option<Vec<Candidate>> {
    let Parts { above, core, below } = parts;
    let old: Vec<&str> = core.iter().filter_map(Line::before).collect();
    let starts = match (only_adds, above.last(), below.first()) {
        (false, _, _) => indexes.find(&old, fold),
        // A pure insertion stands between the two lines next to it, and one of them says something.
        (true, Some(last), Some(first)) if !(is_blank(last) && is_blank(first)) => {
            indexes.find(&[last.text(), first.text()], fold).into_iter().map(|at| at + 1).collect()
        }
        (true, _, _) => Vec::new(),
    };
    if starts.len() > MOST_CANDIDATES {
        return None;
    }
    let drifts = if only_adds || starts.len() > MOST_DRIFTED { Drifts::None } else { Drifts::NextToChange };
    let candidate = |core: usize| {
        let end = core + old.len();
        let upward = file.get(..core).unwrap_or(&[]).iter().rev();
        let downward = file.get(end..).unwrap_or(&[]).iter();
        let near = upward.clone().take(above.len() + MOST_FUZZ).chain(downward.clone().take(below.len() + MOST_FUZZ));
        let near: HashSet<_> = near.map(|line| fold.key(line)).collect();
        let context = above.iter().chain(*below).filter(|line| !is_blank(line));
        let candidate = Candidate {
            core,
            above: agreement(above.iter().rev(), upward, fold, drifts),
            below: agreement(below.iter(), downward, fold, drifts),
            is_sound: false,
            support: context.filter(|line| near.contains(&fold.key(without_cr(line.text())))).count(),
        };
        Candidate { is_sound: is_sound(parts, &candidate), ..candidate }
    };
    Some(starts.into_iter().map(candidate).collect())
}

/// The line next to a change must agree, else a mark may have been lost there and part of the change with it. A line
/// that differs in its indentation only says that the lines that come are indented wrong as well. And something with
/// letters in it must agree.
fn is_sound(parts: &Parts, candidate: &Candidate) -> bool {
    let touches = |agreement: Agreement, next: Option<&Line>| {
        !agreement.differs_in_indent && (agreement.lines > 0 || next.is_none_or(|line| is_ellipsis(line.text())))
    };
    let above = parts.above.iter().rev().take(candidate.above.lines);
    let core = parts.core.iter().filter(|line| line.before().is_some());
    let mut found = core.chain(above).chain(parts.below.iter().take(candidate.below.lines));
    touches(candidate.above, parts.above.last())
        && touches(candidate.below, parts.below.first())
        && found.any(|line| line.text().contains(char::is_alphanumeric))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Drifts {
    None,
    NextToChange,
}

fn agreement<'a>(
    context: impl Iterator<Item = &'a Line> + Clone,
    there: impl Iterator<Item = &'a &'a str> + Clone,
    fold: Fold,
    drifts: Drifts,
) -> Agreement {
    let same = |(line, there): &(&Line, &&str)| fold.key(without_cr(line.text())) == fold.key(there);
    let pairs = context.zip(there);
    let agreeing = |pairs: &mut dyn Iterator<Item = (&'a Line, &'a &'a str)>| pairs.take_while(same).count();
    let exact = agreeing(&mut pairs.clone());
    let Some((line, found)) = pairs.clone().nth(exact) else {
        return Agreement { lines: exact, ..Agreement::default() };
    };
    let differs_in_indent = without_cr(line.text()).trim() == found.trim();
    let beyond = agreeing(&mut pairs.clone().skip(1));
    let is_last = pairs.count() == 1;
    if drifts == Drifts::NextToChange && exact == 0 && (beyond > 0 || is_last) && has_drifted(line.text(), found) {
        return Agreement { lines: 1 + beyond, has_drifted: true, differs_in_indent };
    }
    Agreement { lines: exact, has_drifted: false, differs_in_indent }
}

fn has_drifted(line: &str, there: &str) -> bool {
    let (line, there) = (without_cr(line).trim(), there.trim());
    let short = line.len().max(there.len()) <= MOST_BYTES && !line.is_empty() && !there.is_empty();
    // No two texts of so different lengths can reach the ratio.
    let even = line.len().abs_diff(there.len()) * 2 <= line.len().max(there.len());
    short && even && TextDiff::from_chars(line, there).ratio() >= DRIFTED
}

fn is_blank(line: &Line) -> bool {
    line.text().trim().is_empty()
}
