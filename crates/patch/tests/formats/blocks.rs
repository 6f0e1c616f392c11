//! SEARCH/REPLACE blocks, what is no edit, and what is cut.

use super::*;

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
        line 3 of the edit: a block starts inside a block. Close the one above with `>>>>>>> REPLACE`.
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
        no edit was found in the text: no `@@` hunk, no SEARCH/REPLACE block, no `*** Begin Patch`. Send a unified diff: `--- a/path`, `+++ b/path`, `@@`, then lines that start with a space (context), `-` or `+`.
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n",
        expect![[r#"
        the diff names `x` but has no hunk for it. Add the hunk, or remove the file from the diff.
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n@@\n",
        expect![[r#"
        the edit is cut off: there are no lines below `@@`. Send all of it again; split it if it is long.
    "#]],
    );
    check(
        "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n",
        expect![[r#"
        the diff of `i.png` is binary, which cannot be applied as text. Write the file with a command instead.
    "#]],
    );
    check(
        "diff --git a/i.png b/i.png\nindex 1..2\nGIT binary patch\nliteral 1\nAcmZ\n",
        expect![[r#"
        the diff of `i.png` is binary, which cannot be applied as text. Write the file with a command instead.
    "#]],
    );
    check(
        "diff --git a/sub b/sub\nindex 1..2 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
        expect![[r#"
        the diff of `sub` changes a git submodule. Check out the commit inside it with a git command instead.
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
        line 3 of the edit: a copy cannot be applied. Create the new file with its content.
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

#[test]
fn content_that_looks_like_the_closing_marker_does_not_cut_the_block() {
    check(
        "<<<<<<< SEARCH\na\n=======\na\n>>>>> quoted mail\nb\n>>>>>>> REPLACE\n",
        expect![[r#"
            update (no name)
              : =a +>>>>> quoted mail +b
        "#]],
    );
    // A marker said twice loses nothing.
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : -a +b
    "#]],
    );
}

#[test]
fn a_fence_in_an_unclosed_block_may_be_the_edits_end() {
    check(
        "```\n<<<<<<< SEARCH\na\n=======\nb\n```\n\nThis mends it.\n",
        expect![[r#"
        the edit is cut off: the block that starts at line 2 has no `>>>>>>> REPLACE`. Send all of it again; split it if it is long.
    "#]],
    );
}
