//! One place for each hunk. Where the ladder finds several, what the edit itself says may settle it: line numbers that
//! the other hunks prove right, an anchor above, the order of the hunks, the end of the file. Else it is refused.

use std::rc::Rc;

use crate::edit::{FileEdit, Format, Hunk};
use crate::fold::{Fold, Indexes};
use crate::place::{Fit, Fits, How, ladder};

/// What became of one hunk.
pub(crate) enum Choice {
    /// It stands here; the second says what settled it, if the text alone did not.
    Placed(Fit, How, Option<Tie>),
    /// The number of places, and the first of them.
    Ambiguous(usize, Vec<Fit>),
    /// It stands here by an inexact step, and not where its number or the order of the hunks says.
    Misplaced(Fit),
    /// It stands here, and its `@@` anchor names another block.
    Outside(Fit),
    Nowhere,
    /// There is nothing in the hunk to find a place by.
    NoContext,
}

/// What settled a tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tie {
    Number,
    Anchor,
    Order,
    End,
}

/// Places of an ambiguous hunk that are kept for the message.
pub(crate) const MOST_KEPT: usize = 8;

pub(crate) fn choose(edit: &FileEdit, hunks: &[&Hunk], file: &[&str], indexes: &Indexes) -> Vec<Choice> {
    let look = |hunk: &&Hunk| ladder(hunk, edit.format, file, indexes);
    // Only single places are kept from this pass: the lists of a hostile edit would fill the memory.
    let found: Vec<Found> = hunks.iter().map(|hunk| Found::of(look(hunk))).collect();
    let alone: Vec<Option<usize>> = found.iter().map(|found| found.exact().map(|fit| fit.start)).collect();
    let drift = drift(hunks, &found);
    let numbers: Vec<usize> = hunks.iter().filter_map(|hunk| hunk.old_start).collect();
    let known: Vec<usize> = found.iter().filter_map(|found| found.single().map(|fit| fit.start)).collect();
    let order = match edit.format {
        Format::Blocks => Order::Free,
        Format::Unified | Format::Envelope if !numbers.is_sorted() => Order::Free,
        Format::Unified | Format::Envelope if known.is_sorted() => Order::Kept,
        Format::Unified | Format::Envelope => Order::Broken,
    };
    let mut choices = Vec::with_capacity(hunks.len());
    for (index, (hunk, found)) in hunks.iter().zip(found).enumerate() {
        choices.push(match found {
            Found::Nowhere if hunk.old_lines().is_empty() => stated(hunk, edit.format, file, &drift),
            Found::Nowhere => Choice::Nowhere,
            Found::One(_, _) | Found::Several if says_nothing(hunk, edit.format, file) => Choice::NoContext,
            Found::One(fit, _) if is_outside(hunk, &fit, file, indexes) => Choice::Outside(fit),
            Found::One(fit, how) if order == Order::Broken && !how.is_exact() => Choice::Misplaced(fit),
            // With nothing that goes, and context that is not all there, its number must name the place too.
            Found::One(fit, How::Trimmed { .. }) if fit.only_adds() && !drift.agrees(hunk, &fit) => {
                Choice::Misplaced(fit)
            }
            Found::One(fit, how) => Choice::Placed(fit, how, None),
            Found::Several => {
                let between = if order == Order::Kept { neighbours(&alone, index) } else { (None, None) };
                several(hunk, edit.format, look(hunk), &drift, between, file, indexes)
            }
        });
    }
    choices
}

/// A block that searches for blank lines only stands for no place: it is how models write "somewhere in this file".
fn says_nothing(hunk: &Hunk, format: Format, file: &[&str]) -> bool {
    let is_blank = |line: &&str| line.trim().is_empty();
    format == Format::Blocks
        && hunk.old_start.is_none()
        && hunk.old_lines().iter().all(is_blank)
        && !file.iter().all(is_blank)
}

/// True where the hunk names no line, and its anchor is one line of the file that has the place neither below it nor,
/// if it opens a block, within that block. With a line number an anchor is git's section heading, which often is stale.
fn is_outside(hunk: &Hunk, fit: &Fit, file: &[&str], indexes: &Indexes) -> bool {
    if hunk.old_start.is_some() {
        return false;
    }
    let Some(block) = anchored(&hunk.anchors, file, indexes) else { return false };
    let end = fit.start + fit.old_count();
    let opens = block.len() > 1 && file.get(block.clone()).is_some_and(opens_block);
    end <= block.start || (opens && fit.start >= block.end)
}

/// The first line with text below the first line is indented deeper than it.
fn opens_block(lines: &[&str]) -> bool {
    let mut depths = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| depth(line));
    depths.next().zip(depths.next()).is_some_and(|(own, next)| next > own)
}

