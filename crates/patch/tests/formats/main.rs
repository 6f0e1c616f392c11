//! What is read out of each format: a line for each file, then its hunks as `start: lines`, with `=` for context, `~`
//! for context written without its mark.

mod blocks;
mod headers;
mod markers;
mod mixed;

use expect_test::{Expect, expect};
use patch::{Action, FileEdit, Line};

fn shown(edit: &FileEdit) -> String {
    let action = match &edit.action {
        Action::Create => "create".to_owned(),
        Action::Update => "update".to_owned(),
        Action::Delete => "delete".to_owned(),
        Action::Rename { to } => format!("rename to {to}"),
    };
    let path = edit.path.as_deref().unwrap_or("(no name)");
    let other = edit.other_path.as_ref().map(|other| format!(" or {other}")).unwrap_or_default();
    let mode = edit.executable.map(|is| if is { ", executable" } else { ", not executable" }).unwrap_or_default();
    let mut out = format!("{action} {path}{other}{mode}\n");
    for hunk in &edit.hunks {
        let start = hunk.old_start.map(|start| start.to_string()).unwrap_or_default();
        let anchors: String = hunk.anchors.iter().map(|anchor| format!(" [{anchor}]")).collect();
        let lines: Vec<String> = hunk
            .lines
            .iter()
            .map(|line| match line {
                Line::Keep { text, bare: false } => format!("={text}"),
                Line::Keep { text, bare: true } => format!("~{text}"),
                Line::Remove(text) => format!("-{text}"),
                Line::Add(text) => format!("+{text}"),
            })
            .collect();
        let ends = [(hunk.old_unterminated, " -\\"), (hunk.new_unterminated, " +\\"), (hunk.cut, " cut")];
        let ends: String = ends.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        out += &format!("  {start}{anchors}: {}{ends}\n", lines.join(" "));
    }
    out
}

fn check(edit: &str, expected: Expect) {
    let out = match patch::parse(edit) {
        Ok(edits) => edits.iter().map(shown).collect::<String>(),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&out.replace('\r', "\\r"));
}

const GIT: &str =
    "diff --git a/x.rs b/x.rs\nindex 1..2 100644\n--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@ fn main\n a\n-b\n+c\n";
