//! The map: files in the order of their weight, with the symbols of most weight, as many as fit.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::rank::{Ranks, rank};
use crate::source::{Kind, Name, Source, Symbol};

/// Of one file, before others had their turn.
const MOST_OF_A_FILE: usize = 8;
/// How much of the weight is at what the map is about; the rest is everywhere.
const FOCUSED: f32 = 0.9;
/// How many uses a focus is worth, in the order of files.
const FIRST: f32 = 100.0;
/// What a symbol counts beside its uses, for the file that it is in.
const UNUSED: f32 = 0.5;

/// What the map is to be about.
#[derive(Clone, Copy, Debug)]
pub enum Focus<'a> {
    All,
    /// Files whose path has it, that define it, or that use it.
    On(&'a str),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// A path on a line, then its symbols, each with its line; symbols in a type or an `impl` below that.
    pub text: String,
    pub files_shown: usize,
    /// No path and no name has the focus.
    pub focus_missed: bool,
}

/// `files`: path and content, in the order of their paths. The text has at most `max_bytes`.
pub fn map(files: &[(&str, &Source)], focus: Focus<'_>, max_bytes: usize) -> Map {
    if files.is_empty() {
        return Map::default();
    }
    let (start, focus_missed) = start(files, focus);
    let both_ways = matches!(focus, Focus::On(_)) && !focus_missed;
    let starts: Vec<(f32, f32)> = start.iter().map(|it| (*it, if both_ways { *it } else { 0.0 })).collect();
    let sources: Vec<&Source> = files.iter().map(|(_, source)| *source).collect();
    let ranks = rank(&sources, &starts);
    let shown = choose(files, &start, &ranks, focus, max_bytes);
    let mut by_weight: Vec<usize> = (0..files.len()).filter(|file| shown.iter().any(|(at, _)| at == file)).collect();
    // What was asked about first, where that is one or a few.
    let of = |file: usize| weight(&ranks.files, file) + weight(&start, file) * FIRST;
    by_weight.sort_unstable_by(|a, b| heavier(of(*a), of(*b)).then(a.cmp(b)));
    let mut text = String::new();
    for file in &by_weight {
        let Some((path, source)) = files.get(*file) else { continue };
        text.push_str(path);
        text.push('\n');
        for (_, index) in shown.range((*file, 0)..(*file + 1, 0)) {
            if let Some(symbol) = source.symbols.get(*index) {
                text.push_str(&row(source, symbol));
            }
        }
    }
    Map { text, files_shown: by_weight.len(), focus_missed }
}

/// Where weight starts, and whether nothing has the focus.
fn start(files: &[(&str, &Source)], focus: Focus<'_>) -> (Vec<f32>, bool) {
    let even = 1.0 / files.len() as f32;
    let Focus::On(word) = focus else { return (vec![even; files.len()], false) };
    let path = word.trim_start_matches("./").trim_end_matches('/');
    let name = last_name(word);
    let share = |(at, source): &(&str, &Source)| -> f32 {
        let in_path = at.contains(path);
        let defines = source.symbols.iter().any(|symbol| symbol.name == name);
        let uses = || source.names.binary_search_by_key(&Name::of(source.language, name), |(name, _)| *name).is_ok();
        match (in_path, defines) {
            (true, true) => 2.0,
            (true, false) | (false, true) => 1.0,
            (false, false) if uses() => 0.2,
            (false, false) => 0.0,
        }
    };
    let shares: Vec<f32> = files.iter().map(share).collect();
    let total: f32 = shares.iter().sum();
    if total == 0.0 {
        return (vec![even; files.len()], true);
    }
    (shares.iter().map(|share| FOCUSED * share / total + (1.0 - FOCUSED) * even).collect(), false)
}

/// `name` of `Type::name`, `a.b.name` or `name`.
fn last_name(word: &str) -> &str {
    word.rsplit(|character: char| !(character.is_alphanumeric() || character == '_')).next().unwrap_or(word)
}

