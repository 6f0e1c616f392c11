//! A diff made by `similar`, `diff -u` or `git diff` from any two texts applies back to exactly the second text.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a failure of the helpers is a failure of the test")]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it asks the real diff programs")]

use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::Config;

/// Lines that repeat, so that hunks have many places; that look like a diff's own marks; and that hold what files hold.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "x", "}", "", "  ", "    return;", "\tfoo()"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "-- sql", "++ c", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "@@", "diff --git a/x b/x", "\\ No newline", "```",
            "*** End Patch", "<<<<<<< HEAD", "=======", ">>>>>>> REPLACE", "\\n@@", "-", "+", " ", "1| x", "Index: x", "...",
        ]).prop_map(str::to_owned),
        2 => "[ a-z+@*<>|\\\\é“-]{0,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let ending = prop_oneof![5 => Just("\n"), 1 => Just("\r\n")];
    (prop::collection::vec((line(), ending), 0..40), any::<bool>(), prop::bool::weighted(0.05)).prop_map(
        |(lines, terminated, bom)| {
            let mut text: String = lines.iter().map(|(line, ending)| format!("{line}{ending}")).collect();
            if !terminated && text.ends_with('\n') {
                text.truncate(text.trim_end_matches(['\n', '\r']).len());
            }
            if bom { format!("\u{feff}{text}") } else { text }
        },
    )
}

/// A text and another made from it by a few changes, as edits are, or out of nothing.
fn pair() -> impl Strategy<Value = (String, String)> {
    let change = (any::<prop::sample::Index>(), 0..3usize, prop::collection::vec(line(), 0..3));
    let edited = (text(), prop::collection::vec(change, 1..5)).prop_map(|(before, changes)| {
        let mut lines: Vec<String> = before.split_inclusive('\n').map(str::to_owned).collect();
        for (index, gone, come) in changes {
            let at = index.index(lines.len() + 1);
            let end = (at + gone).min(lines.len());
            lines.splice(at..end, come.into_iter().map(|line| line + "\n"));
        }
        (before, lines.concat())
    });
    prop_oneof![3 => edited, 1 => (text(), text())]
}

fn check(diff: &str, before: &str, after: &str) {
    if before == after || before.starts_with('\u{feff}') != after.starts_with('\u{feff}') {
        return;
    }
    let edits = patch::parse(diff).unwrap_or_else(|error| panic!("{error}\n{diff}"));
    assert_eq!(edits.len(), 1, "one file\n{diff}");
    let applied = patch::apply(&edits[0], Some(before)).unwrap_or_else(|refusal| panic!("{refusal}\n{diff}"));
    assert_eq!(applied.after.as_deref().unwrap_or(""), after, "\n{diff}");
}

proptest! {
    #![proptest_config(Config { cases: 1500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn of_similar((before, after) in pair()) {
        check(&patch::unified("x", Some(&before), Some(&after)), &before, &after);
    }

    #[test]
    fn any_text_is_read_and_applied_without_panic(edit in text(), before in text()) {
        for edit in patch::parse(&edit).into_iter().flatten() {
            let _outcome = patch::apply(&edit, Some(&before)).map_err(|refusal| refusal.to_string());
        }
    }
}

fn by(program: &str, arguments: &[&str], before: &str, after: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old"), before).unwrap();
    std::fs::write(folder.path().join("new"), after).unwrap();
    let output = Command::new(program)
        .args(arguments)
        .args(["old", "new"])
        .current_dir(folder.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    check(&String::from_utf8_lossy(&output.stdout), before, after);
}

proptest! {
    #![proptest_config(Config { cases: 120, failure_persistence: None, ..Config::default() })]

    #[test]
    fn of_diff_u((before, after) in pair()) {
        by("diff", &["-u", "-a"], &before, &after);
    }

    #[test]
    fn of_git_diff((before, after) in pair()) {
        by("git", &["diff", "--no-index", "--no-color", "--text"], &before, &after);
    }
}
