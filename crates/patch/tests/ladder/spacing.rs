//! White space, typography and numbers in front of lines.

use super::*;

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
            (hunk 1 was applied at line 2 with its indentation shifted (deeper by 4))
        "#]],
    );
    check(
        before,
        "<<<<<<< SEARCH\n  def f(self):\n      return 1\n=======\n  def f(self):\n      return 2\n>>>>>>> REPLACE\n",
        expect![[r#"
            class A:
                def f(self):
                    return 2
            (hunk 1 was applied at line 2 with its indentation shifted (deeper by 2))
        "#]],
    );
    // Not by the same amount everywhere.
    check_hunk(
        before,
        " def f(self):\n-  return 1\n+  return 2\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-  return 1`) matches nowhere. The closest lines are:
                 2 |     def f(self):
                 3 |         return 1
            Line 2 differs: the hunk has `def f(self):`, the file has `    def f(self):`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    // One column and nothing that goes: the marks of the context were lost, and `new` is right as it is.
    check_hunk(
        "    a\n    b\n",
        "    a\n+    new\n    b\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`+    new`) matches nowhere. The closest lines are:
                 1 |     a
                 2 |     b
            Line 1 differs: the hunk has `   a`, the file has `    a`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
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
        (hunk 1 was applied at line 3 with its indentation shifted (tabs to 4 spaces))
    "#]],
    );
    check_hunk(
        "if a {\n\tb()\n\t\tc()\n",
        "     b()\n-        c()\n+        d()\n",
        expect![[r#"
        if a {
        \tb()
        \t\td()
        (hunk 1 was applied at line 2 with its indentation shifted (4 spaces to a tab))
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
            (hunk 1 was applied at line 2 with its indentation shifted (deeper by 4))
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
        (hunk 1 was applied at line 1 treating typographic quotes, dashes and spaces as plain)
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
        (hunk 1 was applied at line 1 treating runs of whitespace as one space)
    "#]],
    );
    check_hunk(
        "f(a,  b)\n",
        "-f(a, b)\n+f(b)\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-f(a, b)`) matches nowhere. The closest lines are:
                 1 | f(a,  b)
            Line 1 differs: the hunk has `f(a, b)`, the file has `f(a,  b)`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
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
        (hunk 1 was applied at line 1 without its line-number prefixes)
    "#]],
    );
    check(
        "a\nb\n",
        "<<<<<<< SEARCH\n1 | a\n2 | b\n=======\n1 | a\n2 | c\n>>>>>>> REPLACE\n",
        expect![[r#"
        a
        c
        (hunk 1 was applied at line 1 without its line-number prefixes)
    "#]],
    );
    check(
        "a\nb\n",
        "<<<<<<< SEARCH\n1 | a\n2 | b\n=======\n1 | a\nc\n>>>>>>> REPLACE\n",
        expect![[r#"
        the file was not changed.
        hunk 1 (`1 | a`) matches nowhere, and no line is similar. Read the file again.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}
