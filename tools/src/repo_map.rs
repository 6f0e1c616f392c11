use agent::{RepoMap as Drawn, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct RepoMap;

/// Shows the repository's most used functions and types by file, with line numbers: an overview of unfamiliar code.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Path or name to focus on.
    focus: Option<String>,
}

/// About 1,024 tokens: signatures and paths have about 3 bytes a token by Devstral's tokenizer.
const MAX_BYTES: usize = 3_000;

impl Tool for RepoMap {
    type Args = Args;
    const NAME: &'static str = "repo_map";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let focus = args.focus.map(|focus| focus.trim().to_owned()).filter(|focus| !focus.is_empty());
        let drawn = workspace.map(focus.as_deref(), MAX_BYTES).await?;
        Ok(show(&drawn, focus.as_deref()))
    }
}

fn show(drawn: &Drawn, focus: Option<&str>) -> String {
    let mut notes = Vec::new();
    if let Some(focus) = focus.filter(|_| drawn.focus_missed) {
        notes.push(format!("nothing matches `{focus}`; showing the whole repository"));
    }
    if drawn.shown == 0 {
        notes.push("no functions or types found: use `list_files` and `search_files`".to_owned());
    } else if drawn.shown < drawn.files {
        notes.push(format!("{} of {} shown; use focus for others", drawn.shown, agent::counted(drawn.files, "file")));
    }
    if 0 < drawn.unread {
        notes.push(format!("not read in time: {}; call again", agent::counted(drawn.unread, "file")));
    }
    if notes.is_empty() { drawn.text.clone() } else { format!("{}[{}]\n", drawn.text, notes.join("; ")) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(drawn: Drawn, focus: Option<&str>, expected: Expect) {
        expected.assert_eq(&show(&drawn, focus));
    }

    #[test]
    fn what_is_not_in_it_is_said() {
        let text = "a.rs\n1: fn a()\n".to_owned();
        let drawn = Drawn { text, shown: 1, files: 1, unread: 0, focus_missed: false };
        check(
            drawn.clone(),
            None,
            expect![[r#"
            a.rs
            1: fn a()
        "#]],
        );
        check(
            Drawn { files: 9, unread: 3, focus_missed: true, ..drawn },
            Some("b"),
            expect![[r#"
                a.rs
                1: fn a()
                [nothing matches `b`; showing the whole repository; 1 of 9 files shown; use focus for others; not read in time: 3 files; call again]
            "#]],
        );
        check(
            Drawn::default(),
            None,
            expect![[r#"
            [no functions or types found: use `list_files` and `search_files`]
        "#]],
        );
    }
}
