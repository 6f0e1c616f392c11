//! The edit of a file as a whole.

use super::*;

#[test]
fn the_same_hunk_twice_is_one() {
    let hunk = "@@ -1 +1 @@\n-a\n+b\n";
    check(
        "a\nc\n",
        &format!("--- a/x\n+++ b/x\n{hunk}{hunk}"),
        expect![[r#"
        b
        c
        (hunk 2 repeats one above it and was applied once)
    "#]],
    );
}

#[test]
fn two_hunks_on_one_line_clash() {
    check(
        "a\nb\n",
        "--- a/x\n+++ b/x\n@@\n-a\n+b\n@@\n-a\n b\n",
        expect![[r#"
        hunks 1 and 2 both change line 1 of x. Nothing was changed. Send them as one hunk.
    "#]],
    );
}

#[test]
fn blocks_may_search_for_what_blocks_before_them_wrote() {
    check(
        "a\n",
        "<<<<<<< SEARCH\na\n=======\nb\nc\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nb\n=======\nd\n>>>>>>> REPLACE\n",
        expect![[r#"
            d
            c
        "#]],
    );
}

#[test]
fn a_block_without_its_end() {
    check(
        "a\nb\n",
        "<<<<<<< SEARCH\na\n=======\nc\n",
        expect![[r#"
        c
        b
        (hunk 1 has no closing marker and was read to the edit's end)
    "#]],
    );
}

#[test]
fn nothing_to_do() {
    check_hunk(
        "a\n",
        "-a\n+a\n",
        expect![[r#"
        the edit of x changes nothing: its old and new lines are the same.
    "#]],
    );
    check_hunk(
        "a\nb\n",
        " a\n-b\n+b\n+c\n",
        expect![[r#"
        a
        b
        c
    "#]],
    );
    check(
        "a\nb\n",
        "--- a/x\n+++ b/x\n@@\n-a\n+a\n@@\n-b\n+c\n",
        expect![[r#"
        a
        c
        (hunk 1 changes nothing)
    "#]],
    );
}

#[test]
fn already_there() {
    check_hunk(
        "a\nB\nc\n",
        " a\n-b\n+B\n c\n",
        expect![[r#"
        x already contains this change (line 1). It was not applied again; continue.
    "#]],
    );
    check_hunk(
        "a\nnew\n",
        " a\n+new\n",
        expect![[r#"
        x already contains this change (line 1). It was not applied again; continue.
    "#]],
    );
    check(
        "a\nB\nc\nd\n",
        "--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n@@\n-d\n+D\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-b`) is already there, at line 1. Remove it from the edit.
            These match but were not applied: hunk 2 at line 4.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn endings_are_the_files() {
    assert_eq!(outcome("a\r\nb\r\n", "--- a/x\n+++ b/x\n@@\n a\n-b\n+c\n+d\n"), "a\r\nc\r\nd\r\n");
    assert_eq!(outcome("a\nb\r\nc\n", "--- a/x\n+++ b/x\n@@\n-b\n+B\n"), "a\nB\r\nc\n");
    assert_eq!(outcome("a\nb\n", "--- a/x\r\n+++ b/x\r\n@@\r\n a\r\n-b\r\n+c\r\n"), "a\nc\n");
    assert_eq!(outcome("a\r\nb\r\n", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+b\n"), "a\r\nb\n");
}

#[test]
fn the_final_newline_is_the_files_unless_the_edit_says_so() {
    assert_eq!(outcome("a\nb", "--- a/x\n+++ b/x\n@@\n a\n-b\n+c\n"), "a\nc");
    assert_eq!(outcome("a\nb", "--- a/x\n+++ b/x\n@@\n b\n+c\n"), "a\nb\nc");
    assert_eq!(outcome("b", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n\\ No newline at end of file\n+b\n"), "b\n");
    assert_eq!(outcome("b\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n+b\n\\ No newline at end of file\n"), "b");
    assert_eq!(outcome("\u{feff}a\n", "--- a/x\n+++ b/x\n@@\n-a\n+b\n"), "\u{feff}b\n");
}

#[test]
fn a_cut_hunk_is_refused() {
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,3 +1,3 @@`) is cut off: its header counts more lines than follow. Send all of it; if it is complete, use a bare `@@`.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn candidates_and_what_did_fit_are_named() {
    check(
        "one\nx\ntwo\nx\nthree\n",
        "--- a/x\n+++ b/x\n@@\n-three\n+3\n@@\n-x\n+y\n@@\n-nothing like it at all\n+z\n",
        expect![[r#"
            x was not changed.
            hunk 2 (`-x`) matches 2 places: lines 2, 4.
                 1 | one
                 2 | x
                 3 | two
               ...
                 3 | two
                 4 | x
                 5 | three
            Add context lines that only the right place has.
            hunk 3 (`-nothing like it at all`) matches nowhere, and no line is similar. Read the file again.
            These match but were not applied: hunk 1 at line 5.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn deletion_must_name_every_line() {
    check("a\nb\n", "--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n", expect![[r#""#]]);
    check(
        "a\nb\n",
        "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
        expect![[r#"
            the deletion of x does not list all of its lines (1 left). Nothing was changed. Read the file; to delete all of it, send the deletion without hunks.
        "#]],
    );
}

#[test]
fn a_new_file_has_no_lines_to_be_found() {
    check(
        "",
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\nb\n",
        expect![[r#"
            x was not created: this line does not start with `+`: `b`. Start every line of a new file with `+`; to edit an existing file, name it after `---` too.
        "#]],
    );
}

#[test]
fn a_new_line_ends_like_the_one_it_replaces() {
    assert_eq!(outcome("a\r\nb\nc\r\n", "--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n c\n"), "a\r\nB\nc\r\n");
    assert_eq!(
        outcome("a\nb\r\nc\nd\r\n", "--- a/x\n+++ b/x\n@@\n a\n-b\n-c\n+B\n+C\n+C2\n d\n"),
        "a\nB\r\nC\nC2\nd\r\n"
    );
}

#[test]
fn what_overlapping_hunks_both_say_is_done_once() {
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n@@\n-b\n+B\n c\n",
        expect![[r#"
        a
        B
        c
        (hunks 1 and 2 make the same change at line 2; applied once)
    "#]],
    );
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n@@\n-b\n+D\n c\n",
        expect![[r#"
        hunks 1 and 2 both change line 2 of x. Nothing was changed. Send them as one hunk.
    "#]],
    );
}
