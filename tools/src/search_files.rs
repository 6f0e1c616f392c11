use agent::{Found, SandboxError, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct SearchFiles;

/// Finds lines by a regular expression, in all files that .gitignore does not leave out.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Regular expression.
    pattern: String,
    /// Directory or file in the workspace; all of it unless given.
    path: Option<String>,
    /// Only files that match, such as `*.py`.
    glob: Option<String>,
}

const LIMIT: usize = 100;

impl Tool for SearchFiles {
    type Args = Args;
    const NAME: &'static str = "search_files";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let path = args.path.unwrap_or_else(|| ".".to_owned());
        match workspace.search(args.pattern.clone(), &path, args.glob, LIMIT).await {
            Ok(found) if found.lines.is_empty() => Ok(format!("No line matches `{}` in `{path}`.", args.pattern)),
            Ok(found) => Ok(show(&found)),
            Err(ToolError::Sandbox(error @ SandboxError::BadPattern(_))) => Err(ToolError::Failed(format!(
                "{error}. To find it as plain text, put a backslash before ()[]{{}}.*+?^$|\\."
            ))),
            Err(error) => Err(error),
        }
    }
}

/// Grouped by file, as `rg --heading` prints: the path is paid for once.
fn show(found: &Found) -> String {
    let mut shown = String::new();
    let mut path = "";
    for line in &found.lines {
        if line.path != path {
            path = &line.path;
            shown.push_str(&format!("{path}\n"));
        }
        shown.push_str(&format!("{}: {}\n", line.number, line.text));
    }
    if 0 < found.left_out {
        shown.push_str(&format!(
            "[and {} more lines, in {} files in all: narrow it down with path or glob]\n",
            found.left_out, found.files
        ));
    }
    shown
}

#[cfg(test)]
mod tests {
    use agent::FoundLine;
    use expect_test::expect;

    use super::*;

    #[test]
    fn lines_stand_below_their_file() {
        let line = |path: &str, number, text: &str| FoundLine { path: path.to_owned(), number, text: text.to_owned() };
        let lines = vec![line("a.rs", 1, "fn a() {"), line("a.rs", 9, "fn b() {"), line("b.rs", 2, "fn c() {")];
        expect![[r#"
            a.rs
            1: fn a() {
            9: fn b() {
            b.rs
            2: fn c() {
            [and 5 more lines, in 3 files in all: narrow it down with path or glob]
        "#]]
        .assert_eq(&show(&Found { lines, left_out: 5, files: 3 }));
    }
}
