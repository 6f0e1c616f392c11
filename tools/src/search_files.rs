use agent::{Clipped, Found, LineKind, SandboxError, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names;

pub(crate) struct SearchFiles;

/// Finds lines matching a regular expression in all files that .gitignore does not exclude.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Regular expression.
    pattern: String,
    /// Directory or file to search; default: the whole workspace.
    path: Option<String>,
    /// Only files that match, such as `*.py`.
    glob: Option<String>,
    /// Lines to show around each match.
    context: Option<usize>,
}

/// Matching lines that are shown.
const LIMIT: usize = 100;
/// Lines that are shown in all, where context comes with them.
const LIMIT_WITH_CONTEXT: usize = 250;
const MOST_CONTEXT: usize = 20;
/// Files that are named where there are more matches than are shown.
const MOST_FILES: usize = 30;

impl Tool for SearchFiles {
    type Args = Args;
    const NAME: &'static str = "search_files";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let path = args.path.unwrap_or_else(|| ".".to_owned());
        let context = args.context.unwrap_or(0).min(MOST_CONTEXT);
        let limit = LIMIT.min(LIMIT_WITH_CONTEXT / (1 + 2 * context));
        match workspace.search(args.pattern.clone(), &path, args.glob.clone(), context, limit).await {
            Ok(found) if found.files.is_empty() => {
                let hint = other_meaning(&args.pattern, &path, args.glob, workspace).await;
                Ok(format!("No line matches `{}` in `{path}`.{hint}", args.pattern))
            }
            Ok(found) => Ok(show(&found)),
            Err(ToolError::Sandbox(error @ SandboxError::BadPattern(_))) => Err(ToolError::Failed(format!(
                "{error}. To match it literally, escape ()[]{{}}.*+?^$|\\ with a backslash."
            ))),
            Err(error) => Err(error),
        }
    }
}

/// What finds something where the pattern does not: the same as plain text, or as `grep` without `-E` reads it.
async fn other_meaning(pattern: &str, path: &str, glob: Option<String>, workspace: &mut Workspace<'_>) -> String {
    for other in other_readings(pattern) {
        if let Ok(found) = workspace.search(other.clone(), path, glob.clone(), 0, 1).await
            && let lines @ 1.. = found.files.iter().map(|file| file.matches).sum::<usize>()
        {
            let verb = if lines == 1 { "matches" } else { "match" };
            return format!(
                " The pattern is a regular expression: {} {verb} `{other}`.",
                agent::counted(lines, "line")
            );
        }
    }
    String::new()
}

/// Regular expressions that a pattern may stand for which finds nothing as one.
fn other_readings(pattern: &str) -> Vec<String> {
    const SPECIAL: &str = "()[]{}.*+?^$|";
    if !pattern.contains('\\') {
        let plain: String = pattern
            .chars()
            .flat_map(|letter| SPECIAL.contains(letter).then_some('\\').into_iter().chain([letter]))
            .collect();
        return Some(plain).filter(|plain| plain != pattern).into_iter().collect();
    }
    // In a basic regular expression these are special with a backslash (POSIX.1-2024, section 9.3).
    let swapped = ["|", "(", ")", "{", "}", "+", "?"];
    let extended =
        swapped.iter().fold(pattern.to_owned(), |text, special| text.replace(&format!("\\{special}"), special));
    Some(extended).filter(|extended| extended != pattern).into_iter().collect()
}

/// The lines where they are few. The first hundred of many would be those of the first paths, whatever was meant.
fn show(found: &Found) -> String {
    let lines = lines(found);
    let cut = 0 < found.left_out || Clipped::MAX < lines.len();
    if cut && 1 < found.files.len() { counts(found) } else { lines }
}

/// Grouped by file, as `rg --heading` prints: the path is paid for once.
fn lines(found: &Found) -> String {
    let mut shown = String::new();
    let (mut path, mut next) = ("", 0);
    let has_context = found.lines.iter().any(|line| line.kind == LineKind::Context);
    for line in &found.lines {
        if line.path != path {
            path = &line.path;
            shown.push_str(&format!("{}\n", names::shown(path)));
        } else if has_context && line.number != next {
            shown.push_str("--\n");
        }
        next = line.number + 1;
        let mark = match line.kind {
            LineKind::Match => ':',
            LineKind::Context => '-',
        };
        shown.push_str(&format!("{}{mark} {}\n", line.number, line.text));
    }
    if 0 < found.left_out {
        let more = found.left_out;
        shown.push_str(&format!("[{}; narrow the pattern]\n", agent::counted(more, "more line")));
    }
    shown
}

