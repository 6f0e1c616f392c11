//! Edits whose own damage points at a wrong place, or at half of a hunk.

use super::*;

#[test]
fn counts_that_end_a_hunk_early_do_not_cut_it() {
    // The second line lost its mark, and by its counts the hunk would end before it.
    check(
        "a\nb\nc\nd\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\nb\n-c\n+C\n@@ -4 +4 @@\n-d\n+D\n",
        expect![[r#"
        a
        b
        C
        D
    "#]],
    );
}

#[test]
fn context_left_out_must_not_lead_to_another_place() {
    // The line that tells the two places apart is the one that is misquoted.
    let before = "one:\n  os: linux\n  env: A\n\n# beta\ntwo:\n  os: linux\n  env: A\n\n# other\n";
    check(
        before,
        "--- a/x\n+++ b/x\n@@ -1,5 +1,6 @@\n one:\n   os: linux\n   env: A\n+  new: 1\n \n # betta\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,5 +1,6 @@`) matches 2 places: lines 1, 7.
                 1 | one:
                 2 |   os: linux
                 3 |   env: A
               ...
                 6 | two:
                 7 |   os: linux
                 8 |   env: A
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check(
        before,
        "--- a/x\n+++ b/x\n@@\n-  env: A\n+  env: B\n \n # betta\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-  env: A`) matches 2 places: lines 3, 8.
                 2 |   os: linux
                 3 |   env: A
                 4 | 
               ...
                 7 |   os: linux
                 8 |   env: A
                 9 | 
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn a_line_left_out_must_not_stand_elsewhere() {
    // `handle_a` was changed already; its line that goes is found in `handle_b` only.
    check(
        "def handle_a(req):\n    check(req)\n    return 0\n\ndef handle_b(req):\n    check(req)\n    return None\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n def handle_a(req):\n     check(req)\n-    return None\n+    return 1\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -1,3 +1,3 @@`) matches nowhere. The closest lines are:
                 1 | def handle_a(req):
                 2 |     check(req)
                 3 |     return 0
            Line 3 differs: the hunk has `    return None`, the file has `    return 0`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn context_that_is_all_of_another_file_is_no_place() {
    check(
        "def a():\n    log()\n\n    pass\n\ndef z():\n    return 3\n",
        "--- a/x\n+++ b/x\n@@ -40,7 +40,7 @@\n def foo(self):\n     x = compute()\n \n-    pass\n+    return x\n \n def bar():\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ -40,7 +40,7 @@`) matches nowhere. The closest lines are:
                 1 | def a():
                 2 |     log()
                 3 | 
                 4 |     pass
                 5 | 
                 6 | def z():
            Line 1 differs: the hunk has `def foo(self):`, the file has `def a():`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn an_anchor_without_a_number_is_believed() {
    let before = "def a():\n    return 1\n\ndef b():\n    return 3\n";
    check(
        before,
        "--- a/x\n+++ b/x\n@@ def b(): @@\n-    return 1\n+    return 2\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ def b(): @@`) matches only here, which is not under the line that its @@ names:
                 1 | def a():
                 2 |     return 1
                 3 | 
            Correct the lines, or the text after @@.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check(
        before,
        "--- a/x\n+++ b/x\n@@ def a(): @@\n-    return 3\n+    return 2\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`@@ def a(): @@`) matches only here, which is not under the line that its @@ names:
                 4 | def b():
                 5 |     return 3
            Correct the lines, or the text after @@.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    // Git's section heading is no promise, and an anchor that the file does not have is none.
    check(
        before,
        "--- a/x\n+++ b/x\n@@ -2 +2 @@ def b():\n-    return 1\n+    return 2\n",
        expect![[r#"
            def a():
                return 2

            def b():
                return 3
        "#]],
    );
    check(
        before,
        "--- a/x\n+++ b/x\n@@ def c(): @@\n-    return 1\n+    return 2\n",
        expect![[r#"
            def a():
                return 2

            def b():
                return 3
        "#]],
    );
}

#[test]
fn anchors_are_looked_for_inside_each_other() {
    let before = "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n";
    let edit = "--- a/x\n+++ b/x\n@@ class B:\n@@ def f(self):\n-        return 1\n+        return 2\n";
    check(
        before,
        edit,
        expect![[r#"
        class A:
            def f(self):
                return 1

        class B:
            def f(self):
                return 2
        (hunk 1 was applied at line 7 choosing the match below its @@ anchor)
    "#]],
    );
    check(
        &before.replacen("return 1\n\n", "return 3\n\n", 1),
        edit,
        expect![[r#"
        class A:
            def f(self):
                return 3

        class B:
            def f(self):
                return 2
    "#]],
    );
    let changed = before.strip_suffix("1\n").unwrap().to_owned() + "3\n";
    check(
        &changed,
        edit,
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ def f(self):`) matches only here, which is not under the line that its @@ names:
             2 |     def f(self):
             3 |         return 1
             4 | 
        Correct the lines, or the text after @@.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn a_block_of_blank_lines_is_no_place() {
    check(
        "a\n\nb\n",
        "<<<<<<< SEARCH\n\n=======\nimport os\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 1 (`-`) has no non-blank line to locate it by. Add the line above and the line below as context.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn two_places_of_another_indentation_are_both_named() {
    check(
        "if a:\n    foo()\n    bar()\nif b:\n    foo()\n    bar()\n",
        "--- a/x\n+++ b/x\n@@\n foo()\n-bar()\n+baz()\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-bar()`) matches 2 places: lines 2, 5.
                 1 | if a:
                 2 |     foo()
                 3 |     bar()
               ...
                 4 | if b:
                 5 |     foo()
                 6 |     bar()
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn numbers_of_blocks_are_those_of_the_text_as_it_was() {
    // The second block needs the first; where line 3 is then, nobody said.
    check(
        "a\nb\nc\nd\n",
        "<<<<<<< SEARCH\na\n=======\nA\nB\nC\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nC\n=======\nD\n>>>>>>> REPLACE\n\
         <<<<<<< SEARCH\n:start_line:3\n-------\n=======\nbefore c\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 2 (`C`) matches nowhere, and no line is similar. Read the file again.
            These match but were not applied: hunk 1 at line 1, hunk 3 at line 3.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn a_hunk_may_say_that_it_begins_at_line_0() {
    // Found by the fuzzer: with old lines in its count, line 0 is not the line after which to insert.
    check(
        "a\n",
        "--- a/x\n+++ b/x\n@@ -0,5 +1,5 @@\n+x\n@@ -1 +1 @@\n-a\n+b\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ -0,5 +1,5 @@`) has no non-blank line to locate it by. Add the line above and the line below as context.
        These match but were not applied: hunk 2 at line 1.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn the_same_lines_in_several_other_functions_do_not_make_a_hunk_done() {
    let file =
        "def a():\n    try:\n        foo()\ndef b():\n    try:\n        foo()\ndef c():\n    try:\n        baz()\n";
    check_hunk(
        file,
        "     try:\n-        bar()\n+        foo()\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`-        bar()`) matches nowhere. The closest lines are:
             2 |     try:
             3 |         foo()
        Line 3 differs: the hunk has `        bar()`, the file has `        foo()`. Copy the lines exactly.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
    check(
        file,
        "--- a/x\n+++ b/x\n@@ -5,2 +5,2 @@\n     try:\n-        bar()\n+        foo()\n",
        expect![[r#"
        x already contains this change (line 5). It was not applied again; continue.
    "#]],
    );
}

#[test]
fn a_number_and_an_anchor_that_name_two_places() {
    let file = "class A:\n    x = 1\nclass B:\n    x = 1\n";
    check(
        file,
        "--- a/x\n+++ b/x\n@@ -4 +4 @@ class A:\n-    x = 1\n+    x = 2\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`@@ -4 +4 @@ class A:`) matches 2 places: lines 2, 4.
             1 | class A:
             2 |     x = 1
             3 | class B:
           ...
             3 | class B:
             4 |     x = 1
        Add context lines that only the right place has.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
    check(
        file,
        "--- a/x\n+++ b/x\n@@ -4 +4 @@ class B:\n-    x = 1\n+    x = 2\n",
        expect![[r#"
        class A:
            x = 1
        class B:
            x = 2
        (hunk 1 was applied at line 4 choosing the match its line number names)
    "#]],
    );
}
