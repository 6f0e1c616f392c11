//! An edit's result for its readers: the lines around each change for the model, a real diff for the human.

use similar::TextDiff;

use crate::apply::Place;

/// Lines of one place that are shown before its middle is left out.
const MOST_LINES: usize = 40;

/// The changed places of `after` with `lines` lines around each, numbered; places that touch are shown together, and
/// long ones by their two ends.
pub fn context_around(after: &str, places: &[Place], lines: usize) -> String {
    let text: Vec<&str> = after.lines().collect();
    let mut shown: Vec<(usize, usize)> = Vec::new();
    for place in places {
        let first = place.line.saturating_sub(lines).max(1);
        let last = (place.line + place.count).saturating_sub(1).saturating_add(lines).min(text.len());
        match shown.last_mut().filter(|(_, end)| first <= *end + 1) {
            Some((_, end)) => *end = last.max(*end),
            None if first <= last => shown.push((first, last)),
            None => {}
        }
    }
    let mut out = String::new();
    for (first, last) in shown {
        if !out.is_empty() {
            out.push_str("   ...\n");
        }
        let hidden = (last + 1).saturating_sub(first).saturating_sub(MOST_LINES);
        let half = first + MOST_LINES / 2;
        for number in first..=last {
            if hidden > 0 && (half..half + hidden).contains(&number) {
                if number == half {
                    out.push_str(&format!("   ... {hidden} more\n"));
                }
                continue;
            }
            let line = number.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or("");
            out.push_str(&format!("{number:>6} | {line}\n"));
        }
    }
    out
}

/// The difference of two texts as a unified diff with git's prefixes; empty when they are equal. `None` is a file that
/// is not there.
pub fn unified(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let old = before.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
    let new = after.map_or_else(|| "/dev/null".to_owned(), |_| format!("b/{path}"));
    let diff = TextDiff::from_lines(before.unwrap_or(""), after.unwrap_or(""));
    diff.unified_diff().context_radius(3).header(&old, &new).to_string()
}
