//! Where hunks land, step by step down the ladder, and what is refused on each. Text in, text out: the new text and the
//! notes in brackets, or the refusal.

mod blank;
mod context;
mod elision;
mod misleading;
mod spacing;
mod whole;

use expect_test::{Expect, expect};

fn outcome(before: &str, edit: &str) -> String {
    let edits = match patch::parse(edit) {
        Ok(edits) => edits,
        Err(error) => return format!("{error}\n"),
    };
    let (mut text, mut notes) = (before.to_owned(), String::new());
    for edit in &edits {
        match patch::apply(edit, Some(&text)) {
            Ok(applied) => {
                notes.extend(applied.notes.iter().map(|note| format!("({note})\n")));
                text = applied.after.unwrap_or_default();
            }
            Err(refusal) => return format!("{refusal}\n"),
        }
    }
    text + &notes
}

fn check(before: &str, edit: &str, expected: Expect) {
    expected.assert_eq(&outcome(before, edit).replace('\t', "\\t"));
}

/// As a diff of `x` with a bare header.
fn check_hunk(before: &str, hunk: &str, expected: Expect) {
    check(before, &format!("--- a/x\n+++ b/x\n@@\n{hunk}"), expected);
}
