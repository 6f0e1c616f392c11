//! What the human changed in an effect before it was done, in words for the model. Pure.

use similar::TextDiff;

use crate::effect::{Change, Effect};

/// A diff from what the model asked for to what is done; empty where both are the same.
pub(crate) fn note(asked: &Effect, done: &Effect) -> String {
    let diff = match (asked, done) {
        (Effect::Run { command: asked, .. }, Effect::Run { command: done, .. })
        | (Effect::Start { command: asked }, Effect::Start { command: done }) => between("command", asked, done),
        (Effect::Write { changes: asked }, Effect::Write { changes: done }) => {
            done.iter().map(|change| of_file(asked, change)).collect()
        }
        (_, _) => String::new(),
    };
    if diff.is_empty() {
        return diff;
    }
    format!("The user edited this before it was applied. Diff from your version:\n{}", diff.trim_end())
}

fn of_file(asked: &[Change], done: &Change) -> String {
    let text = |change: &Change| String::from_utf8_lossy(change.after.as_deref().unwrap_or_default()).into_owned();
    let yours = asked.iter().find(|change| change.path == done.path).map(text).unwrap_or_default();
    between(&done.path.to_string_lossy(), &yours, &text(done))
}

fn between(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::from_lines(before, after);
    let hunks = diff.unified_diff().context_radius(1).missing_newline_hint(false).to_string();
    format!("{name}:\n{}\n", hunks.trim_end())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;
    use crate::effect::FileMode;

    #[test]
    fn the_model_reads_what_the_human_changed() {
        let run = |command: &str| Effect::Run { command: command.to_owned(), timeout: Duration::from_secs(1) };
        expect![[r#"
            The user edited this before it was applied. Diff from your version:
            command:
            @@ -1 +1 @@
            -rm -rf build
            +rm -r build"#]]
        .assert_eq(&note(&run("rm -rf build"), &run("rm -r build")));
        expect![[r#""#]].assert_eq(&note(&run("ls"), &run("ls")));
        let write = |text: &str| {
            let after = Some(text.as_bytes().to_vec());
            Effect::Write { changes: vec![Change { path: "a.txt".into(), before: None, after, mode: FileMode::Keep }] }
        };
        expect![[r#"
            The user edited this before it was applied. Diff from your version:
            a.txt:
            @@ -1,3 +1,3 @@
             one
            -two
            +2
             three"#]]
        .assert_eq(&note(&write("one\ntwo\nthree\n"), &write("one\n2\nthree\n")));
    }
}
