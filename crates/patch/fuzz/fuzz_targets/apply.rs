//! Any edit on any text (the two are divided by U+0001) is applied whole or refused, and what `similar` says of the result applies back.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| {
    let (edit, before) = input.split_once('\u{1}').unwrap_or((input, ""));
    for edit in patch::parse(edit).into_iter().flatten() {
        match patch::apply(&edit, Some(before)) {
            Ok(applied) => {
                let after = applied.after.as_deref().unwrap_or("");
                let _shown = patch::context_around(after, &applied.places, 3);
                round_trip(before, after);
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
});

/// A lone carriage return ends a line for `similar` and not for a file.
fn round_trip(before: &str, after: &str) {
    let is_plain = |text: &str| text.matches('\r').count() == text.matches("\r\n").count();
    let has_mark = |text: &str| text.contains('\u{feff}');
    if before == after || !is_plain(before) || !is_plain(after) || has_mark(before) || has_mark(after) {
        return;
    }
    let edits = patch::parse(&patch::unified("x", Some(before), Some(after))).unwrap_or_default();
    let [edit] = edits.as_slice() else { panic!("the diff is one file") };
    let back = patch::apply(edit, Some(before)).map(|applied| applied.after.unwrap_or_default());
    assert_eq!(back.as_deref(), Ok(after));
}