/// What the ladder found for one hunk, without the list.
enum Found {
    Nowhere,
    One(Fit, How),
    Several,
}

impl Found {
    fn of(fits: Option<Fits>) -> Found {
        match fits {
            None => Found::Nowhere,
            Some(Fits { how, mut fits }) => match (fits.pop(), fits.is_empty()) {
                (Some(fit), true) => Found::One(fit, how),
                (Some(_), false) => Found::Several,
                (None, _) => Found::Nowhere,
            },
        }
    }

    fn exact(&self) -> Option<&Fit> {
        match self {
            Found::One(fit, how) if how.is_exact() => Some(fit),
            Found::One(_, _) | Found::Nowhere | Found::Several => None,
        }
    }

    fn single(&self) -> Option<&Fit> {
        match self {
            Found::One(fit, _) => Some(fit),
            Found::Nowhere | Found::Several => None,
        }
    }
}

/// Whether the hunks that have one place only stand in the order in which they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The edit promises none.
    Free,
    Kept,
    Broken,
}

fn several(
    hunk: &Hunk,
    format: Format,
    fits: Option<Fits>,
    drift: &Drift,
    between: (Option<usize>, Option<usize>),
    file: &[&str],
    indexes: &Indexes,
) -> Choice {
    let Some(Fits { how, mut fits }) = fits else { return Choice::Nowhere };
    // What is not exact must leave one place by itself.
    let settled = if how.is_exact() { settle(hunk, format, &fits, drift, between, file, indexes) } else { None };
    match settled {
        Some((fit, tie)) => Choice::Placed(fit, how, Some(tie)),
        None => {
            let count = fits.len();
            fits.truncate(MOST_KEPT);
            Choice::Ambiguous(count, fits)
        }
    }
}

/// How far the header's numbers are from the truth, by the hunks that have one exact place only.
enum Drift {
    /// No hunk tells.
    Unknown,
    /// All that tell agree: the true line is the stated one and this.
    Steady(isize),
    /// They disagree: the numbers are worth nothing.
    Loose,
}

impl Drift {
    fn lines(&self) -> Option<isize> {
        match self {
            Drift::Unknown => Some(0),
            Drift::Steady(off) => Some(*off),
            Drift::Loose => None,
        }
    }

    /// True when the hunk's number names this place.
    fn agrees(&self, hunk: &Hunk, fit: &Fit) -> bool {
        let stated = stated_start(hunk, fit).zip(self.lines());
        stated.is_some_and(|(stated, off)| stated.saturating_add(off) == line_of(fit.start))
    }
}

fn line_of(number: usize) -> isize {
    isize::try_from(number).unwrap_or(isize::MAX)
}

/// The line from 0 on which the fit's first line should stand by the header.
fn stated_start(hunk: &Hunk, fit: &Fit) -> Option<isize> {
    hunk.old_start.map(|start| line_of(start) - 1 + line_of(fit.skipped))
}

fn drift(hunks: &[&Hunk], found: &[Found]) -> Drift {
    let mut drift = Drift::Unknown;
    for (hunk, found) in hunks.iter().zip(found) {
        let Some(fit) = found.exact() else { continue };
        let Some(off) = stated_start(hunk, fit).map(|stated| line_of(fit.start) - stated) else { continue };
        drift = match drift {
            Drift::Unknown => Drift::Steady(off),
            Drift::Steady(same) if same == off => Drift::Steady(off),
            Drift::Steady(_) | Drift::Loose => Drift::Loose,
        };
    }
    drift
}

/// A hunk of added lines only: into an empty file, at the end, or where a number that is proved right says.
fn stated(hunk: &Hunk, format: Format, file: &[&str], drift: &Drift) -> Choice {
    let bare_envelope = format == Format::Envelope && hunk.anchors.is_empty();
    let at = match hunk.old_start {
        _ if file.is_empty() => Some(0),
        _ if hunk.at_end || bare_envelope => Some(file.len()),
        Some(start) => match (format, drift) {
            (Format::Blocks, _) => start.checked_sub(1),
            (Format::Unified | Format::Envelope, Drift::Steady(off)) => {
                start.checked_sub(1).and_then(|start| start.checked_add_signed(*off))
            }
            (Format::Unified | Format::Envelope, Drift::Unknown | Drift::Loose) => None,
        },
        None => None,
    };
    let how = if file.is_empty() { How::Exact } else { How::Stated };
    match at.filter(|at| *at <= file.len()) {
        Some(start) => Choice::Placed(Fit { start, lines: Rc::from(hunk.lines.as_slice()), skipped: 0 }, how, None),
        None => Choice::NoContext,
    }
}

