//! What is read out of each format: a line for each file, then its hunks as `start: lines`, with `=` for context, `~`
//! for context written without its mark.

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

#[test]
fn git_and_plain_headers() {
    check(
        GIT,
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
    check(
        "--- x.rs\t2026-01-01 10:00:00\n+++ x.rs\t2026-01-01\n@@ -1 +1 @@\n-b\n+c\n",
        expect![[r#"
        update x.rs
          1: -b +c
    "#]],
    );
    check(
        "--- x.rs   2026-01-01 10:00:00\n+++ y.rs   2026-01-01\n@@\n-b\n+c\n",
        expect![[r#"
        update x.rs or y.rs
          : -b +c
    "#]],
    );
    check(
        "--- \"a/na\\303\\257ve x\"\n+++ \"b/na\\303\\257ve x\"\n@@\n-b\n+c\n",
        expect![[r#"
        update naïve x
          : -b +c
    "#]],
    );
    check(
        "@@ -1 +1 @@\n-b\n+c\n",
        expect![[r#"
        update (no name)
          1: -b +c
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n-b\n+c\n",
        expect![[r#"
        update x
          : -b +c
    "#]],
    );
}

#[test]
fn several_files_and_a_header_before_each_hunk() {
    check(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/x\n+++ b/x\n@@ -9 +9 @@\n-c\n+d\n--- a/y\n+++ b/y\n@@\n-e\n+f\n",
        expect![[r#"
            update x
              1: -a +b
              9: -c +d
            update y
              : -e +f
        "#]],
    );
}

#[test]
fn creation_deletion_rename_and_mode() {
    check(
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n",
        expect![[r#"
        create x
          1: +a +b
    "#]],
    );
    check(
        "diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n",
        expect![[r#"
        create x, executable
          1: +a
    "#]],
    );
    check(
        "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n",
        expect![[r#"
        create x, not executable
    "#]],
    );
    check(
        "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
        expect![[r#"
        delete x
          1: -a
    "#]],
    );
    check(
        "diff --git a/x b/x\ndeleted file mode 100644\nindex e69de29..0000000\n",
        expect![[r#"
        delete x
    "#]],
    );
    check(
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
        expect![[r#"
        rename to y x
    "#]],
    );
    check(
        "diff --git a/x b/y\nrename from x\nrename to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n",
        expect![[r#"
            rename to y x
              1: -a +b
        "#]],
    );
    check(
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n",
        expect![[r#"
        update x, executable
    "#]],
    );
}

#[test]
fn loose_hunk_headers() {
    check(
        "--- a/x\n+++ b/x\n@@ ... @@\n-a\n+b\n@@ fn main() @@\n-c\n+d\n@@ fn f\n-e\n+f\n",
        expect![[r#"
        update x
          : -a +b
           [fn main()]: -c +d
           [fn f]: -e +f
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n@@ -7,99 +7 @@\n-a\n+b\n@@ -8,1 +8,9 @@\n c\n",
        expect![[r#"
        update x
          7: -a +b
          8: =c
    "#]],
    );
}

#[test]
fn body_lines_of_every_kind() {
    check(
        "--- a/x\n+++ b/x\n@@\n a\n\n-b\nno mark\n\\ No newline at end of file\n+c\n",
        expect![[r#"
        update x
          : =a ~ -b ~no mark +c -\ +\
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n",
        expect![[r#"
        update x
          1: -a +b -\
    "#]],
    );
    // Comments of SQL and Lua look like a header when they go.
    check(
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a\n+++ b\n c\n",
        expect![[r#"
        update x
          1: --- a +++ b =c
    "#]],
    );
}

#[test]
fn fences_prose_and_mail() {
    check(
        &format!("Here it is:\n\n```diff\n{GIT}```\n\n- This is safe.\n"),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
    check(
        &format!("{GIT}-- \n2.47.3\n"),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
    check(
        &format!("{GIT}\nThis keeps the behaviour.\n"),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
}

#[test]
fn wrapped_as_a_whole() {
    check(
        &GIT.replace('\n', "\r\n"),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
    check(
        &GIT.lines().map(|line| format!("    {line}\n")).collect::<String>(),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
    check(
        &GIT.replace('\n', "\\n"),
        expect![[r#"
        update x.rs
          1 [fn main]: =a -b +c
    "#]],
    );
}

#[test]
fn carriage_returns_of_the_file_itself_are_kept() {
    check(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n",
        expect![[r#"
        update x
          1: -a\r +b\r
    "#]],
    );
}

#[test]
fn blocks() {
    check(
        "src/x.rs\n<<<<<<< SEARCH\na\nb\n=======\na\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        update src/x.rs
          : =a -b +c
    "#]],
    );
    check(
        "**src/x.rs**\n```rust\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> branch\n```\n",
        expect![[r#"
        update src/x.rs
          : -b +c
    "#]],
    );
    check(
        "<<<<<<< SEARCH\n:start_line:7\n-------\nb\n=======\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          7: -b +c
    "#]],
    );
    check(
        "------- SEARCH\nb\n=======\nc\n+++++++ REPLACE\n\n------- SEARCH\nd\n=======\n+++++++ REPLACE\n",
        expect![[r#"
        update (no name)
          : -b +c
          : -d
    "#]],
    );
    check(
        "<<<<<<< SEARCH\n=======\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : +c
    "#]],
    );
    check(
        "<<<<<<< SEARCH\n\\=======\n=======\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : -======= +c
    "#]],
    );
}

#[test]
fn broken_blocks() {
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        line 5 of the edit: the block has two `=======` lines. Send this change as a unified diff.
    "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n<<<<<<< SEARCH\nb\n=======\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        line 3 of the edit: a block opens inside a block. Close the one above by `>>>>>>> REPLACE`.
    "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        expect![[r#"
        line 3 of the edit: the block has no `=======` line between SEARCH and REPLACE.
    "#]],
    );
    check(
        "<<<<<<< ours\na\n||||||| base\nb\n=======\nc\n>>>>>>> theirs\n",
        expect![[r#"
        line 3 of the edit: a three-way conflict is not an edit. Send SEARCH and REPLACE only.
    "#]],
    );
}

#[test]
fn what_is_no_edit() {
    check(
        " \n",
        expect![[r#"
        the edit is empty. Send a unified diff with at least one hunk.
    "#]],
    );
    check(
        "Sorry, I cannot do that.\n",
        expect![[r#"
        no edit was found in the text: no `@@` hunk, no SEARCH/REPLACE block, no `*** Begin Patch`. Send a unified diff: `--- a/path`, `+++ b/path`, `@@`, then lines that begin with a space (context), `-` or `+`.
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n",
        expect![[r#"
        the diff names `x` but has no hunk for it. Add the hunk, or leave the file out.
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n@@\n",
        expect![[r#"
        the edit is cut off: there are no lines below `@@`. Send it again, whole; split it in two if it is long.
    "#]],
    );
    check(
        "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n",
        expect![[r#"
        the diff of `i.png` is binary, which cannot be applied as text. Write the file by a command instead.
    "#]],
    );
    check(
        "diff --git a/i.png b/i.png\nindex 1..2\nGIT binary patch\nliteral 1\nAcmZ\n",
        expect![[r#"
        the diff of `i.png` is binary, which cannot be applied as text. Write the file by a command instead.
    "#]],
    );
    check(
        "diff --git a/sub b/sub\nindex 1..2 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
        expect![[r#"
        the diff of `sub` changes a git submodule. Check out the commit inside it by a git command instead.
    "#]],
    );
    check(
        "diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,2 @@@\n++a\n",
        expect![[r#"
        line 5 of the edit: a combined diff of a merge cannot be applied. Send a plain unified diff.
    "#]],
    );
    check(
        "diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n",
        expect![[r#"
        line 3 of the edit: a copy cannot be applied. Create the new file by its content.
    "#]],
    );
}

#[test]
fn a_text_that_stops_in_the_middle() {
    check(
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+c",
        expect![[r#"
        update x
          1: =a -b +c cut
    "#]],
    );
}
