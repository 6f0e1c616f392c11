//! Exact places, ties, and context that may differ.

use super::*;

#[test]
fn exact() {
    check_hunk(
        "a\nb\nc\n",
        " a\n-b\n+B\n c\n",
        expect![[r#"
        a
        B
        c
    "#]],
    );
    check_hunk(
        "",
        "+a\n+b\n",
        expect![[r#"
            a
            b
        "#]],
    );
}

#[test]
fn wrong_numbers_and_counts_do_not_matter() {
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@ -900,1 +1,77 @@\n a\n-b\n+B\n c\n",
        expect![[r#"
        a
        B
        c
    "#]],
    );
}

#[test]
fn the_stated_line_settles_a_tie() {
    check(
        "x\nx\nx\n",
        "--- a/x\n+++ b/x\n@@ -2 +2 @@\n-x\n+y\n",
        expect![[r#"
        x
        y
        x
        (hunk 1 was applied at line 2 choosing the match its line number names)
    "#]],
    );
    check(
        "x\n1\nx\n2\nx\n",
        "--- a/x\n+++ b/x\n@@ -4 +4 @@\n-x\n+y\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -4 +4 @@`) matches 3 places: lines 1, 3, 5.
                 1 | x
                 2 | 1
                 3 | x
               ...
                 2 | 1
                 3 | x
                 4 | 2
               ...
                 4 | 2
                 5 | x
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn the_stated_line_is_moved_as_the_other_hunks_prove() {
    check(
        "new\nnew\nx\n1\nx\n2\nx\n",
        "--- a/x\n+++ b/x\n@@ -2 +2 @@\n-1\n+one\n@@ -3 +3 @@\n-x\n+y\n",
        expect![[r#"
            new
            new
            x
            one
            y
            2
            x
            (hunk 2 was applied at line 5 choosing the match its line number names)
        "#]],
    );
}

#[test]
fn blocks_take_the_nearest_place_to_their_line() {
    let before = "x\n1\n2\n3\n4\n5\nx\n";
    check(
        before,
        "<<<<<<< SEARCH\n:start_line:6\n-------\nx\n=======\ny\n>>>>>>> REPLACE\n",
        expect![[r#"
        x
        1
        2
        3
        4
        5
        y
        (hunk 1 was applied at line 7 choosing the match its line number names)
    "#]],
    );
    check(
        before,
        "<<<<<<< SEARCH\n:start_line:4\n-------\nx\n=======\ny\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 1 (`x`) matches 2 places: lines 1, 7.
                 1 | x
                 2 | 1
                 3 | 2
               ...
                 6 | 5
                 7 | x
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn white_space_at_the_ends_of_lines() {
    check_hunk(
        "a  \nb\nc\n",
        " a\n-b  \n+B\n c\t\n",
        expect![[r#"
        a  
        B
        c
        (hunk 1 was applied at line 1 ignoring trailing whitespace)
    "#]],
    );
}

#[test]
fn spacing_and_prose_after_a_hunk() {
    check_hunk(
        "a\nb\nc\n",
        " a\n-b\n+B\n\n\n",
        expect![[r#"
        a
        B
        c
    "#]],
    );
    check_hunk(
        "a\nb\nc\n",
        " a\n-b\n+B\n\nThat is all.\n",
        expect![[r#"
        a
        B
        c
    "#]],
    );
}

#[test]
fn outer_context_that_differs_is_left_out() {
    check_hunk(
        "1\n2\n3\n4\n5\n",
        " one\n 2\n-3\n+three\n 4\n five\n",
        expect![[r#"
            1
            2
            three
            4
            5
            (hunk 1 was applied at line 2 with 1 of its context lines above dropped, as the file's differ and 1 of its context lines below dropped, as the file's differ)
        "#]],
    );
    check_hunk(
        "1\n2\n3\n4\n5\n",
        " ...\n-3\n+three\n 4\n",
        expect![[r#"
            1
            2
            three
            4
            5
            (hunk 1 was applied at line 3 with 1 of its context lines above dropped, as the file's differ)
        "#]],
    );
}

#[test]
fn context_next_to_the_change_must_agree() {
    check_hunk(
        "1\n2\n3\n4\n5\n",
        " 1\n two\n-3\n+three\n 4\n 5\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-3`) matches nowhere. The closest lines are:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
                 5 | 5
            Line 2 differs: the hunk has `two`, the file has `2`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    // A line like it may stand there, if the line beyond agrees.
    check_hunk(
        "use std::fs;\nuse std::path::Path;\nlet a = 1;\n",
        " use std::fs;\n use std::path::Paths;\n-let a = 1;\n+let a = 2;\n",
        expect![[r#"
            use std::fs;
            use std::path::Path;
            let a = 2;
            (hunk 1 was applied at line 1 with 1 of its context lines matched to a similar line)
        "#]],
    );
}

#[test]
fn context_between_changes_must_agree() {
    check_hunk(
        "a = 1\nnumber = 5\nb = 2\n",
        "-a = 1\n+a = 3\n numbers = 5\n-b = 2\n+b = 4\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-a = 1`) matches nowhere. The closest lines are:
                 1 | a = 1
                 2 | number = 5
                 3 | b = 2
            Line 2 differs: the hunk has `numbers = 5`, the file has `number = 5`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn lines_that_go_must_be_there() {
    check_hunk(
        "fn main() {\n    run(1);\n}\n",
        " fn main() {\n-    run(2);\n+    run(3);\n }\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-    run(2);`) matches nowhere. The closest lines are:
                 1 | fn main() {
                 2 |     run(1);
                 3 | }
            Line 2 differs: the hunk has `    run(2);`, the file has `    run(1);`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn lines_that_only_come_need_both_neighbours() {
    check(
        "1\n2\n3\n4\n",
        "--- a/x\n+++ b/x\n@@ -1,4 +1,5 @@\n one\n 2\n+new\n 3\n 4\n",
        expect![[r#"
            1
            2
            new
            3
            4
            (hunk 1 was applied at line 2 with 1 of its context lines above dropped, as the file's differ)
        "#]],
    );
    check(
        "1\n2\n3\n4\n",
        "--- a/x\n+++ b/x\n@@ -1,4 +1,5 @@\n 1\n 2\n+new\n 4\n 5\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,4 +1,5 @@`) matches nowhere. The closest lines are:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
            Line 3 differs: the hunk has `4`, the file has `3`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check(
        "1\n2\n3\n4\n",
        "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n one\n 2\n+new\n 3\n 4\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,9 +1,9 @@`) matches nowhere. The closest lines are:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
            Line 1 differs: the hunk has `one`, the file has `1`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check_hunk(
        "1\n2\n",
        "+new\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`+new`) has no non-blank line to locate it by. Add the line above and the line below as context.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn insertions_by_number_once_another_hunk_proves_the_numbers() {
    check(
        "1\n2\n3\n",
        "--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+new\n@@ -3 +4 @@\n-3\n+three\n",
        expect![[r#"
        1
        new
        2
        three
        (hunk 1 was applied at line 2 by its line number or at the end, as it has no lines to match)
    "#]],
    );
    check(
        "1\n2\n3\n",
        "--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+new\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,0 +2 @@`) has no non-blank line to locate it by. Add the line above and the line below as context.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}
