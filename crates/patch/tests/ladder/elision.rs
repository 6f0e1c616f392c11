//! Code that the model left out is neither expanded nor deleted.

use super::*;

#[test]
fn an_ellipsis_is_not_expanded() {
    check(
        "def f():\n    a()\n    b()\n    c()\n",
        "<<<<<<< SEARCH\ndef f():\n    ...\n    c()\n=======\ndef f():\n    ...\n    d()\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 1 (`def f():`) matches nowhere. The closest lines are:
                 1 | def f():
                 2 |     a()
                 3 |     b()
            The hunk has `...` for line 2, which is a placeholder. Write the lines out, or send one hunk for each side of it.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn a_placeholder_must_not_replace_code() {
    check(
        "f() {\n  a();\n  b();\n}\n",
        "<<<<<<< SEARCH\nf() {\n  a();\n  b();\n}\n=======\nf() {\n  // ... existing code ...\n  c();\n}\n>>>>>>> REPLACE\n",
        expect![[r#"
            the file was not changed.
            hunk 1 (`f() {`) would replace code with the placeholder `// ... existing code ...`. Write the code out, or leave those lines out of the hunk.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
    check(
        "f() {\n  a();\n  b();\n}\n",
        "--- a/x\n+++ b/x\n@@\n f() {\n-  a();\n-  b();\n+  /* … rest of f unchanged … */\n+  c();\n }\n",
        expect![[r#"
            x was not changed.
            hunk 1 (`-  a();`) would replace code with the placeholder `/* … rest of f unchanged … */`. Write the code out, or leave those lines out of the hunk.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn an_ellipsis_among_statements_must_not_replace_code() {
    let before = "f() {\n  a();\n  b();\n}\n";
    check_hunk(
        before,
        " f() {\n-  a();\n-  b();\n+  ...\n+  c();\n }\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`-  a();`) would replace code with the placeholder `...`. Write the code out, or leave those lines out of the hunk.
        Fix the hunks above and send the whole edit again.
    "#]],
    );
}

#[test]
fn a_placeholder_that_costs_nothing_is_text() {
    check_hunk(
        "# ... existing code ...\n",
        "-# ... existing code ...\n+# ... existing code ...\n+x = 1\n",
        expect![[r#"
            # ... existing code ...
            x = 1
        "#]],
    );
    check_hunk(
        "Models write:\n",
        " Models write:\n+// ... rest of the code ...\n",
        expect![[r#"
        Models write:
        // ... rest of the code ...
    "#]],
    );
    // A diff with the right counts means what it says.
    check(
        "f() {\n  a();\n}\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@\n f() {\n-  a();\n+  // ... the rest of it remains ...\n+  b();\n }\n",
        expect![[r#"
            f() {
              // ... the rest of it remains ...
              b();
            }
        "#]],
    );
    // Python's own ellipsis.
    check_hunk(
        "def f():\n    pass\n",
        " def f():\n-    pass\n+    ...\n",
        expect![[r#"
        def f():
            ...
    "#]],
    );
    check_hunk(
        "def f():\n    pass\n",
        " def f():\n-    pass\n+    \"\"\"Later.\"\"\"\n+    ...\n",
        expect![[r#"
        def f():
            """Later."""
            ...
    "#]],
    );
    check_hunk(
        ">>> old\n1\n",
        "->>> old\n+>>> for x in y: x\n+...\n 1\n",
        expect![[r#"
        >>> for x in y: x
        ...
        1
    "#]],
    );
}
