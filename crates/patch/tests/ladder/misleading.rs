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
            hunk 1 (`@@ -1,5 +1,6 @@`) fits in 2 places: lines 1, 7.
                 1 | one:
                 2 |   os: linux
                 3 |   env: A
               ...
                 6 | two:
                 7 |   os: linux
                 8 |   env: A
            Add lines of context above or below that only the right place has.
            Mend what is named above and send the whole edit again.
        "#]],
    );
    check(
        before,
        "--- a/x\n+++ b/x\n@@\n-  env: A\n+  env: B\n \n # betta\n",
        expect![[r#"
        x was not changed.
        hunk 1 (`-  env: A`) fits in 2 places: lines 3, 8.
             2 |   os: linux
             3 |   env: A
             4 | 
           ...
             7 |   os: linux
             8 |   env: A
             9 | 
        Add lines of context above or below that only the right place has.
        Mend what is named above and send the whole edit again.
    "#]],
    );
}
