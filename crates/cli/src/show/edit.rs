//! The change that a call asked for, as marked lines, whatever format the model wrote it in. Pure.

use agent::ToolCall;
use patch::{Action, FileEdit, Line};

/// One file's part.
#[derive(Debug)]
pub(super) struct FileChange {
    /// The path, with what happens to the file where it is more than an edit.
    pub(super) name: String,
    pub(super) lines: Vec<(Mark, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Between two hunks: the header as written.
    Gap,
    Keep,
    Remove,
    Add,
}

impl FileChange {
    pub(super) fn count(&self, mark: Mark) -> usize {
        self.lines.iter().filter(|(of, _)| *of == mark).count()
    }
}

/// `None` where the call is no edit, or cannot be read as one.
pub(super) fn changes(call: &ToolCall) -> Option<Vec<FileChange>> {
    match call.name.as_str() {
        "apply_diff" => {
            let edits = patch::parse(call.arguments.text("diff")?).ok()?;
            Some(edits.iter().map(change).collect())
        }
        "create_file" => {
            let lines = call.arguments.text("content")?.lines().map(|line| (Mark::Add, line.to_owned()));
            Some(vec![FileChange { name: call.arguments.text("filename")?.to_owned(), lines: lines.collect() }])
        }
        _ => None,
    }
}

fn change(edit: &FileEdit) -> FileChange {
    let path = edit.path.as_deref().unwrap_or("(no file named)");
    let name = match &edit.action {
        Action::Update => path.to_owned(),
        Action::Create => format!("{path} (new)"),
        Action::Delete => format!("{path} (deleted)"),
        Action::Rename { to } => format!("{path} → {to}"),
    };
    let mut lines = Vec::new();
    for (index, hunk) in edit.hunks.iter().enumerate() {
        // The first header says something only where it has numbers or an anchor.
        if 0 < index || hunk.old_start.is_some() || !hunk.anchors.is_empty() {
            lines.push((Mark::Gap, hunk.title.clone()));
        }
        lines.extend(hunk.lines.iter().map(|line| match line {
            Line::Keep { text, .. } => (Mark::Keep, text.clone()),
            Line::Remove(text) => (Mark::Remove, text.clone()),
            Line::Add(text) => (Mark::Add, text.clone()),
        }));
    }
    FileChange { name, lines }
}

#[cfg(test)]
mod tests {
    use agent::Arguments;
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(name: &str, arguments: serde_json::Value, expected: Expect) {
        let arguments = Arguments::read(&arguments.to_string());
        let call = ToolCall { id: "c00000001".to_owned(), name: name.to_owned(), arguments };
        let mut shown = String::new();
        for change in changes(&call).into_iter().flatten() {
            shown += &format!("{} +{} -{}\n", change.name, change.count(Mark::Add), change.count(Mark::Remove));
            for (mark, line) in &change.lines {
                shown += &format!("{mark:?} {line}\n");
            }
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn every_format_comes_out_as_marked_lines() {
        let diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -9 +9 @@\n-d\n+e\n";
        check(
            "apply_diff",
            serde_json::json!({ "diff": diff }),
            expect![[r#"
                x.py +2 -2
                Gap @@ -1,2 +1,2 @@
                Keep a
                Remove b
                Add c
                Gap @@ -9 +9 @@
                Remove d
                Add e
            "#]],
        );
        let blocks = "x.py\n<<<<<<< SEARCH\na\nb\n=======\na\nc\n>>>>>>> REPLACE\n";
        check(
            "apply_diff",
            serde_json::json!({ "diff": blocks }),
            expect![[r#"
            x.py +1 -1
            Keep a
            Remove b
            Add c
        "#]],
        );
        let envelope = "*** Begin Patch\n*** Add File: new.txt\n+hi\n*** Delete File: old.txt\n*** End Patch\n";
        check(
            "apply_diff",
            serde_json::json!({ "diff": envelope }),
            expect![[r#"
            new.txt (new) +1 -0
            Add hi
            old.txt (deleted) +0 -0
        "#]],
        );
    }

    #[test]
    fn a_new_file_is_all_lines_that_come() {
        check(
            "create_file",
            serde_json::json!({"filename": "b", "content": "1\n\n2"}),
            expect![[r#"
            b +3 -0
            Add 1
            Add 
            Add 2
        "#]],
        );
    }

    #[test]
    fn what_is_no_edit_gives_none() {
        check("apply_diff", serde_json::json!({"diff": "hello"}), expect![[""]]);
        check("run_command", serde_json::json!({"command": "ls"}), expect![[""]]);
    }
}
