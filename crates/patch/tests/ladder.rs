
#[test]
fn counts_that_end_a_hunk_early_do_not_cut_it() {
    // The second line lost its mark, and by its counts the hunk would end before it.
    check(
        "a\nb\nc\nd\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\nb\n-c\n+C\n@@ -4 +4 @@\n-d\n+D\n",
        expect![[r#""#]],
    );
}

#[test]
fn context_left_out_must_not_lead_to_another_place() {
    // The line that tells the two places apart is the one that is misquoted.
    let before = "one:\n  os: linux\n  env: A\n\n# beta\ntwo:\n  os: linux\n  env: A\n\n# other\n";
    check(
        before,
        "--- a/x\n+++ b/x\n@@ -1,5 +1,6 @@\n one:\n   os: linux\n   env: A\n+  new: 1\n \n # betta\n",
        expect![[r#""#]],
    );
    check(before, "--- a/x\n+++ b/x\n@@\n-  env: A\n+  env: B\n \n # betta\n", expect![[r#""#]]);
}
