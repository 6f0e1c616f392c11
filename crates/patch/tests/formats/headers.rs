//! Headers, hunks and what stands around them.

use super::*;

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
fn a_bullet_that_goes_is_no_mail_signature() {
    check(
        "--- a/x\n+++ b/x\n@@\n-a\n+b\n c\n-- \n+- d\n",
        expect![[r#"
        update x
          : -a +b =c --  +- d
    "#]],
    );
    check(
        "--- a/x\n+++ b/x\n@@\n-a\n+b\n-- \n2.39.5\n",
        expect![[r#"
        update x
          : -a +b
    "#]],
    );
}

#[test]
fn blank_lines_of_a_new_file_may_lack_their_mark() {
    check(
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1,3 @@\n+a\n\n+b\n\n",
        expect![[r#"
        create x
          1: +a + +b
    "#]],
    );
}
