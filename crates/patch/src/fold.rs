//! Ways in which two lines count as the same, and an index of a file's lines under each. An index is built once, the
//! first time a hunk needs it, so exact edits never pay for the others.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::text::BOM;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Exact,
    /// White space at the end does not count.
    Trailing,
    /// White space at either end does not count.
    Indent,
    /// Quotes, dashes and spaces of Unicode count as their ASCII cousins; white space at the end does not count.
    Unicode,
    /// Runs of white space inside a line count as one space; the indentation counts as it is.
    Inner,
}

impl Fold {
    pub(crate) fn key(self, line: &str) -> Cow<'_, str> {
        match self {
            Fold::Exact => Cow::Borrowed(line),
            Fold::Trailing => Cow::Borrowed(line.trim_end()),
            Fold::Indent => Cow::Borrowed(line.trim()),
            Fold::Unicode if line.is_ascii() => Cow::Borrowed(line.trim_end()),
            Fold::Unicode => Cow::Owned(line.chars().map(plain).collect::<String>().trim_end().to_owned()),
            Fold::Inner => {
                let indent = line.len() - line.trim_start().len();
                let words: Vec<&str> = line.split_whitespace().collect();
                Cow::Owned(format!("{}{}", line.get(..indent).unwrap_or(""), words.join(" ")))
            }
        }
    }
}

fn plain(character: char) -> char {
    match character {
        '\u{2018}'..='\u{201b}' | '\u{2032}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

/// A file's lines by what they say under one fold.
struct Index<'a> {
    ids: HashMap<Cow<'a, str>, usize>,
    lines: Vec<usize>,
    positions: Vec<Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(lines: &[&'a str], fold: Fold) -> Index<'a> {
        let mut index = Index { ids: HashMap::new(), lines: Vec::with_capacity(lines.len()), positions: Vec::new() };
        for (at, line) in lines.iter().enumerate() {
            let next = index.positions.len();
            let id = *index.ids.entry(fold.key(line)).or_insert(next);
            if id == next {
                index.positions.push(Vec::new());
            }
            if let Some(positions) = index.positions.get_mut(id) {
                positions.push(at);
            }
            index.lines.push(id);
        }
        index
    }
}

/// All indexes of one file.
pub(crate) struct Indexes<'a> {
    lines: &'a [&'a str],
    built: [OnceCell<Index<'a>>; 5],
}

/// Below this many occurrences of its rarest line, a sequence is compared place by place; above, by Knuth, Morris and
/// Pratt, so that a file of equal lines costs no more than any other.
const FEW: usize = 32;

impl<'a> Indexes<'a> {
    pub(crate) fn of(lines: &'a [&'a str]) -> Indexes<'a> {
        Indexes { lines, built: Default::default() }
    }

    fn index(&self, fold: Fold) -> Option<&Index<'a>> {
        self.built.get(fold as usize).map(|cell| cell.get_or_init(|| Index::of(self.lines, fold)))
    }

    /// Every line number at which `wanted` stands under `fold`; none for an empty `wanted`.
    pub(crate) fn find(&self, wanted: &[&str], fold: Fold) -> Vec<usize> {
        let Some(index) = self.index(fold) else { return Vec::new() };
        let id_of = |line: &str| index.ids.get(fold.key(line).as_ref()).copied();
        let id = |line: &&str| id_of(without_cr(line)).or_else(|| id_of(line)).or_else(|| id_of(without_bom(line)?));
        let Some(ids) = wanted.iter().map(id).collect::<Option<Vec<usize>>>() else { return Vec::new() };
        let rarest = ids
            .iter()
            .enumerate()
            .filter_map(|(offset, id)| index.positions.get(*id).map(|positions| (positions, offset)))
            .min_by_key(|(positions, _)| positions.len());
        match rarest {
            None => Vec::new(),
            Some((positions, offset)) if positions.len() <= FEW => positions
                .iter()
                .filter_map(|at| at.checked_sub(offset))
                .filter(|start| index.lines.get(*start..start + ids.len()) == Some(ids.as_slice()))
                .collect(),
            Some(_) => search(&index.lines, &ids),
        }
    }
}

/// The line without the byte-order mark that a diff shows on a file's first line.
pub(crate) fn without_bom(line: &str) -> Option<&str> {
    line.strip_prefix(BOM).map(without_cr)
}

/// The line without the carriage return that a patch may carry at its end.
pub(crate) fn without_cr(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

impl Indexes<'_> {
    /// Where a single line stands under `fold`.
    pub(crate) fn lines_like(&self, line: &str, fold: Fold) -> &[usize] {
        let Some(index) = self.index(fold) else { return &[] };
        let id = index.ids.get(fold.key(without_cr(line)).as_ref());
        id.and_then(|id| index.positions.get(*id)).map_or(&[], Vec::as_slice)
    }
}

/// Knuth, Morris and Pratt (SIAM J. Comput. 6, 1977): all places of `wanted` in `lines`, in linear time.
fn search(lines: &[usize], wanted: &[usize]) -> Vec<usize> {
    let at = |index: usize| wanted.get(index).copied();
    let mut fallback = vec![0usize; wanted.len()];
    let mut matched = 0;
    for index in 1..wanted.len() {
        while matched > 0 && at(index) != at(matched) {
            matched = fallback.get(matched - 1).copied().unwrap_or(0);
        }
        matched += usize::from(at(index) == at(matched));
        if let Some(slot) = fallback.get_mut(index) {
            *slot = matched;
        }
    }
    let (mut places, mut matched) = (Vec::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        while matched > 0 && Some(*line) != at(matched) {
            matched = fallback.get(matched - 1).copied().unwrap_or(0);
        }
        matched += usize::from(Some(*line) == at(matched));
        if matched == wanted.len() {
            places.push(index + 1 - matched);
            matched = fallback.get(matched - 1).copied().unwrap_or(0);
        }
    }
    places
}
