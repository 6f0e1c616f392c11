//! The lines of a file that are closest to a hunk that fits nowhere, for the message to the model. Nothing is ever
//! applied there. The work is bounded: votes by equal lines first, similarity on a few candidates only.

use std::collections::{HashMap, HashSet};

use similar::TextDiff;

use crate::edit::{Hunk, Line};
use crate::fold::{Fold, Indexes, without_cr};
use crate::refusal::{Candidate, Difference};

/// Lines of a hunk that vote, and places a line may have and still tell anything.
const MOST_VOTERS: usize = 200;
const MOST_PLACES: usize = 50;
/// Lines shown to the model.
const MOST_LINES: usize = 12;
/// Lines longer than this (in bytes) are compared by their beginnings.
const MOST_BYTES: usize = 400;
/// Candidates compared by `similar`, and the ratio below which a line is not called close.
const MOST_COMPARED: usize = 12;
const CLOSE: f32 = 0.6;

pub(crate) fn closest(hunk: &Hunk, file: &[&str], indexes: &Indexes) -> Option<(Candidate, Option<Difference>)> {
    let old: Vec<&str> = hunk.lines.iter().filter_map(Line::before).map(without_cr).collect();
    let start = by_votes(&old, indexes).or_else(|| by_similarity(hunk, &old, file))?;
    let shown = file.get(start..(start + old.len().clamp(1, MOST_LINES)).min(file.len()))?;
    let candidate = Candidate {
        line: start + 1,
        shown_from: start + 1,
        lines: shown.iter().map(|line| shortened(line).to_owned()).collect(),
    };
    let pairs = old.iter().zip(file.iter().skip(start)).zip(start + 1..);
    let difference = pairs.filter(|((expected, found), _)| expected != found).map(|((expected, found), line)| {
        Difference { line, expected: shortened(expected).to_owned(), found: shortened(found).to_owned() }
    });
    Some((candidate, difference.take(1).next()))
}

/// At most `MOST_BYTES` characters of a line, for messages and for comparing.
pub(crate) fn shortened(line: &str) -> &str {
    line.char_indices().nth(MOST_BYTES).and_then(|(end, _)| line.get(..end)).unwrap_or(line)
}

/// The start that most of the hunk's lines agree on.
fn by_votes(old: &[&str], indexes: &Indexes) -> Option<usize> {
    let mut votes: HashMap<usize, usize> = HashMap::new();
    for (offset, line) in
        old.iter().enumerate().filter(|(_, line)| line.contains(char::is_alphanumeric)).take(MOST_VOTERS)
    {
        let places = indexes.lines_like(line, Fold::Indent);
        for at in places.iter().take(MOST_PLACES) {
            *votes.entry(at.saturating_sub(offset)).or_default() += 1;
        }
    }
    // Equal counts: the first place, so that the answer is always the same.
    votes.into_iter().max_by_key(|(start, count)| (*count, std::cmp::Reverse(*start))).map(|(start, _)| start)
}

/// The place of the line most like the hunk's longest line that goes, or its longest line.
fn by_similarity(hunk: &Hunk, old: &[&str], file: &[&str]) -> Option<usize> {
    let removed =
        |line: &&str| hunk.lines.iter().any(|of| matches!(of, Line::Remove(text) if without_cr(text) == *line));
    let longest = old.iter().filter(|line| removed(line)).max_by_key(|line| line.len());
    let wanted = shortened(longest.or_else(|| old.iter().max_by_key(|line| line.len()))?.trim());
    let offset = old.iter().position(|line| shortened(line.trim()) == wanted)?;
    let pairs = pairs_of(wanted);
    let mut near: Vec<(usize, usize)> = file
        .iter()
        .enumerate()
        .filter(|(_, line)| line.len() >= wanted.len() / 2 && line.trim().len() <= wanted.len() * 2)
        .map(|(at, line)| (shortened(line).as_bytes().windows(2).filter(|pair| pairs.contains(*pair)).count(), at))
        .filter(|(shared, _)| shared * 2 > pairs.len())
        .collect();
    near.sort_by_key(|(shared, at)| (std::cmp::Reverse(*shared), *at));
    let ratio = |at: usize| {
        let there = file.get(at).map_or("", |line| shortened(line.trim()));
        TextDiff::from_chars(wanted, there).ratio()
    };
    let compared = near.into_iter().take(MOST_COMPARED).map(|(_, at)| (ratio(at), at));
    let (_, at) = compared.filter(|(ratio, _)| *ratio >= CLOSE).max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(at.saturating_sub(offset))
}

fn pairs_of(text: &str) -> HashSet<&[u8]> {
    text.as_bytes().windows(2).collect()
}
