//! What a section does to a file: add, update, move, delete.

use super::*;

#[test]
fn adds_a_file() {
    check(
        &[],
        "*** Add File: docs/a.md\n+one\n+\n+two\n",
        expect![[r#"
        == docs/a.md
        one

        two
    "#]],
    );
}

#[test]
fn adds_an_empty_file() {
    check(
        &[],
        "*** Add File: a.txt\n",
        expect![[r#"
        == a.txt
    "#]],
    );
}

#[test]
fn adds_deletes_and_updates_in_one_patch() {
    check(
        &[("b.txt", "b\n"), ("c.txt", "one\ntwo\n")],
        "*** Add File: a.txt\n+a\n*** Delete File: b.txt\n*** Update File: c.txt\n@@\n one\n-two\n+2\n",
        expect![[r#"
            == a.txt
            a
            == c.txt
            one
            2
        "#]],
    );
}

#[test]
fn updates_in_several_hunks() {
    check(
        &[("a", "1\n2\n3\n4\n5\n6\n")],
        "*** Update File: a\n@@\n-2\n+two\n@@\n-5\n+five\n",
        expect![[r#"
            == a
            1
            two
            3
            4
            five
            6
        "#]],
    );
}

#[test]
fn moves_and_changes() {
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n*** Move to: dir/b\n@@\n 1\n-2\n+two\n",
        expect![[r#"
        == dir/b
        1
        two
    "#]],
    );
}

#[test]
fn moves_without_a_change() {
    check(
        &[("a", "1\n2\n")],
        "*** Update File: a\n*** Move to: b\n",
        expect![[r#"
        == b
        1
        2
    "#]],
    );
}

#[test]
fn deletes_a_file_and_refuses_one_that_is_not_there() {
    check(
        &[("a", "1\n"), ("b", "2\n")],
        "*** Delete File: a\n",
        expect![[r#"
        == b
        2
    "#]],
    );
    check(
        &[("b", "2\n")],
        "*** Delete File: a\n",
        expect![[r#"
        a does not exist. Check the name, or create it: `--- /dev/null`, `+++ b/a`.
    "#]],
    );
}

#[test]
fn an_empty_patch_and_a_section_without_lines_are_named() {
    check(
        &[("a", "1\n")],
        "",
        expect![[r#"
        line 1 of the edit: the patch between `*** Begin Patch` and `*** End Patch` is empty.
    "#]],
    );
    check(
        &[("a", "1\n")],
        "*** Update File: a\n",
        expect![[r#"
        the diff names `a` but has no hunk for it. Add the hunk, or remove the file from the diff.
    "#]],
    );
    check(
        &[("a", "1\n")],
        "*** Update File: a\n@@\n",
        expect![[r#"
        the diff names `a` but has no hunk for it. Add the hunk, or remove the file from the diff.
    "#]],
    );
}

#[test]
fn an_unknown_section_is_named() {
    check(
        &[("a", "1\n")],
        "*** Frobnicate File: a\n",
        expect![[r#"
        line 2 of the edit: unknown section. The sections are `*** Add File:`, `*** Update File:` and `*** Delete File:`.
    "#]],
    );
}

#[test]
fn lines_before_any_section_are_named() {
    check(
        &[("a", "1\n")],
        "-1\n+2\n",
        expect![[r#"
        line 2 of the edit: a section must come first: `*** Update File: path`.
    "#]],
    );
}

#[test]
fn an_update_of_a_missing_file_is_refused() {
    check(
        &[("b", "1\n")],
        "*** Update File: a\n@@\n-1\n+2\n",
        expect![[r#"
        a does not exist. Check the name, or create it: `--- /dev/null`, `+++ b/a`.
    "#]],
    );
}

#[test]
fn a_new_file_does_not_overwrite() {
    check(
        &[("a", "1\n")],
        "*** Add File: a\n+2\n",
        expect![[r#"
        a already exists and was not changed. Send an edit of it instead of a new file.
    "#]],
    );
    check(
        &[("a", "2\n")],
        "*** Add File: a\n+2\n",
        expect![[r#"
        a already contains this change (line 1). It was not applied again; continue.
    "#]],
    );
}

#[test]
fn lines_that_are_not_there_are_refused_with_the_closest() {
    check(
        &[("a", "alpha\nbeta\ngamma\n")],
        "*** Update File: a\n@@\n alpha\n-betta\n+b\n",
        expect![[r#"
            a was not changed.
            hunk 1 (`-betta`) matches nowhere. The closest lines are:
                 1 | alpha
                 2 | beta
            Line 2 differs: the hunk has `betta`, the file has `beta`. Copy the lines exactly.
            Fix the hunks above and send the whole edit again.
        "#]],
    );
}

#[test]
fn one_bad_section_of_two_leaves_all_as_it_was() {
    let before = tree(&[("a", "1\n"), ("b", "2\n")]);
    let edit = "*** Begin Patch\n*** Update File: a\n@@\n-1\n+one\n*** Update File: b\n@@\n-3\n+three\n*** End Patch\n";
    assert!(apply_all(&before, edit).is_err());
}
