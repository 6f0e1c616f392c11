//! `apply_diff` as the model meets it: the call, the words it gets back, and the files after.

use expect_test::expect;
use sandbox::Memory;

use crate::play::{CALC, check, check_on};

#[test]
fn apply_diff() {
    let good = r#"apply_diff {"diff": "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"}"#;
    check(
        &[CALC],
        good,
        expect![[r#"
        `calc.py`: +1 -1 line
             1 | def add(a, b):
             2 |     return a + b
             3 | 
             4 | 
             5 | def neg(a):
        --- calc.py
        def add(a, b):
            return a + b


        def neg(a):
            return -a
    "#]],
    );
    check(
        &[CALC],
        &format!("{good}\n{good}"),
        expect![[r#"
        `calc.py`: +1 -1 line
             1 | def add(a, b):
             2 |     return a + b
             3 | 
             4 | 
             5 | def neg(a):
        calc.py already contains this change (line 1). It was not applied again; continue.
        --- calc.py
        def add(a, b):
            return a + b


        def neg(a):
            return -a
    "#]],
    );
    check(
        &[],
        good,
        expect![[r#"
        failed: Nothing was changed.
        calc.py does not exist. Check the name, or create it: `--- /dev/null`, `+++ b/calc.py`.
    "#]],
    );
}

#[test]
fn an_edit_that_breaks_the_syntax_is_said() {
    let diff =
        r#"apply_diff {"diff": "--- a/calc.py\n+++ b/calc.py\n@@\n def neg(a):\n-    return -a\n+    return (-a\n"}"#;
    check(
        &[CALC],
        diff,
        expect![[r#"
        `calc.py`: +1 -1 line
             3 | 
             4 | 
             5 | def neg(a):
             6 |     return (-a
        `calc.py` no longer parses: see line 6.
        --- calc.py
        def add(a, b):
            return a - b


        def neg(a):
            return (-a
    "#]],
    );
    check(
        &[],
        r#"create_file {"filename": "a.json", "content": "{\"a\": 1,}"}"#,
        expect![[r#"
        Created `a.json` (1 line).
        `a.json` does not parse: see line 1.
        --- a.json
        {"a": 1,}"#]],
    );
}

#[test]
fn other_formats_are_read_by_the_same_tool() {
    let memory = Memory::new([("a.txt", "one\ntwo\n")]);
    let calls = r#"apply_diff {"diff": "*** Begin Patch\n*** Update File: a.txt\n@@\n one\n-two\n+2\n*** End Patch"}"#;
    check_on(
        memory,
        calls,
        expect![[r#"
        `a.txt`: +1 -1 line
             1 | one
             2 | 2
        --- a.txt
        one
        2
    "#]],
    );
}

#[test]
fn apply_diff_creates_renames_and_deletes() {
    let diff = r#"apply_diff {"diff": "diff --git a/old b/new\nrename from old\nrename to new\ndiff --git a/made b/made\nnew file mode 100755\n--- /dev/null\n+++ b/made\n@@\n+one\n--- a/gone\n+++ /dev/null\n@@\n-x\n"}"#;
    check(
        &[("old", "kept\n"), ("gone", "x\n")],
        diff,
        expect![[r#"
            Renamed `old` to `new`.
            `made`: +1 -0 line
                 1 | one
            `gone`: +0 -1 line
            --- made
            one
            --- new
            kept
            --- gone is gone
            --- old is gone
        "#]],
    );
}

#[test]
fn apply_diff_is_all_or_nothing() {
    let diff = r#"apply_diff {"diff": "--- a/a\n+++ b/a\n@@\n-one\n+ONE\n--- a/b\n+++ b/b\n@@\n-nowhere\n+x\n"}"#;
    check(
        &[("a", "one\n"), ("b", "two\n")],
        diff,
        expect![[r#"
            failed: Nothing was changed.
            b was not changed.
            hunk 1 (`-nowhere`) matches nowhere, and no line is similar. Read the file again.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check(
        &[],
        r#"apply_diff {"diff": "I would change the sign."}"#,
        expect![[r#"
        failed: Nothing was changed: no edit was found in the text: no `@@` hunk, no SEARCH/REPLACE block, no `*** Begin Patch`. Send a unified diff: `--- a/path`, `+++ b/path`, `@@`, then lines that start with a space (context), `-` or `+`.
    "#]],
    );
}

#[test]
fn apply_diff_keeps_the_encoding() {
    let memory = Memory::default();
    memory.put("latin.txt", b"gr\xFCn und br\xE4unlich\nb\n");
    let calls = r#"
        apply_diff {"diff": "--- a/latin.txt\n+++ b/latin.txt\n@@\n gr\u00fcn und br\u00e4unlich\n-b\n+c\n"}
        apply_diff {"diff": "--- a/latin.txt\n+++ b/latin.txt\n@@\n-c\n+\u2192\n"}
        "#;
    check_on(
        memory,
        calls,
        expect![[r#"
            `latin.txt`: +1 -1 line
                 1 | grün und bräunlich
                 2 | c
            failed: Nothing was changed: the encoding of `latin.txt` lacks characters in the diff, not UTF-8: shown as windows-1252.
            --- latin.txt
            gr�n und br�unlich
            c
        "#]],
    );
}

#[test]
fn a_diff_that_names_two_files_that_exist() {
    check(
        &[("a", "x\n"), ("b", "x\n")],
        r#"apply_diff {"diff": "--- a/a\n+++ b/b\n@@\n-x\n+y\n"}"#,
        expect![[r#"
        failed: Nothing was changed.
        The diff names two files that both exist: `a` after `---` and `b` after `+++`. Name the one to change in both lines.
    "#]],
    );
}