/// The starts of the nearest placed hunks before and after.
fn neighbours(alone: &[Option<usize>], index: usize) -> (Option<usize>, Option<usize>) {
    let before = alone.iter().take(index).rev().find_map(|start| *start);
    (before, alone.iter().skip(index + 1).find_map(|start| *start))
}

fn settle(
    hunk: &Hunk,
    format: Format,
    fits: &[Fit],
    drift: &Drift,
    between: (Option<usize>, Option<usize>),
    file: &[&str],
    indexes: &Indexes,
) -> Option<(Fit, Tie)> {
    let only = |tie: Tie, fits_there: &dyn Fn(&&Fit) -> bool| {
        let mut left = fits.iter().filter(|fit| fits_there(fit));
        left.next().filter(|_| left.next().is_none()).map(|fit| (fit.clone(), tie))
    };
    let by_anchor =
        anchored(&hunk.anchors, file, indexes).and_then(|block| only(Tie::Anchor, &|fit| block.contains(&fit.start)));
    let by_number = only(Tie::Number, &|fit| drift.agrees(hunk, fit));
    if let (Some((one, _)), Some((other, _))) = (&by_number, &by_anchor)
        && one.start != other.start
    {
        return None;
    }
    let by_number = by_number.or_else(|| if format == Format::Blocks { nearest(hunk, fits) } else { None });
    let is_last = |fit: &&Fit| fit.start + fit.old_count() == file.len();
    let ends = hunk.at_end || hunk.old_unterminated || hunk.new_unterminated;
    by_number.or_else(|| if ends { only(Tie::End, &is_last) } else { None }).or(by_anchor).or_else(|| {
        let (before, after) = between;
        let is_between =
            |fit: &&Fit| before.is_none_or(|before| before < fit.start) && after.is_none_or(|after| fit.start < after);
        only(Tie::Order, &is_between)
    })
}

/// A block's line number is given for just this purpose: it may be off a little where no other place is half as near.
fn nearest(hunk: &Hunk, fits: &[Fit]) -> Option<(Fit, Tie)> {
    let off = |fit: &Fit| stated_start(hunk, fit).map(|stated| stated.abs_diff(line_of(fit.start)));
    let mut by_distance: Vec<(usize, &Fit)> = fits.iter().filter_map(|fit| Some((off(fit)?, fit))).collect();
    by_distance.sort_by_key(|(off, _)| *off);
    match by_distance.as_slice() {
        [(near, fit), (next, _), ..] if *near <= MOST_OFF && near * 2 < *next => Some(((*fit).clone(), Tie::Number)),
        _ => None,
    }
}

/// How many lines a block's line number may be off.
const MOST_OFF: usize = 3;

/// The lines that belong to the last anchor, which is looked for among those of the one above it.
fn anchored(anchors: &[String], file: &[&str], indexes: &Indexes) -> Option<std::ops::Range<usize>> {
    let (last, above) = anchors.split_last()?;
    // An outer anchor that the file does not have once tells nothing, and the others may all the same.
    let outer =
        above.iter().fold(0..file.len(), |within, anchor| block_of(anchor, &within, file, indexes).unwrap_or(within));
    block_of(last, &outer, file, indexes)
}

/// The lines that belong to the one line that says what the anchor says: those below it that are indented deeper, or
/// are no words (a closing brace), up to the next line like it.
fn block_of(
    anchor: &str,
    within: &std::ops::Range<usize>,
    file: &[&str],
    indexes: &Indexes,
) -> Option<std::ops::Range<usize>> {
    let places = indexes.lines_like(anchor, Fold::Indent);
    let whole = places.iter().copied().filter(|at| within.contains(at));
    // `class A` for `class A(B):`, where no line is just that.
    let begun = |at: &usize| places.is_empty() && file.get(*at).is_some_and(|line| begins_with(line, anchor));
    let begun = within.clone().filter(begun);
    let mut found = whole.chain(begun);
    let at = found.next().filter(|_| found.next().is_none())?;
    let own = depth(file.get(at)?);
    let is_next = |line: &str| {
        depth(line) <= own && line.trim_start().starts_with(|first: char| first.is_alphabetic() || first == '_')
    };
    let below = file.get(at + 1..)?;
    let length = below.iter().position(|line| is_next(line)).unwrap_or(below.len());
    Some(at..at + 1 + length)
}

/// The line begins with these words, whole.
fn begins_with(line: &str, words: &str) -> bool {
    let rest = line.trim_start().strip_prefix(words.trim());
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
