//! Which lines of a file somebody means who names a function, a type, or a line in one. Pure.

use symbols::{Language, Symbol};

/// What takes longer to parse is read by lines. tree-sitter looks up once in 100 steps of its parser; source of 1 MiB takes
/// some 10,000 looks, so only a hostile file has more.
const MOST_LOOKS: usize = 100_000;
/// Symbols of one name that are shown.
const MOST_PARTS: usize = 5;
/// Lines of all of them together.
const MOST_LINES: usize = 400;
/// Names that are told where none fits.
const MOST_NAMES: usize = 40;
/// What is shown of each side of a line that is in no symbol.
const AROUND: usize = 20;

/// Lines of a file, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// `Err`: what to tell the model.
pub(crate) fn parts(filename: &str, text: &str, wanted: &str) -> Result<Vec<Part>, String> {
    let mut looks = 0;
    let mut stop = || {
        looks += 1;
        MOST_LOOKS < looks
    };
    let source = Language::of(filename).and_then(|language| symbols::read(language, text, &mut stop));
    let Some(source) = source else {
        return Err(format!(
            "No symbols are available for `{filename}`: use first_line and lines, or find `{wanted}` with \
             `search_files`."
        ));
    };
    if let Ok(line) = wanted.parse::<usize>() {
        let total = text.lines().count();
        if !(1..=total).contains(&line) {
            return Err(format!("`{filename}` has only {}.", agent::counted(total, "line")));
        }
        let around = u32::try_from(line).ok().and_then(|line| symbols::around(&source.symbols, line));
        let beside = || Part { first: line.saturating_sub(AROUND).max(1), last: (line + AROUND).min(total) };
        return Ok(vec![around.map_or_else(beside, part)]);
    }
    let found = symbols::named(&source.symbols, wanted);
    if found.is_empty() {
        return Err(unknown(filename, wanted, &source.symbols));
    }
    let mut lines = 0;
    let all = found.into_iter().map(part).take(MOST_PARTS);
    let fits = |part: &Part| {
        let fits = lines == 0 || lines + part.last - part.first < MOST_LINES;
        lines += part.last - part.first + 1;
        fits
    };
    Ok(all.take_while(fits).collect())
}

fn part(symbol: &Symbol) -> Part {
    Part { first: symbol.first as usize, last: symbol.last as usize }
}

fn unknown(filename: &str, wanted: &str, symbols: &[Symbol]) -> String {
    let mut names: Vec<&str> =
        symbols.iter().filter(|symbol| !symbol.local).map(|symbol| symbol.name.as_str()).collect();
    let mut known = std::collections::HashSet::new();
    names.retain(|name| known.insert(*name));
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    match (names.is_empty(), more) {
        (true, _) => format!("`{filename}` defines no symbols."),
        (false, 0) => format!("No `{wanted}` in `{filename}`, which defines: {}.", names.join(", ")),
        (false, more) => format!("No `{wanted}` in `{filename}`, which defines: {} and {more} more.", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import a\n\n# One.\ndef one():\n    pass\n\nclass Two:\n    def one(self):\n        pass\n";

    #[track_caller]
    fn check(wanted: &str, expected: Result<&[(usize, usize)], &str>) {
        let parts = parts("a.py", TEXT, wanted);
        let lines: Result<Vec<(usize, usize)>, String> =
            parts.map(|parts| parts.iter().map(|part| (part.first, part.last)).collect());
        assert_eq!(lines, expected.map(<[_]>::to_vec).map_err(str::to_owned), "{wanted}");
    }

    #[test]
    fn a_name_or_a_line_in_it() {
        check("one", Ok(&[(3, 5), (8, 9)]));
        check("Two.one", Ok(&[(8, 9)]));
        check("4", Ok(&[(3, 5)]));
        check("7", Ok(&[(7, 9)]));
        check("1", Ok(&[(1, 9)]));
        check("10", Err("`a.py` has only 9 lines."));
        check("three", Err("No `three` in `a.py`, which defines: one, Two."));
    }

    #[test]
    fn what_cannot_be_parsed_is_said() {
        let why = parts("a.txt", "x", "one").unwrap_err();
        assert!(why.starts_with("No symbols are available for `a.txt`: use first_line"), "{why}");
    }

    #[test]
    fn many_of_one_name_are_bounded() {
        let text = format!("def f():\n{}\n", "    pass\n".repeat(150)).repeat(9);
        assert_eq!(parts("a.py", &text, "f").unwrap().len(), 2);
        assert_eq!(parts("a.py", &"def f(): pass\n".repeat(9), "f").unwrap().len(), MOST_PARTS);
    }
}
