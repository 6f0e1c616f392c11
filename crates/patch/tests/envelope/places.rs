//! Where hunks of an envelope go, and its loose forms.

use super::*;

#[test]
fn an_anchor_picks_the_place() {
    check(
        &[("a.py", "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n")],
        "*** Update File: a.py\n@@ class B:\n     def f(self):\n-        return 1\n+        return 2\n",
        expect![[r#"
            == a.py
            class A:
                def f(self):
                    return 1

            class B:
                def f(self):
                    return 2
            (hunk 1 was applied at line 6 choosing the match below its @@ anchor)
        "#]],
    );
}

#[test]
fn anchors_one_below_the_other() {
    check(
        &[(
            "a.py",
            "class A:\n    def f(self):\n        x = 1\n        return x\n    def g(self):\n        x = 1\n        return x\n",
        )],
        "*** Update File: a.py\n@@ class A:\n@@     def g(self):\n-        x = 1\n+        x = 2\n",
        expect![[r#"
            == a.py
            class A:
                def f(self):
                    x = 1
                    return x
                def g(self):
                    x = 2
                    return x
            (hunk 1 was applied at line 6 choosing the match below its @@ anchor)
        "#]],
    );
}

#[test]
fn without_an_anchor_two_places_are_refused() {
    check(
        &[("a", "x\n1\nx\n2\n")],
        "*** Update File: a\n@@\n-x\n+y\n",
        expect![[r#"
            a was not changed.
            hunk 1 (`-x`) matches 2 places: lines 1, 3.
                 1 | x
                 2 | 1
                 3 | x
               ...
                 2 | 1
                 3 | x
                 4 | 2
            Add context lines that only the right place has.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn the_order_of_the_hunks_picks_the_place() {
    check(
        &[("a", "x\n1\nx\n2\n")],
        "*** Update File: a\n@@\n-1\n+one\n@@\n-x\n+y\n",
        expect![[r#"
        == a
        x
        one
        y
        2
        (hunk 2 was applied at line 3 choosing the only match between its neighbours)
    "#]],
    );
}

#[test]
fn the_end_of_the_file_picks_the_place() {
    check(
        &[("a", "x\n1\nx\n")],
        "*** Update File: a\n@@\n-x\n+y\n*** End of File\n",
        expect![[r#"
        == a
        x
        1
        y
        (hunk 1 was applied at line 3 choosing the match at the end of the file)
    "#]],
    );
}

#[test]
fn lines_that_only_come_go_to_the_end() {
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n@@\n+3\n+4\n",
        expect![[r#"
        == a
        1
        2
        3
        4
        (hunk 1 was applied at line 3 by its line number or at the end, as it has no lines to match)
    "#]],
    );
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n@@ 1\n+3\n",
        expect![[r#"
            a was not changed.
            hunk 1 (`@@ 1`) has no non-blank line to locate it by. Add the line above and the line below as context.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn a_hunk_may_lack_its_header() {
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n 1\n-2\n+two\n",
        expect![[r#"
        == a
        1
        two
    "#]],
    );
}

#[test]
fn lines_that_only_go() {
    check(
        &[("a", "1\n2\n3\n")],
        "*** Update File: a\n@@\n 1\n-2\n 3\n",
        expect![[r#"
        == a
        1
        3
    "#]],
    );
    check(
        &[("a", "1\n")],
        "*** Update File: a\n@@\n-1\n",
        expect![[r#"
        == a
    "#]],
    );
}

#[test]
fn markers_may_be_padded() {
    check(
        &[("a", "1\n2\n")],
        "  *** Update File: a  \n@@\n-2\n+two\n   *** End of File \n",
        expect![[r#"
        == a
        1
        two
    "#]],
    );
    let padded = "  *** Begin Patch \n*** Add File: b\n+1\n *** End Patch  \n";
    assert_eq!(apply_all(&Tree::new(), padded).unwrap().0, tree(&[("b", "1\n")]));
}

#[test]
fn a_shell_around_the_envelope_is_ignored() {
    let edit = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: b\n+1\n*** End Patch\nEOF\n";
    assert_eq!(apply_all(&Tree::new(), edit).unwrap().0, tree(&[("b", "1\n")]));
}

#[test]
fn without_its_end_an_envelope_is_cut() {
    let error = patch::parse("*** Begin Patch\n*** Update File: a\n@@\n-1\n+2\n").unwrap_err();
    expect!["the edit is cut off: `*** End Patch` is missing. Send all of it again; split it if it is long."]
        .assert_eq(&error.to_string());
}

#[test]
fn typographic_dashes_quotes_and_spaces_in_the_file() {
    check(
        &[("a.py", "import os  # a – b\nprint(“hi”)\u{a0}# x\nrest\n")],
        "*** Update File: a.py\n@@\n-import os  # a - b\n+import os\n print(\"hi\") # x\n",
        expect![[r#"
            == a.py
            import os
            print(“hi”) # x
            rest
            (hunk 1 was applied at line 1 treating typographic quotes, dashes and spaces as plain)
        "#]],
    );
}

#[test]
fn white_space_at_the_ends_of_lines() {
    check(
        &[("a", "one  \ntwo\t\nthree\n")],
        "*** Update File: a\n@@\n one\n-two\n+2\n three\n",
        expect![[r#"
        == a
        one  
        2
        three
        (hunk 1 was applied at line 1 ignoring trailing whitespace)
    "#]],
    );
}

#[test]
fn unicode_and_endings_are_kept() {
    check(
        &[("a", "naïve café\r\n日本\r\n")],
        "*** Update File: a\n@@\n-naïve café\n+naïve café ✅\n 日本\n",
        expect![[r#"
            == a
            naïve café ✅\r
            日本\r
        "#]],
    );
    check(
        &[("a", "\u{feff}1\n2")],
        "*** Update File: a\n@@\n 1\n-2\n+two\n",
        expect![[r#"
        == a
        ﻿1
        two"#]],
    );
}

#[test]
fn content_that_looks_like_a_marker() {
    check(
        &[("a", "1\n")],
        "*** Update File: a\n@@\n 1\n+*** Delete File: b\n",
        expect![[r#"
        == a
        1
        *** Delete File: b
    "#]],
    );
    check(
        &[],
        "*** Add File: a\n+@@ x\n+*** End Patch\n",
        expect![[r#"
        == a
        @@ x
        *** End Patch
    "#]],
    );
}

#[test]
fn a_file_twice_in_one_patch() {
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n@@\n-1\n+one\n*** Update File: a\n@@\n one\n-2\n+two\n",
        expect![[r#"
            == a
            one
            two
        "#]],
    );
}