/// Those of most weight that fit, by file and index, with what is around them.
fn choose(
    files: &[(&str, &Source)],
    start: &[f32],
    ranks: &Ranks,
    focus: Focus<'_>,
    max_bytes: usize,
) -> BTreeSet<(usize, usize)> {
    let mut all: Vec<(f32, usize, usize)> = Vec::new();
    for (file, (_, source)) in files.iter().enumerate() {
        let outer = |(_, symbol): &(usize, &Symbol)| !symbol.local && symbol.kind != Kind::Scope;
        let using = weight(&ranks.using, file) / source.symbols.len().max(1) as f32;
        let own = weight(start, file) * UNUSED + using;
        for (index, symbol) in source.symbols.iter().enumerate().filter(outer) {
            let used = ranks.symbols.get(file).map_or(0.0, |symbols| weight(symbols, index));
            // Who is asked for by name comes first, used or not.
            let asked = match focus {
                Focus::On(word) if last_name(word) == symbol.name => f32::from(u16::MAX),
                Focus::On(_) | Focus::All => 0.0,
            };
            all.push((used + own + asked, file, index));
        }
    }
    all.sort_unstable_by(|a, b| heavier(a.0, b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut of_file = vec![0; files.len()];
    let mut later = Vec::new();
    let mut chosen = Chosen { files, max_bytes, bytes: 0, shown: BTreeSet::new() };
    for (_, file, index) in all {
        let Some(count) = of_file.get_mut(file) else { continue };
        if MOST_OF_A_FILE <= *count {
            later.push((file, index));
        } else if chosen.take(file, index) {
            *count += 1;
        } else {
            return chosen.shown;
        }
    }
    for (file, index) in later {
        if !chosen.take(file, index) {
            break;
        }
    }
    chosen.shown
}

struct Chosen<'a> {
    files: &'a [(&'a str, &'a Source)],
    max_bytes: usize,
    bytes: usize,
    shown: BTreeSet<(usize, usize)>,
}

impl Chosen<'_> {
    /// Whether it fitted.
    fn take(&mut self, file: usize, index: usize) -> bool {
        let Some((path, source)) = self.files.get(file) else { return false };
        let mut new = Vec::new();
        let mut bytes = 0;
        let mut at = Some(index);
        while let Some((index, symbol)) = at.and_then(|index| Some((index, source.symbols.get(index)?))) {
            if !self.shown.contains(&(file, index)) {
                bytes += row(source, symbol).len();
                new.push((file, index));
            }
            at = symbol.parent.map(|parent| parent as usize);
        }
        if self.shown.range((file, 0)..(file + 1, 0)).next().is_none() {
            bytes += path.len() + 1;
        }
        if self.max_bytes < self.bytes + bytes {
            return false;
        }
        self.bytes += bytes;
        self.shown.extend(new);
        true
    }
}

fn row(source: &Source, symbol: &Symbol) -> String {
    let parent = |symbol: &Symbol| symbol.parent.and_then(|parent| source.symbols.get(parent as usize));
    let depth = std::iter::successors(parent(symbol), |symbol| parent(symbol)).count();
    format!("{}: {}{}\n", symbol.line, "  ".repeat(depth), symbol.signature)
}

fn weight(weights: &[f32], index: usize) -> f32 {
    weights.get(index).copied().unwrap_or(0.0)
}

fn heavier(a: f32, b: f32) -> Ordering {
    b.total_cmp(&a)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{Language, read};

    const FILES: &[(&str, &str)] = &[
        ("app.py", "from shop import Shop\n\ndef main():\n    shop = Shop()\n    shop.sell_item('x')\n"),
        (
            "shop.py",
            "import stock\n\nclass Shop:\n    def sell_item(self, name):\n        stock.take_one(name)\n\n    \
             def close_shop(self):\n        pass\n",
        ),
        ("stock.py", "LEVELS = {}\n\ndef take_one(name, count=1):\n    LEVELS[name] -= count\n"),
        ("tool.py", "import stock\n\ndef refill():\n    stock.take_one('y', -1)\n"),
    ];

    fn draw(focus: Focus<'_>, max_bytes: usize) -> Map {
        let read = |(path, text): &(&'static str, &str)| (*path, read(Language::Python, text, || false).unwrap());
        let sources: Vec<(&str, Source)> = FILES.iter().map(read).collect();
        let files: Vec<(&str, &Source)> = sources.iter().map(|(path, source)| (*path, source)).collect();
        map(&files, focus, max_bytes)
    }

    #[track_caller]
    fn check(focus: Focus<'_>, max_bytes: usize, expected: Expect) {
        expected.assert_eq(&draw(focus, max_bytes).text);
    }

    #[test]
    fn what_is_used_most_comes_first_and_what_does_not_fit_is_left_out() {
        check(
            Focus::All,
            1_000,
            expect![[r#"
                shop.py
                3: class Shop
                4:   def sell_item(self, name)
                7:   def close_shop(self)
                stock.py
                1: LEVELS = {}
                3: def take_one(name, count=1)
                app.py
                3: def main()
                tool.py
                3: def refill()
            "#]],
        );
        check(
            Focus::All,
            80,
            expect![[r#"
                shop.py
                3: class Shop
                stock.py
                3: def take_one(name, count=1)
            "#]],
        );
        assert_eq!(draw(Focus::All, 5), Map::default());
    }

    #[test]
    fn a_focus_is_a_path_or_a_name() {
        check(
            Focus::On("./tool.py"),
            90,
            expect![[r#"
                tool.py
                3: def refill()
                stock.py
                3: def take_one(name, count=1)
                app.py
                3: def main()
            "#]],
        );
        check(
            Focus::On("Shop.close_shop"),
            90,
            expect![[r#"
                shop.py
                3: class Shop
                7:   def close_shop(self)
                app.py
                3: def main()
            "#]],
        );
        assert!(draw(Focus::On("nothing_has_it"), 90).focus_missed);
    }

    #[test]
    fn a_map_of_nothing_is_empty() {
        assert_eq!(map(&[], Focus::All, 100), Map::default());
    }
}