/// How many lines match in which files, most first.
fn counts(found: &Found) -> String {
    let mut files: Vec<_> = found.files.iter().collect();
    files.sort_unstable_by(|a, b| b.matches.cmp(&a.matches).then_with(|| a.path.cmp(&b.path)));
    let total: usize = files.iter().map(|file| file.matches).sum();
    let mut shown = format!("{total} matching lines in {}. Per file:\n", agent::counted(files.len(), "file"));
    for file in files.iter().take(MOST_FILES) {
        shown.push_str(&format!("{} {}\n", file.matches, names::shown(&file.path)));
    }
    if let Some(more) = files.len().checked_sub(MOST_FILES).filter(|more| 0 < *more) {
        shown.push_str(&format!("... {}\n", agent::counted(more, "more file")));
    }
    shown.push_str("[To see the lines, narrow path, glob or pattern.]\n");
    shown
}

#[cfg(test)]
mod tests {
    use agent::{FoundFile, FoundLine};
    use expect_test::{Expect, expect};

    use super::*;

    /// A line each: `PATH:NUMBER TEXT` for a match, with `-` for `:` beside one.
    #[track_caller]
    fn check(lines: &[&str], left_out: usize, expected: Expect) {
        let mut found = Found { left_out, ..Found::default() };
        for line in lines {
            let (place, text) = line.split_once(' ').unwrap();
            let kind = if place.contains(':') { LineKind::Match } else { LineKind::Context };
            let (path, number) = place.split_once([':', '-']).unwrap();
            let (path, number) = (path.to_owned(), number.parse().unwrap());
            match found.files.last_mut() {
                Some(file) if file.path == path => file.matches += usize::from(kind == LineKind::Match),
                Some(_) | None => found.files.push(FoundFile { path: path.clone(), matches: 1 }),
            }
            found.lines.push(FoundLine { path, number, text: text.to_owned(), kind });
        }
        if let Some(last) = found.files.last_mut() {
            last.matches += left_out;
        }
        expected.assert_eq(&show(&found));
    }

    #[test]
    fn a_pattern_may_be_meant_as_text_or_as_for_grep() {
        assert_eq!(other_readings("arr[0]"), ["arr\\[0\\]"]);
        assert_eq!(other_readings("foo\\|bar"), ["foo|bar"]);
        assert_eq!(other_readings("plain"), Vec::<String>::new());
        assert_eq!(other_readings("\\bword"), Vec::<String>::new());
    }

    #[test]
    fn lines_stand_below_their_file() {
        check(
            &["a.rs:1 fn a() {", "a.rs:9 fn b() {", "b.rs:2 fn c() {"],
            0,
            expect![[r#"
                a.rs
                1: fn a() {
                9: fn b() {
                b.rs
                2: fn c() {
            "#]],
        );
    }

    #[test]
    fn context_stands_beside_its_match() {
        check(
            &["a.rs:1 fn a() {", "a.rs-2 }", "a.rs-8 }", "a.rs:9 fn b() {", "b.rs:2 fn c() {"],
            0,
            expect![[r#"
                a.rs
                1: fn a() {
                2- }
                --
                8- }
                9: fn b() {
                b.rs
                2: fn c() {
            "#]],
        );
    }

    #[test]
    fn of_many_matches_the_files_come_first() {
        check(
            &["a.rs:1 fn a() {", "a.rs:9 fn b() {", "b.rs:2 fn c() {"],
            5,
            expect![[r#"
                8 matching lines in 2 files. Per file:
                6 b.rs
                2 a.rs
                [To see the lines, narrow path, glob or pattern.]
            "#]],
        );
        check(
            &["a.rs:1 fn a() {", "a.rs:9 fn b() {"],
            5,
            expect![[r#"
                a.rs
                1: fn a() {
                9: fn b() {
                [5 more lines; narrow the pattern]
            "#]],
        );
    }

    #[test]
    fn what_is_named_is_bounded() {
        let file = |number: usize| FoundFile { path: format!("{number}.rs"), matches: number };
        let found = Found { left_out: 1, files: (1..=100).map(file).collect(), ..Found::default() };
        let shown = show(&found);
        assert!(shown.starts_with("5050 matching lines in 100 files. Per file:\n100 100.rs\n99 99.rs\n"), "{shown}");
        assert!(shown.contains("\n71 71.rs\n... 70 more files\n["), "{shown}");
    }

    #[test]
    fn a_list_that_would_be_cut_becomes_counts() {
        let line = |number: u64| FoundLine {
            path: format!("{}.rs", number / 50),
            number,
            text: "x".repeat(300),
            kind: LineKind::Match,
        };
        let file = |path: &str| FoundFile { path: path.to_owned(), matches: 50 };
        let found = Found { lines: (0..100).map(line).collect(), left_out: 0, files: vec![file("0.rs"), file("1.rs")] };
        assert!(show(&found).starts_with("100 matching lines in 2 files."));
    }
}
