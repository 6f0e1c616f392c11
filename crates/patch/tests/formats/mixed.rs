//! More than one edit in a text, in one format or several: all of it is read, or none.

use super::*;

const BLOCK: &str = "x\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
const NAMED: &str = "src/x.rs\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
const DIFF: &str = "--- a/y\n+++ b/y\n@@\n-a\n+b\n";
const ENVELOPE: &str = "*** Begin Patch\n*** Update File: z\n@@\n-a\n+b\n*** End Patch\n";

#[test]
fn two_envelopes() {
    check(
        &format!("{ENVELOPE}\nAnd then:\n\n{ENVELOPE}"),
        expect![[r#"
        update z
          : -a +b
        update z
          : -a +b
    "#]],
    );
}

#[test]
fn one_format_after_another() {
    for texts in [[NAMED, DIFF, ENVELOPE], [ENVELOPE, DIFF, NAMED], [DIFF, ENVELOPE, NAMED], [DIFF, NAMED, ENVELOPE]] {
        let read = patch::parse(&texts.concat()).unwrap();
        let mut formats: Vec<_> = read.iter().map(|edit| (edit.path.as_deref(), edit.hunks.len())).collect();
        formats.sort_unstable();
        assert_eq!(formats, [(Some("src/x.rs"), 1), (Some("y"), 1), (Some("z"), 1)], "{texts:?}");
    }
    check(
        &format!("```diff\n{DIFF}```\n\nand\n\n{BLOCK}"),
        expect![[r#"
        update y
          : -a +b
        update (no name)
          : -a +b
    "#]],
    );
}

#[test]
fn an_envelope_without_its_first_line() {
    check(
        "*** Update File: z\n@@\n-a\n+b\n*** End Patch\n",
        expect![[r#"
        update z
          : -a +b
    "#]],
    );
    check(
        "*** Update File: z\n@@\n-a\n+b\n",
        expect![[r#"
        the edit is cut off: `*** End Patch` is missing. Send all of it again; split it if it is long.
    "#]],
    );
}

#[test]
fn an_indented_end_of_another_patch_is_content() {
    let text = "*** Begin Patch\n*** Update File: z\n@@\n-a\n+b\n *** End Patch\n-c\n+d\n*** End Patch\n";
    check(
        text,
        expect![[r#"
        update z
          : -a +b =*** End Patch -c +d
    "#]],
    );
}

#[test]
fn marked_lines_belong_to_the_diff() {
    check(
        "--- a/y\n+++ b/y\n@@\n <<<<<<< HEAD\n-a\n+b\n =======\n *** Begin Patch\n+<<<<<<< SEARCH\n =======\n",
        expect![[r#"
            update y
              : =<<<<<<< HEAD -a +b ======== =*** Begin Patch +<<<<<<< SEARCH ========
        "#]],
    );
}
