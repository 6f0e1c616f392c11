//! What the model and the human are shown after an edit.

use expect_test::expect;
use patch::{Place, context_around, unified};

#[test]
fn lines_around_each_place() {
    let after: String = (1..=30).map(|number| format!("line {number}\n")).collect();
    let places = [Place { line: 2, count: 1 }, Place { line: 5, count: 2 }, Place { line: 20, count: 0 }];
    expect![[r#"
        shown
             1 | line 1
             2 | line 2
             3 | line 3
             4 | line 4
             5 | line 5
             6 | line 6
             7 | line 7
             8 | line 8
           ...
            18 | line 18
            19 | line 19
            20 | line 20
            21 | line 21
    "#]]
    .assert_eq(&format!("shown\n{}", context_around(&after, &places, 2)));
}

#[test]
fn long_places_are_shown_by_their_ends() {
    let after: String = (1..=300).map(|number| format!("line {number}\n")).collect();
    let shown = context_around(&after, &[Place { line: 100, count: 100 }], 1);
    assert_eq!(shown.lines().count(), 41);
    assert!(shown.contains("... 62 more"), "{shown}");
}

#[test]
fn a_place_at_the_end_or_in_nothing() {
    assert_eq!(context_around("a\n", &[Place { line: 2, count: 0 }], 1), "     1 | a\n");
    assert_eq!(context_around("", &[Place { line: 1, count: 0 }], 3), "");
}

#[test]
fn a_real_diff() {
    expect![[r#"
        --- a/x
        +++ b/x
        @@ -1,2 +1,2 @@
         a
        -b
        +c
        \ No newline at end of file
    "#]]
    .assert_eq(&unified("x", Some("a\nb\n"), Some("a\nc")));
    expect![[r#"
        --- /dev/null
        +++ b/x
        @@ -0,0 +1 @@
        +a
    "#]]
    .assert_eq(&unified("x", None, Some("a\n")));
    assert_eq!(unified("x", Some("a\n"), Some("a\n")), "");
}

#[test]
fn an_applied_edit_says_what_changed_and_where() {
    let edits = patch::parse("--- a/x\n+++ b/x\n@@\n a\n-b\n+B\n+C\n@@\n-e\n").unwrap_or_default();
    let applied = patch::apply(&edits[0], Some("a\nb\nc\nd\ne\n"));
    expect![[r#"
        Ok(
            Applied {
                after: Some(
                    "a\nB\nC\nc\nd\n",
                ),
                notes: [],
                places: [
                    Place {
                        line: 2,
                        count: 2,
                    },
                    Place {
                        line: 6,
                        count: 0,
                    },
                ],
                added: 2,
                removed: 2,
            },
        )
    "#]]
    .assert_eq(&format!("{applied:#?}\n"));
}
