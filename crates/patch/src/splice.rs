//! Placed hunks as replacements of line ranges, and the new text made of them.

use std::ops::Range;

use crate::edit::{Hunk, Line};
use crate::fold::without_cr;
use crate::place::Fit;
use crate::text::{BOM, Ending, Text, Writer};

/// Old lines `at..at + removed` become `added`.
#[derive(Debug)]
pub(crate) struct Splice {
    /// The hunk's number, from 1.
    pub(crate) hunk: usize,
    pub(crate) at: usize,
    pub(crate) removed: usize,
    pub(crate) added: Vec<(String, Ending)>,
}

impl Splice {
    /// True where two hunks, overlapping, replace the same lines by the same. What is only added might be meant twice.
    pub(crate) fn makes_the_same_of_the_same(&self, other: &Splice) -> bool {
        0 < self.removed && (self.at, self.removed, &self.added) == (other.at, other.removed, &other.added)
    }
}

pub(crate) fn splices(number: usize, fit: &Fit, text: &Text) -> Vec<Splice> {
    let is_stated = states_endings(fit, text);
    let mut splices: Vec<Splice> = Vec::new();
    let mut at = fit.start;
    let mut is_open = false;
    for line in fit.lines.iter() {
        if line.is_keep() {
            at += 1;
            is_open = false;
            continue;
        }
        if !is_open {
            splices.push(Splice { hunk: number, at, removed: 0, added: Vec::new() });
            is_open = true;
        }
        let Some(splice) = splices.last_mut() else { continue };
        // The mark is written once, before everything.
        let is_first = text.has_bom && splice.at == 0 && splice.added.is_empty();
        let shown = |added: &str| if is_first { added.trim_start_matches(BOM).to_owned() } else { added.to_owned() };
        match line {
            Line::Add(added) if is_stated => splice.added.push((shown(added), Ending::Lf)),
            Line::Add(added) => {
                // The first new line ends like the first that goes, and so on; then like the last of them.
                let replaced = splice.removed.checked_sub(1).map(|last| splice.at + splice.added.len().min(last));
                splice.added.push((shown(without_cr(added)), near(fit, replaced.unwrap_or(at), text)));
            }
            Line::Remove(_) | Line::Keep { .. } => {
                splice.removed += 1;
                at += 1;
            }
        }
    }
    splices
}

/// A new line ends like the line it replaces, or like its neighbour within the hunk.
fn near(fit: &Fit, at: usize, text: &Text) -> Ending {
    let last = (fit.start + fit.old_count()).saturating_sub(1);
    text.ending_near(at.min(last.max(fit.start)))
}

/// True when the hunk carries carriage returns and its old lines carry them just where the file does.
fn states_endings(fit: &Fit, text: &Text) -> bool {
    let agrees = |(offset, line): (usize, &str)| {
        let at = fit.start + offset;
        let is_last_unterminated = !text.final_newline && at + 1 == text.lines.len();
        let there = text.endings.get(at) == Some(&Ending::CrLf);
        is_last_unterminated || there == line.ends_with('\r')
    };
    fit.lines.iter().any(|line| line.text().ends_with('\r'))
        && fit.lines.iter().filter_map(Line::before).enumerate().all(agrees)
}

/// Two splices, in order, that touch the same line or insert at the same point.
pub(crate) fn clash(splices: &[Splice]) -> Option<(&Splice, &Splice)> {
    splices.windows(2).find_map(|pair| match pair {
        [first, second] => {
            let both_insert = first.at == second.at && first.removed == 0 && second.removed == 0;
            (second.at < first.at + first.removed || both_insert).then_some((first, second))
        }
        _ => None,
    })
}

/// What was written: the text, and for each splice that changes anything its new lines, from 0.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) places: Vec<Range<usize>>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// `splices` in order and without clashes.
pub(crate) fn write(text: &Text, splices: &[Splice], final_newline: bool, capacity: usize) -> Written {
    let mut writer = Writer::new(text.has_bom, capacity);
    let mut written = Written { text: String::new(), places: Vec::new(), added: 0, removed: 0 };
    let (mut next_old, mut next_new) = (0, 0);
    let copy = |writer: &mut Writer, range: Range<usize>| {
        let lines = text.lines.get(range.clone()).unwrap_or(&[]).iter().zip(text.endings.get(range).unwrap_or(&[]));
        lines.for_each(|(line, ending)| writer.line(line, *ending));
    };
    for splice in splices {
        copy(&mut writer, next_old..splice.at);
        next_new += splice.at - next_old;
        splice.added.iter().for_each(|(line, ending)| writer.line(line, *ending));
        let gone = text.lines.get(splice.at..splice.at + splice.removed).unwrap_or(&[]);
        let same = |old: &&str, new: &(String, Ending)| *old == without_cr(&new.0);
        let head = gone.iter().zip(&splice.added).take_while(|(old, new)| same(old, new)).count();
        let rest = gone.len().min(splice.added.len()) - head;
        let tail =
            gone.iter().rev().zip(splice.added.iter().rev()).take(rest).take_while(|(old, new)| same(old, new)).count();
        written.removed += gone.len() - head - tail;
        written.added += splice.added.len() - head - tail;
        written.places.push(next_new + head..next_new + splice.added.len() - tail);
        next_new += splice.added.len();
        next_old = splice.at + splice.removed;
    }
    copy(&mut writer, next_old..text.lines.len());
    written.text = writer.finish(final_newline);
    written
}

/// What the markers of hunks that reach the file's end make of its final newline.
pub(crate) fn final_newline(text: &Text, placed: &[(&Hunk, &Fit)]) -> bool {
    let at_end = |(_, fit): &&(&Hunk, &Fit)| fit.start + fit.old_count() >= text.lines.len();
    placed.iter().filter(at_end).fold(text.final_newline, |now, (hunk, _)| {
        match (hunk.old_unterminated, hunk.new_unterminated) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => now,
        }
    })
}
