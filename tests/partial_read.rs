//! What the model was not shown of a file is not lost when it writes the file whole.

use expect_test::expect;

use sandbox::Memory;

use crate::play::{answers_of, check, check_small};

#[test]
fn a_file_is_not_replaced_before_every_line_of_it_was_shown() {
    let long: String = (1..=60).map(|line| format!("line {line}\n")).collect();
    check(
        &[("long.txt", &long)],
        r#"
        read_file {"filename": "long.txt", "first_line": 1, "lines": 2}
        create_file {"filename": "long.txt", "content": "new\n"}
        apply_diff {"diff": "--- a/long.txt\n+++ b/long.txt\n@@\n-line 2\n+line two\n+and a half\n"}
        read_file {"filename": "long.txt", "first_line": 58}
        create_file {"filename": "long.txt", "content": "new\n"}
        read_file {"filename": "long.txt", "first_line": 5, "lines": 1}
        create_file {"filename": "long.txt", "content": "new\n"}
        "#,
        expect![[r#"
            `long.txt`, lines 1-2 of 60:
               1	line 1
               2	line 2
            [58 more lines: use first_line 3]
            failed: `long.txt` was not written: your content replaces the whole file, and 58 of its lines were never shown to you in full. Read them first with `read_file` and `first_line` 3, or change only a part with `apply_diff`. To drop the old content on purpose, delete the file first.
            `long.txt`: +2 -1 lines
                 1 | line 1
                 2 | line two
                 3 | and a half
                 4 | line 3
                 5 | line 4
                 6 | line 5
            `long.txt`, lines 58-61 of 61:
              58	line 57
              59	line 58
              60	line 59
              61	line 60
            failed: `long.txt` was not written: your content replaces the whole file, and 54 of its lines were never shown to you in full. Read them first with `read_file` and `first_line` 4, or change only a part with `apply_diff`. To drop the old content on purpose, delete the file first.
            `long.txt`, lines 5-5 of 61:
               5	line 4
            [56 more lines: use first_line 6]
            failed: `long.txt` was not written: your content replaces the whole file, and 53 of its lines were never shown to you in full. Read them first with `read_file` and `first_line` 4, or change only a part with `apply_diff`. To drop the old content on purpose, delete the file first.
            --- long.txt
            line 1
            line two
            and a half
            line 3
            line 4
            line 5
            line 6
            line 7
            line 8
            line 9
            line 10
            line 11
            line 12
            line 13
            line 14
            line 15
            line 16
            line 17
            line 18
            line 19
            line 20
            line 21
            line 22
            line 23
            line 24
            line 25
            line 26
            line 27
            line 28
            line 29
            line 30
            line 31
            line 32
            line 33
            line 34
            line 35
            line 36
            line 37
            line 38
            line 39
            line 40
            line 41
            line 42
            line 43
            line 44
            line 45
            line 46
            line 47
            line 48
            line 49
            line 50
            line 51
            line 52
            line 53
            line 54
            line 55
            line 56
            line 57
            line 58
            line 59
            line 60
        "#]],
    );
}

#[test]
fn a_read_that_was_refused_permits_nothing() {
    check_small(
        &[("logo.png", "\u{89}PNG\0")],
        r#"
        read_file {"filename": "logo.png"}
        create_file {"filename": "logo.png", "content": "new\n"}
        "#,
        expect![[r#"
            failed: `logo.png` is a binary file (6 bytes). Inspect it with a command such as `file` or `xxd | head`.
            failed: `logo.png` was not written: it is a binary file of 6 bytes, which no read can show you. To replace it on purpose, delete the file first.
        "#]],
    );
}

/// It would lead a small model to write what it saw as if it were all.
#[test]
fn the_hint_to_write_the_whole_file_is_not_on_a_part() {
    let long = format!("{}end\n", "x".repeat(2_500)).repeat(60);
    let memory = Memory::new([("long.txt", long.as_str()), ("short.txt", "short\n")]);
    let read = |name: &str| {
        let call = format!(r#"read_file {{"filename": "{name}"}}"#);
        answers_of(tools::WHOLE_FILE_TOOLS, &memory, &call)
    };
    assert!(!read("long.txt").contains("write the whole file"));
    assert!(read("short.txt").contains("write the whole file"));
}
