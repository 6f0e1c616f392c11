//! The markers of blocks as models write them: padded, long, short, forgotten; and content that looks like them.

use super::*;

#[test]
fn padded_markers() {
    // The indentation of an example, copied onto all markers but the first.
    check(
        "x.js\n<<<<<<< SEARCH\n  a\n  =======\n  b\n  >>>>>>> REPLACE\n",
        expect![[r#"
        update x.js
          : -  a +  b
    "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n  >>>>>>> REPLACE\n<<<<<<< SEARCH\nc\n=======\nd\n>>>>>>> REPLACE\n",
        expect![[r#"
            update (no name)
              : -a +b
              : -c +d
        "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n  <<<<<<< SEARCH\n  c\n  =======\n  d\n  >>>>>>> REPLACE\n",
        expect![[r#"
            update (no name)
              : -a +b
              : -  c +  d
        "#]],
    );
    check(
        "x.js\n    <<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        expect![[r#"
        update x.js
          : -a +b
    "#]],
    );
    // Indented as a whole, with its name: the content is as well.
    check(
        "  x.js\n  <<<<<<< SEARCH\n    a\n  =======\n    b\n  >>>>>>> REPLACE\n",
        expect![[r#"
            update x.js
              : -  a +  b
        "#]],
    );
}

#[test]
fn indented_lines_that_look_like_markers_are_content_where_the_real_ones_stand() {
    check(
        "<<<<<<< SEARCH\n    Title\n    =======\n    old\n=======\n    Title\n    =======\n    new\n>>>>>>> REPLACE\n",
        expect![[r#"
            update (no name)
              : =    Title =    ======= -    old +    new
        "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n=======\n  <<<<<<< SEARCH\n  x\n  =======\n  y\n  >>>>>>> REPLACE\n>>>>>>> REPLACE\n",
        expect![[r#"
            update (no name)
              : -a +  <<<<<<< SEARCH +  x +  ======= +  y +  >>>>>>> REPLACE
        "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n=======\n>>>>> quoted mail\n>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : -a +>>>>> quoted mail
    "#]],
    );
    // Which of the two divides nobody can tell.
    check(
        "<<<<<<< SEARCH\n  T\n  =======\n  a\n  =======\n  b\n  >>>>>>> REPLACE\n",
        expect![[r#"
        line 3 of the edit: the block has two `=======` lines. Send this change as a unified diff.
    "#]],
    );
}

#[test]
fn a_conflict_in_the_content_does_not_end_the_block() {
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> branch\n>>>>>>> REPLACE\n",
        expect![[r#"
        line 6 of the edit: a block's closing marker is outside any block: a line above it that looks like one closed the block too early. Send this change as a unified diff.
    "#]],
    );
}

#[test]
fn longer_shorter_and_wordier_markers() {
    check(
        "<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : -a +b
    "#]],
    );
    check(
        "<<<<<<<< SEARCH\na\n========\nb\n>>>>>>>> REPLACE\n",
        expect![[r#"
        update (no name)
          : -a +b
    "#]],
    );
    check(
        "<<<<<<< SEARCH (the code as it is)\na\n=======\nb\n>>>>>>> REPLACE end of the block\n",
        expect![[r#"
        update (no name)
          : -a +b
    "#]],
    );
    // A heading's line is no divider that was forgotten.
    check(
        "<<<<<<< SEARCH\nTitle\n=====\nb\n>>>>>>> REPLACE\n=======\n",
        expect![[r#"
        line 5 of the edit: the block has no `=======` line between SEARCH and REPLACE.
    "#]],
    );
}

#[test]
fn prose_below_an_unclosed_block_is_not_written() {
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n\nThis mends it.\n",
        expect![[r#"
        the edit is cut off: the block that starts at line 1 has no `>>>>>>> REPLACE`. Send all of it again; split it if it is long.
    "#]],
    );
    check(
        "<<<<<<< SEARCH\na\n=======\nb\n\n",
        expect![[r#"
            update (no name)
              : -a +b
        "#]],
    );
}

#[test]
fn names_in_other_places() {
    check(
        "```js src/x.js\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
        expect![[r#"
        update src/x.js
          : -a +b
    "#]],
    );
    check(
        "```js:src/x.js\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
        expect![[r#"
        update src/x.js
          : -a +b
    "#]],
    );
    check(
        "<<<<<<< SEARCH src/x.js\na\n=======\nb\n>>>>>>> REPLACE\n",
        expect![[r#"
        update src/x.js
          : -a +b
    "#]],
    );
    check(
        "```js\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
        expect![[r#"
        update (no name)
          : -a +b
    "#]],
    );
}
