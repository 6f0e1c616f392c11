//! What a model that begins anew is shown in place of all that was said. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::block::FENCE;
use crate::clip::Clipped;
use crate::fresh_start::Failed;
use crate::outline::outline;

/// Of what the failed command said.
const MAX_SAID: usize = 1_000;

/// How much of a file is before a model that writes it anew. Each finds what the other does not, so they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Whole,
    /// Without bodies, so that none is copied.
    Shape,
    /// It is too long to be written anew, or there are several.
    Nothing,
}

/// What the model is shown in place of all that was said.
pub(crate) struct Beginning<'a> {
    pub(crate) task: &'a str,
    pub(crate) files: &'a BTreeSet<PathBuf>,
    /// The first of these as it was.
    pub(crate) original: &'a str,
    pub(crate) shown: Shown,
    /// The model wrote the file as it was.
    pub(crate) kept: bool,
    pub(crate) failed: Option<&'a Failed>,
}

impl fmt::Display for Beginning<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Beginning { task, original, shown, .. } = *self;
        let names: Vec<String> = self.files.iter().map(|path| format!("`{}`", path.display())).collect();
        let names = names.join(", ");
        write!(
            out,
            "{task}\n\n[You tried this before and it is not done yet. Your attempt is hidden so that you can start \
             over."
        )?;
        if let Some(Failed { command, said }) = self.failed {
            let said = Clipped::to(said, MAX_SAID);
            write!(out, " After your last change `{command}` printed:\n{}\n", said.as_str().trim_end())?;
        }
        let fence = if original.contains(FENCE) { "````" } else { FENCE };
        match (shown, outline(original).filter(|_| shown == Shown::Shape)) {
            (Shown::Nothing, _) => {
                write!(out, "\nRead {names} again, look for a different cause, and fix that.")?;
            }
            (_, Some(shape)) => write!(
                out,
                "\n{names} contains this (bodies omitted):\n{fence}\n{shape}\n{fence}\n\nRewrite all of {names} from \
                 what the task asks for, including every body."
            )?,
            (_, None) => {
                let original = original.trim_end();
                // Where nothing failed, it may be right.
                let (what, unless) = match (self.kept, self.failed) {
                    (true, None) => ("as it is", "If that is already right, say so. Otherwise do not"),
                    (false, _) | (_, Some(_)) => ("which is wrong", "Do not"),
                };
                write!(
                    out,
                    "\n{names}, {what}:\n{fence}\n{original}\n{fence}\n\n{unless} repeat its bodies: rewrite all of \
                     {names} from what the task asks for, in a different way."
                )?;
            }
        }
        if shown != Shown::Nothing {
            write!(out, " {IN_A_BLOCK}")?;
        }
        match (shown, self.failed) {
            (Shown::Nothing, Some(Failed { command, .. })) => write!(out, " Then run `{command}`.]"),
            (Shown::Whole | Shown::Shape, Some(Failed { command, .. })) => write!(out, " Then `{command}` is run.]"),
            (_, None) => write!(out, " Then run the tests.]"),
        }
    }
}

pub(crate) const IN_A_BLOCK: &str =
    "Answer with the whole file in one code block and nothing else: it is saved for you.";

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const FILE: &str = "def total(prices):\n    return 0\n";

    #[track_caller]
    fn check(files: &[&str], original: &str, shown: Shown, failed: Option<&str>, expected: Expect) {
        let files = files.iter().map(PathBuf::from).collect();
        let said = "1 failed\n[exit code 1]".to_owned();
        let failed = failed.map(|command| Failed { command: command.to_owned(), said });
        let beginning =
            Beginning { task: "Mend total.", files: &files, original, shown, kept: true, failed: failed.as_ref() };
        expected.assert_eq(&beginning.to_string());
    }

    #[test]
    fn it_shows_the_failure_and_the_file() {
        check(
            &["a.py"],
            FILE,
            Shown::Whole,
            Some("pytest"),
            expect![[r#"
            Mend total.

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `pytest` printed:
            1 failed
            [exit code 1]

            `a.py`, which is wrong:
            ```
            def total(prices):
                return 0
            ```

            Do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then `pytest` is run.]"#]],
        );
        check(
            &["a.py"],
            FILE,
            Shown::Whole,
            None,
            expect![[r#"
            Mend total.

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py`, as it is:
            ```
            def total(prices):
                return 0
            ```

            If that is already right, say so. Otherwise do not repeat its bodies: rewrite all of `a.py` from what the task asks for, in a different way. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]"#]],
        );
    }

    #[test]
    fn it_shows_the_shape_of_the_file() {
        check(
            &["a.py"],
            FILE,
            Shown::Shape,
            None,
            expect![[r#"
            Mend total.

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over.
            `a.py` contains this (bodies omitted):
            ```
            def total(prices):
                ...
            ```

            Rewrite all of `a.py` from what the task asks for, including every body. Answer with the whole file in one code block and nothing else: it is saved for you. Then run the tests.]"#]],
        );
    }

    #[test]
    fn what_is_long_or_many_is_to_be_read_again() {
        check(
            &["a.py", "b.py"],
            FILE,
            Shown::Nothing,
            Some("pytest"),
            expect![[r#"
            Mend total.

            [You tried this before and it is not done yet. Your attempt is hidden so that you can start over. After your last change `pytest` printed:
            1 failed
            [exit code 1]

            Read `a.py`, `b.py` again, look for a different cause, and fix that. Then run `pytest`.]"#]],
        );
    }
}
