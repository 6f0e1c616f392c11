//! Where hunks land, step by step down the ladder, and what is refused on each. Text in, text out: the new text and the
//! notes in brackets, or the refusal.

use expect_test::{Expect, expect};

fn outcome(before: &str, edit: &str) -> String {
    let edits = match patch::parse(edit) {
        Ok(edits) => edits,
        Err(error) => return format!("{error}\n"),
    };
    let (mut text, mut notes) = (before.to_owned(), String::new());
    for edit in &edits {
        match patch::apply(edit, Some(&text)) {
            Ok(applied) => {
                notes.extend(applied.notes.iter().map(|note| format!("({note})\n")));
                text = applied.after.unwrap_or_default();
            }
            Err(refusal) => return format!("{refusal}\n"),
        }
    }
    text + &notes
}

fn check(before: &str, edit: &str, expected: Expect) {
    expected.assert_eq(&outcome(before, edit).replace('\t', "\\t"));
}

/// As a diff of `x` with a bare header.
fn check_hunk(before: &str, hunk: &str, expected: Expect) {
    check(before, &format!("--- a/x\n+++ b/x\n@@\n{hunk}"), expected);
}

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
        (hunk 1 was placed at line 2 of several places at the one its line number names)
    "#]],
    );
    check(
        "x\n1\nx\n2\nx\n",
        "--- a/x\n+++ b/x\n@@ -4 +4 @@\n-x\n+y\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -4 +4 @@`) fits in 3 places: lines 1, 3, 5.
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
            Add lines of context above or below that only the right place has.
            Mend what is named above and send the whole edit again.
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
            (hunk 2 was placed at line 5 of several places at the one its line number names)
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
        (hunk 1 was placed at line 7 of several places at the one its line number names)
    "#]],
    );
    check(
        before,
        "<<<<<<< SEARCH\n:start_line:4\n-------\nx\n=======\ny\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 1 (`x`) fits in 2 places: lines 1, 7.
                 1 | x
                 2 | 1
                 3 | 2
               ...
                 6 | 5
                 7 | x
            Add lines of context above or below that only the right place has.
            Mend what is named above and send the whole edit again.
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
        (hunk 1 was placed at line 1 ignoring white space at the ends of lines)
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
            (hunk 1 was placed at line 2 with 1 of its context lines above left out, as the file has others and 1 of its context lines below left out, as the file has others)
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
            (hunk 1 was placed at line 3 with 1 of its context lines above left out, as the file has others)
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
            hunk 1 (`-3`) fits nowhere. The closest lines are now:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
                 5 | 5
            Line 2 differs: the hunk has `two`, the file has `2`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
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
            (hunk 1 was placed at line 1 with 1 of its context lines taken for a line much like it)
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
            hunk 1 (`-a = 1`) fits nowhere. The closest lines are now:
                 1 | a = 1
                 2 | number = 5
                 3 | b = 2
            Line 2 differs: the hunk has `numbers = 5`, the file has `number = 5`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
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
            hunk 1 (`-    run(2);`) fits nowhere. The closest lines are now:
                 1 | fn main() {
                 2 |     run(1);
                 3 | }
            Line 2 differs: the hunk has `    run(2);`, the file has `    run(1);`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
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
            (hunk 1 was placed at line 2 with 1 of its context lines above left out, as the file has others)
        "#]],
    );
    check(
        "1\n2\n3\n4\n",
        "--- a/x\n+++ b/x\n@@ -1,4 +1,5 @@\n 1\n 2\n+new\n 4\n 5\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,4 +1,5 @@`) fits nowhere. The closest lines are now:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
            Line 3 differs: the hunk has `4`, the file has `3`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
        "#]],
    );
    check(
        "1\n2\n3\n4\n",
        "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n one\n 2\n+new\n 3\n 4\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,9 +1,9 @@`) fits nowhere. The closest lines are now:
                 1 | 1
                 2 | 2
                 3 | 3
                 4 | 4
            Line 1 differs: the hunk has `one`, the file has `1`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
        "#]],
    );
    check_hunk(
        "1\n2\n",
        "+new\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`+new`) only adds lines and does not say where. Add the line above and the line below as context.
            Mend what is named above and send the whole edit again.
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
        (hunk 1 was placed at line 2 by its line number or at the end, having no lines to find)
    "#]],
    );
    check(
        "1\n2\n3\n",
        "--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+new\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ -1,0 +2 @@`) only adds lines and does not say where. Add the line above and the line below as context.
        Mend what is named above and send the whole edit again.
    "#]],
    );
}

