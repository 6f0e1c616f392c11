//! The ladder: where in a file a hunk can stand. Each step asks a little less than the one before; the first that finds
//! any place ends the search, and more than one place is for `choose` to settle or to refuse. Never on any step do the
//! lines that go differ from the file's by more than white space or typographic quotes.

mod blank;
mod gutter;
mod indent;
mod trim;

use std::borrow::Cow;
use std::rc::Rc;

use crate::edit::{Format, Hunk, Line};
pub(crate) use indent::Shift;

use crate::fold::{Fold, Indexes};

/// How a hunk was read or matched to stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    Exact,
    TrailingSpace,
    Unicode,
    InnerSpace,
    /// Blank lines of its context taken as the file has them.
    BlankLines,
    /// Lines of outer context left out, and lines next to a change that have drifted.
    Trimmed {
        above: usize,
        below: usize,
        drifted: usize,
    },
    /// What was put before or taken from the indentation.
    Indented(Shift),
    /// Line numbers in front of the lines were taken off.
    Gutter,
    /// Nothing to match: the lines were put where the edit says.
    Stated,
}

impl How {
    /// True where the lines are the file's but for white space at their ends.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self, How::Exact | How::TrailingSpace | How::Gutter)
    }
}

/// A place where the hunk can stand.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    /// The file's line, from 0, on which the first old line of `lines` stands.
    pub(crate) start: usize,
    /// The hunk's lines as they are to be applied there: trimmed, and with the indentation of the place.
    pub(crate) lines: Rc<[Line]>,
    /// Old lines of the hunk that were left out above.
    pub(crate) skipped: usize,
}

impl Fit {
    pub(crate) fn only_adds(&self) -> bool {
        !self.lines.iter().any(|line| matches!(line, Line::Remove(_)))
    }

    pub(crate) fn old_count(&self) -> usize {
        self.lines.iter().filter(|line| line.before().is_some()).count()
    }
}

/// All places of the first step that finds one; empty where its context speaks against the only one.
pub(crate) struct Fits {
    pub(crate) how: How,
    pub(crate) fits: Vec<Fit>,
}

pub(crate) fn ladder(hunk: &Hunk, format: Format, file: &[&str], indexes: &Indexes) -> Option<Fits> {
    let readings = readings(hunk);
    for (fold, how) in [(Fold::Exact, How::Exact), (Fold::Trailing, How::TrailingSpace)] {
        for lines in &readings {
            if let Some(fits) = whole(lines, fold, how.clone(), indexes) {
                return Some(fits);
            }
        }
    }
    if let Some(lines) = gutter::without_numbers(&hunk.lines, format) {
        return whole(&lines, Fold::Exact, How::Gutter, indexes);
    }
    let first = readings.first()?;
    if format != Format::Blocks {
        if let Some(fits) = blank::spaced(hunk, file, indexes) {
            return Some(fits);
        }
        for fold in [Fold::Exact, Fold::Trailing] {
            if let Some(fits) = trim::outer_context(hunk, first, fold, file, indexes) {
                return Some(fits);
            }
        }
    }
    for lines in &readings {
        if let Some(fits) = indent::shifted(lines, format, file, indexes) {
            return Some(fits);
        }
    }
    if let Some(fits) = whole(first, Fold::Unicode, How::Unicode, indexes) {
        return Some(fits);
    }
    // A block replaces what it found; in a diff the same freedom would keep lines that the model saw otherwise.
    if format == Format::Blocks { whole(first, Fold::Inner, How::InnerSpace, indexes) } else { None }
}

fn whole(lines: &[Line], fold: Fold, how: How, indexes: &Indexes) -> Option<Fits> {
    let old: Vec<&str> = lines.iter().filter_map(Line::before).collect();
    let places = indexes.find(&old, fold);
    let shared: Rc<[Line]> = Rc::from(if places.is_empty() { &[] } else { lines });
    let fit = |start| Fit { start, lines: Rc::clone(&shared), skipped: 0 };
    (!places.is_empty()).then(|| Fits { how, fits: places.into_iter().map(fit).collect() })
}

/// The hunk as written, and without the unmarked lines at its end, which may be spacing or prose.
fn readings(hunk: &Hunk) -> Vec<Cow<'_, [Line]>> {
    let mut readings = vec![Cow::Borrowed(hunk.lines.as_slice())];
    let bare = hunk.lines.iter().rev().take_while(|line| line.is_bare()).count();
    let mut shorter = hunk.lines.as_slice();
    for _ in 0..bare.min(MOST_BARE) {
        shorter = shorter.split_last().map_or(shorter, |(_, rest)| rest);
        if shorter.iter().any(|line| line.before().is_some()) {
            readings.push(Cow::Borrowed(shorter));
        }
    }
    if bare > MOST_BARE {
        readings.push(Cow::Borrowed(hunk.lines.get(..hunk.lines.len() - bare).unwrap_or(&[])));
    }
    readings
}

/// Unmarked lines at a hunk's end that are left out one by one; more are left out together.
const MOST_BARE: usize = 4;
