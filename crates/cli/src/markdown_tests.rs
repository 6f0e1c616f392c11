//! Markdown in, rows out: whole, and in pieces of every size.

use expect_test::{Expect, expect};

use super::*;

/// Styles as `{name}`, so that they can be read.
fn readable(row: &str) -> String {
    let names = [
        ("\x1b[0m", "{}"),
        ("\x1b[1m", "{bold}"),
        ("\x1b[2m", "{dim}"),
        ("\x1b[3m", "{italic}"),
        ("\x1b[4m", "{under}"),
        ("\x1b[9m", "{strike}"),
        ("\x1b[31m", "{red}"),
        ("\x1b[32m", "{green}"),
        ("\x1b[33m", "{yellow}"),
        ("\x1b[35m", "{magenta}"),
        ("\x1b[36m", "{cyan}"),
    ];
    names.iter().fold(row.to_owned(), |row, (escape, name)| row.replace(escape, name))
}

fn drawn(text: &str, width: usize, piece: usize) -> Vec<String> {
    let mut markdown = Markdown::new(Colour::On);
    let mut rows = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(piece) {
        rows.extend(markdown.push(&piece.iter().collect::<String>(), width));
        // Drawn and forgotten: it must not disturb.
        markdown.rest(usize::MAX);
    }
    rows.extend(markdown.finish());
    rows
}

/// However it is cut, the same rows come.
#[track_caller]
fn check(text: &str, width: usize, expected: Expect) {
    let whole = drawn(text, width, usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(drawn(text, width, piece), whole, "in pieces of {piece}");
    }
    expected.assert_eq(&whole.iter().map(|row| readable(row) + "\n").collect::<String>());
}

#[test]
fn marks_become_styles() {
    check(
        "A **bold** and *thin* `code *x*` ~~gone~~ word.",
        80,
        expect![[r#"
        A {bold}bold{} and {italic}thin{} {cyan}code *x*{} {strike}gone{} word.
    "#]],
    );
    check(
        "***both*** and **bold with `code**` in it**",
        80,
        expect![[r#"
        {bold}{italic}both{} and {bold}bold with {}{bold}{cyan}code**{}{bold} in it{}
    "#]],
    );
    check(
        "[docs](https://x.y/z) and ![pic](a.png) and [plain] text",
        80,
        expect![[r#"
        {under}docs{}{dim} (https://x.y/z){} and {under}pic{}{dim} (a.png){} and [plain] text
    "#]],
    );
    check(
        r"2 * 3 * 4, snake_case_name, \*not\*, 5*x*y, `open and **open",
        80,
        expect![[r#"
        2 * 3 * 4, snake_case_name, *not*, 5{italic}x{}y, `open and **open
    "#]],
    );
}

#[test]
fn blocks() {
    check(
        "# Title\n\nText\n- one\n  - two\n1. first\n> said\n---\n## `code` title ##",
        80,
        expect![[r#"
        {bold}Title{}

        Text
        • one
          • two
        1. first
        {dim}│ {}said
        {dim}────────────────────────────────────────{}
        {bold}{cyan}code{}{bold} title{}
    "#]],
    );
}

#[test]
fn a_quotation_within_others_is_drawn_so_far() {
    check(
        "> > two\n>>>>>> - six",
        80,
        expect![[r#"
        {dim}│ │ {}two
        {dim}│ │ │ │ {}• six
    "#]],
    );
    // And no depth is too deep.
    check(
        &(">".repeat(LONGEST_LINE - 10) + " x"),
        80,
        expect![[r#"
        {dim}│ │ │ │ {}x
    "#]],
    );
}

#[test]
fn long_lines_are_folded_under_their_mark() {
    check(
        "- one two three four five six\n10. seven eight nine ten eleven",
        20,
        expect![[r#"
        • one two three four
          five six
        10. seven eight nine
            ten eleven
    "#]],
    );
    check(
        "> one two three four five six",
        16,
        expect![[r#"
        {dim}│ {}one two three
        {dim}│ {}four five six
    "#]],
    );
    check(
        "日本語の文章は空白なしで折り返す",
        11,
        expect![[r#"
        日本語の文
        章は空白な
        しで折り返
        す
    "#]],
    );
    check(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
        20,
        expect![[r#"
        aaaaaaaaaaaaaaaaaaaa
        aaaaaaaaaaaaaaaaaaaa
        aaaa b
    "#]],
    );
}

#[test]
fn code_is_coloured_and_not_folded() {
    check(
        "```rust\nfn main() { let x = \"a b\"; } // 12 is a number\n#[test]\n```\nText",
        20,
        expect![[r#"
        {dim}```rust{}
        {magenta}fn{} main() { {magenta}let{} x = {green}"a b"{}; } {dim}// 12 is a number{}
        #[test]
        {dim}```{}
        Text
    "#]],
    );
    check(
        "~~~diff\n-old\n+new\n~~~",
        20,
        expect![[r#"
        {dim}~~~diff{}
        {red}-old{}
        {green}+new{}
        {dim}~~~{}
    "#]],
    );
    check(
        "````\n```\nstill code\n````\n**text**",
        80,
        expect![[r#"
        {dim}````{}
        {green}``{}`
        still code
        {dim}````{}
        {bold}text{}
    "#]],
    );
}

#[test]
fn tables_keep_their_columns() {
    check(
        "| name | n |\n|---|---:|\n| `日本` | 1 |\n| a | 22 |\nText",
        80,
        expect![[r#"
        {bold}name{}  {bold}n{}   
        {dim}────  ──{}
        {cyan}日本{}  1   
        a     22  
        Text
    "#]],
    );
    check(
        "| name | a long cell that does not fit |\n|---|---|\n| a | b |",
        20,
        expect![[r#"
        | name | a long cell that does not fit |
        |---|---|
        | a | b |
    "#]],
    );
    check(
        "| not a table",
        80,
        expect![[r#"
        | not a table
    "#]],
    );
}

#[test]
fn rows_are_given_out_as_soon_as_nothing_can_change_them() {
    let mut markdown = Markdown::new(Colour::On);
    assert_eq!(markdown.push("one two three fo", 10), ["one two"]);
    assert_eq!(markdown.rest(usize::MAX), [("three fo".to_owned(), 8)]);
    let mut markdown = Markdown::new(Colour::On);
    // The mark may be closed yet, and then all of it is bold.
    assert!(markdown.push("**one two three four", 10).is_empty());
    assert_eq!(markdown.rest(usize::MAX).len(), 2);
    assert_eq!(markdown.push("** five", 10).len(), 2);
}

#[test]
fn without_colour_the_marks_stay() {
    let mut markdown = Markdown::new(Colour::Off);
    let mut rows = markdown.push("# Title\n**bold** words\n```\ncode\n```\n| a | b |\n|--|--|\n", 80);
    rows.extend(markdown.finish());
    expect![[r#"
        # Title
        **bold** words
        ```
        code
        ```
        | a | b |
        |--|--|"#]]
    .assert_eq(&rows.join("\n"));
}