#[test]
fn indentation_shifted_as_a_block() {
    let before = "class A:\n    def f(self):\n        return 1\n";
    check_hunk(
        before,
        " def f(self):\n-    return 1\n+    if True:\n+        return 2\n",
        expect![[r#"
        class A:
            def f(self):
                if True:
                    return 2
        (hunk 1 was placed at line 2 with its indentation shifted as a block (4 columns deeper))
    "#]],
    );
    check(
        before,
        "<<<<<<< SEARCH\n  def f(self):\n      return 1\n=======\n  def f(self):\n      return 2\n>>>>>>> REPLACE\n",
        expect![[r#"
        class A:
            def f(self):
                return 2
        (hunk 1 was placed at line 2 with its indentation shifted as a block (2 columns deeper))
    "#]],
    );
    // Not by the same amount everywhere.
    check_hunk(
        before,
        " def f(self):\n-  return 1\n+  return 2\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-  return 1`) fits nowhere. The closest lines are now:
                 2 |     def f(self):
                 3 |         return 1
            Line 2 differs: the hunk has `def f(self):`, the file has `    def f(self):`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
        "#]],
    );
    // One column and nothing that goes: the marks of the context were lost, and `new` is right as it is.
    check_hunk(
        "    a\n    b\n",
        "    a\n+    new\n    b\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`+    new`) fits nowhere. The closest lines are now:
                 1 |     a
                 2 |     b
            Line 1 differs: the hunk has `   a`, the file has `    a`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
        "#]],
    );
}

#[test]
fn tabs_against_spaces() {
    check_hunk(
        "if a:\n    b()\n    if c:\n        d()\n",
        "-\tif c:\n-\t\td()\n+\tif c:\n+\t\tif d:\n+\t\t\te()\n",
        expect![[r#"
        if a:
            b()
            if c:
                if d:
                    e()
        (hunk 1 was placed at line 3 with its indentation shifted as a block (tabs to 4 spaces))
    "#]],
    );
    check_hunk(
        "if a {\n\tb()\n\t\tc()\n",
        "     b()\n-        c()\n+        d()\n",
        expect![[r#"
        if a {
        \tb()
        \t\td()
        (hunk 1 was placed at line 2 with its indentation shifted as a block (4 spaces to a tab))
    "#]],
    );
}

#[test]
fn context_that_differs_in_its_indentation_only_is_a_warning() {
    check_hunk(
        "{\n    a\n\n\n    b\n}\n",
        " a\n \n+c\n \n b\n",
        expect![[r#"
        {
            a

            c

            b
        }
        (hunk 1 was placed at line 2 with its indentation shifted as a block (4 columns deeper))
    "#]],
    );
}

#[test]
fn typographic_characters_in_the_file() {
    check_hunk(
        "say(“hi”)\nrest – of it\n",
        "-say(\"hi\")\n+say(\"ho\")\n rest - of it\n",
        expect![[r#"
        say("ho")
        rest – of it
        (hunk 1 was placed at line 1 taking typographic quotes, dashes and spaces for plain ones)
    "#]],
    );
}

#[test]
fn runs_of_white_space_in_blocks() {
    check(
        "f(a,  b)\n",
        "<<<<<<< SEARCH\nf(a, b)\n=======\nf(b)\n>>>>>>> REPLACE\n",
        expect![[r#"
        f(b)
        (hunk 1 was placed at line 1 taking runs of white space for one space)
    "#]],
    );
    check_hunk(
        "f(a,  b)\n",
        "-f(a, b)\n+f(b)\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-f(a, b)`) fits nowhere. The closest lines are now:
                 1 | f(a,  b)
            Line 1 differs: the hunk has `f(a, b)`, the file has `f(a,  b)`. Copy the lines as they are.
            Mend what is named above and send the whole edit again.
        "#]],
    );
}

#[test]
fn line_numbers_in_front_of_the_lines() {
    check_hunk(
        "a\n  b\n",
        "7| a\n-8|   b\n+8|   c\n",
        expect![[r#"
        a
          c
        (hunk 1 was placed at line 1 without the line numbers in front of its lines)
    "#]],
    );
    check(
        "a\nb\n",
        "<<<<<<< SEARCH\n1 | a\n2 | b\n=======\n1 | a\n2 | c\n>>>>>>> REPLACE\n",
        expect![[r#"
        a
        c
        (hunk 1 was placed at line 1 without the line numbers in front of its lines)
    "#]],
    );
    check(
        "a\nb\n",
        "<<<<<<< SEARCH\n1 | a\n2 | b\n=======\n1 | a\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        the file was not changed.
        hunk 1 (`1 | a`) fits nowhere, and no line of the file is close. Read the file again.
        Mend what is named above and send the whole edit again.
    "#]],
    );
}

#[test]
fn the_same_hunk_twice_is_one() {
    let hunk = "@@ -1 +1 @@\n-a\n+b\n";
    check(
        "a\nc\n",
        &format!("--- a/x\n+++ b/x\n{hunk}{hunk}"),
        expect![[r#"
        b
        c
        (hunk 2 says the same as one above it and was taken once)
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
        (hunk 1 has no closing marker and was taken to the edit's end)
    "#]],
    );
}

#[test]
fn nothing_to_do() {
    check_hunk(
        "a\n",
        "-a\n+a\n",
        expect![[r#"
        the edit of x changes nothing: its old and new lines are the same. Nothing was changed.
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
        x already has what the edit would make of it (line 1). It was not applied twice; go on.
    "#]],
    );
    check_hunk(
        "a\nnew\n",
        " a\n+new\n",
        expect![[r#"
        x already has what the edit would make of it (line 1). It was not applied twice; go on.
    "#]],
    );
    check(
        "a\nB\nc\nd\n",
        "--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n@@\n-d\n+D\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-b`) is already there, at line 1. Leave it out.
            These fit and were not applied either: hunk 2 at line 4.
            Mend what is named above and send the whole edit again.
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
            hunk 1 (`@@ -1,3 +1,3 @@`) is cut off: its header promises more lines than follow. Send it whole; if it is, write a bare `@@`.
            Mend what is named above and send the whole edit again.
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
            hunk 2 (`-x`) fits in 2 places: lines 2, 4.
                 1 | one
                 2 | x
                 3 | two
               ...
                 3 | two
                 4 | x
                 5 | three
            Add lines of context above or below that only the right place has.
            hunk 3 (`-nothing like it at all`) fits nowhere, and no line of the file is close. Read the file again.
            These fit and were not applied either: hunk 1 at line 5.
            Mend what is named above and send the whole edit again.
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
        x has 1 lines that the deletion does not name. Nothing was changed. Read the file; if all of it shall go, send the deletion without hunks.
    "#]],
    );
}
